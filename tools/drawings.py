"""Draw the pictures at the head of chapters into ``book/moving``: ``python tools/drawings.py``.

What looks like numbers is computed by the package.
"""

from itertools import pairwise
from math import cos, pi, sin

import numpy as np
from drawing import (
    BLUE,
    FAINT,
    INK,
    ORANGE,
    WIDTH,
    arrow,
    axes,
    bars,
    box,
    circle,
    columns,
    curve,
    dash,
    dot,
    drawing,
    fill,
    legend,
    path,
    sample,
    stroke,
    text,
)
from scipy.optimize import brentq
from source_key import ROOT

from rlentropy import distributions as dist
from rlentropy.discounted import (
    entropy_dynamics,
    environments,
    evaluation,
    natural_gradient,
    softmax,
)
from rlentropy.episodic import max_entropy as mve
from rlentropy.episodic.environments import grid_world
from rlentropy.episodic.trajectory_entropy import uniform_policy
from rlentropy.episodic.visitation import policy_visitation

TARGET = ROOT / "book" / "moving"

# ------------------------------------------------------------------------------- policies and steps


def decision_process():
    """The loop of a decision process."""
    parts = []
    for x, name, colour in ((20, "policy", BLUE), (310, "environment", INK)):
        parts.append(box(x, 46, 130, 54, stroke(colour, 2.5), 8))
        parts.append(text(x + 65, 78, name))
    parts += [arrow((156, 62), (304, 62)), arrow((304, 86), (156, 86))]
    parts += [text(230, 50, "action"), text(230, 112, "state, reward")]
    return drawing(WIDTH, 134, *parts)


def covariance():
    """A step that favours the first action, from a policy that likes it and one that does not."""
    groups = []
    for policy in ([0.6, 0.3, 0.1], [0.1, 0.3, 0.6]):
        after = np.exp(natural_gradient.step(np.log(policy), np.array([1.0, 0.0, 0.0]), 1.0))
        rises = dist.entropy(np.log(after)) > dist.entropy(np.log(policy))
        groups += [("before", policy), ("entropy rises" if rises else "entropy falls", after)]
    return columns(groups, arrows={0, 2})


def whole_step():
    """Entropy along a step and its first order; up to the mark the sign is certain."""
    theta = np.log([0.08, 0.32, 0.6])
    adv = np.array([1.0, 0.3, 0.0])
    times = np.linspace(0, 5, 81)
    entropy = softmax.policy_entropy(theta + times[:, None] * adv)
    first = entropy[0] + times * entropy_dynamics.first_order(theta, adv)
    sure = entropy_dynamics.certificate_radius(theta, adv)
    styles = stroke(BLUE, 3), stroke(ORANGE, 2, "6 4"), stroke(FAINT, 2, "2 4")
    frame = (30, 26, 280, 150)
    most = (5.3, 1.3)
    seen = first < 1.2
    parts = axes(frame, "step η", "entropy")
    parts.append(curve(frame, times[seen], first[seen], styles[1], most=most))
    parts.append(curve(frame, times, entropy, styles[0], most=most))
    parts.append(curve(frame, [sure, sure], [0, 1.15], styles[2], most=most))
    marks = zip(map(dash, styles), ("exact", "first order", "certified"), strict=True)
    return drawing(WIDTH, 204, *parts, *legend(312, 70, *marks))


def long_run():
    """Policies of NPG on three actions, two of them nearly as good as each other."""
    rewards = np.array([1.0, 0.9, 0.0])
    start = np.log([0.2, 0.5, 0.3])
    groups = [(f"k = {k}", dist.softmax(start + k * rewards)) for k in (0, 3, 12, 60)]
    return columns(groups, arrows={0, 1, 2})


def visits_move():
    """Entropy of the policy in two states and the visits to them, before and after a step."""
    mdp = environments.two_state()
    groups = []
    theta = np.array([[1.0, 0.0], [-0.4, 0.4]])
    for _ in ("before", "after"):
        at = evaluation.evaluate_softmax(mdp, theta)
        groups.append(("entropy", softmax.policy_entropy(theta) / np.log(2)))
        groups.append(("visits", at.d))
        theta = theta + 0.4 * at.adv
    return columns(groups, arrows={1})


