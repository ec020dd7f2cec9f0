"""The policy step that keeps a prescribed entropy: natural policy gradient at a higher temperature.

One state or any batch of states: actions along the last axis, entropies in nats.
Source: thm-constrained-step; for continuous actions the step is that of MORE, Abdolmaleki et al.
(2015).
"""

import numpy as np
from numpy.typing import ArrayLike

from rlentropy import distributions as dist
from rlentropy._types import Bools, Floats
from rlentropy.results import result
from rlentropy.validation import (
    NotConverged,
    as_array,
    check_array,
    check_axis,
    check_broadcast,
    check_finite,
    check_log_distribution,
    check_log_weights,
    check_positive,
    refuse,
)

# Nats within which a prescribed entropy is met.
MET = 4e-15


@result
class ConstrainedStep:
    """log p (..., A) of the new policy, its temperature T >= 1 (...), and the multiplier of the
    constraint, lambda = (T - 1) / eta (...).
    """

    log_pi: np.ndarray
    temperature: np.ndarray
    multiplier: np.ndarray


def constrained_step(
    log_pi: ArrayLike, adv: ArrayLike, eta: float, *, entropy: ArrayLike
) -> ConstrainedStep:
    """argmax <p, A> - KL(p || pi) / eta  subject to  H(p) >= h*, in every state.

    The solution is softmax((log pi + eta A) / T): T = 1 if that keeps the entropy, else the T > 1
    at which H = h*.

    log_pi   (..., A) log-probabilities, -inf for an impossible action, which stays impossible
    adv      (..., A) finite advantages, of any mean
    entropy  h* in nats, a number or (...); a state whose plain step has entropy >= h* takes it

    Raises ValueError for eta <= 0, and for h* that is not below the log of the number of possible
    actions where the plain step misses it: no finite temperature has that entropy.
    Source: thm-constrained-step.
    """
    log_pi = check_log_distribution("log_pi", log_pi)
    eta = check_positive("eta", eta)
    z = log_pi + eta * check_array("adv", adv, log_pi.shape)
    check_broadcast("entropy", as_array("entropy", entropy), z.shape[:-1], within=True)
    floor = np.broadcast_to(check_array("entropy", entropy), z.shape[:-1])
    short = dist.entropy(dist.log_softmax(z)) < floor
    _below_uniform("entropy", floor, z, where=short)
    temperature = np.ones(floor.shape)
    temperature[short] = _temperature(z[short], floor[short])
    new = dist.log_softmax(z / temperature[..., None])
    return ConstrainedStep(log_pi=new, temperature=temperature, multiplier=(temperature - 1) / eta)


def temperature_for_entropy(z: ArrayLike, h: ArrayLike) -> Floats:
    """The T > 0 with H(softmax(z / T)) = h; (..., A), a number or (...) -> (...).

    Unique, because dH/dT = Var_T(z) / T^3 > 0 unless all logits are equal.
    z (..., A) are logits, -inf for an impossible action; h is in nats.
    Raises ValueError unless log m < h < log n: as T grows from 0 to infinity, entropy goes from
    log m, m the number of actions tied for the largest logit, to log n, n that of possible ones.
    Source: thm-constrained-step.
    """
    z = check_axis("z", check_log_weights("z", z), "actions")
    check_broadcast("h", as_array("h", h), z.shape[:-1], within=True)
    refuse("z", z, ~(z < np.inf), "a logit is a number, or -inf for an impossible action")
    if z.ndim == 0:
        raise ValueError("z: shape (), expected at least one axis of logits")
    refuse("z", z[..., 0], (z == -np.inf).all(axis=-1), "no action of this row is possible")
    target = np.broadcast_to(check_array("h", h), z.shape[:-1])
    _below_uniform("h", target, z, where=np.ones(target.shape, bool))
    tied = np.log(np.sum(z == z.max(axis=-1, keepdims=True), axis=-1))
    why = "not above the entropy of the actions tied for the best: no temperature > 0 has it"
    refuse("h", target, target <= tied, why)
    flat = _temperature(z.reshape(-1, z.shape[-1]), target.ravel())
    return check_finite("temperature", flat.reshape(target.shape))


def _below_uniform(name: str, target: Floats, z: Floats, *, where: Bools) -> None:
    """Refuses targets that are not below the log of the number of possible actions."""
    uniform = np.log(np.sum(z > -np.inf, axis=-1))
    why = "not below the entropy of the uniform policy: no finite temperature has it"
    refuse(name, target, where & (target >= uniform), why)


def _temperature(z: Floats, target: Floats) -> Floats:
    """The temperatures of rows z (K, A) with entropies target (K,), each log m < target < log n."""
    z = z - z.max(axis=-1, keepdims=True)
    low, high = _bracket(z, target)
    at = (low + high) / 2
    for _ in range(300):
        found, slope = _entropy_and_slope(z, at)
        over = found - target
        low = np.where(over < 0, at, low)
        high = np.where(over < 0, high, at)
        # Newton's step; halve the bracket where the step leaves it
        newton = at - np.divide(over, slope, where=slope > 0, out=np.full(len(z), np.inf))
        inside = (newton > low) & (newton < high)
        following = np.where(inside, newton, (low + high) / 2)
        met = (np.abs(over) <= MET) | (np.abs(following - at) <= 4e-16 * np.maximum(1, np.abs(at)))
        if met.all():
            return np.exp(at)
        at = np.where(met, at, following)
    raise NotConverged(f"temperature: {np.abs(over).max():.3g} nats off after 300 iterations")


def _bracket(z: Floats, target: Floats) -> tuple[Floats, Floats]:
    """Logarithms (K,), (K,) of temperatures with entropies at most and at least the target.

    At T = D / sqrt(8 (log n - h)), D the oscillation of z, log n - H <= D^2 / (8 T^2): the upper
    end. It is halved until the entropy is at most h.
    """
    possible = z > -np.inf
    spread = -np.min(z, axis=-1, where=possible, initial=0.0)
    room = np.log(np.sum(possible, axis=-1)) - target
    high = np.log(spread) - np.log(8 * room) / 2
    low = high.copy()
    for _ in range(1100):
        above = _entropy_and_slope(z, low)[0] > target
        if not above.any():
            break
        low = np.where(above, low - np.log(2), low)
    return low, high


def _entropy_and_slope(z: Floats, log_temperature: Floats) -> tuple[Floats, Floats]:
    """H(softmax(z / T)) and dH / d log T = Var(z / T); rows z (K, A) of maximum 0, log T (K,)."""
    scaled = np.maximum(z, -1e300) / np.exp(log_temperature)[:, None]
    weight = np.exp(scaled)
    scaled = np.maximum(scaled, -1e3)  # its weight is 0 there
    total = weight.sum(axis=-1)
    mean = np.sum(weight * scaled, axis=-1) / total
    spread = np.sum(weight * (scaled - mean[:, None]) ** 2, axis=-1) / total
    return np.log(total) - mean, spread
