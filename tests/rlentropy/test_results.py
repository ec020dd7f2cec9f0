"""The decorator of result classes: frozen, read-only, compared by identity,
shown by size and answer."""

import copy
import pickle

import numpy as np
import pytest
from scipy import sparse

from rlentropy.results import freeze, lazy, result


@result
class Answer:
    """What the tests ask for."""

    value: float
    table: np.ndarray
    stages: tuple = ()
    note: str = "plain"

    @lazy
    def double(self):
        """Twice the table."""
        CALLS.append(self)
        return 2 * self.table


@result
class Checked:
    x: float

    def __post_init__(self):
        object.__setattr__(self, "x", np.array(self.x, dtype=float))

    def __repr__(self):
        return "my own"


CALLS = []


def answer():
    stages = (np.ones(2), sparse.csr_array(np.eye(3)), [{"inner": np.ones(1)}])
    return Answer(value=0.5, table=np.arange(6.0).reshape(2, 3), stages=stages)


WAYS = {
    "itself": lambda x: x,
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda x: pickle.loads(pickle.dumps(x)),
    "pickle 5": lambda x: pickle.loads(pickle.dumps(x, protocol=5)),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_no_array_can_be_written_to(way):
    one = answer()
    assert one.double[1, 2] == 10  # found before the copy
    one = way(one)
    arrays = [one.table, one.double, one.stages[0], one.stages[1].data, one.stages[2][0]["inner"]]
    for array in arrays:
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 7
    with pytest.raises(AttributeError):
        one.value = 1.0
    with pytest.raises(AttributeError):
        del one.value
    np.testing.assert_array_equal(one.table, np.arange(6.0).reshape(2, 3))
    assert (one.value, one.note) == (0.5, "plain")


def test_results_are_equal_by_identity_and_can_be_kept_in_sets():
    one = answer()
    assert one == one
    assert one != answer()
    assert len({one, one, answer()}) == 2


def test_a_lazy_property_is_found_once_and_belongs_to_no_copy():
    CALLS.clear()
    one = answer()
    assert one.double is one.double
    twin = pickle.loads(pickle.dumps(one))
    assert "double" not in vars(twin)
    np.testing.assert_array_equal(twin.double, one.double)
    assert len(CALLS) == 2
    assert Answer.double.__doc__ == "Twice the table."


def test_a_class_keeps_its_own_check_and_repr():
    one = Checked([1, 2])
    assert repr(one) == "my own"
    with pytest.raises(ValueError, match="read-only"):
        one.x[0] = 3


def test_numbers_and_short_arrays_are_shown_long_ones_by_their_shape():
    assert repr(answer()) == "Answer(value=0.5, table=<2x3>, stages=<3 items>, note='plain')"
    short = Answer(value=np.float64(1 / 3), table=np.array([0.25, 0.75]), stages=None)
    assert repr(short) == "Answer(value=0.333333, table=[0.25, 0.75], stages=None, note='plain')"
    zero = Answer(value=True, table=np.array(2.5), stages=10_000_000)
    assert repr(zero) == "Answer(value=True, table=2.5, stages=10000000, note='plain')"
    thin = Answer(value=np.int64(3), table=sparse.csr_array(np.eye(5)), stages=np.zeros(5))
    assert repr(thin) == "Answer(value=3, table=<5x5, 5 stored>, stages=<5>, note='plain')"


def test_freeze_returns_what_it_was_given():
    x = [np.zeros(2), "text", 3]
    assert freeze(x) is x
    assert not x[0].flags.writeable