def temperatures():
    """Best policies of one state for three temperatures."""
    values = np.array([2.0, 1.0, 0.5, 0.0])
    groups = [(f"τ = {tau}", dist.softmax(values / tau)) for tau in (0.3, 1, 5)]
    return columns(groups, arrows={0, 1})


def held_back(actions=12):
    """Shares of the actions in the fall of entropy: a few make most of it."""
    rng = np.random.default_rng(16)
    theta = 1.5 * rng.normal(size=actions)
    shares = np.sort(-entropy_dynamics.contributions(theta, theta + rng.normal(size=actions)))[::-1]
    heights = 100 * np.maximum(shares, 0) / shares.max()
    colours = [ORANGE] * 2 + [BLUE] * (actions - 2)
    parts = bars(70, 132, heights, colours)
    parts.append(text(230, 156, "actions, by their share in the covariance"))
    parts.append(text(136, 44, "held back", "start"))
    return drawing(WIDTH, 168, *parts)


def law():
    """R = b - a exp(H)."""
    entropies = np.linspace(0, 2, 60)
    frame = (40, 26, 360, 140)
    parts = axes(frame, "entropy H", "reward R")
    line = 1 - 0.12 * np.exp(entropies)
    parts.append(curve(frame, entropies, line, stroke(BLUE, 3), most=(2.15, 1.05)))
    parts.append(text(270, 70, "R = b − a exp(H)", "start"))
    return drawing(WIDTH, 198, *parts)


def soft_answer():
    """The values of four actions, the answer of one best action, and the softmax answer."""
    values = np.array([1.0, 0.9, 0.6, 0.1])
    best = (values == values.max()).astype(float)
    soft = dist.softmax(3 * values)
    return columns([("values", values), ("best", best), ("softmax", soft)], arrows={0})


def simplex_step():
    """One NPG step on the triangle, with rings of equal cost KL(p || pi) around the old policy."""
    corners = np.array([[134.0, 26.0], [14.0, 233.8], [254.0, 233.8]])
    policy = np.array([0.26, 0.42, 0.32])
    gain = np.array([1.0, 0.1, 0.3])
    times = np.linspace(0.02, 1.3, 24)
    way = [np.exp(natural_gradient.step(np.log(policy), gain, eta)) @ corners for eta in times]
    parts = [path(corners, stroke(INK), closed=True)]
    for cost in (0.02, 0.08, 0.18):
        circled = [p @ corners for p in ring(policy, cost)]
        parts.append(path(circled, stroke(FAINT, 1.4, "2 4"), closed=True))
    parts.append(path(way[:-2], stroke(BLUE, 3)))
    parts.append(arrow(way[-4], way[-1], BLUE, 3))
    parts.append(dot(*(policy @ corners)))
    parts.append(text(134, 17, "action 1, the best"))
    parts.append(text(4, 254, "action 2", "start"))
    parts.append(text(268, 254, "action 3", "end"))
    marks = [(dot, "the old policy π"), (sample(BLUE, 3), "one step of NPG")]
    parts += legend(268, 90, *marks, (dash(stroke(FAINT, 2, "2 4")), "equal cost KL(p ‖ π)"))
    return drawing(460, 262, *parts)


def ring(policy, cost, points=60):
    """Policies p with KL(p || policy) = cost, in all directions around it; (points, 3)."""
    sides = np.array([[1.0, -1.0, 0.0], [1.0, 1.0, -2.0]]) / np.sqrt([[2.0], [6.0]])
    angles = 2 * pi * np.arange(points) / points
    return [on_ring(policy, cost, [cos(a), sin(a)] @ sides) for a in angles]


def on_ring(policy, cost, direction):
    """The policy of this cost in one direction, before the edge of the triangle."""
    falling = direction < 0
    edge = np.min(-policy[falling] / direction[falling])

    def excess(far):
        return dist.kl(np.log(policy + far * direction), np.log(policy)) - cost

    return policy + brentq(excess, 0, (1 - 1e-9) * edge) * direction


# ---------------------------------------------------------------------------------------- explorers


