"""Displays of chapters 14 and 15, transcribed (see `transcription`)."""

import itertools
from math import comb, e, log, sqrt

import numpy as np
from scipy.special import gammaln
from transcribed_06_10 import A, N, S, game, law, visits
from transcription import KL, H, Var, display, softmax

from rlentropy import confidence, seeds
from rlentropy import distributions as dist
from rlentropy.audits import entgame as proof
from rlentropy.audits import lower_bound, saturation, variance_bonus
from rlentropy.audits import optimistic_soft_vi as soft
from rlentropy.episodic import trajectory_entropy
from rlentropy.learners import optimistic_soft_vi as soft_learner
from rlentropy.learners import stopping

rng = np.random.default_rng(14)

DELTA, N0, C_B, T = 0.1, 2.0, 0.7, 700
SIZES = (S, A, N, DELTA)
L1 = log(6 / DELTA)
L2 = log(12 * S * A * N / DELTA)
LP = log(6 * S * A * N / DELTA)
B = log(T / N0 + S * A)


def alpha(n):
    return log(2 * S * A * N / DELTA) + S * log(e * (1 + n))


def regret_of_counts(T):
    m = S * A
    return gammaln(T + m * N0) + gammaln(N0) - gammaln(m * N0) - gammaln(T + N0)


def phi(x, symbols):
    coin = -x * log(x) - (1 - x) * log(1 - x)
    return coin + x * log(symbols - 1) if x < 1 - 1 / symbols else log(symbols)


def TV(p, q):
    return abs(p - q).sum() / 2


# ------------------------------------------------------- a run of T0 episodes of random actions

T0 = 60
RUN_B = log(T0 / N0 + S * A)
R = N * RUN_B
counts = np.zeros((N, S, A))
moves = np.zeros((N - 1, S, A, S))
for _ in range(T0):
    s = 0
    for h in range(N):
        a = rng.choice(A, p=[0.6, 0.35, 0.05])
        counts[h, s, a] += 1
        if h < N - 1:
            after = rng.choice(S, p=law[h, s, a])
            moves[h, s, a, after] += 1
            s = after
reward = np.log((T0 + S * A * N0) / (counts + N0))
OPTIONS = {"n0": N0, "delta": DELTA, "bonus_scale": C_B}


def hat(h, s, a):
    return moves[h, s, a] / counts[h, s, a] if counts[h, s, a] else np.full(S, 1 / S)


def value_of(actions, kernel):
    """V_h(s) of chosen actions."""
    V = np.zeros((N + 1, S))
    for h in reversed(range(N)):
        for s in range(S):
            a = actions[h, s]
            V[h, s] = reward[h, s, a] + (kernel(h, s, a) @ V[h + 1] if h < N - 1 else 0)
    return V


def true(h, s, a):
    return law[h, s, a]


def largest_value():
    tail = np.zeros(S)
    for h in reversed(range(N)):
        tail = np.array(
            [
                max(reward[h, s, a] + (law[h, s, a] @ tail if h < N - 1 else 0) for a in range(A))
                for s in range(S)
            ]
        )
    return tail[0]


def visits_of(actions):
    return visits(np.eye(A)[actions])


def planned(bonus):
    """Qbar, Vbar, and the first greedy actions, with the bonus b(h, s, a, Vbar_{h+1})."""
    V, Q = np.zeros((N + 1, S)), np.zeros((N, S, A))
    for h in reversed(range(N)):
        for s, a in itertools.product(range(S), range(A)):
            if counts[h, s, a] == 0:
                Q[h, s, a] = np.inf
                continue
            ahead = hat(h, s, a) @ V[h + 1] if h < N - 1 else 0
            Q[h, s, a] = reward[h, s, a] + bonus(h, s, a, V[h + 1]) + ahead
        V[h] = np.minimum(Q[h].max(axis=1), R)
    return Q, V, Q.argmax(axis=2)


def plain_bonus(h, s, a, _):
    n = counts[h, s, a]
    return C_B * R * sqrt(2 * alpha(n) / n)


