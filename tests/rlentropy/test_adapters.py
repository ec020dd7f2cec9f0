"""Doors: the answers that the other libraries have, and what each door refuses."""

import numpy as np
import pytest
from scipy import sparse

from rlentropy import adapters
from rlentropy.discounted.evaluation import evaluate, optimal
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.episodic.visitation import policy_visitation

GAMMA = 0.99


# --------------------------------------------------------------------------------------- gymnasium


def values_from_table(table, gamma, sweeps=5000):
    """Value iteration on a gymnasium table as it stands, without any of our code."""
    V = np.zeros(len(table))
    for _ in range(sweeps):
        before = V.copy()
        for s, actions in table.items():
            V[s] = max(
                sum(p * (reward + gamma * (not done) * before[t]) for p, t, reward, done in row)
                for row in actions.values()
            )
        if np.abs(V - before).max() < 1e-13:
            return V
    raise AssertionError("no convergence")


def environment(family):
    gymnasium = pytest.importorskip("gymnasium", reason="gymnasium is not installed")
    names = [n for n in gymnasium.registry if n.split("-v")[0] == family]
    if not names:
        pytest.skip(f"this gymnasium has no {family}")
    return gymnasium.make(names[-1])


@pytest.mark.parametrize(
    ("family", "value"),
    [("Taxi", 6.3274645), ("CliffWalking", -12.2478977), ("FrozenLake", 0.5420259)],
)
def test_values_of_gymnasium_tables(family, value):
    env = environment(family)
    mdp = adapters.from_gymnasium(env, gamma=GAMMA)
    V = optimal(mdp).V
    assert V @ mdp.mu == pytest.approx(value, abs=5e-7)
    n = env.observation_space.n
    oracle = values_from_table(env.unwrapped.P, GAMMA)
    kept = np.ones(n, dtype=bool)
    # a state in which an episode only ends is free afterwards, whatever its row in the table says
    kept[
        [t for s in range(n) for row in env.unwrapped.P[s].values() for _, t, _, d in row if d]
    ] = 0
    kept[: n if mdp.S > n else 0] = True
    np.testing.assert_allclose(V[:n][kept], oracle[kept], atol=1e-9)


def test_masks_of_taxi_change_no_value():
    env = environment("Taxi")
    mdp = adapters.from_gymnasium(env, gamma=GAMMA, masks=True)
    assert not mdp.available.all()
    assert optimal(mdp).V @ mdp.mu == pytest.approx(6.3274645, abs=5e-7)


class Table:
    """Two states and an end: action 0 pays 1 and stays, action 1 pays 5 and ends in state 0."""

    initial_state_distrib = (0.5, 0.5)

    def __init__(self, **rows):
        self.P = {
            0: {0: [(1.0, 0, 1.0, False)], 1: [(0.25, 0, 5.0, True), (0.75, 0, 1.0, True)]},
            1: {0: [(0.5, 0, 2.0, False), (0.5, 0, 4.0, False)]},
        } | rows


def test_done_is_free_and_duplicates_add_up():
    mdp = adapters.from_gymnasium(Table(), gamma=0.5)
    # state 2 is the end in state 0, which is entered without done as well; state 1 has one action
    assert (mdp.S, mdp.A) == (3, 2)
    np.testing.assert_array_equal(mdp.available, [[1, 1], [1, 0], [1, 1]])
    np.testing.assert_allclose(mdp.r, [[1, 2], [3, -np.inf], [0, 0]])
    np.testing.assert_allclose(optimal(mdp).V, [2, 4, 0], atol=1e-14)
    episodic = adapters.from_gymnasium(Table(), horizon=3)
    np.testing.assert_allclose(episodic.start_distribution, [0.5, 0.5, 0])
    pi = np.tile([[0.0, 1.0], [1.0, 0.0], [1.0, 0.0]], (3, 1, 1))
    state = policy_visitation(episodic, pi).sum(axis=2)
    np.testing.assert_allclose(state, [[0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0, 1]])


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        ({"x": 1}, None),
        ({0: {0: [(0.5, 0, 0, False)]}}, r"P\[0, 0\] sums to 0.5"),
        ({0: {0: [(1.0, 7, 0, False)]}}, r"next state in P\[0\]\[0\]\[0\] = 7"),
        ({0: {0: [(1.0, 0, np.nan, False)]}}, r"reward in P\[0\]\[0\]\[0\] = nan"),
        ({0: {0: [(-1.0, 0, 0, False), (2.0, 0, 0, False)]}}, r"p in P\[0\]\[0\]\[0\] = -1"),
        ({0: {0: [(1.0, 0, 0)]}}, r"P\[0\]\[0\]\[0\] = \(1.0, 0, 0\)"),
        ({0: {0: [(1.0, 0, 0, 2)]}}, r"done = 2"),
        ({0: {}}, r"\[0\]: no action"),
    ],
)
def test_bad_tables_are_refused_by_place(rows, what):
    env = Table()
    env.P = env.P | {k: v for k, v in rows.items() if k != "x"}
    if what is None:
        assert adapters.from_gymnasium(env, gamma=0.5).S == 3
        return
    with pytest.raises(ValueError, match=what):
        adapters.from_gymnasium(env, gamma=0.5)


