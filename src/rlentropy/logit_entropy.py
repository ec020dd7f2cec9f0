"""Questions about the entropy of logits: of which policy, from how many of them, averaged how, and
whether a bonus moves it.

Logits are (..., n), as people have them: of float16, bfloat16, float32 or float64, from NumPy,
torch, JAX and others; -inf where an action is impossible.
"""

from typing import Any

import numpy as np

from rlentropy import distributions as dist
from rlentropy._tensors import Logits, array
from rlentropy._types import Floats
from rlentropy.logits import _broadcast, _flags, _reals, change_between
from rlentropy.results import result
from rlentropy.validation import check_choice, check_integer, check_number, check_positive, refuse

# Sums of float32 probabilities miss 1 by this much.
SLACK = 1e-5


def _log_policy(name: str, logits: Any, temperature: Any = 1.0) -> tuple[Floats, Floats]:
    """log softmax(logits / T) in float64, and logits / T, the largest of each row 0."""
    tensor = Logits(name, logits)
    z = tensor.floats(0, tensor.rows).reshape(tensor.shape)
    refuse(name, z, ~(z < np.inf), "must be finite, or -inf where the action is impossible")
    top = z.max(axis=-1)
    refuse(f"largest of {name}", top, top == -np.inf, "every action is impossible")
    T = _reals("temperature", _broadcast("temperature", temperature, tensor.batch))
    refuse("temperature", T, ~((T > 0) & (T < np.inf)), "must be a finite number > 0")
    with np.errstate(over="ignore"):  # to -inf, which is right
        z = (z - top[..., None]) / T[..., None]
    return dist.log_softmax(z), z


# ----------------------------------------------------------------------------- of which policy


@result
class TemperedEntropy:
    """Entropy of softmax(z / T) and how it moves with T; fields of shape (...), nats.

    entropy  H(T)
    slope    dH/dT = Var_T(z) / T^3 >= 0
    """

    entropy: np.ndarray
    slope: np.ndarray


def tempered_entropy(logits: Any, temperature: Any) -> TemperedEntropy:
    """H(softmax(z / T)) and dH/dT = Var_T(z) / T^3; (..., n) -> (...), in nats.

    temperature  T > 0, a number or what broadcasts to (...)
    Along z / T the logits move at the rate -z / T^2, so by the covariance identity
    dH/dT = Cov_T(z / T, z) / T^2. Entropy grows with T, from that of the likeliest actions towards
    log n.
    Raises ValueError, naming argument, index and value, for logits that are nan or +inf and for
    T that is not a number > 0. Source: thm-covariance-identity.
    """
    log_p, z = _log_policy("logits", logits, temperature)
    T = np.asarray(array("temperature", temperature), dtype=float)
    return TemperedEntropy(
        entropy=np.asarray(dist.entropy(log_p))[()],
        slope=np.asarray(dist.variance(log_p, z) / T)[()],
    )


# --------------------------------------------------------------------- from some of the logits


@result
class EntropyInterval:
    """low <= H <= high; tail the probability that is not among the top ones; (...), nats."""

    low: np.ndarray
    high: np.ndarray
    tail: np.ndarray