def variance_term(h, s, a, V):
    kappa = alpha(counts[h, s, a]) / counts[h, s, a]
    spread = Var(hat(h, s, a), V) if h < N - 1 else 0.0
    return max(4 * sqrt(kappa * spread), 16 * R * kappa)


# ------------------------------------------------------------------------------------ chapter 14


@display("lem-kl-concentration", 1, text="a70276a3")
def _():
    p, length, least = np.array([0.8, 0.2]), 14, 0.3
    chance = 0.0
    for outcomes in itertools.product((0, 1), repeat=length):
        ones = np.cumsum(outcomes)
        broken = False
        for n, k in enumerate(ones, 1):
            seen = np.array([n - k, k]) / n
            broken |= n * KL(seen, p) > log(1 / least) + log(comb(n + 1, 1))
        chance += broken * 0.8 ** (length - ones[-1]) * 0.2 ** ones[-1]
    assert 0 < chance
    yield chance, "<=", least
    found = proof.divergence_excess(p, length, 3, 5)
    steps = seeds.generator(5).random((3, length))
    excess = []
    for path in steps:
        best = -np.inf
        for n in range(1, length + 1):
            ones = (path[:n] >= 0.8).sum()
            seen = np.array([n - ones, ones]) / n
            best = max(best, n * KL(seen, p) - log(comb(n + 2 - 1, 2 - 1)))
        excess.append(best)
    yield found, "=", excess


@display("lem-kl-concentration", 2, text="43c3f9e9")
def _():
    for n in (1, 9, 400):
        yield float(confidence.log_confidence(n, *SIZES)), "=", alpha(n)
    for h, s, a in itertools.product(range(N - 1), range(S), range(A)):
        if n := counts[h, s, a]:
            yield KL(hat(h, s, a), law[h, s, a]), "<=", alpha(n) / n


@display("lem-counts", 1, text="533b3931")
def _():
    length, least = 12, 0.4
    chance = 0.0
    for outcomes in itertools.product((0, 1), repeat=length):
        weight, broken, parity, total, expected = 1.0, False, 0, 0, 0.0
        for x in outcomes:
            P = (0.2, 0.5)[parity]
            weight *= P if x else 1 - P
            total += x
            expected += P
            parity ^= x
            broken |= total < (1 - 1 / e) * expected - log(1 / least)
        chance += weight * broken
    assert 0 < chance
    yield chance, "<=", least
    found = proof.count_deficit(40, 4, 9, small=0.2, large=0.5)
    deficits = []
    for path in seeds.generator(9).random((4, 40)):
        parity, total, expected, worst = 0, 0, 0.0, -np.inf
        for u in path:
            P = (0.2, 0.5)[parity]
            x = u < P
            total += x
            expected += P
            parity ^= int(x)
            worst = max(worst, (1 - 1 / e) * expected - total)
        deficits.append(worst)
    yield found, "=", deficits


@display("lem-tv", 1, text="32bab818")
def _():
    yield proof.visits_bound(T, *SIZES), "=", 2 * sqrt(S * A * L2 * T)


@display("lem-optimism", 1, text="e3b133d7")
def _():
    for n in (1, 30, 1000):
        p = rng.dirichlet(np.ones(4))
        seen = np.array([0.5, 0.5, 0, 0]) if n == 1 else rng.multinomial(n, p) / n
        V = rng.uniform(0, N * B, 4)
        if KL(seen, p) > alpha(n) / n:
            continue
        chain = [
            abs((seen - p) @ V),
            N * B * TV(seen, p),
            N * B * sqrt(KL(seen, p) / 2),
            N * B * sqrt(2 * alpha(n) / n) / 2,
        ]
        for smaller, larger in itertools.pairwise(chain):
            yield smaller, "<=", larger
        radius = float(confidence.total_variation_radius(n, *SIZES))
        yield N * B * radius, "=", chain[-1]


