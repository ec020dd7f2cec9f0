"""Displays of chapter 18 and of the discounted twin in chapter 9, transcribed (see
`transcription`)."""

from math import comb

import numpy as np
from transcribed_06_10 import visits
from transcription import KL, H, World, display, softmax

from rlentropy.audits import hellinger
from rlentropy.audits import regularized_game as audit
from rlentropy.discounted import exploration
from rlentropy.episodic import max_entropy, visitation
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.learners import regularized_game

S, A, N = 2, 3, 5
DELTA = 0.037
rng = np.random.default_rng(18)
law = rng.dirichlet(np.ones(S), (N - 1, S, A))
game = EpisodicMDP(law, N, 0)
best = max_entropy.solve(game, tol=1e-13)


def policy_of(d):
    """pi_h(a|s), uniform where the state is not visited."""
    mass = d.sum(axis=-1, keepdims=True)
    return np.where(mass > 0, d / np.where(mass > 0, mass, 1), 1 / A)


def soft_values(q):
    """Q, V of the soft answer, backwards; V has a last row of zeros."""
    Q, V = np.zeros((N, S, A)), np.zeros((N + 1, S))
    for h in reversed(range(N)):
        for s in range(S):
            for a in range(A):
                ahead = law[h, s, a] @ V[h + 1] if h < N - 1 else 0.0
                Q[h, s, a] = np.log(1 / q[h, s]) + ahead
            V[h, s] = np.log(np.exp(Q[h, s]).sum())
    return Q, V


def earned(d, q):
    """G(d, q)."""
    pi = policy_of(d)
    return sum(
        d[h, s].sum() * (np.log(1 / q[h, s]) + H(pi[h, s])) for h in range(N) for s in range(S)
    )


def apart(d, pi, other):
    """sum_h E_d KL(pi_h || other_h)."""
    return sum(d[h, s].sum() * KL(pi[h, s], other[h, s]) for h in range(N) for s in range(S))


def played(T, seed=4):
    """Per episode: Qbar, q, d, states and the visits before, of a run of the package."""
    (block,) = regularized_game.play(game, T, seed, delta=DELTA)
    q = (block.n.sum(axis=-1) + 1) / (np.arange(T)[:, None, None] + S)
    d = np.array([visits(softmax(Q), law) for Q in block.Q])
    return block.Q, q, d, block.states, block.n


def regrets(T):
    """ell_1, ..., ell_T."""
    _, q, d, _, _ = played(T)
    return [soft_values(x)[1][0, 0] - earned(y, x) for x, y in zip(q, d, strict=True)]


def explorer(T):
    """G_T."""
    B = np.log(T + S)
    alpha = np.log(2 * S * A * N / DELTA) + S * np.log(np.e * (1 + T))
    margin = np.log(6 * S * A * N / DELTA)
    stages = N**2 * (N - 1) ** 2 * (2 * N - 1) / 24
    late = 16 * alpha * np.log(T) + 4 * margin + 1
    return stages * S * A * (B + np.log(A)) ** 2 * late


def forecaster_regret(T):
    return np.log(comb(T + S - 1, S - 1))


def paid(T):
    """G_T + sum_h (R + 2 + price), of which the bounds of the theorem and of its corollary are made."""
    price = S * (np.log(T) + 2) + 2 * np.log(1 + T)
    price += 2 * (1 + np.log(S * T)) * np.log(6 * N / DELTA)
    return explorer(T) + N * (forecaster_regret(T) + 2 + price)


def lost(T):
    """T (best entropy - that of the mixture)."""
    mixture = played(T)[2].mean(axis=0)
    return T * (best.value - visitation.visitation_entropy(mixture))


def apart_from_best(T):
    """The mixture, sum_t KL(d* || q^t), the shares of the states seen, T KL(share || r)."""
    _, q, d, states, _ = played(T)
    star = best.visitation.sum(axis=-1)
    excess = sum(KL(star[h], q[t, h]) for t in range(T) for h in range(N))
    share = [np.bincount(states[:, h], minlength=S) / T for h in range(N)]
    seen = T * sum(KL(share[h], compared(T)[h]) for h in range(N))
    return d.mean(axis=0), excess, share, seen


def along(T):
    """`audit.GameLinks` of the run of `played`, at T."""
    blocks = regularized_game.play(game, T, 4, delta=DELTA)
    return audit.measure(game, blocks, [T], delta=DELTA, optimum=best)


@display("thm-soft-game", 1, text="8a14ef16")
def _():
    d = visits(rng.dirichlet(np.ones(A), (N, S)), law)
    q = rng.dirichlet(np.ones(S), N)
    answer = audit.soft_answer(game, q)
    Q, _ = soft_values(q)
    left = float(answer.value) - audit.payoff(d, q)
    yield left, "=", apart(d, policy_of(d), softmax(Q))
    yield float(answer.value), "=", soft_values(q)[1][0, 0]


