"""Compiled sweeps of `rlentropy.report` over a row, in the manner of `rlentropy._logits_kernels`:
sums in lanes of a written order, so the bits are the same on every processor.

Notation: a = (old - max old) / T, b = (new - max new) / T; log p = a - log Z is the old policy and
log q = b - log Z' the new one; x = (new - old) / T up to a constant; l = log p + H.
An action far below the likeliest of both models is dead, and as if absent.
"""

import numpy as np

from rlentropy._compile import kernel
from rlentropy._logits_kernels import (
    LANES,
    NEGLIGIBLE,
    difference,
    exp,
    exp_parts,
    extremes,
    place,
    total,
    widened,
)
from rlentropy._portable_kernels import log, log1p

# What is known of a token, a column each: the two bounds, log Z and log Z', then what a sampled
# action needs.
BOUND, ROUNDING, OLD_Z, NEW_Z = range(4)
VARENTROPY, VAR_FIRST, VAR_SHIFT, VAR_EXACT, MEAN_SHARE, OLD_B, NEW_B = range(4, 11)
KNOWN = 11

# f(u) = -u log u is largest at 1/e, and 1/e there.
LARGEST_LOSS = 1 / np.e
# No exponent above: its exponential is no use as a bound, and must not be infinite.
LARGEST = 700.0

# What `weights` returns.
(
    OTHERS,
    TIES,
    NEW_OTHERS,
    NEW_TIES,
    OF_X,
    NEW_X,
    SIZE,
    NEW_SIZE,
    ODD,
    ALIVE,
    OLD_ALIVE,
    NEW_ALIVE,
) = range(12)


@kernel(error_model="numpy")
def weights(old, old_form, new, new_form, frame):
    """Sums that belong to Z, Z' and means under both policies, and counts of actions."""
    n = len(old)
    scale = frame[4]
    lanes = np.zeros((12, LANES))
    for start in range(0, n, LANES):
        count = min(LANES, n - start)
        o_run = old[start : start + count]
        w_run = new[start : start + count]
        for j in range(count):
            o = widened(o_run[j], old_form)
            w = widened(w_run[j], new_form)
            a, b, x = place(o, w, frame)
            p = exp(a)
            q = exp(b)
            lanes[OTHERS, j] += p if a < 0.0 else 0.0
            lanes[TIES, j] += 1.0 if a == 0.0 else 0.0
            lanes[NEW_OTHERS, j] += q if b < 0.0 else 0.0
            lanes[NEW_TIES, j] += 1.0 if b == 0.0 else 0.0
            lanes[OF_X, j] += p * x if p > 0.0 else 0.0
            lanes[NEW_X, j] += q * x if q > 0.0 else 0.0
            lanes[SIZE, j] += p * abs(o) * scale if p > 0.0 else 0.0
            lanes[NEW_SIZE, j] += q * abs(w) * scale if q > 0.0 else 0.0
            lanes[ODD, j] += 1.0 if a == -np.inf or b == -np.inf else 0.0
            lanes[ALIVE, j] += 1.0 if a >= NEGLIGIBLE or b >= NEGLIGIBLE else 0.0
            lanes[OLD_ALIVE, j] += 1.0 if a >= NEGLIGIBLE else 0.0
            lanes[NEW_ALIVE, j] += 1.0 if b >= NEGLIGIBLE else 0.0
    found = np.empty(12)
    for i in range(12):
        found[i] = total(lanes[i], n)
    return found


@kernel
def bounded(spread, most, above, actions):
    """max{(1 - log 2 + h) V, sum of (|x| + m)^2 f(q)} / 2 with h = min(log n, sum of f(q))."""
    return max((1.0 - log(2.0) + min(log(actions), most)) * spread, above) / 2.0


