"""What somebody met who tried the doors of the package for the first time, each as a test."""

from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
from refusals import refusals

import rlentropy
from rlentropy.adapters import from_gymnasium
from rlentropy.episodic import environments, visitation
from rlentropy.learners import (
    entgame,
    on_simulator,
    optimistic_soft_vi,
    regularized_game,
    rf_ucrl,
    simulator,
    ucbvi_ent,
)

CHAIN = environments.double_chain(length=5, failure=0.1, horizon=4)
SIZES = {"horizon": 4, "states": 3, "actions": 2}


class Corridor:
    """0 -> 1 or the end, 1 -> the end or 1; the mask of the end is ``at_end``."""

    P: ClassVar = {
        0: {0: [(1.0, 1, 0.0, False)], 1: [(1.0, 2, 0.0, True)]},
        1: {0: [(1.0, 2, 0.0, True)], 1: [(1.0, 1, 0.0, False)]},
        2: {0: [(1.0, 2, 0.0, True)], 1: [(1.0, 2, 0.0, True)]},
    }
    initial_state_distrib = (1.0, 0.0, 0.0)
    observation_space = SimpleNamespace(n=3)
    action_space = SimpleNamespace(n=2)

    def __init__(self, at_end):
        self.at_end = at_end

    def action_mask(self, s):
        return np.array(self.at_end if s == 2 else [1, 1], np.int8)

    def reset(self, seed=None):
        self.s, self.seed = 0, seed
        return 0, {"action_mask": self.action_mask(0)}

    def step(self, a):
        _, self.s, reward, over = self.P[self.s][a][0]
        return self.s, reward, over, False, {"action_mask": self.action_mask(self.s)}


@pytest.mark.parametrize("at_end", [[1, 1], [1, 0], [0, 0]])
def test_an_end_has_all_actions_whatever_its_mask_says(at_end):
    env = Corridor(at_end)
    run = on_simulator.EntGame(env, horizon=4, masks=True, seed=0).play(200)
    table = from_gymnasium(Corridor([1, 1]), horizon=4, masks=True)
    known = entgame.run(table, 200, 0, saturated="source")
    np.testing.assert_array_equal(run.available, True)
    np.testing.assert_array_equal(run.counts, known.counts)
    assert visitation.visitation_entropy(run.frequency) == pytest.approx(known.visitation_entropy)


def test_a_probe_keeps_a_copy_of_what_is_written_over():
    theta = np.zeros((2, 4))
    probe = rlentropy.EntropyProbe(lambda model: model)
    probe.before(theta)
    theta[:, 0] += 3.0
    log = probe.after(theta)
    p = np.exp(theta[0]) / np.exp(theta[0]).sum()
    assert log["entropy/before"] == pytest.approx(np.log(4))
    assert log["entropy/change"] == pytest.approx(-(p @ np.log(p)) - np.log(4))


@pytest.mark.parametrize("slices", [slice(None, None, 2), slice(None, None, -1)])
def test_one_distribution_that_is_not_contiguous(slices):
    z, moved = np.random.default_rng(0).standard_normal((2, 10))
    found = rlentropy.entropy_change(z[slices], moved[slices])
    plain = rlentropy.entropy_change(z[slices].copy(), moved[slices].copy())
    assert found.exact == plain.exact


def test_units_by_the_name_of_their_type():
    old, new = np.random.default_rng(1).standard_normal((2, 3, 6))
    named = rlentropy.entropy_report(old, new, unit="bfloat16")
    plain = rlentropy.entropy_report(old, new, unit=2.0**-8)
    np.testing.assert_array_equal(named.rounding, plain.rounding)


def test_names_of_messages_can_be_reached():
    assert rlentropy.validation.normalised and rlentropy.files.save and rlentropy.learners


@pytest.mark.parametrize(
    "run",
    [
        lambda: ucbvi_ent.run(CHAIN, 3, 0),
        lambda: optimistic_soft_vi.run(CHAIN, 3, 0),
        lambda: regularized_game.run(CHAIN, 3, 0),
        lambda: rf_ucrl.rf_ucrl(CHAIN, 3, 0),
    ],
)
def test_results_show_their_sizes(run):
    assert "4x5x2" in repr(run())


def game(env, **options):
    return on_simulator.EntGame(env, **(SIZES | options))


