"""Inline claims of statements and the constants of bounds, computed where they are attained.

`transcription` holds every display against the package. Two kinds of error pass it: a wrong formula
between the displays, and an inequality with too much room, whose constant may then be anything.
A function marked ``@claim(label, fragment)`` computes what a fragment of a statement says and yields

    left, "=", right            equal to 1e-7, and not with the right side 3 % larger
    left, "~<", right           at most, and more than 0.95 of it: a constant 5 % smaller would fail
    left, "->", right           equal to 2 % in a limit, and not with the right side 5 % larger

The fragment must stand in the statement as it is.
"""

from math import comb, e, log, pi, sqrt

import numpy as np
import pytest
from scipy.special import gammaln
from test_statements_read import STATED
from transcription import KL, Cov, E, H, Var, World, assert_lines, kappa3, slope, softmax

from rlentropy import distributions as dist
from rlentropy.discounted import (
    entropy_dynamics,
    environments,
    evaluation,
    exploration,
    natural_gradient,
    trajectories,
)
from rlentropy.discounted.mdp import DiscountedMDP
from rlentropy.episodic import forecaster, max_entropy
from rlentropy.episodic.max_entropy import mirror
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.episodic.visitation import policy_visitation
from rlentropy.studies import constrained_step

rng = np.random.default_rng(23)
w = World()
one = softmax(rng.normal(size=5))
x = rng.normal(size=5)
CLAIMS = {}


def claim(label, fragment):
    """Register what a fragment of a statement says."""

    def register(lines):
        assert (label, fragment) not in CLAIMS
        CLAIMS[label, fragment] = lines
        return lines

    return register


def assert_attained(lines):
    """Every line holds, and a constant a few per cent off does not."""
    count = 0
    for left, relation, right in lines:
        count += 1
        if relation == "=":
            assert_lines([(left, "=", right)])
            continue
        left, right = np.asarray(left, dtype=float), np.asarray(right, dtype=float)
        assert relation in ("~<", "->") and (right > 0).all()
        if relation == "~<":
            assert (left <= right * (1 + 1e-12)).all(), f"{left} > {right}"
            assert (left > 0.95 * right).any(), f"{left} is far below {right}"
        else:
            np.testing.assert_allclose(left, right, rtol=0.02)
            assert (np.abs(left - 1.05 * right) > 0.02 * right).any()
    assert count, "no line"


@pytest.mark.parametrize("key", CLAIMS, ids=lambda key: key[0])
def test_a_claim_holds_and_is_attained(key):
    label, fragment = key
    assert fragment in STATED[label]
    assert_attained(CLAIMS[key]())


@pytest.mark.parametrize(
    "lines",
    [
        [(1.0, "=", 1.01)],
        [(1.0, "~<", 0.99)],
        [(0.9, "~<", 1.0)],
        [(1.0, "->", 1.03)],
        [],
    ],
)
def test_a_wrong_or_loose_line_is_refused(lines):
    with pytest.raises(AssertionError):
        assert_attained(lines)


# ---------------------------------------------------------------------------------- chapters 1 to 3


def bandit(rewards, gamma=0.0):
    rewards = np.asarray(rewards, dtype=float)
    loop = np.ones((1, rewards.size, 1))
    return DiscountedMDP(P=loop, r=rewards[None], mu=np.ones(1), gamma=gamma)


def fork(gamma):
    """State 0 leads to state 1 by action 0 and to state 2 by action 1; both last for ever."""
    P = np.zeros((3, 2, 3))
    P[0, 0, 1] = P[0, 1, 2] = P[1, :, 1] = P[2, :, 2] = 1
    return DiscountedMDP(P=P, r=np.zeros((3, 2)), mu=np.eye(3)[0], gamma=gamma)


@claim("thm-entropy-range", r"H(p)=\log n$ only for $p=u$")
def _():
    yield dist.entropy(np.full(7, -log(7))), "=", log(7)


