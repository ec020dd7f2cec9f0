"""Derivations of the book for every n and m, and what the layer must not fall for.

Each group of lines ends with wrong ones that must be refused *and* refuted by numbers; traps such
as the capture of a letter follow. The chapters prove their own lines, and random expressions are
tried in ``test_scope.py``.
"""

from fractions import Fraction
from itertools import pairwise, permutations

import pytest
import sympy as sp
from proving import prove, reject

import finitesums as S
from finitesums import A, Delta, Q, V, Z, a, a1, eta, log_pi, pi, s, s1, t, tau, theta

x = theta[s1, a1]


def log_p(a):
    return log_pi(s, a)


def A_s(a):
    return A[s, a]


def score(a):
    return S.derivative(log_pi(s, a), x)


def dlog(a, s1, a1):
    """The closed form of the score."""
    return S.indicator(s, s1) * (S.indicator(a, a1) - pi(s, a1))


def big_i(s1, a1):
    """I(s', a') as the note defines it, with the score in closed form."""
    return S.expectation(s, lambda a: log_pi(s, a) * dlog(a, s1, a1))


def over_pairs(f):
    return S.sum_states(lambda s1: S.sum_actions(lambda a1: f(s1, a1)))


# -------------------------------------------------------------------- 1. the first-order identities


def test_entropy_gradient():
    line_1 = S.derivative(S.entropy(s), x)
    line_2 = S.derivative(-S.expectation(s, log_p), x)
    line_3 = -S.expectation(s, lambda a: score(a) + log_p(a) * score(a))
    line_4 = -S.expectation(s, lambda a: log_p(a) * score(a))
    prove(line_1, line_2, line_3, line_4, -big_i(s1, a1))
    reject(
        line_1,
        -line_4,
        -S.expectation(s, lambda a: log_p(a)),
        -S.sum_actions(lambda a: log_p(a) * score(a)),
    )


def d_h_lines():
    """The lines of d_H(s) (the fifth takes two rows); the note prints theta_{s,a} in the first."""
    mean = S.expectation(s, log_p)
    closed = {"I": lambda s1, a1: S.indicator(s, s1) * pi(s, a1) * (log_p(a1) - mean)}
    return (
        -over_pairs(lambda s1, a1: Delta[s1, a1] * big_i(s1, a1)),
        -over_pairs(lambda s1, a1: Delta[s1, a1] * closed["I"](s1, a1)),
        -S.sum_actions(lambda a1: Delta[s, a1] * pi(s, a1) * (log_p(a1) - mean)),
        -S.expectation(s, lambda a1: Delta[s, a1] * (log_p(a1) - mean)),
        -S.expectation(s, lambda a1: Delta[s, a1] * log_p(a1))
        + S.expectation(s, lambda a1: Delta[s, a1]) * mean,
        -S.covariance(s, log_p, lambda a: Delta[s, a]),
    )


def test_d_h_chain_and_the_misprint():
    lines = d_h_lines()
    prove(
        over_pairs(lambda s1, a1: Delta[s1, a1] * S.derivative(S.entropy(s), theta[s1, a1])), *lines
    )
    printed = -over_pairs(lambda s1, a1: Delta[s, a] * big_i(s1, a1))
    reject(lines[-1], printed)
    prove(printed, 0)
    prove(S.sum_actions(lambda a1: big_i(s, a1)), 0)


def test_covariance_identity_mutants_and_gauge():
    identity = -S.covariance(s, log_p, lambda a: Delta[s, a])
    reject(identity, -identity, -S.expectation(s, lambda a: log_p(a) * Delta[s, a]))
    shift = S.table("c", S.State)
    prove(identity, -S.covariance(s, log_p, lambda a: Delta[s, a] + shift[s]))
    reject(identity, -S.covariance(s, log_p, lambda a: Delta[s, a] + A[s, a]))
    covariance = S.expectation(s, lambda a: log_p(a) * Delta[s, a]) - S.expectation(
        s, log_p
    ) * S.expectation(s, lambda a: Delta[s, a])
    prove(identity, -covariance, -S.cumulant(s, log_p, lambda a: Delta[s, a]))