def explorer(learner, **options):
    return on_simulator.Explorer(Corridor([1, 1]), learner, **SIZES, seed=1, **options)


def answers(**replies):
    """An environment whose reset or step gives something else."""
    env = Corridor([1, 1])
    for name, reply in replies.items():
        setattr(env, name, lambda *_args, reply=reply, **_kwargs: reply)
    return env


def on_chain(options):
    return lambda: ucbvi_ent.run(CHAIN, 3, 0, options=options)


drawn = from_gymnasium(Corridor([1, 1]), horizon=4)

test_bad_input_is_named = refusals(
    (lambda: game(answers(reset=(2, 3))).play(1), r"reset\(\) = \(2, 3\): expected a state"),
    (lambda: game(answers(step=(1, 0.0, {}, False, False))).play(1), "terminated of step"),
    (lambda: game(answers(step=(1, 0.0, "False", False, {}))).play(1), "terminated of step"),
    (
        lambda: game(answers(step=(1, 0.0, np.array([False, True]), False, {}))).play(1),
        "terminated of step",
    ),
    (lambda: game(Corridor), "env: the class Corridor, expected an instance"),
    (lambda: game((lambda: 0, lambda a: a), seed=1), "seed = 1: this reset takes no seed"),
    (lambda: game(simulator.Sampler(CHAIN, 5), seed=3), "seed = 3: this reset takes no seed"),
    (lambda: game(Corridor([1, 1]), n0=1e-300), "n0 = 1e-300"),
    (lambda: entgame.run(CHAIN, 3, 0, n0=1e308), r"n0 = 1e\+308"),
    (lambda: entgame.run(CHAIN, 3, 0, bonus_scale=1e308), r"bonus_scale = 1e\+308"),
    (lambda: ucbvi_ent.Options(bonus_scale=1e308), r"bonus_scale = 1e\+308"),
    (lambda: ucbvi_ent.Options(pooled="no"), "pooled = 'no'"),
    (lambda: rf_ucrl.RewardFreeOptions(clip=2), "clip = 2"),
    (lambda: rf_ucrl.RewardFreeOptions(ties="first"), "ties = 'first': expected one of"),
    (on_chain({"delta": 0.1}), "options: dict, expected Options"),
    (on_chain(0), "options: int, expected Options"),
    (on_chain(rf_ucrl.RewardFreeOptions()), "options: RewardFreeOptions, expected Options"),
    (lambda: explorer("UCBVI-Ent", options={}), "options: dict, expected Options"),
    (lambda: explorer("RF-UCRL", delta=0.1), "delta: RF-UCRL takes options"),
    (lambda: explorer("optimistic soft VI", options=0), "options: optimistic soft VI takes delta"),
    (
        lambda: on_simulator.EntGame.resume(
            SimpleNamespace(
                reset=None, step=None, observation_space=SimpleNamespace(n=9), action_space=None
            ),
            game(Corridor([1, 1])).play(2),
        ),
        r"env.observation_space.n = 9: the run was on one with 3",
    ),
    (lambda: rlentropy.EntropyProbe(lambda m: m, temprature=0.7), "option = 'temprature'"),
    (lambda: rlentropy.EntropyProbe(lambda _: None).before(1), "read: returned None"),
    (lambda: entgame.run(Corridor([1, 1]), 3, 0), "mdp: Corridor .*from_gymnasium"),
)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({0: [(1.0, 0, 0.0, False)], 1.9: [(1.0, 0, 0.0, False)]}, "an action of"),
        ({"up": [(1.0, 0, 0.0, False)]}, "an action of"),
        (None, "expected a table of actions"),
        ({0: None}, "expected a list of outcomes"),
    ],
)
def test_tables_of_gymnasium_are_read_as_they_stand(row, words):
    env = SimpleNamespace(
        P={0: row},
        observation_space=SimpleNamespace(n=1),
        action_space=SimpleNamespace(n=1),
        initial_state_distrib=[1.0],
    )
    with pytest.raises(ValueError, match=words):
        from_gymnasium(env, horizon=2)


def test_eps_wants_one_first_state():
    mdp = environments.double_chain(length=5, failure=0.1, horizon=4)
    start = np.full(mdp.S, 1 / mdp.S)
    spread = type(mdp)(mdp.dense(), 4, start)
    with pytest.raises(ValueError, match="eps: certified for one first state only"):
        entgame.run(spread, 0, 0, eps=0.1)
