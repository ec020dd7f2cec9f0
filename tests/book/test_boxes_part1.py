"""The displays in the boxes of chapters 1 to 4 and 19, transcribed and computed on one small process.

Each row pairs a fragment of a statement's TeX, which must stand in its box, with what it says in plain
numpy, written without the package. A sign or a constant changed in the box is missed by no row; a row
that was transcribed wrongly fails on the numbers.
"""

import json
import re
from pathlib import Path

import numpy as np
import pytest

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
RNG = np.random.default_rng(11)
GAMMA, ETA, N = 0.8, 1e-4, 3
THETA, DIRECTION = RNG.normal(size=(2, 2, N))
P = RNG.dirichlet(np.ones(2), size=(2, N))
REWARD, MU = RNG.normal(size=(2, N)), np.array([0.3, 0.7])


def softmax(x):
    return np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True)


def entropy(p):
    return -np.sum(p * np.log(p), axis=-1)


def mean(p, f):
    return np.sum(p * f, axis=-1)


def cov(p, f, g):
    return mean(p, f * g) - mean(p, f) * mean(p, g)


def kl(p, q):
    return np.sum(p * np.log(p / q), axis=-1)


def cumulant3(p, f, g, k):
    return mean(p, (f - mean(p, f)) * (g - mean(p, g)) * (k - mean(p, k)))


def value(pi):
    chain = np.einsum("sa,sat->st", pi, P)
    total, weight = 0, np.eye(2)
    for _ in range(300):
        total = total + weight @ mean(pi, REWARD)
        weight = GAMMA * weight @ chain
    return total


def visits(pi):
    chain = np.einsum("sa,sat->st", pi, P)
    return (1 - GAMMA) * MU @ sum(GAMMA**t * np.linalg.matrix_power(chain, t) for t in range(300))


def slope(f, x, step=1e-5):
    """Derivative of f along each entry of x by central differences."""
    bumps = step * np.eye(x.size).reshape(-1, *x.shape)
    return np.array([(f(x + b) - f(x - b)) / (2 * step) for b in bumps]).reshape(x.shape)


PI = softmax(THETA)
H = entropy(PI)
V = value(PI)
Q = REWARD + GAMMA * P @ V
ADV = Q - V[:, None]
D = visits(PI)
LOG = np.log(PI)
ELL = LOG + H[:, None]
p, log_p, h, ell = PI[0], LOG[0], H[0], ELL[0]
theta, x = THETA[0], DIRECTION[0]
osc = np.ptp(x)
T = 0.7
p_t = softmax(theta + T * x)
along = lambda t: entropy(softmax(theta + t * x))  # noqa: E731
rate = (along(T + 1e-5) - along(T - 1e-5)) / 2e-5
bend = (along(T + 1e-3) - 2 * along(T) + along(T - 1e-3)) / 1e-6
psi = np.log(mean(p, np.exp(T * x)))
psi_1 = mean(p_t, x)
tilted = p * np.exp(T * x) / mean(p, np.exp(T * x))
other = softmax(np.array([0.4, -1.0, 0.3]))
npg = softmax(THETA + T * ADV)
share = p * ell
adv = x - mean(p, x)
effect = np.array(
    [(entropy(softmax(theta + 1e-6 * adv[b] * (np.eye(N)[b] - p))) - h) / 1e-6 for b in range(N)]
)
euclid = p + ETA * (x - x.mean())

