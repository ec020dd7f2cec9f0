"""Displays of chapters 6 to 10, transcribed (see `transcription`)."""

import itertools
from math import comb

import numpy as np
from scipy.special import gamma as Gamma
from scipy.special import gammaln
from transcription import (
    KL,
    Cov,
    E,
    H,
    Var,
    World,
    bend,
    display,
    integral,
    kappa3,
    slope,
    softmax,
)

from rlentropy import distributions as dist
from rlentropy.discounted import environments, evaluation, natural_gradient, trajectories
from rlentropy.discounted.mdp import DiscountedMDP
from rlentropy.episodic import forecaster, max_entropy, visitation
from rlentropy.episodic.max_entropy import mirror as sweeps
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.exact import histories

w = World(6)
g = w.gamma
mdp = w.mdp()
pi, pi2 = softmax(w.theta), softmax(w.other)
log_pi = np.log(pi)
Delta = w.direction
tau = 0.3
rng = np.random.default_rng(12)
one = softmax(rng.normal(size=4))
f, q4 = rng.normal(size=(2, 4))
STATES = (0, 1)


def along(t, p=one, direction=q4):
    moved = p * np.exp(t * direction)
    return moved / moved.sum()


def moved(t, direction=Delta):
    return softmax(w.theta + t * direction)


def entropies(p):
    return np.array([H(row) for row in p])


# ------------------------------------------------------------------------------------- chapter 6


@display("lem-one-state", 1, text="a4db6c70")
def _():
    p = softmax(rng.normal(size=4))
    G = f - tau * np.log(one)
    left = p @ f + tau * dist.entropy(np.log(p)) - one @ G
    yield left, "=", sum((p - one) * G) - tau * KL(p, one)


@display("lem-one-state", 2, text="86be5218")
def _():
    G = f - tau * np.log(one)
    objective = lambda t: along(t) @ f + tau * dist.entropy(np.log(along(t)))  # noqa: E731
    yield slope(objective), "=", Cov(one, q4, G)


@display("lem-one-state", 3, text="d22582d5")
def _():
    covariance = lambda t: dist.covariance(np.log(along(t)), q4, f - np.log(along(t)))  # noqa: E731
    for t in (0.0, 0.5):
        p = along(t)
        yield slope(covariance, t), "=", kappa3(p, q4, q4, f - np.log(p)) - Var(p, q4)


@display("lem-master-pdl", 1, text="101b5784")
def _():
    G = w.Q(pi, tau=tau) - tau * log_pi
    b = [(pi2[s] - pi[s]) @ G[s] - tau * KL(pi2[s], pi[s]) for s in STATES]
    change = evaluation.evaluate(mdp, pi2, tau=tau).objective
    change -= evaluation.evaluate(mdp, pi, tau=tau).objective
    yield change, "=", 1 / (1 - g) * E(w.d(pi2), b)


@display("lem-master-gradient", 1, text="bb69f47d")
def _():
    G = w.Q(pi, tau=tau) - tau * log_pi
    formula = 1 / (1 - g) * E(w.d(pi), [Cov(pi[s], Delta[s], G[s]) for s in STATES])
    yield slope(lambda t: w.mu @ w.V(moved(t), tau=tau)), "=", formula
    gradient = natural_gradient.policy_gradient(mdp, w.theta, tau=tau)
    yield (gradient * Delta).sum(), "=", formula


@display("thm-visitation-shift", 1, text="9e5c2165")
def _():
    P, new = w.P_pi(pi), w.P_pi(pi2)
    shift = g * w.d(pi2) @ (new - P) @ np.linalg.inv(np.eye(2) - g * P)
    yield trajectories.visitation_shift(mdp, pi, pi2), "=", shift
    yield evaluation.evaluate(mdp, pi2).d - evaluation.evaluate(mdp, pi).d, "=", shift


