"""EntGame against its plain version, step for step on the same random numbers, and against exact values."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_learners import masked
from refusals import refusals

from rlentropy import files
from rlentropy.episodic import forecaster, max_entropy, trajectory_entropy, visitation
from rlentropy.episodic.environments import double_chain, garnet, grid_world
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.episodic.visitation import average_visitation_entropy, visitation_entropy
from rlentropy.learners import entgame, entgame_plain, simulator

# ------------------------------------------------------------------------------------------- kernels equal the plain version


@st.composite
def mdps(draw, stationary=None):
    """Small episodic MDPs; rows may be deterministic, absorbing or full, states may be unreachable,
    first states drawn, actions unavailable."""
    S, A, H = draw(st.integers(1, 5)), draw(st.integers(1, 3)), draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    same = draw(st.booleans()) if stationary is None else stationary
    sharpness = draw(
        st.sampled_from([0.05, 0.3, 1.0])
    )  # small: nearly deterministic rows with exact zeros
    shape = (S, A) if same or H == 1 else (H - 1, S, A)
    P = rng.dirichlet(np.full(S, sharpness), size=shape)
    P = np.where(P < 0.01, 0.0, P)
    P /= P.sum(axis=-1, keepdims=True)
    if draw(st.booleans()):
        P[..., S - 1, :, :] = np.eye(S)[S - 1]  # the last state absorbs
    start = draw(st.integers(0, S - 1)) if draw(st.booleans()) else rng.dirichlet(np.ones(S))
    mdp = EpisodicMDP(P=P, horizon=H, start=start)
    return masked(mdp, draw(st.integers(0, 99))) if draw(st.booleans()) else mdp


SETTINGS = {
    "n0": st.sampled_from([0.5, 1, 3.0]),
    "bonus_scale": st.sampled_from([0.0, 0.01, 0.1, 1.0]),
    "delta": st.sampled_from([0.01, 0.1]),
}
DEGENERATE = {
    "one state, one action, one stage": EpisodicMDP(P=np.ones((1, 1, 1)), horizon=1, start=0),
    "one state": EpisodicMDP(P=np.ones((1, 3, 1)), horizon=4, start=0),
    "one action": EpisodicMDP(P=[[[0.5, 0.5]], [[0.0, 1.0]]], horizon=3, start=0),
    "absorbing start": EpisodicMDP(
        P=[[[1.0, 0, 0]] * 2, [[0, 1.0, 0]] * 2, [[0, 0, 1.0]] * 2], horizon=3, start=0
    ),
    "unreachable states": EpisodicMDP(P=np.tile(np.eye(4)[0], (4, 2, 1)), horizon=4, start=2),
    "ten successors": garnet(
        states=10, actions=2, horizon=4, branching=10, seed=3, stationary=True
    ),
}


RULES = {
    "ceiling": st.sampled_from(["source", "stage"]),
    "saturated": st.sampled_from(["unclipped", "source"]),
    "clip": st.booleans(),
}
POOLED = {"clip": st.booleans(), "ties": st.sampled_from(["first", "near"])}


@settings(max_examples=100)
@given(mdps(), st.integers(0, 60), st.integers(0, 99), st.fixed_dictionaries(SETTINGS | RULES))
def test_kernel_equals_plain_version(mdp, episodes, seed, options):
    n, d, plan = entgame_plain.run(mdp, episodes, seed, **options)
    result = entgame.run(mdp, episodes, seed, checkpoints=[episodes] if episodes else [], **options)
    np.testing.assert_array_equal(result.counts, n)
    if episodes:
        np.testing.assert_allclose(result.visitation, d, rtol=0, atol=1e-12)
        assert result.checkpoints[0].optimistic_value == mdp.start_mean(plan.V[0])


@settings(max_examples=60)
@given(
    mdp=mdps(stationary=True),
    episodes=st.integers(0, 60),
    seed=st.integers(0, 99),
    options=st.fixed_dictionaries(SETTINGS | POOLED),
)
def test_pooled_kernel_equals_plain_version(mdp, episodes, seed, options):
    n, d = entgame_plain.run_pooled(mdp, episodes, seed, **options)
    result = entgame.run_pooled(mdp, episodes, seed, **options)
    np.testing.assert_array_equal(result.counts, n)
    if episodes:
        np.testing.assert_allclose(result.visitation, d, rtol=0, atol=1e-12)


@pytest.mark.parametrize("mdp", DEGENERATE.values(), ids=DEGENERATE)
@pytest.mark.parametrize("episodes", [0, 1, 50])
@pytest.mark.parametrize("name", ["run", "run_pooled"])
def test_degenerate_cases(mdp, episodes, name):
    result = getattr(entgame, name)(mdp, episodes, 5)
    plain = getattr(entgame_plain, name)(mdp, episodes, 5)
    np.testing.assert_array_equal(result.counts, plain[0])
    assert visitation.flow_residual(mdp, result.visitation) < 1e-12
    np.testing.assert_allclose(result.policy.sum(axis=2), 1, atol=1e-12)


def test_more_successors_than_there_was_room_for():
    """The lists of successors grow in the middle of a run, and between blocks, without a trace in the numbers."""
    mdp = garnet(states=40, actions=2, horizon=3, branching=30, seed=1, stationary=True)
    for saturated in ("unclipped", "source"):
        options = {"bonus_scale": 0.1, "saturated": saturated}
        result = entgame.run(mdp, 700, 2, **options)
        np.testing.assert_array_equal(result.counts, entgame_plain.run(mdp, 700, 2, **options)[0])
    pooled = entgame.run_pooled(mdp, 300, 2, bonus_scale=0.1)
    np.testing.assert_array_equal(
        pooled.counts, entgame_plain.run_pooled(mdp, 300, 2, bonus_scale=0.1)[0]
    )


@pytest.mark.parametrize("bonus_scale", [0.0, 0.03, 1.0])
@pytest.mark.parametrize("n0", [0.5, 1, 2.5])
@pytest.mark.parametrize("ceiling", ["source", "stage"])
def test_skipping_saturated_states_is_exact(bonus_scale, n0, ceiling):
    """Without evaluation, states whose own terms reach the ceiling are not planned; the counts are the same."""
    mdp = grid_world(rows=5, cols=5, success=0.9, horizon=8)
    options = {"n0": n0, "bonus_scale": bonus_scale, "ceiling": ceiling, "saturated": "source"}
    quick = entgame.run(mdp, 3000, 7, evaluate=False, **options)
    np.testing.assert_array_equal(quick.counts, entgame.run(mdp, 3000, 7, **options).counts)


def test_no_continuation_for_unvisited_pairs_is_harmful():
    """Where pairs without data are worth their reward only, and nothing beyond, the learner does not explore."""
    mdp = double_chain(length=11, failure=0.1, horizon=8)
    best = max_entropy.solve(mdp).value
    _, honest, _ = entgame_plain.run(mdp, 2000, 0, bonus_scale=0.0)
    options = {"bonus_scale": 0.0, "saturated": "source", "unvisited": "nothing"}
    _, mutant, _ = entgame_plain.run(mdp, 2000, 0, **options)
    assert best - visitation_entropy(honest) < 0.1
    assert best - visitation_entropy(mutant) > 1


# ------------------------------------------------------------------------- actions that are unavailable


MASKED = masked(garnet(states=8, actions=4, horizon=5, branching=3, seed=1, stationary=True), 2)


@pytest.mark.parametrize("run", [entgame.run, entgame.run_pooled])
def test_unavailable_actions_are_never_played(run):
    away = ~MASKED.available
    assert away[:, 0].any() and away[:, -1].any()
    result = run(MASKED, 500, 1)
    assert (result.counts[:, away] == 0).all()
    assert (result.policy[:, away] == 0).all()
    assert visitation.flow_residual(MASKED, result.visitation) < 1e-12
    assert (result.counts.sum(axis=(1, 2)) == 500).all()
    start = run(MASKED, 0, 1)
    uniform = trajectory_entropy.uniform_policy(MASKED)
    np.testing.assert_allclose(start.policy, uniform, rtol=0, atol=1e-15)
    assert (start.counts == 0).all()


def test_with_the_kernel_known_only_available_actions_are_best():
    """The bound and the certificate hold for the largest entropy over all mixtures of policies."""
    mdp = masked(garnet(states=2, actions=3, horizon=2, branching=2, seed=1, stationary=True), 5)
    assert not mdp.available.all()
    result = entgame.run_known(mdp, 2000, checkpoints=[2000])
    assert (result.visitation[:, ~mdp.available] == 0).all()
    assert visitation.flow_residual(mdp, result.visitation) < 1e-12
    gap = result.checkpoints[0].optimistic_value - result.visitation_entropy
    assert 0 <= gap <= 2 * forecaster.worst_regret(2000, 6) / 2000 + 1e-9


# --------------------------------------------------------------------------------- runs that go on


DRAWN = EpisodicMDP(MASKED.P[0], 5, [0.5, 0, 0, 0.25, 0, 0, 0.25, 0], MASKED.available)
GOING_ON = {
    "unclipped": (entgame.run, {}),
    "source": (entgame.run, {"saturated": "source", "ceiling": "stage", "bonus_scale": 0.1}),
    "no ceiling": (entgame.run, {"clip": False, "n0": 0.5}),
    "skipping": (entgame.run, {"saturated": "source", "evaluate": False}),
    "pooled": (entgame.run_pooled, {}),
    "pooled, near": (entgame.run_pooled, {"clip": False, "ties": "near"}),
}


def same_runs(x, y):
    assert x.config == y.config and x.certified_gap == y.certified_gap
    np.testing.assert_array_equal(x.counts, y.counts)
    np.testing.assert_array_equal(x.memory.visitation, y.memory.visitation)
    assert len(x.checkpoints) == len(y.checkpoints)
    for a, b in zip(x.checkpoints, y.checkpoints, strict=True):
        np.testing.assert_array_equal(list(vars(a).values()), list(vars(b).values()))


@pytest.mark.parametrize("mdp", [MASKED, DRAWN, double_chain(length=9, failure=0.1, horizon=8)])
@pytest.mark.parametrize("kind", GOING_ON)
def test_a_run_in_parts_is_one_run(mdp, kind, tmp_path):
    """Also when it was saved between, and with an empty part."""
    run, options = GOING_ON[kind]
    whole = run(mdp, 700, 3, checkpoints=[10, 250, 251, 700], **options)
    part = run(mdp, 130, 3, checkpoints=[10], **options)
    part = entgame.resume(mdp, part, 0)
    part = entgame.resume(mdp, part, 120, checkpoints=[250])
    part = files.load(files.save(tmp_path / "part.npz", part))
    same_runs(entgame.resume(mdp, part, 450, checkpoints=[251, 700]), whole)
    nothing = run(mdp, 0, 3, **options)
    same_runs(entgame.resume(mdp, nothing, 700, checkpoints=[10, 250, 251, 700]), whole)


def test_a_run_that_goes_on_meets_more_successors_than_before():
    mdp = garnet(states=40, actions=2, horizon=3, branching=30, seed=1, stationary=True)
    for run in (entgame.run, entgame.run_pooled):
        first = run(mdp, 40, 2, bonus_scale=0.1)
        same_runs(entgame.resume(mdp, first, 660), run(mdp, 700, 2, bonus_scale=0.1))


def test_a_run_that_stopped_goes_on_to_a_better_accuracy():
    """It looks at the times of one run, wherever the first part ended."""
    mdp = garnet(states=2, actions=2, horizon=2, branching=2, seed=1)
    whole = entgame.run(mdp, 60_000, 5, eps=1.3, bonus_scale=0.5)
    assert whole.episodes < 60_000
    for episodes, eps in ((60_000, 1.6), (777, 1.3)):
        first = entgame.run(mdp, episodes, 5, eps=eps, bonus_scale=0.5)
        assert first.episodes < whole.episodes
        more = entgame.resume(mdp, first, 60_000 - first.episodes, eps=1.3)
        same_runs(more, whole)
    blind = entgame.run(mdp, 5000, 5, bonus_scale=0.5)
    late = entgame.resume(mdp, blind, 55_000, eps=1.3)
    assert 5000 < late.episodes < 60_000 and late.certified_gap <= 1.3


# ------------------------------------------------------------------------------ the rule at the ceiling


WORLDS = {
    "double chain": double_chain(length=31, failure=0.1, horizon=20),
    "garnet": garnet(states=12, actions=3, horizon=8, branching=3, seed=0, stationary=True),
}


def test_with_the_full_bonus_the_rule_explores_the_chain():
    """A gap of at most 0.2 after 5,000 episodes, where the source's rule is no better than chance."""
    mdp = WORLDS["double chain"]
    best = max_entropy.solve(mdp).value
    chance = visitation_entropy(visitation.policy_visitation(mdp, np.full((20, 31, 2), 0.5)))
    for seed in range(3):
        assert best - entgame.run(mdp, 5000, seed).visitation_entropy < 0.2
        source = entgame.run(mdp, 5000, seed, saturated="source").visitation_entropy
        assert source < chance + 0.1 < best - 5


