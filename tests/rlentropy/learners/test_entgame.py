"""EntGame against its plain twins, step for step on the same random numbers, and against exact values."""

import functools
import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from rlentropy.episodic import forecaster, max_entropy, visitation
from rlentropy.episodic.environments import double_chain, garnet, grid_world
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.episodic.visitation import average_visitation_entropy, visitation_entropy
from rlentropy.learners import entgame
from rlentropy.seeds import generator

# --------------------------------------------------------------------------------------------------- plain twins


# Logarithms and bonuses with thirty digits, then rounded: they are those of the kernels on every processor.
MP = mpmath.MPContext()
MP.dps = 30


@functools.cache
def log_share(n, whole, first=1):
    """log(first + n / whole), rounded."""
    return float(MP.log(first + MP.mpf(n) / whole))


@functools.cache
def spread(n, pairs, delta, factor, whole, two):
    """sqrt(two (log(pairs / delta) + factor (1 + log(1 + n / whole))) / max(n, 1)), rounded."""
    radius = MP.log(pairs / MP.mpf(delta)) + factor * (1 + MP.log1p(MP.mpf(n) / whole))
    return float(MP.sqrt(two * radius / max(n, 1)))


def each(function, n, *rest):
    """function(n, *rest) for every entry of an array of whole numbers."""
    values, places = np.unique(n, return_inverse=True)
    return np.array([function(k, *rest) for k in values.tolist()])[places].reshape(n.shape)


def next_state(mdp, h, s, a, u):
    row = np.cumsum(mdp.P[min(h, len(mdp.P) - 1)].toarray()[s * mdp.A + a])
    return min(
        int(np.searchsorted(row, u, side="right")),
        int(np.flatnonzero(np.diff(row, prepend=0.0))[-1]),
    )


def twin(mdp, episodes, seed, *, n0=1, delta=0.1, bonus_scale=1.0, ceiling="source"):
    """EntGame per stage as in the definition, on dense arrays; returns counts, visitation and the last values."""
    H, S, A = mdp.H, mdp.S, mdp.A
    n, moves, seen = (
        np.zeros((H, S, A), int),
        np.zeros((H, S, A, S)),
        [[[] for _ in range(S)] for _ in range(H)],
    )
    total, V, uniforms = (
        np.zeros((H, S, A)),
        np.zeros((H + 1, S)),
        generator(seed).random((episodes, H - 1)),
    )
    for t in range(episodes):
        B = log_share(t, n0, S * A)
        bonus = bonus_scale * (H * B) * each(spread, n, 2 * S * A * H, delta, S, 1, 2)
        Q = np.where(n == 0, np.inf, B - each(log_share, n, n0) + bonus)
        for h in reversed(range(H)):
            for s in range(S):
                for after in seen[h][s]:
                    Q[h, s] += moves[h, s, :, after] / np.maximum(n[h, s], 1) * V[h + 1, after]
            V[h] = np.minimum(Q[h].max(axis=1), (H if ceiling == "source" else H - h) * B)
        greedy = Q.argmax(axis=2)
        total += visitation.push_forward(mdp, np.eye(A)[greedy])
        s = mdp.start
        for h in range(H):
            a = greedy[h, s]
            n[h, s, a] += 1
            if h < H - 1:
                after = next_state(mdp, h, s, a, uniforms[t, h])
                if after not in seen[h][s]:
                    seen[h][s].append(after)
                moves[h, s, a, after] += 1
                s = after
    return n, total / max(episodes, 1), V


def pooled_twin(mdp, episodes, seed, *, n0=1, delta=0.1, bonus_scale=1.0):
    """EntGame with pooled counts, as in the published code up to ties, on dense arrays."""
    H, S, A = mdp.H, mdp.S, mdp.A
    n, moves, seen = np.zeros((S, A), int), np.zeros((S, A, S)), [[] for _ in range(S)]
    counts, total, uniforms = (
        np.zeros((H, S, A), int),
        np.zeros((H, S, A)),
        generator(seed).random((episodes, H)),
    )
    for t in range(episodes):
        B = log_share(t * H, n0, S * A)
        bonus, log = (
            each(spread, n, 4 * S * A * H, delta, S - 1, max(S - 1, 1), 1),
            each(log_share, n, n0),
        )
        greedy, V = np.zeros((H, S), int), np.zeros(S)
        for h in reversed(range(H)):
            ceiling = (H - h) * B
            Q = B - log + bonus_scale * ceiling * bonus
            Q += np.where(n == 0, np.cumsum(V)[-1] / S, 0.0)
            for s in range(S):
                for after in seen[s]:
                    Q[s] += moves[s, :, after] / np.maximum(n[s], 1) * V[after]
            V = np.minimum(Q.max(axis=1), ceiling)
            greedy[h] = Q.argmax(axis=1)
        total += visitation.push_forward(mdp, np.eye(A)[greedy])
        s = mdp.start
        for h in range(H):
            a = greedy[h, s]
            n[s, a] += 1
            counts[h, s, a] += 1
            after = next_state(mdp, h, s, a, uniforms[t, h])
            if after not in seen[s]:
                seen[s].append(after)
            moves[s, a, after] += 1
            s = after
    return counts, total / max(episodes, 1)


