"""A first state that is drawn, and actions that are unavailable: everything that answers, against
plain loops, enumeration or an MDP without either; everything that does not, refuses."""

import itertools

import numpy as np
import pytest
from refusals import refusals

from rlentropy.audits import entgame as entgame_audit
from rlentropy.audits import explorers, sample_complexity, saturation, variance_bonus
from rlentropy.audits import optimistic_soft_vi as soft_audit
from rlentropy.discounted import evaluation, natural_gradient
from rlentropy.discounted import trajectories as discounted_paths
from rlentropy.discounted.mdp import DiscountedMDP
from rlentropy.discounted.softmax import fisher_of, policy
from rlentropy.discounted.visitation import flow_residual as discounted_flow
from rlentropy.discounted.visitation import visited
from rlentropy.distributions import logsumexp, softmax
from rlentropy.episodic import induction, max_entropy, trajectory_entropy, visitation
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.learners import entgame, optimistic_soft_vi, regularized_game, simulator
from rlentropy.learners.rf_ucrl import rf_ucrl
from rlentropy.learners.ucbvi_ent import run as ucbvi_ent

S, A, H = 4, 3, 3
ALLOWED = np.array([[1, 1, 0], [1, 1, 1], [0, 1, 0], [1, 0, 1]], dtype=bool)
MU = np.array([0.5, 0.0, 0.2, 0.3])


def random_kernel(seed, masked):
    P = np.random.default_rng(seed).dirichlet(np.ones(S), size=(S, A))
    return P * ALLOWED[:, :, None] if masked else P


def discounted(seed=0, gamma=0.9):
    r = np.random.default_rng(seed + 1).standard_normal((S, A))
    P = random_kernel(seed, True)
    return DiscountedMDP(P, np.where(ALLOWED, r, -np.inf), MU, gamma)


def episodic(seed=0, *, start=0, masked=False, horizon=H):
    return EpisodicMDP(random_kernel(seed, masked), horizon, start, ALLOWED if masked else None)


# -------------------------------------------------------------------------- unavailable: discounted


def soft_values(mdp, tau, sweeps=3000):
    """Value iteration by loops over the available actions; tau = 0 is the hard maximum."""
    V = np.zeros(S)
    for _ in range(sweeps):
        q = [
            [mdp.r[s, a] + mdp.gamma * mdp.P[s, a] @ V for a in range(A) if ALLOWED[s, a]]
            for s in range(S)
        ]
        V = np.array(
            [tau * np.log(np.sum(np.exp(np.array(x) / tau))) if tau else max(x) for x in q]
        )
    return V


def test_optima_over_available_actions():
    mdp = discounted()
    np.testing.assert_allclose(evaluation.optimal(mdp).V, soft_values(mdp, 0), atol=1e-12)
    soft = evaluation.soft_optimal(mdp, tau=0.3)
    np.testing.assert_allclose(soft.V, soft_values(mdp, 0.3), atol=1e-11)
    assert (np.isneginf(soft.log_pi) == ~ALLOWED).all()
    assert (evaluation.optimal(mdp).pi[~ALLOWED] == 0).all()


def test_logits_of_unavailable_actions_do_not_count():
    mdp = discounted()
    theta = np.random.default_rng(3).standard_normal((S, A))
    at = evaluation.evaluate_softmax(mdp, theta, tau=0.2)
    same = evaluation.evaluate_softmax(mdp, np.where(ALLOWED, theta, 1e3), tau=0.2)
    np.testing.assert_array_equal(at.V, same.V)
    np.testing.assert_array_equal(at.pi > 0, ALLOWED)
    assert (np.isneginf(at.adv) == ~ALLOWED).all()
    assert np.abs(np.sum(at.pi * np.where(ALLOWED, at.adv, 0), axis=1)).max() < 1e-13
    assert discounted_flow(mdp, at.pi, at.d) < 1e-14
    np.testing.assert_array_equal(visited(mdp, at.pi), at.d > 1e-15)


