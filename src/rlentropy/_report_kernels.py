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
    Pair,
    cut,
    difference,
    entry,
    exp,
    exp_parts,
    extremes,
    place,
    totals,
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
OTHERS, TIES, NEW_OTHERS, NEW_TIES, OF_X, NEW_X, SIZE, NEW_SIZE = range(8)
ODD, ALIVE, OLD_ALIVE, NEW_ALIVE = range(8, 12)


@kernel(error_model="numpy")
def weights(pair, frame):
    """Sums that belong to Z, Z' and means under both policies, and counts of actions."""
    n = len(pair.old)
    scale = frame[4]
    lanes = np.zeros((12, LANES))
    for start in range(0, n, LANES):
        run = cut(pair, start)
        for j in range(len(run.old)):
            o, w = entry(run, j)
            a, b, x = place((o, w), frame)
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
    return totals(lanes, n)


@kernel
def add_losses(lanes, j, log_q, y):
    """Adds q y^2, f(q), y f(q) and y^2 f(q) to the first four lanes, q = e^log_q; returns q.
    f(q) = -q log q below 1/e, and 1/e from there on."""
    log_q = log_q if log_q < LARGEST else LARGEST
    q = exp(log_q)
    loss = -log_q * q if log_q < -1.0 else LARGEST_LOSS
    lanes[0, j] += q * y * y
    lanes[1, j] += loss
    lanes[2, j] += y * loss
    lanes[3, j] += y * y * loss
    return q


@kernel
def bounded(found, moved, actions):
    """max{(1 - log 2 + h) V, sum of (|x| + m)^2 f(q)} / 2 with h = min(log n, sum of f(q)), from
    the sums that `add_losses` says.
    """
    spread, most = found[0], found[1]
    above = found[3] + moved * (2.0 * found[2] + moved * most)
    return max((1.0 - log(2.0) + min(log(actions), most)) * spread, above) / 2.0


@kernel(error_model="numpy")
def remainder(pair, frame, log_Z, mean_x, moved, actions):
    """The bound of thm-local-remainder on abs(entropy change - first order)."""
    n = len(pair.old)
    lanes = np.zeros((4, LANES))
    for start in range(0, n, LANES):
        run = cut(pair, start)
        for j in range(len(run.old)):
            a, b, x = place(entry(run, j), frame)
            alive = a >= NEGLIGIBLE or b >= NEGLIGIBLE
            size = x - mean_x if alive else 0.0
            log_q = a - log_Z + (size if size > 0.0 else 0.0)
            log_q = log_q if alive and log_q > 2 * NEGLIGIBLE else 2 * NEGLIGIBLE
            add_losses(lanes, j, log_q, abs(size))
    return bounded(totals(lanes, n), moved, actions)


@kernel(error_model="numpy")
def rounding(values, form, policy, unit, mean_size, actions):
    """The bound of thm-local-remainder, rounding, for one model; ``policy`` is (largest logit,
    1 / temperature, log Z, entropy)."""
    n = len(values)
    top, scale, log_Z, entropy = policy
    lanes = np.zeros((6, LANES))
    for start in range(0, n, LANES):
        run = values[start : start + LANES]
        for j in range(len(run)):
            z = widened(run[j], form)
            a = (z - top) * scale
            alive = a >= NEGLIGIBLE
            log_p = (a if alive else 2 * NEGLIGIBLE) - log_Z
            p = exp(log_p)
            size = unit * abs(z) * scale if alive else 0.0
            y = size + unit * mean_size if alive else 0.0
            lanes[4, j] += add_losses(lanes, j, log_p + y, y) * y
            lanes[5, j] += p * abs(log_p + entropy) * size
    found = totals(lanes, n)
    return found[5] + bounded(found, found[4], actions)


@kernel(error_model="numpy")
def draws(pair, frame, log_Zs, entropy, means, out):
    """Moments of what one action drawn from the old policy says, about the given means."""
    n = len(pair.old)
    log_Z, log_new_Z = log_Zs
    first, shift, exact = means
    lanes = np.zeros((5, LANES))
    for start in range(0, n, LANES):
        run = cut(pair, start)
        for j in range(len(run.old)):
            a, b, _ = place(entry(run, j), frame)
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
    out[VARENTROPY:OLD_B] = totals(lanes, n)


@kernel(error_model="numpy")
def pick(pair, frame, log_Z, mean_x, entropy, row, best, where):
    """Puts the largest shares of a row among the ``best`` so far, whose absolute values fall."""
    n = len(pair.old)
    kept = len(best)
    shares = np.empty(LANES)
    for start in range(0, n, LANES):
        run = cut(pair, start)
        least = abs(best[kept - 1])
        larger = 0
        for j in range(len(run.old)):
            a, _, x = place(entry(run, j), frame)
            log_p = a - log_Z
            p = exp(log_p)
            share = -p * (log_p + entropy) * (x - mean_x) if p > 0.0 else 0.0
            shares[j] = share
            larger += 1 if abs(share) > least else 0
        if larger == 0:
            continue
        for j in range(len(run.old)):
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
def token(pair, scale, change, units, action, row, known, best, where):
    """All that is known of one row.

    change  (first order, shift, exact, old entropy, new entropy)
    units   relative rounding errors; no bounds if they are 0
    action  the sampled one; none if negative
    """
    top_old, top_new, there, _ = extremes(pair)
    high, low = difference(top_old, there)
    frame = (top_old, top_new, high, low, scale)
    first, shift, exact, entropy, new_entropy = change
    found = weights(pair, frame)
    Z = found[OTHERS] + found[TIES]
    new_Z = found[NEW_OTHERS] + found[NEW_TIES]
    log_Z = log1p(found[OTHERS] + (found[TIES] - 1.0))
    log_new_Z = log1p(found[NEW_OTHERS] + (found[NEW_TIES] - 1.0))
    known[OLD_Z] = log_Z
    known[NEW_Z] = log_new_Z
    mean_x = found[OF_X] / Z
    if abs(first) < np.inf and len(best):
        pick(pair, frame, log_Z, mean_x, entropy, row, best, where)
    if units[0] > 0.0:
        known[BOUND] = np.inf
        if found[ODD] == 0.0:
            moved = max(found[NEW_X] / new_Z - mean_x, 0.0)
            known[BOUND] = remainder(pair, frame, log_Z, mean_x, moved, found[ALIVE])
        old_policy = (top_old, scale, log_Z, entropy)
        new_policy = (top_new, scale, log_new_Z, new_entropy)
        known[ROUNDING] = rounding(
            pair.old, pair.old_form, old_policy, units[0], found[SIZE] / Z, found[OLD_ALIVE]
        ) + rounding(
            pair.new, pair.new_form, new_policy, units[1], found[NEW_SIZE] / new_Z, found[NEW_ALIVE]
        )
    if action >= 0:
        log_Zs = (log_Z, log_new_Z)
        means = (first, shift, exact)
        draws(pair, frame, log_Zs, entropy, means, known)
        o, w = entry(pair, action)
        a = (o - top_old) * scale
        b = (w - top_new) * scale
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
            change = (c[0], c[1], c[2], c[3], c[4])
            pair = Pair(old[i], old_form, new[i], new_form)
            token(pair, scales[i], change, units, actions[i], start + i, known[i], best, where)