@display("lem-soft-regret", 1, text="79ecadcb")
def _():
    T = 60
    Qbar, q, d, _, n = played(T)
    seconds, squares = [], []
    for t in range(T):
        Delta = Qbar[t] - soft_values(q[t])[0]
        alpha = np.log(2 * S * A * N / DELTA) + S * np.log(np.e * (1 + n[t]))
        u = (N - np.arange(1, N + 1)) * (np.log(t + S) + np.log(A))
        width = np.where(n[t] > 0, np.minimum(1, np.sqrt(2 * alpha / np.maximum(n[t], 1))), 1)
        w = u[:, None, None] * width
        seconds.append((d[t, :-1] * Delta[:-1] ** 2).sum() / 2)
        squares.append(N * (N - 1) / 4 * (d[t, :-1] * w[:-1] ** 2).sum())
    losses = regrets(T)
    yield losses, "<=", seconds
    yield seconds, "<=", squares
    links = along(T)
    yield links.regret[0], "=", sum(losses)
    yield links.second_order[0], "=", sum(seconds)
    yield links.squared_width[0], "=", sum(squares)


@display("prop-regularised-slow", 1, text="8f155b37")
def _():
    T = 400
    L1, L2 = np.log(6 / DELTA), np.log(12 * S * N / DELTA)
    there = N * np.log(T + S) * np.sqrt(T * L1 / 2)
    back = N * np.log(S * T) * np.sqrt(S * L2 * T)
    right = explorer(T) + N * (forecaster_regret(T) + 2) + there + back
    yield audit.slow_bound(T, S, A, N, DELTA), "=", right
    yield lost(T), "<=", right


@display("lem-seen-squares", 1, text="bc39b1ee")
def _():
    # the mean of exp(lambda (left) - lambda^2 squares), which Ville's inequality needs, over paths
    p, b, lam = np.array([0.3, 0.7]), 1.5, 1 / 3
    g = np.array([[b, -0.4], [-b, 0.8]])  # g^2 depends on x_1
    total = 0.0
    for one in (0, 1):
        for two in (0, 1):
            noise = (p @ g[0] - g[0][one]) + (p @ g[one] - g[one][two])
            squares = g[0][one] ** 2 + g[one][two] ** 2
            total += p[one] * p[two] * np.exp(lam * noise - lam**2 * squares)
    yield total, "<=", 1.0


def words():
    yield np.array([0, 1, 1, 0, 1, 1, 1, 0, 2, 1]), np.array([0.2, 0.5, 0.3])
    yield np.array([0] * 12), np.array([0.1, 0.9])
    yield np.array([0] * 20 + [1] * 20), np.array([0.45, 0.55])


def forecasts(word, size):
    """q^1, ..., q^{T+1}."""
    n, found = np.ones(size), []
    for x in [*word, 0]:
        found.append(n / n.sum())
        n = n + np.eye(size)[x]
    return found


@display("lem-forecast-squares", 1, text="a68123c8")
def _():
    for word, r in words():
        T, size = len(word), len(r)
        b, q = np.log(size * T), forecasts(word, size)
        squares = sum(np.log(q[t][x] / r[x]) ** 2 for t, x in enumerate(word))
        forward = sum(KL(q[t], r) for t in range(T))
        rest = 2 * size * np.log(T) + 2 * (b + 1) * np.log(1 + T)
        rest += b * size * (1 + np.log(T)) + size
        yield squares, "<=", 2 * forward + b * (T + size) * KL(q[T], r) + rest
        found = audit.forecast_squares(word, r)
        yield found.squares, "=", squares
        yield found.forward, "=", forward
        yield found.last, "=", (T + size) * KL(q[T], r)


@display("lem-forecast-squares", 2, text="30891230")
def _():
    for word, r in words():
        T, size = len(word), len(r)
        b, q = np.log(size * T), forecasts(word, size)
        lam = 1 / (2 * (1 + b))
        squares = sum(np.log(q[t][x] / r[x]) ** 2 for t, x in enumerate(word))
        reverse = sum(KL(r, q[t]) for t in range(T))
        seen = T * KL(np.bincount(word, minlength=size) / T, r)
        right = reverse + seen / 2 + size * (np.log(T) + 2) + np.log(1 + T)
        yield lam * squares, "<=", right
        found = audit.forecast_squares(word, r)
        yield found.reverse, "=", reverse
        yield found.seen, "=", seen


def compared(T):
    """r_h (N, S)."""
    return (1 - 1 / T) * best.visitation.sum(axis=-1) + 1 / (S * T)


@display("thm-regularised-fast", 1, text="4786a321")
def _():
    T = 60
    _, q, d, states, _ = played(T)
    r, M = compared(T), np.zeros(N)
    for t in range(T):
        for h in range(N):
            mass, seen = d[t, h].sum(axis=-1), states[t, h]
            M[h] += mass @ np.log(r[h] / q[t, h]) - np.log(r[h, seen] / q[t, h, seen])
    yield along(T).noise[0], "=", M