@display("thm-visitation-shift", 2, text="a26b74ac")
def _():
    speed = np.array([pi[s] * (Delta[s] - E(pi[s], Delta[s])) for s in STATES])
    dP = [[sum(speed[s, a] * w.P[s, a, z] for a in range(3)) for z in STATES] for s in STATES]
    dot = g * w.d(pi) @ np.array(dP) @ np.linalg.inv(np.eye(2) - g * w.P_pi(pi))
    yield trajectories.visitation_slope(mdp, w.theta, Delta), "=", dot
    yield slope(lambda t: w.d(moved(t))), "=", dot


@display("thm-global-gradient", 1, text="30457cce")
def _():
    at = evaluation.evaluate(mdp, pi)
    formula = E(w.d(pi), [Cov(pi[s], Delta[s], at.entropy_Q[s]) for s in STATES])
    yield slope(lambda t: w.calH(moved(t))), "=", formula
    yield trajectories.slope(mdp, w.theta, Delta).total, "=", formula


@display("thm-global-gradient", 2, text="ab667667")
def _():
    found = trajectories.slope(mdp, w.theta, Delta)
    d, h = w.d(pi), entropies(pi)
    yield found.frozen, "=", -E(d, [Cov(pi[s], log_pi[s], Delta[s]) for s in STATES])
    V = np.array([w.discounted(pi, h, row) for row in np.eye(2)])
    yield found.shift, "=", g * E(d, [Cov(pi[s], Delta[s], (w.P @ V)[s]) for s in STATES])
    yield found.shift, "=", slope(lambda t: w.d(moved(t)) @ h)


@display("thm-entropy-pdl", 1, text="99dc2edb")
def _():
    at = evaluation.evaluate(mdp, pi)
    h = entropies(pi)
    V = np.array([w.discounted(pi, h, row) for row in np.eye(2)])
    Q = g * w.P @ V
    b = [
        (pi2[s] - pi[s]) @ (Q[s] - log_pi[s]) - KL(pi2[s], pi[s]) for s in STATES
    ]  # with -log pi inside of Q^H
    change = w.calH(pi2) - w.calH(pi)
    found = trajectories.difference(mdp, w.theta, w.other)
    yield found.total, "=", change
    page = [(pi2[s] - pi[s]) @ at.entropy_Q[s] - KL(pi2[s], pi[s]) for s in STATES]
    yield change, "=", E(w.d(pi2), page)
    yield change, "=", E(w.d(pi2), b)


@display("thm-entropy-pdl", 2, text="623c8204")
def _():
    A, size = w.adv(pi), 0.8

    def rate(t):
        at = evaluation.evaluate(mdp, moved(t, A))
        return E(at.d, [Cov(at.pi[s], A[s], at.entropy_Q[s]) for s in STATES])

    yield w.calH(moved(size, A)) - w.calH(pi), "=", integral(rate, 0, size, 12)


def paths(T):
    """(s_0, a_0, ..., s_T) with its probability under a policy."""
    for states in itertools.product(STATES, repeat=T + 1):
        for actions in itertools.product(range(3), repeat=T):
            yield states, actions


def chance(p, states, actions):
    total = w.mu[states[0]]
    for t, a in enumerate(actions):
        total *= p[states[t], a] * w.P[states[t], a, states[t + 1]]
    return total


@display("lem-trajectory-score", 1, text="fa245088")
def _():
    T, weight = 3, np.array([0.7, -0.4])
    centred = Delta - np.array([E(pi[s], Delta[s]) for s in STATES])[:, None]
    spread = np.array([Var(pi[s], Delta[s]) for s in STATES])
    family = lambda t: weight * np.exp(t * np.array([0.5, 1.5]))  # noqa: E731
    first = second = 0.0
    for states, actions in paths(T):
        p = chance(pi, states, actions)
        M = sum(centred[states[k], a] for k, a in enumerate(actions))
        bracket = sum(spread[states[k]] for k in range(T))
        value, speed, bent = (x[states[-1]] for x in (family(0), slope(family), bend(family)))
        first += p * (speed + value * M)
        second += p * (bent + 2 * speed * M + value * (M**2 - bracket))

    def mean(t):
        p = moved(t)
        return sum(chance(p, s, a) * family(t)[s[-1]] for s, a in paths(T))

    yield slope(mean), "=", first
    yield abs(bend(mean) - second), "<=", 1e-6 * abs(second)


