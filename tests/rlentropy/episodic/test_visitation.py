"""The visitation polytope against enumeration of history-dependent and of deterministic
policies."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from refusals import refusals
from worlds import random_policy, small_mdps

from rlentropy.episodic import environments, induction
from rlentropy.episodic import visitation as vis
from rlentropy.episodic.visitation import average_visitation_entropy, visitation_entropy
from rlentropy.exact import histories, trajectories

seeds = st.integers(0, 10_000)


@given(small_mdps(), seeds)
def test_a_history_dependent_policy_has_a_markov_twin(mdp, seed):
    policy = trajectories.history_policy(mdp, seed)
    d = histories.visitation_by_enumeration(mdp.dense(), mdp.start, policy)
    np.testing.assert_allclose(d.sum(axis=(1, 2)), 1, atol=1e-14)
    assert vis.flow_residual(mdp, d) < 1e-14
    np.testing.assert_allclose(vis.policy_visitation(mdp, vis.markov_policy(d)), d, atol=1e-14)


@given(small_mdps(), seeds)
def test_enumeration_of_a_markov_policy_is_the_forward_recursion(mdp, seed):
    pi = random_policy(mdp, seed)
    d = histories.visitation_by_enumeration(
        mdp.dense(), mdp.start, lambda history: pi[len(history) // 2, history[-1]]
    )
    np.testing.assert_allclose(vis.policy_visitation(mdp, pi), d, atol=1e-14)
    np.testing.assert_array_equal((d > 0).any(axis=2), mdp.reachable())
    back = vis.markov_policy(d)
    seen = mdp.reachable()
    np.testing.assert_allclose(back[seen], pi[seen], atol=1e-13)
    np.testing.assert_allclose(back[~seen], 1 / mdp.A)


def test_enumeration_is_exact_in_fractions():
    half, third = Fraction(1, 2), Fraction(1, 3)
    P = np.array([[[[half, half], [third, 1 - third]], [[1, 0], [0, 1]]]] * 2, dtype=object)
    # repeat the first action for ever: d_3 shows the correlation with a_1, which no d_1 could
    d = histories.visitation_by_enumeration(P, 0, lambda history: [int(history[1] == a) for a in (0, 1)] if len(history) > 1
                                      else [half, half])  # fmt: skip
    assert d[0].tolist() == [[half, half], [0, 0]]
    assert d[1].tolist() == [[half * half, third * half], [half * half, (1 - third) * half]]
    assert d.sum() == 3
    assert all(isinstance(x, (int, Fraction)) for x in d.ravel())


@given(seeds, st.sampled_from([(2, 2, 3), (3, 2, 2), (2, 3, 2), (1, 2, 3)]))
def test_the_best_deterministic_policy_is_the_one_of_backward_induction(seed, sizes):
    S, A, H = sizes
    mdp = environments.garnet(states=S, actions=A, horizon=H, branching=S, seed=seed)
    reward = np.random.default_rng(seed).standard_normal((H, S, A))
    values = [
        np.sum(vis.policy_visitation(mdp, pi) * reward) for pi in vis.deterministic_policies(mdp)
    ]
    value, actions = induction.best_response(mdp, reward)
    assert value == pytest.approx(max(values), abs=1e-13)
    d = vis.policy_visitation(mdp, induction.deterministic_policy(actions, A))
    assert np.sum(d * reward) == pytest.approx(value, abs=1e-13)


def test_deterministic_policies_are_counted_on_reachable_pairs_only():
    mdp = environments.sticky_chain(
        length=5, success=0.5, horizon=2
    )  # reachable: state 0 at stage 0; states 0 and 1 at stage 1
    policies = list(vis.deterministic_policies(mdp))
    assert len(policies) == 2**3
    assert len({pi.tobytes() for pi in policies}) == 8
    for pi in policies:
        induction.check_markov_policy(mdp, pi)


SPOILS = {
    "start": lambda d: np.concatenate([np.roll(d[:1], 1, axis=1), d[1:]]),
    "later": lambda d: np.concatenate([d[:2], d[2:, ::-1]]),
    "scale": lambda d: 0.9 * d,
    "negative": lambda d: d + np.eye(3)[2][:, None, None] * [1.0, -1.0],  # keeps all sums
}


@pytest.mark.parametrize("spoil", SPOILS.values(), ids=SPOILS)
def test_outsiders_of_the_polytope_are_seen(spoil):
    mdp = environments.garnet(states=3, actions=2, horizon=3, branching=2, seed=1)
    d = vis.policy_visitation(mdp, np.full((3, 3, 2), 0.5))
    assert vis.flow_residual(mdp, d) < 1e-15
    assert vis.flow_residual(mdp, spoil(d)) > 1e-2


# ----------------------------------------------------------------------------------- two entropies


def test_entropies_by_hand():
    d = np.zeros((2, 2, 2))
    d[0, 0] = [0.5, 0.5]
    d[1, 1] = [1.0, 0.0]
    assert visitation_entropy(d) == pytest.approx(np.log(2))
    # the average is (1/4, 1/4, 1/2, 0)
    assert average_visitation_entropy(d) == pytest.approx(1.5 * np.log(2))


@given(seeds, st.integers(1, 5), st.integers(1, 4), st.integers(1, 3))
def test_entropies_have_their_ranges_and_the_average_has_more(seed, H, S, A):
    d = np.random.default_rng(seed).dirichlet(np.full(S * A, 0.3), size=H).reshape(H, S, A)
    total, average = visitation_entropy(d), average_visitation_entropy(d)
    assert -1e-12 <= total <= H * average + 1e-12
    assert average <= np.log(S * A) + 1e-12
    if H == 1:
        assert total == pytest.approx(average, abs=1e-14)
    stack = np.stack([d, d[::-1]])
    np.testing.assert_allclose(visitation_entropy(stack), total, atol=1e-12)
    np.testing.assert_allclose(average_visitation_entropy(stack), average, atol=1e-12)


@pytest.mark.parametrize("function", [visitation_entropy, average_visitation_entropy])
def test_entropies_refuse_what_is_no_visitation(function):
    with pytest.raises(ValueError, match="negative"):
        function(np.array([[[1.5, -0.5]]]))
    with pytest.raises(ValueError, match=r"d\[1\] sums to 0.9"):
        function(np.array([[[0.5, 0.5]], [[0.5, 0.4]]]))
    with pytest.raises(ValueError, match="shape"):
        function(np.array([0.5, 0.5]))


def test_mixtures_of_policies_are_not_averages_of_policies():
    mdp = environments.garnet(states=3, actions=2, horizon=3, branching=2, seed=1)
    rng = np.random.default_rng(5)
    pis = [rng.dirichlet([0.3, 0.3], size=(3, 3)) for _ in range(2)]
    ds = np.array([vis.policy_visitation(mdp, pi) for pi in pis])
    mixed = vis.mixture([0.5, 0.5], ds)
    assert vis.flow_residual(mdp, mixed) < 1e-14
    np.testing.assert_allclose(
        vis.policy_visitation(mdp, vis.markov_policy(mixed)), mixed, atol=1e-14
    )
    assert np.abs(vis.policy_visitation(mdp, sum(pis) / 2) - mixed).max() > 1e-3
    # played as one policy with memory, it has the averaged visitation
    components = [lambda history, pi=pi: pi[len(history) // 2, history[-1]] for pi in pis]
    played = histories.visitation_by_enumeration(
        mdp.dense(), mdp.start, histories.draw_once([0.5, 0.5], components)
    )
    np.testing.assert_allclose(played, mixed, atol=1e-15)


def test_the_number_of_histories_does_not_blow_up_on_deterministic_rows():
    P = np.zeros((6, 3, 2, 3))
    for a, s in itertools.product(range(2), range(3)):
        P[:, s, a, (s + a) % 3] = 1
    d = histories.visitation_by_enumeration(P, 0, lambda _: [1, 0])
    assert d[:, 0, 0].tolist() == [1] * 7


CHAIN = environments.double_chain(length=3, failure=0.1, horizon=2)
test_bad_input_is_refused = refusals(
    (lambda: vis.policy_visitation(CHAIN, np.full((2, 3, 2), 0.6)), r"pi\[0, 0\] sums to 1.2"),
    (lambda: vis.mixture([0.5, 0.6], np.zeros((2, 1, 1, 1))), "weights sums to 1.1"),
    (lambda: vis.mixture([1.0], np.zeros((2, 1, 1, 1))), r"ds: shape .*, expected \(1, any, any"),
    (lambda: vis.mixture([], np.zeros((0, 1, 1, 1))), "weights: .*empty axis 0"),
)


def test_the_law_of_an_episode_adds_up_to_one_and_to_the_visitation():
    P = environments.garnet(states=3, actions=2, horizon=3, branching=2, seed=5).dense()

    def policy(history):
        return [0.25, 0.75] if sum(history) % 2 else [1.0, 0.0]

    law = histories.episode_law(P, 0, policy)
    assert sum(law.values()) == pytest.approx(1, abs=1e-15)
    assert {len(episode) for episode in law} == {6}
    path = (0, 0, 1, 1, 2, 1)
    weights = [P[0, 0, 0, 1], policy((0, 0, 1))[1], P[1, 1, 1, 2], policy((0, 0, 1, 1, 2))[1]]
    assert law.get(path, 0) == pytest.approx(policy((0,))[0] * np.prod(weights), abs=1e-15)
    second = sum(weight for episode, weight in law.items() if episode[2:4] == (1, 1))
    assert histories.visitation_by_enumeration(P, 0, policy)[1, 1, 1] == pytest.approx(
        second, abs=1e-15
    )