@pytest.mark.parametrize("tau", [0.0, 0.2])
def test_gradients_over_available_actions(tau):
    mdp = discounted()
    theta = np.random.default_rng(4).standard_normal((S, A))

    def objective(theta):
        return evaluation.evaluate_softmax(mdp, theta, tau=tau).objective

    gradient = natural_gradient.policy_gradient(mdp, theta, tau=tau)
    for s, a in itertools.product(range(S), range(A)):
        step = np.zeros((S, A))
        step[s, a] = 1e-5
        slope = (objective(theta + step) - objective(theta - step)) / 2e-5
        assert gradient[s, a] == pytest.approx(slope, abs=1e-8)
    F = natural_gradient.fisher_matrix(mdp, theta)
    oracle = np.linalg.pinv(F, rcond=1e-10) @ gradient.ravel()
    found = natural_gradient.natural_gradient(mdp, theta, tau=tau)
    np.testing.assert_allclose(found.ravel(), oracle, atol=1e-9)
    full = DiscountedMDP(random_kernel(0, False), np.zeros((S, A)), MU, 0.9)
    block = natural_gradient.fisher_matrix(full, theta)[:A, :A]
    d = evaluation.evaluate_softmax(full, theta).d[0]
    np.testing.assert_allclose(block, d * fisher_of(policy(theta))[0], atol=1e-15)


def test_entropy_along_trajectories_over_available_actions():
    mdp = discounted()
    old, new = np.random.default_rng(5).standard_normal((2, S, A))

    def entropy(theta):
        return evaluation.evaluate_softmax(mdp, theta).discounted_entropy

    found = discounted_paths.difference(mdp, old, new)
    assert found.action - found.kl == pytest.approx(entropy(new) - entropy(old), abs=1e-12)
    rise = (entropy(old + 1e-5 * new) - entropy(old - 1e-5 * new)) / 2e-5
    assert discounted_paths.slope(mdp, old, new).total == pytest.approx(rise, abs=1e-8)


def test_npg_reaches_the_optimum_over_available_actions():
    mdp = discounted()
    run = natural_gradient.run(mdp, np.zeros((S, A)), eta=5.0, iterations=60)
    assert (np.diff(run.objective) > -1e-12).all()
    assert run.objective[-1] == pytest.approx(soft_values(mdp, 0) @ MU, abs=1e-9)
    assert (np.isneginf(run.theta) == ~ALLOWED).all()


NO_REWARD = np.where(ALLOWED, 0, -np.inf)
test_rewards_and_rows_agree_on_what_is_available = refusals(
    (
        lambda: DiscountedMDP(np.zeros((S, A, S)), np.full((S, A), -np.inf), MU, 0.9),
        r"r > -inf\[0\]: no action is available",
    ),
    (
        lambda: DiscountedMDP(random_kernel(0, False), NO_REWARD, MU, 0.9),
        r"P\[0, 2\] = .*must be 0",
    ),
    (
        lambda: DiscountedMDP(random_kernel(0, True), 0 * ALLOWED, MU, 0.9),
        r"P\[0, 2\] sums to 0, not to 1",
    ),
)


# ---------------------------------------------------------------------------- unavailable: episodic


def test_best_responses_over_available_actions():
    mdp = episodic(masked=True, start=MU, horizon=2)
    reward = np.random.default_rng(5).standard_normal((2, S, A))
    value, actions = induction.best_response(mdp, reward)
    policies = list(visitation.deterministic_policies(mdp))
    # two, one and two actions in the three states of stage 1, 2 * 3 * 1 * 2 choices at stage 2
    assert len(policies) == 4 * 12
    best = max(np.sum(visitation.policy_visitation(mdp, pi) * reward) for pi in policies)
    assert value == pytest.approx(best, abs=1e-13)
    assert ALLOWED[np.arange(S), actions].all()


def test_the_policy_of_largest_trajectory_entropy_over_available_actions():
    mdp = episodic(masked=True, start=MU)
    best = trajectory_entropy.soft_optimum(mdp)
    assert trajectory_entropy.trajectory_entropy(mdp, best.pi) == pytest.approx(best.value)
    uniform = trajectory_entropy.uniform_policy(mdp)
    gap = trajectory_entropy.suboptimality(mdp, uniform)
    assert best.value - trajectory_entropy.trajectory_entropy(mdp, uniform) == pytest.approx(gap)
    assert gap > 0