def test_fisher_block():
    """F A = d pi (A - E A) with the Fisher matrix F = sum_s d(s) E_pi[score score^T]."""
    d, y, b = S.table("d", S.State, positive=True), S.state("y"), S.action("b")

    def fisher(s1, a1):
        return S.sum_states(
            lambda s: (
                d[s]
                * S.expectation(
                    s,
                    lambda a: (
                        S.derivative(log_pi(s, a), theta[y, b])
                        * S.derivative(log_pi(s, a), theta[s1, a1])
                    ),
                )
            )
        )

    image = over_pairs(lambda s1, a1: fisher(s1, a1) * A[s1, a1])
    block = d[y] * pi(y, b) * (A[y, b] - S.expectation(y, lambda a: A[y, a]))
    entry = S.indicator(y, s1) * d[y] * (S.indicator(b, a1) * pi(y, b) - pi(y, b) * pi(y, a1))
    prove(fisher(s1, a1), entry)
    prove(image, block)
    reject(image, d[y] * pi(y, b) * A[y, b])
    prove(over_pairs(lambda s1, a1: fisher(s1, a1) * V[s1]), 0)


# ---------------------------------------------------------------------------- 2. beyond first order

pi_t = S.path(A)
H_t = S.entropy(s, pi_t)


def log_t(a):
    return pi_t.log(s, a)


def test_path_policy():
    """pi_t by logits is pi_0 exp(t A) / E_{pi_0} exp(t A), and d pi_t/dt = pi_t (A - E_t A)."""
    tilted = pi(s, a) * sp.exp(t * A[s, a]) / S.expectation(s, lambda b: sp.exp(t * A[s, b]))
    prove(pi_t(s, a), tilted)
    prove(S.derivative(pi_t(s, a), t), pi_t(s, a) * (A[s, a] - S.expectation(s, A_s, pi_t)))
    psi = sp.log(S.expectation(s, lambda b: sp.exp(t * A[s, b])))
    prove(log_t(a), log_p(a) + t * A[s, a] - psi)
    prove(S.derivative(psi, t), S.expectation(s, A_s, pi_t))
    prove(S.derivative(psi, t, t), S.variance(s, A_s, pi_t))
    prove(H_t, -S.expectation(s, log_p, pi_t) - t * S.derivative(psi, t) + psi)
    prove(S.kl(s, pi_t, pi), t * S.derivative(psi, t) - psi)


def test_path_derivative_both_forms():
    speed = S.derivative(H_t, t)
    form_1 = -S.covariance(s, log_t, A_s, pi_t)
    form_2 = -S.covariance(s, log_p, A_s, pi_t) - t * S.variance(s, A_s, pi_t)
    prove(speed, form_1, form_2)
    reject(
        speed,
        -form_1,
        -S.covariance(s, log_p, A_s, pi_t),
        -S.expectation(s, lambda a: log_t(a) * A[s, a], pi_t),
    )
    prove(S.at(speed, {t: 0}), -S.covariance(s, log_p, A_s))


def test_second_derivative():
    bend = S.derivative(H_t, t, t)
    form_1 = -S.variance(s, A_s, pi_t) - S.cumulant3(s, log_t, A_s, A_s, pi_t)
    mean = S.expectation(s, A_s, pi_t)
    form_2 = -S.expectation(s, lambda a: (A[s, a] - mean) ** 2 * (1 + log_t(a) + H_t), pi_t)
    prove(bend, form_1, form_2)
    reject(
        bend,
        -S.variance(s, A_s, pi_t),
        S.variance(s, A_s, pi_t) - S.cumulant3(s, log_t, A_s, A_s, pi_t),
    )


def test_beta_criterion():
    variance = S.variance(s, A_s, pi_t)
    beta = S.covariance(s, log_p, A_s, pi_t) / variance
    assert S.equal(S.derivative(H_t, t), -(t + beta) * variance, nonzero=[variance])
    with pytest.raises(S.OutsideFragment, match="nonzero"):
        S.equal(S.derivative(H_t, t), -(t + beta) * variance)


