"""Natural policy gradient for tabular softmax policies: the step in three forms, the Fisher form, and whole runs.

Step convention of the book: eta multiplies the advantage in the logits. Agarwal et al. (2021) write
theta + eta' F^+ grad V, which is this step with eta = eta' / (1 - gamma) on visited states.
"""

from dataclasses import dataclass, field

import numpy as np

from rlentropy import bellman, softmax_policy, visitation
from rlentropy import distributions as dist
from rlentropy.validation import check_array, check_integer, check_positive


def logit_step(theta, q, eta):
    """theta + eta q; theta, q (..., A), eta > 0. The NPG step in logit space. Source: thm-npg-equivalences."""
    theta = softmax_policy.check_logits(theta)
    return theta + check_positive("eta", eta) * check_array("q", q, theta.shape)


def multiplicative_step(log_pi, q, eta):
    """log of pi(a) exp(eta q(a)) / E_pi exp(eta q); shape (..., A). The NPG step in policy space (eq-npg-multiplicative)."""
    return dist.log_softmax(np.asarray(log_pi) + check_positive("eta", eta) * np.asarray(q))


def prox_objective(log_p, log_pi, q, eta):
    """<p, q> - KL(p || pi) / eta, the objective whose unique maximiser is the NPG step; (..., A) -> (...).

    Source: eq-npg-prox; thm-npg-equivalences.
    """
    return dist.mean(log_p, q) - dist.kl(log_p, log_pi) / check_positive("eta", eta)


def prox_value(log_pi, q, eta):
    """max_p <p, q> - KL(p || pi) / eta = (1 / eta) log E_pi exp(eta q); shape (...). Source: thm-npg-equivalences."""
    eta = check_positive("eta", eta)
    return dist.logsumexp(np.asarray(log_pi) + eta * np.asarray(q)) / eta


def policy_gradient(mdp, theta):
    """d V(mu) / d theta[s, a] = d(s) pi(a|s) A(s, a) / (1 - gamma); shape (S, A).

    Source: lem-master-gradient with tau = 0; Agarwal et al. (2021), equation (10).
    """
    pi = softmax_policy.policy(theta)
    solver = bellman.policy_solver(mdp, pi)
    d = visitation.discounted_visitation(mdp, pi, solver=solver)
    return d[:, None] * pi * bellman.evaluate(mdp, pi, solver=solver).adv / (1 - mdp.gamma)


def fisher_matrix(mdp, theta):
    """F = E_{s ~ d} E_pi[grad log pi grad log pi'] as an (S*A, S*A) matrix, block diagonal. Source: lem-npg-fisher."""
    pi = softmax_policy.policy(theta)
    d = visitation.discounted_visitation(mdp, pi)
    F = np.zeros((mdp.S, mdp.A, mdp.S, mdp.A))
    states = np.arange(mdp.S)
    F[states, :, states, :] = d[:, None, None] * softmax_policy.fisher_block(theta)
    return F.reshape(mdp.S * mdp.A, -1)


def natural_gradient(mdp, theta):
    """F^+ grad V(mu) = (A(s, a) - mean_b A(s, b)) / (1 - gamma) where d(s) > 0, else 0; shape (S, A).

    The minimum-norm natural gradient in closed form; no matrix is inverted. Source: lem-npg-fisher.
    """
    pi = softmax_policy.policy(theta)
    solver = bellman.policy_solver(mdp, pi)
    d = visitation.discounted_visitation(mdp, pi, solver=solver)
    adv = bellman.evaluate(mdp, pi, solver=solver).adv
    return np.where(d[:, None] > 0, adv - adv.mean(axis=1, keepdims=True), 0.0) / (1 - mdp.gamma)


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
        solver = bellman.PolicySolver(mdp, pi)
        value = bellman.evaluate(mdp, pi, solver=solver)
        thetas.append(theta)
        values.append(value.V)
        advs.append(value.adv)
        ds.append(visitation.discounted_visitation(mdp, pi, solver=solver))
        if k < K:
            theta = theta + eta * value.adv
    return Run(eta=eta, theta=np.array(thetas), V=np.array(values), adv=np.array(advs), d=np.array(ds))
