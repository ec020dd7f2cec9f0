r"""Proofs for every number of actions: sums with a symbolic upper limit, in a normal form.

A line of a derivation is a sympy expression; ``equal(line_1, line_2)`` proves that two lines agree
for every number n of actions, every number m of states and all real values of the letters.  Only
sympy is used.

============  ======================================================================================
letters       ``n m`` sizes; ``s s1 a a1`` free indices (s1 prints s'); tables ``V[s]`` and
              ``theta Delta A Q [s, a]``; ``t`` real; ``eta tau`` positive; ``action("b")``,
              ``state("x")``, ``table("d", State)``, ``weight("w")`` make more
policies      ``pi(s, a)``, ``log_pi(s, a)``, ``Z(s)``; ``path(A)`` is pi_t; any other by
              ``p = Softmax(lambda s, a: ...)``: ``p(s, a)``, ``p.log(s, a)``, ``p.Z(s)``;
              ``expand_definitions`` opens them
sums          ``sum_actions(lambda b: ...)``, ``sum_states(lambda x: ...)``, ``indicator(i, j)``
moments       ``expectation centred covariance variance cumulant3 cumulant entropy``, called as
              ``covariance(s, f, g, policy=pi)``; ``kl(s, p, q)``
calculus      ``derivative(expr, theta[s1, a1])``, ``derivative(expr, t, t)``, ``at(expr, {t: 0})``;
              ``partial(expr, theta[s1, a1])`` is the same derivative, printed, not carried out
verdicts      ``equal`` (proved), ``differ`` (disproved at a drawn point), ``normal_form``;
              ``disagreement`` (the numbers at which two lines differ), ``explain`` (what is wrong,
              in words), ``same_number`` (exact numbers)
numbers       ``instantiate(expr, {s1: 1}, n=3, m=2, s=1, a=2, theta=[[...], [...]])``, exact
display       ``latex(line)``, ``chain_of(left, line_1, line_2, ...)``
============  ======================================================================================

The argument name of a ``lambda`` becomes the summation letter (``a1`` gives a').
``weight("w")`` is a number between 0 and 1: ``(1 - w) * p(s, a) + w * q(s, a)`` is positive.

Recipes
-------
The gradient of the entropy (lem-entropy-gradient)::

    gradient = S.derivative(S.entropy(s), theta[s1, a1])
    score = lambda a: S.derivative(log_pi(s, a), theta[s1, a1])
    line_3 = -S.expectation(s, lambda a: (1 + log_pi(s, a)) * score(a))
    line_4 = -S.expectation(s, lambda a: log_pi(s, a) * score(a))
    S.equal(gradient, line_3) and S.equal(line_3, line_4)

The covariance identity (thm-covariance-identity)::

    part = lambda s1, a1: Delta[s1, a1] * S.derivative(S.entropy(s), theta[s1, a1])
    slope = S.sum_states(lambda s1: S.sum_actions(lambda a1: part(s1, a1)))
    S.equal(slope, -S.covariance(s, lambda a: log_pi(s, a), lambda a: Delta[s, a]))

Along the path pi_t, proportional to pi exp(t A) (thm-path-derivative, prop-taylor-all-orders)::

    pi_t = S.path(A)
    speed = S.derivative(S.entropy(s, pi_t), t)
    S.equal(speed, -S.covariance(s, lambda a: pi_t.log(s, a), lambda a: A[s, a], pi_t))
    start = S.at(S.derivative(S.entropy(s, pi_t), t, t), {t: 0})
    f, log_p = lambda a: A[s, a], lambda a: log_pi(s, a)
    S.equal(start, -S.variance(s, f) - S.cumulant3(s, log_p, f, f))

A wrong line is refuted, not merely left unproved: ``S.differ(line, wrong)``.
A division needs a positive denominator or a declared hypothesis: ``equal(x / y, z, nonzero=[y])``.

``finitesums.letters`` states what may be bound where, ``finitesums.verdict`` the rules of the
normal form; ``finitesums.residues`` is a second prover that shares nothing with it.
"""

from _own_names import tidy
from finitesums.calculus import (
    at,
    derivative,
    partial,
)
from finitesums.evaluation import (
    instantiate,
)
from finitesums.letters import (
    Action,
    OutsideFragment,
    State,
    Weight,
    expand_definitions,
    m,
    n,
)
from finitesums.numbers_exact import (
    same_number,
)
from finitesums.objects import (
    A,
    Delta,
    Q,
    Softmax,
    V,
    Z,
    a,
    a1,
    action,
    centred,
    covariance,
    cumulant,
    cumulant3,
    entropy,
    eta,
    expectation,
    indicator,
    kl,
    log_pi,
    path,
    pi,
    s,
    s1,
    state,
    sum_actions,
    sum_states,
    t,
    table,
    tau,
    theta,
    variance,
    weight,
)
from finitesums.printing import (
    Derivation,
    chain_of,
    latex,
)
from finitesums.refutation import (
    Contradiction,
    Disagreement,
    differ,
    disagreement,
)
from finitesums.verdict import (
    equal,
    explain,
    normal_form,
)

__all__ = [
    "A",
    "Action",
    "Contradiction",
    "Delta",
    "Derivation",
    "Disagreement",
    "OutsideFragment",
    "Q",
    "Softmax",
    "State",
    "V",
    "Weight",
    "Z",
    "a",
    "a1",
    "action",
    "at",
    "centred",
    "chain_of",
    "covariance",
    "cumulant",
    "cumulant3",
    "derivative",
    "differ",
    "disagreement",
    "entropy",
    "equal",
    "eta",
    "expand_definitions",
    "expectation",
    "explain",
    "indicator",
    "instantiate",
    "kl",
    "latex",
    "log_pi",
    "m",
    "n",
    "normal_form",
    "partial",
    "path",
    "pi",
    "s",
    "s1",
    "same_number",
    "state",
    "sum_actions",
    "sum_states",
    "t",
    "table",
    "tau",
    "theta",
    "variance",
    "weight",
]

tidy(__name__)
