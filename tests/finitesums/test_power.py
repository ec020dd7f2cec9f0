"""True things that were once not proved, each with wrong twins; and what must still be refused."""

import pytest
import sympy as sp
from proving import prove, reject

import finitesums as S
from finitesums import Z, a, log_pi, pi, s, t, theta

f = S.table("f", S.Action)
phi = S.table("phi", S.State, S.Action)
q = S.Softmax(lambda s, a: phi[s, a], "q")
b = S.action("b")
k = sp.Symbol("k", integer=True)
F = sp.IndexedBase("F", real=True)
G = sp.IndexedBase("G", real=True)
w = S.weight("w")


# --------------------------------------------------------------------------------- the first action


def test_a_delta_with_the_first_action_is_spent():
    prove(S.sum_actions(lambda b: S.indicator(b, 1) * f[b]), f[1])
    prove(S.sum_actions(lambda b: S.indicator(b, 1) * pi(s, b)), pi(s, 1))
    prove(S.sum_actions(lambda b: (1 - S.indicator(b, 1)) * pi(s, b)), 1 - pi(s, 1))
    both = S.sum_actions(lambda b: S.indicator(b, 1) * S.indicator(b, a) * f[b])
    prove(both, S.indicator(a, 1) * f[a], S.indicator(a, 1) * f[1])
    reject(both, f[1], S.indicator(a, 1))


@pytest.mark.parametrize("number", [2, 3])
def test_a_delta_with_an_action_that_may_be_missing_is_refused(number):
    line = S.sum_actions(lambda b: S.indicator(b, number) * F[b])
    with pytest.raises(S.OutsideFragment, match="not known to lie"):
        S.equal(line, F[number])


# ---------------------------------------------------------------------------------------- one logit

hot = S.Softmax(lambda s, b: theta[s, b] + t * S.indicator(b, a), r"\pi_t")
p = pi(s, a)
tilt = 1 - p + p * sp.exp(t)


def test_one_logit_moves():
    """log Z along a one-hot direction is the cumulant function of the indicator of that action."""
    prove(
        sp.log(hot.Z(s)),
        sp.log(Z(s)) + sp.log(tilt),
        sp.log(Z(s) + (sp.exp(t) - 1) * sp.exp(theta[s, a])),
    )
    prove(hot(s, a), p * sp.exp(t) / tilt)
    prove(hot.log(s, a), log_pi(s, a) + t - sp.log(tilt))
    prove(S.derivative(sp.log(tilt), t), hot(s, a))
    prove(S.derivative(sp.log(tilt), t, t), hot(s, a) * (1 - hot(s, a)))
    prove(S.kl(s, hot, pi), t * hot(s, a) - sp.log(tilt))
    reject(
        hot(s, a), p * sp.exp(t) / (1 - p + p * sp.exp(2 * t)), p * sp.exp(t) / (1 + p * sp.exp(t))
    )
    reject(S.derivative(sp.log(tilt), t, t), hot(s, a), hot(s, a) ** 2)
    reject(S.kl(s, hot, pi), t * p - sp.log(tilt))


def test_entropy_along_one_logit():
    slope = S.derivative(S.entropy(s, hot), t)
    formula = -hot(s, a) * (hot.log(s, a) + S.entropy(s, hot))
    prove(slope, formula)
    reject(slope, -formula, -hot(s, a) * hot.log(s, a))


def test_bernoulli_cumulants():
    cumulants = sp.log(1 - w + w * sp.exp(t))
    derivatives = [S.at(S.derivative(cumulants, *[t] * order), {t: 0}) for order in (1, 2, 3)]
    for line, value in zip(derivatives, (w, w * (1 - w), w * (1 - w) * (1 - 2 * w)), strict=True):
        prove(line, value)
        reject(line, value + w**2, -value)


# ----------------------------------------------------------------------------------------- mixtures


def mixture(a):
    return (1 - w) * pi(s, a) + w * q(s, a)


def mixed_entropy():
    return -S.sum_actions(lambda a: mixture(a) * sp.log(mixture(a)))


