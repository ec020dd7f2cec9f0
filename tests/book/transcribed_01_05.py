"""Displays of chapters 1 to 5 and 19, transcribed (see `transcription`)."""

import itertools

import numpy as np
from transcription import KL, Cov, E, H, Var, World, bend, display, integral, kappa3, slope, softmax

from rlentropy import distributions as dist
from rlentropy.discounted import (
    entropy_dynamics,
    evaluation,
    long_run,
    mirror,
    natural_gradient,
)
from rlentropy.discounted import (
    softmax as package,
)

w = World()
mdp = w.mdp()
pi, pi2 = softmax(w.theta), softmax(w.other)
log_pi = np.log(pi)
here = evaluation.evaluate(mdp, pi)
eta = 0.6
rng = np.random.default_rng(11)
one = softmax(rng.normal(size=5))  # a policy at one state with n = 5 actions
log_one = np.log(one)
x = rng.normal(size=5)
D = x.max() - x.min()


def along(t, p=one, f=x):
    """pi_t, proportional to pi exp(t A)."""
    q = p * np.exp(t * f)
    return q / q.sum()


def psi(t):
    return np.log(E(one, np.exp(t * x)))


# ------------------------------------------------------------------------------------- chapter 1


@display("thm-entropy-range", 1, text="332cf80a")
def _():
    yield dist.entropy(log_one), "=", np.log(5) - KL(one, np.full(5, 1 / 5))
    yield 0, "<=", dist.entropy(log_one)
    yield dist.entropy(log_one), "<=", np.log(5)


@display("thm-bellman", 1, text="b43a9780")
def _():
    r_pi = np.array([E(pi[s], w.r[s]) for s in range(2)])
    inverse = sum(0.7**t * np.linalg.matrix_power(w.P_pi(pi), t) for t in range(200))
    yield here.V, "=", inverse @ r_pi
    V = w.V(pi)
    q = [
        [w.r[s, a] + 0.7 * sum(w.P[s, a, z] * V[z] for z in (0, 1)) for a in range(3)]
        for s in (0, 1)
    ]
    yield here.Q, "=", q
    yield here.V, "=", [E(pi[s], here.Q[s]) for s in (0, 1)]


@display("thm-visitation", 1, text="b6646149")
def _():
    P = w.P_pi(pi)
    flow = [0.3 * w.mu[s] + 0.7 * sum(here.d[z] * P[z, s] for z in (0, 1)) for s in (0, 1)]
    yield here.d, "=", flow


@display("thm-visitation", 2, text="60a420c0")
def _():
    f = np.array([0.4, -1.1])
    yield here.d @ f, "=", (1 - 0.7) * w.discounted(pi, f, w.mu)


@display("ex-two-states", 1, text="c46f433e")
def _():
    from rlentropy.discounted import environments

    for gamma in (0.5, 0.8):
        small = environments.two_state(gamma, stay=0.5)
        coin = evaluation.evaluate(small, np.full((2, 2), 0.5))
        yield coin.V, "=", (gamma / (4 * (1 - gamma)), 1 / 2 + gamma / (4 * (1 - gamma)))
        yield coin.d, "=", (1 - gamma / 2, gamma / 2)


@display("cor-entropy-objective", 1, text="8adbd129")
def _():
    tau = 0.3
    soft = evaluation.evaluate(mdp, pi, tau=tau)
    yield soft.objective, "=", w.mu @ w.V(pi) + tau / (1 - 0.7) * w.calH(pi)


# ------------------------------------------------------------------------------------- chapter 2


@display("lem-gibbs", 1, text="830aea15")
def _():
    lse = np.log(np.exp(x).sum())
    yield one @ x + dist.entropy(log_one), "=", lse - KL(one, softmax(x))
    yield dist.logsumexp(x), "=", lse


@display("thm-npg-equivalences", 1, text="e53fd27c")
def _():
    p = softmax(rng.normal(size=5))
    value = natural_gradient.prox_objective(log_one, np.log(p), x, eta)
    yield value, "=", p @ x - 1 / eta * KL(p, one)