@claim("ex-two-states", r"A(0,\cdot)=(-\tfrac1{16},\tfrac1{16})$ and $A(1,\cdot)=(\tfrac9{16},")
def _():
    coin = evaluation.evaluate(environments.two_state(0.5, stay=0.75), np.full((2, 2), 0.5))
    yield coin.Q - coin.V[:, None], "=", np.array([[-1, 1], [9, -9]]) / 16


@claim("thm-visitation", r"d^\pi\ge(1-\gamma)\mu")
def _():
    d = evaluation.evaluate(fork(0.6), np.full((3, 2), 0.5)).d
    yield (1 - 0.6), "~<", d[0]  # attained where nothing leads back


@claim("thm-visitation", r"d^\pi=(1-\gamma)\,\mu^\top(I-\gamma P_\pi)^{-1}")
def _():
    inverse = np.linalg.inv(np.eye(2) - w.gamma * w.P_pi(softmax(w.theta)))
    at = evaluation.evaluate(w.mdp(), softmax(w.theta))
    yield at.d, "=", (1 - w.gamma) * w.mu @ inverse


@claim("thm-visitation", r"(1-\gamma)\,V^\pi(\mu)=\mathrm E_{s\sim d^\pi}[r_\pi(s)]")
def _():
    policy = softmax(w.theta)
    at = evaluation.evaluate(w.mdp(), policy)
    yield (1 - w.gamma) * w.mu @ at.V, "=", E(w.d(policy), [E(policy[s], w.r[s]) for s in (0, 1)])


@claim("cor-entropy-objective", r"0\le\mathcal H(\pi)\le\log n")
def _():
    at = evaluation.evaluate(w.mdp(), np.full((2, 3), 1 / 3))
    yield at.d @ at.policy_entropy, "=", log(3)


@claim("thm-npg-equivalences", r"The maximum is $\frac1\eta\log\mathrm E_\pi e^{\eta q}$")
def _():
    yield natural_gradient.prox_value(np.log(one), x, 0.6), "=", log(E(one, np.exp(0.6 * x))) / 0.6


@claim("thm-rlhf-one-step", r"they solve {eq}`eq-rlhf` with $\beta=1/(\eta_1+\dots+\eta_k)$")
def _():
    path = np.log(one)
    for eta in (0.2, 0.5, 0.4):
        path = natural_gradient.step(path, x, eta)
    beta = 1 / (0.2 + 0.5 + 0.4)
    yield np.exp(path), "=", one * np.exp(x / beta) / E(one, np.exp(x / beta))
    best = E(np.exp(path), x) - beta * KL(np.exp(path), one)
    yield natural_gradient.prox_value(np.log(one), x, 1 / beta), "=", best


@claim("prop-favoured-action", r"|A(a)|\le(1-\pi(a))\operatorname{osc}A")
def _():
    adv = np.array([1.0, 0, 0, 0, 0]) - one[0]  # mean 0; all others alike
    yield abs(adv[0]), "~<", (1 - one[0]) * np.ptp(adv)


@claim("prop-action-contribution", r"\frac1n\le e^{-h(s)}\le\max_b\pi(b\mid s)")
def _():
    even = np.full(4, 1 / 4)
    yield 1 / 4, "~<", np.exp(-H(even))
    yield np.exp(-dist.entropy(np.log(even))), "~<", even.max()


# --------------------------------------------------------------------------------- chapters 4 and 5


@claim("prop-remainder-bound", r"\;H_tD^2\big]")
def _():
    nearly = np.array([0.0, -700.0])  # one action all but certain
    yield (
        entropy_dynamics.curvature(nearly, [0.0, 2.0]),
        "~<",
        4 * entropy_dynamics.softmax.policy_entropy(nearly),
    )


@claim("prop-remainder-bound", r"\big[-\tfrac14(1+H_t)D^2")
def _():
    # two actions of mass p and gains 1 and -1 beside a crowd of e^M that stays: by its formula
    p, M = 0.49, 1e5
    entropy = -2 * p * log(p) + (1 - 2 * p) * (M - log(1 - 2 * p))
    yield 2 * p * (1 + log(p) + entropy), "~<", (1 + entropy) * 2**2 / 4


