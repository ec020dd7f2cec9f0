"""Learners on a simulator: the same numbers as on the MDP, whole or divided, with masks and ends; and
what they refuse."""

import numpy as np
import pytest
from refusals import refusals

from rlentropy import adapters, files
from rlentropy.episodic import environments
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.learners import entgame, optimistic_soft_vi, regularized_game, ucbvi_ent
from rlentropy.learners.on_simulator import EntGame, Explorer
from rlentropy.learners.rf_ucrl import RewardFreeOptions, rf_ucrl
from rlentropy.learners.simulator import Sampler, counts
from rlentropy.learners.ucbvi_ent import Options

GARNET = environments.garnet(states=6, actions=3, horizon=5, branching=3, seed=1)
CHAIN = environments.double_chain(length=9, failure=0.1, horizon=8)
DRAWN = EpisodicMDP(GARNET.P, 5, [0.5, 0, 0.25, 0, 0.25, 0])
STAGELESS = environments.garnet(
    states=6, actions=3, horizon=5, branching=3, seed=3, stationary=True
)
SOME = np.array([[1, 1, 0], [0, 1, 0], [1, 1, 1], [0, 1, 1], [1, 0, 0], [1, 1, 1]], bool)
MASKED = EpisodicMDP(STAGELESS.dense()[0] * SOME[:, :, None], 5, [0.5, 0, 0.25, 0, 0.25, 0], SOME)


def begun(env, learner, **asked):
    return EntGame(env, **asked) if learner == "EntGame" else Explorer(env, learner, **asked)


def imitating(mdp, learner, *, seed=5, done=0):
    """A simulator that draws as the learner's run on the MDP does."""
    numbers = {"RF-UCRL": 2 * mdp.H, "UCBVI-Ent": 2 * mdp.H, "EntGame": None}
    return Sampler(mdp, seed, done=done, numbers=numbers.get(learner, 2 * mdp.H - 1))


def drawing(mdp, case, *, seed=5):
    """The learner on a simulator that imitates its draws."""
    learner, options = case
    sizes = {"horizon": mdp.H, "states": mdp.S, "actions": mdp.A, "available": mdp.available}
    return begun(imitating(mdp, learner, seed=seed), learner, **sizes, **options)


def explorer(mdp, seed=5, **options):
    return drawing(mdp, ("EntGame", options), seed=seed)


@pytest.mark.parametrize("mdp", [GARNET, CHAIN, DRAWN, MASKED])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"ceiling": "stage"},
        {"bonus_scale": 0.0},
        {"bonus_scale": 0.01, "n0": 0.5, "delta": 0.3},
    ],
)
def test_the_counts_are_those_of_the_compiled_learner(mdp, options):
    compiled = entgame.run(mdp, 400, 5, checkpoints=[400], saturated="source", **options)
    run = explorer(mdp, **options).play(400)
    np.testing.assert_array_equal(run.counts, compiled.counts)
    blind = entgame.run(mdp, 400, 5, evaluate=False, saturated="source", **options)
    np.testing.assert_array_equal(run.counts, blind.counts)
    assert (run.policy[:, ~mdp.available] == 0).all()
    value = compiled.checkpoints[0].optimistic_value
    assert mdp.start_mean(run.optimistic) == value
    other = explorer(mdp, seed=6, **options).play(400)
    assert (other.counts != compiled.counts).any()


def test_frequency_and_policy():
    run = explorer(CHAIN).play(200)
    np.testing.assert_allclose(run.frequency.sum(axis=(1, 2)), 1)
    np.testing.assert_allclose(run.policy.sum(axis=2), 1)
    assert not hasattr(run, "visitation")
    with pytest.raises(ValueError, match="episodes = 0"):
        explorer(CHAIN).play(0).frequency  # noqa: B018


# ------------------------------------------------------------------------- learners that draw actions

