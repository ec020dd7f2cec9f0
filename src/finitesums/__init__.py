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
normal form; ``finitesums.residues`` is a second prover that shares no algebra with it.
"""

from _own_names import tidy
from finitesums.calculus import at as at
from finitesums.calculus import derivative as derivative
from finitesums.calculus import partial as partial
from finitesums.evaluation import instantiate as instantiate
from finitesums.letters import Action as Action
from finitesums.letters import OutsideFragment as OutsideFragment
from finitesums.letters import State as State
from finitesums.letters import Weight as Weight
from finitesums.letters import expand_definitions as expand_definitions
from finitesums.letters import m as m
from finitesums.letters import n as n
from finitesums.numbers_exact import same_number as same_number
from finitesums.objects import A as A
from finitesums.objects import Delta as Delta
from finitesums.objects import Q as Q
from finitesums.objects import Softmax as Softmax
from finitesums.objects import V as V
from finitesums.objects import Z as Z
from finitesums.objects import a as a
from finitesums.objects import a1 as a1
from finitesums.objects import action as action
from finitesums.objects import centred as centred
from finitesums.objects import covariance as covariance
from finitesums.objects import cumulant as cumulant
from finitesums.objects import cumulant3 as cumulant3
from finitesums.objects import entropy as entropy
from finitesums.objects import eta as eta
from finitesums.objects import expectation as expectation
from finitesums.objects import indicator as indicator
from finitesums.objects import kl as kl
from finitesums.objects import log_pi as log_pi
from finitesums.objects import path as path
from finitesums.objects import pi as pi
from finitesums.objects import s as s
from finitesums.objects import s1 as s1
from finitesums.objects import state as state
from finitesums.objects import sum_actions as sum_actions
from finitesums.objects import sum_states as sum_states
from finitesums.objects import t as t
from finitesums.objects import table as table
from finitesums.objects import tau as tau
from finitesums.objects import theta as theta
from finitesums.objects import variance as variance
from finitesums.objects import weight as weight
from finitesums.printing import Derivation as Derivation
from finitesums.printing import chain_of as chain_of
from finitesums.printing import latex as latex
from finitesums.refutation import Contradiction as Contradiction
from finitesums.refutation import Disagreement as Disagreement
from finitesums.refutation import differ as differ
from finitesums.refutation import disagreement as disagreement
from finitesums.verdict import equal as equal
from finitesums.verdict import explain as explain
from finitesums.verdict import normal_form as normal_form

tidy(__name__)