@display("thm-npg-equivalences", 2, text="5eec96a6")
def _():
    star = [one[a] * np.exp(eta * x[a]) / E(one, np.exp(eta * x)) for a in range(5)]
    yield np.exp(natural_gradient.step(log_one, x, eta)), "=", star


@display("thm-npg-equivalences", 3, text="5604b6a3")
def _():
    theta = log_one + 0.7
    yield np.exp(natural_gradient.step(log_one, x, eta)), "=", softmax(theta + eta * x)


@display("thm-npg-equivalences", 4, text="095ef8b0")
def _():
    p, star = softmax(rng.normal(size=5)), softmax(log_one + eta * x)
    missed = natural_gradient.prox_value(log_one, x, eta) - natural_gradient.prox_objective(
        log_one, np.log(p), x, eta
    )
    yield missed, "=", 1 / eta * KL(p, star)


@display("thm-policy-gradient", 1, text="37bf481e")
def _():
    A, d = w.adv(pi), w.d(pi)
    formula = [[d[s] * pi[s, a] * A[s, a] / (1 - 0.7) for a in range(3)] for s in (0, 1)]
    yield natural_gradient.policy_gradient(mdp, w.theta), "=", formula
    for s, a in ((0, 2), (1, 0)):
        unit = np.zeros((2, 3))
        unit[s, a] = 1.0
        yield slope(lambda t, u=unit: w.mu @ w.V(softmax(w.theta + t * u))), "=", formula[s][a]


@display("prop-fisher-kl", 1, text="87b561b2")
def _():
    F = natural_gradient.fisher_matrix(mdp, w.theta)
    delta = w.direction.ravel()
    moved = lambda t: E(  # noqa: E731
        w.d(pi), [KL(pi[s], softmax(w.theta[s] + t * w.direction[s])) for s in (0, 1)]
    )
    yield bend(moved) / 2, "=", 1 / 2 * delta @ F @ delta
    yield abs(slope(moved)), "<=", 1e-9


@display("lem-npg-fisher", 1, text="c637d5ae")
def _():
    A = w.adv(pi)
    formula = [[1 / (1 - 0.7) * (A[s, a] - A[s].sum() / 3) for a in range(3)] for s in (0, 1)]
    yield natural_gradient.natural_gradient(mdp, w.theta), "=", formula
    for s, d in enumerate(w.d(pi)):
        block = d * (np.diag(pi[s]) - np.outer(pi[s], pi[s]))
        yield np.linalg.pinv(block, 1e-10) @ (d * pi[s] * A[s] / (1 - 0.7)), "=", formula[s]


@display("lem-npg-fisher", 2, text="9278ef41")
def _():
    other = 0.25
    natural = natural_gradient.natural_gradient(mdp, w.theta)
    yield softmax(w.theta + other * natural), "=", softmax(w.theta + other / (1 - 0.7) * w.adv(pi))


@display("prop-npg-monotone", 1, text="94941f26")
def _():
    A = w.adv(pi)
    new = softmax(w.theta + eta * A)
    gain = np.array([E(new[s], A[s]) for s in (0, 1)])
    yield gain, "=", [1 / eta * (KL(new[s], pi[s]) + KL(pi[s], new[s])) for s in (0, 1)]
    yield gain, "<=", evaluation.evaluate(mdp, new).V - here.V


# ------------------------------------------------------------------------------------- chapter 3


@display("lem-log-derivative", 1, text="4e70acc0")
def _():
    scores = package.score(w.theta)
    formula = np.zeros((2, 3, 2, 3))
    for s, a, z, b in np.ndindex(2, 3, 2, 3):
        formula[s, a, z, b] = (s == z) * ((a == b) - pi[z, b])
    for s, a, z, b in ((0, 1, 0, 1), (0, 1, 0, 2), (1, 2, 1, 0)):
        unit = np.zeros((2, 3))
        unit[z, b] = 1.0
        moved = slope(lambda t, u=unit, s=s, a=a: np.log(softmax(w.theta + t * u))[s, a])
        yield moved, "=", formula[s, a, z, b]
    for s in (0, 1):  # other states do not take part
        yield scores[s], "=", formula[s, :, s]