@claim("prop-remainder-bound", r"2\,\eta^2\,\|A\|_\infty^2\log n")
def _():
    yield entropy_dynamics.remainder_bound(0.3 * np.array([1, 0, -1.0])), "~<", 2 * 0.09 * log(3)


@claim("prop-remainder-bound", r"|\ddot H|=\frac{1}{6\sqrt3}\log n+O(1)")
def _():
    mass = 1 / 2 + 1 / (2 * sqrt(3))
    bent = []
    for n in (10**3, 10**6):
        policy = np.full(n, log((1 - mass) / (n - 1)))
        policy[0] = log(mass)
        bent.append(float(entropy_dynamics.curvature(policy, np.eye(1, n)[0])))
    yield abs(bent[1] - bent[0]), "->", log(10**3) / (6 * sqrt(3))


@claim("lem-fair-coin", r"\ge\log2\;\mathrm{Var}_\pi(A)")
def _():
    p, f = np.array([0.5001, 0.4999]), np.array([1.3, -0.4])
    yield log(2) * dist.variance(np.log(p), f), "~<", E(p, (f - E(p, f)) ** 2 * -np.log(p))


@claim("lem-fair-coin", r"(1-\log2+H_0)\,\mathrm{Var}_\pi(A)")
def _():
    logits, f = np.array([0.0, 4e-4]), np.array([1.3, -0.4])
    p = softmax(logits)
    yield -entropy_dynamics.curvature(logits, f), "~<", (1 - log(2) + H(p)) * Var(p, f)


@claim(
    "thm-local-remainder", r"\tfrac12\max\Big\{(1-\log2+\bar H)V,\ \sum_a(|x(a)|+m)^2f(q(a))\Big\}"
)
def _():
    # the first term from a fair coin, and the second where one action is all but certain
    for logits, move in (([0, 0.0], [1e-4, -1e-4]), ([0, -100.0], [0, 1e-3])):
        change = entropy_dynamics.entropy_change(logits, np.add(logits, move))
        left = abs(change.exact - change.first_order)
        bound = entropy_dynamics.local_remainder_bound(logits, move)
        yield float(bound), "->", float(left)


@claim("cor-sign-certificate", r"\frac{2\,|\mathrm{Cov}_\pi(\log\pi,A)|}{D^2\log n}")
def _():
    radius = entropy_dynamics.certificate_radius(np.log(one), x)
    yield radius, "=", 2 * abs(Cov(one, np.log(one), x)) / (np.ptp(x) ** 2 * log(5))


@claim("prop-rise", r"$xg<0$ and $\eta|g|<2|x|$")
def _():
    logits, g, at = np.array([0.8, 0.0]), -0.5, 2 * 0.8 / 0.5
    new = natural_gradient.step(np.log(softmax(logits)), [g, 0.0], at)
    yield np.exp(dist.entropy(new)), "=", np.exp(H(softmax(logits)))  # back at the same entropy
    short = natural_gradient.step(np.log(softmax(logits)), [g, 0.0], 0.97 * at)
    assert dist.entropy(new) < dist.entropy(short)


@claim("prop-beta-criterion", r"\dot H_t=-(t+\beta_t)\,\mathrm{Var}_t(A)")
def _():
    for t in (-0.5, 0.7):
        p = softmax(np.log(one) + t * x)
        beta = Cov(p, np.log(one), x) / Var(p, x)
        moved = slope(lambda u: dist.entropy(dist.log_softmax(np.log(one) + u * x)), t)
        yield moved, "=", -(t + beta) * Var(p, x)


