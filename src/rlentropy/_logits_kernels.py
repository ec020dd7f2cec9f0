"""Compiled sweeps of `rlentropy.logits` over a row: the logits of two models at one place.

A sweep takes LANES neighbouring entries at a time. Lane j adds up the entries j, j + LANES, ...;
at the end the lanes are added in pairs. So the order of every sum is written in the program, and
the compiler may work on 2, 4 or 8 lanes at once: the bits are the same on every processor, and
long sums keep their digits. The loops are plain, and free of jumps and calls once compiled.

Notation: M = max old, a = (old - M) / T, b = (new - max new) / T, so p = e^a / Z is the old policy;
s = a - mean of a = log p + h, the surprise; x = (new - old) / T less its value at the likeliest
old action; z = x - mean of x; y = x - c; f = e^a e^y, which is proportional to the new policy;
d = f - e^a.

The sweeps of a row:

    extremes     the likeliest actions, and entries that are no logits
    means        means of a and x under the old policy
    sums         everything else, about these means

`sums` needs no exact means: it measures how far they are off, and `results` corrects for it. With
weights from one run in STRIDE, taken STRIDE times, of which Z' is the sum, the rough mean of any x
is off by at most sqrt(STRIDE Z / Z') standard deviations (Cauchy and Schwarz), so no more than two
digits are lost if Z' > Z / 16, which is checked.

A row is near if |x| <= NEAR throughout: nothing is infinite, e^y is taken as it is, and the
compiler drops the conditions that say ``near or``. Any other row (a mask in one model, a favourite
that fell) is far: f comes from b, and c is moved until the mean of e^y is 1.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import types
from numba.extending import overload

from rlentropy._compile import kernel
from rlentropy._portable_kernels import log, log1p

LANES = 128
# One run in so many is enough for a rough mean of a long row.
STRIDE = 8

# What a row can be: fine, left out, or refused.
FINE, LEFT_OUT, NO_LOGITS, ALL_MASKED = range(4)

# The fields of a row of results.
FIRST, SECOND, EXACT, SHIFT, KL, OLD_ENTROPY, NEW_ENTROPY = range(7)

# Formats of 16 bits: places of the number's exponent and fraction below those of a double, the
# factor that mends the exponent, the bits of infinity. FULL: the entries are floats as they are.
HALF = (42, 2.0**1008, 0x7C00)
BRAIN = (45, 2.0**896, 0x7F80)
FULL = (0, 1.0, 0)

# A finite entry below -HUGE is a mask like -inf; one above is refused. Squares stay finite.
HUGE = 1e150
# A row whose largest entry is no larger than this holds masks alone, and so does a row in format
# HALF whose largest entry is the least of that format.
ALL_MASKS = -1e30
LEAST_HALF = -65504.0
# An action this far (in nats) below the likeliest of both models has probability 0 in both.
NEGLIGIBLE = -700.0
# Where |x| stays below in a whole row, e^y is neither large nor small.
NEAR = 16.0
# An old favourite that is further behind in the new model has fallen: the log ratios of the others
# would drown if they counted from it, so they are b - a.
FALLEN = 32.0


class Pair(NamedTuple):
    """A row of both models, or a part of it, each with its format."""

    old: Any
    old_form: Any
    new: Any
    new_form: Any


# ------------------------------------------------------------------------------------- numbers


def widened(x, form):
    """An entry as a double: a float, or the 16 bits of one in the given format."""
    raise NotImplementedError("compiled code only")


@overload(widened)
def _widened(x, form):
    if x == types.uint16:

        def sixteen_bits(x, form):
            places, factor, infinity = form
            size = np.int64(x & 0x7FFF)
            bits = size << places
            if size >= infinity:
                bits |= 0x7FF << 52
            y = np.int64(bits).view(np.float64) * factor
            return -y if x > 0x7FFF else y

        return sixteen_bits

    def as_it_is(x, form):
        y = np.float64(x)
        return -np.inf if y < -HUGE else y

    return as_it_is


LOG2_E = 1.4426950408889634
# log 2 in two parts: the first has 42 bits, so its multiples by whole numbers up to 2^11 are exact
LOG_2 = (float.fromhex("0x1.62e42fefa3800p-1"), float.fromhex("0x1.ef35793c76730p-45"))
ROUNDER = 1.5 * 2.0**52
ONE = 1023 << 52
# (e^r - 1 - r) / r^2 = C0 + C1 r + ... for |r| <= log(2) / 2, interpolated at Chebyshev's points;
# r^2 times its error is below 2e-17
C0, C1, C2, C3, C4, C5, C6, C7, C8, C9 = map(
    float.fromhex,
    """0x1.0000000000001p-1 0x1.5555555555556p-3 0x1.5555555553d63p-5 0x1.11111111109b3p-7
    0x1.6c16c1788bd90p-10 0x1.a01a01a7c41d5p-13 0x1.a019b90d2ae7ap-16 0x1.71de0dae63bb3p-19
    0x1.289185613a3d6p-22 0x1.af38a9b0ec855p-26""".split(),
)


@kernel
def exp_parts(x):
    """(2^k, r, q) with e^x = 2^k (1 + r + r^2 q) and r = x - k log 2, |r| <= log(2) / 2.

    For -700 <= x <= 709. r is x itself if and only if k is 0.
    """
    shifted = x * LOG2_E + ROUNDER
    k = shifted - ROUNDER
    r = (x - k * LOG_2[0]) - k * LOG_2[1]
    power = np.int64((np.float64(shifted).view(np.int64) << 52) + ONE).view(np.float64)
    r2 = r * r
    r4 = r2 * r2
    low = (C0 + r * C1) + r2 * (C2 + r * C3)
    high = (C4 + r * C5) + r2 * (C6 + r * C7)
    return power, r, low + r4 * (high + r4 * (C8 + r * C9))


@kernel
def exp(x):
    """e^x for x <= 709, with 0 for x < NEGLIGIBLE: nothing here is subnormal, which is slow."""
    power, r, q = exp_parts(x if x > NEGLIGIBLE else NEGLIGIBLE)
    y = power + power * (r + r * r * q)
    return y if x >= NEGLIGIBLE else 0.0


@kernel
def excess(g):
    """(1 + g) log(1 + g) - g = g^2 / 2 - g^3 / 6 + g^4 / 12 - ..., accurate near 0."""
    if abs(g) > 1 / 64:
        return (1.0 + g) * log1p(g) - g
    series = 0.0
    for k in range(10, 1, -1):
        series = 1.0 / (k * (k - 1)) - g * series
    return g * g * series


@kernel
def total(lanes, n):
    """The sum of the lanes, in pairs; all but the first n are 0."""
    half = LANES // 2
    while half >= n:
        half //= 2
    while half:
        for j in range(half):
            lanes[j] += lanes[j + half]
        half //= 2
    return lanes[0]


@kernel
def totals(lanes, n):
    """`total` of each row of lanes."""
    found = np.empty(len(lanes))
    for i in range(len(lanes)):
        found[i] = total(lanes[i], n)
    return found


@kernel
def largest(lanes, n):
    """Where the first largest of the first n lanes is."""
    best = 0
    for j in range(1, min(n, LANES)):
        if lanes[j] > lanes[best]:
            best = j
    return best


# -------------------------------------------------------------------------------------- sweeps


@kernel
def cut(pair, start):
    """The entries from ``start`` on, as many as there are lanes; fewer at the end of a row."""
    stop = start + LANES
    return Pair(pair.old[start:stop], pair.old_form, pair.new[start:stop], pair.new_form)


@kernel
def entry(run, j):
    """(old, new) of a place as doubles."""
    return widened(run.old[j], run.old_form), widened(run.new[j], run.new_form)


@kernel
def difference(o, w):
    """w - o rounded, and its rounding error: a common shift of all logits costs no digits."""
    high = w - o
    back = high + o
    return high, (w - back) - (o - (back - high))


@kernel
def place(entries, frame):
    """(a, b, x) of an entry; (-800, -800, 0) where it is negligible in both models."""
    o, w = entries
    top_old, top_new, high_0, low_0, scale = frame
    a = (o - top_old) * scale
    b = (w - top_new) * scale
    high, low = difference(o, w)
    x = ((high - high_0) + (low - low_0)) * scale
    if abs(high) == np.inf:
        x = high
    dead = a < NEGLIGIBLE and b < NEGLIGIBLE
    a = -800.0 if dead else a
    b = -800.0 if dead else b
    x = 0.0 if dead else x
    return a, b, x


@kernel(error_model="numpy")
def extremes(pair):
    """(max old, max new, new at the first largest old, whether some entry is no logit)."""
    n = len(pair.old)
    lanes = np.full((3, LANES), -np.inf)
    top_old, top_new, there = lanes[0], lanes[1], lanes[2]
    bad = np.zeros(LANES)
    for start in range(0, n, LANES):
        run = cut(pair, start)
        for j in range(len(run.old)):
            o, w = entry(run, j)
            there[j] = w if o > top_old[j] else there[j]
            top_old[j] = o if o > top_old[j] else top_old[j]
            top_new[j] = w if w > top_new[j] else top_new[j]
            bad[j] = bad[j] if o <= HUGE and w <= HUGE else 1.0
    best = largest(top_old, n)
    return top_old[best], top_new[largest(top_new, n)], there[best], total(bad, n) > 0


@kernel(error_model="numpy")
def means(pair, frame, stride):
    """(Z, mean of a, mean of x, max |x|); from one run of LANES entries in ``stride``, roughly."""
    n = len(pair.old)
    lanes = np.zeros((4, LANES))
    rest, of_a, of_x, widest = lanes[0], lanes[1], lanes[2], lanes[3]
    for start in range(0, n, LANES * stride):
        run = cut(pair, start)
        for j in range(len(run.old)):
            a, _, x = place(entry(run, j), frame)
            e = exp(a)
            rest[j] += e
            of_a[j] += e * a if e > 0.0 else 0.0
            of_x[j] += e * x if e > 0.0 else 0.0
            widest[j] = abs(x) if abs(x) > widest[j] else widest[j]
    # the likeliest action, for which a and x are 0, counts in any case
    Z = max(stride * total(rest, n), 1.0)
    return Z, stride * total(of_a, n) / Z, stride * total(of_x, n) / Z, widest[largest(widest, n)]


# Where `sums` keeps what.
OTHERS, TIES, NEW_TIES, WIDEST = range(4)
OF_S, OF_Z, OF_ZS, OF_ZZ, OF_ZZS = range(4, 9)
OF_D, OF_DS, SIZE, SPREAD, NEW_OTHERS, OF_B, COUNT = range(9, 16)


@kernel(error_model="numpy")
def sums(pair, frame, centre, c, K, near, fallen):
    """Sums over a row, by the names above; K = max (a + y), the logarithm of the largest f."""
    n = len(pair.old)
    mean_a, mean_x = centre
    lanes = np.zeros((COUNT, LANES))
    for start in range(0, n, LANES):
        run = cut(pair, start)
        for j in range(len(run.old)):
            a, b, x = place(entry(run, j), frame)
            e = exp(a)
            lanes[OTHERS, j] += e if a < 0.0 else 0.0
            lanes[TIES, j] += 1.0 if a == 0.0 else 0.0
            lanes[NEW_TIES, j] += 1.0 if b == 0.0 else 0.0
            lanes[WIDEST, j] = abs(x) if abs(x) > lanes[WIDEST, j] else lanes[WIDEST, j]
            # moments under the old policy
            s = a - mean_a
            s_here = s if near or e > 0.0 else 0.0
            z = x - mean_x if near or e > 0.0 else 0.0
            lanes[OF_S, j] += e * s_here
            lanes[OF_Z, j] += e * z
            lanes[OF_ZS, j] += e * z * s_here
            lanes[OF_ZZ, j] += e * z * z
            lanes[OF_ZZS, j] += e * z * z * s_here
            # e^y and e^y - 1; a large e^y comes from b, as e may be 0
            y = (b - a if fallen else x) - c
            inside = y if near or y < 1.0 else 1.0
            inside = inside if near or inside > NEGLIGIBLE else NEGLIGIBLE
            power, r, q = exp_parts(inside)
            tail = r + r * r * q
            f = e * (power + power * tail) if near else exp(b + K)
            f = f if near or b >= NEGLIGIBLE else 0.0
            d = e * ((power - 1.0) + power * tail) if near or y < 1.0 else f - e
            ds = d * s if near or d != 0.0 else 0.0
            fy = f * y if near or f > 0.0 else 0.0
            lanes[OF_D, j] += d
            lanes[OF_DS, j] += ds
            lanes[SIZE, j] += abs(ds)
            # f y - d = e (1 + (y - 1) e^y) >= 0, by its series where that cancels
            lanes[SPREAD, j] += e * (y * y * (1.0 + (y - 1.0) * q)) if inside == r else fy - d
            lanes[NEW_OTHERS, j] += f if b < 0.0 else 0.0
            lanes[OF_B, j] += f * b if near or f > 0.0 else 0.0
    furthest = lanes[WIDEST, largest(lanes[WIDEST], n)]
    found = totals(lanes, n)
    found[WIDEST] = furthest
    return found


@kernel(error_model="numpy")
def shared_mean(pair, frame, fallen):
    """Mean of the log ratio over the actions that both models can take; 0 if there is none."""
    n = len(pair.old)
    lanes = np.zeros((2, LANES))
    weight, of_x = lanes[0], lanes[1]
    for start in range(0, n, LANES):
        run = cut(pair, start)
        for j in range(len(run.old)):
            a, b, x = place(entry(run, j), frame)
            shared = a >= NEGLIGIBLE and b >= NEGLIGIBLE
            e = exp(a) if shared else 0.0
            weight[j] += e
            of_x[j] += e * (b - a if fallen else x) if shared else 0.0
    all_weight = total(weight, n)
    return total(of_x, n) / all_weight if all_weight > 0.0 else 0.0


# ---------------------------------------------------------------------------------------- rows


@kernel
def masked_out(top, form):
    """Whether the largest entry of a row says that every action is masked."""
    return top <= ALL_MASKS or (form[0] == HALF[0] and top == LEAST_HALF)


@kernel(error_model="numpy")
def near_row(pair, frame, jump):
    """(`sums` of a near row, its centres, K, whether it is one)."""
    n = len(pair.old)
    stride = STRIDE if n >= 4 * LANES * STRIDE else 1
    weight, mean_a, mean_x, widest = means(pair, frame, stride)
    centre = (mean_a, mean_x)
    K = jump - mean_x
    if not widest <= NEAR:
        return np.empty(COUNT), centre, K, False
    found = sums(pair, frame, centre, mean_x, K, True, False)
    fits = found[WIDEST] <= NEAR and found[OTHERS] + found[TIES] < 16.0 * weight
    return found, centre, K, fits


@kernel(error_model="numpy")
def far_row(pair, frame, jump, fallen):
    """(`sums`, centres, K) of any row: a first c that cannot overflow, then the c that fits."""
    _, mean_a, mean_x, _ = means(pair, frame, 1)
    centre = (mean_a, mean_x)
    c = shared_mean(pair, frame, fallen)
    c = min(max(c, jump - 600.0), jump + 300.0)
    found = sums(pair, frame, centre, c, jump - c, False, fallen)
    Z = found[OTHERS] + found[TIES]
    growth = found[OF_D] / Z
    ratio = (found[NEW_TIES] * exp(jump - c) + found[NEW_OTHERS]) / Z
    c += log1p(growth) if abs(growth) < 0.5 else log(ratio)
    K = jump - c
    return sums(pair, frame, centre, c, K, False, fallen), centre, K


@kernel(error_model="numpy")
def results(found, centre, K, out):
    """The seven fields from the sums."""
    others = found[OTHERS] + (found[TIES] - 1.0)
    Z = 1.0 + others
    # means under the old policy; s and z are centred up to what is left here
    s = found[OF_S] / Z
    z = found[OF_Z] / Z
    zs = found[OF_ZS] / Z
    zz = found[OF_ZZ] / Z
    first = -(zs - z * s)
    curvature = (1.0 - s) * (zz - z * z) + found[OF_ZZS] / Z - 2.0 * z * zs + z * z * s
    # the mean of e^y is 1 + g: new policy f / (Z (1 + g)), new - old (d - g e^a) / (Z (1 + g))
    g = found[OF_D] / Z
    shift = -(found[OF_DS] / Z - g * s) / (1.0 + g)
    kl = max((found[SPREAD] / Z - excess(g)) / (1.0 + g), 0.0)
    new_ties = found[NEW_TIES]
    tops = new_ties * exp(K)
    new_others = found[NEW_OTHERS] * (new_ties / tops) + (new_ties - 1.0)
    old_entropy = log1p(others) - (centre[0] + s)
    new_entropy = log1p(new_others) - found[OF_B] / (tops + found[NEW_OTHERS])
    entropies_are_finer = old_entropy + new_entropy < found[SIZE] / (Z * (1.0 + g)) + kl
    out[FIRST] = first
    out[SECOND] = first - curvature / 2.0
    out[EXACT] = new_entropy - old_entropy if entropies_are_finer else shift - kl
    out[SHIFT] = shift
    out[KL] = kl
    out[OLD_ENTROPY] = old_entropy
    out[NEW_ENTROPY] = new_entropy
    for i in range(len(out)):
        out[i] += 0.0  # -0.0 becomes 0.0


@kernel(error_model="numpy")
def change(pair, scale, out):
    """Fills the seven fields of a row; returns what the row is."""
    top_old, top_new, there, bad = extremes(pair)
    if bad:
        return NO_LOGITS
    if masked_out(top_old, pair.old_form) or masked_out(top_new, pair.new_form):
        return ALL_MASKED
    high, low = difference(top_old, there)
    frame = (top_old, top_new, high, low, scale)
    # how far the old favourite is behind in the new model: max (a + x)
    jump = (top_new - there) * scale
    fallen = not jump <= FALLEN
    if not fallen:
        found, centre, K, fits = near_row(pair, frame, jump)
    if fallen or not fits:
        jump = 0.0 if fallen else jump
        found, centre, K = far_row(pair, frame, jump, fallen)
    results(found, centre, K, out)
    return FINE


@kernel(error_model="numpy")
def changes(old, old_form, new, new_form, scales, keep, out, kinds):
    """`change` of every row of (rows, n); out (rows, 7) is nan where a row is not FINE."""
    for i in range(len(old)):
        out[i] = np.nan
        kinds[i] = LEFT_OUT
        if keep[i]:
            kinds[i] = change(Pair(old[i], old_form, new[i], new_form), scales[i], out[i])