@display("lem-entropy-gradient", 1, text="d979312e")
def _():
    gradient = [
        [-E(pi[s], [log_pi[s, a] * ((a == b) - pi[s, b]) for a in range(3)]) for b in range(3)]
        for s in (0, 1)
    ]
    yield package.entropy_gradient(w.theta), "=", gradient


@display("lem-score-covariance", 1, text="0f4a3576")
def _():
    for s in (0, 1):
        ell = log_pi[s] + H(pi[s])
        mixed = [
            E(pi[s], [log_pi[s, a] * ((a == b) - pi[s, b]) for a in range(3)]) for b in range(3)
        ]
        yield mixed, "=", pi[s] * ell
        yield -package.entropy_gradient(w.theta)[s], "=", pi[s] * ell


@display("thm-covariance-identity", 1, text="869665c5")
def _():
    formula = [-Cov(pi[s], log_pi[s], w.direction[s]) for s in (0, 1)]
    yield entropy_dynamics.first_order(w.theta, w.direction), "=", formula
    yield (package.entropy_gradient(w.theta) * w.direction).sum(axis=1), "=", formula


@display("prop-first-order", 1, text="534429b8")
def _():
    A = w.adv(pi)
    for s in (0, 1):
        step = lambda t, s=s: H(softmax(w.theta[s] + t * A[s]))  # noqa: E731
        yield slope(step), "=", -Cov(pi[s], log_pi[s], A[s])


@display("prop-action-contribution", 1, text="7b9e0057")
def _():
    A = w.adv(pi)
    parts = [[-pi[s, a] * (log_pi[s, a] + H(pi[s])) * A[s, a] for a in range(3)] for s in (0, 1)]
    yield entropy_dynamics.contributions(w.theta, A), "=", parts
    yield np.sum(parts, axis=1), "=", [-Cov(pi[s], log_pi[s], A[s]) for s in (0, 1)]


@display("lem-pair-covariance", 1, text="0016b78b")
def _():
    f, g = rng.normal(size=(2, 5))
    pairs = [one[a] * one[b] * (f[a] - f[b]) * (g[a] - g[b]) for a in range(5) for b in range(5)]
    yield dist.covariance(log_one, f, g), "=", 1 / 2 * sum(pairs)


@display("prop-favoured-action", 1, text="07a31f18")
def _():
    n, gains, favoured = 5, (0.0, 0.4, 0.9, 0.2, 1.1), 2
    logits, G = log_one.copy(), 0.0
    miss = 1 - one[favoured]
    for gain in gains:
        logits[favoured] += gain
        G += gain
        bound = miss / (miss + (1 - miss) * np.exp(G))
        p = softmax(logits)
        yield 1 - p[favoured], "<=", bound
        yield 1 - p[favoured], "=", bound  # attained when no other action moves
        if bound <= 1 - 1 / n:
            yield H(p), "<=", H([bound, 1 - bound]) + bound * np.log(n - 1)
    even = softmax(np.array([2.0, 0, 0, 0, 0]))  # the others alike: attained
    rest = 1 - even[0]
    yield H(even), "=", H([rest, 1 - rest]) + rest * np.log(n - 1)


@display("cor-frozen-visitation", 1, text="32f2727f")
def _():
    A, d = w.adv(pi), w.d(pi)
    moved = lambda t: E(d, [H(softmax(w.theta[s] + t * A[s])) for s in (0, 1)])  # noqa: E731
    yield slope(moved), "=", -E(d, [Cov(pi[s], log_pi[s], A[s]) for s in (0, 1)])


# ------------------------------------------------------------------------------------- chapter 4


