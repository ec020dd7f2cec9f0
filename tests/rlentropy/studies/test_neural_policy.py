"""neural_policy: gradients against finite differences, the log against its definitions, seeds,
refusal."""

import numpy as np
import pytest
from refusals import refusals

from rlentropy import distributions as dist
from rlentropy.studies import neural_policy as neural

X, ANSWERS = neural.modular_addition(5)
NETWORK = neural.initial_network(inputs=10, hidden=7, actions=5, seed=0)


def train(prompts=X, answers=ANSWERS, *, group=4, step=1.0, **options):
    return neural.train(NETWORK, prompts, answers, group=group, step=step, **options)


def last_reward(**options):
    return train(seed=0, **options)[1].reward[-1]


def test_task_is_modular_addition():
    assert X.shape == (25, 10)
    i, j = X[:, :5].argmax(axis=1), X[:, 5:].argmax(axis=1)
    assert np.array_equal(ANSWERS, (i + j) % 5)


@pytest.mark.parametrize("name", ["W1", "b1", "W2", "b2"])
def test_gradient_matches_finite_differences(name):
    rng = np.random.default_rng(1)
    G = rng.standard_normal((25, 5))
    gradient = NETWORK.gradient(X, G)
    move = rng.standard_normal(getattr(NETWORK, name).shape)
    still = {k: np.zeros_like(getattr(NETWORK, k)) for k in ("W1", "b1", "W2", "b2")}
    direction = neural.Network(**(still | {name: move}))
    up, down = (np.sum(G * NETWORK.moved(s * 1e-6, direction).logits(X)) for s in (1, -1))
    assert (up - down) / 2e-6 == pytest.approx(np.sum(getattr(gradient, name) * move), rel=1e-7)


def test_sampled_gradient_is_unbiased():
    log_pi = dist.log_softmax(NETWORK.logits(X))
    rng = np.random.default_rng(2)
    draws = [
        neural._logit_gradient(
            rng, log_pi, log_pi, neural._draw(rng, log_pi, ANSWERS, 4), neural._Control()
        )
        for _ in range(4000)
    ]
    pi = np.exp(log_pi)
    right = pi[np.arange(25), ANSWERS]
    # the group mean uses each sample's own reward, which shrinks the expectation by (G - 1) / G
    exact = 0.75 * right[:, None] * ((np.arange(5) == ANSWERS[:, None]) - pi)
    error = np.std(draws, axis=0) / np.sqrt(4000)
    assert np.abs(np.mean(draws, axis=0) - exact).max() < 5 * error.max()


def test_log_is_the_change_of_the_exact_entropy():
    after, log = train(updates=3, seed=3)
    before = dist.entropy(dist.log_softmax(NETWORK.logits(X))).mean()
    end = dist.entropy(dist.log_softmax(after.logits(X))).mean()
    assert log.policy_entropy[0] == pytest.approx(before, abs=1e-13)
    assert log.realised.sum() == pytest.approx(end - before, abs=1e-12)


@pytest.mark.parametrize("control", neural.CONTROLS)
def test_same_seed_same_numbers(control):
    one, two = (last_reward(updates=6, control=control, strength=0.1) for _ in range(2))
    assert one == two


def test_a_top_share_of_nothing_is_no_control():
    assert last_reward(updates=4) == last_reward(updates=4, control="top", share=0.0)


test_bad_input_is_named = refusals(
    (lambda: neural.modular_addition(1), "modulus = 1"),
    (lambda: last_reward(updates=1, group=1), "group = 1: must be >= 2"),
    (lambda: last_reward(updates=1, prompts=X[:, 1:]), r"X: shape \(25, 9\), expected \(any, 10\)"),
    (
        lambda: last_reward(updates=1, answers=ANSWERS[1:]),
        r"answers: shape \(24,\), expected \(25,\)",
    ),
    (lambda: last_reward(updates=1, answers=ANSWERS + 1), r"answers\[4\] = 5"),
)


def test_own_response_is_the_response_to_one_prompt_alone():
    G = np.random.default_rng(3).standard_normal((25, 5))
    own = NETWORK.own_response(X, G)
    for i in range(25):
        one = slice(i, i + 1)
        alone = NETWORK.response(X[one], NETWORK.gradient(X[one], G[one]))
        np.testing.assert_allclose(own[one], alone, rtol=1e-12)


def test_response_matches_finite_differences():
    direction = NETWORK.gradient(X, np.random.default_rng(4).standard_normal((25, 5)))
    up, down = (NETWORK.moved(step, direction).logits(X) for step in (1e-6, -1e-6))
    np.testing.assert_allclose(
        NETWORK.response(X, direction), (up - down) / 2e-6, rtol=1e-6, atol=1e-6
    )


def test_own_and_others_make_the_first_order_of_a_small_step():
    _, log = train(updates=5, step=1e-4, seed=0)
    np.testing.assert_allclose(log.own + log.others, log.first, rtol=1e-3)


def test_the_selections_differ():
    rewards = [
        last_reward(updates=30, control=name, share=0.1, band=(0.05, 5.0))
        for name in ("none", "top", "band", "clip-cov")
    ]
    assert len(set(rewards)) == 4


def test_kl_cov_does_nothing_while_every_batch_is_used_once():
    assert last_reward(updates=20) == last_reward(updates=20, control="kl-cov", strength=1.0)
    often = [last_reward(updates=20, reuse=4, control=c, strength=1.0) for c in ("none", "kl-cov")]
    assert often[0] != often[1]


def test_a_batch_is_used_as_often_as_asked():
    # with a step too small to change the draws, four updates with one batch are four steps along it
    end, _ = train(updates=4, step=1e-6, seed=1, reuse=4)
    once, _ = train(updates=1, step=4e-6, seed=1)
    np.testing.assert_allclose(end.W2 - NETWORK.W2, once.W2 - NETWORK.W2, rtol=1e-4)


def test_ratios_past_their_limit_give_no_gradient():
    rng = np.random.default_rng(8)
    log_pi = dist.log_softmax(NETWORK.logits(X))
    batch = neural._draw(rng, log_pi, ANSWERS, 4)
    moved = batch.log_p + np.log(1.3) * np.sign(batch.adv)  # all past 1.2, or below 0.8
    how = neural._Control(limits=(0.2, 0.2))
    assert not neural._weights(rng, moved, log_pi, batch, how).any()
    wide = neural._weights(rng, moved, log_pi, batch, neural._Control(limits=(0.4, 0.4)))
    np.testing.assert_allclose(wide, batch.adv * np.exp(moved - batch.log_p))
