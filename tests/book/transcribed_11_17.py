"""Displays of chapters 11 to 13, 16 and 17, transcribed (see `transcription`)."""

import itertools

import numpy as np
from scipy.special import gamma as Gamma
from scipy.special import gammaln
from transcribed_06_10 import A, N, S, game, law, optimum, policies, visits
from transcription import KL, Cov, E, H, Var, display, slope, softmax

from rlentropy import distributions as dist
from rlentropy.episodic import induction, max_entropy, trajectory_entropy, visitation
from rlentropy.studies import entropy_control, reward_entropy_law

rng = np.random.default_rng(13)

# ------------------------------------------------------------------------------------ chapter 11


def known_model(T, n0):
    """(d^1, ..., d^T) and the predictions, with the package's best answers."""
    t0 = S * A * n0
    prediction, answers, predictions = np.full((N, S, A), 1 / (S * A)), [], []
    for t in range(1, T + 1):
        reward = np.log(1 / prediction)
        policy = induction.deterministic_policy(induction.best_response(game, reward)[-1], A)
        d = visitation.policy_visitation(game, policy)
        answers.append(d)
        predictions.append(prediction)
        prediction = prediction + 1 / (t + t0) * (d - prediction)
    return answers, predictions


@display("thm-known-model-rate", 1, text="6470adcc")
def _():
    n0 = 0.8
    answers, predictions = known_model(6, n0)
    for t, (d, prediction) in enumerate(zip(answers, predictions, strict=True)):
        for policy in policies:
            yield (
                (visits(policy) * np.log(1 / prediction)).sum(),
                "<=",
                (d * np.log(1 / prediction)).sum(),
            )
        # the same prediction in counts
        counts = sum(answers[:t], np.zeros((N, S, A)))
        yield prediction, "=", (counts + n0) / (t + S * A * n0)


@display("thm-known-model-rate", 2, text="385f92eb")
def _():
    n0, T = 0.8, 30
    answers, _ = known_model(T, n0)
    m, t0 = S * A, S * A * n0
    regret = gammaln(T + t0) + gammaln(n0) - gammaln(t0) - gammaln(T + n0)
    left = optimum.value - visitation.visitation_entropy(sum(answers) / T)
    yield left, "<=", N * regret / T
    assert m == 6


# ------------------------------------------------------------------------------------ chapter 12


def paths():
    """(s_1, a_1, ..., s_H, a_H) from state 0."""
    for states in itertools.product(range(S), repeat=N - 1):
        for actions in itertools.product(range(A), repeat=N):
            yield (0, *states), actions


def chance(policy, states, actions):
    total = 1.0
    for h in range(N):
        total *= policy[h, states[h], actions[h]]
        if h < N - 1:
            total *= law[h, states[h], actions[h], states[h + 1]]
    return total


def path_entropy(policy):
    return H(np.array([chance(policy, s, a) for s, a in paths()]))


@display("thm-traj-chain-rule", 1, text="7d066903")
def _():
    policy = policies[0]
    d = visits(policy)
    first = sum(d[h, s].sum() * H(policy[h, s]) for h in range(N) for s in range(S))
    second = sum(
        d[h, s, a] * H(law[h, s, a]) for h in range(N - 1) for s in range(S) for a in range(A)
    )
    yield path_entropy(policy), "=", first + second
    yield trajectory_entropy.trajectory_entropy(game, policy), "=", first + second


@display("thm-visit-traj-gap", 1, text="dee2f97a")
def _():
    policy = policies[0]
    d, total = visits(policy), 0.0
    for h in range(N - 1):
        joint = d[h][..., None, None] * law[h][..., None] * policy[h + 1][None, None]
        pairs = joint.reshape(S * A, S * A)
        total += KL(pairs, np.outer(pairs.sum(axis=1), pairs.sum(axis=0)))
    gap = visitation.visitation_entropy(d) - path_entropy(policy)
    yield gap, "=", total
    yield trajectory_entropy.mutual_information(game, policy).sum(), "=", total