def test_exact_identity():
    """H(pi') - H(pi) = -(E' - E) log pi - KL(pi'||pi), on the path and for any pair."""
    phi = S.table("phi", S.State, S.Action)
    anything = S.Softmax(lambda s, a: phi[s, a], r"\pi'")
    for other in (pi_t, anything):
        change = S.entropy(s, other) - S.entropy(s)
        linear = -(S.expectation(s, log_p, other) - S.expectation(s, log_p))
        prove(change, linear - S.kl(s, other, pi))
        reject(change, linear, linear + S.kl(s, other, pi), linear - S.kl(s, pi, other))


@pytest.mark.parametrize("order", [1, 2, 3])
def test_taylor(order):
    derivative = S.at(S.derivative(H_t, *[t] * order), {t: 0})
    alone = S.cumulant(s, *[A_s] * order)
    joint = S.cumulant(s, log_p, *[A_s] * order)
    prove(derivative, -joint - (order - 1) * alone)
    assert not S.equal(derivative, -joint - order * alone if order > 1 else joint)
    assert not S.equal(derivative, -(order - 1) * alone)


def test_cumulants():
    f, g, k = (S.table(name, S.State, S.Action) for name in "fgk")
    stats = [lambda a, f=f: f[s, a] for f in (f, g, k)]
    prove(S.cumulant3(s, *stats), S.cumulant(s, *stats))
    prove(S.cumulant(s, stats[0]), S.expectation(s, stats[0]))
    prove(S.variance(s, stats[0]), S.cumulant(s, stats[0], stats[0]))
    centred = S.centred(s, A_s)
    fourth = S.expectation(s, lambda a: centred(a) ** 4) - 3 * S.variance(s, A_s) ** 2
    prove(S.cumulant(s, A_s, A_s, A_s, A_s), fourth)


# ---------------------------------------------------------------------------- 3. maximum-entropy RL


def Q_s(a):
    return Q[s, a]


def test_soft_entropy_dynamics():
    soft_v = S.expectation(s, lambda a: Q[s, a] - tau * log_p(a))

    def soft_adv(a):
        return Q[s, a] - tau * log_p(a) - soft_v

    prove(S.expectation(s, soft_adv), 0)
    line_1 = -eta * S.covariance(s, log_p, soft_adv)
    line_2 = -eta * S.covariance(s, log_p, Q_s) + eta * tau * S.variance(s, log_p)
    prove(line_1, -eta * S.covariance(s, log_p, lambda a: Q[s, a] - tau * log_p(a) - V[s]), line_2)
    doubled = line_1 + eta * tau * S.variance(s, log_p)
    reject(
        line_2,
        doubled,
        -eta * S.covariance(s, log_p, Q_s),
        line_2 - 2 * eta * tau * S.variance(s, log_p),
    )


def test_soft_npg_forms():
    """theta + eta A_tau gives the policy proportional to pi^{1 - eta tau} exp(eta Q)."""
    moved = S.Softmax(
        lambda s, a: theta[s, a] + eta * (Q[s, a] - tau * log_pi(s, a) - V[s]), r"\pi^+"
    )
    weight = {"w": lambda a: pi(s, a) ** (1 - eta * tau) * sp.exp(eta * Q[s, a])}["w"]
    prove(moved(s, a), weight(a) / S.sum_actions(lambda b: weight(b)))
    bar = eta / (1 - eta * tau)
    assert S.equal(1 / (1 + bar * tau), 1 - eta * tau, nonzero=[1 - eta * tau, 1 + bar * tau])


# ------------------------------------------------------------------------ the layer against numbers


@pytest.mark.parametrize("size", [2, 3, 4])
def test_derivatives_agree_with_plain_sympy(size):
    """At n = 2, 3, 4 the derivative is sympy's derivative of the written-out sum."""
    where = {"n": size, "m": 2, "s": 1}
    written = S.instantiate(S.entropy(s), **where)
    ours = S.derivative(S.entropy(s), x)
    for state in (1, 2):
        for act in range(1, size + 1):
            plain = sp.diff(written, theta[state, act])
            value = S.instantiate(ours, {s1: state, a1: act}, **where)
            numbers = {
                theta[i, j]: sp.Rational(3 * i - 5 * j, 4 + j)
                for i in (1, 2)
                for j in range(1, size + 1)
            }
            assert abs(sp.N((plain - value).subs(numbers), 30)) < 1e-25