# ------------------------------------------------------------------------------------------- kernels equal their twins


@st.composite
def mdps(draw, stationary=None):
    """Small episodic MDPs; rows may be deterministic, absorbing or full, states may be unreachable."""
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
    return EpisodicMDP(P=P, horizon=H, start=draw(st.integers(0, S - 1)))


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


CEILINGS = {"ceiling": st.sampled_from(["source", "stage"])}


@settings(max_examples=60)
@given(mdps(), st.integers(0, 60), st.integers(0, 99), st.fixed_dictionaries(SETTINGS | CEILINGS))
def test_kernel_equals_twin(mdp, episodes, seed, options):
    n, d, V = twin(mdp, episodes, seed, **options)
    result = entgame.run(mdp, episodes, seed, checkpoints=[episodes] if episodes else [], **options)
    np.testing.assert_array_equal(result.counts, n)
    if episodes:
        np.testing.assert_allclose(result.visitation, d, rtol=0, atol=1e-12)
        assert result.checkpoints[0].optimistic_value == V[0, mdp.start]


@settings(max_examples=60)
@given(
    mdp=mdps(stationary=True),
    episodes=st.integers(0, 60),
    seed=st.integers(0, 99),
    options=st.fixed_dictionaries(SETTINGS),
)
def test_pooled_kernel_equals_twin(mdp, episodes, seed, options):
    n, d = pooled_twin(mdp, episodes, seed, **options)
    result = entgame.run_pooled(mdp, episodes, seed, **options)
    np.testing.assert_array_equal(result.counts, n)
    if episodes:
        np.testing.assert_allclose(result.visitation, d, rtol=0, atol=1e-12)


@pytest.mark.parametrize("mdp", DEGENERATE.values(), ids=DEGENERATE)
@pytest.mark.parametrize("episodes", [0, 1, 50])
@pytest.mark.parametrize("pooled", [False, True])
def test_degenerate_cases(mdp, episodes, pooled):
    run, plain = (entgame.run_pooled, pooled_twin) if pooled else (entgame.run, twin)
    result = run(mdp, episodes, 5)
    np.testing.assert_array_equal(result.counts, plain(mdp, episodes, 5)[0])
    assert visitation.flow_residual(mdp, result.visitation) < 1e-12
    np.testing.assert_allclose(result.policy.sum(axis=2), 1, atol=1e-12)


def test_more_successors_than_there_was_room_for():
    """The lists of successors grow in the middle of a run, and between blocks, without a trace in the numbers."""
    mdp = garnet(states=40, actions=2, horizon=3, branching=30, seed=1, stationary=True)
    result = entgame.run(mdp, 700, 2, bonus_scale=0.1)
    np.testing.assert_array_equal(result.counts, twin(mdp, 700, 2, bonus_scale=0.1)[0])
    pooled = entgame.run_pooled(mdp, 300, 2, bonus_scale=0.1)
    np.testing.assert_array_equal(pooled.counts, pooled_twin(mdp, 300, 2, bonus_scale=0.1)[0])


@pytest.mark.parametrize("bonus_scale", [0.0, 0.03, 1.0])
@pytest.mark.parametrize("n0", [0.5, 1, 2.5])
@pytest.mark.parametrize("ceiling", ["source", "stage"])
def test_skipping_saturated_states_is_exact(bonus_scale, n0, ceiling):
    """Without evaluation, states whose own terms reach the ceiling are not planned; the counts are the same."""
    mdp = grid_world(rows=5, cols=5, success=0.9, horizon=8)
    options = {"n0": n0, "bonus_scale": bonus_scale, "ceiling": ceiling}
    quick = entgame.run(mdp, 3000, 7, evaluate=False, **options)
    np.testing.assert_array_equal(quick.counts, entgame.run(mdp, 3000, 7, **options).counts)