@claim("ex-two-bumps", r"The leading action is the first up to $t=20$, the second up to $t=40$")
def _():
    for t, pair in ((20.0, (0, 1)), (40.0, (1, 2))):
        logits = np.array([0.0, -20.0, -60.0]) + t * np.arange(3)
        yield 1 + logits[pair[0]] - logits[pair[1]], "=", 1  # they are equal there
        yield dist.entropy(dist.log_softmax(logits)), "->", log(2)
    between = np.array([0.0, -20.0, -60.0]) + 30 * np.arange(3)
    assert dist.entropy(dist.log_softmax(between)) < 0.002


@claim("ex-second-order-rise", r"b=\mathrm{Cov}_\pi(\log\pi,\mathbf 1_3)/\mathrm{Var}_\pi(\log\pi)")
def _():
    p = np.array([0.9, 0.0999, 0.0001])
    rare, log_p = np.eye(3)[2], np.log(p)
    A = rare - Cov(p, log_p, rare) / Var(p, log_p) * log_p
    second = Var(p, A) + kappa3(p, log_p, A, A)
    assert second < 0
    yield 1 + Cov(p, log_p, A), "=", 1
    yield entropy_dynamics.curvature(log_p, A) / -second, "=", 1


@claim("lem-npg-logits", r"On a bandit $c_a=\log\frac{\pi_0(a)}{\pi_0(a^*)}$ and there is no error")
def _():
    theta, gaps = rng.normal(size=(1, 3)), np.array([0.0, 0.3, 0.5])
    run = natural_gradient.run(bandit(-gaps), theta, eta=0.7, iterations=9)
    start, end = run.log_pi[0, 0], run.log_pi[-1, 0]
    yield end[1:] - end[0], "=", -9 * 0.7 * gaps[1:] + start[1:] - start[0]


@claim("thm-npg-asymptotics", r"k\eta\Delta\,e^{-k\eta\Delta}\sum_{a:\,\Delta_a=\Delta}e^{c_a}")
def _():
    gaps, theta, k = np.array([0.0, 0.5, 0.5, 0.9]), np.array([[0.0, 0.3, -0.2, 0.1]]), 900
    run = natural_gradient.run(bandit(-gaps), theta, eta=0.6, iterations=k)
    size = k * 0.6 * 0.5
    formula = size * np.exp(-size) * (np.exp(0.3) + np.exp(-0.2))
    yield dist.entropy(run.log_pi[-1, 0]) / formula, "->", 1


@claim("prop-small-entropy", r"\big(1-e^{-h_\pi(s')}\big)\max_a\Delta_a(s')")
def _():
    V = evaluation.evaluate(bandit([1.0, 0, 0, 0], 0.7), np.full((1, 4), 1 / 4)).V[0]
    yield 1 / (1 - 0.7) - V, "~<", 1 / (1 - 0.7) * (1 - np.exp(-log(4)))


@claim("ex-mdp-later-rise", r"with $\eta=\log4$ and any $0<\gamma<1$")
def _():
    gamma, P, r = 0.6, np.zeros((4, 2, 4)), np.zeros((4, 2))
    P[0, 0, 1] = P[0, 1, 2] = P[1:, :, 3] = 1
    r[1], r[2] = 13 / 20, (1, 0)
    tree = DiscountedMDP(P=P, r=r, mu=np.eye(4)[0], gamma=gamma)
    # the two leaves pay 13/20, and then 1/2, 4/5 ..: the advantage at the root changes its sign
    run = natural_gradient.run(tree, np.zeros((4, 2)), eta=log(4), iterations=2)
    h = dist.entropy(run.log_pi[:, 0])
    assert h[1] < h[0]
    yield h[[0, 2]], "=", [log(2), log(2)]


# --------------------------------------------------------------------------------- chapters 6 and 7


@claim("thm-visitation-shift", r"\|d'-d\|_1$ $\le\frac{\gamma}{1-\gamma}\,\mathrm E_{s\sim d'}")
def _():
    old, new = np.array([[1.0, 0]] * 3), np.array([[0.0, 1], [1, 0], [1, 0]])
    shift = trajectories.visitation_shift(fork(0.6), old, new)
    after = evaluation.evaluate(fork(0.6), new).d
    yield np.abs(shift).sum(), "~<", 0.6 / 0.4 * after @ np.abs(new - old).sum(axis=1)


