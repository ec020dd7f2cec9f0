"""Stand-ins for environments of other libraries, against the originals."""

import numpy as np
import pytest

from rlentropy.stand_ins import Taxi


def original():
    gymnasium = pytest.importorskip("gymnasium", reason="gymnasium is not installed")
    names = [n for n in gymnasium.registry if n.startswith("Taxi-")]
    return gymnasium.make(names[-1]).unwrapped


def test_taxi_has_gymnasiums_table():
    env, mine = original(), Taxi()
    np.testing.assert_allclose(mine.initial_state_distrib, env.initial_state_distrib, atol=1e-15)
    for s in range(500):
        np.testing.assert_array_equal(mine.action_mask(s), env.action_mask(s))
        for a in range(6):
            assert [tuple(map(float, x)) for x in mine.P[s][a]] == [
                tuple(map(float, x)) for x in env.P[s][a]
            ]


def test_taxi_steps_as_its_table_says():
    env = Taxi()
    s, info = env.reset(seed=3)
    assert (s, env.reset(seed=3)[0]) == (s, s)
    for _ in range(300):
        a = int(np.flatnonzero(info["action_mask"])[-1])
        after, reward, done, truncated, info = env.step(a)
        assert [(1.0, after, reward, done)] == env.P[s][a]
        assert not truncated
        s = env.reset()[0] if done else after
        info = {"action_mask": env.action_mask(s)}