def test_mixtures():
    prove(S.sum_actions(mixture), 1)
    slope = S.derivative(mixed_entropy(), w)
    formula = -S.sum_actions(lambda a: (q(s, a) - pi(s, a)) * sp.log(mixture(a)))
    prove(slope, formula)
    reject(slope, -formula, formula + 1)
    bend = S.derivative(mixed_entropy(), w, w)
    fisher = -S.sum_actions(lambda a: (q(s, a) - pi(s, a)) ** 2 / mixture(a))
    prove(bend, fisher)
    reject(bend, -fisher, fisher / 2)


def test_jensen_shannon():
    """The mean divergence to the mixture is the entropy of the mixture less the mean entropy."""

    def distance(policy):
        return S.expectation(s, lambda a: policy.log(s, a) - sp.log(mixture(a)), policy)

    divergence = (1 - w) * distance(pi) + w * distance(q)
    gain = mixed_entropy() - (1 - w) * S.entropy(s) - w * S.entropy(s, q)
    prove(divergence, gain)
    reject(divergence, gain + S.entropy(s, q), w * gain)


def test_three_parts():
    v = S.weight("v")
    third = S.path(S.A)

    def parts(a):
        return (1 - v) * mixture(a) + v * third(s, a)

    prove(sp.log(parts(a) ** 2), 2 * sp.log(parts(a)))
    prove(S.derivative(sp.log(parts(a)), v), (third(s, a) - mixture(a)) / parts(a))
    prove(1 / (1 - v) - 1, v / (1 - v))
    prove(sp.log((1 - v) * (1 - w)), sp.log(1 - v) + sp.log(1 - w))


NOT_POSITIVE = {
    "weight": lambda: 1 - 2 * w,
    "weight squared": lambda: 1 - w - w**2,
    "square at its zero": lambda: 1 - 4 * w + 4 * w**2,
    "one probability": lambda: 1 - p,
    "twice one term": lambda: Z(s) - 2 * sp.exp(theta[s, a]) + 1,
    "two terms of one sum": lambda: Z(s) - sp.exp(theta[s, a]) - sp.exp(theta[s, b]) + 1,
    "a term of another sum": lambda: Z(s) - sp.exp(phi[s, a]) + 1,
    "a term of another state": lambda: Z(s) - sp.exp(theta[S.s1, a]) + 1,
    "an action that may be missing": lambda: Z(s) - sp.exp(theta[s, 2]) + 1,
    "a letter of no range": lambda: Z(s) - sp.exp(theta[s, k]) + 1,
    "a sum without sign": lambda: S.sum_actions(lambda b: f[b]) - f[a] + 1,
    "an indicator": lambda: 1 - S.indicator(a, b),
}


@pytest.mark.parametrize("name", NOT_POSITIVE)
def test_what_may_vanish_has_no_logarithm_and_no_reciprocal(name):
    for function in (sp.log, lambda x: 1 / x):
        with pytest.raises(S.OutsideFragment, match="positive"):
            S.equal(function(NOT_POSITIVE[name]()), Z(s))


def test_a_negative_sum_has_a_reciprocal_and_no_logarithm():
    prove(1 / -Z(s), -1 / Z(s))
    with pytest.raises(S.OutsideFragment, match="positive"):
        S.equal(sp.log(-Z(s)), Z(s))


def test_what_is_covered_has_a_logarithm():
    covered = Z(s) - sp.exp(theta[s, a]) + 1
    prove(sp.log(covered**2), 2 * sp.log(covered))
    prove(sp.log(2 * Z(s) - sp.exp(theta[s, a]) - sp.exp(theta[s, b])) * 0, 0)
    prove(sp.log(Z(s) - sp.exp(theta[s, 1]) + 1) - sp.log(Z(s) - sp.exp(theta[s, 1]) + 1), 0)


def test_logarithm_of_an_indicator():
    prove(sp.log(1 + S.indicator(a, b) * (sp.exp(t) - 1)), t * S.indicator(a, b))
    reject(sp.log(1 + S.indicator(a, b)), S.indicator(a, b), sp.log(2))
    step = S.indicator(a, b) * (sp.log(Z(s) + 1) - sp.log(Z(s)))
    prove(sp.log(Z(s) + S.indicator(a, b)), sp.log(Z(s)) + step)
    reject(sp.log(Z(s) + S.indicator(a, b)), sp.log(Z(s)) - step)


# ------------------------------------------------------------------------------------------- ranges


