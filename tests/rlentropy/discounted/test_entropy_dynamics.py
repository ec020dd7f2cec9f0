"""Entropy dynamics at one state: closed forms, 60-digit arithmetic, the definition, refusal of bad input."""

import tracemalloc
from fractions import Fraction

import mpmath as mp
import numpy as np
import pytest

from rlentropy import distributions as dist
from rlentropy.discounted import entropy_dynamics as ed
from rlentropy.validation import NotConverged

FIELDS = ("first_order", "second_order", "exact", "shift", "kl", "old_entropy", "new_entropy")


def cases(seed, shape=(7, 3, 5), scale=2.0):
    rng = np.random.default_rng(seed)
    return scale * rng.standard_normal(shape), rng.standard_normal(shape)


def precise(old, new):
    """The seven fields for one pair of float logits, in mpmath's working precision."""

    def log_softmax(x):
        total = mp.log(mp.fsum(mp.e ** (v - max(x)) for v in x)) + max(x)
        return [v - total for v in x]

    old, new = ([mp.mpf(float(v)) for v in x] for x in (old, new))
    log_p, log_q = log_softmax(old), log_softmax(new)
    p, q = ([mp.e**v for v in x] for x in (log_p, log_q))
    mean = lambda f: mp.fsum(a * b for a, b in zip(p, f, strict=True))  # noqa: E731
    h_old, h_new = -mean(log_p), -mp.fsum(a * b for a, b in zip(q, log_q, strict=True))
    shift = -mp.fsum((b - a) * v for a, b, v in zip(p, q, log_p, strict=True))
    kl = mp.fsum(b * (w - v) for b, v, w in zip(q, log_p, log_q, strict=True))
    x = [b - a for a, b in zip(old, new, strict=True)]
    x = [v - mean(x) for v in x]
    first = -mean([(v + h_old) * y for v, y in zip(log_p, x, strict=True)])
    second = first - mean([(1 + v + h_old) * y * y for v, y in zip(log_p, x, strict=True)]) / 2
    return dict(zip(FIELDS, (first, second, h_new - h_old, shift, kl, h_old, h_new), strict=True))


# ----------------------------------------------------------------------------------------------------- Taylor


def test_contributions_add_up_to_first_order():
    theta, x = cases(0)
    np.testing.assert_allclose(ed.contributions(theta, x).sum(-1), ed.first_order(theta, x), atol=1e-13)


@pytest.mark.parametrize("function", [ed.first_order, ed.curvature, ed.second_order, ed.realised])
def test_gauge_invariance(function):
    theta, x = cases(1)
    shift = np.arange(21.0).reshape(7, 3, 1)
    np.testing.assert_allclose(function(theta + shift, x - 2 * shift), function(theta, x), atol=1e-11)


def derivatives(theta, x, order):
    """d^m H / dt^m at 0, m = 1, ..., order, by the joint cumulants of prop-taylor-all-orders."""
    log_pi = dist.log_softmax(theta)
    x = x - dist.mean(log_pi, x)[..., None]
    powers = [x**k for k in range(order + 1)]
    moments = [dist.mean(log_pi, power) for power in powers]
    mixed_moments = [dist.mean(log_pi, log_pi * power) for power in powers]
    pure, mixed = ed.joint_cumulants(moments, mixed_moments)
    return [-mixed[m] - (m - 1) * pure[m] for m in range(1, order + 1)]


def test_joint_cumulants_give_the_named_functions():
    theta, x = cases(2)
    first, second = derivatives(theta, x, 2)
    np.testing.assert_allclose(first, ed.first_order(theta, x), atol=1e-12)
    np.testing.assert_allclose(second, ed.curvature(theta, x), atol=1e-11)
    np.testing.assert_allclose(ed.second_order(theta, x), first + second / 2, atol=1e-11)


