"""Displays of statements, transcribed from the page and held against the package.

A function marked ``@display(label, k, text=..)`` transcribes the k-th display of a statement into
plain numpy, at small sizes that differ from each other. It yields lines

    left, "=", right        or        left, "<=", right

with the package on one side and the transcription on the other. ``text`` is a hash of the display:
when the display changes, its transcription has to be read again. Every equality is also tried with
the right side 3 % larger, and must then fail.

``python tests/book/transcription.py`` writes which displays are transcribed for the ledger page.
"""

import hashlib
import json
import re
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
STORE = ROOT / "book" / "transcribed.json"
STATEMENT = re.compile(
    r"^(?P<fence>:{3,})\{prf:(?!proof|algorithm)\w+\}(.*?)^(?P=fence)\s*$", re.S | re.M
)
SHOWN = re.compile(r":+\{prf:(?:theorem|lemma|proposition|corollary|example)\}")
DISPLAY = re.compile(r"\$\$(.*?)\$\$", re.S)
LABEL = re.compile(r"^:label: (\S+)$", re.M)
SPACE = re.compile(r"\s+|\\[,!;: ]|&|\\\\|\\q?quad|\\begin\{aligned\}|\\end\{aligned\}|\{\}")
NEAR = 0.03


def fingerprint(tex):
    """A hash of a display without its spacing and line breaks."""
    return hashlib.sha256(SPACE.sub("", tex).encode()).hexdigest()[:8]


def statements():
    """{label: words} of the whole book, definitions and remarks too; without line breaks."""
    found = {}
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            for fence in STATEMENT.finditer("".join(cell["source"])):
                label = LABEL.search(fence[2])
                if label:
                    found[label[1]] = " ".join(fence[0].split())
    return found


def all_displays():
    """{(label, k): TeX} of the statements of the whole book, k from 1."""
    return {
        (label, k): tex.strip()
        for label, words in statements().items()
        if SHOWN.match(words)
        for k, tex in enumerate(DISPLAY.findall(words), 1)
    }


TRANSCRIBED = {}


def display(label, k, *, text):
    """Register the transcription of the k-th display of a statement."""

    def register(lines):
        assert (label, k) not in TRANSCRIBED, f"{label}, display {k}: transcribed twice"
        TRANSCRIBED[label, k] = (text, lines)
        return lines

    return register


def assert_lines(lines):
    """Every line holds, and no equality holds with its right side 3 % larger."""
    count = 0
    for left, relation, right in lines:
        count += 1
        left, right = np.asarray(left, dtype=float), np.asarray(right, dtype=float)
        assert np.isfinite(left).all() and np.isfinite(right).all()
        if relation == "=":
            scale = np.abs(right).max()
            assert scale > 0, f"line {count}: nothing is compared"
            np.testing.assert_allclose(left, right, rtol=0, atol=1e-7 * scale)
            assert np.abs(left - (1 + NEAR) * right).max() > 1e-3 * scale
        else:
            assert relation == "<="
            assert (left <= right + 1e-12).all(), f"line {count}: {left} > {right}"
    assert count, "no line"


# ----------------------------------------------------------------- the letters of the book, plainly


def E(p, f):
    """sum_a p(a) f(a)."""
    return sum(x * y for x, y in zip(p, f, strict=True))


def Cov(p, f, g):
    f, g = np.asarray(f), np.asarray(g)
    return E(p, (f - E(p, f)) * (g - E(p, g)))


def Var(p, f):
    return Cov(p, f, f)


def kappa3(p, f, g, k):
    f, g, k = (np.asarray(x) for x in (f, g, k))
    return E(p, (f - E(p, f)) * (g - E(p, g)) * (k - E(p, k)))


def H(p):
    """-sum p log p, an entry 0 counts nothing."""
    return -sum(x * np.log(x) for x in np.ravel(p) if x > 0)


