"""The second prover: its tower, its homomorphisms, what it confirms, refutes and leaves alone."""

import random

import pytest
import sympy as sp
from generated import b, j, k, make

import finitesums as S
from finitesums import A, Delta, Q, V, a, a1, eta, log_pi, pi, residues, s, s1, t, tau, theta

x = theta[s1, a1]
pi_t = S.path(A)


def test_the_tower():
    """Primes, each twice the next and one; generators of the squares; small numbers are squares."""
    for floor, p in enumerate(residues.TOWER):
        assert sp.isprime(p)
        order = p // 2
        g = residues.GENERATORS[floor]
        assert g != 1 and pow(g, order, p) == 1
        if floor + 1 < len(residues.TOWER):
            assert all(pow(small, order, p) == 1 for small in range(1, 17))
            assert order == residues.TOWER[floor + 1]


@pytest.mark.parametrize("floor", range(4))
def test_discrete_logarithms(floor):
    p = residues.TOWER[floor]
    q = residues.TOWER[floor + 1]
    draw = random.Random(floor)
    for _ in range(20):
        power = draw.randrange(q)
        y = draw.randrange(1, p)
        residue = pow(residues.GENERATORS[floor], power, p)
        assert residues.discrete_logarithm(residue, floor) == power
        both = residues.discrete_logarithm(residue * y % p, floor)
        assert both == (power + residues.discrete_logarithm(y, floor)) % q


PSI = sp.log(S.expectation(s, lambda b: sp.exp(t * A[s, b])))
moved = S.Softmax(lambda s, a: theta[s, a] + eta * (Q[s, a] - tau * log_pi(s, a) - V[s]))


def soft_weight(a):
    return pi(s, a) ** (1 - eta * tau) * sp.exp(eta * Q[s, a])


LINES = {
    "sum of probabilities": (S.sum_actions(lambda b: pi(s, b)), sp.Integer(1)),
    "score": (S.partial(log_pi(s, a), x), S.indicator(s, s1) * (S.indicator(a, a1) - pi(s, a1))),
    "entropy gradient": (
        S.partial(S.entropy(s), x),
        -S.indicator(s, s1) * pi(s, a1) * (log_pi(s, a1) + S.entropy(s)),
    ),
    "a partial under a sum": (
        S.sum_actions(lambda b: S.partial(theta[s, b] ** 2, theta[s, a])),
        2 * theta[s, a],
    ),
    "logarithm of a quotient": (pi_t.log(s, a), log_pi(s, a) + t * A[s, a] - PSI),
    "divergence": (S.kl(s, pi_t, pi), t * S.derivative(PSI, t) - PSI),
    "second derivative": (
        S.partial(S.partial(PSI, t), t),
        S.variance(s, lambda a: A[s, a], pi_t),
    ),
    "real powers": (moved(s, a), soft_weight(a) / S.sum_actions(soft_weight)),
    "exp of a logarithm": (sp.exp(log_pi(s, a)), pi(s, a)),
    "policy in a policy": (
        S.at(
            S.derivative(
                S.entropy(s, S.Softmax(lambda s, a: theta[s, a] + t * pi(s, a) * A[s, a])), t
            ),
            {t: 0},
        ),
        -S.covariance(s, lambda a: log_pi(s, a), lambda a: pi(s, a) * A[s, a]),
    ),
    "states": (S.sum_states(lambda x: S.sum_actions(lambda a: pi(x, a))), S.m),
    "first action": (S.sum_actions(lambda b: S.indicator(b, 1) * V[s]), V[s]),
    "triangle": (
        sp.Sum(1, (b, 1, sp.Symbol("c")), (sp.Symbol("c"), 1, S.n)),
        S.n * (S.n + 1) / 2,
    ),
    "square root": (sp.sqrt(pi(s, a)) ** 2 * sp.sqrt(sp.Integer(8)), 2 * sp.sqrt(2) * pi(s, a)),
}


@pytest.mark.parametrize("name", LINES)
def test_confirms_a_true_line_and_refutes_its_near_misses(name):
    left, right = LINES[name]
    verdict = residues.check(left, right)
    assert verdict.outcome == "confirmed" and verdict.points >= 4, verdict
    for wrong in (right + 1, -right, right * sp.Rational(101, 100), right + S.indicator(a, b)):
        assert residues.check(left, wrong).outcome == "refuted"


