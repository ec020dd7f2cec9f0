"""UCBVI-Ent against a plain NumPy twin on the same random numbers, for every combination of its options."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_learners import choose, explore, masked

from rlentropy import distributions as dist
from rlentropy.episodic import environments, trajectory_entropy
from rlentropy.learners import ucbvi_ent


def betas(n, S, A, H, delta):
    m, base = np.maximum(n, 1), np.log(4 * S * A * H / delta)
    first = base + np.log(4 * np.e * m * (2 * n + 1))
    second = base + np.log(m) ** 2 * np.log(2 * m * (n + 1))
    third = (S - 1) * np.log(np.e * (1 + n / (S - 1))) + 1 if S > 1 else np.ones(n.shape)
    return np.sqrt(first / m), np.sqrt(second / m) + third / m


def twin(mdp, episodes, seed, options):
    H, S, A = mdp.H, mdp.S, mdp.A
    ceiling = np.arange(H, 0, -1) * np.log(S * A)

    def plan(n, m):
        Q, V = np.zeros((H, S, A)), np.zeros(S)
        hat = np.where(n[..., None] > 0, m / np.maximum(n, 1)[..., None], 1 / S)
        own = dist.entropy(dist.log_probabilities(hat))
        for h in reversed(range(H)):
            steep, flat = betas(n[h], S, A, H, options.delta)
            if h < H - 1 or options.last_transition:
                Q[h] = own[h] + options.bonus_scale * (ceiling[h] * steep + flat) + hat[h] @ V
            Q[h][~mdp.available] = -np.inf
            V = dist.logsumexp(Q[h])
            V = np.minimum(ceiling[h], V) if options.clip else V
        return Q

    counts, tables = explore(
        mdp, episodes, seed, Q=np.zeros((H, S, A)), draw=choose, plan=plan,
        pooled=options.pooled, last=options.last_transition,
    )  # fmt: skip
    return counts, dist.log_softmax(tables[-1])


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 7), st.integers(1, 3), st.integers(1, 4), st.integers(0, 20), st.integers(0, 10**6),
    st.sampled_from(list(product([True, False], repeat=3))), st.sampled_from([0.0, 0.05, 1.0]),
    st.booleans(),
)  # fmt: skip
def test_kernel_equals_twin(S, A, H, episodes, seed, switches, bonus_scale, some):
    mdp = environments.garnet(
        states=S, actions=A, horizon=H, branching=1 + seed % S, seed=seed, stationary=True
    )
    mdp = masked(mdp, seed) if some else mdp
    pooled, last, clip = switches
    options = ucbvi_ent.Options(
        pooled=pooled, last_transition=last, clip=clip, bonus_scale=bonus_scale
    )
    counts, log_pi = twin(mdp, episodes, seed, options)
    result = ucbvi_ent.run(mdp, episodes, seed, options=options)
    assert np.array_equal(result.counts, counts)
    assert np.abs(result.policy - np.exp(log_pi)).max() < 1e-8


def test_stage_dependent_kernels_need_stage_dependent_counts():
    mdp = environments.garnet(states=3, actions=2, horizon=3, branching=3, seed=0)
    with pytest.raises(ValueError, match="stationary"):
        ucbvi_ent.run(mdp, 1, 0)
    result = ucbvi_ent.run(
        mdp, 40, 0, options=ucbvi_ent.Options(pooled=False, last_transition=False)
    )
    assert result.counts.sum() == 120


def test_without_bonus_it_approaches_the_optimum():
    mdp = environments.double_chain(length=5, failure=0.2, horizon=4)
    options = ucbvi_ent.Options(last_transition=False, bonus_scale=0.0)
    policy = ucbvi_ent.run(mdp, 20_000, 1, options=options).policy
    assert trajectory_entropy.suboptimality(mdp, policy) < 2e-3