def test_small_n_is_shown_and_proved():
    assert (
        str(S.instantiate(Z(s), n=3, s=1))
        == "exp(theta[1, 1]) + exp(theta[1, 2]) + exp(theta[1, 3])"
    )
    left = S.instantiate(S.derivative(S.entropy(s), x), {s1: 1, a1: 2}, n=3, s=1)
    right = S.instantiate(
        -S.indicator(s, s1) * pi(s, a1) * (log_p(a1) + S.entropy(s)), {s1: 1, a1: 2}, n=3, s=1
    )
    assert S.equal(left, right) and not S.equal(left, -right)


def test_instantiate_is_exact():
    logits = [[sp.log(1), sp.log(2), sp.log(5)]]
    assert S.instantiate(pi(s, a), n=3, m=1, s=1, a=2, theta=logits) == sp.Rational(1, 4)
    mean = S.instantiate(
        S.expectation(s, A_s), n=3, m=1, s=1, theta=logits, A=[[8, Fraction(1, 2), 0]]
    )
    assert mean == sp.Rational(9, 8)
    with pytest.raises(ValueError, match="float"):
        S.instantiate(pi(s, a), n=2, s=1, a=1, theta=[[0.5, 1]])
    with pytest.raises(ValueError, match="number of terms"):
        S.instantiate(Z(s), s=1)
    with pytest.raises(ValueError, match="index"):
        S.instantiate(theta[s, a], s=3, a=1, theta=[[0], [1]])


# -------------------------------------------------------------------------------------------- traps

KERNEL = S.table("K", S.Action, S.Action)
STEP = S.table("P", S.State, S.Action, S.State)
b, c, y = S.action("b"), S.action("c"), S.state("y")


def test_bound_letters_are_not_captured():
    letter = sp.Symbol("b", integer=True)
    inner = sp.Sum(KERNEL[letter, b], (letter, 1, S.n))
    nested = sp.Sum(
        KERNEL[letter, letter] * sp.Sum(KERNEL[letter, a], (letter, 1, S.n)), (letter, 1, S.n)
    )
    prove(inner, S.sum_actions(lambda k: KERNEL[k, b]))
    prove(nested, S.sum_actions(lambda k: KERNEL[k, k]) * S.sum_actions(lambda k: KERNEL[k, a]))
    reject(S.sum_actions(lambda k: KERNEL[k, k]), inner)
    square = S.sum_actions(lambda k: KERNEL[k, b]) ** 2
    reject(square, S.sum_actions(lambda k: KERNEL[k, b] ** 2))
    prove(square, S.sum_actions(lambda k: S.sum_actions(lambda q: KERNEL[k, b] * KERNEL[q, b])))


def test_derivative_renames_a_clashing_letter():
    letter = S.action("b")
    total = sp.Sum(sp.exp(theta[s, letter]), (letter, 1, S.n))
    prove(S.derivative(total, theta[s, letter]), sp.exp(theta[s, letter]))


def test_linked_sums_have_one_normal_form():
    def cycle(i, j, k):
        return KERNEL[i, j] * KERNEL[j, k] * KERNEL[k, i]

    def total(f):
        return S.sum_actions(lambda i: S.sum_actions(lambda j: S.sum_actions(lambda k: f(i, j, k))))

    prove(
        total(cycle), total(lambda i, j, k: cycle(k, i, j)), total(lambda i, j, k: cycle(j, k, i))
    )
    reject(total(cycle), total(lambda i, j, k: KERNEL[i, j] * KERNEL[j, k] * KERNEL[i, k]))


def test_states_and_actions_interchange():
    left = S.expectation(s, lambda a: S.sum_states(lambda y: STEP[s, a, y] * V[y]))
    right = S.sum_states(lambda y: V[y] * S.expectation(s, lambda a: STEP[s, a, y]))
    prove(left, right)
    prove(S.sum_states(lambda y: S.sum_actions(lambda a: pi(y, a))), S.m)
    prove(S.sum_states(lambda y: Z(y) ** 2 / Z(y)), S.sum_states(lambda y: Z(y)))