# label, fragment of its box, left side, right side, tolerance
EQUALITIES = [
    (
        "thm-entropy-range",
        r"H(p)&=\log n-\mathrm{KL}(p\,\Vert\,u)",
        h,
        np.log(N) - kl(p, 1 / N),
        1e-12,
    ),
    (
        "thm-bellman",
        r"V^\pi&=(I-\gamma P_\pi)^{-1}r_\pi",
        V,
        np.linalg.solve(np.eye(2) - GAMMA * np.einsum("sa,sat->st", PI, P), mean(PI, REWARD)),
        1e-10,
    ),
    (
        "thm-visitation",
        r"d^\pi=(1-\gamma)\,\mu^\top(I-\gamma P_\pi)^{-1}",
        D,
        (1 - GAMMA) * np.linalg.solve(np.eye(2) - GAMMA * np.einsum("sa,sat->st", PI, P).T, MU),
        1e-10,
    ),
    (
        "thm-visitation",
        r"(1-\gamma)\,V^\pi(\mu)=\mathrm E_{s\sim d^\pi}[r_\pi(s)]",
        (1 - GAMMA) * MU @ V,
        D @ mean(PI, REWARD),
        1e-10,
    ),
    (
        "lem-gibbs",
        r"\langle p,x\rangle+H(p)&=\operatorname{lse}(x)-\mathrm{KL}\big(p\,\Vert\,\operatorname{softmax}x\big)",
        mean(p, x) + h,
        np.log(np.exp(x).sum()) - kl(p, softmax(x)),
        1e-12,
    ),
    (
        "thm-npg-equivalences",
        r"p^*=\operatorname{softmax}(\theta_s+\eta q)",
        tilted,
        softmax(theta + T * x),
        1e-12,
    ),
    (
        "thm-npg-equivalences",
        r"\frac1\eta\,\mathrm{KL}(p\,\Vert\,p^*).",
        np.log(mean(p, np.exp(T * x))) / T - mean(other, x) + kl(other, p) / T,
        kl(other, p_t) / T,
        1e-12,
    ),
    (
        "thm-policy-gradient",
        r"\frac{d^\pi(s)\,\pi(a\mid s)\,A^\pi(s,a)}{1-\gamma},",
        slope(lambda z: MU @ value(softmax(z)), THETA),
        D[:, None] * PI * ADV / (1 - GAMMA),
        1e-7,
    ),
    (
        "lem-npg-fisher",
        r"\eta=\frac{\eta'}{1-\gamma}",
        (ADV - ADV.mean(1, keepdims=True)) / (1 - GAMMA),
        (
            lambda F: (
                np.linalg.pinv(F, 1e-10) @ (D[:, None] * PI * ADV / (1 - GAMMA)).ravel()
            ).reshape(2, N)
        )(
            np.kron(np.diag([D[0], 0]), np.diag(PI[0]) - np.outer(PI[0], PI[0]))
            + np.kron(np.diag([0, D[1]]), np.diag(PI[1]) - np.outer(PI[1], PI[1]))
        ),
        1e-9,
    ),
    (
        "prop-npg-monotone",
        r"\mathrm E_{\pi'}A^\pi=\tfrac1\eta\big[\mathrm{KL}(\pi'\,\Vert\,\pi)+\mathrm{KL}(\pi\,\Vert\,\pi')\big]\ge0",
        mean(npg, ADV),
        (kl(npg, PI) + kl(PI, npg)) / T,
        1e-9,
    ),
    (
        "lem-log-derivative",
        r"\mathbf 1\{s=s'\}(\mathbf 1\{a=a'\}-\pi_\theta(a'|s))",
        np.array([slope(lambda z, a=a: np.log(softmax(z))[a], theta) for a in range(N)]),
        np.eye(N) - p,
        1e-8,
    ),
    (
        "lem-entropy-gradient",
        r"-\mathrm E_\pi\big[\log\pi\,\nabla_\theta\log\pi\big](s)",
        slope(lambda z: entropy(softmax(z)), theta),
        -np.sum((p * log_p)[:, None] * (np.eye(N) - p), axis=0),
        1e-8,
    ),
    (
        "lem-score-covariance",
        r"\mathbf 1\{s=s'\}\,\pi(a'\mid s)\,\ell(a')",
        np.sum((p * log_p)[:, None] * (np.eye(N) - p), axis=0),
        p * ell,
        1e-12,
    ),
    (
        "thm-covariance-identity",
        r"&=-\mathrm{Cov}_{a\sim\pi(\cdot|s)}(\log\pi(a|s),\Delta_{s,a}).",
        (along(1e-5) - along(-1e-5)) / 2e-5,
        -cov(p, log_p, x),
        1e-8,
    ),
    (
        "prop-first-order",
        r"=-\eta\,\mathrm{Cov}_{\pi_k}(\log\pi_k,A^{\pi_k})(s)+O(\eta^2)",
        (entropy(softmax(THETA + ETA * ADV)) - H) / ETA,
        -cov(PI, LOG, ADV),
        1e-3,
    ),
    (
        "prop-action-contribution",
        r"-\eta\,\pi(a\mid s)\,\ell(a)\,A(a)",
        -np.sum(p * ell * adv),
        -cov(p, log_p, adv),
        1e-12,
    ),
    (
        "prop-mirror-step",
        r"\tfrac{d}{d\eta}H(\pi_\eta)&=-Z\,\mathrm{Cov}_w(\log\pi,A).",
        (entropy(euclid) - h) / ETA,
        -N * cov(np.full(N, 1 / N), log_p, x),
        1e-3,
    ),
    (
        "prop-sampled-action",
        r"&=-\eta A(b)\big(S(b)-\mathrm E_\pi S\big),",
        effect,
        -adv * (share - mean(p, share)),
        1e-5,
    ),
    (
        "prop-sampled-action",
        r"-\eta\,\mathrm{Cov}_\pi(\log\pi,\pi A)",
        -mean(p, adv * (share - mean(p, share))),
        -cov(p, log_p, p * adv),
        1e-12,
    ),
    (
        "thm-path-derivative",
        r"&=-\mathrm{Cov}_t(\log\pi,A)-t\,\mathrm{Var}_t(A).",
        rate,
        -cov(p_t, log_p, x) - T * cov(p_t, x, x),
        1e-8,
    ),
    (
        "cor-closed-form",
        r"H_t&=-\mathrm E_t[\log\pi]-t\,\psi'+\psi,",
        along(T),
        -mean(p_t, log_p) - T * psi_1 + psi,
        1e-12,
    ),
    (
        "cor-closed-form",
        r"\mathrm{KL}(\pi_t\|\pi)&=t\,\psi'-\psi",
        kl(p_t, p),
        T * psi_1 - psi,
        1e-12,
    ),
    (
        "thm-exact-identity",
        r"&\quad=-(\mathrm E_{\pi'}-\mathrm E_\pi)[\log\pi]-\mathrm{KL}(\pi'\|\pi)\\",
        entropy(other) - h,
        -(mean(other, log_p) - mean(p, log_p)) - kl(other, p),
        1e-12,
    ),
    (
        "prop-second-order",
        r"\ddot H_t=-\mathrm{Var}_t(A)-\kappa_{3,t}(\log\pi_t,A,A),",
        bend,
        -cov(p_t, x, x) - cumulant3(p_t, np.log(p_t), x, x),
        1e-5,
    ),
    (
        "prop-remainder-bound",
        r"&=-\mathrm E_t\big[(A-\mathrm E_tA)^2\,(1+\log\pi_t+H_t)\big]\\",
        bend,
        -mean(p_t, (x - psi_1) ** 2 * (1 + np.log(p_t) + along(T))),
        1e-5,
    ),
    (
        "prop-beta-criterion",
        r"\dot H_t=-(t+\beta_t)\,\mathrm{Var}_t(A)",
        rate,
        -(T + cov(p_t, log_p, x) / cov(p_t, x, x)) * cov(p_t, x, x),
        1e-8,
    ),
]