@claim("thm-visitation-speed", r"\|\dot d\|_1&\le\tfrac D2\,\min(x,x^2)")
def _():
    gamma, direction = 0.02, np.array([[0.5, -0.5], [0, 0], [0, 0]])
    dot = trajectories.visitation_slope(fork(gamma), np.zeros((3, 2)), direction)
    yield np.abs(dot).sum(), "~<", 1 / 2 * gamma / (1 - gamma)


@claim("thm-visitation-speed", r"\tfrac D4\,\operatorname{osc}h\;\min(x,x^2)")
def _():
    gamma, direction = 0.02, np.array([[0.5, -0.5], [0, 0], [0, 0]])
    theta = np.array([[0, 0], [0, 0], [0, -900.0]])  # entropy log 2 in state 1 and 0 in state 2
    dot = trajectories.visitation_slope(fork(gamma), theta, direction)
    h = dist.entropy(dist.log_softmax(theta))
    yield abs(dot @ h), "~<", 1 / 4 * np.ptp(h) * gamma / (1 - gamma)


@claim("ex-walk-order", r"\frac{1-\gamma}{\sqrt{1-\gamma^2}}\,\rho^{|j|}$, where $\rho=")
def _():
    gamma, reach = 0.7, 60
    walk = environments.coin_walk(reach=reach, sides=2, gamma=gamma)
    policy = np.zeros((walk.S, 4))
    policy[:, [0, 2]] = 0.5
    rho = (1 - sqrt(1 - gamma**2)) / gamma
    away = np.abs(np.arange(-reach, reach + 1))
    law = (1 - gamma) / sqrt(1 - gamma**2) * rho**away
    yield evaluation.evaluate(walk, policy).d, "=", law


@claim(
    "ex-walk-order", r"\sqrt{\gamma/(1+\gamma)}$ times the bound $\frac D4\operatorname{osc}h\,x"
)
def _():
    gamma = 0.7
    attained = log(3) / 4 * gamma / sqrt(1 - gamma**2)
    bound = 1 / 4 * log(3) * sqrt(gamma / (1 - gamma))
    yield attained, "=", sqrt(gamma / (1 + gamma)) * bound


@claim("thm-soft-bellman", r"\le\frac{1}{1-\gamma}\|T_\tau V-V\|_\infty")
def _():
    best = evaluation.soft_optimal(w.mdp(), tau=0.4).V
    off = best + 0.8  # wrong by the same number everywhere
    missed = np.abs(evaluation.soft_backup(w.mdp(), off, tau=0.4) - off).max()
    yield np.abs(off - best).max(), "~<", 1 / (1 - 0.7) * missed * (1 + 1e-9)


@claim("thm-soft-npg", r"\frac1{\bar\eta}=\frac1\eta-\tau\ge0")
def _():
    eta, tau, other = 0.6, 0.4, softmax(rng.normal(size=5))
    value = natural_gradient.prox_objective(np.log(one), np.log(other), x, eta, tau=tau)
    yield value, "=", E(other, x) + tau * H(other) - (1 / eta - tau) * KL(other, one)


@claim("thm-soft-npg", r"below its maximum by exactly $\frac1\eta\mathrm{KL}(p\,\|\,\pi^+)$")
def _():
    eta, tau, other = 0.6, 0.4, softmax(rng.normal(size=5))
    new = np.exp(natural_gradient.step(np.log(one), x, eta, tau=tau))
    most = natural_gradient.prox_value(np.log(one), x, eta, tau=tau)
    value = natural_gradient.prox_objective(np.log(one), np.log(other), x, eta, tau=tau)
    yield most - value, "=", KL(other, new) / eta