def test_a_door_asks_for_what_it_needs():
    with pytest.raises(ValueError, match="gamma for a discounted MDP or horizon"):
        adapters.from_gymnasium(Table())
    with pytest.raises(ValueError, match="gamma for a discounted MDP or horizon"):
        adapters.from_gymnasium(Table(), gamma=0.5, horizon=3)
    with pytest.raises(ValueError, match="has no table P"):
        adapters.from_gymnasium(object(), gamma=0.5)
    with pytest.raises(ValueError, match="no action_mask"):
        adapters.from_gymnasium(Table(), gamma=0.5, masks=True)
    env = Table()
    env.initial_state_distrib = None
    with pytest.raises(ValueError, match="start"):
        adapters.from_gymnasium(env, gamma=0.5)
    assert adapters.from_gymnasium(env, gamma=0.5, start=1).mu[1] == 1


# ------------------------------------------------------------------------------------- MDPToolbox


@pytest.mark.filterwarnings("ignore:Comparing a sparse matrix")  # by the toolbox
@pytest.mark.parametrize("case", ["small", "forest", "rand", "sparse"])
def test_values_of_mdptoolbox(case):
    example = pytest.importorskip("mdptoolbox.example", reason="pymdptoolbox is not installed")
    toolbox = pytest.importorskip("mdptoolbox.mdp", reason="pymdptoolbox is not installed")
    np.random.seed(4)  # noqa: NPY002  the toolbox draws from the global generator
    made = {
        "small": example.small,
        "forest": example.forest,
        "rand": lambda: example.rand(6, 3),
        "sparse": lambda: example.rand(6, 3, is_sparse=True),
    }
    P, R = made[case]()
    solver = toolbox.PolicyIteration(P, R, 0.9)
    solver.run()
    mdp = adapters.from_mdptoolbox(P, R, gamma=0.9, start=0)
    np.testing.assert_allclose(optimal(mdp).V, solver.V, rtol=1e-9)
    assert mdp.sparse == (case == "sparse")


def test_the_small_example_is_not_taken_for_our_shape():
    P = np.array([[[0.5, 0.5], [0.8, 0.2]], [[0.0, 1.0], [0.1, 0.9]]])
    R = np.array([[5.0, 10.0], [-1.0, 2.0]])
    mdp = adapters.from_mdptoolbox(P, R, gamma=0.96, start=0)
    np.testing.assert_array_equal(mdp.P[0, 1], P[1][0])
    listed = adapters.from_mdptoolbox([sparse.csr_matrix(K) for K in P], R, gamma=0.96, start=0)
    np.testing.assert_array_equal(listed.P.toarray(), mdp.P.reshape(4, 2))


def test_rewards_by_state_and_by_transition():
    rng = np.random.default_rng(1)
    P = rng.dirichlet(np.ones(3), size=(2, 3))
    R = rng.standard_normal((2, 3, 3))
    by_move = adapters.from_mdptoolbox(P, R, gamma=0.9, start=[0.5, 0.5, 0]).r
    np.testing.assert_allclose(by_move, (P * R).sum(axis=2).T)
    by_state = adapters.from_mdptoolbox(P, R[0, 0], gamma=0.9, start=0).r
    np.testing.assert_array_equal(by_state, np.stack([R[0, 0], R[0, 0]], axis=1))