@display("thm-path-derivative", 1, text="7594363b")
def _():
    for t in (-0.5, 0.0, 0.8):
        p = along(t)
        moved = slope(lambda u: dist.entropy(np.log(along(u))), t)
        yield moved, "=", -Cov(p, np.log(p), x)
        yield moved, "=", -Cov(p, log_one, x) - t * Var(p, x)


@display("cor-closed-form", 1, text="cb02ff49")
def _():
    for t in (-0.5, 0.8):
        p, speed = along(t), slope(psi, t)
        yield dist.entropy(np.log(p)), "=", -E(p, log_one) - t * speed + psi(t)
        kl = dist.kl(np.log(p), log_one)
        yield kl, "=", t * speed - psi(t)
        yield kl, "=", integral(lambda u: u * Var(along(u), x), 0, t)


@display("thm-exact-identity", 1, text="ae9d6823")
def _():
    p = softmax(rng.normal(size=5))
    change = dist.entropy(np.log(p)) - dist.entropy(log_one)
    shift = -(E(p, log_one) - E(one, log_one))
    yield change, "=", shift - KL(p, one)
    yield change, "<=", shift


@display("thm-exact-identity", 2, text="768e9ded")
def _():
    p = along(eta)
    yield (
        E(p, log_one) - E(one, log_one),
        "=",
        integral(lambda t: Cov(along(t), log_one, x), 0, eta),
    )
    kl = dist.kl(np.log(p), log_one)
    yield kl, "=", integral(lambda t: t * Var(along(t), x), 0, eta)


@display("prop-second-order", 1, text="9c1fe6a2")
def _():
    for t in (0.0, 0.7):
        p = along(t)
        found = -Var(p, x) - kappa3(p, np.log(p), x, x)
        yield bend(lambda u: dist.entropy(np.log(along(u))), t), "=", found
        yield entropy_dynamics.curvature(np.log(p)[None], x[None])[0], "=", found


@display("prop-second-order", 2, text="3bb4074f")
def _():
    step = 0.3 * x
    polynomial = (
        -Cov(one, log_one, step) - 1 / 2 * Var(one, step) - 1 / 2 * kappa3(one, log_one, step, step)
    )
    yield entropy_dynamics.second_order(log_one[None], step[None])[0], "=", polynomial


@display("prop-remainder-bound", 1, text="a2c1f03c")
def _():
    for t in (0.0, 0.7):
        p = along(t)
        curved = bend(lambda u: dist.entropy(np.log(along(u))), t)
        yield curved, "=", -E(p, (x - E(p, x)) ** 2 * (1 + np.log(p) + H(p)))
        yield -1 / 4 * (1 + H(p)) * D**2, "<=", curved
        yield curved, "<=", H(p) * D**2


@display("prop-remainder-bound", 2, text="6d1e1606")
def _():
    for step in (0.2, 1.0):
        bound = 1 / 2 * step**2 * D**2 * np.log(5)
        yield entropy_dynamics.remainder_bound(step * x[None])[0], "=", bound
        missed = H(along(step)) - H(one) + step * Cov(one, log_one, x)
        yield abs(missed), "<=", bound
        yield bound, "<=", 2 * step**2 * np.abs(x).max() ** 2 * np.log(5)


@display("thm-local-remainder", 1, text="38b3eaf8")
def _():
    for scale in (0.1, 1.0):
        u = scale * (x - E(one, x))
        new = softmax(log_one + u)
        q = one * np.maximum(1, np.exp(u))
        V, m = (q * u**2).sum(), E(new, u)
        cut = np.minimum(q, 1 / np.e)
        f = -cut * np.log(cut)
        largest = min(np.log(5), f.sum())
        bound = 1 / 2 * max((1 - np.log(2) + largest) * V, ((np.abs(u) + m) ** 2 * f).sum())
        yield entropy_dynamics.local_remainder_bound(log_one[None], u[None])[0], "=", bound
        yield abs(H(new) - H(one) + Cov(one, log_one, u)), "<=", bound


