"""Natural policy gradient for tabular softmax policies:
the step in three forms, the Fisher form, and whole runs.

One family with an entropy bonus of weight tau >= 0:
tau = 0 is plain NPG, eta tau = 1 soft policy iteration.
Step convention of the book: eta multiplies the advantage in the logits. Agarwal et al. (2021) write
theta + eta' F^+ grad V, which is this step with eta = eta' / (1 - gamma) on visited states;
so do Cen et al. (2022).
"""

import numpy as np
from numpy.typing import ArrayLike

from rlentropy import distributions as dist
from rlentropy._types import Floats
from rlentropy.discounted import evaluation, softmax, visitation
from rlentropy.discounted.mdp import DiscountedMDP
from rlentropy.results import described, result
from rlentropy.validation import (
    check_array,
    check_finite,
    check_integer,
    check_interval,
    check_kind,
    check_log_weights,
    check_nonnegative,
    check_positive,
    no_overflow,
    refuse,
)

# ---------------------------------------------------------------------------------------- one step


def logit_step(theta: ArrayLike, adv: ArrayLike, eta: float) -> Floats:
    """theta + eta adv; (..., A), eta > 0. The NPG step in logit space, adv the (soft) advantage.

    For tau = 0 action values do as well: they differ from advantages by a constant in each state.
    Source: thm-npg-equivalences; thm-soft-npg (i).
    """
    theta = softmax.check_logits(theta)
    return theta + check_positive("eta", eta) * check_array("adv", adv, theta.shape)


def step(log_pi: ArrayLike, q: ArrayLike, eta: float, *, tau: float = 0.0) -> Floats:
    """log of pi(a)^(1 - eta tau) exp(eta q(a)) / normaliser; (..., A).
    The NPG step in policy space.

    q is the (soft) action value Q = r + gamma P V.
    log_pi may hold -inf: an action of probability 0 keeps it,
    unless eta tau = 1, when the old policy is forgotten.
    Raises ValueError unless eta > 0, tau >= 0 and eta tau <= 1.
    Source: eq-npg-multiplicative; thm-soft-npg (ii).
    """
    eta, _, memory = _sizes(eta, tau)
    return dist.log_softmax(_weights(log_pi, q, eta, memory))


def prox_objective(
    log_pi: ArrayLike, log_p: ArrayLike, q: ArrayLike, eta: float, *, tau: float = 0.0
) -> Floats:
    """<p, q> + tau H(p) - (1 / eta - tau) KL(p || pi); (..., A) -> (...).
    `step` is its unique maximiser.

    Source: eq-npg-prox; thm-soft-npg (iii), where 1 / eta - tau is called 1 / eta-bar.
    """
    eta, tau, memory = _sizes(eta, tau)
    log_pi = dist.check_log_probabilities("log_pi", log_pi)
    gain = dist.mean(log_p, check_array("q", q)) + tau * dist.entropy(log_p)
    return gain - memory * dist.kl(log_p, log_pi) / eta if memory else gain


def prox_value(log_pi: ArrayLike, q: ArrayLike, eta: float, *, tau: float = 0.0) -> Floats:
    """max_p `prox_objective` = (1 / eta) log sum_a pi(a)^(1 - eta tau) exp(eta q(a));
    (..., A) -> (...).

    The objective at any p is lower by KL(p || maximiser) / eta.
    Source: thm-npg-equivalences; thm-soft-npg (iii).
    """
    eta, _, memory = _sizes(eta, tau)
    return dist.logsumexp(_weights(log_pi, q, eta, memory)) / eta


def _weights(log_pi: ArrayLike, q: ArrayLike, eta: float, memory: float) -> Floats:
    """Logarithms of pi(a)^memory exp(eta q(a)), 0^0 = 1; (..., A)."""
    q = check_array("q", q)
    log_pi = check_log_weights("log_pi", log_pi, q.shape)
    kept = memory * log_pi if memory else np.zeros(q.shape)
    return kept + eta * q


def _sizes(eta: float, tau: float) -> tuple[float, float, float]:
    """eta, tau and 1 - eta tau, the weight of the old log-probabilities;
    ValueError unless 0 <= eta tau <= 1.
    """
    eta = check_positive("eta", eta)
    tau = check_nonnegative("tau", tau)
    # eta = 1 / tau may round to a product one unit above 1
    product = eta * tau if eta * tau > 1 + 4 * np.finfo(float).eps else min(eta * tau, 1.0)
    return eta, tau, 1 - check_interval("eta * tau", product, 0, 1)


# ------------------------------------------------------------------------------ gradient and Fisher