def test_no_continuation_for_unvisited_pairs_is_harmful():
    """Where pairs without data are worth their reward only, and nothing beyond, the learner does not explore."""
    mdp = double_chain(length=11, failure=0.1, horizon=8)
    best = max_entropy.solve(mdp).value
    _, honest = entgame.run_plain(mdp, 2000, 0, bonus_scale=0.0)
    _, mutant = entgame.run_plain(mdp, 2000, 0, bonus_scale=0.0, unvisited="nothing")
    assert best - visitation_entropy(honest) < 0.1
    assert best - visitation_entropy(mutant) > 1
    with pytest.raises(ValueError, match="unvisited = 'zero'"):
        entgame.run_plain(mdp, 1, 0, unvisited="zero")
    with pytest.raises(ValueError, match="ceiling = 'low'"):
        entgame.run(mdp, 1, 0, ceiling="low")


def test_the_version_for_reading_is_the_same_algorithm():
    """On a random MDP, where ties are rare, it takes the same actions for a while; its mixture stays as good."""
    mdp = garnet(states=5, actions=2, horizon=4, branching=3, seed=8)
    counts, d = entgame.run_plain(mdp, 300, 1, bonus_scale=0.01)
    result = entgame.run(mdp, 300, 1, bonus_scale=0.01)
    assert abs(visitation_entropy(d) - result.visitation_entropy) < 0.05
    assert np.abs(counts - result.counts).sum() < 0.1 * counts.sum()


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
    with pytest.raises(ValueError, match="read-only"):
        result.counts[0, 0, 0] = 1


def test_the_mixture_is_what_the_counts_estimate(chain):
    """Counts / T and the exact mixture differ by sampling noise only."""
    result = entgame.run(chain, 20_000, 3, bonus_scale=0.0)
    assert np.abs(result.counts / 20_000 - result.visitation).max() < 5 * 0.5 / math.sqrt(20_000)


def test_it_finds_the_optimum(chain):
    optimum = max_entropy.solve(chain)
    result = entgame.run(chain, 20_000, 3, bonus_scale=0.0)
    assert 0 < optimum.value - result.visitation_entropy < 0.02


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


def test_no_episode_gives_the_uniform_policy(chain):
    result = entgame.run(chain, 0, 0)
    assert (result.counts == 0).all()
    assert (result.policy == 0.5).all()


def test_the_kernel_may_change_with_the_stage():
    mdp = garnet(states=4, actions=2, horizon=5, branching=2, seed=0)
    result = entgame.run(mdp, 5000, 0, bonus_scale=0.0)
    assert max_entropy.solve(mdp).value - result.visitation_entropy < 0.05
    with pytest.raises(ValueError, match="stationary"):
        entgame.run_pooled(mdp, 10, 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"episodes": -1}, "episodes = -1"),
        ({"episodes": 2.5}, "episodes = 2.5"),
        ({"seed": -3}, "seed = -3"),
        ({"seed": None}, "seed = None"),
        ({"n0": 0}, "n0 = 0"),
        ({"n0": math.nan}, "n0 = nan"),
        ({"delta": 0}, "delta = 0"),
        ({"delta": 1.5}, "delta = 1.5"),
        ({"bonus_scale": -0.1}, "bonus_scale = -0.1"),
        ({"bonus_scale": math.inf}, "bonus_scale = inf"),
        ({"checkpoints": [0]}, r"checkpoints\[0\] = 0"),
        ({"checkpoints": [3, 11]}, r"checkpoints\[1\] = 11"),
    ],
)
@pytest.mark.parametrize("run", [entgame.run, entgame.run_pooled])
def test_bad_input_is_named(chain, run, change, message):
    arguments = {"mdp": chain, "episodes": 10, "seed": 0} | change
    with pytest.raises(ValueError, match=message):
        run(**arguments)


def test_sparse_kernels_with_stored_zeros():
    P = sparse.csr_array(np.array([[0.5, 0.5], [1.0, 0.0], [0.0, 1.0], [0.5, 0.5]]))
    P.data[0] = 0.5
    mdp = EpisodicMDP(P=P, horizon=3, start=0)
    np.testing.assert_array_equal(entgame.run(mdp, 40, 0).counts, twin(mdp, 40, 0)[0])


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


def test_lists_of_checkpoints_and_prior_counts_are_checked():
    with pytest.raises(ValueError, match="checkpoints = 5: expected a list"):
        entgame.run(double_chain(length=3, failure=0.1, horizon=2), 5, 0, checkpoints=5)
    with pytest.raises(ValueError, match=r"n0 = 0.0: must be greater than 0"):
        entgame.reward_bound(3, 2, 2, 0)
    with pytest.raises(ValueError, match=r"delta = 2.0: must lie strictly between"):
        entgame.run_plain(double_chain(length=3, failure=0.1, horizon=2), 5, 0, delta=2)