@display("prop-taylor-all-orders", 1, text="510ab529")
def _():
    entropy = lambda t: dist.entropy(np.log(along(t)))  # noqa: E731
    yield slope(entropy), "=", -Cov(one, log_one, x)
    yield bend(entropy), "=", -kappa3(one, log_one, x, x) - Var(one, x)
    c, l = x - E(one, x), log_one - E(one, log_one)
    fourth = E(one, l * c**3) - 3 * E(one, l * c) * E(one, c**2)
    third = slope(lambda t: bend(entropy, t), 0.0, 2e-2)
    # kappa_4(log pi, A, A, A) and 2 kappa_3(A)
    error = third - (-fourth - 2 * E(one, c**3))
    yield abs(error), "<=", 2e-3 * abs(third)


# ------------------------------------------------------------------------------------- chapter 5


def steps(count, size, theta=w.theta):
    """theta of NPG, step after step."""
    found = [theta]
    for _ in range(count):
        found.append(found[-1] + size * w.adv(softmax(found[-1])))
    return found


@display("lem-performance-difference", 1, text="9778f3a9")
def _():
    Q, d = w.Q(pi), w.d(pi2)
    inner = [(pi2[s] - pi[s]) @ Q[s] for s in (0, 1)]
    left = w.mu @ evaluation.evaluate(mdp, pi2).V - w.mu @ here.V
    yield left, "=", 1 / (1 - 0.7) * E(d, inner)


@display("lem-three-points", 1, text="7f90b383")
def _():
    p, plus = softmax(rng.normal(size=5)), np.exp(natural_gradient.step(log_one, x, eta))
    yield eta * (p - plus) @ x, "=", KL(p, one) - KL(p, plus) - KL(plus, one)


def best():
    """V*, Q* and the best actions, by trying all nine deterministic policies."""
    values = {
        (i, j): w.V(np.array([np.eye(3)[i], np.eye(3)[j]])) for i in range(3) for j in range(3)
    }
    top = max(values, key=lambda key: values[key].sum())
    return values[top], w.r + 0.7 * w.P @ values[top], top


@display("thm-npg-summable", 1, text="ea651000")
def _():
    V, _, top = best()
    run = natural_gradient.run(mdp, w.theta, eta=eta, iterations=200)
    first = max(np.log(1 / pi[s, top[s]]) for s in (0, 1))
    spread = w.r.max() - w.r.min()
    bound = 1 / ((1 - 0.7) * eta) * first + spread / (1 - 0.7) ** 2
    yield (V - run.V).sum(axis=0), "<=", np.full(2, bound)


def limits():
    """c_a(s) of the chapter, from our own iteration, with the gaps of the actions."""
    _, Q, top = best()
    sums = np.zeros((2, 3))
    for theta in steps(300, eta):
        sums += w.Q(softmax(theta)) - Q
    c = np.empty((2, 3))
    for s in (0, 1):
        c[s] = log_pi[s] - log_pi[s, top[s]] + eta * (sums[s] - sums[s, top[s]])
    gaps = Q.max(axis=1)[:, None] - Q
    return c, gaps, top


@display("lem-npg-logits", 1, text="55fb67d5")
def _():
    c, gaps, top = limits()
    k = 150
    run = natural_gradient.run(mdp, w.theta, eta=eta, iterations=k)
    theta = run.theta[-1]
    for s in (0, 1):
        ratio = theta[s] - theta[s, top[s]]
        yield ratio, "=", -k * eta * gaps[s] + c[s]
        yield ratio + k * eta * gaps[s] + 1, "=", c[s] + 1


@display("cor-npg-linear-rate", 1, text="3c181f13")
def _():
    V, _, _ = best()
    _, gaps, _ = limits()
    run = natural_gradient.run(mdp, w.theta, eta=eta, iterations=60)
    miss = np.abs(V - run.V).max(axis=1)
    smallest = min(gap for gap in gaps.ravel() if gap > 1e-9)
    k = 20
    rate = np.log(miss[2 * k] / miss[k]) / k
    yield abs(rate + eta * smallest), "<=", 0.05 * eta * smallest