@pytest.mark.parametrize("mdp", WORLDS.values(), ids=WORLDS)
def test_where_no_value_reaches_the_ceiling_the_rules_agree(mdp):
    """Then the action is the first maximiser of Qbar; elsewhere one with Qbar >= ceiling."""
    config = entgame.settings("per stage", 400, bonus_scale=0.01)
    tables, memory = entgame._stage_tables(mdp, config), entgame_plain.Memory(mdp.H, mdp.S, mdp.A)
    random, low_and_high = np.full((mdp.H, mdp.S, mdp.A), 1 / mdp.A), set()
    for t, (states, actions) in enumerate(
        zip(*simulator.rollouts(mdp, random, 400, 0), strict=True), start=1
    ):
        for h, (s, a) in enumerate(zip(states, actions, strict=True)):
            memory.record(h, s, a, states[h + 1] if h < mdp.H - 1 else None)
        if t % 20 == 0:
            new = entgame_plain.plan(memory, t, tables)
            old = entgame_plain.plan(memory, t, tables, saturated="source")
            low = new.Q.max(axis=2) < mdp.H * tables.bound[t]
            assert np.array_equal(new.Q, old.Q) and np.array_equal(new.V, old.V)
            assert np.array_equal(new.actions[low], old.actions[low])
            played = np.take_along_axis(new.Q, new.actions[..., None], axis=2)[..., 0]
            assert np.all(new.V[:-1] <= played)
            low_and_high |= set(low.ravel().tolist())
    assert low_and_high == {True, False}


