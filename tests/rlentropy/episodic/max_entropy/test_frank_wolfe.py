"""Frank-Wolfe: between its two bounds, each step the best of its segment, slow where mirror ascent is fast."""

import numpy as np
import pytest

from rlentropy.episodic import environments
from rlentropy.episodic import max_entropy as mve
from rlentropy.episodic import visitation as vis
from rlentropy.episodic.visitation import visitation_entropy

CHAIN = environments.double_chain(length=9, failure=0.1, horizon=8)
CASES = [
    CHAIN,
    environments.garnet(states=5, actions=3, horizon=5, branching=2, seed=3),
    environments.garnet(states=1, actions=3, horizon=2, branching=1, seed=0),
]


@pytest.mark.parametrize("mdp", CASES)
def test_values_and_bounds_enclose_the_optimum(mdp):
    best = mve.solve(mdp)
    run = mve.frank_wolfe(mdp, 30)
    assert run.values.shape == run.bounds.shape == (31,)
    assert np.diff(run.values).min() >= -1e-13
    assert run.values.max() <= best.value + 1e-10
    assert run.bounds.min() >= best.value - 1e-12
    assert run.values[-1] == pytest.approx(visitation_entropy(run.visitation), abs=1e-14)
    assert run.bounds[-1] == pytest.approx(mve.certificate(mdp, run.visitation), abs=1e-12)
    assert vis.flow_residual(mdp, run.visitation) < 1e-13


def test_a_step_is_the_best_of_its_segment():
    first = mve.frank_wolfe(CHAIN, 1).visitation
    start = mve.frank_wolfe(CHAIN, 0).visitation
    for stretch in (0.9, 0.99, 1.01, 1.1):
        assert visitation_entropy(start + stretch * (first - start)) < visitation_entropy(first)


def test_it_is_slow_where_mirror_ascent_is_fast():
    best = mve.solve(CHAIN).value
    assert best - mve.frank_wolfe(CHAIN, 100).values[-1] > 1e-3
    assert best - mve.mirror_ascent(CHAIN, 100).values[-1] < 1e-9