def double_chain(arm=4):
    """States of the double chain in a row, the start in the middle, both moves between them."""
    step, radius, y, edge = 54, 14, 58, 24
    places = [edge + i * step for i in range(2 * arm + 1)]
    middle = places[arm]
    parts = [circle(x, y, radius, stroke(INK, 4 if x == middle else 2)) for x in places]
    for left, right in pairwise(places):
        near = left + radius + 1
        far = right - radius - 1
        parts.append(arrow((far, y - 6), (near, y - 6), ORANGE))
        parts.append(arrow((near, y + 6), (far, y + 6), BLUE))
    parts.append(text(middle, y - 28, "start"))
    parts.append(text(places[0] - radius, y - 28, "wall", "start"))
    parts.append(text(places[-1] + radius, y - 28, "wall", "end"))
    parts.append(arrow((middle - 26, y + 47), (middle - 48, y + 47), ORANGE))
    parts.append(text(middle - 58, y + 52, "action 0", "end"))
    parts.append(arrow((middle + 26, y + 47), (middle + 48, y + 47), BLUE))
    parts.append(text(middle + 58, y + 52, "action 1", "start"))
    return drawing(2 * middle, 122, *parts)


def grid(cells=7):
    """A grid world: the start in the middle, and where a move to the right may lead."""
    size, edge = 28, 8
    full = cells * size
    parts = [box(edge, edge, full, full, stroke(INK))]
    for k in range(1, cells):
        at = edge + k * size
        parts.append(path([(at, edge), (at, edge + full)], stroke(FAINT, 1)))
        parts.append(path([(edge, at), (edge + full, at)], stroke(FAINT, 1)))
    middle = edge + full / 2
    parts.append(arrow((middle, middle), (middle + size + 6, middle), BLUE, 4))
    for x, y in ((0, -1), (0, 1), (-1, 0)):
        end = (middle + (size + 4) * x, middle + (size + 4) * y)
        parts.append(arrow((middle, middle), end, ORANGE, 1.4))
    parts.append(dot(middle, middle))
    marks = [(dot, "start of an episode"), (sample(BLUE, 4), "the move asked for")]
    marks += [(sample(ORANGE, 1.4), "where it goes if it fails"), (None, "walls keep the explorer")]
    parts += legend(edge + full + 16, 58, *marks)
    return drawing(460, full + 2 * edge, *parts)


def sampled_effects(actions=12):
    """What one sampled action does to entropy, action by action, and the mean over samples."""
    theta = -0.8 * np.log(np.arange(1, actions + 1))
    right = np.isin(np.arange(actions), (0, 4, 9))
    policy = softmax.policy(theta)
    effects = entropy_dynamics.sampled_contributions(theta, right - policy @ right)
    zero = 66
    scale = 42 / effects.max()
    parts = [path([(64, zero), (390, zero)], stroke(INK))]
    for k, effect in enumerate(effects):
        tall = scale * abs(effect)
        top = zero - tall if effect > 0 else zero
        colour = ORANGE if right[k] else BLUE
        parts.append(box(70 + 26 * k, round(top, 1), 20, round(tall, 1), fill(colour)))
    mean = zero - scale * (policy @ effects)
    parts.append(path([(64, mean), (390, mean)], stroke(INK, 2, "6 4")))
    parts.append(text(398, mean + 5, "mean", "start"))
    parts.append(text(56, zero - 12, "rises", "end"))
    parts.append(text(56, zero + 24, "falls", "end"))
    floor = round(zero - scale * effects.min())
    parts.append(text(244, floor + 8, "sampled action, from likely to rare"))
    return drawing(WIDTH, floor + 22, *parts)


def game_loop():
    """Forecaster, explorer, environment, and what goes between them."""
    width, height = 118, 50
    places = {"forecaster": (4, 34), "explorer": (338, 34), "environment": (171, 190)}
    colours = {"forecaster": ORANGE, "explorer": BLUE, "environment": INK}
    parts = []
    for name, (x, y) in places.items():
        parts.append(box(x, y, width, height, stroke(colours[name], 2.5), 8))
        parts.append(text(x + width / 2, y + height / 2 + 5, name))
    parts += [arrow((130, 59), (330, 59)), text(230, 48, "prediction d̄")]
    parts.append(text(230, 80, "pays log 1/d̄"))
    parts += [arrow((424, 92), (302, 204)), text(384, 164, "actions", "start")]
    parts += [arrow((272, 184), (364, 92)), text(307, 136, "transitions", "end")]
    parts += [arrow((165, 208), (58, 92)), text(94, 164, "visits", "end")]
    return drawing(460, 248, *parts)