def test_the_pooled_learner_without_a_ceiling_sees_the_whole_grid():
    """As published for the grid: with the full bonus, every cell often; with a ceiling it does not."""
    mdp = grid_world(rows=9, cols=9, success=0.95, horizon=8)
    best = max_entropy.solve_average(mdp, tol=1e-3).value
    clipped, free = (
        best - entgame.run_pooled(mdp, 4000, 1, clip=x, ties="near").average_visitation_entropy
        for x in (True, False)
    )
    assert free < 0.1 < clipped / 5


# ------------------------------------------------------------------------------------------- what a result promises


@pytest.fixture(scope="module")
def chain():
    return double_chain(length=31, failure=0.1, horizon=20)


@pytest.mark.parametrize("run", [entgame.run, entgame.run_pooled])
def test_result(chain, run):
    result = run(chain, 1000, 3, bonus_scale=0.0, checkpoints=[10, 100, 1000])
    assert result.counts.shape == result.visitation.shape == result.policy.shape == (20, 31, 2)
    assert (result.counts.sum(axis=(1, 2)) == 1000).all()
    assert visitation.flow_residual(chain, result.visitation) < 1e-12
    np.testing.assert_allclose(
        visitation.policy_visitation(chain, result.policy), result.visitation, atol=1e-12
    )
    assert [c.episodes for c in result.checkpoints] == [10, 100, 1000]
    assert result.checkpoints[-1].visitation_entropy == pytest.approx(
        result.visitation_entropy, abs=1e-12
    )
    assert result.checkpoints[-1].average_visitation_entropy == pytest.approx(
        average_visitation_entropy(result.visitation), abs=1e-12
    )
    answer = f"visitation_entropy={result.visitation_entropy:.6g})"
    assert repr(result).startswith("EntGameRun(episodes=1000, counts=<20x31x2>, config=Config(")
    assert repr(result).endswith(answer)
    with pytest.raises(ValueError, match="read-only"):
        result.counts[0, 0, 0] = 1