@display("thm-visitation-speed", 1, text="f0b6c0ac")
def _():
    D = max(np.ptp(Delta, axis=1))
    x = np.sqrt(g / (1 - g))
    dot = trajectories.visitation_slope(mdp, w.theta, Delta)
    yield trajectories.spread_bound(mdp, Delta), "=", D / 2 * min(x, x**2)
    yield np.abs(dot).sum(), "<=", D / 2 * min(x, x**2)
    h = entropies(pi)
    yield abs(dot @ h), "<=", D / 4 * (h.max() - h.min()) * min(x, x**2)


@display("prop-global-remainder", 1, text="87b5dc2e")
def _():
    D = max(np.ptp(Delta, axis=1))
    sigma = trajectories.slope(mdp, w.theta, Delta).total
    for gamma in (0.7, 0.3):  # x above and below 1
        other = DiscountedMDP(P=w.P, r=w.r, mu=w.mu, gamma=gamma)
        x = np.sqrt(gamma / (1 - gamma))
        B = D**2 * np.log(3) * (1 + min(x, x**2) + x**2 / 4)
        for size in (0.3, 0.8):
            bound = trajectories.remainder_bound(other, Delta, size)
            yield bound, "=", 1 / 2 * size**2 * B
            if gamma == g:
                yield abs(w.calH(moved(size)) - w.calH(pi) - size * sigma), "<=", bound


def walk(m, reach, gamma, fair):
    process = environments.coin_walk(reach=reach, sides=m, gamma=gamma)
    policy = np.zeros((process.S, 2 * m))
    policy[:, [0, m]] = 0.5
    policy[fair] = 1 / (2 * m)
    return process, policy


@display("ex-walk-order", 1, text="3248b751")
def _():
    m, gamma, reach = 3, 0.8, 60
    process, policy = walk(m, reach, gamma, np.arange(-reach, reach + 1) > 0)
    # where the coin lies still its other sides have a tiny probability in the package's logits
    policy = np.maximum(policy, 1e-300)
    theta = np.log(policy)
    direction = np.tile(np.repeat([-0.5, 0.5], m), (process.S, 1))
    found = trajectories.slope(process, theta, direction)
    yield found.shift, "=", np.log(m) / 4 * gamma / np.sqrt(1 - gamma**2)


@display("ex-walk-order", 2, text="a72bb33c")
def _():
    # the law of s_T, rho^|j|, moved in the direction A: its second derivative in closed sums
    phi, m = (1 + np.sqrt(5)) / 2, 3
    ratios = []
    for gamma in (0.99, 0.9999):
        ell = round(phi / np.sqrt(2 * (1 - gamma)))

        def share(t, gamma=gamma, ell=ell):
            """P(|s_T| >= ell) for a walk that goes right with probability 1/(1+exp(-t))."""
            right = 1 / (1 + np.exp(-t))
            left = 1 - right
            root = np.sqrt(1 - 4 * gamma**2 * left * right)
            up, down = (1 - root) / (2 * gamma * left), (1 - root) / (2 * gamma * right)
            scale = (1 - gamma) / root
            return scale * (up**ell / (1 - up) + down**ell / (1 - down))

        ratios.append((1 - gamma) * np.log(m) * bend(share, 0.0, 1e-2 * np.sqrt(1 - gamma)))
    limit = (2 * phi + 1) / 8 * np.exp(-phi) * np.log(m)
    errors = np.abs(np.array(ratios) - limit)
    yield errors[1], "<=", 0.02 * limit
    yield errors[1], "<=", errors[0]