def soft_program():
    """V_1(s_1) and the policy, as on the page."""
    V, best = None, np.empty((N, S, A))
    for h in reversed(range(N)):
        Q = np.zeros((S, A))
        if h < N - 1:
            Q = np.array([[H(law[h, s, a]) + law[h, s, a] @ V for a in range(A)] for s in range(S)])
        V = np.log(np.exp(Q).sum(axis=1))
        best[h] = softmax(Q)
    return V[0], best


@display("thm-mtee-soft-dp", 1, text="4bdcb395")
def _():
    value, best = soft_program()
    found = trajectory_entropy.soft_optimum(game)
    yield found.value, "=", value
    yield found.pi, "=", best
    yield path_entropy(best), "=", value


@display("thm-mtee-soft-dp", 2, text="4d828df1")
def _():
    value, best = soft_program()
    policy = policies[0]
    d = visits(policy)
    loss = sum(d[h, s].sum() * KL(policy[h, s], best[h, s]) for h in range(N) for s in range(S))
    yield value - path_entropy(policy), "=", loss
    yield trajectory_entropy.suboptimality(game, policy), "=", loss


# ------------------------------------------------------------------------------------ chapter 13


@display("prop-coverage", 1, text="4209be86")
def _():
    best = optimum.visitation
    for weight in (0.05, 0.3, 1.0):
        d = (1 - weight) * best + weight * visits(policies[0])
        gap = optimum.value - visitation.visitation_entropy(d)
        for _ in range(50):
            B = rng.random((N, S, A)) < 0.3
            seen, wanted = d[B].sum(), best[B].sum()
            yield wanted - np.sqrt(2 * gap * wanted), "<=", seen + 1e-9


@display("prop-coverage-average", 1, text="ac493731")
def _():
    best = max_entropy.solve_average(game, tol=1e-10)
    for weight in (0.05, 0.3, 1.0):
        mean = ((1 - weight) * best.visitation + weight * visits(policies[0])).mean(axis=0)
        gap = best.value - H(mean)
        for _ in range(50):
            B = rng.random((S, A)) < 0.4
            seen, wanted = mean[B].sum(), best.average[B].sum()
            yield wanted - np.sqrt(2 * gap * wanted), "<=", seen + 1e-6


# ------------------------------------------------------------------------------------ chapter 16

pi = softmax(rng.normal(size=5))
log_pi = np.log(pi)
adv = rng.normal(size=5)
adv = adv - E(pi, adv)
M = np.array([False, True, False, True, False])
c = (log_pi + H(pi)) * adv


def clipped(t):
    """The policy after a step t in the direction A 1_{not M}."""
    return softmax(log_pi + t * np.where(M, 0.0, adv))


@display("thm-clip-cov", 1, text="21593e46")
def _():
    kept = -sum(pi[a] * c[a] for a in range(5) if not M[a])
    entropy_rate, _ = entropy_control.clip_rates(log_pi, adv, M)
    yield entropy_rate, "=", kept
    yield kept, "=", -E(pi, c) + sum(pi[a] * c[a] for a in range(5) if M[a])
    yield slope(lambda t: H(clipped(t))), "=", kept
    yield E(pi, c), "=", Cov(pi, log_pi, adv)


@display("thm-clip-cov", 2, text="cb591668")
def _():
    kept = sum(pi[a] * adv[a] ** 2 for a in range(5) if not M[a])
    _, reward_rate = entropy_control.clip_rates(log_pi, adv, M)
    yield reward_rate, "=", kept
    yield slope(lambda t: clipped(t) @ adv), "=", kept
    yield 0, "<=", kept


# ------------------------------------------------------------------------------------ chapter 17

gaps = np.array([0.0, 0.2, 0.5, 0.9, 1.4])
start = np.log(softmax(rng.normal(size=5)))