def test_it_finds_the_optimum_and_the_counts_estimate_the_mixture(chain):
    """Counts / T and the exact mixture differ by sampling noise only."""
    result = entgame.run(chain, 20_000, 3, bonus_scale=0.0)
    assert np.abs(result.counts / 20_000 - result.visitation).max() < 5 * 0.5 / math.sqrt(20_000)
    assert 0 < max_entropy.solve(chain).value - result.visitation_entropy < 0.02


def test_checkpoints_and_evaluation_change_nothing(chain):
    plain = entgame.run(chain, 700, 9)
    looked = entgame.run(chain, 700, 9, checkpoints=range(1, 701, 13))
    blind = entgame.run(chain, 700, 9, evaluate=False, checkpoints=[5])
    np.testing.assert_array_equal(plain.counts, looked.counts)
    np.testing.assert_array_equal(plain.visitation, looked.visitation)
    np.testing.assert_array_equal(plain.counts, blind.counts)
    assert math.isnan(blind.checkpoints[0].visitation_entropy)
    with pytest.raises(ValueError, match="evaluate=False"):
        _ = blind.visitation_entropy


def test_same_seed_same_numbers(chain):
    seed = np.random.SeedSequence(4)
    first, second = entgame.run(chain, 300, 4), entgame.run(chain, 300, seed)
    np.testing.assert_array_equal(first.counts, second.counts)
    assert (first.counts != entgame.run(chain, 300, 5).counts).any()