@display("ex-wrong-sign", 1, text="d1e8d70d")
def _():
    # d(s_0) = 1/10; the first action leads to s_1, which stays; the others to s_2, which stays
    first, d0, gamma = 1 / 3, 1 / 10, 9 / 10
    A = np.array([2 / 3, -1 / 3])
    start = np.array([first, 1 - first])
    frozen = -d0 * Cov(start, np.log(start), A)
    yield frozen, "=", 1 / 45 * np.log(2)
    later = np.array([H([3 / 4, 1 / 4]), H([1 / 2, 1 / 2])]) / (1 - gamma)
    shift = gamma * d0 * Cov(start, A, later)
    yield frozen + shift, "=", 1 / 45 * (10 * np.log(2) - 27 / 4 * np.log(3))


@display("prop-seed-exact", 1, text="48383d6a")
def _():
    at = evaluation.evaluate(mdp, pi)
    V = np.array([w.discounted(pi, entropies(pi), row) for row in np.eye(2)])
    yield at.entropy_V, "=", V
    D = max(np.ptp(at.adv, axis=1))
    error = abs(trajectories.slope(mdp, w.theta, at.adv).shift)
    yield error, "<=", g / 4 * D * (V.max() - V.min())


# ------------------------------------------------------------------------------------- chapter 7


@display("thm-soft-bellman", 1, text="611e7289")
def _():
    V = np.array([0.4, -0.9])
    q = w.r + g * w.P @ V
    found = tau * np.log(np.exp(q / tau).sum(axis=1))
    yield evaluation.soft_backup(mdp, V, tau=tau), "=", found
    best = softmax(q / tau)
    yield found, "=", [best[s] @ q[s] + tau * H(best[s]) for s in STATES]
    yield [pi[s] @ q[s] + tau * H(pi[s]) for s in STATES], "<=", found


def soft_star():
    V = np.zeros(2)
    for _ in range(400):
        V = tau * np.log(np.exp((w.r + g * w.P @ V) / tau).sum(axis=1))
    Q = w.r + g * w.P @ V
    return V, softmax(Q / tau)


@display("thm-soft-bellman", 2, text="85d93460")
def _():
    V, star = soft_star()
    yield evaluation.soft_optimal(mdp, tau=tau).V, "=", V
    cost = np.array([KL(pi[s], star[s]) for s in STATES])
    formula = [tau / (1 - g) * (1 - g) * w.discounted(pi, cost, row) for row in np.eye(2)]
    yield V - evaluation.evaluate(mdp, pi, tau=tau).V, "=", formula


@display("thm-soft-npg", 1, text="afc07e7e")
def _():
    eta, Q = 0.9, w.Q(pi, tau=tau)
    A = Q - tau * log_pi - w.V(pi, tau=tau)[:, None]
    forms = softmax(w.theta + eta * A)
    yield np.exp(natural_gradient.step(log_pi, Q, eta, tau=tau)), "=", forms
    second = pi ** (1 - eta * tau) * np.exp(eta * Q)
    yield forms, "=", second / second.sum(axis=1, keepdims=True)
    inverse = 1 / eta - tau
    objective = lambda p, s: p @ Q[s] + tau * H(p) - inverse * KL(p, pi[s])  # noqa: E731
    for s in STATES:
        missed = objective(forms[s], s) - objective(pi2[s], s)
        yield missed, "=", 1 / eta * KL(pi2[s], forms[s])


@display("thm-soft-entropy-dynamics", 1, text="f41f2d45")
def _():
    Q = w.Q(pi, tau=tau)
    A = Q - tau * log_pi - w.V(pi, tau=tau)[:, None]
    for s in STATES:
        change = lambda t, s=s: H(np.exp(natural_gradient.step(log_pi, Q, t, tau=tau))[s])  # noqa: E731
        size = 1e-5
        left = (-3 * H(pi[s]) + 4 * change(size) - change(2 * size)) / (2 * size)
        right = -Cov(pi[s], log_pi[s], A[s])
        yield abs(left - right), "<=", 1e-6 * abs(right)
        split = -Cov(pi[s], log_pi[s], Q[s]) + tau * Var(pi[s], log_pi[s])
        yield split, "=", right