def test_ranges_from_zero():
    prove(
        sp.Sum(F[k] + G[k], (k, 0, S.n - 1)),
        sp.Sum(F[k], (k, 0, S.n - 1)) + sp.Sum(G[k], (k, 0, S.n - 1)),
    )
    prove(sp.Sum(1, (k, 0, S.n - 1)), S.n)
    prove(sp.Sum(1, (k, 0, S.n)), S.n + 1)
    prove(sp.Sum(F[k], (k, 0, S.n)), F[0] + sp.Sum(F[k], (k, 1, S.n)))
    prove(sp.Sum(F[k], (k, -1, S.n)), F[-1] + sp.Sum(F[k], (k, 0, S.n)))
    prove(sp.Sum(F[k] * sp.KroneckerDelta(k, 0), (k, 0, S.n - 1)), F[0])
    reject(sp.Sum(F[k], (k, 0, S.n)), sp.Sum(F[k], (k, 1, S.n)), sp.Sum(F[k], (k, 0, S.n - 1)))
    reject(sp.Sum(F[k], (k, 0, S.n - 1)), sp.Sum(F[k], (k, 1, S.n)))


def test_a_delta_between_two_ranges_is_refused():
    j = sp.Symbol("j", integer=True)
    with pytest.raises(S.OutsideFragment, match="different ranges"):
        S.equal(sp.Sum(sp.KroneckerDelta(j, k) * F[k], (k, 0, S.n - 1), (j, 1, S.n)), 0)
    with pytest.raises(S.OutsideFragment, match="not known to lie"):
        S.equal(sp.Sum(sp.KroneckerDelta(k, 1) * F[k], (k, 0, S.n - 1)), F[1])


# ----------------------------------------------------------------------------------------- logistic


def logistic(x):
    return 1 / (1 + sp.exp(-x))


def over(g):
    return S.sum_actions(lambda b: g(f[b]))


def test_logistic_functions_under_a_sum():
    prove(
        over(logistic),
        over(lambda x: sp.exp(x) / (1 + sp.exp(x))),
        S.n - over(lambda x: logistic(-x)),
    )
    prove(
        over(lambda x: logistic(x) * logistic(-x)), over(lambda x: logistic(x) - logistic(x) ** 2)
    )
    slope = S.derivative(over(lambda x: logistic(t * x)), t)
    prove(slope, over(lambda x: x * logistic(t * x) * (1 - logistic(t * x))))
    prove(over(lambda x: sp.log(1 + sp.exp(x))), over(lambda x: x + sp.log(1 + sp.exp(-x))))
    prove(over(lambda x: -sp.log(logistic(x))), over(lambda x: sp.log(1 + sp.exp(-x))))
    reject(over(logistic), over(lambda x: logistic(-x)), over(lambda x: 1 / (2 + sp.exp(-x))))
    reject(slope, over(lambda x: logistic(t * x) * (1 - logistic(t * x))))


@pytest.mark.parametrize(("constant", "factor"), [(2, 3), (5, 1), (1, 7)])
def test_partial_fractions_under_a_sum(constant, factor):
    def fraction(x):
        return 1 / (constant + factor * sp.exp(x))

    prove(over(lambda x: sp.exp(x) * fraction(x)), (S.n - constant * over(fraction)) / factor)
    prove(
        over(lambda x: sp.exp(-x) * fraction(x)),
        over(lambda x: (sp.exp(-x) - factor * fraction(x)) / constant),
    )
    prove(
        over(lambda x: sp.exp(2 * x) * fraction(x) ** 2),
        over(
            lambda x: (1 - 2 * constant * fraction(x) + constant**2 * fraction(x) ** 2) / factor**2
        ),
    )
    reject(over(lambda x: sp.exp(x) * fraction(x)), (S.n - constant * over(fraction)) / factor + 1)


def test_two_actions_are_a_logistic_policy():
    """With logits x and 0 the softmax is logistic; both forms, and the entropy of both."""
    x = sp.Symbol("x", real=True)
    line = -logistic(x) * sp.log(logistic(x)) - logistic(-x) * sp.log(logistic(-x))
    closed = sp.log(1 + sp.exp(x)) - x * logistic(x)
    prove(line, closed)
    prove(sp.diff(closed, x), -x * logistic(x) * logistic(-x))
    reject(line, sp.log(1 + sp.exp(x)) + x * logistic(x))