@display("thm-npg-asymptotics", 1, text="006e43fb")
def _():
    c, gaps, _ = limits()
    k = 400
    run = natural_gradient.run(mdp, w.theta, eta=eta, iterations=k)
    for s in (0, 1):
        gap = min(value for value in gaps[s] if value > 1e-9)
        formula = sum(
            np.exp(c[s, a]) * (k * eta * gap + 1 - c[s, a])
            for a in range(3)
            if abs(gaps[s, a] - gap) < 1e-9
        )
        found = np.exp(k * eta * gap) * dist.entropy(run.log_pi[-1])[s]
        yield abs(found - formula), "<=", 1e-4 * formula


def tied():
    """A process whose first two actions are alike in both states, and its NPG to the end."""
    other = World(8)
    other.P[:, 1], other.r[:, 1] = other.P[:, 0], other.r[:, 0]
    other.r[:, :2] += 1.0  # and best
    run = natural_gradient.run(other.mdp(), w.theta, eta=eta, iterations=400)
    return other, run


@display("thm-npg-ties", 1, text="32203777")
def _():
    other, run = tied()
    W = eta * (run.V[-1] - run.V).sum(axis=0)
    limit = pi[:, :2] * np.exp(-0.7 * (other.P @ W))[:, :2]
    limit /= limit.sum(axis=1, keepdims=True)
    yield np.exp(run.log_pi[-1])[:, :2], "=", limit
    yield np.exp(run.log_pi[-1])[:, 2], "<=", np.full(2, 1e-12)


def nearest():
    other, run = tied()
    allowed = np.array([[True, True, False]] * 2)
    found = long_run.nearest_policy(other.mdp(), w.theta, allowed=allowed)
    return other, run, found


@display("thm-npg-two-sided", 1, text="b95fa8e8")
def _():
    other, _, found = nearest()
    weight = pi[:, :2] * np.exp(-0.7 * (other.P @ found.W))[:, :2]
    yield found.W, "=", -np.log(weight.sum(axis=1))
    yield np.exp(found.log_pi)[:, :2], "=", weight / weight.sum(axis=1, keepdims=True)
    # W = D(p*), the discounted divergence from the start, and another such policy has more
    star = np.exp(found.log_pi)
    D_of = lambda p: np.array(  # noqa: E731
        [other.discounted(p, np.array([KL(p[s], pi[s]) for s in (0, 1)]), row) for row in np.eye(2)]
    )
    yield found.W, "=", D_of(star)
    yield found.W, "<=", D_of(np.array([[0.5, 0.5, 0], [0.9, 0.1, 0]]))


@display("thm-npg-two-sided", 2, text="c6f66b6c")
def _():
    other, run, _ = nearest()
    W = eta * (run.V[-1] - run.V).sum(axis=0)
    policies = np.exp(run.log_pi)
    last = policies[-1]
    costs = np.array([KL(last[s], pi[s]) for s in (0, 1)])
    D_last = np.array([other.discounted(last, costs, row) for row in np.eye(2)])
    moves = np.zeros(2)
    for old, new in itertools.pairwise(policies):
        moves += [KL(old[s], new[s]) for s in (0, 1)]
    more = np.array([other.discounted(last, moves, row) for row in np.eye(2)])
    yield W, "=", D_last + more


@display("thm-npg-two-sided", 3, text="7de54025")
def _():
    other, run, found = nearest()
    regret = (run.V[-1] - run.V).sum(axis=0)
    spread = other.r.max() - other.r.min()
    yield found.W / eta, "<=", regret
    yield regret, "<=", found.W / eta + spread / (1 - 0.7) ** 2


