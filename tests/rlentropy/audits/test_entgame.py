"""The judge of EntGame against a plain NumPy twin, the learner itself, closed forms and enumeration."""

from itertools import product
from math import comb, log

import numpy as np
import pytest
from plain_learners import masked
from refusals import refusals

from rlentropy import confidence
from rlentropy import distributions as dist
from rlentropy.audits import entgame as proof
from rlentropy.episodic import environments, induction
from rlentropy.episodic.visitation import policy_visitation
from rlentropy.learners import entgame, entgame_plain
from rlentropy.seeds import generator

WORLD = environments.garnet(states=3, actions=2, horizon=3, branching=2, seed=4)
MASKED = masked(environments.garnet(states=3, actions=3, horizon=3, branching=2, seed=4), 2)
SIZE = {"S": 3, "A": 2, "H": 3, "delta": 0.1}


class Twin:
    """EntGame and its judge in plain NumPy: dense arrays, one episode at a time."""

    def __init__(self, mdp, config):
        n0, delta, scale = config.n0, config.delta, config.bonus_scale
        self.tables, self.saturated = entgame._stage_tables(mdp, config), config.saturated
        self.memory = entgame_plain.Memory(mdp.H, mdp.S, mdp.A, mdp.available)
        self.there = np.tile(mdp.available, (mdp.H, 1, 1))
        self.mdp, self.P, self.n0, self.delta, self.scale = mdp, mdp.dense(), n0, delta, scale
        self.moves = np.zeros((mdp.H - 1, mdp.S, mdp.A, mdp.S))
        self.n, self.N = np.zeros((2, mdp.H, mdp.S, mdp.A))
        self.total = dict.fromkeys(
            ("regret", "width", "reward", "paid", "in_range", "deviation", "failed"), 0.0
        )
        self.least = dict.fromkeys(
            ("counts", "optimism", "certificate", "gap below", "gap above"), np.inf
        )
        self.divergence = 0.0

    def episode(self, t, uniforms):
        """Judge and play episode t."""
        mdp, n = self.mdp, self.n
        ceiling = mdp.H * float(entgame.reward_bound(t, mdp.S, mdp.A, self.n0))
        r = np.log((t + mdp.S * mdp.A * self.n0) / (n + self.n0))
        r[~self.there] = -np.inf
        alpha = confidence.log_confidence(n, mdp.S, mdp.A, mdp.H, self.delta)
        spread = np.sqrt(2 * alpha / np.maximum(n, 1))
        now = entgame_plain.plan(self.memory, t, self.tables, saturated=self.saturated)
        self._judge(r, spread, now.Q, now.V, now.actions, ceiling)
        self._play(now.actions, uniforms, r)

    def _judge(self, r, spread, Q, V, greedy, ceiling):
        mdp, n, start = self.mdp, self.n, self.mdp.start
        pi = np.eye(mdp.A)[greedy]
        d = policy_visitation(mdp, pi)
        value = induction.evaluate(mdp, pi, np.where(self.there, r, 0.0))
        Q_best, best = r.copy(), np.zeros((mdp.H + 1, mdp.S))
        for h in reversed(range(mdp.H)):
            Q_best[h] += self.P[h] @ best[h + 1] if h < mdp.H - 1 else 0.0
            best[h] = Q_best[h].max(axis=1)
        w = np.where(n > 0, np.minimum(ceiling, (self.scale + 0.5) * ceiling * spread), ceiling)
        optimism = min((Q[self.there] - Q_best[self.there]).min(), (V - best).min())
        regret, gap = best[0, start] - value[0, start], V[0, start] - value[0, start]
        width = np.sum(d * w)
        known, inner = (n > 0)[:-1], d[:-1]
        mean = np.array([self.P[h] @ value[h + 1] for h in range(mdp.H - 1)])
        rise = [value[h + 1] - mean[h][..., None] for h in range(mdp.H - 1)]
        variance = np.array([np.sum(self.P[h] * rise[h] ** 2, axis=-1) for h in range(mdp.H - 1)])
        news = {
            "regret": regret, "width": width, "reward": value[0, start], "failed": optimism < -1e-12 * ceiling,
            "in_range": np.sum(inner * known * spread[:-1]) * ceiling / 2,
            "deviation": np.sum(inner * known * spread[:-1] * np.sqrt(variance)),
        }  # fmt: skip
        for name, x in news.items():
            self.total[name] += float(x)
        slack = {
            "optimism": optimism,
            "certificate": best[0, start],
            "gap below": gap - regret,
            "gap above": width - gap,
        }
        self.least |= {name: min(self.least[name], float(x)) for name, x in slack.items()}
        self.N += d

    def _play(self, greedy, uniforms, r):
        mdp, s = self.mdp, self.mdp.start
        for h in range(mdp.H):
            a = greedy[h, s]
            self.total["paid"] += r[h, s, a]
            self.n[h, s, a] += 1
            after = None
            if h < mdp.H - 1:
                after = int(np.argmax(uniforms[h] < np.cumsum(self.P[h, s, a])))
                self.moves[h, s, a, after] += 1
            self.memory.record(h, s, a, after)
            s = after
        n, hat = (
            self.moves.sum(axis=3),
            self.moves / np.maximum(self.moves.sum(axis=3), 1)[..., None],
        )
        kl = dist.kl(dist.log_probabilities(hat), dist.log_probabilities(self.P))
        alpha = confidence.log_confidence(n, mdp.S, mdp.A, mdp.H, self.delta)
        self.divergence = max(self.divergence, float(np.where(n > 0, n * kl / alpha, 0).max()))
        margin = confidence.count_margin(mdp.S, mdp.A, mdp.H, self.delta)
        self.least["counts"] = min(
            self.least["counts"], float((self.n - self.N / 2 + margin)[self.there].min())
        )