def KL(p, q):
    return sum(x * np.log(x / y) for x, y in zip(np.ravel(p), np.ravel(q), strict=True) if x > 0)


def softmax(x):
    e = np.exp(x)
    return e / e.sum(axis=-1, keepdims=True)


def slope(f, t=0.0, step=1e-4):
    """f'(t) by five points."""
    return (f(t - 2 * step) - 8 * f(t - step) + 8 * f(t + step) - f(t + 2 * step)) / (12 * step)


def bend(f, t=0.0, step=1e-3):
    """f''(t) by five points."""
    points = [f(t + k * step) for k in (-2, -1, 0, 1, 2)]
    return np.tensordot([-1, 16, -30, 16, -1], points, 1) / (12 * step**2)


def integral(f, low, high, points=40):
    """int_low^high f by Gauss and Legendre."""
    x, w = np.polynomial.legendre.leggauss(points)
    middle, half = (low + high) / 2, (high - low) / 2
    return half * sum(weight * f(middle + half * node) for node, weight in zip(x, w, strict=True))


class World:
    """A discounted process with S = 2 states and A = 3 actions; sums over 400 steps."""

    S, A, gamma, STEPS = 2, 3, 0.7, 400

    def __init__(self, seed=5):
        rng = np.random.default_rng(seed)
        self.P = rng.dirichlet(np.ones(self.S), (self.S, self.A))
        self.r = rng.normal(size=(self.S, self.A))
        self.mu = np.array([0.3, 0.7])
        self.theta = rng.normal(size=(self.S, self.A))
        self.other = rng.normal(size=(self.S, self.A))
        self.direction = rng.normal(size=(self.S, self.A))

    def mdp(self):
        from rlentropy.discounted.mdp import DiscountedMDP

        return DiscountedMDP(P=self.P, r=self.r, mu=self.mu, gamma=self.gamma)

    def P_pi(self, pi):
        return np.array([[E(pi[s], self.P[s, :, z]) for z in range(self.S)] for s in range(self.S)])

    def discounted(self, pi, f, start):
        """sum_t gamma^t E f(s_t) from a start distribution, by running the chain."""
        law, total, kernel = np.array(start, dtype=float), 0.0, self.P_pi(pi)
        for t in range(self.STEPS):
            total = total + self.gamma**t * (law @ f)
            law = law @ kernel
        return total

    def d(self, pi):
        return (1 - self.gamma) * self.discounted(pi, np.eye(self.S), self.mu)

    def V(self, pi, reward=None, tau=0.0):
        """V(s) with the entropy bonus tau; ``reward`` (S, A) for r."""
        reward = self.r if reward is None else reward
        gain = np.array([E(pi[s], reward[s]) + tau * H(pi[s]) for s in range(self.S)])
        return np.array([self.discounted(pi, gain, row) for row in np.eye(self.S)])

    def Q(self, pi, reward=None, tau=0.0):
        reward = self.r if reward is None else reward
        return reward + self.gamma * self.P @ self.V(pi, reward, tau)

    def adv(self, pi):
        return self.Q(pi) - self.V(pi)[:, None]

    def calH(self, pi):
        """E_d h, the entropy of the policy averaged over the visitation."""
        return E(self.d(pi), [H(row) for row in pi])


def store():
    """{label: [k, ..]} of the transcribed displays, in the order of the book."""
    found = {}
    for label, k in all_displays():
        if (label, k) in TRANSCRIBED:
            found.setdefault(label, []).append(k)
    return found


if __name__ == "__main__":
    import importlib

    import transcription  # the module that the transcriptions register with

    for path in sorted(Path(__file__).parent.glob("transcribed_*.py")):
        importlib.import_module(path.stem)
    STORE.write_text(json.dumps(transcription.store(), indent=1) + "\n", encoding="utf-8")
    count = len(transcription.TRANSCRIBED)
    print(f"{count} of {len(all_displays())} displays: {STORE.relative_to(ROOT)}")
