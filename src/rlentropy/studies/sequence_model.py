"""An autoregressive policy on answers that are few enough to be counted, trained like a language
model.

An answer is a sequence of at most L tokens out of V; the symbol after the last token, V, ends it
early. The policy is a table of logits, one row for every prefix, so all averages over answers are
exact sums and stand beside the estimates from samples.
With 5 tokens and length 6 there are 3,906 prefixes, 15,625 full sequences, and 19,531 answers with
those that end early.
Entropies are in nats. Source: prop-sequence-entropy.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.random import SeedSequence
from numpy.typing import ArrayLike

from rlentropy import distributions as dist
from rlentropy._types import Floats, Ints
from rlentropy.results import result
from rlentropy.seeds import generator
from rlentropy.studies import token_selection as select
from rlentropy.validation import (
    check_array,
    check_callable,
    check_choice,
    check_integer,
    check_kind,
    check_nonnegative,
    check_positive,
    refuse,
)

WEIGHTINGS = ("token", "sequence", "constant")
# Answers that would take more memory than is wanted.
MOST = 2_000_000


@result
class SequenceTask:
    """All answers y of a vocabulary, and which of them are right.

    tokens, length  V and L
    end             True if the symbol V may end an answer before L tokens
    token           (N, L) symbols of each answer, -1 after its end; V is the end
    prefix          (N, L) row of the policy that each symbol is drawn from, -1 after the end
    size            (N,) number of symbols |y|, the end included
    right           (N,) booleans
    """

    tokens: int
    length: int
    end: bool
    token: np.ndarray
    prefix: np.ndarray
    size: np.ndarray
    right: np.ndarray

    @property
    def prefixes(self) -> int:
        """Number of rows of a policy: 1 + V + ... + V^(L - 1)."""
        return int(sum(self.tokens**k for k in range(self.length)))

    @property
    def symbols(self) -> int:
        """Number of columns of a policy."""
        return self.tokens + self.end


def sequence_task(
    tokens: int, length: int, right: Callable[[np.ndarray], ArrayLike], *, end: bool = True
) -> SequenceTask:
    """`SequenceTask` of all answers; ``right`` maps their tokens (N, L), -1 from the end on, to
    booleans (N,).

    Raises ValueError for tokens < 2, length < 1, or more than two million answers.
    """
    V, L = check_integer("tokens", tokens, low=2), check_integer("length", length, low=1)
    check_callable("right", right)
    if V**L > MOST:
        raise ValueError(f"length = {L}: {V}^{L} answers are too many to count")
    first = np.cumsum([0] + [V**k for k in range(L)])  # first row of the prefixes of each length
    ended: list[Ints] = []
    drawn_after: list[Ints] = []
    digits, rows = np.empty((1, 0), int), np.empty((1, 0), int)
    for k in range(L):
        rows = np.column_stack([rows, first[k] + np.arange(V**k)])
        if end:
            ended.append(_padded(np.column_stack([digits, np.full(len(digits), V)]), L))
            drawn_after.append(_padded(rows, L))
        digits = np.column_stack([np.repeat(digits, V, axis=0), np.tile(np.arange(V), V**k)])
        rows = np.repeat(rows, V, axis=0)
    token = np.concatenate([*ended, digits])
    prefix = np.concatenate([*drawn_after, rows])
    verdict = np.asarray(right(np.where(token == V, -1, token)))
    if verdict.dtype != bool or verdict.shape != (len(token),):
        raise ValueError(f"right: gave {verdict.dtype} of shape {verdict.shape}, not booleans (N,)")
    return SequenceTask(
        tokens=V,
        length=L,
        end=bool(end),
        token=token,
        prefix=prefix,
        size=np.sum(token >= 0, axis=1),
        right=verdict,
    )


def _padded(rows: Ints, width: int) -> Ints:
    return np.pad(rows, ((0, 0), (0, width - rows.shape[1])), constant_values=-1)


def along(task: SequenceTask, table: ArrayLike) -> Floats:
    """sum_l f(y_<l, y_l) for every answer y; a table f (prefixes, symbols) -> (N,)."""
    check_kind("task", task, SequenceTask)
    table = check_array("table", table, (task.prefixes, task.symbols))
    node = np.zeros(1)
    parts = []
    start = 0
    for _ in range(task.length):
        block = table[start : start + len(node)]
        if task.end:
            parts.append(node + block[:, task.tokens])
        start += len(node)
        node = (node[:, None] + block[:, : task.tokens]).ravel()
    return np.concatenate([*parts, node])


def log_answers(task: SequenceTask, theta: ArrayLike) -> Floats:
    """log p(y) of every answer, (N,); theta (prefixes, symbols) are the logits."""
    return along(task, dist.log_softmax(_logits(task, theta)))


def summed_entropies(task: SequenceTask, theta: ArrayLike) -> Floats:
    """sum_l h(y_<l) of every answer, (N,): entropies of the next symbol, along the answer.

    Its mean is the entropy of the answers, as is that of -log p(y). Source: prop-sequence-entropy.
    """
    theta = _logits(task, theta)
    h = dist.entropy(dist.log_softmax(theta))
    return along(task, np.broadcast_to(h[:, None], theta.shape))


def _logits(task: SequenceTask, theta: ArrayLike) -> Floats:
    check_kind("task", task, SequenceTask)
    theta = check_array("theta", theta, (task.prefixes, task.symbols))
    refuse("theta", theta, np.abs(theta) > 1e300, "no double holds its log-probabilities")
    return theta


@result
class SequenceEntropies:
    """Exact averages over all answers of one policy.

    success          probability of a right answer
    answer_entropy   H(p), entropy of the answer
    token_mean       H(p) / E|y|, what the mean over all sampled symbols estimates
    answer_mean      E[sum_l h / |y|], what the mean over answers of their means estimates
    mean_size        E|y|
    right_entropy    entropy of the answer given that it is right
    """

    success: float
    answer_entropy: float
    token_mean: float
    answer_mean: float
    mean_size: float
    right_entropy: float


def evaluate(task: SequenceTask, theta: ArrayLike) -> SequenceEntropies:
    """`SequenceEntropies` of the policy with logits theta (prefixes, symbols).

    Source: prop-sequence-entropy.
    """
    log_p = log_answers(task, theta)
    sums = summed_entropies(task, theta)
    answer_entropy = dist.entropy(log_p)
    mean_size = dist.mean(log_p, task.size)
    return SequenceEntropies(
        success=float(dist.mean(log_p, task.right)),
        answer_entropy=float(answer_entropy),
        token_mean=float(answer_entropy / mean_size),
        answer_mean=float(dist.mean(log_p, sums / task.size)),
        mean_size=float(mean_size),
        right_entropy=float(dist.entropy(dist.log_softmax(log_p[task.right]))),
    )


def predicted_change(
    task: SequenceTask, theta: ArrayLike, change: ArrayLike
) -> tuple[float, float]:
    """First order of H(p) for a change D of the logits (prefixes, symbols): whole, and per prefix.

        whole       -Cov_p(log p(y), sum_l Dbar(y_<l, y_l)),  Dbar = D less its mean at the prefix
        per prefix  -E_p sum_l Cov(log pi, D)(y_<l), the prefixes visited as now

    Source: prop-sequence-entropy.
    """
    theta = _logits(task, theta)
    change = check_array("change", change, theta.shape)
    refuse("change", change, np.abs(change) > 1e300, "no double holds its effect")
    log_pi = dist.log_softmax(theta)
    log_p = along(task, log_pi)
    whole = -dist.covariance(log_p, log_p, along(task, _centred(log_pi, change)))
    rates = -dist.covariance(log_pi, log_pi, change)
    held = dist.mean(log_p, along(task, np.broadcast_to(rates[:, None], theta.shape)))
    return float(whole), float(held)


def _centred(log_pi: Floats, change: Floats) -> Floats:
    return change - dist.mean(log_pi, change)[:, None]


def draw(
    task: SequenceTask, theta: ArrayLike, count: int, seed: int | SeedSequence | np.random.Generator
) -> Ints:
    """``count`` independent answers, as their numbers in the task; (count,)."""
    rng = seed if isinstance(seed, np.random.Generator) else generator(seed)
    cumulative = np.cumsum(np.exp(log_answers(task, theta)))
    u = rng.random(check_integer("count", count, low=1)) * cumulative[-1]
    return np.searchsorted(cumulative, u, side="right")


# --------------------------------------------------------------------------------- training by GRPO


@result
class SequenceLog:
    """Before every batch, exactly: the fields of `SequenceEntropies`; then what the batch did to
    H(p): realised, first order whole and per prefix (`predicted_change`). Arrays (batches,).

    outside is the share of symbols whose ratio was past its limit, over the batch's updates.
    """

    success: np.ndarray
    answer_entropy: np.ndarray
    token_mean: np.ndarray
    right_entropy: np.ndarray
    mean_size: np.ndarray
    realised: np.ndarray
    whole: np.ndarray
    per_prefix: np.ndarray
    outside: np.ndarray


def train(
    task: SequenceTask,
    theta: ArrayLike,
    *,
    batches: int,
    step: float,
    group: int,
    seed: int | SeedSequence,
    reuse: int = 1,
    limits: tuple[float, float] | None = None,
    bonus: float = 0.0,
    weighting: str = "token",
) -> tuple[np.ndarray, SequenceLog]:
    """GRPO on one prompt: (logits after training, `SequenceLog`).

    A batch is ``group`` sampled answers with rewards R in {0, 1} and the advantages
    (R - mean) / (std + 1e-6) of the group, the same for every symbol of an answer.

    reuse      gradient steps with one batch, through ratios of probabilities
    limits     (low, high) of the clipped ratio: (0.2, 0.2) is PPO's, (0.2, 0.28) DAPO's
               clip-higher; None for no clip
    bonus      times the mean entropy of the visited prefixes, added to the objective
    weighting  of a symbol in the mean: token, 1 / all symbols of the batch (DAPO);
               sequence, 1 / (group |y|) (GRPO); constant, 1 / (group L)

    Source: Shao et al. (2024) for GRPO, Yu et al. (2025) for DAPO.
    """
    logits = _logits(task, theta)
    rng = generator(seed)
    how = _Training(
        step=check_positive("step", step),
        group=check_integer("group", group, low=2),
        reuse=check_integer("reuse", reuse, low=1),
        limits=limits,
        bonus=check_nonnegative("bonus", bonus),
        weighting=check_choice("weighting", weighting, WEIGHTINGS),
    )
    rows = []
    now = evaluate(task, logits)
    for _ in range(check_integer("batches", batches, low=1)):
        moved, outside = _batch(task, logits, rng, how)
        after = evaluate(task, moved)
        whole, held = predicted_change(task, logits, moved - logits)
        rows.append(
            (
                now.success,
                now.answer_entropy,
                now.token_mean,
                now.right_entropy,
                now.mean_size,
                after.answer_entropy - now.answer_entropy,
                whole,
                held,
                outside,
            )
        )
        logits = moved
        now = after
    return logits, SequenceLog(*np.array(rows).T)


class _Training(NamedTuple):
    step: float
    group: int
    reuse: int
    limits: tuple[float, float] | None
    bonus: float
    weighting: str


def _batch(task, theta, rng, how):
    """Logits after the updates with one batch of sampled answers, and the share of symbols past
    their limit."""
    drawn = draw(task, theta, how.group, rng)
    hits = task.right[drawn].astype(float)
    adv = (hits - hits.mean()) / (hits.std() + 1e-6)
    there = task.token[drawn] >= 0
    symbols = _Symbols(
        prefix=task.prefix[drawn][there],
        token=task.token[drawn][there],
        adv=np.repeat(adv, task.size[drawn]),
        weight=_symbol_weights(task, drawn, how.weighting),
    )
    rows, place = np.unique(symbols.prefix, return_inverse=True)
    local = theta[rows]
    outside = []
    old = dist.log_softmax(local)[place, symbols.token]
    for _ in range(how.reuse):
        gradient, past = _gradient(local, place, symbols, old, how)
        local = local + how.step * gradient
        outside.append(past)
    moved = theta.copy()
    moved[rows] = local
    return moved, np.mean(outside)


class _Symbols(NamedTuple):
    """Sampled symbols of a batch, one after another: (M,) each."""

    prefix: np.ndarray
    token: np.ndarray
    adv: np.ndarray
    weight: np.ndarray


def _symbol_weights(task, drawn, weighting):
    size = task.size[drawn]
    each = {
        "token": np.full(len(drawn), 1 / size.sum()),
        "sequence": 1 / (len(drawn) * size),
        "constant": np.full(len(drawn), 1 / (len(drawn) * task.length)),
    }[weighting]
    return np.repeat(each, size)


def _gradient(local, place, symbols, old, how):
    """Gradient of the clipped objective and the bonus in the visited rows; the share clipped."""
    log_pi = dist.log_softmax(local)
    pi = np.exp(log_pi)
    log_ratio = log_pi[place, symbols.token] - old
    pull = symbols.weight * symbols.adv * np.exp(log_ratio)
    past = 0.0
    if how.limits is not None:
        kept = select.within_limits(log_ratio, symbols.adv, *how.limits)
        pull = pull * kept
        past = 1 - kept.mean()
    gradient = np.zeros(local.shape)
    np.add.at(gradient, (place, symbols.token), pull)
    gradient -= np.bincount(place, pull, len(local))[:, None] * pi
    if how.bonus > 0:
        visits = np.bincount(place, symbols.weight, len(local))
        gradient -= how.bonus * visits[:, None] * pi * (log_pi + dist.entropy(log_pi)[:, None])
    return gradient, past