def test_deltas():
    d = S.indicator
    prove(d(a, b) * d(b, c) * KERNEL[a, c], d(a, c) * d(a, b) * KERNEL[b, b])
    prove(S.sum_actions(lambda k: d(k, a) * d(k, b) * theta[s, k]), d(a, b) * theta[s, b])
    prove(S.sum_actions(lambda k: d(k, a)), 1)
    prove(S.sum_actions(lambda k: (1 - d(k, a)) ** 2), S.n - 1)
    reject(d(a, b) * theta[s, a], theta[s, a])
    prove(sp.exp(d(a, b) * theta[s, a]), 1 + d(a, b) * (sp.exp(theta[s, b]) - 1))
    assert S.equal(sp.KroneckerDelta(1, 2), 0)


def test_ties_of_four_indices_in_every_order():
    letters = [a, b, c, S.action("e")]
    everything = sp.Mul(*(KERNEL[i, j] for i, j in pairwise(letters)))
    for i, j, k, q in permutations(letters):
        line = S.indicator(i, j) * S.indicator(k, q) * S.indicator(j, k)
        star = S.indicator(i, j) * S.indicator(i, k) * S.indicator(i, q)
        assert S.equal(line * everything, star * KERNEL[a, a] ** 3)
    chain = S.indicator(a, b) * S.indicator(c, letters[3])
    prove(
        chain * S.indicator(b, c) * everything,
        chain * S.indicator(a, letters[3]) * KERNEL[b, b] ** 3,
    )
    reject(chain * everything, chain * KERNEL[a, a] ** 3)


def test_powers_of_sums_under_a_sum():
    cube = S.sum_states(lambda y: V[y] * S.sum_actions(lambda k: theta[y, k]) ** 3)
    prove(cube, S.normal_form(cube))
    flat = S.sum_states(lambda y: V[y] * S.sum_actions(lambda k: theta[y, k] ** 3))
    reject(cube, flat)
    prove(cube * flat, S.normal_form(cube * flat))


def test_logarithms():
    prove(sp.log(pi(s, a) ** 2 / 3), 2 * log_p(a) - sp.log(3))
    prove(sp.log(sp.exp(2 * theta[s, a]) * Z(s) ** 3), 2 * theta[s, a] + 3 * sp.log(Z(s)))
    prove(sp.log(2 * Z(s) + 4), sp.log(2) + sp.log(Z(s) + 2))
    reject(sp.log(pi(s, a) ** 2), log_p(a))


def test_size_enters():
    prove(S.sum_actions(lambda k: sp.S.One), S.n)
    prove(over_pairs(lambda s1, a1: sp.S.One), S.n * S.m)
    uniform = S.Softmax(lambda s, a: sp.S.Zero, r"u")
    prove(S.entropy(s, uniform), sp.log(S.n))
    prove(S.kl(s, pi, uniform), sp.log(S.n) - S.entropy(s))
    reject(S.entropy(s, uniform), sp.log(S.m))


def test_sympys_own_diff_and_subs_see_inside_policies():
    prove(sp.diff(log_pi(s, a), x), score(a))
    prove(sp.diff(pi_t(s, a), t), S.derivative(pi_t(s, a), t))
    assert pi_t(s, a).subs(t, 0) != pi_t(s, a)
    prove(pi_t(s, a).subs(t, 0), pi(s, a))
    prove(pi(s, a).subs(a, b), pi(s, b))
    assert pi(s, a) == pi(s, a) and pi(s, a) != pi_t(s, a)


def test_false_hypothesis_and_bad_substitution_raise():
    with pytest.raises(S.OutsideFragment, match="identically zero"):
        S.equal(1, 1, nonzero=[S.expectation(s, score)])
    for values in ({a: 1}, {t: a}, {t: theta[s, a]}, {theta[s, a]: 0}):
        with pytest.raises(S.OutsideFragment):
            S.at(H_t, values)


def test_undefined_points_refute_nothing():
    gap = theta[s, a] - theta[s, b]
    assert not S.differ(1 / gap, 1 / gap) and S.differ(1 / gap, 2 / gap)


