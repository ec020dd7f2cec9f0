"""Interior point for the entropy of the average visitation, with elimination over the stages.

With x = d / H, prices y (one a state-action pair), potentials V and the matrix X of `_kernels`, the
dual problem is

    min  V_1(s_1) / H + sum exp(-y) - 1    subject to    z = -X V - E y >= 0,

where E y is the price of the pair at each node, and x >= 0 are the multipliers of the constraints.
The optimum is where

    X' x = -e_1 / H,     E' x = exp(-y),     z = -X V - E y,     x z = 0.

Newton steps follow the path x z = mu c to mu = 0 (Mehrotra 1992); the weights c are the masses of
the start, so that nodes that are almost never reached are not pushed away from 0 any harder than
their mass deserves. A step solves

    [ X' W X        X' W E          ] [dV]     [b]
    [ E' W X   E' W E + diag exp -y ] [dy]  =  [c],     W = x / (z + rho x),

rho = delta / (x + c).

X' W X is block tridiagonal over the stages. It is eliminated forwards, so that the columns of a
stage are those pairs only that have been seen up to it; what remains is a system in y. The small
rho bounds W and so what rounding can do to that system; it changes the path, not its end, because
the residuals of all four equations are carried along.
"""

from typing import Any

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotrs, dtrtrs

from rlentropy._types import Bools, Floats
from rlentropy.episodic.max_entropy import _kernels as kernels
from rlentropy.episodic.mdp import EpisodicMDP

# Tried one after the other until the matrix is positive definite.
REGULARISATIONS = (1e-10, 1e-8, 1e-6, 1e-4)


class Stages:
    """The nodes of an MDP that are kept, and the matrices of a Newton step on them.

    kept (H, S) booleans: transitions to other nodes are dropped. Prices are vectors over the pairs
    of the states kept at some stage, in the order in which the stages first meet them.
    open (N, A) says which actions are available; the price of a pair that is not stays 0, and its
    x as well.
    """

    def __init__(self, mdp: EpisodicMDP, kept: Bools) -> None:
        self.net = kernels.network(mdp, kept)
        self.H, self.A = mdp.H, mdp.A
        met = np.where(kept.any(axis=0), kept.argmax(axis=0), mdp.H)
        self.states = np.argsort(met, kind="stable")[: np.count_nonzero(met < mdp.H)]
        rank = np.empty(mdp.S, dtype=int)
        rank[self.states] = np.arange(len(self.states))
        self.pairs = rank[self.net.state][:, None] * mdp.A + np.arange(mdp.A)
        self.open = mdp.available[self.net.state]
        self.priced = mdp.available[self.states].ravel()
        self.seen = mdp.A * np.searchsorted(met[self.states], np.arange(mdp.H), side="right")
        self.span = [slice(*self.net.first[h : h + 2]) for h in range(mdp.H)]
        self.moves = []
        for h in range(mdp.H - 1):
            here, there = (self.net.state[self.span[k]] for k in (h, h + 1))
            rows = here[:, None] * mdp.A + np.arange(mdp.A)
            self.moves.append(mdp.kernel(h)[rows.ravel()][:, there])

    @property
    def work(self) -> float:
        """Multiplications of one elimination, roughly."""
        return float(np.sum(np.diff(self.net.first) * self.seen.astype(float) ** 2))

    def pool(self, w: Floats) -> Floats:
        """E' w: the sum over stages at each pair; w (N, A)."""
        pooled: Any = np.bincount(self.pairs.ravel(), weights=w.ravel(), minlength=self.seen[-1])
        return pooled

    def slope(self, V: Floats, y: Floats) -> Floats:
        """X V + E y; shape (N, A)."""
        out = np.empty(self.pairs.shape)
        kernels.differences(self.net, V, out)
        return out + y[self.pairs]

    def flow(self, w: Floats) -> Floats:
        """X' w; shape (N,)."""
        out = np.empty(len(w))
        kernels.adjoint(self.net, w, out, 1)
        return out

    def factor(self, W: Floats, curvature: Floats) -> bool:
        """Eliminate the stages of the matrix above; False if it is not positive definite."""
        self.W = W
        self.curvature = curvature
        self.diagonal = []
        self.beside = []
        price = np.zeros((self.seen[-1], self.seen[-1]))
        # what the stages before have added to the block of this one, and to its columns
        block = np.zeros((len(self.net.start), len(self.net.start)))
        before = np.zeros((len(self.net.start), 0))
        for h, span in enumerate(self.span):
            w = W[span]
            nodes = np.arange(len(w))
            block[nodes, nodes] += w.sum(axis=1)
            columns = np.zeros((len(w), self.seen[h]))
            columns[:, : before.shape[1]] = before
            columns[nodes[:, None], self.pairs[span]] -= w
            lower, failed = dpotrf(block, lower=1)
            if failed:
                return False
            columns = dtrtrs(lower, columns, lower=1)[0]
            price[: self.seen[h], : self.seen[h]] -= columns.T @ columns
            self.diagonal.append(lower)
            if h + 1 < self.H:
                moves = self.moves[h].toarray()
                weighted = w.reshape(-1, 1) * moves
                leaving = weighted.reshape(len(w), self.A, -1).sum(axis=1)
                beside = dtrtrs(lower, -leaving, lower=1)[0]
                self.beside.append(beside)
                block = moves.T @ weighted - beside.T @ beside
                before = -(beside.T @ columns)
                before[:, self.pairs[span].ravel()] += weighted.T
        price[np.diag_indices_from(price)] += curvature + self.pool(W)
        self.price, failed = dpotrf(price, lower=1)
        return not failed

    def _potentials(self, b: Floats) -> Floats:
        """Solve X' W X v = b, forwards and backwards over the stages."""
        v = np.empty(len(b))
        for h, span in enumerate(self.span):
            rest = b[span] - (self.beside[h - 1].T @ v[self.span[h - 1]] if h > 0 else 0.0)
            v[span] = dtrtrs(self.diagonal[h], rest, lower=1)[0]
        for h, span in reversed(list(enumerate(self.span))):
            rest = v[span] - (self.beside[h] @ v[self.span[h + 1]] if h + 1 < self.H else 0.0)
            v[span] = dtrtrs(self.diagonal[h], rest, lower=1, trans=1)[0]
        return v

    def _solve(self, b: Floats, c: Floats) -> tuple[Floats, Floats]:
        no_price = np.zeros(len(c))
        dy = dpotrs(
            self.price, c - self.pool(self.W * self.slope(self._potentials(b), no_price)), lower=1
        )[0]
        return self._potentials(b - self.flow(self.W * dy[self.pairs])), dy

    def solve(self, b: Floats, c: Floats) -> tuple[Floats, Floats]:
        """(dV, dy) of the system above, refined once."""
        dV, dy = self._solve(b, c)
        image = self.W * self.slope(dV, dy)
        more_V, more_y = self._solve(
            b - self.flow(image), c - self.pool(image) - self.curvature * dy
        )
        return dV + more_V, dy + more_y


