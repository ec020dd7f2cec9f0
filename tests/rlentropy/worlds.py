"""Processes, policies and differences that tests of several wings share."""

import numpy as np
from hypothesis import strategies as st
from scipy import sparse

from rlentropy.discounted import environments
from rlentropy.discounted.mdp import DiscountedMDP
from rlentropy.episodic import environments as episodic
from rlentropy.episodic.mdp import EpisodicMDP

TAU = 0.3


def case(seed=0, *, states=5, actions=3, gamma=0.9, branching=3, sparse_kernel=False):
    """A discounted garnet with random logits and a random direction of them."""
    sizes = {"states": states, "actions": actions, "branching": branching}
    model = environments.garnet(**sizes, gamma=gamma, seed=seed, sparse_kernel=sparse_kernel)
    return model, *np.random.default_rng(seed).normal(size=(2, states, actions))


def random_policy(mdp, rng):
    """Probabilities (S, A), or (H, S, A) where the process is episodic."""
    size = (mdp.H, mdp.S) if isinstance(mdp, EpisodicMDP) else mdp.S
    return np.random.default_rng(rng).dirichlet(np.ones(mdp.A), size=size)


def thin(mdp):
    """The same process with a sparse kernel."""
    rows = sparse.csr_array(mdp.P.reshape(mdp.S * mdp.A, mdp.S))
    return DiscountedMDP(P=rows, r=mdp.r, mu=mdp.mu, gamma=mdp.gamma)


def island(gamma=0.9, *, seed=0):
    """States 0, 1, 2 are closed and hold the start;
    states 3, 4 lead everywhere but are never entered."""
    rng = np.random.default_rng(seed)
    P = rng.dirichlet(np.ones(5), size=(5, 2))
    P[:3, :, 3:] = 0
    P /= P.sum(axis=2, keepdims=True)
    return DiscountedMDP(P=P, r=rng.standard_normal((5, 2)), mu=[0.5, 0.5, 0, 0, 0], gamma=gamma)


def central(f, step=1e-3):
    """Fourth-order central difference of f at 0."""
    return (8 * (f(step) - f(-step)) - (f(2 * step) - f(-2 * step))) / (12 * step)


@st.composite
def small_mdps(draw):
    """Episodic garnets with zeros (unreachable states), stationary or not, down to one state, one
    action, one stage."""
    S, A, H = draw(st.integers(1, 5)), draw(st.integers(1, 3)), draw(st.integers(1, 4))
    sizes = {"states": S, "actions": A, "horizon": H, "branching": draw(st.integers(1, S))}
    seed, stationary = draw(st.integers(0, 10_000)), draw(st.booleans())
    return episodic.garnet(**sizes, seed=seed, stationary=stationary)
