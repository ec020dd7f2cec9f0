"""Faults that people reported of other libraries' entropies, each tried on ours. The link is in the name of the case."""

import numpy as np
import pytest

from rlentropy import distributions as dist
from rlentropy.logit_entropy import check_bonus, entropy_averages, tempered_entropy
from rlentropy.logits import entropy_change
from rlentropy.report import entropy_report

INF = np.inf


def pair(shape, seed=0):
    rng = np.random.default_rng(seed)
    old = rng.standard_normal(shape)
    return old, old + 0.1 * rng.standard_normal(shape)


def test_pytorch_40553_a_masked_action_in_the_entropy():
    z = [0.0, 0.0, -INF]
    assert entropy_change(z, z).old_entropy == pytest.approx(np.log(2), rel=1e-15)
    assert tempered_entropy(z, 1.0).entropy == pytest.approx(np.log(2), rel=1e-15)
    assert tempered_entropy(z, 1.0).slope == 0


def test_tf_agents_562_sb3_contrib_81_masks_and_a_bonus():
    """The bonus is well defined where actions are masked; its effect is that without these actions."""
    z = np.array([0.3, 1.0, -0.5])
    p = np.exp(z) / np.exp(z).sum()
    push = -p * (np.log(p) + dist.entropy(np.log(p)))
    small = check_bonus(z, z, z + 0.1 * push, 0.1)
    with_mask = [np.insert(x, 1, -INF) for x in (z, z, z + 0.1 * push)]
    assert small.works
    assert check_bonus(*with_mask, 0.1).measured == pytest.approx(small.measured, rel=1e-12)


def test_skyrl_2259_nan_and_infinity_are_not_hidden():
    for bad in (np.nan, INF):
        for function in (
            lambda z: entropy_change(z, z),
            lambda z: entropy_report(z, z),
            lambda z: tempered_entropy(z, 1.0),
        ):
            with pytest.raises(ValueError, match=r"logits\[2\] = (nan|inf)"):
                function([0.0, 1.0, bad])


def test_trl_7221_the_ends_of_float16():
    z = np.array([65504.0, -65504.0], np.float16)
    assert entropy_change(z, z).old_entropy == 0
    report = entropy_report(z, z)
    assert report.change.exact == 0 and np.isfinite(report.remainder)


def test_trl_156_bfloat16():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    old, new = (z.astype(ml_dtypes.bfloat16) for z in pair((4, 9)))
    wide = entropy_change(old.astype(float), new.astype(float))
    np.testing.assert_array_equal(entropy_change(old, new).exact, wide.exact)


@pytest.mark.parametrize("padding", [0.0, np.nan, -INF, float(np.finfo(np.float32).min)])
def test_open_instruct_756_trl_3715_padding_does_not_count(padding):
    old, new = pair((2, 5, 7))
    where = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]])
    expected = entropy_change(old, new).exact[where == 1].mean()
    for z in (old, new):
        z[where == 0] = padding
    assert entropy_change(old, new, where=where).mean()["exact"] == pytest.approx(expected)
    assert entropy_report(old, new, where=where).mean()["exact"] == pytest.approx(expected)


def test_trl_2022_2281_2496_padding_with_log_probability_1():
    """Minus the log-probability of padding is -1: no entropy, and refused."""
    log_probs = np.array([[-0.7, -0.2, 1.0, 1.0]])
    with pytest.raises(ValueError, match=r"entropies\[0, 2\] = -1"):
        entropy_averages(-log_probs)
    with pytest.raises(ValueError, match=r"log_p\[0, 2\] = 1"):
        dist.entropy(log_probs)
    masked = entropy_averages(-log_probs, log_probs <= 0)
    assert masked.per_sequence == pytest.approx(0.9)


def test_trl_5595_6140_a_bonus_without_gradients():
    old, plain = pair((6, 5))
    assert check_bonus(old, plain, plain, 0.01).verdict == "no effect"


def test_trl_5620_entropies_one_place_off():
    """The mean is then over other tokens; sampled actions tell."""
    rng = np.random.default_rng(1)
    old, new = pair((30, 40, 6), seed=2)
    old *= 3
    p = dist.softmax(old)
    actions = (rng.random((30, 40, 1)) > p.cumsum(axis=-1)).sum(axis=-1)
    assert abs(entropy_report(old, new, actions).sampled.drawn) < 4
    off = entropy_report(old[:, :-1], new[:, :-1], actions[:, 1:])
    assert abs(off.sampled.drawn) > 20


def test_openrlhf_1319_the_entropy_of_the_sampled_policy():
    z = 3 * np.random.default_rng(3).standard_normal((20, 9))
    sampled = entropy_change(z, z, temperature=0.5).old_entropy
    np.testing.assert_allclose(sampled, dist.entropy(dist.log_softmax(z / 0.5)), rtol=1e-13)
    assert (np.abs(sampled - entropy_change(z, z).old_entropy) > 0.05).any()


def test_sac_discrete_15_no_finite_temperature_reaches_the_largest_entropy():
    q = np.array([1.0, 0.0])
    found = tempered_entropy(q, 0.5).entropy
    far = tempered_entropy(q, 100.0).entropy
    assert found < 0.98 * np.log(2) < far < np.log(2)