def test_the_kernel_may_change_with_the_stage():
    mdp = garnet(states=4, actions=2, horizon=5, branching=2, seed=0)
    result = entgame.run(mdp, 5000, 0, bonus_scale=0.0)
    assert max_entropy.solve(mdp).value - result.visitation_entropy < 0.05
    with pytest.raises(ValueError, match="stationary"):
        entgame.run_pooled(mdp, 10, 0)


# --------------------------------------------------------------------------------------------------- kernel known


def test_known_model_stays_below_its_bound():
    """Suboptimality <= H R_T / T at every T, and the certificate lies above the optimum."""
    mdp = double_chain(length=11, failure=0.1, horizon=8)
    best = max_entropy.solve(mdp).value
    result = entgame.run_known(mdp, 300, checkpoints=[1, 3, 10, 30, 100, 300])
    for point in result.checkpoints:
        gap = best - point.visitation_entropy
        assert -1e-9 <= gap <= 8 * forecaster.worst_regret(point.episodes, 22) / point.episodes
        assert point.optimistic_value >= best - 1e-9
    assert visitation.flow_residual(mdp, result.visitation) < 1e-12


GARNET = WORLDS["garnet"]
test_bad_input_is_named = refusals(
    (lambda: entgame_plain.run(GARNET, 5, 0, delta=2), "delta = 2.0: must lie strictly"),
    (lambda: entgame.run(GARNET, 1, 0, saturated="never"), "saturated = 'never'"),
    (lambda: entgame.run_pooled(GARNET, 1, 0, ties="last"), "ties = 'last'"),
    (lambda: entgame.run(GARNET, 10, 0, checkpoints=5), "checkpoints = 5: expected a list"),
    (lambda: entgame.run(GARNET, 10, 0, checkpoints=[0]), r"checkpoints\[0\] = 0"),
    (lambda: entgame.run_pooled(GARNET, 10, 0, checkpoints=[3, 11]), r"checkpoints\[1\] = 11"),
    (lambda: entgame.resume(GARNET, entgame.run_known(GARNET, 5), 5), "run: of run_known"),
    (lambda: entgame.resume(MASKED, entgame.run(GARNET, 5, 0), 5), "run: of another MDP"),
    (
        lambda: entgame.resume(GARNET, entgame.run(GARNET, 5, 0), 5, checkpoints=[5]),
        r"checkpoints\[0\] = 5",
    ),
)


def test_the_tables_of_the_plain_learner_are_those_of_the_definition():
    chain = double_chain(length=3, failure=0.1, horizon=4)
    found = entgame_plain.tables(chain, 30, n0=0.5, delta=0.2, bonus_scale=0.3)
    n = np.arange(31)
    alpha = np.log(2 * 3 * 2 * 4 / 0.2) + 3 * np.log(np.e * (1 + n))
    np.testing.assert_allclose(found.log, np.log(1 + n / 0.5), rtol=1e-15)
    np.testing.assert_allclose(found.spread, np.sqrt(2 * alpha / np.maximum(n, 1)), rtol=1e-14)
    np.testing.assert_allclose(found.bound, np.log(n / 0.5 + 6), rtol=1e-15)
    assert found.scale == 0.3
