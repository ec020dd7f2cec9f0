"""Temperature, top-k intervals, averages and bonuses, beside mpmath, plain NumPy and small worlds that are enumerated."""

import itertools

import mpmath as mp
import numpy as np
import pytest
from scipy import special

from rlentropy.logit_entropy import (
    bonus_effect,
    check_bonus,
    entropy_averages,
    tempered_entropy,
    top_k_entropy_interval,
)

INF = np.inf


def softmax(z):
    return special.softmax(z, axis=-1)


def entropy(p):
    return special.entr(p).sum(axis=-1)


# -------------------------------------------------------------------------------------- temperature


@pytest.mark.parametrize("T", [0.3, 1.0, 2.5])
def test_the_entropy_and_its_slope_beside_forty_digits(T):
    z = np.random.default_rng(0).standard_normal(7) * 3
    with mp.workdps(40):

        def h(t):
            w = [mp.exp(mp.mpf(float(v)) / t) for v in z]
            p = [v / mp.fsum(w) for v in w]
            return -mp.fsum(v * mp.log(v) for v in p)

        value, slope = h(mp.mpf(T)), mp.diff(h, mp.mpf(T))
    found = tempered_entropy(z, T)
    assert found.entropy == pytest.approx(float(value), rel=1e-13)
    assert found.slope == pytest.approx(float(slope), rel=1e-11)


def test_a_row_without_possible_actions_is_refused():
    with pytest.raises(ValueError, match=r"largest of logits\[1\] = -inf: every action"):
        tempered_entropy([[0.0, 1.0], [-INF, -INF]], 1.0)


def test_a_temperature_for_each_row_and_impossible_actions():
    z = np.random.default_rng(1).standard_normal((3, 5))
    T = np.array([0.5, 1.0, 2.0])
    found = tempered_entropy(z, T)
    np.testing.assert_allclose(found.entropy, entropy(softmax(z / T[:, None])), rtol=1e-13)
    masked = np.insert(z, 2, -INF, axis=1)
    np.testing.assert_array_equal(tempered_entropy(masked, T).entropy, found.entropy)
    np.testing.assert_allclose(tempered_entropy(masked, T).slope, found.slope, rtol=1e-13)
    half = tempered_entropy(z.astype(np.float16), 1.0)
    np.testing.assert_allclose(half.entropy, entropy(softmax(z)), atol=5e-3)


# -------------------------------------------------------------------------------------------- top k