@claim("thm-soft-npg", r"For $0<\eta\le1/\tau$ the following")
def _():
    for eta, tau in ((0.5, 2.1), (0.97, 1.05)):  # just beyond
        with pytest.raises(ValueError, match=r"eta \* tau"):
            natural_gradient.step(np.log(one), x, eta, tau=tau)
    at = natural_gradient.step(np.log(one), x, 3.0, tau=1 / 3)  # and just on it
    yield np.exp(at), "=", softmax(3 * x)


@claim("thm-soft-fixed-point", r"\le\frac1{1-\gamma}\max_{s,a}A_\tau^\pi(s,a)")
def _():
    tau, arms = 1e-4, bandit([1.0, 0.0], 0.7)
    at = evaluation.evaluate(arms, np.array([[0.5, 0.5]]), tau=tau)
    gap = evaluation.soft_optimal(arms, tau=tau).V - at.V
    yield gap, "~<", at.adv.max() / (1 - 0.7)


@claim("thm-soft-linear-rate", r"\Phi_{k+1}\le\max(\gamma,1-\eta\tau)\,\Phi_k")
def _():
    eta, tau, gamma = 0.1, 0.5, 0.3  # far away the divergence decides, and 1 - eta tau = 0.95
    arms = bandit([1.0, 0.2, 0.0], gamma)
    far = np.array([[-600.0, 0.0, 0.0]])
    best = evaluation.soft_optimal(arms, tau=tau)
    star = np.exp(best.log_pi[0])
    run = natural_gradient.run(arms, far, eta=eta, iterations=1, tau=tau)
    Phi = [
        best.V[0] - V[0] + KL(star, np.exp(p[0])) / eta
        for V, p in zip(run.V, run.log_pi, strict=True)
    ]
    yield Phi[1], "~<", max(gamma, 1 - eta * tau) * Phi[0]


@claim(
    "prop-temperature", r"\le\frac{\tau}{1-\gamma}\big(\mathcal H(\tau)-\mathcal H(\pi^\star)\big)"
)
def _():
    tau, arms = 0.002, bandit([1.0, 0.0], 0.7)
    best = evaluation.soft_optimal(arms, tau=tau)
    loss = np.exp(best.log_pi[0, 1]) / (1 - 0.7)
    yield loss, "~<", tau / (1 - 0.7) * float(dist.entropy(best.log_pi[0]))


@claim("prop-temperature", r"\frac{d}{d\tau}V_\tau^\star(\mu)=\frac{1}{1-\gamma}\mathcal H(\tau)")
def _():
    value = lambda t: w.mu @ evaluation.soft_optimal(w.mdp(), tau=0.4 + t).V  # noqa: E731
    policy = np.exp(evaluation.soft_optimal(w.mdp(), tau=0.4).log_pi)
    yield slope(value), "=", w.calH(policy) / (1 - 0.7)


# --------------------------------------------------------------------------- chapters 9 to 12, and 19


@claim(
    "prop-sampled-action", r"if $\mathrm E_\pi A=0$ it is $-\eta\,\mathrm{Cov}_\pi(\log\pi,\pi A)$"
)
def _():
    A = x - E(one, x)
    sampled = entropy_dynamics.sampled_contributions(np.log(one), A)
    yield E(one, sampled), "=", -Cov(one, np.log(one), one * A)


LAW = rng.dirichlet(np.ones(2), (3, 2, 3))
GAME = EpisodicMDP(P=LAW, horizon=4, start=0)
UNIFORM = np.full((4, 2, 3), 1 / 3)


@claim("cor-certificate", r"U(\bar d)=\max_{d\in\mathcal K_p}\langle d,\log\frac1{\bar d}\rangle")
def _():
    optimum = max_entropy.solve(GAME, tol=1e-12)
    V = np.zeros(2)
    for h in reversed(range(4)):
        seen = optimum.visitation[h] > 0
        gain = np.where(seen, -np.log(np.where(seen, optimum.visitation[h], 1)), 0)
        V = (gain + (LAW[h] @ V if h < 3 else 0)).max(axis=1)
    yield optimum.value, "=", V[0]  # attained by the optimum