def top_k_entropy_interval(top_log_probs: Any, actions: int) -> EntropyInterval:
    """head - e log p_k <= H <= head - e log(e / (n - k)); (..., k) -> (...), in nats.

    top_log_probs  log-probabilities of the k likeliest actions, of the whole policy: not those of
                   a policy cut off after k
    actions        n >= k, the size of the vocabulary
    head = -sum of p log p over these, e = 1 - sum p the tail, p_k the least of these.

    The n - k actions of the tail have probabilities of at most p_k, and -log p >= -log p_k: the
    left side. Given their sum e, their part -sum p log p is largest where they are equal: the right
    side. It is attained, and so is the left one where e is a multiple of p_k: these numbers alone
    say no more. Renormalising the top k instead gives (head + (1 - e) log(1 - e)) / (1 - e), often
    below the left side.

    Log-probabilities in float32 know e to about 1e-7; a negative e of up to 1e-5 counts as 0.
    Raises ValueError for log-probabilities above 0 or nan, for k > n, for a sum above 1, and for a
    tail that n - k actions of at most p_k cannot hold: then these are not the likeliest ones, or
    not normalised over the vocabulary.
    """
    tensor = Logits("top_log_probs", top_log_probs)
    log_p = tensor.floats(0, tensor.rows).reshape(tensor.shape)
    n = check_integer("actions", actions, low=1)
    k = tensor.n
    if k > n:
        raise ValueError(f"actions = {n}: fewer than the {k} top_log_probs")
    refuse("top_log_probs", log_p, ~(log_p <= SLACK), "a log-probability is at most 0")
    p = np.exp(log_p)
    tail = np.asarray(1 - p.sum(axis=-1))
    refuse("top_log_probs, 1 - sum of exp", tail, tail < -SLACK, "the sum is above 1")
    least = p.min(axis=-1)
    refuse(
        "top_log_probs, 1 - sum of exp",
        tail,
        tail > (n - k) * least + SLACK,
        f"the other {n - k} actions cannot hold that much: not the likeliest, or not normalised",
    )
    tail = np.maximum(tail, 0.0)
    head = -np.sum(p * np.where(p > 0, log_p, 0.0), axis=-1)
    some = tail > 0
    low = head - tail * np.log(np.where(some, np.maximum(least, tail / max(n - k, 1)), 1.0))
    high = head - tail * np.log(np.where(some, tail / max(n - k, 1), 1.0))
    return EntropyInterval(low=low[()], high=high[()], tail=tail[()])


# ----------------------------------------------------------------------------- averaged how


@result
class EntropyAverages:
    """Three averages of the entropies of tokens, which differ as soon as lengths do; nats.

    per_token          mean over all tokens: long sequences count more
    per_sequence_mean  mean over the sequences of the mean over their tokens
    per_sequence       mean over the sequences of the sum over their tokens: estimates the entropy
                       of the law of whole sequences, by the chain rule. Source: thm-traj-chain-rule
    tokens, sequences  how many count; a sequence without tokens does not
    """

    per_token: float
    per_sequence_mean: float
    per_sequence: float
    tokens: int
    sequences: int


def entropy_averages(entropies: Any, where: Any = None) -> EntropyAverages:
    """Averages of the entropies of tokens over tokens and over sequences, each by its name.

    entropies  (sequences, tokens), nats; anything where the token does not count
    where      (sequences, tokens) or what broadcasts to it: which tokens count
    Raises ValueError for an entropy that counts and is negative or not finite: entropies are at
    least 0, and minus a log-probability of padding is no entropy.
    """
    h = _reals("entropies", array("entropies", entropies))
    if h.ndim != 2:
        raise ValueError(f"entropies: shape {h.shape}, expected (sequences, tokens)")
    keep = _flags(where, h.shape).reshape(h.shape)
    refuse("entropies", h, keep & ~(np.abs(h) < 1e150), "not a finite number below 1e150")
    refuse("entropies", h, keep & (h < -1e-6), "an entropy is at least 0; is this padding?")
    lengths = keep.sum(axis=1)
    sums = np.sum(h, axis=1, where=keep)[lengths > 0]
    lengths = lengths[lengths > 0]
    if not len(lengths):
        return EntropyAverages(np.nan, np.nan, np.nan, tokens=0, sequences=0)
    return EntropyAverages(
        per_token=float(sums.sum() / lengths.sum()),
        per_sequence_mean=float(np.mean(sums / lengths)),
        per_sequence=float(sums.mean()),
        tokens=int(lengths.sum()),
        sequences=len(lengths),
    )


# -------------------------------------------------------------------------------- what a bonus does


@result
class BonusEffect:
    """First-order changes of entropy that a step makes; (...), nats.

    advantages  the part of the advantages
    bonus       the part of the bonus: coefficient times a number >= 0
    total       their sum
    break_even  the coefficient at which the total is 0; nan where the bonus does nothing
    """

    advantages: np.ndarray
    bonus: np.ndarray
    total: np.ndarray
    break_even: np.ndarray