@display("thm-soft-linear-rate", 1, text="c28713b1")
def _():
    eta = 0.9
    V, star = soft_star()
    P = w.P_pi(star)
    nu = np.linalg.matrix_power(P, 400)[0]
    run = natural_gradient.run(mdp, w.theta, eta=eta, iterations=12, tau=tau)
    K = [E(nu, [KL(star[s], np.exp(p[s])) for s in STATES]) for p in run.log_pi]
    Phi = [E(nu, V - value) + 1 / eta * k for value, k in zip(run.V, K, strict=False)]
    yield Phi[1:], "<=", max(g, 1 - eta * tau) * np.array(Phi[:-1])
    finer = [
        g * E(nu, V - value) + (1 - eta * tau) * 1 / eta * k
        for value, k in zip(run.V, K, strict=False)
    ]
    yield Phi[1:], "<=", np.array(finer[:-1]) + 1e-12


@display("ex-exponential-price", 1, text="009b7f2b")
def _():
    gaps = np.array([0.3, 0.0, 0.8, 1.1])
    small = DiscountedMDP(P=np.ones((1, 4, 1)), r=-gaps[None], mu=np.ones(1), gamma=0.0)
    p = np.exp(evaluation.soft_optimal(small, tau=tau).log_pi[0])
    above = sum(gap * np.exp(-gap / tau) for gap in gaps)
    below = 1 + sum(np.exp(-gap / tau) for gap in gaps if gap > 0)
    yield p @ gaps, "=", above / below


# ------------------------------------------------------------------------------- the second part

S, A, N = 2, 3, 5
law = rng.dirichlet(np.ones(S), (N - 1, S, A))
game = EpisodicMDP(P=law, horizon=N, start=0)
policies = [rng.dirichlet(np.ones(A), (N, S)) for _ in range(3)]


def visits(policy, law=law):
    """d_h(s, a) by running the chain forward."""
    d, state = np.zeros((N, S, A)), np.array([1.0, 0.0])
    for h in range(N):
        d[h] = state[:, None] * policy[h]
        if h < N - 1:
            state = np.einsum("sa,sax->x", d[h], law[h])
    return d


def H_visit(d):
    return sum(H(stage) for stage in d)


def best_sum(reward):
    """max over policies of <d, reward>, by backward induction."""
    V = np.zeros(S)
    for h in reversed(range(N)):
        V = (reward[h] + (law[h] @ V if h < N - 1 else 0)).max(axis=1)
    return V[0]


optimum = max_entropy.solve(game, tol=1e-12)