ON_MDP = {
    "RF-UCRL": rf_ucrl,
    "UCBVI-Ent": ucbvi_ent.run,
    "optimistic soft VI": optimistic_soft_vi.run,
    "regularised game": regularized_game.run,
}
# the learner and its options
CASES = [
    ("RF-UCRL", {}),
    ("RF-UCRL", {"options": RewardFreeOptions(pooled=False, bonus_scale=0.1)}),
    (
        "RF-UCRL",
        {"options": RewardFreeOptions(published_code=True, ties="near", bonus_scale=0.1)},
    ),
    ("UCBVI-Ent", {}),
    ("UCBVI-Ent", {"options": Options(pooled=False, last_transition=False, bonus_scale=0.1)}),
    ("optimistic soft VI", {"bonus_scale": 0.1, "delta": 0.2}),
    ("regularised game", {"bonus_scale": 0.1, "delta": 0.2}),
]


def same_runs(x, y):
    for name in ("counts", "available", "ended"):
        np.testing.assert_array_equal(getattr(x, name), getattr(y, name))
    if hasattr(x, "outcome"):
        return same_outcome(x.outcome, y.outcome)
    np.testing.assert_array_equal(x.optimistic, y.optimistic)
    assert set(map(tuple, x.moves)) == set(map(tuple, y.moves))
    return None


def same_outcome(x, y):
    assert type(x) is type(y)
    for name in vars(x):
        np.testing.assert_array_equal(getattr(x, name), getattr(y, name))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("mdp", [STAGELESS, CHAIN, MASKED])
def test_the_numbers_are_those_of_the_run_on_the_mdp(case, mdp):
    learner, options = case
    run = drawing(mdp, case).play(300)
    on_mdp = ON_MDP[learner](mdp, 300, 5, **options)
    same_outcome(run.outcome, on_mdp)
    np.testing.assert_array_equal(run.policy, on_mdp.policy)
    assert run.counts[:, ~mdp.available].sum() == 0
    other = drawing(mdp, case, seed=6).play(300)
    assert (other.counts != on_mdp.counts).any()


@pytest.mark.parametrize("case", [*CASES, ("EntGame", {})])
def test_a_divided_run_is_one_run(case, tmp_path):
    whole = drawing(MASKED, case).play(200)
    first = drawing(MASKED, case)
    first.play(70)
    path = files.save(tmp_path / "run.npz", first.play(50))
    resumed = type(first).resume(imitating(MASKED, case[0], done=120), files.load(path))
    resumed.play(0)
    last = resumed.play(80)
    same_runs(last, whole)
    assert last.episodes == 200


def test_a_run_goes_on_with_more_successors_than_there_was_room_for():
    wide = environments.garnet(states=12, actions=3, horizon=5, branching=12, seed=1)
    whole = explorer(wide).play(90)
    first = explorer(wide).play(50)
    last = EntGame.resume(imitating(wide, "EntGame", done=50), first).play(40)
    same_runs(last, whole)


@pytest.mark.parametrize("case", [*CASES, ("EntGame", {})])
def test_ends_and_masks(case):
    """Masks come with the states; what is drawn follows from the seed, also in a divided run."""
    learner, options = case
    asked = {"horizon": 6, "states": 3, "actions": 2, "seed": 11, "masks": True, **options}
    env = Corridor()
    run = begun(env, learner, **asked).play(200)
    np.testing.assert_array_equal(run.ended, [0, 0, 1])
    np.testing.assert_array_equal(run.available, [[0, 1], [1, 1], [1, 1]])
    assert run.counts[:, 0, 0].sum() == 0
    assert run.counts[5, 2].sum() > 0  # the end is absorbing, and counted
    assert (run.counts.sum(axis=(1, 2)) == 200).all()
    np.testing.assert_allclose(run.frequency.sum(axis=(1, 2)), 1)
    assert len(set(env.seeds)) == 200
    again = begun(Corridor(), learner, **asked)
    again.play(80)
    same_runs(type(again).resume(Corridor(), again.run).play(120), run)
    if learner != "EntGame":
        other = begun(Corridor(), learner, **asked, action_seed=12).play(200)
        assert (other.counts != run.counts).any()