def counting():
    """Counts, with one imagined visit each, become a prediction."""
    counts = np.array([5.0, 2.0, 0.0, 1.0])
    prediction = (counts + 1) / (counts + 1).sum()
    grown = ("plus one each", (counts + 1) / 6)
    return columns([("counts", counts / 6), grown, ("prediction", prediction)], arrows={0, 1})


def trajectories(depth=3):
    """All trajectories of two actions as a tree, with one of them marked."""
    parts = []
    spots = {(): (32.0, 108.0)}
    for level in range(1, depth + 1):
        for k in range(2**level):
            name = tuple(int(bit) for bit in f"{k:0{level}b}")
            spots[name] = (32.0 + 116 * level, 16 + 184 * (k + 0.5) / 2**level)
    for name, (x, y) in spots.items():
        if name:
            taken = name == (0, 1, 0)[: len(name)]
            (x0, y0) = spots[name[:-1]]
            style = stroke(BLUE, 4) if taken else stroke(FAINT, 1.5)
            parts.append(path([(x0, y0), (x, y)], style))
    parts += [circle(x, y, 5, fill(INK)) for x, y in spots.values()]
    parts.append(text(8, 88, "start", "start"))
    parts.append(text(392, spots[0, 1, 0][1] + 5, "one of 8", "start"))
    return drawing(WIDTH, 216, *parts)


def two_explorers(cells=11):
    """Where the random policy and the one of largest visitation entropy are, on a small grid."""
    mdp = grid_world(rows=cells, cols=cells, success=0.95, horizon=10)
    chance = policy_visitation(mdp, uniform_policy(mdp))
    parts = []
    pair = (("random policy", chance), ("largest entropy", mve.solve(mdp).visitation))
    for k, (name, d) in enumerate(pair):
        share = d.sum(axis=2).mean(axis=0)
        strength = np.clip((np.log10(np.maximum(share, 1e-9)) + 4) / 3, 0, 1)
        for cell in np.flatnonzero(strength > 0.02):
            x = 36 + 228 * k + 15 * (cell % cells)
            y = 28 + 15 * (cell // cells)
            style = f"{fill(BLUE)}; fill-opacity: {strength[cell]:.2f}"
            parts.append(box(x, y, 15, 15, style))
        parts.append(box(36 + 228 * k, 28, 15 * cells, 15 * cells, stroke(INK, 1.5)))
        parts.append(text(36 + 228 * k + 7.5 * cells, 19, name))
    return drawing(WIDTH, 204, *parts)


def what_is_proved():
    """From counts to the gap."""
    names = {
        "visits": "counted",
        "model": "near truth",
        "values": "not too low",
        "gap": "at most ε",
    }
    parts = []
    for k, lines in enumerate(names.items()):
        x = 4 + 118 * k
        parts.append(box(x, 20, 96, 64, stroke(BLUE if k == 3 else INK, 2.5), 8))
        parts += [text(x + 48, 46 + 22 * i, line) for i, line in enumerate(lines)]
        if k < 3:
            parts.append(arrow((x + 98, 52), (x + 116, 52)))
    return drawing(WIDTH, 104, *parts)


def price_of_error():
    """What an error in the values costs the greedy and the softmax policy of two equal actions."""
    errors = np.linspace(0, 1, 50)
    moved = dist.log_softmax(np.stack([errors, -errors], axis=1))
    frame = (40, 26, 360, 140)
    most = (1.08, 2.1)
    parts = axes(frame, "error of the values", "loss")
    parts.append(curve(frame, errors, 2 * errors, stroke(ORANGE, 3), most=most))
    cost = dist.kl(moved, np.log([0.5, 0.5]))
    parts.append(curve(frame, errors, cost, stroke(BLUE, 3), most=most))
    parts.append(text(228, 62, "greedy, at worst", "end"))
    parts.append(text(370, 128, "softmax", "end"))
    return drawing(WIDTH, 198, *parts)


PICTURES = (
    decision_process,
    simplex_step,
    covariance,
    whole_step,
    long_run,
    visits_move,
    temperatures,
    double_chain,
    grid,
    counting,
    game_loop,
    trajectories,
    two_explorers,
    what_is_proved,
    price_of_error,
    held_back,
    law,
    soft_answer,
    sampled_effects,
)


def main():
    for draw in PICTURES:
        (TARGET / f"{draw.__name__}.svg").write_text(draw(), encoding="utf-8")
        print(f"book/moving/{draw.__name__}.svg")


if __name__ == "__main__":
    main()