def arms(t, log_start=start):
    return softmax(log_start - t * gaps)


@display("thm-law-slope", 1, text="d2eb8b99")
def _():
    for t in (0.6, 3.0):
        p, r = arms(t), -gaps
        beta = Cov(p, start, r) / Var(p, r)
        yield slope(lambda u: arms(u) @ -gaps, t), "=", Var(p, r)
        yield slope(lambda u: H(arms(u)), t), "=", -(t + beta) * Var(p, r)
        ratio = slope(lambda u: arms(u) @ -gaps, t) / slope(lambda u: H(arms(u)), t)
        yield ratio, "=", -1 / (t + beta)
        found = reward_entropy_law.law_path(gaps, np.array([t]), log_start=start)
        yield found.exponent, "=", [t * (t + beta) * Var(p, r)]


@display("thm-law-slope", 2, text="7ed04eb4")
def _():
    even = np.zeros(5)
    for t in (0.6, 3.0):
        exponent = t**2 * Var(arms(t, even), gaps)
        yield reward_entropy_law.law_path(gaps, np.array([t])).exponent, "=", [exponent]
        yield -t * slope(lambda u: H(arms(u, even)), t), "=", exponent


@display("thm-law-tauberian", 1, text="85be946a")
def _():
    arms_, alpha = 200_000, 0.7
    K = arms_
    found = reward_entropy_law.law_path(
        reward_entropy_law.quantile_gaps(K, alpha), np.array([100.0, 1000.0])
    )
    limit = np.e * (K * 1.0 * Gamma(alpha + 1)) ** (1 / alpha)
    yield np.abs(found.t * found.gap - alpha), "<=", np.full(2, 0.02 * alpha)
    ratio = found.t * np.exp(found.policy_entropy / alpha) / limit
    yield np.abs(ratio - 1), "<=", np.full(2, 0.02)


@display("thm-law-tauberian", 2, text="8e493e73")
def _():
    K, alpha = 200_000, 0.7
    a = alpha / (np.e * (K * Gamma(alpha + 1)) ** (1 / alpha))
    yield reward_entropy_law.law_amplitude(K, alpha), "=", a
    found = reward_entropy_law.law_path(
        reward_entropy_law.quantile_gaps(K, alpha), np.array([300.0])
    )
    ratio = found.gap / np.exp(found.policy_entropy / alpha)
    yield np.abs(ratio / a - 1), "<=", np.full(1, 0.02)


@display("thm-law-equispaced", 1, text="38d2e93a")
def _():
    delta, b, last = 0.1, 2.0, -1e9
    for t in (30.0, 10.0, 3.0, 1.0):
        indices = np.arange(2000)
        p = softmax(-t * delta * indices)
        R, entropy = b - delta * (p @ indices), H(p)
        difference = R - (b + delta / 2 - delta / np.e * np.exp(entropy))
        yield -(1 / 2 - 1 / np.e) * delta, "<=", difference
        yield difference, "<=", 1e-9
        yield last, "<=", difference + 1e-9
        last = difference
        found, error = reward_entropy_law.geometric_law(np.array([p @ indices]))
        yield found, "=", [entropy]
        yield np.abs(delta * error - difference), "<=", np.full(1, 1e-9)


@display("thm-law-verifiable", 1, text="c0e27052")
def _():
    right = np.array([True, False, True, False, False])
    for t in (0.0, 0.7, 3.0):
        p = softmax(start + t * right)
        R = p[right].sum()
        entropies = H(p[right] / R), H(p[~right] / (1 - R))
        curve = H([R, 1 - R]) + R * entropies[0] + (1 - R) * entropies[1]
        yield dist.entropy(np.log(p)), "=", curve
        first = softmax(start)
        share = first[right].sum()
        found = reward_entropy_law.verifiable_curve(
            np.array([R]),
            right=H(first[right] / share),
            wrong=H(first[~right] / (1 - share)),
        )
        yield found, "=", [curve]