@kernel(error_model="numpy")
def remainder(old, old_form, new, new_form, frame, log_Z, mean_x, moved, actions):
    """The bound of thm-local-remainder on abs(entropy change - first order)."""
    n = len(old)
    lanes = np.zeros((4, LANES))
    for start in range(0, n, LANES):
        count = min(LANES, n - start)
        o_run = old[start : start + count]
        w_run = new[start : start + count]
        for j in range(count):
            a, b, x = place(widened(o_run[j], old_form), widened(w_run[j], new_form), frame)
            alive = a >= NEGLIGIBLE or b >= NEGLIGIBLE
            size = x - mean_x if alive else 0.0
            log_q = a - log_Z + (size if size > 0.0 else 0.0)
            log_q = log_q if alive and log_q > 2 * NEGLIGIBLE else 2 * NEGLIGIBLE
            log_q = log_q if log_q < LARGEST else LARGEST
            q = exp(log_q)
            loss = -log_q * q if log_q < -1.0 else LARGEST_LOSS
            size = abs(size)
            lanes[0, j] += q * size * size
            lanes[1, j] += loss
            lanes[2, j] += size * loss
            lanes[3, j] += size * size * loss
    spread = total(lanes[0], n)
    most = total(lanes[1], n)
    above = total(lanes[3], n) + moved * (2.0 * total(lanes[2], n) + moved * most)
    return bounded(spread, most, above, actions)


@kernel(error_model="numpy")
def rounding(values, form, top, scale, log_Z, entropy, unit, mean_size, actions):
    """The bound of thm-local-remainder, rounding, for one model."""
    n = len(values)
    lanes = np.zeros((6, LANES))
    for start in range(0, n, LANES):
        count = min(LANES, n - start)
        run = values[start : start + count]
        for j in range(count):
            z = widened(run[j], form)
            a = (z - top) * scale
            alive = a >= NEGLIGIBLE
            log_p = (a if alive else 2 * NEGLIGIBLE) - log_Z
            p = exp(log_p)
            size = unit * abs(z) * scale if alive else 0.0
            y = size + unit * mean_size if alive else 0.0
            log_q = log_p + y
            log_q = log_q if log_q < LARGEST else LARGEST
            q = exp(log_q)
            loss = -log_q * q if log_q < -1.0 else LARGEST_LOSS
            lanes[0, j] += q * y * y
            lanes[1, j] += loss
            lanes[2, j] += y * loss
            lanes[3, j] += y * y * loss
            lanes[4, j] += q * y
            lanes[5, j] += p * abs(log_p + entropy) * size
    most = total(lanes[1], n)
    moved = total(lanes[4], n)
    above = total(lanes[3], n) + moved * (2.0 * total(lanes[2], n) + moved * most)
    return total(lanes[5], n) + bounded(total(lanes[0], n), most, above, actions)


@kernel(error_model="numpy")
def draws(old, old_form, new, new_form, frame, log_Zs, entropy, means, out):
    """Moments of what one action drawn from the old policy says, about the given means."""
    n = len(old)
    log_Z, log_new_Z = log_Zs
    first, shift, exact = means
    lanes = np.zeros((5, LANES))
    for start in range(0, n, LANES):
        count = min(LANES, n - start)
        o_run = old[start : start + count]
        w_run = new[start : start + count]
        for j in range(count):
            a, b, _ = place(widened(o_run[j], old_form), widened(w_run[j], new_form), frame)
            log_p = a - log_Z
            p = exp(log_p)
            excess = log_p + entropy if p > 0.0 else 0.0
            ratio = (b - log_new_Z) - log_p if p > 0.0 else 0.0
            inside = ratio if ratio > NEGLIGIBLE else NEGLIGIBLE
            inside = inside if inside < LARGEST else LARGEST
            power, r, q = exp_parts(inside)
            growth = (power - 1.0) + power * (r + r * r * q)
            toll = ((growth + 1.0) * ratio if ratio > NEGLIGIBLE else 0.0) - growth
            e_first = -excess * ratio - first
            e_shift = -excess * growth - shift
            e_exact = -excess * growth - toll - exact
            lanes[0, j] += p * excess * excess
            lanes[1, j] += p * e_first * e_first if p > 0.0 else 0.0
            lanes[2, j] += p * e_shift * e_shift if p > 0.0 else 0.0
            lanes[3, j] += p * e_exact * e_exact if p > 0.0 else 0.0
            lanes[4, j] += p * p * excess
    for i in range(5):
        out[VARENTROPY + i] = total(lanes[i], n)