def test_unavailable_actions_of_mdptoolbox():
    rng = np.random.default_rng(2)
    P = rng.dirichlet(np.ones(3), size=(2, 3))
    R = rng.standard_normal((3, 2))
    allowed = np.array([[1, 1], [1, 0], [0, 1]], dtype=bool)
    one = adapters.from_mdptoolbox(P, R, gamma=0.9, start=0, available=allowed)
    other = adapters.from_mdptoolbox(P, np.where(allowed, R, -np.inf), gamma=0.9, start=0)
    np.testing.assert_array_equal(one.r, other.r)
    np.testing.assert_array_equal(one.P, other.P)
    best = max(
        evaluate(one, np.eye(2)[list(choice)]).V.sum()
        for choice in np.ndindex(2, 2, 2)
        if allowed[range(3), choice].all()
    )
    assert optimal(one).V.sum() == pytest.approx(best, abs=1e-12)
    with pytest.raises(ValueError, match=r"pi\[1, 1\] = 1.0: the action is not available"):
        evaluate(one, np.eye(2)[[0, 1, 1]])
    episodic = adapters.from_mdptoolbox(P, horizon=3, start=0, available=allowed)
    assert isinstance(episodic, EpisodicMDP)
    np.testing.assert_array_equal(episodic.available, allowed)


@pytest.mark.parametrize(
    ("P", "R", "what"),
    [
        (np.ones((2, 3, 2)) / 2, np.zeros((2, 2)), r"P\[0\]: shape \(3, 2\)"),
        (sparse.eye_array(4), np.zeros(4), "P: one .*, expected a matrix"),
        ([], np.zeros(4), "P: no action"),
        (np.tile(np.eye(2), (2, 1, 1)), np.zeros((2, 3)), r"R: shape \(2, 3\), expected \(2, 2\)"),
        (np.tile(np.eye(2), (2, 1, 1)), np.zeros((3, 2, 2)), r"R: shape \(3,\), expected \(2,\)"),
        (np.tile(np.eye(2), (2, 1, 1)), None, "R: a discounted MDP needs rewards"),
    ],
)
def test_bad_matrices_are_refused(P, R, what):
    with pytest.raises(ValueError, match=what):
        adapters.from_mdptoolbox(P, R, gamma=0.9, start=0)


def test_a_list_of_square_matrices_is_not_guessed():
    matrices = [sparse.csr_array(np.eye(2)), sparse.csr_array(np.eye(2)[::-1])]
    with pytest.raises(ValueError, match="from_mdptoolbox"):
        EpisodicMDP(matrices, 3, 0)
    assert EpisodicMDP(tuple(matrices), 3, 0).A == 1
    assert adapters.from_mdptoolbox(matrices, horizon=3, start=0).A == 2


# -------------------------------------------------------------------------------------- QuantEcon


def test_values_of_quantecon():
    markov = pytest.importorskip("quantecon.markov", reason="quantecon is not installed")
    rng = np.random.default_rng(3)
    R = rng.standard_normal((4, 3))
    R[[0, 2], [1, 2]] = -np.inf
    Q = rng.dirichlet(np.ones(4), size=(4, 3))
    product = markov.DiscreteDP(R, Q, 0.95)
    s, a = np.nonzero(R > -np.inf)
    listed = markov.DiscreteDP(R[s, a], Q[s, a], 0.95, s, a)
    thin = markov.DiscreteDP(R[s, a], sparse.csr_matrix(Q[s, a]), 0.95, s, a)
    for ddp in (product, listed, thin):
        mdp = adapters.from_quantecon(ddp, start=[0.25] * 4)
        answer = ddp.solve(method="policy_iteration").v
        np.testing.assert_allclose(optimal(mdp).V, answer, rtol=1e-12)
        np.testing.assert_array_equal(mdp.available, R > -np.inf)
        episodic = adapters.from_quantecon(ddp, start=1, horizon=4)
        np.testing.assert_array_equal(episodic.available, R > -np.inf)
    assert adapters.from_quantecon(thin, start=0).sparse


class Pairs:
    """What `from_quantecon` reads."""

    def __init__(self, R, Q, beta, s_indices=None, a_indices=None):
        self.R, self.Q, self.beta = R, Q, beta
        self.s_indices, self.a_indices = s_indices, a_indices


@pytest.mark.parametrize(
    ("ddp", "what"),
    [
        (object(), "has no R"),
        (Pairs(np.zeros((2, 1)), np.ones((2, 1, 2)) / 2, 1.0), "gamma = 1.0"),
        (Pairs([0, 0.0], np.eye(2), 0.5, [0, 0], [0, 0]), "listed twice"),
        (Pairs([0, 0.0], np.eye(2), 0.5, [0, 3], [0, 0]), r"s_indices\[1\] = 3"),
        (Pairs([0, 0.0], np.eye(2), 0.5, [0, 0], [0, 1]), r"available\[1\]: no action"),
        (Pairs([0, np.nan], np.eye(2), 0.5, [0, 1], [0, 0]), r"R\[1, 0\] = nan"),
    ],
)
def test_bad_decision_problems_are_refused(ddp, what):
    with pytest.raises(ValueError, match=what):
        adapters.from_quantecon(ddp, start=0)