def test_curvature_is_the_weighted_second_moment():
    theta, x = cases(3)
    log_pi = dist.log_softmax(theta)
    centred = x - dist.mean(log_pi, x)[..., None]
    expected = -dist.mean(log_pi, centred**2 * (1 + log_pi + dist.entropy(log_pi)[..., None]))
    np.testing.assert_allclose(ed.curvature(theta, x), expected, atol=1e-12)


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5, 6])
def test_joint_cumulants_against_numerical_differentiation_in_60_digits(order):
    theta, x = cases(4, (4,), scale=1.0)

    def entropy(t):
        z = [mp.mpf(a) + t * mp.mpf(b) for a, b in zip(theta, x, strict=True)]
        total = mp.log(mp.fsum(map(mp.exp, z)))
        return -mp.fsum((v - total) * mp.exp(v - total) for v in z)

    with mp.workdps(60):
        expected = float(mp.diff(entropy, 0, order))
    assert derivatives(theta, x, order)[order - 1] == pytest.approx(expected, rel=1e-10)


def test_joint_cumulants_of_a_coin_in_fractions():
    # x Bernoulli(1/3), y = 2 x + 5: kappa_{m+1}(y, x, ..., x) = 2 kappa_{m+1}(x) for m >= 1
    p = Fraction(1, 3)
    pure, mixed = ed.joint_cumulants([Fraction(1), p, p, p, p], [2 * p + 5, 7 * p, 7 * p, 7 * p, 7 * p])
    assert pure[1:4] == [p, p * (1 - p), p * (1 - p) * (1 - 2 * p)]
    assert mixed[0] == 2 * p + 5
    assert mixed[1:4] == [2 * kappa for kappa in pure[2:5]]


# ---------------------------------------------------------------------------------------------- exact changes


def test_path_integral_equals_the_entropy_difference():
    theta, x = cases(5)
    result = ed.path_integral(theta, x)
    np.testing.assert_allclose(result.value, ed.realised(theta, x), atol=1e-12)
    assert result.error <= 1e-12 * max(1, np.abs(result.value).max())
    assert result.evaluations >= 21


@pytest.mark.parametrize("theta", [[0.0, -300.0, -500.0], [0.0, -1000.0, -900.0], [0.0, -450.0, -460.0]])
def test_path_integral_through_sharp_transitions(theta):
    x = np.array([0.0, 1000.0, 900.0])
    assert ed.path_integral(theta, x).value == pytest.approx(ed.realised(theta, x), abs=1e-11)


def test_path_integral_raises_when_it_cannot_converge():
    with pytest.raises(NotConverged, match="path integral: error"):
        ed.path_integral([0.0, -300.0, -500.0], [0.0, 1000.0, 900.0], max_intervals=1)


def test_identity_terms_with_excluded_outcomes():
    log_old = dist.log_probabilities([[0.5, 0.5, 0.0], [0.5, 0.5, 0.0]])
    log_new = dist.log_probabilities([[0.25, 0.75, 0.0], [1.0, 0.0, 0.0]])
    shift, kl = ed.identity_terms(log_old, log_new)
    np.testing.assert_allclose(shift - kl, dist.entropy(log_new) - dist.entropy(log_old), atol=1e-15)
    _, kl = ed.identity_terms(log_new[1], log_old[0])
    assert kl == np.inf


# ------------------------------------------------------------------------------------------- signs and bounds


def test_remainder_bound_holds_and_radius_certifies():
    theta, x = cases(6, (20_000, 4), scale=3.0)
    step = 1.5 * np.random.default_rng(7).random(20_000)
    remainder = np.abs(ed.realised(theta, step[:, None] * x) - step * ed.first_order(theta, x))
    assert np.all(remainder <= ed.remainder_bound(step[:, None] * x))
    radius = ed.certificate_radius(theta, x)
    change = ed.realised(theta, 0.999 * radius[:, None] * x)
    assert np.all(np.sign(change) == np.sign(ed.first_order(theta, x)))


def test_radius_of_a_constant_advantage_is_zero():
    assert ed.certificate_radius([0.0, 1.0, 2.0], [3.0, 3.0, 3.0]) == 0


def test_regression_slope_gives_the_derivative():
    theta, x = cases(8)
    t = 0.7
    log_pi = dist.log_softmax(theta + t * x)
    expected = -dist.covariance(log_pi, log_pi, x)
    slope = -(t + ed.regression_slope(theta, x, t)) * dist.variance(log_pi, x)
    np.testing.assert_allclose(slope, expected, atol=1e-12)
    assert np.isnan(ed.regression_slope([0.0, 1.0], [2.0, 2.0], 0.0))