@claim("thm-mirror-ascent", r"\mathcal D(e\|d^0)\le\frac{H(H+1)}2\log A")
def _():
    sure = np.zeros((4, 2, 3))
    sure[..., 1] = 1
    seen = [policy_visitation(GAME, policy) for policy in (sure, UNIFORM)]
    yield mirror.path_divergence(*seen), "~<", 4 * (4 + 1) / 2 * log(3)


@claim("prop-discounted-ascent", r"\mathcal D_\gamma(\rho\|\rho^0)\le\frac{\log A}{1-\gamma}")
def _():
    sure = np.array([[0.0, 1, 0], [1, 0, 0]])
    rho = [exploration.pair_visitation(w.mdp(), p) for p in (sure, np.full((2, 3), 1 / 3))]
    yield exploration.policy_divergence(w.mdp(), *rho), "~<", log(3) / (1 - 0.7) * (1 + 1e-9)


@claim("prop-discounted-ascent", r"\mathcal D_\gamma(\rho\|\rho')\le\frac1{1-\gamma}\mathrm{KL}")
def _():
    two = bandit([0.0, 0.0], 0.7)  # one state: the policy is all there is
    rho = [np.array([[0.3, 0.7]]), np.array([[0.6, 0.4]])]
    yield exploration.policy_divergence(two, *rho), "~<", KL(*rho) / (1 - 0.7) * (1 + 1e-9)


@claim("ex-three-walks", r"\log\phi$, at $p=\phi^{-2}")
def _():
    phi = (1 + sqrt(5)) / 2
    # the walk stays with probability 1 - p from the first state only: rate pi_0 h(p)
    rate = lambda p: H([p, 1 - p]) / (1 + p)  # noqa: E731
    yield rate(phi**-2), "=", log(phi)
    assert rate(0.97 * phi**-2) < rate(phi**-2) > rate(1.03 * phi**-2)


@claim("thm-forecaster-regret", r"For $n_0=1$, $R_T=\log\binom{T+m-1}{m-1}$")
def _():
    yield forecaster.worst_regret(12, 4, 1.0), "=", log(comb(12 + 4 - 1, 4 - 1))


@claim("thm-forecaster-regret", r"\log m+(m-1)\,n_0\log\big(1+\frac{T-1}{n_0}\big)")
def _():
    yield forecaster.worst_regret(1, 5, 0.8), "~<", log(5) * (1 + 1e-12)
    m, n0, T = 5, 0.8, 40
    bound = log(m) + (m - 1) * n0 * log(1 + (T - 1) / n0)
    yield forecaster.simple_bound(T, m, n0), "=", bound


@claim("thm-forecaster-regret", r"(\tfrac12-n_0)\log\frac T4+\log\frac{\Gamma(n_0)}{\sqrt{2\pi}}")
def _():
    n0, m, T = 0.2, 3, 4_000_000
    halves = forecaster.regret(np.array([T / 2, T / 2, 0]), n0)
    more = halves - forecaster.worst_regret(T, m, n0)
    yield more, "->", (1 / 2 - n0) * log(T / 4) + gammaln(n0) - log(2 * pi) / 2


@claim(
    "prop-prior-count", r"$=\frac{m-1}2\log\frac T{2\pi}+\log\frac{\Gamma(1/2)^m}{\Gamma(m/2)}+o(1)"
)
def _():
    m, T = 3, 40_000
    growth = (m - 1) / 2 * log(T / (2 * pi)) + m * log(sqrt(pi)) - gammaln(m / 2)
    yield forecaster.minimax_regret(T, m), "->", growth


@claim("prop-prior-count", r"tends to $\frac{m-1}2\log2$ for $n_0=\tfrac12$")
def _():
    m, T = 3, 40_000
    excess = forecaster.worst_regret(T, m, 0.5) - forecaster.minimax_regret(T, m)
    yield excess, "->", (m - 1) / 2 * log(2)


