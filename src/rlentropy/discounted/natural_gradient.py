"""Natural policy gradient for tabular softmax policies: the step in three forms, the Fisher form, and whole runs.

Step convention of the book: eta multiplies the advantage in the logits. Agarwal et al. (2021) write
theta + eta' F^+ grad V, which is this step with eta = eta' / (1 - gamma) on visited states.
"""

from dataclasses import dataclass, field

import numpy as np

from rlentropy import distributions as dist
from rlentropy.discounted import evaluation, softmax, visitation
from rlentropy.validation import check_array, check_finite, check_integer, check_interval, check_positive


def logit_step(theta, q, eta):
    """theta + eta q; theta, q (..., A), eta > 0. The NPG step in logit space. Source: thm-npg-equivalences."""
    theta = softmax.check_logits(theta)
    return theta + check_positive("eta", eta) * check_array("q", q, theta.shape)


def multiplicative_step(log_pi, q, eta):
    """log of pi(a) exp(eta q(a)) / E_pi exp(eta q); shape (..., A). The NPG step in policy space.

    log_pi may hold -inf; an action of probability 0 keeps it. Source: eq-npg-multiplicative.
    """
    return dist.log_softmax(np.asarray(log_pi) + check_positive("eta", eta) * check_finite("q", np.asarray(q)))


def prox_objective(log_p, log_pi, q, eta):
    """<p, q> - KL(p || pi) / eta, the objective whose unique maximiser is the NPG step; (..., A) -> (...).

    Source: eq-npg-prox; thm-npg-equivalences.
    """
    return dist.mean(log_p, check_finite("q", np.asarray(q))) - dist.kl(log_p, log_pi) / check_positive("eta", eta)


def prox_value(log_pi, q, eta):
    """max_p <p, q> - KL(p || pi) / eta = (1 / eta) log E_pi exp(eta q); shape (...). Source: thm-npg-equivalences."""
    eta = check_positive("eta", eta)
    return dist.logsumexp(np.asarray(log_pi) + eta * check_finite("q", np.asarray(q))) / eta


def policy_gradient(mdp, theta):
    """d V(mu) / d theta[s, a] = d(s) pi(a|s) A(s, a) / (1 - gamma); shape (S, A).

    Source: lem-master-gradient with tau = 0; Agarwal et al. (2021), equation (10).
    """
    pi = softmax.policy(check_array("theta", theta, (mdp.S, mdp.A)))
    solver = evaluation.policy_solver(mdp, pi)
    d = visitation.policy_visitation(mdp, pi, solver=solver)
    return d[:, None] * pi * evaluation.evaluate(mdp, pi, solver=solver).adv / (1 - mdp.gamma)


def fisher_matrix(mdp, theta):
    """F = E_{s ~ d} E_pi[grad log pi grad log pi'] as an (S*A, S*A) matrix, block diagonal. Source: lem-npg-fisher."""
    pi = softmax.policy(check_array("theta", theta, (mdp.S, mdp.A)))
    d = visitation.policy_visitation(mdp, pi)
    F = np.zeros((mdp.S, mdp.A, mdp.S, mdp.A))
    states = np.arange(mdp.S)
    F[states, :, states, :] = d[:, None, None] * softmax.fisher_block(theta)
    return F.reshape(mdp.S * mdp.A, -1)


def natural_gradient(mdp, theta):
    """F^+ grad V(mu) = (A(s, a) - mean_b A(s, b)) / (1 - gamma) where d(s) > 0, else 0; shape (S, A).

    The minimum-norm natural gradient in closed form; no matrix is inverted. Source: lem-npg-fisher.
    """
    pi = softmax.policy(check_array("theta", theta, (mdp.S, mdp.A)))
    adv = evaluation.evaluate(mdp, pi).adv
    seen = visitation.visited(mdp, pi)
    return np.where(seen[:, None], adv - adv.mean(axis=1, keepdims=True), 0.0) / (1 - mdp.gamma)


@dataclass(frozen=True)
class Run:
    """A run of NPG: iterates 0, ..., K.

    theta (K+1, S, A) logits, V (K+1, S) values, adv (K+1, S, A) advantages, d (K+1, S) visitations; eta the step.
    """

    eta: float
    theta: np.ndarray = field(repr=False)
    V: np.ndarray = field(repr=False)
    adv: np.ndarray = field(repr=False)
    d: np.ndarray = field(repr=False)

    @property
    def log_pi(self):
        """log pi_k(a|s); shape (K+1, S, A)."""
        return dist.log_softmax(self.theta)


def run(mdp, theta, eta, iterations):
    """NPG with exact evaluation: theta^{k+1} = theta^k + eta A^{pi_k}, k < iterations; returns a `Run`.

    Logits are stored with each row's maximum at 0 (a gauge), so they stay bounded above.
    Raises ValueError for eta <= 0, a negative number of iterations or logits of a wrong shape.
    """
    theta = check_array("theta", theta, (mdp.S, mdp.A))
    eta, K = check_positive("eta", eta), check_integer("iterations", iterations)
    thetas, values, advs, ds = [], [], [], []
    for k in range(K + 1):
        theta = theta - theta.max(axis=1, keepdims=True)
        pi = dist.softmax(theta)
        solver = evaluation.PolicySolver(mdp, pi)
        value = evaluation.evaluate(mdp, pi, solver=solver)
        thetas.append(theta)
        values.append(value.V)
        advs.append(value.adv)
        ds.append(visitation.policy_visitation(mdp, pi, solver=solver))
        if k < K:
            theta = theta + eta * value.adv
    return Run(eta=eta, theta=np.array(thetas), V=np.array(values), adv=np.array(advs), d=np.array(ds))