@display("lem-gap", 1, text="61c181ff")
def _():
    slack, actions, d = saturation.links(game, counts, moves, T0, "first", **OPTIONS)
    _, V, greedy = planned(plain_bonus)
    np.testing.assert_array_equal(greedy, actions)
    yield d, "=", visits_of(greedy)
    w = np.full((N, S, A), R)
    for index in zip(*np.nonzero(counts), strict=True):
        n = counts[index]
        w[index] = min(R, (C_B + 0.5) * R * sqrt(2 * alpha(n) / n))
    own = value_of(greedy, true)[0, 0]
    paid = (visits_of(greedy) * reward).sum()
    width = (visits_of(greedy) * w).sum()
    yield own, "=", paid
    yield largest_value() - paid, "<=", V[0, 0] - own
    yield V[0, 0] - own, "<=", width
    yield slack["gap below"], "=", (V[0, 0] - own) - (largest_value() - paid)
    yield slack["gap above"], "=", width - (V[0, 0] - own)


@display("lem-sum", 1, text="4213edf6")
def _():
    late, reached = 0.0, 0.0
    for d in rng.beta(0.4, 0.6, T):
        if reached >= 4 * LP:
            late += d * sqrt(8 * alpha(T) / reached)
        reached += d
    yield late, "<=", 8 * sqrt(alpha(T) * reached)
    assert late > 0.6 * 8 * sqrt(alpha(T) * reached) / sqrt(2) / 2


@display("lem-sum", 2, text="3eca4c22")
def _():
    display = N**2 * B * (8 * (C_B + 1 / 2) * sqrt(S * A * T * alpha(T)) + S * A * (4 * LP + 1))
    yield proof.sampler_bound(T, *SIZES, n0=N0, bonus_scale=C_B), "=", display
    audit = proof.measure(game, [T0], 3, n0=N0, delta=DELTA, bonus_scale=C_B)
    yield audit.width[0], "<=", proof.sampler_bound(T0, *SIZES, n0=N0, bonus_scale=C_B)


@display("thm-entgame-saturated", 1, text="ff2708d9")
def _():
    U = np.zeros((N, S, A))
    for h in reversed(range(N)):
        for s, a in itertools.product(range(S), range(A)):
            n = max(counts[h, s, a], 1)
            ahead = hat(h, s, a) @ U[h + 1].max(axis=1) if h < N - 1 else 0
            U[h, s, a] = reward[h, s, a] + C_B * R * sqrt(2 * alpha(n) / n) + ahead
    assert (counts == 0).any() and (counts > 0).any()
    yield saturation.plan(counts, moves, T0, **OPTIONS)[2], "=", U


def radius(T):
    k = T.bit_length() - 1
    Lam = S * A * log(2) + log(6 * N * (k + 1) * (k + 2) / DELTA)
    return (2 ** (1 / 4) + 2 ** (-1 / 4)) / 2 * sqrt(Lam / (2 * T))


@display("lem-visits-anytime", 1, text="15cc9252")
def _():
    for T in (1, 700, 1024):
        yield float(confidence.visits_radius(T, *SIZES)), "=", radius(T)


@display("thm-entgame-stops", 1, text="5b037d40")
def _():
    T = 2_000_000
    B = log(T / N0 + S * A)
    parts = [
        N**2 * B / T * (8 * (C_B + 1 / 2) * sqrt(S * A * T * alpha(T)) + S * A * (4 * LP + 1)),
        N * B * sqrt(L1 / (2 * T)) + N * regret_of_counts(T) / T,
        N * phi(radius(T), S * A),
    ]
    terms = proof.bound_terms(T, *SIZES, n0=N0, bonus_scale=C_B)
    width = float(confidence.fannes_width(confidence.visits_radius(T, *SIZES), S * A))
    found = [
        terms["sampler"],
        terms["Azuma"] + terms["forecaster"] - 2 * N / T,
        N * width,
    ]
    yield found, "=", parts
    # a run, its plans seen by the learner only
    value = planned(plain_bonus)[1][0, 0]
    seen = sum(H(counts[h] / T0) for h in range(N))
    gap = value - seen + N * phi(radius(T0), S * A)
    yield stopping.certified_gap(value, counts, delta=DELTA), "=", gap
    short = N * phi(radius(T0), S * A) + N * regret_of_counts(T0) / T0
    B = log(T0 / N0 + S * A)
    short += N * B * sqrt(L1 / (2 * T0))
    short += N**2 * B / T0 * 8 * (C_B + 1 / 2) * sqrt(S * A * T0 * alpha(T0))
    yield gap, "<=", short