@display("thm-polytope-markov", 1, text="019089fe")
def _():
    # a policy with memory: one of two policies, drawn before the episode
    weights = np.array([0.3, 0.7])
    rules = [lambda history, p=p: p[len(history) // 2, history[-1]] for p in policies[:2]]
    drawn = histories.draw_once(weights, rules)
    exact = histories.visitation_by_enumeration(law, 0, drawn)
    yield exact, "=", 0.3 * visits(policies[0]) + 0.7 * visits(policies[1])
    yield visits(visitation.markov_policy(exact)), "=", exact


@display("thm-polytope-markov", 2, text="47be5dd9")
def _():
    d = visits(policies[0])
    for h, s in np.ndindex(N, S):
        if d[h, s].sum() > 0:
            yield visitation.markov_policy(d)[h, s], "=", d[h, s] / d[h, s].sum()


@display("prop-vertices-mixture", 1, text="2c7b51e9")
def _():
    weights, ds = np.array([0.3, 0.7]), np.array([visits(policy) for policy in policies[:2]])
    found = visitation.markov_policy(visitation.mixture(weights, ds))
    for h, s in np.ndindex(N, S):
        below = sum(weights[i] * ds[i, h, s].sum() for i in (0, 1))
        if below > 0:
            yield found[h, s], "=", sum(weights[i] * ds[i, h, s] for i in (0, 1)) / below


@display("thm-concavity", 1, text="e3c31fad")
def _():
    weights = np.array([0.2, 0.3, 0.5])
    ds = np.array([visits(policy) for policy in policies])
    mean = sum(weight * d for weight, d in zip(weights, ds, strict=True))
    left = visitation.visitation_entropy(mean) - sum(
        weight * visitation.visitation_entropy(d) for weight, d in zip(weights, ds, strict=True)
    )
    right = sum(
        weight * sum(KL(d[h], mean[h]) for h in range(N))
        for weight, d in zip(weights, ds, strict=True)
    )
    yield left, "=", right
    yield 0, "<=", left


def doors(n, horizon, x):
    """Two doors: states 0 (first), 1 (second), 2 (sink), 3.. (broad); the policy of the example."""
    P = np.zeros((n + 3, 2, n + 3))
    P[0, 0, 2] = P[0, 1, 1] = P[1, 0, 2] = 1
    P[1, 1, 3:] = 1 / n
    P[2, :, 2] = 1
    P[3:, :, 3:] = 1 / n
    policy = np.full((horizon, n + 3, 2), 0.5)
    policy[0, 0] = policy[1, 1] = (1 - x, x)
    return EpisodicMDP(P=P, horizon=horizon, start=0), policy


@display("ex-two-doors", 1, text="08958418")
def _():
    for n, horizon, x in ((3, 5, 0.4), (7, 4, 0.8)):
        process, policy = doors(n, horizon, x)
        found = visitation.visitation_entropy(visitation.policy_visitation(process, policy))
        h = lambda y: H([y, 1 - y])  # noqa: E731
        first = (2 + x) * h(x) + (1 - x) * np.log(2)
        later = (horizon - 2) * (h(x**2) + np.log(2) + x**2 * np.log(n))
        yield found, "=", first + later


# ------------------------------------------------------------------------------------- chapter 9


@display("thm-prediction-game", 1, text="775798e8")
def _():
    d = optimum.visitation
    log_of = lambda p: -np.log(np.where(p > 0, p, 1.0))  # noqa: E731
    # max min: against d the best prediction is d itself
    yield optimum.value, "=", sum(H(stage) for stage in d)
    others = [visits(policy) for policy in policies]
    for other in others:
        yield H_visit(other), "<=", optimum.value
        for prediction in others:
            yield H_visit(other), "<=", (other * log_of(prediction)).sum()
    # min max: the value of the best answer to d* is the same
    yield best_sum(log_of(d)), "=", optimum.value
    for prediction in others:
        yield optimum.value, "<=", best_sum(log_of(prediction))


@display("cor-certificate", 1, text="d230a12f")
def _():
    for policy in policies:
        prediction = visits(policy)
        U = max_entropy.certificate(game, prediction)
        # the second state is not reached at the first stage
        reward = -np.log(np.where(prediction > 0, prediction, 1.0))
        yield U, "=", best_sum(reward)
        divergence = sum(KL(optimum.visitation[h], prediction[h]) for h in range(N))
        yield optimum.value + divergence, "<=", U
        yield optimum.value, "<=", optimum.value + divergence


def differences(V):
    """x_h(s, a) = (p_h V_{h+1})(s, a) - V_h(s) with V_{H+1} = 0."""
    x = np.empty((N, S, A))
    for h in range(N):
        x[h] = (law[h] @ V[h + 1] if h < N - 1 else 0) - V[h][:, None]
    return x


@display("thm-dual-gap", 1, text="09dbcab6")
def _():
    V = rng.normal(size=(N, S))
    d = visits(policies[0])
    keep = np.ones((N, S), dtype=bool)
    keep[0, 1] = False  # the second state is not reached at the first stage
    x = differences(V)
    gap = 0.0
    for h in range(N):
        inside = np.exp(x[h][keep[h]])
        gap += KL(d[h][keep[h]], inside / inside.sum())
    yield max_entropy.dual_value(game, V) - visitation.visitation_entropy(d), "=", gap
    yield 0, "<=", gap


def soft_potentials(d):
    """V_h(s) = log 1/d_h(s) + log sum_a exp (p_h V_{h+1})(s, a), where the state is reached."""
    V = np.zeros((N, S))
    for h in reversed(range(N)):
        ahead = law[h] @ V[h + 1] if h < N - 1 else np.zeros((S, A))
        for s in STATES:
            mass = d[h, s].sum()
            if mass > 0:
                V[h, s] = np.log(1 / mass) + np.log(np.exp(ahead[s]).sum())
    return V


@display("cor-mvee-soft-optimal", 1, text="c6949150")
def _():
    d = visits(policies[0])
    yield max_entropy.potentials_of_visitation(game, d), "=", soft_potentials(d)


@display("cor-mvee-soft-optimal", 2, text="75d819fe")
def _():
    d = visits(policies[0])
    V = soft_potentials(d)
    soft = max_entropy.policy_of_potentials(game, V)
    total = 0.0
    for h in range(N):
        ahead = law[h] @ V[h + 1] if h < N - 1 else np.zeros((S, A))
        for s in STATES:
            mass = d[h, s].sum()
            if mass > 0:
                yield soft[h, s], "=", softmax(ahead[s])
                total += mass * KL(policies[0][h, s], softmax(ahead[s]))
    yield max_entropy.dual_value(game, V) - visitation.visitation_entropy(d), "=", total
    yield max_entropy.dual_value(game, V), "=", V[0, 0]


def sweep(policy):
    """One step of mirror ascent, as it stands on the page."""
    d, V, new = visits(policy), np.zeros(S), np.array(policy)
    for h in reversed(range(N)):
        weight, ahead = N - h, (law[h] @ V if h < N - 1 else np.zeros((S, A)))
        V = np.zeros(S)
        for s in STATES:
            if d[h, s].sum() > 0:
                Q = np.log(1 / d[h, s]) + ahead[s]
                V[s] = weight * np.log(sum(policy[h, s] * np.exp(Q / weight)))
                new[h, s] = policy[h, s] * np.exp((Q - V[s]) / weight)
    return new


def calD(d, other):
    """sum_h w_h E_{d_h} KL(pi_h || pi'_h), w_h = H - h + 1."""
    total = 0.0
    for h, s in np.ndindex(N, S):
        mass = d[h, s].sum()
        if mass > 0:
            total += (N - h) * mass * KL(d[h, s] / mass, other[h, s] / other[h, s].sum())
    return total


@display("thm-mirror-ascent", 1, text="a0a0de5e")
def _():
    run = sweeps.mirror_ascent(game, 1, start=policies[0])
    d = visits(sweep(policies[0]))
    yield run.visitation, "=", d
    yield sweeps.path_divergence(visits(policies[1]), d), "=", calD(visits(policies[1]), d)


@display("thm-mirror-ascent", 2, text="3a3d36d7")
def _():
    uniform = np.full((N, S, A), 1 / A)
    policy, misses, c = uniform, [], 1 - 1 / N
    Delta0 = calD(optimum.visitation, visits(uniform))
    for t in range(1, 12):
        policy = sweep(policy)
        misses.append(optimum.value - H_visit(visits(policy)))
        yield sum(c ** (t - k) * miss for k, miss in enumerate(misses, 1)), "<=", c**t * Delta0
        yield N * (1 - c**t) * misses[-1], "<=", c**t * Delta0
        yield misses[-1], "<=", sweeps.mirror_bound(game, t)
    start = N * (N + 1) / 2 * np.log(A)
    yield Delta0, "<=", start
    yield sweeps.mirror_bound(game, 7), "=", start / N * c**7 / (1 - c**7)


@display("prop-average-dual", 1, text="9b3c5721")
def _():
    y = rng.normal(size=(S, A))
    for policy in policies:
        mean = visits(policy).mean(axis=0)
        reach = best_sum(np.broadcast_to(y / N, (N, S, A)))
        dual = reach + np.log(np.exp(-y).sum())
        yield max_entropy.average_dual_value(game, y), "=", dual
        yield H(mean), "<=", dual


# ------------------------------------------------------------------------------------ chapter 10


@display("lem-dirichlet-mixture", 1, text="4f68e9dd")
def _():
    m, n0, symbols = 3, 0.8, [0, 2, 2, 1, 2, 0]
    t0, T = m * n0, len(symbols)
    counts, product = np.zeros(m), 1.0
    for x in symbols:
        product *= forecaster.predict(counts, n0)[x]
        counts[x] += 1
    closed = Gamma(t0) / Gamma(T + t0) * np.prod([Gamma(c + n0) / Gamma(n0) for c in counts])
    yield product, "=", closed
    # the mean over the Dirichlet distribution of q^counts, by quadrature over the triangle
    nodes, weights = np.polynomial.legendre.leggauss(60)
    u, du = (nodes + 1) / 2, weights / 2
    total = norm = 0.0
    for a, da in zip(u, du, strict=True):
        b = u * (1 - a)
        density = a ** (n0 - 1) * b ** (n0 - 1) * (1 - a - b) ** (n0 - 1) * da * du * (1 - a)
        norm += density.sum()
        total += (density * a ** counts[0] * b ** counts[1] * (1 - a - b) ** counts[2]).sum()
    yield abs(total / norm - product), "<=", 0.02 * product


@display("thm-forecaster-regret", 1, text="a7bbb2b2")
def _():
    n0, counts = 0.8, np.array([4, 0, 7])
    t0, T = 3 * n0, 11
    closed = gammaln(T + t0) - gammaln(t0) - sum(gammaln(c + n0) - gammaln(n0) for c in counts)
    yield forecaster.regret(counts, n0), "=", closed - T * H(counts / T)


@display("thm-forecaster-regret", 2, text="f155f9f1")
def _():
    m, T = 4, 9
    for n0 in (0.5, 1.0, 2.5):
        t0 = m * n0
        worst = np.log(Gamma(T + t0) * Gamma(n0) / (Gamma(t0) * Gamma(T + n0)))
        yield forecaster.worst_regret(T, m, n0), "=", worst
        every = [
            forecaster.regret(np.array(counts), n0)
            for counts in itertools.product(range(T + 1), repeat=m)
            if sum(counts) == T
        ]
        yield max(every), "=", worst
    yield forecaster.worst_regret(T, m, 1.0), "=", np.log(comb(T + m - 1, m - 1))


@display("thm-forecaster-regret", 3, text="eef9715a")
def _():
    m, n0 = 4, 1.7
    errors = []
    for T in (10**4, 10**5):
        leading = (m - 1) * n0 * np.log(T) + np.log(Gamma(n0) / Gamma(m * n0))
        errors.append(abs(forecaster.worst_regret(T, m, n0) - leading))
    yield errors[1], "<=", 0.11 * errors[0]  # O(1/T)
    yield errors[0], "<=", 1e-2


@display("lem-fractional", 1, text="c8f87647")
def _():
    m, n0, T = 3, 0.8, 12
    outcomes = rng.dirichlet(np.ones(m), T)
    counts, loss = np.zeros(m), 0.0
    for outcome in outcomes:
        loss += outcome @ np.log(1 / ((counts + n0) / (counts.sum() + m * n0)))
        counts += outcome
    left = loss - T * H(counts / T)
    yield forecaster.regret_curve(outcomes, n0)[-1], "=", left
    yield left, "<=", forecaster.regret(counts, n0)
    yield forecaster.regret(counts, n0), "<=", forecaster.worst_regret(T, m, n0)