def test_regression_slope_broadcasts_times():
    theta, x = cases(9, (3,))
    times = np.linspace(0, 2, 5)
    together = ed.regression_slope(theta, x, times)
    np.testing.assert_allclose(together, [ed.regression_slope(theta, x, t) for t in times])


# ----------------------------------------------------------------------------------------- two models' logits


# scale of the logits, size of the change, digits of the reference, relative accuracy of every field
@pytest.mark.parametrize(
    ("scale", "step", "digits", "tolerance"),
    [
        (1, 1, 60, 1e-13),
        (1, 1e-8, 60, 1e-13),  # a difference of entropies would keep 8 digits, KL as sum of q log(q/p) none
        (1, 1e-14, 60, 1e-13),
        (30, 1e-6, 120, 1e-13),
        (200, 2, 800, 1e-12),  # nearly certain before and after: entropies down to 1e-290
        (200, 300, 800, 1e-12),
        (1e4, 1e-3, 800, 1e-13),
        (1e4, 1e4, 800, 1e-13),
    ],
)
@pytest.mark.parametrize("common_shift", [0, 1000.0])
def test_entropy_change_against_high_precision(scale, step, digits, tolerance, common_shift):
    rng = np.random.default_rng(int(scale) + digits)
    with mp.workdps(digits):
        for _ in range(5):
            old = scale * rng.standard_normal(6)
            new = old + step * rng.standard_normal(6) + common_shift
            change, truth = ed.entropy_change(old, new), precise(old, new)
            for name in FIELDS:
                # below 1e-290 the products underflow to 0 or to numbers of few digits
                error = abs(mp.mpf(float(getattr(change, name))) - truth[name])
                assert error <= tolerance * abs(truth[name]) + mp.mpf("1e-290"), name


@pytest.mark.parametrize("shape", [(5,), (1, 5), (3, 4, 5), (2, 1, 3, 5), (6, 1)])
@pytest.mark.parametrize("block_entries", [1, 7, 64, 2**16])
def test_entropy_change_is_the_definition_for_every_shape_and_block(shape, block_entries):
    old, x = cases(10, shape)
    change = ed.entropy_change(old, old + x, block_entries=block_entries)
    for name in FIELDS:
        assert np.shape(getattr(change, name)) == shape[:-1]
    np.testing.assert_allclose(change.exact, ed.realised(old, x), atol=1e-14)
    np.testing.assert_allclose(change.shift - change.kl, change.exact, atol=1e-14)
    np.testing.assert_allclose(change.first_order, ed.first_order(old, x), atol=1e-13)
    np.testing.assert_allclose(change.second_order, ed.second_order(old, x), atol=1e-13)
    shift, kl = ed.identity_terms(dist.log_softmax(old), dist.log_softmax(old + x))
    np.testing.assert_allclose([change.shift, change.kl], [shift, kl], atol=1e-13)


def test_no_change_is_exactly_zero():
    old, _ = cases(11)
    change = ed.entropy_change(old, old)
    for name in ("first_order", "second_order", "exact", "shift", "kl"):
        assert np.all(getattr(change, name) == 0), name


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int32])
def test_arithmetic_is_in_double_precision_whatever_the_input(dtype):
    old, x = cases(12, (4, 1000))
    old, new = (8 * old).astype(dtype), (8 * old + x).astype(dtype)
    change = ed.entropy_change(old, new)
    wide = ed.entropy_change(old.astype(float), new.astype(float))
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(change, name), getattr(wide, name))


def test_views_memory_maps_and_chunks_give_the_same_numbers(tmp_path):
    old, x = cases(13, (6, 4, 50))
    paths = [tmp_path / "old.npy", tmp_path / "new.npy"]
    for path, data in zip(paths, (old, old + x), strict=True):
        np.save(path, data)
    expected = ed.entropy_change(old, old + x).exact
    mapped = ed.entropy_change(*(np.load(path, mmap_mode="r") for path in paths), block_entries=100)
    np.testing.assert_array_equal(mapped.exact, expected)
    strided = [np.asfortranarray(y)[::-1] for y in (old, old + x)]
    np.testing.assert_array_equal(ed.entropy_change(*strided).exact, expected[::-1])
    chunks = [ed.entropy_change(a, b).exact for a, b in zip(old, old + x, strict=True)]
    np.testing.assert_array_equal(chunks, expected)