def test_policies_keep_to_available_actions():
    mdp = episodic(masked=True)
    with pytest.raises(ValueError, match=r"pi\[0, 0, 2\] = .*not available"):
        visitation.policy_visitation(mdp, np.full((H, S, A), 1 / A))
    d = visitation.policy_visitation(mdp, trajectory_entropy.uniform_policy(mdp))
    assert visitation.flow_residual(mdp, d) < 1e-15
    again = visitation.markov_policy(d, available=mdp.available)
    np.testing.assert_allclose(again, trajectory_entropy.uniform_policy(mdp), atol=1e-15)
    states, actions = simulator.rollouts(mdp, again, 50, 1)
    assert ALLOWED[states, actions].all()


@pytest.mark.parametrize(
    "counts",
    [
        lambda mdp: entgame.run(mdp, 60, 1).counts,
        lambda mdp: rf_ucrl(mdp, 60, 1).counts,
        lambda mdp: ucbvi_ent(mdp, 60, 1).counts,
        lambda mdp: optimistic_soft_vi.run(mdp, 60, 1).counts,
        lambda mdp: regularized_game.run(mdp, 60, 1).counts,
        lambda mdp: entgame_audit.measure(mdp, [60], 1).counts,
        lambda mdp: saturation.run(mdp, 60, 1).counts,
        lambda mdp: 60 * variance_bonus.run(mdp, 60, 1).visitation,
    ],
)
def test_learners_and_audits_never_take_what_is_unavailable(counts):
    n = counts(episodic(masked=True))
    assert n[:, ~ALLOWED].sum() == 0
    assert n.sum(axis=(1, 2)) == pytest.approx(60)


@pytest.mark.parametrize("learner", sample_complexity.learners())
def test_sample_complexity_with_masks(learner):
    """All learners come within two nats of the optimum over the available actions."""
    found = sample_complexity.episodes_to_gap(episodic(masked=True), learner, [2.0], 1, most=50)
    assert found[0] <= 50


@pytest.mark.parametrize("name", ["RF-UCRL", "UCBVI-Ent, bonus", "EntGame, pooled"])
def test_explorers_with_masks_are_judged(name):
    mdp = episodic(masked=True)
    run = explorers.line_up(mdp, 40, clip=True)[name](1)
    assert (explorers.policy_of(run)[:, ~ALLOWED] == 0).all()
    score = explorers.judge(mdp, 40, run, 2)
    assert score.visits.sum() == 40 * H
    assert score.path <= trajectory_entropy.soft_optimum(mdp).value + 1e-12


# ------------------------------------------------------------------------------ a drawn first state


def preceded(mdp):
    """One stage and one state more: the new first state leads to the start distribution."""
    P = np.zeros((mdp.H, mdp.S + 1, mdp.A, mdp.S + 1))
    P[:, :-1, :, :-1] = np.concatenate([mdp.dense()[:1], mdp.dense()])
    P[:, -1, :, :-1] = mdp.start_distribution
    return EpisodicMDP(P, mdp.H + 1, mdp.S)


def test_visitation_is_that_of_a_longer_episode():
    mdp = episodic(start=MU)
    pi = np.random.default_rng(6).dirichlet(np.ones(A), size=(H, S))
    longer = np.full((H + 1, S + 1, A), 1 / A)
    longer[1:, :-1] = pi
    d = visitation.policy_visitation(preceded(mdp), longer)
    np.testing.assert_allclose(visitation.policy_visitation(mdp, pi), d[1:, :-1], atol=1e-15)
    entropy = trajectory_entropy.trajectory_entropy(mdp, pi)
    more = trajectory_entropy.trajectory_entropy(preceded(mdp), longer)
    assert entropy == pytest.approx(more - np.log(A), abs=1e-12)
    value = trajectory_entropy.soft_optimum(mdp).value
    more = trajectory_entropy.soft_optimum(preceded(mdp)).value
    assert value == pytest.approx(more - np.log(A), abs=1e-12)