@kernel(error_model="numpy")
def pick(old, old_form, new, new_form, frame, log_Z, mean_x, entropy, row, best, where):
    """Puts the largest shares of a row among the ``best`` so far, whose absolute values fall."""
    n = len(old)
    kept = len(best)
    shares = np.empty(LANES)
    for start in range(0, n, LANES):
        count = min(LANES, n - start)
        o_run = old[start : start + count]
        w_run = new[start : start + count]
        least = abs(best[kept - 1])
        larger = 0
        for j in range(count):
            a, _, x = place(widened(o_run[j], old_form), widened(w_run[j], new_form), frame)
            log_p = a - log_Z
            p = exp(log_p)
            share = -p * (log_p + entropy) * (x - mean_x) if p > 0.0 else 0.0
            shares[j] = share
            larger += 1 if abs(share) > least else 0
        if larger == 0:
            continue
        for j in range(count):
            share = shares[j]
            if abs(share) > abs(best[kept - 1]):  # the first place keeps its own at a tie
                i = kept - 1
                while i > 0 and abs(best[i - 1]) < abs(share):
                    best[i] = best[i - 1]
                    where[i] = where[i - 1]
                    i -= 1
                best[i] = share
                where[i, 0] = row
                where[i, 1] = start + j


@kernel(error_model="numpy")
def token(old, old_form, new, new_form, scale, change, units, action, row, known, best, where):
    """All that is known of one row.

    change  (first order, shift, exact, old entropy, new entropy)
    units   relative rounding errors; no bounds if they are 0
    action  the sampled one; none if negative
    """
    top_old, top_new, there, _ = extremes(old, old_form, new, new_form)
    high, low = difference(top_old, there)
    frame = (top_old, top_new, high, low, scale)
    first, shift, exact, entropy, new_entropy = change
    found = weights(old, old_form, new, new_form, frame)
    Z = found[OTHERS] + found[TIES]
    new_Z = found[NEW_OTHERS] + found[NEW_TIES]
    log_Z = log1p(found[OTHERS] + (found[TIES] - 1.0))
    log_new_Z = log1p(found[NEW_OTHERS] + (found[NEW_TIES] - 1.0))
    known[OLD_Z] = log_Z
    known[NEW_Z] = log_new_Z
    mean_x = found[OF_X] / Z
    if abs(first) < np.inf and len(best):
        pick(old, old_form, new, new_form, frame, log_Z, mean_x, entropy, row, best, where)
    if units[0] > 0.0:
        known[BOUND] = np.inf
        if found[ODD] == 0.0:
            moved = max(found[NEW_X] / new_Z - mean_x, 0.0)
            known[BOUND] = remainder(
                old, old_form, new, new_form, frame, log_Z, mean_x, moved, found[ALIVE]
            )
        known[ROUNDING] = rounding(
            old,
            old_form,
            top_old,
            scale,
            log_Z,
            entropy,
            units[0],
            found[SIZE] / Z,
            found[OLD_ALIVE],
        ) + rounding(
            new,
            new_form,
            top_new,
            scale,
            log_new_Z,
            new_entropy,
            units[1],
            found[NEW_SIZE] / new_Z,
            found[NEW_ALIVE],
        )
    if action >= 0:
        log_Zs = (log_Z, log_new_Z)
        means = (first, shift, exact)
        draws(old, old_form, new, new_form, frame, log_Zs, entropy, means, known)
        a = (widened(old[action], old_form) - top_old) * scale
        b = (widened(new[action], new_form) - top_new) * scale
        dead = a < NEGLIGIBLE and b < NEGLIGIBLE
        known[OLD_B] = -np.inf if dead else a - log_Z
        known[NEW_B] = -np.inf if dead else b - log_new_Z


@kernel(error_model="numpy")
def tokens(
    old, old_form, new, new_form, scales, keep, changes, units, actions, start, known, best, where
):
    """`token` of every row that counts; known (rows, KNOWN) is nan at the others."""
    for i in range(len(old)):
        known[i] = np.nan
        if keep[i]:
            c = changes[i]
            token(
                old[i],
                old_form,
                new[i],
                new_form,
                scales[i],
                (c[0], c[1], c[2], c[3], c[4]),
                units,
                actions[i],
                start + i,
                known[i],
                best,
                where,
            )