@pytest.mark.parametrize("world", [WORLD, MASKED])
@pytest.mark.parametrize("saturated", ["unclipped", "source"])
@pytest.mark.parametrize(("n0", "scale"), [(1, 1.0), (0.5, 0.5), (2, 0.0), (1, 0.05)])
def test_judge_agrees_with_its_plain_twin(n0, scale, saturated, world):
    options = {"n0": n0, "delta": 0.2, "bonus_scale": scale, "saturated": saturated}
    audit = proof.measure(world, [10, 150], 7, **options, optimum=0.0)
    twin, uniforms = Twin(world, audit.config), generator(7).random((150, 2))
    for t in range(150):
        twin.episode(t, uniforms[t])
        if t + 1 in audit.T:
            i = list(audit.T).index(t + 1)
            for name, x in twin.total.items():
                assert getattr(audit, name)[i] == pytest.approx(x, rel=1e-10, abs=1e-10), name
            assert audit.visits[i] == pytest.approx(np.abs(twin.n - twin.N).sum(axis=(1, 2)).max())
    assert np.array_equal(audit.counts, twin.n)
    assert audit.divergence == pytest.approx(twin.divergence, rel=1e-10)
    for name, x in twin.least.items():
        assert audit.slack[name] == pytest.approx(x, rel=1e-10, abs=1e-10), name


@pytest.mark.parametrize("world", [WORLD, MASKED])
@pytest.mark.parametrize("saturated", ["unclipped", "source"])
@pytest.mark.parametrize("scale", [1.0, 0.5, 0.0])
def test_the_learner_judged_is_the_learner(scale, saturated, world):
    options = {"bonus_scale": scale, "saturated": saturated}
    run = entgame.run(world, 5000, 3, **options)
    audit = proof.measure(world, [1, 700, 5000], 3, **options)
    assert np.array_equal(audit.counts, run.counts)
    np.testing.assert_allclose(audit.visitation, run.visitation, atol=1e-13)
    assert audit.achieved[-1] == pytest.approx(run.visitation_entropy)


@pytest.mark.parametrize(
    ("world", "saturated"), [(WORLD, "unclipped"), (WORLD, "source"), (MASKED, "unclipped")]
)
def test_inequalities_hold_with_the_bonus(world, saturated):
    audit = proof.measure(world, [200, 3000], 5, bonus_scale=0.5, saturated=saturated)
    for i in (0, 1):
        assert all(left <= right + 1e-9 for left, right in audit.inequalities(i).values())
    assert set(audit.inequalities()) == set(proof.MEANING) == set(proof.SOURCE)
    assert audit.failed[-1] == 0
    assert audit.counts[:, ~world.available].sum() == 0


@pytest.mark.parametrize("saturated", ["unclipped", "source"])
def test_without_the_bonus_optimism_fails(saturated):
    without = proof.measure(WORLD, [3000], 5, bonus_scale=0.0, saturated=saturated)
    assert without.inequalities()["I3"][0] > 0.01 and without.failed[-1] > 0


def test_the_four_steps_add_up_to_more_than_the_loss():
    audit = proof.measure(WORLD, [50, 500, 5000], 6)
    steps = audit.regret + (audit.reward - audit.paid) + (audit.paid - audit.T * audit.achieved)
    assert np.all(audit.T * (audit.optimum - audit.achieved) <= steps)