def test_working_memory_does_not_grow_with_the_batch():
    def peak(rows):
        old, x = cases(14, (rows, 2000))
        new = old + x
        tracemalloc.start()
        ed.entropy_change(old, new)
        extra = tracemalloc.get_traced_memory()[1] - 7 * 8 * rows
        tracemalloc.stop()
        return extra

    small, large = peak(64), peak(1024)
    assert large <= 1.1 * small
    assert large <= 30 * 8 * 2**16


def test_a_vocabulary_of_two_hundred_thousand():
    old, x = cases(15, (3, 200_000))
    change = ed.entropy_change(old.astype(np.float32), (old + 0.1 * x).astype(np.float32))
    direction = (old + 0.1 * x).astype(np.float32).astype(float) - old.astype(np.float32)
    np.testing.assert_allclose(change.exact, ed.realised(old.astype(np.float32), direction), atol=1e-11)


def test_actions_masked_in_both_are_as_if_absent():
    old, x = cases(16, (4, 3, 6))
    masked_old, masked_new = (np.insert(y, [0, 2, 6], -np.inf, axis=-1) for y in (old, old + x))
    change, expected = ed.entropy_change(masked_old, masked_new), ed.entropy_change(old, old + x)
    for name in FIELDS:
        np.testing.assert_allclose(getattr(change, name), getattr(expected, name), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("name", "index", "value"),
    [("old_logits", (1, 2, 3), np.nan), ("new_logits", (2, 0, 4), np.nan), ("new_logits", (0, 1, 0), np.inf),
     ("old_logits", (2, 2, 2), -np.inf)],
)  # fmt: skip
@pytest.mark.parametrize("block_entries", [1, 2**16])
def test_bad_entries_are_refused_with_their_index(name, index, value, block_entries):
    logits = dict(zip(("old_logits", "new_logits"), cases(17, (3, 3, 5)), strict=True))
    logits[name][index] = value
    with pytest.raises(ValueError, match=rf"{name}\[{index[0]}, {index[1]}, {index[2]}\] = -?(nan|inf)"):
        ed.entropy_change(**logits, block_entries=block_entries)


def test_other_bad_input_is_refused():
    old, x = cases(18, (2, 3))
    with pytest.raises(ValueError, match="new_logits: shape"):
        ed.entropy_change(old, x[:, :2])
    with pytest.raises(ValueError, match="empty axis"):
        ed.entropy_change(old[:0], x[:0])
    with pytest.raises(ValueError, match="expected real numbers"):
        ed.entropy_change(old + 0j, x)
    with pytest.raises(ValueError, match="new_logits: not an array of numbers"):
        ed.entropy_change([[0, 1], [2, 3]], [[0, 1], [2]])
    with pytest.raises(ValueError, match="old_logits: every action is masked out"):
        ed.entropy_change([-np.inf], [-np.inf])
    with pytest.raises(ValueError, match=r"= -inf: must be finite, or -inf in both policies"):
        ed.entropy_change([0.0, 1.0], [0.0, -np.inf])
    with pytest.raises(ValueError, match=r"direction: shape \(\)"):
        ed.remainder_bound(3.0)
    with pytest.raises(ValueError, match="block_entries"):
        ed.entropy_change(old, x, block_entries=0)
    hidden = np.where([[True], [False]], old, -np.inf)
    with pytest.raises(ValueError, match=r"old_logits\[1\]: every action is masked out"):
        ed.entropy_change(hidden, hidden)
    vector = np.array([0.0, np.nan])
    with pytest.raises(ValueError, match=r"old_logits\[1\] = nan"):
        ed.entropy_change(vector, vector)


@pytest.mark.parametrize("mask", [-1e9, np.finfo(np.float32).min])
def test_a_finite_mask_in_one_policy_leaves_the_exact_change_right(mask):
    two, three = np.log([0.4, 0.6]), np.log([0.2, 0.3, 0.5])
    gain = dist.entropy(three) - dist.entropy(two)
    assert ed.entropy_change([*two, mask], three).exact == pytest.approx(gain, rel=1e-13)
    assert ed.entropy_change(three, [*two, mask]).exact == pytest.approx(-gain, rel=1e-13)