def test_masks_that_come_late_are_masks_that_were_known():
    """Played on the equivalent MDP whose masks are given beforehand: the same visits."""
    asked = {"horizon": 6, "states": 3, "actions": 2, "seed": 11, "delta": 0.2}
    known = np.array([[0, 1], [1, 1], [1, 1]], bool)
    late = Explorer(Corridor(), "optimistic soft VI", masks=True, **asked).play(100)
    early = Explorer(Corridor(), "optimistic soft VI", available=known, **asked).play(100)
    same_outcome(late.outcome, early.outcome)


def test_actions_have_a_seed_where_the_environment_has_none():
    asked = {"horizon": 8, "states": 9, "actions": 2}
    sampler = Sampler(CHAIN, 5, numbers=16)
    pair = (sampler.reset, sampler.step)
    with pytest.raises(ValueError, match=r"seed = None: RF-UCRL draws actions"):
        Explorer(pair, "RF-UCRL", **asked)
    run = Explorer(pair, "RF-UCRL", action_seed=3, **asked).play(40)
    sampler = Sampler(CHAIN, 5, numbers=16)
    again = Explorer((sampler.reset, sampler.step), "RF-UCRL", action_seed=3, **asked).play(40)
    same_outcome(run.outcome, again.outcome)


class Truncated:
    """Says so after some steps."""

    def __init__(self, steps):
        self.left = steps

    def reset(self, *, seed=None):
        return seed % 1, {}

    def step(self, action):
        self.left -= 1
        return 0, float(action), False, self.left == 0, {}


class Corridor:
    """States 0, 1, 2; action 1 goes right, 0 goes left; the episode ends in 2. In state 0 only
    right is possible. A stand-in with gymnasium's interface."""

    def __init__(self, slip=0.25):
        self.slip = slip
        self.seeds = []

    def reset(self, *, seed=None):
        self.seeds.append(seed)
        self.rng, self.state = np.random.default_rng(seed), 0
        return 0, {"action_mask": np.array([0, 1], dtype=np.int8)}

    def step(self, action):
        assert self.state < 2, "the episode is over"
        assert not (self.state == 0 and action == 0)
        move = 1 if action == 1 else -1
        if self.rng.random() < self.slip:
            move = 0
        self.state += move
        info = {"action_mask": np.array([self.state > 0, 1], dtype=np.int8)}
        return self.state, 0.0, self.state == 2, False, info


def test_a_pair_of_functions_is_an_environment():
    sampler = Sampler(CHAIN, 5)
    run = EntGame((sampler.reset, sampler.step), horizon=8, states=9, actions=2).play(50)
    np.testing.assert_array_equal(run.counts, explorer(CHAIN).play(50).counts)


def test_gymnasium_steps_as_its_table_says():
    gymnasium = pytest.importorskip("gymnasium", reason="gymnasium is not installed")
    env = gymnasium.make("FrozenLake-v1")
    run = EntGame(env, horizon=6, seed=2).play(3000)
    mdp = adapters.from_gymnasium(env, horizon=6)
    compiled = entgame.run(mdp, 3000, 2, saturated="source")
    # both know the mixture's visitation up to sampling; the policies played differ a little
    assert np.abs(run.frequency - compiled.visitation).sum(axis=(1, 2)).max() < 0.2
    p = mdp.dense()
    h, s, a, after, _ = run.moves.T
    assert (p[h, s, a, after] > 0).all()


def test_a_failed_episode_leaves_no_trace():
    class Failing(Corridor):
        def step(self, action):
            if len(self.seeds) == 5:
                raise RuntimeError("the wheel came off")
            return super().step(action)

    game = EntGame(Failing(), horizon=4, states=3, actions=2, seed=1, masks=True)
    with pytest.raises(RuntimeError, match="wheel"):
        game.play(10)
    run = game.run
    assert run.episodes == 4
    assert (run.counts.sum(axis=(1, 2)) == 4).all()