@display("prop-total-variance", 1, text="0a22cb4e")
def _():
    actions = rng.integers(A, size=(N, S))
    returns, chances = [], []
    for path in itertools.product(range(S), repeat=N - 1):
        states = (0, *path)
        chance = 1.0
        for h in range(N - 1):
            chance *= law[h, states[h], actions[h, states[h]], states[h + 1]]
        returns.append(sum(reward[h, s, actions[h, s]] for h, s in enumerate(states)))
        chances.append(chance)
    V, d = value_of(actions, true), visits_of(actions)
    total = sum(
        d[h, s, a] * Var(law[h, s, a], V[h + 1])
        for h, s, a in itertools.product(range(N - 1), range(S), range(A))
    )
    variance = Var(np.array(chances), returns)
    yield total, "=", variance
    yield proof.summed_variance(game, actions, reward), "=", variance
    first, second = proof.return_moments(game, actions, reward)
    yield second - first**2, "=", variance
    yield variance, "<=", max(returns) ** 2 / 4


@display("thm-kl-bernstein", 1, text="b904b8a3")
def _():
    for concentration in (0.2, 1.0, 20.0):
        for p, q, V in zip(
            rng.dirichlet([1.0] * 4, 200),
            rng.dirichlet([concentration] * 4, 200),
            rng.normal(size=(200, 4)),
            strict=True,
        ):
            K = float(dist.kl(np.log(q), np.log(p)))
            b = max(V) - min(V)
            root = sqrt(2 * K * float(dist.variance(np.log(p), V)))
            yield abs((q - p) @ V), "<=", root + b * K / 3
    # the first constant is reached: small steps along V
    p, V = np.array([0.2, 0.5, 0.3]), np.array([1.0, -0.4, 0.1])
    q = p * (1 + 1e-3 * (V - p @ V))
    ratio = abs((q - p) @ V) / sqrt(2 * KL(q, p) * Var(p, V))
    assert abs(ratio - 1) < 1e-3


@display("lem-variance-bonus", 1, text="bb3e46e4")
def _():
    Q, V = variance_bonus.plan(counts, moves, T0, n0=N0, delta=DELTA)
    for h, s, a in itertools.product(range(N - 1), range(S), range(A)):
        if n := counts[h, s, a]:
            q, kappa = hat(h, s, a), alpha(n) / n
            hope = q @ V[h + 1] + max(4 * sqrt(kappa * Var(q, V[h + 1])), 16 * R * kappa)
            yield Q[h, s, a] - reward[h, s, a], "=", hope
            if KL(q, law[h, s, a]) <= kappa:
                yield law[h, s, a] @ V[h + 1], "<=", hope


@display("thm-entgame-variance", 1, text="5731430a")
def _():
    found = variance_bonus.links(game, counts, moves, T0, n0=N0, delta=DELTA)
    _, V, greedy = planned(variance_term)
    own = value_of(greedy, true)
    w = np.full((N, S, A), R)
    for h, s, a in zip(*np.nonzero(counts), strict=True):
        kappa = alpha(counts[h, s, a]) / counts[h, s, a]
        spread = Var(law[h, s, a], own[h + 1]) if h < N - 1 else 0.0
        w[h, s, a] = min(R, 10 * sqrt(kappa * spread) + 45 * N * R * kappa)
    least = np.inf
    for h, s in itertools.product(range(N), range(S)):
        a = greedy[h, s]
        ahead = law[h, s, a] @ (V[h + 1] - own[h + 1]) if h < N - 1 else 0.0
        room = w[h, s, a] + (1 + 1 / N) * ahead - (V[h, s] - own[h, s])
        yield 0.0, "<=", room
        least = min(least, room)
    assert least > 0
    yield found["step"], "=", least
    room = e * (visits_of(greedy) * w).sum() - (V[0, 0] - own[0, 0])
    yield found["gap"], "=", room