@pytest.mark.parametrize("method", ["dual", "primal", "mirror"])
def test_the_largest_visitation_entropy_is_that_of_a_longer_episode(method):
    mdp = episodic(start=MU)
    found = max_entropy.solve(mdp, method=method, tol=1e-9)
    assert found.gap <= 1e-9
    longer = max_entropy.solve(preceded(mdp), tol=1e-9)
    assert found.value == pytest.approx(longer.value - np.log(A), abs=3e-9)
    assert visitation.flow_residual(mdp, found.visitation) < 1e-14


def test_frank_wolfe_brackets_the_optimum():
    mdp = episodic(start=MU)
    run = max_entropy.frank_wolfe(mdp, 40)
    value = max_entropy.solve(mdp).value
    assert run.values[-1] <= value + 1e-12
    assert run.values[-1] == pytest.approx(value, abs=1e-2)
    assert run.bounds.min() >= value - 1e-12


def test_a_distribution_on_one_state_is_that_state():
    mdp = episodic(start=[0, 0, 1, 0])
    assert mdp.start == 2
    assert np.ndim(mdp.start) == 0
    np.testing.assert_array_equal(mdp.start_distribution, [0, 0, 1, 0])


def test_first_states_are_drawn_as_often_as_they_should():
    mdp = episodic(start=MU)
    pi = np.full((H, S, A), 1 / A)
    runs = [
        simulator.roll_out(mdp, pi, 4000, 1),
        entgame.run(mdp, 4000, 1, evaluate=False).counts,
        entgame.run_pooled(mdp, 4000, 1, evaluate=False).counts,
        rf_ucrl(mdp, 4000, 1).counts,
        ucbvi_ent(mdp, 4000, 1).counts,
        optimistic_soft_vi.run(mdp, 4000, 1).counts,
    ]
    error = np.sqrt(MU * (1 - MU) / 4000)
    for counts in runs:
        assert (np.abs(counts[0].sum(axis=1) / 4000 - MU) <= 5 * error).all()


def test_optimistic_soft_values_are_judged_over_the_first_states():
    """Every link of the proof along a run, and the regret by the divergence from the optimum."""
    mdp = episodic(start=MU)
    blocks = list(optimistic_soft_vi.play(mdp, 600, 3, block=250))
    links = soft_audit.measure(mdp, blocks, [1, 600], delta=0.1)
    assert links.divergence <= 1
    assert min(links.slack.values()) >= 0
    best = trajectory_entropy.soft_optimum(mdp)
    gaps = []
    bias = 0.0
    for block in blocks:
        for Q in block.Q:
            pi = softmax(Q)
            reached = trajectory_entropy.trajectory_entropy(mdp, pi)
            gaps.append(best.value - reached)
            bias += best.value - MU @ best.V[0] + MU @ logsumexp(Q[0]) - reached
    assert links.regret == pytest.approx([gaps[0], sum(gaps)], rel=1e-10)
    assert links.bias[-1] == pytest.approx(bias, rel=1e-10)


def test_a_first_state_that_is_drawn_costs_one_number_an_episode():
    """A fixed first state has the numbers that it always had: the runs of the book."""
    fixed = optimistic_soft_vi.run(episodic(start=2), 40, 5)
    sure = optimistic_soft_vi.run(episodic(start=[0, 0, 1, 0]), 40, 5)
    np.testing.assert_array_equal(fixed.counts, sure.counts)
    near = optimistic_soft_vi.run(episodic(start=[0, 1e-9, 1 - 1e-9, 0]), 40, 5)
    assert near.counts[0, 2].sum() == 40
    assert (near.counts != fixed.counts).any()


def test_an_audit_of_the_proof_wants_one_first_state():
    with pytest.raises(ValueError, match="start: a distribution"):
        entgame_audit.measure(episodic(start=MU), [2], 0)