def policy_gradient(mdp: DiscountedMDP, theta: ArrayLike, *, tau: float = 0.0) -> Floats:
    """d V(mu) / d theta[s, a] = d(s) pi(a|s) A(s, a) / (1 - gamma), with the bonus tau in V and A;
    (S, A).

    Source: lem-master-gradient; Agarwal et al. (2021), equation (10).
    """
    at = evaluation.evaluate_softmax(mdp, theta, tau=tau)
    with no_overflow("theta or tau"):
        gain = np.where(mdp.available, at.adv, 0.0)
        return at.d[:, None] * at.pi * gain / (1 - mdp.gamma)


def fisher_matrix(mdp: DiscountedMDP, theta: ArrayLike) -> Floats:
    """F = E_{s ~ d} E_pi[grad log pi grad log pi'] as an (S*A, S*A) matrix, block diagonal.
    Source: lem-npg-fisher.
    """
    at = evaluation.evaluate_softmax(mdp, theta)
    F = np.zeros((mdp.S, mdp.A, mdp.S, mdp.A))
    states = np.arange(mdp.S)
    F[states, :, states, :] = at.d[:, None, None] * softmax.fisher_of(at.pi)
    return F.reshape(mdp.S * mdp.A, -1)


def natural_gradient(mdp: DiscountedMDP, theta: ArrayLike, *, tau: float = 0.0) -> Floats:
    """F^+ grad V(mu) = (A(s, a) - mean_b A(s, b)) / (1 - gamma) where d(s) > 0, else 0;
    shape (S, A).

    The mean is over available actions; 0 at the others.
    The minimum-norm natural gradient in closed form; no matrix is inverted.
    Source: lem-npg-fisher; thm-soft-npg for tau > 0.
    """
    at = evaluation.evaluate_softmax(mdp, theta, tau=tau)
    seen = visitation.visited(mdp, at.pi)
    with no_overflow("theta or tau"):
        centred = at.adv - at.adv.mean(axis=1, keepdims=True, where=mdp.available)
    return np.where(seen[:, None] & mdp.available, centred, 0.0) / (1 - mdp.gamma)


# --------------------------------------------------------------------------------------------- runs


@result
class NPGRun:
    """A run of NPG: iterates 0, ..., K.

    mdp    the `DiscountedMDP`
    eta    the step, tau the weight of the entropy bonus
    theta  (K+1, S, A) logits, V (K+1, S) values, adv (K+1, S, A) advantages, d (K+1, S) visitations
    """

    mdp: DiscountedMDP
    eta: float
    tau: float
    theta: Floats
    V: Floats
    adv: Floats
    d: Floats

    def __repr__(self) -> str:
        sizes = {"iterations": len(self.theta) - 1, "S": self.mdp.S, "A": self.mdp.A}
        start, end = self.objective[[0, -1]]
        return described(
            self, **sizes, eta=self.eta, tau=self.tau, first_objective=start, last_objective=end
        )

    @property
    def log_pi(self) -> Floats:
        """log pi_k(a|s); shape (K+1, S, A)."""
        return dist.log_softmax(self.theta)

    @property
    def objective(self) -> Floats:
        """V_k(mu); shape (K+1,)."""
        return self.V @ self.mdp.mu


def run(
    mdp: DiscountedMDP, theta: ArrayLike, *, eta: float, iterations: int, tau: float = 0.0
) -> NPGRun:
    """NPG with exact evaluation: theta^{k+1} = theta^k + eta A^{pi_k}, k < iterations;
    returns an `NPGRun`.

    theta (S, A) are the first logits; they are stored with each row's maximum at 0 (a gauge), so
    they stay bounded above; -inf where an action is unavailable.
    tau > 0 puts the entropy bonus into the values and advantages.
    Raises ValueError unless eta > 0, tau >= 0 and eta tau <= 1, for a negative number of
    iterations, for logits of a wrong shape, and for logits or values that overflow.
    Source: thm-npg-equivalences; thm-soft-npg (i); Cen et al. (2022).
    """
    check_kind("mdp", mdp, DiscountedMDP)
    logits = mdp.masked(check_array("theta", theta, (mdp.S, mdp.A)))
    eta, tau, _ = _sizes(eta, tau)
    rows = []
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused below
        for _ in range(check_integer("iterations", iterations) + 1):
            logits = logits - logits.max(axis=1, keepdims=True)
            log_pi = dist.log_softmax(logits)
            at = evaluation.PolicyInMDP(mdp, np.exp(log_pi), log_pi, tau)
            rows.append((logits, at.V, at.adv, at.d))
            logits = logits + eta * at.adv
    thetas, V, adv, d = (np.array(part) for part in zip(*rows, strict=True))
    refuse("theta", thetas, ~np.isfinite(thetas) & mdp.available, "not a finite number")
    return NPGRun(mdp, eta, tau, thetas, check_finite("V", V), adv, d)