@pytest.mark.parametrize("sizes", [(2, 2, 2), (3, 2, 3), (31, 2, 20)])
def test_bound_decreases_and_is_solved_for_the_episodes(sizes):
    grid = proof.shortest_run(*sizes, 0.1) * np.geomspace(1, 1e12, 200)
    assert np.all(np.diff([proof.pac_bound(t, *sizes, 0.1) for t in grid]) < 0)
    for eps in (proof.trivial_bound(*sizes), 0.1):
        T = proof.episodes_needed(eps, *sizes, 0.1, bonus_scale=0.5)
        assert (
            proof.pac_bound(T, *sizes, 0.1, bonus_scale=0.5)
            <= eps
            < proof.pac_bound(T * (1 - 1e-6), *sizes, 0.1, bonus_scale=0.5)
        )


def test_an_easy_demand_needs_the_shortest_run():
    assert proof.episodes_needed(1e6, **SIZE) == np.ceil(proof.shortest_run(**SIZE))


def test_divergence_excess_against_a_loop():
    p, uniforms = np.array([0.2, 0.5, 0.3]), generator(8).random((4, 30))
    for path, found in zip(uniforms, proof.divergence_excess(p, 30, 4, 8), strict=True):
        x = np.searchsorted(np.cumsum(p), path, side="right")
        excess = []
        for n in range(1, 31):
            hat = np.bincount(x[:n], minlength=3) / n
            kl = dist.kl(dist.log_probabilities(hat), np.log(p))
            excess.append(n * kl - log(comb(n + 2, 2)))
        assert found == pytest.approx(max(excess))


def test_count_deficit_against_a_loop():
    for path, found in zip(
        generator(9).random((3, 200)), proof.count_deficit(200, 3, 9, share=0.9), strict=True
    ):
        deficit, hits, highest = 0.0, 0, -np.inf
        for u in path:
            P = (0.02, 0.05)[hits % 2]
            hits += u < P
            deficit += 0.9 * P - (u < P)
            highest = max(highest, deficit)
        assert found == pytest.approx(highest)


@pytest.mark.parametrize("S", [2, 3, 7])
def test_log_binomial_and_its_bounds(S):
    n = np.arange(1, 40)
    exact = [log(comb(k + S - 1, S - 1)) for k in n]
    np.testing.assert_allclose(proof.log_binomial(n, S), exact, atol=1e-10)
    first, second = proof.binomial_bounds(n, S)
    assert np.all(exact <= first) and np.all(first <= second + 1e-12)


def test_return_moments_by_enumeration():
    rng = np.random.default_rng(2)
    actions, r, P = rng.integers(2, size=(3, 3)), rng.random((3, 3, 2)), WORLD.dense()
    first = second = 0.0
    for path in product(range(3), repeat=2):
        states = (WORLD.start, *path)
        probability = np.prod(
            [P[h, states[h], actions[h, states[h]], states[h + 1]] for h in range(2)]
        )
        G = sum(r[h, s, actions[h, s]] for h, s in enumerate(states))
        first, second = first + probability * G, second + probability * G**2
    assert proof.return_moments(WORLD, actions, r) == pytest.approx((first, second))
    assert proof.summed_variance(WORLD, actions, r) == pytest.approx(second - first**2)


@pytest.mark.parametrize("moments", [proof.return_moments, proof.summed_variance])
def test_a_policy_of_unavailable_actions_is_refused(moments):
    r = np.ones((3, 3, 3))
    actions = np.tile(MASKED.available.argmax(axis=1), (3, 1))
    assert np.all(np.isfinite(moments(MASKED, actions, r)))
    s, a = np.argwhere(~MASKED.available)[0]
    actions[1, s] = a
    with pytest.raises(ValueError, match=rf"actions\[1, {s}\] = {a}: .*not available"):
        moments(MASKED, actions, r)


def test_numbers_for_tables():
    assert [proof.tex(x) for x in (1e-12, 0.25, 119.57, 46075, -6.2e-5)] == [
        "$0$", "$0.25$", "$120$", r"$4.6\cdot10^{4}$", r"$-6.2\cdot10^{-5}$",
    ]  # fmt: skip
    assert proof.comparison(1e-15, 0) == r"$0$<br>$\le0$"
    assert proof.comparison(1, 0).endswith("**fails**")


test_times_have_to_increase = refusals(
    (lambda: proof.measure(WORLD, [5, 5], 0), "T: must hold"),
    (lambda: proof.measure(WORLD, [], 0), "T: must hold"),
    (lambda: proof.measure(WORLD, [0, 5], 0), r"T\[0\]"),
)
