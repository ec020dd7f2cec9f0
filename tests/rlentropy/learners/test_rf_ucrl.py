"""RF-UCRL against a plain NumPy twin on the same random numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_learners import difference, explore, masked

from rlentropy.episodic import environments, trajectory_entropy
from rlentropy.learners import model as empirical_model
from rlentropy.learners import rf_ucrl, simulator


def twin(mdp, episodes, seed, options):
    H, S, A = mdp.H, mdp.S, mdp.A
    published, near = options.published_code, options.ties == "near"

    def draw(q, u):
        best = np.flatnonzero(np.isclose(q, q.max()) if near else q == q.max())
        return best[int(u * len(best))]

    def plan(n, m):
        E, F = np.zeros((H, S, A)), np.zeros(S)
        visits = np.maximum(n, 1)
        beta = np.log(2 * S * A * H / options.delta)
        beta = beta + ((S - 1) * np.log(np.e * (1 + n / (S - 1))) if S > 1 else 0 * n)
        hat = np.where(n[..., None] > 0, m / visits[..., None], 1 / S)
        bonus = options.bonus_scale * (1 if published else np.sqrt(2)) * np.sqrt(beta / visits)
        for h in reversed(range(H)):
            left = H - h if published else H - h - 1
            E[h] = left * bonus[h] + hat[h] @ F
            if not published:
                E[h] = np.where(n[h] > 0, np.minimum(E[h], left), left)
            E[h][~mdp.available] = -np.inf
            F = E[h].max(axis=1)
            F = np.minimum(F, 2 * left) if published and options.clip else F
        return E

    counts, tables = explore(
        mdp, episodes, seed, Q=np.zeros((H, S, A)), draw=draw, plan=plan,
        pooled=options.pooled, last=published,
    )  # fmt: skip
    return counts, tables[-1]


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 7), st.integers(1, 3), st.integers(1, 4), st.integers(0, 12), st.integers(0, 10**6),
    st.booleans(), st.booleans(), st.booleans(), st.sampled_from(["random", "near"]), st.booleans(),
)  # fmt: skip
def test_rf_ucrl_equals_twin(S, A, H, episodes, seed, pooled, published, clip, ties, some):
    mdp = environments.garnet(
        states=S, actions=A, horizon=H, branching=1 + seed % S, seed=seed, stationary=True
    )
    mdp = masked(mdp, seed) if some else mdp
    options = rf_ucrl.RewardFreeOptions(
        pooled=pooled, published_code=published, clip=clip, bonus_scale=0.37, ties=ties
    )
    counts, E = twin(mdp, episodes, seed, options)
    result = rf_ucrl.rf_ucrl(mdp, episodes, seed, options=options)
    if np.array_equal(result.counts, counts):
        assert difference(result.error, E) < 1e-9
    else:  # a tie that rounding broke differently: the bounds of the first episodes still agree
        first = next(
            t
            for t in range(1, episodes + 1)
            if not np.array_equal(
                rf_ucrl.rf_ucrl(mdp, t, seed, options=options).counts,
                twin(mdp, t, seed, options)[0],
            )
        )
        before = rf_ucrl.rf_ucrl(mdp, first - 1, seed, options=options).error
        assert difference(before, twin(mdp, first - 1, seed, options)[1]) < 1e-9


def test_rf_ucrl_reaches_the_ends_of_a_chain_more_often_than_chance():
    mdp = environments.double_chain(length=11, failure=0.1, horizon=10)
    chance = simulator.roll_out(mdp, trajectory_entropy.uniform_policy(mdp), 2000, 0).sum(
        axis=(0, 2)
    )
    options = rf_ucrl.RewardFreeOptions(bonus_scale=0.1)
    directed = rf_ucrl.rf_ucrl(mdp, 2000, 0, options=options).counts.sum(axis=(0, 2))
    assert directed[[0, -1]].min() > 3 * chance[[0, -1]].max()


def test_the_error_bound_shrinks_with_experience():
    mdp = environments.double_chain(length=5, failure=0.2, horizon=4)
    bounds = [rf_ucrl.rf_ucrl(mdp, T, 3).error[0, mdp.start].max() for T in (0, 2000, 20_000)]
    assert bounds[1] > 2 * bounds[2] > 0


def test_stage_dependent_kernels_need_stage_dependent_counts():
    mdp = environments.garnet(states=3, actions=2, horizon=3, branching=3, seed=0)
    with pytest.raises(ValueError, match="stationary"):
        rf_ucrl.rf_ucrl(mdp, 1, 0)


def test_near_ties_are_those_of_numpy():
    """Every action that numpy calls close to the largest, and no other, is drawn; u decides."""
    for q in ([1.0, 1 + 0.9e-5, 1 - 2e-5], [0.0, 5e-9, -3e-8], [-4.0, -4.00003, -4.1]):
        q = np.array(q)
        near = set(np.flatnonzero(np.isclose(q, q.max())))
        u = (np.arange(60) + 0.5) / 60
        assert {rf_ucrl.draw_greedy(q, x, True) for x in u} == near
        assert {rf_ucrl.draw_greedy(q, x, False) for x in u} == {int(q.argmax())}


def test_the_model_remembers_every_transition():
    model, reference = empirical_model.empty(2, 5, 3, capacity=1), np.zeros((2, 15, 5))
    for k, row, state in np.random.default_rng(0).integers([2, 15, 5], size=(300, 3)):
        model = empirical_model.record(model, k, row, state)
        reference[k, row, state] += 1
    assert np.array_equal(empirical_model.dense(model, 5), reference)
    p = reference[1, 7] / reference[1, 7].sum()
    assert empirical_model.row_mean(model, 1, 7, np.arange(5.0)) == pytest.approx(
        p @ np.arange(5), abs=1e-14
    )
    assert empirical_model.row_entropy(model, 1, 7) == pytest.approx(
        -np.sum(p[p > 0] * np.log(p[p > 0])), abs=1e-14
    )