def test_a_coincidence_of_indices_is_looked_at():
    """Right for a != a' alone, and right for a = a' alone."""
    score = S.partial(log_pi(s, a), theta[s, a1])
    assert residues.check(score, -pi(s, a1)).outcome == "refuted"
    assert residues.check(score, 1 - pi(s, a1)).outcome == "refuted"
    third = S.indicator(a, a1) + S.indicator(a, b) + S.indicator(a1, b)
    both = S.indicator(a, a1) * S.indicator(a1, b)
    pairs = third * (third - 1) * (third - 3)
    assert residues.check(pairs, 0).outcome == "confirmed"
    assert residues.check(both, 0).outcome == "refuted"


def test_a_statement_true_for_two_actions_alone_is_refuted():
    odds = S.sum_actions(lambda b: pi(s, b) ** 2) + 2 * pi(s, 1) * (1 - pi(s, 1))
    assert residues.check(odds, 1).outcome == "refuted"
    assert residues.check(S.n * (S.n - 1) * (S.n - 2) * (S.n - 3), 0).reason.startswith("n = 4")


def test_false_laws_of_exp_and_log_are_refuted():
    u, v = sp.symbols("u v", positive=True)
    false = [
        (sp.log(u + v), sp.log(u) + sp.log(v)),
        (sp.exp(u * v), sp.exp(u) * sp.exp(v)),
        (sp.log(u) * sp.log(v), sp.log(u * v, evaluate=False)),
        (sp.exp(1), sp.Integer(2)),
        (sp.log(3), sp.log(2) + 1),
        (u**v, v**u),
    ]
    for left, right in false:
        assert residues.check(left, right).outcome == "refuted", (left, right)
    assert residues.check(sp.log(u * v**3), sp.log(u) + 3 * sp.log(v))
    assert residues.check(sp.exp(u + v / 2) ** 2, sp.exp(u) ** 2 * sp.exp(v))


def test_derivatives_are_taken_again():
    for expr, variable in [(S.entropy(s, pi_t), t), (S.entropy(s), x), (moved.log(s, a), eta)]:
        right = S.derivative(expr, variable)
        assert residues.check_derivative(expr, variable, right)
        assert residues.check_derivative(expr, variable, right + V[s]).outcome == "refuted"
    captured = sp.Sum(sp.exp(theta[s, j]), (j, 1, S.n))
    assert residues.check_derivative(captured, theta[s, a], sp.exp(theta[s, a]))
    wrong = S.n * sp.exp(theta[s, a])
    assert residues.check_derivative(captured, theta[s, a], wrong).outcome == "refuted"


OUTSIDE = {
    "another function": sp.sin(V[s]),
    "a float": 0.5 * V[s],
    "a logarithm in a logarithm": sp.log(1 + sp.log(1 + sp.exp(V[s]))),
    "an index of no range": theta[s, sp.Symbol("i")],
    "never defined": 1 / (V[s] - S.sum_actions(lambda b: V[s] / S.n)),
    "backwards": sp.Sum(V[s], (k, 3, 1)),
}


@pytest.mark.parametrize("name", OUTSIDE)
def test_what_it_does_not_read_comes_out_as_outside(name):
    verdict = residues.check(OUTSIDE[name], V[s])
    assert verdict.outcome == "outside" and verdict.reason
    assert not verdict


@pytest.mark.parametrize("chunk", range(6))
def test_agrees_with_the_normal_form_on_generated_lines(chunk):
    """Two provers that share no code: a normal form is confirmed, a shifted one refuted."""
    judged = 0
    for seed in range(5000 + 25 * chunk, 5025 + 25 * chunk):
        expr = make(random.Random(seed), 2).expr
        try:
            normal = S.normal_form(expr)
        except S.OutsideFragment:
            continue
        verdict = residues.check(expr, normal)
        assert verdict.outcome != "refuted", (seed, expr, verdict)
        if verdict:
            judged += 1
            assert residues.check(expr, normal + Delta[s, a]).outcome == "refuted"
    assert judged > 10