@display("thm-entropy-lower-bound", 1, text="6e50f4f4")
def _():
    for eta in (0.001, 0.02, 0.05):
        coins = [np.array([0.1 + sign * eta, 0.9 - sign * eta]) for sign in (-1, 1)]
        yield KL(*coins), "<=", 24.2 * eta**2
        yield lower_bound.divergence(eta), "=", KL(*coins)


@display("thm-entropy-lower-bound", 2, text="79ca3bcc")
def _():
    for eps, least in ((1e-4, 0.1), (1 / 1600, 0.02)):
        right = (1 - 2 * least) * log((1 - least) / least) / (97 * eps)
        yield lower_bound.least_episodes(eps, least), "=", right
        told = KL([1 - least, least], [least, 1 - least])
        yield right, "<=", told / (24.2 * 4 * eps)


@display("thm-entropy-lower-bound-sizes", 1, text="7d14ab10")
def _():
    for eps, states, actions, horizon in ((1e-4, 2, 4, 3), (1e-3, 5, 2, 8)):
        K = (horizon - 1) // 2
        right = K * states * actions / (452 * eps)
        yield lower_bound.least_episodes_sizes(eps, states, actions, horizon), "=", right
        # of the proof: 1/4 <= KL / 2, a trial of a pair tells 28.2 eta^2, K trials an episode
        eta = 2 * sqrt(eps / K)
        yield 1 / 4, "=", 28.2 * eta**2 / 2 * (2 / (states * actions)) * right * 452 / 451.2
        for sign in (-1, 1):
            coins = [[0.1 + x * sign * eta, 0.9 - x * sign * eta] for x in (1, -1)]
            yield KL(*coins), "<=", 28.2 * eta**2


# ------------------------------------------------------------------------------------ chapter 15


@display("lem-fannes", 1, text="973b8458")
def _():
    for x in (0.01, 0.4, 0.74, 0.76, 0.99):
        yield float(confidence.fannes_width(x, 4)), "=", phi(x, 4)
    for p, q in rng.dirichlet([0.5] * 4, (300, 2)):
        yield abs(H(p) - H(q)), "<=", phi(TV(p, q), 4)
    # reached: a point mass, and a distribution that is even on the others
    for x in (0.3, 0.75):
        yield H([1 - x, x / 3, x / 3, x / 3]) - H([1, 0, 0, 0]), "=", phi(x, 4)


EPISODES = 25
BLOCKS = list(soft_learner.play(game, EPISODES, 8, delta=DELTA, block=10))


def losses():
    best = trajectory_entropy.soft_optimum(game).value
    for block in BLOCKS:
        for Q in block.Q:
            yield best - trajectory_entropy.trajectory_entropy(game, softmax(Q))


@display("thm-mtee-fast-rate", 1, text="1b974ec7")
def _():
    found = soft.measure(game, BLOCKS, range(1, EPISODES + 1), delta=DELTA)
    yield found.regret, "=", np.cumsum(list(losses()))


@display("prop-slow-rate", 1, text="097582f4")
def _():
    times = range(1, EPISODES + 1)
    found = soft.measure(game, BLOCKS, times, delta=DELTA)
    bias, width = [], []
    for block in BLOCKS:
        for Q, w in zip(block.Q, block.w, strict=True):
            policy = softmax(Q)
            bias.append(
                log(np.exp(Q[0, 0]).sum()) - trajectory_entropy.trajectory_entropy(game, policy)
            )
            width.append((visits(policy)[:-1] * w[:-1]).sum())
    yield found.bias, "=", np.cumsum(bias)
    yield found.width, "=", np.cumsum(width)
    yield found.regret, "<=", np.cumsum(bias)
    yield np.cumsum(bias), "<=", np.cumsum(width)
    for T in times:
        U = (N - 1) * log(S * A)
        Lam = U + log(e * S) + log(T) / 2
        S_T = (N - 1) * (8 * Lam * sqrt(alpha(T) * S * A * T) + S * A * U * (4 * LP + 1))
        yield soft.slow_bound(T, *SIZES), "=", S_T
        yield np.sum(width[:T]), "<=", S_T
