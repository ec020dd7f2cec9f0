"""Bad input is refused with the argument's name, the first bad index and its value;
good input comes back equal. What is no number, no array or of the wrong sign is for `test_fuzz`."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from refusals import refusals
from scipy import sparse

from rlentropy import validation as v

PROPERTY = settings(max_examples=60)
HALF = [0.5, 0.5]
WEIGHTS = hnp.arrays(float, (3, 4), elements=st.floats(0.01, 1))


def test_good_input_comes_back_as_an_own_float_array():
    given_array = np.array([[1, 0], [0, 1]])
    out = v.check_distribution("p", given_array)
    assert out.dtype == float
    assert out is not given_array
    out[0, 0] = 7
    assert given_array[0, 0] == 1


test_refusals_name_the_argument_the_index_and_the_value = refusals(
    (lambda: v.check_array("r", [[1, 2], [3, np.nan]]), r"r\[1, 1\] = nan"),
    (lambda: v.check_array("r", [1j]), r"r: not an array of numbers \(complex"),
    (lambda: v.check_array("r", [1, 2], (3,)), r"r: shape \(2,\), expected \(3,\)"),
    (lambda: v.check_array("r", [1, 2], (None, 2)), r"r: shape \(2,\), expected \(any, 2\)"),
    (lambda: v.check_array("r", np.empty((2, 0))), r"r: shape \(2, 0\) has an empty axis 1"),
    (
        lambda: v.check_distribution("p", [0.5, -0.1, 0.6]),
        r"p\[1\] = -0.1: a probability cannot be negative",
    ),
    (lambda: v.check_distribution("p", [[1, 0], [0.9, 0.9]]), r"p\[1\] sums to 1.8, not to 1"),
    (lambda: v.check_distribution("p", [0.5, 0.5 + 1e-8]), "p sums to 1.00000001, not to 1"),
    (
        lambda: v.check_distribution("p", np.float32([0.1, 0.2, 0.7]).astype(float)),
        r"not to 1 \(rounded\? validation.normalised divides",
    ),
    (lambda: v.check_log_distribution("q", [[0, -np.inf], [0, np.nan]]), r"q\[1, 1\] = nan"),
    (
        lambda: v.check_log_distribution("q", [np.inf, -np.inf]),
        r"q\[0\] = inf: a log-probability is at most 0",
    ),
    (
        lambda: v.check_log_distribution("q", [[0, -np.inf], [-1, -1]]),
        r"exp\(q\)\[1\] sums to 0.735",
    ),
    (lambda: v.check_log_distribution("q", [-np.inf, -np.inf]), r"exp\(q\) sums to 0, not to 1"),
    (lambda: v.check_log_distribution("q", 0.0), r"q: shape \(\)"),
    (lambda: v.check_log_distribution("q", [0.0], (2,)), r"q: shape \(1,\), expected \(2,\)"),
    (lambda: v.check_mask("m", [1, 0], (2,)), "m: entries of type int64, expected booleans"),
    (lambda: v.check_mask("m", [True, False], (3,)), r"m: shape \(2,\), expected \(3,\)"),
    (lambda: v.check_choice("c", "x", ("a", "b")), "c = 'x': expected one of a, b"),
    (lambda: v.check_nonnegative("b", -1), "b = -1.0: must not be negative"),
    (
        lambda: v.refuse("x", [[1, 2]], np.array([[False, True]]), "is two"),
        r"x\[0, 1\] = 2: is two",
    ),
    (lambda: v.refuse("x", 3.0, np.True_, "is three"), r"x = 3.0: is three"),
    (lambda: v.check_distribution("p", 1.0), r"p: shape \(\)"),
    (lambda: v.check_distribution("p", []), "empty axis 0"),
    (lambda: v.check_number("x", "0.5"), "x = '0.5': not a real number"),
    (lambda: v.check_kernel("P", [[HALF, [0.5, 0.6]], [HALF, HALF]]), r"P\[0, 1\] sums to 1.1"),
    (lambda: v.check_kernel("P", [[HALF, HALF], [HALF, [2, -1]]]), r"P\[1, 1, 1\] = -1.0"),
    (
        lambda: v.check_kernel("P", np.full((3, 2, 2), 0.5)),
        r"P: shape \(3, 2, 2\), expected \(S, A, S\)",
    ),
    (lambda: v.check_kernel("P", np.full((2, 2), 0.5)), r"P: shape \(2, 2\), expected \(S, A, S\)"),
    (lambda: v.check_kernel("P", np.empty((0, 2, 0))), "empty axis 0"),
    (lambda: v.check_discount("gamma", 1), r"gamma = 1.0: a discount factor lies in \[0, 1\)"),
    (lambda: v.check_positive("eta", 0), "eta = 0.0: must be greater than 0"),
    (lambda: v.check_interval("q", 1.5, 0, 1), r"q = 1.5: must lie in \[0, 1\]"),
    (lambda: v.check_confidence("delta", 1), "delta = 1.0: must lie strictly between 0 and 1"),
    (lambda: v.check_integer("n", 0, low=1), "n = 0: must be >= 1"),
    (lambda: v.check_integer("n", 5, low=1, high=4), r"n = 5: must be in \{1, ..., 4\}"),
    (lambda: v.check_indices("s", [-1], 3), r"s\[0\] = -1"),
    (lambda: v.check_indices("s", [0, 3], 3), r"s\[1\] = 3: must lie in \{0, ..., 2\}"),
    (lambda: v.check_indices("s", [[0, 1]], 3, (2,)), r"shape \(1, 2\), expected \(2,\)"),
)


def sparse_rows(*rows):
    return sparse.csr_array(np.array(rows, dtype=float))


@pytest.mark.parametrize(
    ("kernel", "message"),
    [
        (sparse_rows(HALF, HALF, HALF, [0.5, 0.4]), r"P\[1, 1\] sums to 0.9"),
        (
            sparse_rows(HALF, HALF, [1.5, -0.5], HALF),
            r"P\[1, 0, 1\] = -0.5: a probability cannot be negative",
        ),
        (sparse_rows(HALF, [np.nan, 1], HALF, HALF), r"P\[0, 1, 0\] = nan: not a finite number"),
        (sparse_rows(HALF, HALF, [0, 0], HALF), r"P\[1, 0\] sums to 0"),
        (sparse_rows(HALF, HALF, HALF), r"P: shape \(3, 2\), expected \(S\*A, S\)"),
        (sparse.csr_array((0, 2)), r"P: shape \(0, 2\)"),
        (sparse.csr_array((2, 0)), r"P: shape \(2, 0\)"),
        (sparse_rows(HALF, HALF) * (1 + 0j), "P: complex entries, expected real"),
    ],
)
def test_sparse_kernels_are_refused_by_state_and_action(kernel, message):
    with pytest.raises(ValueError, match=message):
        v.check_sparse_kernel("P", kernel)


def test_what_is_refused_nowhere_passes():
    v.refuse("x", [1, 2], [False, False], "never")
    assert v.check_choice("c", "a", ("a", "b")) == "a"
    assert v.check_mask("m", True, (2, 2)).all()
    log_p = v.check_log_distribution("q", [0, -np.inf])
    np.testing.assert_array_equal(log_p, [0, -np.inf])


def test_sparse_duplicates_are_added_and_stored_zeros_dropped():
    entries = ([0.5, 0.5, 1.0, 0.0], ([0, 0, 1, 1], [1, 1, 0, 1]))
    out = v.check_sparse_kernel("P", sparse.coo_array(entries, shape=(2, 2)))
    np.testing.assert_array_equal(out.toarray(), [[0, 1], [1, 0]])
    assert out.nnz == 2


def test_the_sparse_input_is_not_changed():
    given_kernel = sparse.csr_array(([1.0, 0.0], [0, 1], [0, 2]), shape=(1, 1 + 1))
    with pytest.raises(ValueError, match="expected"):
        v.check_sparse_kernel("P", given_kernel)
    assert given_kernel.nnz == 2


@PROPERTY
@given(WEIGHTS, st.integers(0, 2), st.integers(0, 3), st.floats(1e-6, 10))
def test_any_single_spoilt_entry_is_found(weights, row, column, change):
    p = weights / weights.sum(axis=1, keepdims=True)
    np.testing.assert_array_equal(v.check_distribution("p", p), p)
    p[row, column] += change
    with pytest.raises(ValueError, match=rf"p\[{row}\] sums to"):
        v.check_distribution("p", p)
    p[row, column] = np.nan
    with pytest.raises(ValueError, match=rf"p\[{row}, {column}\] = nan"):
        v.check_distribution("p", p)


@pytest.mark.parametrize("value", [0, 0.0, 0.9999, np.float64(0.5), np.int64(0)])
def test_discounts_of_every_number_type(value):
    assert v.check_discount("gamma", value) == float(value)


def test_numbers_of_numpy_are_numbers():
    assert v.check_integer("n", np.int32(3)) == 3
    assert v.check_positive("eta", np.float32(0.5)) == 0.5
    np.testing.assert_array_equal(v.check_indices("s", [2, 0], 3, (None,)), [2, 0])
