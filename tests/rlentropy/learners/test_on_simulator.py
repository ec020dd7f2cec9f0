"""EntGame on a simulator: the same counts as the compiled learner, whole or divided, with masks and
ends; and what it refuses."""

import numpy as np
import pytest

from rlentropy import adapters, files
from rlentropy.episodic import environments
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.learners import entgame
from rlentropy.learners.on_simulator import EntGame
from rlentropy.learners.simulator import Sampler, counts

GARNET = environments.garnet(states=6, actions=3, horizon=5, branching=3, seed=1)
CHAIN = environments.double_chain(length=9, failure=0.1, horizon=8)
DRAWN = EpisodicMDP(GARNET.P, 5, [0.5, 0, 0.25, 0, 0.25, 0])


def explorer(mdp, seed=5, **options):
    sizes = {"horizon": mdp.H, "states": mdp.S, "actions": mdp.A}
    return EntGame(Sampler(mdp, seed), **sizes, **options)


@pytest.mark.parametrize("mdp", [GARNET, CHAIN, DRAWN])
@pytest.mark.parametrize(
    "options", [{}, {"ceiling": "stage"}, {"bonus_scale": 0.01, "n0": 0.5, "delta": 0.3}]
)
def test_the_counts_are_those_of_the_compiled_learner(mdp, options):
    compiled = entgame.run(mdp, 400, 5, checkpoints=[400], saturated="source", **options)
    run = explorer(mdp, **options).play(400)
    np.testing.assert_array_equal(run.counts, compiled.counts)
    value = compiled.checkpoints[0].optimistic_value
    assert mdp.start_mean(run.optimistic) == value
    other = explorer(mdp, seed=6, **options).play(400)
    assert (other.counts != compiled.counts).any()


def test_a_divided_run_is_one_run(tmp_path):
    whole = explorer(DRAWN).play(300)
    first = explorer(DRAWN)
    first.play(100)
    path = files.save(tmp_path / "run.npz", first.play(50))
    resumed = EntGame.resume(Sampler(DRAWN, 5, done=150), files.load(path))
    resumed.play(0)
    last = resumed.play(150)
    assert last.episodes == 300
    for name in ("counts", "optimistic", "available", "ended"):
        np.testing.assert_array_equal(getattr(last, name), getattr(whole, name))
    assert {tuple(row) for row in last.moves} == {tuple(row) for row in whole.moves}
    np.testing.assert_array_equal(whole.counts[:-1].sum(), whole.moves[:, 4].sum())


def test_frequency_and_policy():
    run = explorer(CHAIN).play(200)
    np.testing.assert_allclose(run.frequency.sum(axis=(1, 2)), 1)
    np.testing.assert_allclose(run.policy.sum(axis=2), 1)
    assert not hasattr(run, "visitation")
    with pytest.raises(ValueError, match="episodes = 0"):
        explorer(CHAIN).play(0).frequency  # noqa: B018


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


def test_ends_and_masks():
    env = Corridor()
    run = EntGame(env, horizon=6, states=3, actions=2, seed=11, masks=True).play(200)
    np.testing.assert_array_equal(run.ended, [0, 0, 1])
    np.testing.assert_array_equal(run.available, [[0, 1], [1, 1], [1, 1]])
    assert run.counts[:, 0, 0].sum() == 0
    assert run.counts[5, 2].sum() > 0  # the end is absorbing, and counted
    assert (run.counts.sum(axis=(1, 2)) == 200).all()
    assert len(set(env.seeds)) == 200
    again = EntGame(Corridor(), horizon=6, states=3, actions=2, seed=11, masks=True)
    again.play(80)
    resumed = EntGame.resume(Corridor(), again.run).play(120)
    np.testing.assert_array_equal(resumed.counts, run.counts)


def test_a_mask_is_a_smaller_game():
    """An action that is never available changes nothing but the number of pairs in B_t."""
    available = np.ones((GARNET.S, 4), dtype=bool)
    available[:, 1] = False
    kept = [0, 2, 3]
    P = np.zeros((5 - 1, GARNET.S, 4, GARNET.S))
    P[:, :, kept] = GARNET.dense()
    wide = EpisodicMDP(P, 5, 0, available)
    run = explorer(wide, available=available).play(100)
    assert run.counts[:, :, 1].sum() == 0
    assert (run.counts[0, 0, kept] > 0).all()
    assert (run.policy[:, :, 1] == 0).all()


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


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"horizon": 0}, "horizon = 0"),
        ({"states": None}, "states: the environment has no observation_space"),
        ({"n0": 0}, "n0 = 0"),
        ({"delta": 1}, "delta = 1"),
        ({"bonus_scale": -1}, "bonus_scale = -1"),
        ({"ceiling": "none"}, "ceiling = 'none'"),
        ({"available": np.zeros((9, 2), bool)}, r"available\[0\]: no action"),
        ({"seed": 0.5}, "seed = 0.5"),
    ],
)
def test_bad_options_are_refused(options, what):
    good = {"horizon": 8, "states": 9, "actions": 2}
    with pytest.raises(ValueError, match=what):
        EntGame(Sampler(CHAIN, 1), **(good | options))


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