class InteriorPoint:
    """An iterate (x, z, V, y) with its weights c. ``step`` moves it; False if it cannot move on."""

    def __init__(self, stages: Stages, x: Floats, mu: float) -> None:
        self.stages = stages
        self.x = x
        self.weights = x.copy()
        self.y = -np.log(np.where(stages.priced, stages.pool(x), 1.0))
        self.V = self._potentials_above(mu)
        self.z = np.where(stages.open, -stages.slope(self.V, self.y), 1.0)

    def _potentials_above(self, mu: float) -> Floats:
        """V_h(s) = mu + max_a [y(s, a) + (p_h V_{h+1})(s, a)]: strictly feasible."""
        stages = self.stages
        V = np.empty(len(self.x))
        for h, span in reversed(list(enumerate(stages.span))):
            values = self.y[stages.pairs[span]]
            if h + 1 < stages.H:
                values = values + (stages.moves[h] @ V[stages.span[h + 1]]).reshape(values.shape)
            V[span] = mu + np.where(stages.open[span], values, -np.inf).max(axis=1)
        return V

    def step(self) -> bool:
        stages = self.stages
        out_of_place = np.where(stages.open, -stages.slope(self.V, self.y) - self.z, 0.0)
        masses = np.where(stages.priced, np.exp(-self.y), 0.0)
        for delta in REGULARISATIONS:
            rho = delta / np.where(stages.open, self.x + self.weights, 1.0)
            pivot = self.z + rho * self.x
            if stages.factor(self.x / pivot, np.where(stages.priced, masses, 1.0)):
                break
        else:
            return False

        def direction(target: Floats) -> tuple[Floats, Floats, Floats, Floats]:
            """Newton's (dx, dz, dV, dy) towards x z = x z + target."""
            fixed = (target - self.x * out_of_place) / pivot
            missing = -stages.flow(self.x + fixed)
            missing[stages.span[0]] -= stages.net.start / stages.H
            dV, dy = stages.solve(missing, masses - stages.pool(self.x + fixed))
            slope = np.where(stages.open, stages.slope(dV, dy), 0.0)
            dx = fixed + self.x * slope / pivot
            return dx, out_of_place - slope + rho * dx, dV, dy

        product = self.x * self.z
        mu = product.sum()
        dx, dz, _, _ = direction(-product)
        after = (self.x + _length(self.x, dx) * dx) * (self.z + _length(self.z, dz) * dz)
        centre = (after.sum() / mu) ** 3 * mu * self.weights
        dx, dz, dV, dy = direction(centre - product - dx * dz)
        length = min(_length(self.x, dx), _length(self.z, dz))
        length = min(1.0, max(0.9, 1.0 - mu) * length, 2.0 / max(np.abs(dy).max(), 1e-300))
        if not (length > 1e-8 and np.isfinite(dx).all() and np.isfinite(dz).all()):
            return False
        self.x = self.x + length * dx
        self.z = self.z + length * dz
        self.V = self.V + length * dV
        self.y = self.y + length * dy
        return True


def _length(v: Floats, dv: Floats) -> float:
    """The longest step of at most 1 that leaves v + step dv >= 0."""
    falling = dv < 0
    return min(1.0, (-v[falling] / dv[falling]).min(initial=1.0))