@pytest.mark.parametrize("n", [3, 20, 1000])
def test_the_interval_holds_the_entropy(n):
    rng = np.random.default_rng(n)
    p = softmax(rng.standard_normal((300, n)) * rng.uniform(0.1, 6, (300, 1)))
    ordered = -np.sort(-p, axis=-1)
    h = entropy(p)
    for k in sorted({1, 2, max(1, n // 3), n - 1, n}):
        found = top_k_entropy_interval(np.log(ordered[:, :k]), n)
        assert (found.low <= h + 1e-9).all() and (h <= found.high + 1e-9).all()
        assert (found.low <= found.high + 1e-12).all()
        np.testing.assert_allclose(found.tail, ordered[:, k:].sum(-1), atol=1e-12)
    np.testing.assert_allclose(found.low, found.high, atol=1e-9)


def test_both_ends_are_attained():
    n, k = 10, 4
    flat = np.array([0.4, 0.2, 0.1, 0.1] + [0.2 / 6] * 6)
    steep = np.array([0.4, 0.2, 0.1, 0.1] + [0.1, 0.1] + [0.0] * 4)
    found = top_k_entropy_interval(np.log(flat[:k]), n)
    assert found.high == pytest.approx(entropy(flat), rel=1e-13)
    assert found.low == pytest.approx(entropy(steep), rel=1e-13)


def test_renormalising_the_top_falls_below_the_interval():
    p = softmax(np.log(np.arange(1, 2001.0)) * -1.0)
    top = -np.sort(-p)[:20]
    found = top_k_entropy_interval(np.log(top), 2000)
    assert entropy(top / top.sum()) < found.low < entropy(p) < found.high


@pytest.mark.parametrize(
    ("values", "n", "message"),
    [
        ([0.5, 0.3], 1, "actions = 1: fewer than the 2"),
        ([0.9, 0.3], 5, "the sum is above 1"),
        ([0.3, 0.01], 5, "the other 3 actions cannot hold that much"),
    ],
)
def test_top_k_refuses(values, n, message):
    with pytest.raises(ValueError, match=message):
        top_k_entropy_interval(np.log(values), n)


# ----------------------------------------------------------------------------------------- averages


def test_the_sum_estimates_the_entropy_of_sequences():
    """Two tokens a step, the sequence ends at 0 or after three steps: all sequences, exactly."""
    rng = np.random.default_rng(5)
    first = {
        prefix: rng.uniform(0.2, 0.8)
        for n in range(3)
        for prefix in itertools.product([1], repeat=n)
    }
    laws, rows, masks = [], [], []
    for length in (1, 2, 3):
        for last in (0, 1):
            if length < 3 and last == 1:
                continue
            steps = [(1,) * i for i in range(length)]
            taken = [1] * (length - 1) + [last]
            laws.append(
                np.prod(
                    [first[s] if a else 1 - first[s] for s, a in zip(steps, taken, strict=True)]
                )
            )
            h = [entropy(np.array([first[s], 1 - first[s]])) for s in steps]
            rows.append(h + [-1.0] * (3 - length))  # the padding is no entropy
            masks.append([1] * length + [0] * (3 - length))
    laws = np.array(laws)
    assert laws.sum() == pytest.approx(1)
    # every sequence by itself, weighted by its probability
    sums = [entropy_averages([r], [m]).per_sequence for r, m in zip(rows, masks, strict=True)]
    assert laws @ sums == pytest.approx(entropy(laws), rel=1e-13)


def test_the_averages_by_hand():
    found = entropy_averages([[1.0, 3.0], [5.0, np.nan], [7.0, 8.0]], [[1, 1], [1, 0], [0, 0]])
    assert (found.tokens, found.sequences) == (3, 2)
    assert (found.per_token, found.per_sequence_mean, found.per_sequence) == (3.0, 3.5, 4.5)
    assert "per_token=3, per_sequence_mean=3.5, per_sequence=4.5" in repr(found)
    assert np.isnan(entropy_averages([[1.0]], [[0]]).per_token)


def test_padding_read_as_entropy_is_refused():
    with pytest.raises(ValueError, match=r"entropies\[0, 1\] = -1.0: an entropy is at least 0"):
        entropy_averages([[2.0, -1.0]])
    with pytest.raises(ValueError, match=r"shape \(2,\)"):
        entropy_averages([2.0, 1.0])


# -------------------------------------------------------------------------------------------- bonus


@pytest.mark.parametrize("gradient", ["natural", "vanilla"])
def test_the_effect_is_the_slope_of_entropy_along_the_step(gradient):
    """Differences of the entropy along the step, whose gradient is itself taken by differences."""
    rng = np.random.default_rng(6)
    z, adv = rng.standard_normal((2, 6))
    c, eps = 0.3, 1e-6
    p = softmax(z)

    def objective(theta, a, c):
        q = softmax(theta)
        return q @ a + c * entropy(q)

    def step(a, c):
        if gradient == "natural":
            return a - c * np.log(p)
        shifts = eps * np.eye(6)
        return np.array([objective(z + s, a, c) - objective(z - s, a, c) for s in shifts]) / (
            2 * eps
        )

    def slope(direction):
        h = 1e-5
        return (entropy(softmax(z + h * direction)) - entropy(softmax(z - h * direction))) / (2 * h)

    found = bonus_effect(z, adv, c, step=0.5, gradient=gradient)
    assert found.advantages == pytest.approx(0.5 * slope(step(adv, 0)), rel=1e-6)
    assert found.bonus == pytest.approx(0.5 * slope(step(0 * adv, c)), rel=1e-6)
    assert found.total == pytest.approx(0.5 * slope(step(adv, c)), rel=1e-6)
    even = bonus_effect(z, adv, float(found.break_even), gradient=gradient)
    assert even.total == pytest.approx(0, abs=1e-14)


@pytest.mark.parametrize("kind", [float, int, np.int8])
def test_no_break_even_for_a_uniform_policy_whatever_the_type_of_the_advantages(kind):
    found = bonus_effect(np.zeros(4), np.array([1, 0, 0, 0], kind), 0.1)
    assert found.bonus == 0 and np.isnan(found.break_even)


class Trainer:
    """Two layers, plain gradients by hand: the update of a policy gradient with a bonus, right or broken."""

    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        self.x = rng.standard_normal((20, 6))
        self.weights = [rng.standard_normal((6, 8)) / 2, rng.standard_normal((8, 5))]
        self.adv = rng.standard_normal((20, 5))

    def logits(self, weights):
        return np.tanh(self.x @ weights[0]) @ weights[1]

    def updated(self, coefficient, *, detached=False, sign=1.0, step=1e-3):
        first, last = self.weights
        hidden = np.tanh(self.x @ first)
        p = softmax(hidden @ last)
        excess = np.log(p) + entropy(p)[:, None]
        bonus = 0.0 if detached else -sign * coefficient * p * excess
        slope = p * (self.adv - np.sum(p * self.adv, axis=1, keepdims=True)) + bonus
        back = (slope @ last.T) * (1 - hidden**2)
        return self.logits([first + step * self.x.T @ back, last + step * hidden.T @ slope])


@pytest.mark.parametrize("coefficient", [0.05, -0.05])
def test_a_bonus_that_works_and_two_that_do_not(coefficient):
    trainer = Trainer(7)
    old = trainer.logits(trainer.weights)
    plain = trainer.updated(0.0)

    def verdict(**broken):
        return check_bonus(old, plain, trainer.updated(coefficient, **broken), coefficient)

    right = verdict()
    assert right.works and right.per_unit > 0
    change = entropy(softmax(trainer.updated(coefficient))) - entropy(softmax(plain))
    assert right.measured == pytest.approx(change.mean(), rel=1e-8)
    assert right.first_order == pytest.approx(right.measured, rel=0.05)
    assert verdict(detached=True).verdict == "no effect"
    assert verdict(sign=-1.0).verdict == "wrong sign" and not verdict(sign=-1.0).works


def test_check_bonus_refuses():
    z = np.zeros((2, 3))
    with pytest.raises(ValueError, match=r"coefficient = 0\.0"):
        check_bonus(z, z, z, 0)
    with pytest.raises(ValueError, match="no token counts"):
        check_bonus(z, z, z, 0.1, where=[0, 0])
    with pytest.raises(ValueError, match=r"with_bonus: shape \(1, 3\)"):
        check_bonus(z, z, z[:1], 0.1)