@display("thm-npg-two-sided", 4, text="1e922efa")
def _():
    other, run, found = nearest()
    ratio = np.exp(run.log_pi[-1] - found.log_pi)[:, :2]
    delta = 0.7 * eta * (other.r.max() - other.r.min()) / (1 - 0.7) ** 2
    yield np.exp(-delta), "<=", ratio
    yield ratio, "<=", np.full((2, 2), np.exp(delta))


@display("prop-small-entropy", 1, text="193727fd")
def _():
    V, Q, top = best()
    sharp = np.full((2, 3), 0.1)
    sharp[0, top[0]] = sharp[1, top[1]] = 0.8
    gaps = Q.max(axis=1)[:, None] - Q
    loss = [(1 - np.exp(-H(sharp[s]))) * gaps[s].max() for s in (0, 1)]
    for s in (0, 1):
        row = np.eye(2)[s]
        d = (1 - 0.7) * other_visits(sharp, row)
        miss = V[s] - evaluation.evaluate(mdp, sharp).V[s]
        yield 0, "<=", miss
        yield miss, "<=", 1 / (1 - 0.7) * E(d, loss)


def other_visits(policy, start):
    return w.discounted(policy, np.eye(2), start)


@display("ex-entropy-both-ways", 1, text="8ac57fc7")
def _():
    for L in (2.0, 6.0):
        rewards, start = np.array([0.0, 1.0, 2.0]), np.array([0.0, -L, -3 * L])
        p = softmax(start + 3 / 2 * L * rewards)
        small = np.exp(-L / 2)
        formula = np.log(1 + 2 * small) + L * small / (1 + 2 * small)
        yield dist.entropy(np.log(p)), "=", formula
        yield 2 - p @ rewards, "=", 1.0


# ------------------------------------------------------------------------------------- chapter 19


@display("thm-entropy-any-path", 1, text="c596fb2b")
def _():
    path = lambda t: softmax(np.sin(np.arange(5) + t) + t**2 * x)  # noqa: E731
    t = 0.4
    speed = slope(lambda u: np.log(path(u)), t)
    yield (
        slope(lambda u: dist.entropy(np.log(path(u))), t),
        "=",
        -Cov(path(t), np.log(path(t)), speed),
    )


@display("prop-mirror-step", 1, text="306eb963")
def _():
    for order in (2, 3):
        # phi'' = x^(q-2), so phi = x^q / (q (q-1)) and phi' = x^(q-1) / (q-1)
        p = mirror.step(log_one, x, 0.05, order=order)
        marginal = 0.05 * x - (p ** (order - 1) - one ** (order - 1)) / (order - 1)
        inside = p > 1e-12
        # at the maximum the derivative is the same for every action that is kept
        yield marginal[inside] + 1, "=", np.full(inside.sum(), marginal[inside].mean() + 1)
        yield p.sum(), "=", 1.0


@display("prop-mirror-step", 2, text="2162e8c4")
def _():
    for order in (1, 2, 3):
        weights = 1 / one ** (order - 2.0)
        Z = weights.sum()
        weights = weights / Z
        moved = lambda t, q=order: mirror.step(log_one, x, t, order=q)  # noqa: E731
        # from 0 on, where the step starts at pi: three points of one side
        forward = (-3 * one + 4 * moved(1e-5) - moved(2e-5)) / 2e-5
        formula = Z * weights * (x - E(weights, x))
        yield np.abs(forward - formula).max(), "<=", 1e-4 * np.abs(formula).max()
        yield mirror.first_order(log_one, x, order=order), "=", -Z * Cov(weights, log_one, x)


@display("prop-sampled-action", 1, text="44e1e43c")
def _():
    A = rng.normal(size=(1, 5))
    ell = log_one + H(one)
    S = one * ell
    effects = [-A[0, b] * (S[b] - E(one, S)) for b in range(5)]
    found = entropy_dynamics.sampled_contributions(log_one[None], A)
    yield found[0], "=", effects
    direct = [-Cov(one, log_one, A[0, b] * ((np.arange(5) == b) - one)) for b in range(5)]
    yield direct, "=", effects