# words and inequalities whose direction or constant no equality above carries; each was proved or checked
# as it stands here, and the numbers of the rows beside them are in the chapters' checks
WORDS = [
    ("prop-action-contribution", r"raises $h(s)$ if and only if $\pi(a\mid s)<e^{-h(s)}$"),
    ("prop-action-contribution", r"If $A(a)>0$ the contribution is positive if and only if $\pi(a\mid s)<e^{-h(s)}$"),
    ("prop-action-contribution", r"if $A(a)<0$, if and only if $\pi(a\mid s)>e^{-h(s)}$"),
    ("prop-action-contribution", r"$\frac1n\le e^{-h(s)}\le\max_b\pi(b\mid s)$"),
    ("prop-conclusions", r"If $\mathrm{Cov}_\pi(\log\pi,A)>0$, entropy falls at every small enough step"),
    ("prop-conclusions", r"for some pair of unlike probabilities more, then the covariance is positive"),
    ("prop-favoured-action", r"$|A(a)|\le(1-\pi(a))\operatorname{osc}A$"),
    ("prop-favoured-action", r"\varepsilon_k:=\tfrac{\varepsilon_0}{\varepsilon_0+(1-\varepsilon_0)e^{G_k}}"),
    ("prop-favoured-action", r"h_k&\le H_2(\varepsilon_k)+\varepsilon_k\log(n-1)"),
    ("prop-remainder-bound", r"\in\big[-\tfrac14(1+H_t)D^2,\;H_tD^2\big]"),
    ("prop-remainder-bound", r"\le\tfrac12\,\eta^2D^2\log n\le2\,\eta^2\,\|A\|_\infty^2\log n"),
    ("prop-remainder-bound", r"|\ddot H|=\frac{1}{6\sqrt3}\log n+O(1)"),
    ("cor-sign-certificate", r"\frac{2\,|\mathrm{Cov}_\pi(\log\pi,A)|}{D^2\log n}"),
    ("cor-sign-certificate", r"\operatorname{sign}\Delta H=-\operatorname{sign}\mathrm{Cov}_\pi(\log\pi,A)"),
    ("prop-beta-criterion", r"entropy rises at $t$ if and only if $\beta_t<-t$"),
    ("prop-rise", r"$(\mathrm E_\pi-\mathrm E_{\pi_\eta})[\log\pi]>\mathrm{KL}(\pi_\eta\|\pi)$"),
    ("prop-rise", r"$xg<0$ and $\eta|g|<2|x|$"),
    ("thm-visitation", r"$d^\pi\ge(1-\gamma)\mu$"),
    ("prop-npg-monotone", r"V^{\pi'}-V^\pi\ge\mathrm E_{\pi'}A^\pi"),
    ("thm-rlhf-one-step", r"one step of size $\eta_1+\dots+\eta_k$"),
    ("prop-sampled-action", r"\mathrm E_\pi[A^2(S-\mathrm E_\pi S)^2]-\mathrm{Cov}_\pi(S,A)^2"),
]  # fmt: skip

BLOCK = re.compile(r"^:::\{prf:(?!proof)\w+\}.*?^:::$", re.MULTILINE | re.DOTALL)


def boxes():
    """{label: TeX of the statement} of the chapters 1 to 4 and 19."""
    found = {}
    for path in sorted([*NOTEBOOKS.glob("0[1-4]_*.ipynb"), *NOTEBOOKS.glob("19_*.ipynb")]):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            for block in BLOCK.findall("".join(cell["source"])):
                label = re.search(r":label: (\S+)", block)
                found[label[1]] = block
    return found


BOXES = boxes()


@pytest.mark.parametrize(("label", "fragment", "left", "right", "tolerance"), EQUALITIES)
def test_a_box_says_what_is_true(label, fragment, left, right, tolerance):
    assert fragment in BOXES[label]
    np.testing.assert_allclose(left, right, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(("label", "fragment"), WORDS)
def test_a_box_keeps_its_direction_and_constants(label, fragment):
    assert fragment in BOXES[label]


@pytest.mark.parametrize(("left", "right", "tolerance"), [case[2:] for case in EQUALITIES])
def test_a_near_miss_is_seen(left, right, tolerance):
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(left, 1.05 * np.asarray(right), rtol=tolerance, atol=tolerance)