# --------------------------------------------------------------------------------- chapters 14 to 17


@claim(
    "lem-kl-concentration", r"at most $(S-1)\log\big(e(1+\frac n{S-1})\big)$ $\le S\log(e(1+n))$"
)
def _():
    n, S = 10**200, 2
    yield log(comb(n + S - 1, S - 1)), "~<", (S - 1) * log(e * (1 + n / (S - 1)))
    S = 60
    yield (S - 1) * log(e * (1 + n / (S - 1))), "~<", S * log(e * (1 + n))


@claim("ex-kl-bernstein-line", r"\sqrt{2\log(100)\cdot0.0099}<\frac13")
def _():
    p, q = np.array([0.99, 0.01]), np.array([0.0, 1.0])
    f = np.array([0.0, -1.0])
    bare = sqrt(2 * KL(q, p) * Var(p, f))
    yield E(p, f) - E(q, f), "=", 99 / 100
    yield bare, "=", sqrt(2 * log(100) * 0.0099)
    assert bare < 1 / 3


@claim("lem-association", r"\le\frac12\,\mathrm E_{\sigma(x)}[\delta^2]")
def _():
    logits, delta = np.array([0.0, -4.0]), np.array([0.0, 1e-3])
    own = dist.softmax_divergence(logits, delta)
    yield own, "~<", E(softmax(logits), delta**2) / 2


@claim("lem-association", r"\le\frac18\operatorname{osc}(x-y)^2")
def _():
    apart = np.array([1e-2, -1e-2])
    yield dist.softmax_divergence(np.zeros(2), apart), "~<", np.ptp(apart) ** 2 / 8


@claim("ex-association-sign", r"the ratio grows like $2\log2\;e^L/L^2$")
def _():
    L = 30.0
    logits = delta = np.array([0.0, -L])
    ratio = dist.softmax_divergence(logits, delta) / (E(softmax(logits), delta**2) / 2)
    yield ratio, "->", 2 * log(2) * np.exp(L) / L**2


@claim("thm-constrained-step", r"\frac{d}{dT}H(p_T)=\mathrm{Var}_{p_T}(z)/T^3")
def _():
    z, T = np.log(one) + 0.8 * x, 1.7
    yield (
        slope(lambda t: dist.entropy(dist.log_softmax(z / (T + t)))),
        "=",
        (Var(softmax(z / T), z) / T**3),
    )


@claim("thm-constrained-step", r"one more nat costs $\lambda=\frac{T-1}\eta$")
def _():
    eta, target = 0.8, 1.45
    worth = lambda h: (  # noqa: E731
        lambda p: p @ x - KL(p, one) / eta
    )(np.exp(constrained_step.constrained_step(np.log(one), x, eta, entropy=target + h).log_pi))
    T = constrained_step.temperature_for_entropy(np.log(one) + eta * x, target)
    yield slope(worth), "=", -(T - 1) / eta


@claim("thm-law-characterisation", r"$\psi(t)=bt-\alpha\log t+c$")
def _():
    alpha, b, t = 1.5, 0.7, 2.3
    psi = lambda u: b * u - alpha * np.log(u)  # noqa: E731
    reward = slope(lambda h: psi(t + h))
    entropy = lambda u: psi(u) - u * (b - alpha / u)  # noqa: E731
    yield reward, "=", b - alpha / t
    yield t * np.exp(entropy(t) / alpha), "=", 2 * t * np.exp(entropy(2 * t) / alpha)


@claim("thm-law-verifiable", r"$\operatorname{logit}R_t=\operatorname{logit}R_0+t$")
def _():
    start, reward, t = softmax(rng.normal(size=6)), np.array([1, 0, 0, 1, 0, 0.0]), 1.3
    logit = lambda R: np.log(R / (1 - R))  # noqa: E731
    moved = np.exp(natural_gradient.step(np.log(start), reward, t))
    yield logit(moved @ reward), "=", logit(start @ reward) + t