@display("thm-regularised-fast", 2, text="81d4791f")
def _():
    T = 60
    mixture, excess, _, seen = apart_from_best(T)
    P = apart(mixture, policy_of(mixture), best.policy)
    links = along(T)
    right = sum(regrets(T)) + N * (forecaster_regret(T) + 2) + links.noise[0].sum()
    yield T * P + excess + seen, "<=", right
    yield links.policy[0], "=", P
    yield links.excess[0], "=", excess
    yield links.squares["seen"][0].sum(), "=", seen


@display("thm-regularised-fast", 3, text="8d615a5f")
def _():
    T = 400
    right = N * paid(T)
    yield audit.fast_bound(T, S, A, N, DELTA), "=", right
    yield lost(T), "<=", right


def root_distance(p, q):
    return sum((np.sqrt(x) - np.sqrt(y)) ** 2 for x, y in zip(p, q, strict=True))


@display("lem-hellinger", 1, text="b8c5d30d")
def _():
    for T in (2, 40):
        for size in (2, 4):
            for _ in range(20):
                r = (1 - 1 / T) * rng.dirichlet(np.full(size, 0.3)) + 1 / (size * T)
                d = rng.dirichlet(np.full(size, 0.3))
                apart_ = root_distance(d, r)
                yield apart_, "<=", KL(d, r)
                yield KL(d, r), "<=", (2 + np.log(size * T)) * apart_
        yield hellinger.distance(d, r), "=", apart_


@display("lem-hellinger", 2, text="93e13a8a")
def _():
    # one state at one stage: all words of 14 tosses whose chance depends on the past
    T, failed, limits = 14, np.zeros(4), np.array([0.5, 1.0, 2.0, 3.0])
    J = 1 + np.ceil(np.log2(T) / 2)
    for word in range(2**T):
        weight, ones, mean = 1.0, 0, 0.0
        for t in range(T):
            chance = 0.3 if ones < t / 2 else 0.02
            x = word >> t & 1
            weight *= chance if x else 1 - chance
            mean, ones = mean + chance, ones + x
        failed += weight * ((np.sqrt(ones) - np.sqrt(mean)) ** 2 > 9 / 2 * limits)
    assert failed[2] > 0
    yield failed, "<=", 2 * J * np.exp(-limits)
    L3 = np.log(12 * S * N * J / DELTA)
    yield hellinger.count_margin(T, S, N, DELTA), "=", L3


@display("cor-regularised-sharper", 1, text="61736049")
def _():
    T = 60
    mixture, excess, share, seen = apart_from_best(T)
    y = best.value - earned(mixture, compared(T))
    right = sum(regrets(T)) + N * forecaster_regret(T) + along(T).noise[0].sum()
    yield T * y + excess + seen, "<=", right
    yield -2 * N, "<=", T * y
    n, expected = hellinger.visits(game, regularized_game.play(game, T, 4, delta=DELTA))
    yield expected / T, "=", mixture
    yield n / T, "=", share


@display("cor-regularised-sharper", 2, text="f772fb95")
def _():
    T = 400
    L3 = np.log(12 * S * N * (1 + np.ceil(np.log2(T) / 2)) / DELTA)
    right = (2 + np.log(S * T)) * (4 * paid(T) + 9 * N * S * L3)
    yield hellinger.sharper_bound(T, S, A, N, DELTA), "=", right
    yield lost(T), "<=", right


# ------------------------------------------------------------- chapter 9, the discounted twin

w = World(9)
one, two = softmax(w.theta), softmax(w.other)


def pairs(pi):
    return w.d(pi)[:, None] * pi


@display("prop-discounted-ascent", 1, text="72b02dcf")
def _():
    right = sum(w.d(one)[s] * KL(one[s], two[s]) for s in range(S)) / (1 - w.gamma)
    yield exploration.policy_divergence(w.mdp(), pairs(one), pairs(two)), "=", right


@display("prop-discounted-ascent", 2, text="e0cb0f3d")
def _():
    weight, V = 1 / (1 - w.gamma), np.zeros(S)
    for _ in range(200):
        Q = np.log(1 / pairs(one)) + w.gamma * w.P @ V
        V = weight * np.log((one * np.exp(Q / weight)).sum(axis=1))
    right = one * np.exp((Q - V[:, None]) / weight)
    yield exploration.mirror_ascent(w.mdp(), 1, start=one).policy, "=", right


@display("prop-discounted-ascent", 3, text="2f5fbb1f")
def _():
    climb = exploration.mirror_ascent(w.mdp(), 60, start=one)
    apart_ = exploration.policy_divergence(w.mdp(), climb.rho, pairs(one))
    for t in range(1, 9):
        yield H(climb.rho) - climb.values[t], "<=", w.gamma**t * apart_
    yield climb.values[-1], "=", H(pairs(climb.policy))