def test_expressions_without_sums():
    u, v = sp.symbols("u v", positive=True)
    assert S.equal((u + v) ** 2, u**2 + 2 * u * v + v**2)
    assert S.equal(sp.sin(u) ** 2 + sp.cos(u) ** 2, 1)
    assert S.equal(1 / (1 + u) + u / (1 + u), 1)
    assert S.equal(sp.log(u / v), sp.log(u) - sp.log(v))
    assert S.equal(sp.sqrt(u * v), sp.sqrt(u) * sp.sqrt(v))
    assert S.equal(sp.log(8), 3 * sp.log(2)) and not S.equal(sp.log(8), 3)
    assert not S.equal(sp.sin(u), u) and not S.equal(u, v) and not S.equal(1, 0)
    z = sp.Symbol("z", real=True)
    assert not S.equal(sp.sqrt(z**2), z)
    with pytest.raises(S.OutsideFragment):
        S.equal(u + 0.1, u)


def test_latex_reads_like_the_book():
    line = -S.sum_actions(
        lambda b: Delta[s, b] * pi(s, b) * (log_pi(s, b) - S.expectation(s, log_p))
    )
    mean = r"\mathbb{E}_{a\sim \pi(\cdot|s)}\left[\log \pi(a|s)\right]"
    assert (
        S.latex(line)
        == rf"- \sum_{{b}} \Delta_{{s,b}} \pi(b|s) \left(\log \pi(b|s) - {mean}\right)"
    )
    mean = r"\mathbb{E}_{b\sim \pi(\cdot|s)}\left[A_{s,b}\right]"
    assert S.latex(S.variance(s, A_s)) == (
        rf"\mathbb{{E}}_{{a\sim \pi(\cdot|s)}}\left[\left(A_{{s,a}} - {mean}\right)^{{2}}\right]"
    )
    assert S.latex(S.indicator(s, s1)) == r"\mathbf{1}\{s=s'\}"
    nested = S.expectation(s, lambda a: S.expectation(s, lambda a: A[s, a]) * A[s, a])
    assert r"\mathbb{E}_{b\sim" in S.latex(nested) and r"\mathbb{E}_{a\sim" in S.latex(nested)
    assert S.latex(log_pi(s, a) * pi(s, a)) == r"\pi(a|s) \log \pi(a|s)"
    shown = S.chain_of(r"d_{\mathcal{H}}(s)", *d_h_lines())._repr_latex_()
    assert shown.startswith("$$") and shown.count(r"\\") == 5


def test_short_latex_leaves_the_law_away():
    line = -S.expectation(s, log_p) * S.expectation(s, lambda a: Delta[s, a])
    assert "sim" in S.latex(line)
    assert S.latex(line, short=True) == (
        r"- \mathrm{E}_{a}\left[\log \pi(a|s)\right] \mathrm{E}_{a}\left[\Delta_{s,a}\right]"
    )
    assert r"\mathrm{E}_{a}" in S.chain_of(line, line, short=True)._repr_latex_()


def test_partial_is_the_derivative_left_standing():
    assert S.latex(S.partial(log_pi(s, a), x)) == (
        r"\frac{\partial \log \pi(a|s)}{\partial \theta_{s',a'}}"
    )
    assert S.latex(S.partial(theta[s, a] - sp.log(Z(s)), x)).startswith(
        r"\frac{\partial}{\partial \theta_{s',a'}} \left("
    )
    prove(S.partial(log_pi(s, a), x), score(a), dlog(a, s1, a1))
    prove(S.partial(S.entropy(s), x), S.derivative(S.entropy(s), x))
    prove(
        S.derivative(S.partial(log_pi(s, a), x), theta[s, a]), S.derivative(score(a), theta[s, a])
    )
    reject(S.partial(log_pi(s, a), x), -score(a), S.partial(log_pi(s, a), theta[s, a]))
    summed = over_pairs(lambda s1, a1: Delta[s1, a1] * S.partial(log_p(a), theta[s1, a1]))
    prove(summed, Delta[s, a] - S.expectation(s, lambda a: Delta[s, a]))
    values = S.instantiate(
        S.partial(log_pi(s, a), x), n=2, s=1, a=1, theta=[[0, 0]], **{"s'": 1, "a'": 1}
    )
    assert values == sp.Rational(1, 2)