def bonus_effect(
    logits: Any,
    advantages: Any,
    coefficient: float,
    *,
    step: float = 1.0,
    gradient: str = "vanilla",
    temperature: float = 1.0,
) -> BonusEffect:
    """What a step with the objective <pi, A> + c H(pi) does to H, to first order; (...), in nats.

    logits, advantages  (..., n): the logits of the policy, the advantage of each action
    coefficient         c
    step                eta > 0
    gradient            "natural": the logits move by eta (A - c log pi), so H changes by
                        eta (-Cov(log pi, A) + c Var(log pi)); "vanilla": by
                        eta pi (A - E A - c l), l = log pi + H, so H changes by
                        eta (-sum pi^2 l (A - E A) + c sum pi^2 l^2)
    temperature         the policy is softmax(logits / temperature); steps are those of its
                        log-probabilities
    For a table of logits. A network has its own effective step, and the ratio of the two parts is
    what carries over, where both come from the same actions.
    Raises ValueError for logits that are nan or +inf, advantages that are not finite or of another
    shape, a step that is not > 0, another gradient.
    Source: thm-soft-entropy-dynamics, prop-vanilla-pg.
    """
    log_p, _ = _log_policy("logits", logits, check_positive("temperature", temperature))
    adv = _reals("advantages", array("advantages", advantages))
    if adv.shape != log_p.shape:
        raise ValueError(f"advantages: shape {adv.shape}, expected {log_p.shape}")
    p = np.exp(log_p)
    refuse("advantages", adv, (p > 0) & ~np.isfinite(adv), "not a finite number")
    coefficient = check_number("coefficient", coefficient)
    eta = check_positive("step", step)
    weight = p if check_choice("gradient", gradient, ("natural", "vanilla")) == "natural" else p**2
    excess = np.where(p > 0, log_p + dist.entropy(log_p)[..., None], 0.0)
    centred = np.where(p > 0, adv - dist.mean(log_p, adv)[..., None], 0.0)
    pull = -eta * np.sum(weight * excess * centred, axis=-1)
    push = eta * np.sum(weight * excess**2, axis=-1)
    some = push > 0
    return BonusEffect(
        advantages=pull[()],
        bonus=(coefficient * push)[()],
        total=(pull + coefficient * push)[()],
        break_even=np.where(some, -pull / np.where(some, push, 1.0), np.nan)[()],
    )


@result
class BonusCheck:
    """Whether a bonus moved entropy the way its coefficient says.

    measured     H(with) - H(without), mean over the tokens that count, nats
    first_order  -Cov_old(log old, with - without), the same to first order
    per_unit     measured / coefficient: positive if the bonus works
    verdict      "works", "no effect" (its gradient does not arrive, as when the entropy is taken
                 without gradients), or "wrong sign"
    """

    measured: float
    first_order: float
    per_unit: float
    verdict: str

    @property
    def works(self) -> bool:
        """Whether the verdict is "works"."""
        return self.verdict == "works"


def check_bonus(
    old_logits: Any,
    without_bonus: Any,
    with_bonus: Any,
    coefficient: float,
    *,
    where: Any = None,
    temperature: Any = 1.0,
    least: float = 1e-9,
) -> BonusCheck:
    """Whether an entropy bonus moves entropy the way it should: a numerical test for a trainer.

    Take one update from the same weights and the same batch twice, with coefficient 0 and with the
    coefficient to be tested, and read the logits at the same tokens:

    old_logits     (..., n)  before the update
    without_bonus  (..., n)  after the update with coefficient 0
    with_bonus     (..., n)  after the update with ``coefficient`` (not 0; negative: a penalty)
    where, temperature       as for `entropy_change`
    least          effects below this many nats count as none

    A gradient step on +c H raises H by about c times a positive number, to first order whatever the
    network: measured / c must be positive. Take small steps: at large ones the second order can
    win.
    Raises ValueError as `entropy_change`, and for a coefficient that is 0.
    Source: thm-entropy-any-path (networks).
    """
    coefficient = check_number("coefficient", coefficient)
    if coefficient == 0:
        raise ValueError("coefficient = 0.0: nothing to test")
    least = check_positive("least", least)
    old = Logits("old_logits", old_logits)
    plain = Logits("without_bonus", without_bonus)
    moved = Logits("with_bonus", with_bonus)
    options = {"where": where, "temperature": temperature}
    after = change_between(plain, moved, **options).mean()["exact"]
    first = (
        change_between(old, moved, **options).mean()["first_order"]
        - change_between(old, plain, **options).mean()["first_order"]
    )
    if not np.isfinite(after):
        raise ValueError("where: no token counts")
    right = "works" if after / coefficient > 0 else "wrong sign"
    return BonusCheck(
        measured=after,
        first_order=first,
        per_unit=after / coefficient,
        verdict="no effect" if abs(after) < least else right,
    )
