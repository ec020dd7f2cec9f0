"""Where the entropy of a policy went between two models, token by token.

``entropy_report(old_logits, new_logits, where=mask)`` prints as a table; its fields have a number
for each token. `rlentropy.logits.entropy_change` is the part of it that costs least.

A *token* is a place of the batch, one distribution over actions; an *action* is an entry of the
vocabulary.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlentropy import _report_kernels as kernels
from rlentropy._tensors import Logits, array
from rlentropy._types import Floats
from rlentropy.logits import (
    BLOCK,
    EntropyChange,
    _broadcast,
    _flags,
    _in_threads,
    _reals,
    _scales,
    entropy_change,
)
from rlentropy.results import result
from rlentropy.validation import (
    check_flag,
    check_integer,
    check_nonnegative,
    check_positive,
    refuse,
)

# Largest relative error of a number rounded to the nearest one of its type.
UNITS = {"float16": 2.0**-11, "bfloat16": 2.0**-8, "float32": 2.0**-24, "float64": 2.0**-53}


@result
class Contributions:
    """The actions that carry the covariance, the largest share first; K of them.

    index        (K, axes of the batch + 1): where the token is, then the action
    share        (K,)  -pi(a) (log pi(a) + H) x(a) in nats, pi the old policy, E_pi x = 0: the
                 shares of all actions of a token add up to its first order
    old, new     (K,)  probabilities of the action
    Source: prop-action-contribution.
    """

    index: np.ndarray
    share: np.ndarray
    old: np.ndarray
    new: np.ndarray


@result
class SampledChange:
    """What one sampled action b a token says about the change of entropy; all fields (...), nats.

    With l = log pi + H, pi the old policy and r = new probability of b / old one:

    first_order  -l(b) log r               its mean over b ~ pi is the first order
    shift        -l(b) (r - 1)             its mean is the shift
    exact        shift - (r log r - r + 1) its mean is the exact change
    natural      -l(b) A(b)                rate of a step of natural policy gradient, per unit step
    vanilla      -A(b) (S(b) - E_pi S)     of plain policy gradient; S = pi l
    log_ratio    log r
    surprise     -l(b): -log pi(b) less its mean, the entropy
    clipped      whether the clip range stops the gradient of the token

    mean         {name: (mean over the tokens that count, its standard error)}
    drawn        sum of the surprises in units of their standard error: beyond 5 or so the actions
                 were not drawn from the old policy (a shift by one, another temperature, a mask)

    The means hold for a new policy that does not know these draws: tokens held out of the update.
    On the very tokens that made the update the estimates are biased, by what it fitted to them.
    natural, vanilla are nan without advantages. Standard errors are those of independent draws
    from the old policy, computed from the logits; that of natural and vanilla, whose advantages
    are known at the sampled actions only, is the spread of the tokens over the root of their
    number. Source: prop-sampled-action, thm-exact-identity.
    """

    first_order: np.ndarray
    shift: np.ndarray
    exact: np.ndarray
    natural: np.ndarray
    vanilla: np.ndarray
    log_ratio: np.ndarray
    surprise: np.ndarray
    clipped: np.ndarray
    mean: dict[str, tuple[float, float]]
    drawn: float


@result
class EntropyReport:
    """Where the entropy went; `entropy_report` describes how to get one. Fields are (...), nats.

    change       the `EntropyChange`: entropies, exact, first_order, shift, kl, where
    remainder    no less than abs(exact - first_order). Source: thm-local-remainder
    rounding     no less than the error of ``exact`` that rounding the logits to their type makes
    certified    whether abs(first_order) > remainder + rounding: the sign of the first order is
                 that of the change, also of the change before the logits were rounded
                 (these three are None in a report without bounds)
    top          the `Contributions` that carry the covariance
    sampled      the `SampledChange`, or None without actions
    clip         the clip range (low, high) of the ratio, or None
    actions      how many actions the logits have
    """

    change: EntropyChange
    remainder: np.ndarray | None
    rounding: np.ndarray | None
    certified: np.ndarray | None
    top: Contributions
    sampled: SampledChange | None
    clip: tuple[float, ...] | None
    actions: int

    @property
    def tokens(self) -> int:
        """How many tokens count."""
        return int(np.sum(self.change.where))

    @property
    def total_certified(self) -> bool:
        """Whether the sign of the total first order is that of the total change: it exceeds the
        sum of all bounds."""
        if self.remainder is None or not self.tokens:
            return False
        error = self._mean(self.remainder) + self._mean(self.rounding)
        return bool(abs(self._mean(self.change.first_order)) > error)

    def mean(self) -> dict[str, float]:
        """{name: mean over the tokens that count}, bounds and shares included; nan if none do."""
        found = self.change.mean()
        if self.remainder is not None:
            found["remainder"] = self._mean(self.remainder)
            found["rounding"] = self._mean(self.rounding)
            found["certified"] = self._mean(self.certified)
            found["above_rounding"] = self._mean(np.abs(self.change.exact) > self.rounding)
        if self.sampled is not None and self.clip is not None:
            found["clipped"] = self._mean(self.sampled.clipped)
        return found

    def _mean(self, x: Any) -> float:
        return float(np.sum(x, where=self.change.where) / self.tokens) if self.tokens else np.nan

    def to_dict(self, *, tokens: bool = False) -> dict[str, Any]:
        """Numbers, lists and strings only, for a log: tokens, actions, mean, sum, top, sampled.

        tokens  also the fields of all tokens, as nested lists
        """
        tokens = check_flag("tokens", tokens)
        mean = self.mean()
        kept = ("certified", "above_rounding", "clipped")
        found: dict[str, Any] = {
            "tokens": self.tokens,
            "actions": self.actions,
            "mean": mean,
            "sum": {name: x * self.tokens for name, x in mean.items() if name not in kept},
            "total_certified": self.total_certified,
            "top": [
                {"token": index[:-1], "action": index[-1], "share": s, "old": p, "new": q}
                for index, s, p, q in zip(
                    self.top.index.tolist(),
                    self.top.share.tolist(),
                    self.top.old.tolist(),
                    self.top.new.tolist(),
                    strict=True,
                )
            ],
        }
        if self.sampled is not None:
            found["sampled"] = {
                name: {"mean": m, "standard_error": s} for name, (m, s) in self.sampled.mean.items()
            }
            found["sampled"]["drawn"] = self.sampled.drawn
        if tokens:
            found["by_token"] = {name: x.tolist() for name, x in self.by_token().items()}
        return found

    def by_token(self) -> dict[str, np.ndarray]:
        """{name: field (...)}: all that is known of each token."""
        names = ("old_entropy", "new_entropy", "exact", "first_order", "shift", "kl", "where")
        found = {name: np.asarray(getattr(self.change, name)) for name in names}
        if self.remainder is not None:
            for name in ("remainder", "rounding", "certified"):
                found[name] = np.asarray(getattr(self, name))
        if self.sampled is not None:
            for name in ("log_ratio", "surprise", "clipped"):
                found[f"sampled_{name}"] = np.asarray(getattr(self.sampled, name))
        return found

    def __repr__(self) -> str:
        from rlentropy._report_page import table

        return table(self)

    def figure(self) -> Any:
        """First order against exact change of the tokens, and the largest shares of actions.

        A figure of pyplot: a notebook shows it, a script saves it and closes it.
        """
        from rlentropy._report_page import figure

        return figure(self)

    def to_html(self, *, title: str = "Entropy report") -> str:
        """A page of its own: the table and the figure, light and dark, nothing to be loaded."""
        from rlentropy._report_page import page

        if not isinstance(title, str):
            raise ValueError(f"title: {type(title).__name__}, expected text")
        return page(self, title)


def entropy_report(
    old_logits: Any,
    new_logits: Any,
    actions: Any = None,
    advantages: Any = None,
    where: Any = None,
    temperature: Any = 1.0,
    *,
    clip: float | tuple[float, float] | None = None,
    top: int = 20,
    unit: float | None = None,
    bounds: bool = True,
    jobs: int = -1,
) -> EntropyReport:
    """What happened to the entropy of each token, why, and how sure that is.

    old_logits   (..., n), as `entropy_change` takes them: bfloat16, float16, float32, float64 of
    new_logits   NumPy, torch, JAX and others, read in blocks where they lie
    actions      (...)  the actions drawn from the old policy, for what a run's log can estimate;
                 anything where the token does not count, such as -100
    advantages   (...)  or what broadcasts to it: the advantage of each of these actions
    where        (...)  which tokens count (an attention mask); all others are nan
    temperature  T > 0: both policies are softmax(logits / T)
    clip         (low, high) or one number: PPO keeps the ratio in [1 - low, 1 + high]
    top          how many actions to list that carry the covariance
    unit         relative rounding error of the logits; that of their type unless given, as for
                 bfloat16 logits that were cast to float32 (2**-8)
    bounds       False leaves out remainder, rounding and certified, for half of the time
    jobs         threads; -1 is one for each processor. Their number changes no bit

    Returns an `EntropyReport`, which prints as a table. Masked actions are treated as by
    `entropy_change`: one that is masked in one model alone has no bound, and none of its token's
    actions is listed where the first order is nan.

    Raises ValueError, naming argument, index and value, for what `entropy_change` refuses, for
    actions that are no whole numbers in {0, ..., n - 1} or that the old policy cannot take, for
    advantages that are not finite, and for advantages or a clip range without actions.
    """
    change = entropy_change(old_logits, new_logits, where=where, temperature=temperature, jobs=jobs)
    old = Logits("old_logits", old_logits)
    new = Logits("new_logits", new_logits)
    keep = _flags(where, old.batch)
    scales = _scales(temperature, old.batch, keep)
    chosen = _actions(actions, old, keep)
    advantages = _advantages(advantages, old, keep, actions)
    limits = _clip(clip, actions)
    top = check_integer("top", top)
    bounds = check_flag("bounds", bounds)
    unit = UNITS.get(unit, unit) if isinstance(unit, str) else unit
    units = [UNITS[x.kind] if unit is None else check_positive("unit", unit) for x in (old, new)]

    known = np.empty((old.rows, kernels.KNOWN))
    fields = [change.first_order, change.shift, change.exact, change.old_entropy]
    changes = np.column_stack([np.ravel(x) for x in (*fields, change.new_entropy)])
    none = np.full(old.rows, -1)
    step = max(1, BLOCK // old.n)

    def work(start: int) -> list[tuple[Any, ...]]:
        """Fills a block of rows of ``known``; its largest shares and where they are."""
        part = slice(start, min(start + step, old.rows))
        best = np.zeros(top)
        where = np.zeros((top, 2), np.int64)
        kernels.tokens(
            old.block(part.start, part.stop),
            old.form,
            new.block(part.start, part.stop),
            new.form,
            scales[part],
            keep[part],
            changes[part],
            tuple(units) if bounds else (0.0, 0.0),
            none[part] if chosen is None else chosen[part],
            start,
            known[part],
            best,
            where,
        )
        return [(-abs(s), *place, s) for s, place in zip(best, where.tolist(), strict=True) if s]

    parts = _in_threads(work, range(0, old.rows, step), jobs)
    found = [entry for part in parts for entry in part]

    def shaped(x: NDArray[Any]) -> Any:
        return np.asarray(x).reshape(old.batch)[()]

    remainder, rounding = (shaped(known[:, i].copy()) for i in (kernels.BOUND, kernels.ROUNDING))
    certified = np.abs(change.first_order) > remainder + rounding
    return EntropyReport(
        change=change,
        remainder=remainder if bounds else None,
        rounding=rounding if bounds else None,
        certified=certified if bounds else None,
        top=_contributions(sorted(found)[:top], old, new, scales, known),
        sampled=None
        if chosen is None
        else _sampled(change, known, keep, advantages, limits, shaped),
        clip=limits,
        actions=old.n,
    )


# ------------------------------------------------------------------------------------- arguments


def _actions(actions: Any, old: Logits, keep: NDArray[Any]) -> NDArray[Any] | None:
    """The sampled action of each row, 0 at rows that do not count; None if there are none."""
    if actions is None:
        return None
    if isinstance(actions, (list, tuple, int)):
        try:
            actions = np.asarray(actions)  # of whole numbers, where `array` would make floats
        except (ValueError, OverflowError):
            raise ValueError("actions: not an array of whole numbers") from None
    actions = array("actions", actions)
    if actions.shape != tuple(old.batch):
        raise ValueError(f"actions: shape {actions.shape}, expected {tuple(old.batch)}")
    if actions.dtype.kind not in "iu":
        if actions.size:
            raise ValueError(f"actions: entries of type {actions.dtype}, expected whole numbers")
        actions = actions.astype(int)
    counts = keep.reshape(old.batch)
    wrong = counts & ((actions < 0) | (actions >= old.n))
    refuse("actions", actions, wrong, f"must lie in {{0, ..., {old.n - 1}}}")
    return np.where(counts, actions, 0).astype(np.int64).reshape(-1)


def _advantages(advantages: Any, old: Logits, keep: NDArray[Any], actions: Any) -> Floats:
    """The advantage of each row; nan if there are none."""
    if advantages is None:
        return np.full(old.rows, np.nan)
    if actions is None:
        raise ValueError("advantages: given without actions")
    x = _reals("advantages", _broadcast("advantages", advantages, old.batch))
    counts = keep.reshape(old.batch)
    refuse("advantages", x, counts & ~(np.abs(x) < 1e150), "not a number below 1e150")
    return np.where(counts, x, np.nan).reshape(-1)


def _clip(clip: Any, actions: Any) -> tuple[float, ...] | None:
    """(low, high) as numbers >= 0."""
    if clip is None:
        return None
    if actions is None:
        raise ValueError("clip: given without actions")
    if not isinstance(clip, (list, tuple)) and np.ndim(clip) == 0:
        clip = (clip, clip)
    if len(clip) != 2:
        raise ValueError(f"clip = {clip!r}: expected a number or a pair (low, high)")
    return tuple(check_nonnegative("clip", x) for x in clip)


# ----------------------------------------------------------------------------------------- results


def _contributions(
    found: list[tuple[Any, ...]],
    old: Logits,
    new: Logits,
    scales: Floats,
    known: Floats,
) -> Contributions:
    """The actions of (order, row, action, share), with their probabilities."""
    rows = np.array([row for _, row, _, _ in found], dtype=int)
    actions = np.array([action for _, _, action, _ in found], dtype=int)
    axes = np.unravel_index(rows, old.batch) if old.batch else ()
    return Contributions(
        index=np.array([*axes, actions], dtype=int).T.copy(),
        share=np.array([share for *_, share in found], dtype=float),
        old=_probabilities(old, rows, actions, scales, known[:, kernels.OLD_Z]),
        new=_probabilities(new, rows, actions, scales, known[:, kernels.NEW_Z]),
    )


def _probabilities(
    logits: Logits, rows: NDArray[Any], actions: NDArray[Any], scales: Floats, log_Z: Floats
) -> Floats:
    """softmax(logits / T) at a few places."""
    found = np.empty(len(rows))
    for i, (row, action) in enumerate(zip(rows, actions, strict=True)):
        z = logits.row(row)
        found[i] = np.exp((z[action] - z.max()) * scales[row] - log_Z[row])
    return found


def _sampled(
    change: EntropyChange,
    known: Floats,
    keep: NDArray[Any],
    advantages: Floats,
    clip: tuple[float, ...] | None,
    shaped: Callable[[NDArray[Any]], Any],
) -> SampledChange:
    """`SampledChange` from the log-probabilities of the sampled actions."""
    entropy = np.where(keep, np.ravel(change.old_entropy), np.nan)
    log_p = known[:, kernels.OLD_B]
    impossible = keep & (log_p == -np.inf)
    refuse(
        "old_logits, probability of actions",
        shaped(np.exp(log_p)),
        shaped(impossible),
        "the old policy cannot have drawn this action",
    )
    excess = log_p + entropy
    log_ratio = known[:, kernels.NEW_B] - log_p
    growth = np.expm1(log_ratio)
    with np.errstate(invalid="ignore"):
        values = {
            "first_order": -excess * log_ratio,
            "shift": -excess * growth,
            "exact": -excess * growth - _toll(log_ratio, growth),
            "natural": -excess * advantages,
            "vanilla": -advantages * (np.exp(log_p) * excess - known[:, kernels.MEAN_SHARE]),
        }
    count = int(keep.sum())
    variances = dict.fromkeys(("natural", "vanilla"))
    variances |= {
        "first_order": kernels.VAR_FIRST,
        "shift": kernels.VAR_SHIFT,
        "exact": kernels.VAR_EXACT,
    }
    mean = {
        name: (
            float(np.sum(x, where=keep) / count) if count else np.nan,
            _standard_error(
                x[keep], None if variances[name] is None else known[keep, variances[name]]
            ),
        )
        for name, x in values.items()
        if variances[name] is not None or not np.isnan(advantages[keep]).any()
    }
    spread = float(np.sqrt(np.sum(known[keep, kernels.VARENTROPY])))
    surprise = -excess
    return SampledChange(
        **{name: shaped(x) for name, x in values.items()},
        log_ratio=shaped(log_ratio),
        surprise=shaped(surprise),
        clipped=np.asarray(shaped(_clipped(log_ratio, advantages, clip) & keep)),
        mean=mean,
        drawn=float(np.sum(surprise, where=keep)) / spread if spread > 0 else np.nan,
    )


def _standard_error(x: Floats, variances: Floats | None) -> float:
    """Of the mean of independent draws: from their variances, else from their spread."""
    if variances is not None:
        return float(np.sqrt(np.sum(variances))) / len(x) if len(x) else np.nan
    return float(np.std(x, ddof=1) / np.sqrt(len(x))) if len(x) > 1 else np.nan


def _toll(log_ratio: Floats, growth: Floats) -> Floats:
    """r log r - r + 1 from log r and r - 1; its mean is the divergence."""
    return np.where(growth > -1, (growth + 1) * log_ratio, 0.0) - growth


def _clipped(log_ratio: Floats, advantages: Floats, clip: tuple[float, ...] | None) -> NDArray[Any]:
    """Where PPO's minimum has no gradient; without advantages, where the ratio is out of range."""
    if clip is None:
        return np.zeros(len(log_ratio), bool)
    low, high = clip
    above = log_ratio > np.log1p(high)
    below = log_ratio < (np.log1p(-low) if low < 1 else -np.inf)
    unknown = np.isnan(advantages)
    return np.where(unknown, above | below, (above & (advantages > 0)) | (below & (advantages < 0)))