# --------------------------------------------------------------------------- with an entropy bonus of weight tau
#
# Step convention as above: eta multiplies the soft advantage in the logits, eta = eta' / (1 - gamma) with the eta' of
# Cen et al. (2022). The logit form is `logit_step` with the full soft advantage of `evaluation.evaluate_soft`.


def _regularised_sizes(eta, tau):
    """eta, tau and 1 - eta tau, the weight of the old log-probabilities; ValueError unless 0 < eta tau <= 1."""
    eta, tau = check_positive("eta", eta), check_positive("tau", tau)
    # eta = 1 / tau may round to a product one unit above 1
    product = eta * tau if eta * tau > 1 + 4 * np.finfo(float).eps else min(eta * tau, 1.0)
    return eta, tau, 1 - check_interval("eta * tau", product, 0, 1)


def regularised_step(log_pi, q, eta, tau):
    """log of pi(a)^(1 - eta tau) exp(eta q(a)) / normaliser; log_pi, q (..., A), q = Q_tau = r + gamma P V_tau.

    Raises ValueError unless eta, tau > 0 and eta tau <= 1 (eta = 1 / tau is soft policy iteration).
    Source: thm-soft-npg (ii).
    """
    eta, _, memory = _regularised_sizes(eta, tau)
    return dist.log_softmax(memory * np.asarray(log_pi) + eta * check_finite("q", np.asarray(q)))


def regularised_prox_objective(log_p, log_pi, q, eta, tau):
    """<p, q> + tau H(p) - (1 / eta - tau) KL(p || pi); (..., A) -> (...). Its unique maximiser is `regularised_step`.

    1 / eta - tau is the 1 / eta-bar of the book. Source: thm-soft-npg (iii).
    """
    eta, tau, memory = _regularised_sizes(eta, tau)
    gain = dist.mean(log_p, check_finite("q", np.asarray(q)))
    return gain + tau * dist.entropy(log_p) - memory / eta * dist.kl(log_p, log_pi)


def regularised_prox_value(log_pi, q, eta, tau):
    """max_p `regularised_prox_objective` = (1/eta) log sum_a pi(a)^(1 - eta tau) exp(eta q(a)); (..., A) -> (...).

    The objective at any p is lower by KL(p || maximiser) / eta. Source: thm-soft-npg (iii).
    """
    eta, _, memory = _regularised_sizes(eta, tau)
    return dist.logsumexp(memory * np.asarray(log_pi) + eta * check_finite("q", np.asarray(q))) / eta


def soft_policy_gradient(mdp, theta, tau):
    """d V_tau(mu) / d theta[s, a] = d(s) pi(a|s) A_tau(s, a) / (1 - gamma); shape (S, A). Source: thm-soft-npg."""
    solver = evaluation.PolicySolver(mdp, softmax.policy(check_array("theta", theta, (mdp.S, mdp.A))))
    value = evaluation.evaluate_soft(mdp, theta, tau, solver=solver)
    pi = np.exp(value.log_pi)
    d = visitation.policy_visitation(mdp, pi, solver=solver)
    return d[:, None] * pi * value.adv / (1 - mdp.gamma)


@dataclass(frozen=True)
class SoftRun:
    """A run of regularised NPG: iterates 0, ..., K.

    theta (K+1, S, A) logits, V (K+1, S) soft values, Q (K+1, S, A) soft action values, adv (K+1, S, A) full soft
    advantages, d (K+1, S) visitations; eta the step, tau the weight of the bonus.
    """

    eta: float
    tau: float
    theta: np.ndarray = field(repr=False)
    V: np.ndarray = field(repr=False)
    Q: np.ndarray = field(repr=False)
    adv: np.ndarray = field(repr=False)
    d: np.ndarray = field(repr=False)

    @property
    def log_pi(self):
        """log pi_k(a|s); shape (K+1, S, A)."""
        return dist.log_softmax(self.theta)


def run_regularised(mdp, theta, eta, tau, iterations):
    """theta^{k+1} = theta^k + eta A_tau^{pi_k} with exact evaluation, k < iterations; returns a `SoftRun`.

    theta (S, A) are the first logits. Raises ValueError unless eta, tau > 0 and eta tau <= 1.
    Source: thm-soft-npg (i); Cen et al. (2022).
    """
    theta = check_array("theta", theta, (mdp.S, mdp.A))
    eta, tau, _ = _regularised_sizes(eta, tau)
    K = check_integer("iterations", iterations)
    rows = []
    for k in range(K + 1):
        theta = theta - theta.max(axis=1, keepdims=True)
        pi = dist.softmax(theta)
        solver = evaluation.PolicySolver(mdp, pi)
        value = evaluation.evaluate_soft(mdp, theta, tau, solver=solver)
        rows.append((theta, value.V, value.Q, value.adv, visitation.policy_visitation(mdp, pi, solver=solver)))
        if k < K:
            theta = theta + eta * value.adv
    return SoftRun(eta, tau, *(np.array(part) for part in zip(*rows, strict=True)))