class Fixed:
    """Answers what it is told."""

    def __init__(self, first, second):
        self.first, self.second = first, second

    def reset(self):
        return self.first

    def step(self, _):
        return self.second


@pytest.mark.parametrize(
    ("env", "what"),
    [
        (Fixed(7, 0), r"state of reset\(\) = 7"),
        (Fixed(0, 0.5), r"state of step\(0\) = 0.5"),
        (Fixed(0, (0, 1.0, True, {})), "4 values, expected a state, or the five"),
        (Fixed(0, (1, 1.0, False, True, {})), "truncated after 1 steps, horizon 4 needs 3"),
        (Fixed(0, (0, 1.0, True, False, {})), "episodes end in state 0 and also go on"),
        (Fixed(None, 0), r"state of reset\(\) = None"),
        (object(), "env: has no reset"),
        ((1, 2), "two functions"),
    ],
)
def test_environments_that_cannot_be(env, what):
    with pytest.raises(ValueError, match=what):
        EntGame(env, horizon=4, states=2, actions=2).play(2)


@pytest.mark.parametrize(
    ("info", "what"),
    [
        ({}, "no action_mask"),
        ({"action_mask": [1]}, r"action_mask = \[1\], expected 2"),
        ({"action_mask": [0, 0]}, "leaves no action"),
        ({"action_mask": [0.5, 1]}, "expected 2 of 0, 1"),
    ],
)
def test_masks_that_cannot_be(info, what):
    with pytest.raises(ValueError, match=what):
        EntGame(Fixed((0, info), 0), horizon=4, states=2, actions=2, masks=True).play(2)


SIZES = {"horizon": 8, "states": 9, "actions": 2}
NO_ACTION = np.arange(18).reshape(9, 2) > 1

test_what_cannot_be_explored_is_named = refusals(
    (lambda: EntGame(Sampler(CHAIN, 1), horizon=8, actions=2), "states: the environment has no"),
    (
        lambda: EntGame(Sampler(CHAIN, 1), **SIZES, available=NO_ACTION),
        r"available\[0\]: no action",
    ),
    (
        lambda: Explorer(Sampler(CHAIN, 1, numbers=15), "RF-UCRL", **SIZES),
        "numbers = 15, this learner takes 16",
    ),
    (lambda: Sampler(CHAIN, 1, numbers=9), "numbers = 9"),
    (
        lambda: Explorer(Corridor(), "RF-UCRL", seed=1, options=Options(), **SIZES),
        r"options: .*Options",
    ),
    (
        lambda: Explorer(Corridor(), "RF-UCRL", seed=1, masks=True, available=~NO_ACTION, **SIZES),
        "available: masks = True",
    ),
    (
        lambda: Explorer(Truncated(2), "UCBVI-Ent", horizon=3, states=2, actions=2, seed=1).play(1),
        "truncated after 2 steps, horizon 3 needs 3",
    ),
)


def test_a_sampler_is_its_mdp():
    sampler = Sampler(DRAWN, 3)
    states = np.empty((4000, 5), dtype=int)
    for row in states:
        row[0] = sampler.reset()
        row[1:] = [sampler.step(1) for _ in range(4)]
    n = counts(states, np.ones_like(states), 6, 3)[..., 1] / 4000
    d = np.zeros((5, 6))
    d[0] = DRAWN.start_distribution
    for h in range(4):
        d[h + 1] = d[h] @ DRAWN.kernel(h)[1::3]
    assert (np.abs(n - d) <= 5 * np.sqrt(d * (1 - d) / 4000)).all()
    with pytest.raises(ValueError, match="step 5: an episode has 4"):
        sampler.step(0)
    with pytest.raises(ValueError, match="action = 3"):
        sampler.step(3)
