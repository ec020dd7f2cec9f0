"""The report on two models' logits: every number beside mpmath or plain NumPy, what it refuses, how it is shown."""

import json
import re
from fractions import Fraction
from html.parser import HTMLParser

import matplotlib.pyplot as plt
import mpmath as mp
import numpy as np
import pytest
from scipy import special

from rlentropy import report as module
from rlentropy.discounted import entropy_dynamics
from rlentropy.report import entropy_report

INF = np.inf


def pair(seed, shape=(3, 4, 6), scale=2.0, step=0.3):
    rng = np.random.default_rng(seed)
    old = scale * rng.standard_normal(shape)
    return old, old + step * rng.standard_normal(shape)


def softmax(z):
    return special.softmax(z, axis=-1)


def entropy(p):
    return special.entr(p).sum(axis=-1)


def draw(p, seed):
    rng = np.random.default_rng(seed)
    return (
        (rng.random((*p.shape[:-1], 1)) > np.cumsum(p, axis=-1)).sum(-1).clip(max=p.shape[-1] - 1)
    )


def test_a_new_users_pair_in_bfloat16_with_padding():
    """All that it takes; logits of padding may be anything."""
    ml_dtypes = pytest.importorskip("ml_dtypes")
    before, after = (z.astype(ml_dtypes.bfloat16) for z in pair(0, (2, 6, 32)))
    mask = np.array([[1, 1, 1, 1, 1, 1], [1, 1, 1, 0, 0, 0]])
    before[1, 3:] = np.nan

    report = entropy_report(before, after, where=mask)
    text = repr(report)

    assert text.startswith("EntropyReport: 9 of 12 tokens, 32 actions, nats")
    wide = [z.astype(float)[mask == 1] for z in (before, after)]
    change = entropy(softmax(wide[1])) - entropy(softmax(wide[0]))
    assert report.mean()["exact"] == pytest.approx(change.mean(), rel=1e-12)


# ----------------------------------------------------------------------------------- of each token


def precise(old, new):
    """(first order, exact change, bound of the remainder) of one token in 40 digits, by the text of the theorem."""
    with mp.workdps(40):
        old, new = ([mp.mpf(float(v)) for v in z] for z in (old, new))
        weights = [[mp.exp(v) for v in z] for z in (old, new)]
        p, q = ([w / mp.fsum(row) for w in row] for row in weights)
        mean = mp.fsum(a * (w - v) for a, v, w in zip(p, old, new, strict=True))
        x = [w - v - mean for v, w in zip(old, new, strict=True)]
        h_old, h_new = (-mp.fsum(a * mp.log(a) for a in row) for row in (p, q))
        first = -mp.fsum(a * (mp.log(a) + h_old) * y for a, y in zip(p, x, strict=True))
        wide = [a * max(1, mp.exp(y)) for a, y in zip(p, x, strict=True)]
        capped = [min(u, mp.exp(-1)) for u in wide]
        f = [-u * mp.log(u) for u in capped]
        m = mp.fsum(b * y for b, y in zip(q, x, strict=True))
        V = mp.fsum(u * y**2 for u, y in zip(wide, x, strict=True))
        most = min(mp.log(len(p)), mp.fsum(f))
        above = mp.fsum((abs(y) + m) ** 2 * v for y, v in zip(x, f, strict=True))
        return first, h_new - h_old, max((1 - mp.log(2) + most) * V, above) / 2


@pytest.mark.parametrize("seed", range(3))
def test_a_token_beside_forty_digits(seed):
    old, new = pair(seed, (5, 7))
    report = entropy_report(old, new)
    for i in range(5):
        first, exact, bound = precise(old[i], new[i])
        assert report.change.first_order[i] == pytest.approx(float(first), rel=1e-12)
        assert report.change.exact[i] == pytest.approx(float(exact), rel=1e-12)
        assert report.remainder[i] == pytest.approx(float(bound), rel=1e-12)
        assert report.certified[i] == (abs(first) > bound + report.rounding[i])


@pytest.mark.parametrize("n", [1, 2, 130, 3000])
@pytest.mark.parametrize("step", [1e-6, 0.1, 5.0])
def test_the_bounds_beside_those_of_chapter_4(n, step):
    """Compiled sweeps here, whole arrays there."""
    old, new = pair(n, (4, n), scale=3.0, step=step)
    report = entropy_report(old + 7.0, new - 2.0, unit=2.0**-8)
    bound = entropy_dynamics.local_remainder_bound(old, new - old)
    np.testing.assert_allclose(report.remainder, bound, rtol=1e-11, atol=1e-15)
    bars = [entropy_dynamics.rounding_error(z, unit=2.0**-8) for z in (old + 7.0, new - 2.0)]
    np.testing.assert_allclose(report.rounding, sum(bars), rtol=1e-11)


def test_what_is_certified_has_the_sign_of_the_first_order():
    signs = []
    for seed in range(20):
        old, new = pair(seed, (50, 9), step=0.2)
        report = entropy_report(old, new)
        right = np.sign(entropy(softmax(new)) - entropy(softmax(old))) == np.sign(
            report.change.first_order
        )
        assert right[report.certified].all()
        signs += [right, report.certified]
    assert 0.3 < np.mean(signs[1::2]) < 1 and np.mean(signs[::2]) < 1  # both kinds occur


@pytest.mark.parametrize(("kind", "bits"), [("bfloat16", 8), ("float16", 11), ("float32", 24)])
def test_the_rounding_bar_covers_the_logits_before_rounding(kind, bits):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    dtype = ml_dtypes.bfloat16 if kind == "bfloat16" else np.dtype(kind)
    old, new = pair(4, (200, 12), scale=4.0, step=0.05)
    report = entropy_report(old.astype(dtype), new.astype(dtype))
    truth = entropy(softmax(new)) - entropy(softmax(old))
    error = np.abs(report.change.exact - truth)
    assert (error <= report.rounding + 1e-13).all()
    assert error.max() > 1e-2 * report.rounding.max()
    cast = entropy_report(
        old.astype(dtype).astype(float), new.astype(dtype).astype(float), unit=2.0**-bits
    )
    np.testing.assert_allclose(cast.rounding, report.rounding, rtol=1e-12)


def test_temperature_is_that_of_the_policies():
    old, new = pair(5)
    warm = entropy_report(old, new, temperature=0.5)
    plain = entropy_report(2 * old, 2 * new)
    np.testing.assert_allclose(warm.remainder, plain.remainder, rtol=1e-12)
    np.testing.assert_allclose(warm.top.share, plain.top.share, rtol=1e-12)


# ------------------------------------------------------------------------------------ contributions


def test_the_shares_add_up_and_stand_where_they_say():
    old, new = pair(6, (2, 3, 5))
    report = entropy_report(old, new, top=1000)
    p = softmax(old)
    x = new - old - np.sum(p * (new - old), axis=-1, keepdims=True)
    share = -p * (np.log(p) + entropy(p)[..., None]) * x
    found = np.zeros(old.shape)
    found[tuple(report.top.index.T)] = report.top.share
    np.testing.assert_allclose(found, share, rtol=1e-11, atol=1e-15)
    np.testing.assert_allclose(found.sum(-1), report.change.first_order, rtol=1e-10)
    assert (np.diff(np.abs(report.top.share)) <= 0).all()
    np.testing.assert_allclose(report.top.old, p[tuple(report.top.index.T)])
    np.testing.assert_allclose(report.top.new, softmax(new)[tuple(report.top.index.T)])


def test_the_largest_of_many_blocks(monkeypatch):
    old, new = pair(7, (40, 30))
    whole = entropy_report(old, new, top=7)
    monkeypatch.setattr(module, "BLOCK", 60)
    for jobs in (1, 2):
        parts = entropy_report(old, new, top=7, jobs=jobs)
        np.testing.assert_array_equal(parts.top.index, whole.top.index)
        np.testing.assert_array_equal(parts.top.share, whole.top.share)
        np.testing.assert_array_equal(parts.remainder, whole.remainder)


def test_ties_go_to_the_first():
    old = np.zeros((4, 6))
    old[:, 0] = 1.0
    report = entropy_report(old, 2 * old, top=2)
    assert report.top.index.tolist() == [[0, 0], [1, 0]]


# ------------------------------------------------------------------------------------------ sampled


def one_of_each(seed, n=7):
    """A token for each action of one policy, so that p-weighted sums over tokens are means over its draws."""
    old, new = pair(seed, (n,))
    report = entropy_report(np.tile(old, (n, 1)), np.tile(new, (n, 1)), np.arange(n))
    return report, softmax(old), softmax(new)


@pytest.mark.parametrize("kind", ["first_order", "shift", "exact"])
@pytest.mark.parametrize("seed", range(3))
def test_the_estimates_have_the_exact_mean_and_variance(kind, seed):
    report, p, _ = one_of_each(seed)
    value = getattr(report.sampled, kind)
    mean = p @ value
    assert mean == pytest.approx(getattr(report.change, kind)[0], rel=1e-11)
    variance = p @ (value - mean) ** 2
    assert report.sampled.mean[kind][1] == pytest.approx(np.sqrt(variance / len(p)), rel=1e-11)


def test_the_estimates_by_their_formulas():
    report, p, q = one_of_each(3)
    excess = np.log(p) + entropy(p)
    np.testing.assert_allclose(report.sampled.log_ratio, np.log(q / p), rtol=1e-11)
    np.testing.assert_allclose(report.sampled.first_order, -excess * np.log(q / p), rtol=1e-11)
    np.testing.assert_allclose(report.sampled.shift, -excess * (q / p - 1), rtol=1e-10)
    np.testing.assert_allclose(report.sampled.surprise, -excess, rtol=1e-12)
    exact = np.log(p) - np.log(q) * q / p + (q / p - 1) * (1 - entropy(p))
    np.testing.assert_allclose(report.sampled.exact, exact, rtol=1e-9, atol=1e-13)


def test_the_rates_of_a_step_are_those_of_the_logits_it_moves():
    """-Cov(log p, Delta) by itself: Delta = A (1{b} - p) for the plain step; A alone for the natural one."""
    rng = np.random.default_rng(8)
    old, new = pair(8, (4, 6))
    actions = rng.integers(0, 6, 4)
    advantages = rng.standard_normal(4)
    sampled = entropy_report(old, new, actions, advantages).sampled
    p = softmax(old)
    step = advantages[:, None] * (np.eye(6)[actions] - p)
    centred = np.log(p) + entropy(p)[:, None]
    np.testing.assert_allclose(sampled.vanilla, -np.sum(p * centred * step, axis=-1), rtol=1e-11)
    np.testing.assert_allclose(
        sampled.natural, -centred[np.arange(4), actions] * advantages, rtol=1e-11
    )
    mean, error = sampled.mean["vanilla"]
    assert mean == pytest.approx(sampled.vanilla.mean())
    assert error == pytest.approx(sampled.vanilla.std(ddof=1) / 2)


def test_no_advantages_no_rates():
    old, new = pair(9, (4, 6))
    sampled = entropy_report(old, new, [0, 1, 2, 3]).sampled
    assert np.isnan(sampled.natural).all() and "natural" not in sampled.mean


def test_actions_of_another_policy_are_noticed():
    old, new = pair(10, (40, 50, 8))
    actions = draw(softmax(old), 11)
    right = entropy_report(old, new, actions)
    assert abs(right.sampled.drawn) < 4
    assert "standard errors" not in repr(right)
    for name, report in {
        "shift by one": entropy_report(old, new, np.roll(actions, 1, axis=1)),
        "temperature": entropy_report(old, new, draw(softmax(old / 0.6), 12)),
    }.items():
        assert abs(report.sampled.drawn) > 10, name
        assert "not drawn from the old policy" in repr(report)


def test_actions_that_made_the_update_are_noticed():
    """A step on each token's own action: held-out draws estimate the change, these do not."""
    old, _ = pair(11, (40, 30, 8))
    p = softmax(old)
    taken, held_out = draw(p, 12), draw(p, 13)
    new = old + 0.3 * (np.eye(8)[taken] - p)
    words = "fitted to these very actions"
    assert words in repr(entropy_report(old, new, taken))
    report = entropy_report(old, new, held_out)
    assert words not in repr(report)
    for name in ("first_order", "shift", "exact"):
        estimate, error = report.sampled.mean[name]
        assert abs(estimate - report.mean()[name]) < 4 * error


def test_clipped_tokens_are_those_without_gradient():
    old = np.zeros((4, 2))
    new = np.array([[0.5, 0], [0.5, 0], [-0.5, 0], [-0.5, 0]])  # ratio 1.245 or 0.755 at action 0
    actions = np.zeros(4, int)
    clipped = entropy_report(old, new, actions, [1, -1, 1, -1], clip=(0.2, 0.2))
    assert clipped.sampled.clipped.tolist() == [True, False, False, True]
    assert clipped.mean()["clipped"] == 0.5
    assert entropy_report(old, new, actions, clip=0.2).mean()["clipped"] == 1
    assert entropy_report(old, new, actions, clip=(0.2, 0.28)).mean()["clipped"] == 0.5
    assert "clipped" not in entropy_report(old, new, actions).mean()


# -------------------------------------------------------------------------------------------- masks


def test_what_does_not_count_is_not_looked_at():
    old, new = pair(13, (2, 3, 5))
    where = np.array([[1, 1, 0], [1, 0, 1]])
    whole = entropy_report(old, new, np.zeros((2, 3), int), np.ones((2, 3)))
    old[where == 0] = np.nan
    actions = np.where(where, 0, -100)
    advantages = np.where(where, 1.0, np.nan)
    part = entropy_report(old, new, actions, advantages, where)
    assert part.tokens == 4
    for name, field in part.by_token().items():
        expected = whole.by_token()[name]
        np.testing.assert_array_equal(field[where == 1], expected[where == 1], err_msg=name)
        if field.dtype == float:
            assert np.isnan(field[where == 0]).all(), name
    assert not part.certified[where == 0].any()
    mean = part.mean()
    assert mean["remainder"] == pytest.approx(whole.remainder[where == 1].mean())
    assert part.to_dict()["sum"]["exact"] == pytest.approx(whole.change.exact[where == 1].sum())
    places = {tuple(i[:2]) for i in part.top.index.tolist()}
    assert places <= set(map(tuple, np.argwhere(where).tolist()))


@pytest.mark.parametrize("mask", [-INF, -1e9, -65504.0, float(np.finfo(np.float32).min)])
def test_masked_actions_are_as_if_absent(mask):
    old, new = pair(14, (3, 6))
    allowed = np.array([0, 2, 3, 5])
    small = entropy_report(old[:, allowed], new[:, allowed], [0, 1, 2], top=3)
    old[:, [1, 4]] = mask
    new[:, [1, 4]] = mask
    big = entropy_report(old, new, allowed[[0, 1, 2]], top=3)
    np.testing.assert_allclose(big.remainder, small.remainder, rtol=1e-12)
    np.testing.assert_allclose(big.rounding, small.rounding, rtol=1e-12)
    np.testing.assert_allclose(big.top.share, small.top.share, rtol=1e-12)
    assert big.top.index[:, 1].tolist() == allowed[small.top.index[:, 1]].tolist()
    for name in ("first_order", "exact"):
        np.testing.assert_allclose(
            getattr(big.sampled, name), getattr(small.sampled, name), rtol=1e-11
        )
        assert big.sampled.mean[name] == pytest.approx(small.sampled.mean[name], rel=1e-11)


def test_a_mask_in_one_model_has_no_certificate():
    old, new = pair(15, (3, 5))
    new[1, 2] = -INF
    report = entropy_report(old, new, [0, 2, 1])
    assert report.remainder[1] == INF and np.isfinite(report.remainder[[0, 2]]).all()
    assert not report.certified[1]
    assert 1 not in report.top.index[:, 0]
    assert report.sampled.log_ratio[1] == -INF and report.sampled.shift[1] == pytest.approx(
        np.log(softmax(old[1])[2]) + entropy(softmax(old[1]))
    )
    assert "first order undefined for 1 tokens" in repr(report)


def test_an_empty_batch_and_no_token_that_counts():
    empty = entropy_report(np.zeros((0, 4)), np.zeros((0, 4)), np.zeros(0, int))
    assert (
        empty.tokens == 0 and np.isnan(empty.mean()["exact"]) and "no token counts" in repr(empty)
    )
    none = entropy_report(np.full((2, 4), np.nan), np.zeros((2, 4)), where=[0, 0])
    assert none.tokens == 0 and len(none.top.share) == 0 and "no token counts" in none.to_html()
    plt.close(none.figure())


def test_a_single_distribution():
    report = entropy_report([1.0, 2.0], [1.5, 2.0], 1)
    assert report.tokens == 1 and np.ndim(report.remainder) == 0
    assert report.top.index.shape == (2, 1)


# -------------------------------------------------------------------------------------------- types


def test_tensors_of_torch():
    torch = pytest.importorskip("torch")
    old, new = (torch.tensor(z).to(torch.bfloat16) for z in pair(16))
    actions = torch.zeros(old.shape[:2], dtype=torch.int64)
    advantages = torch.linspace(-1, 1, 4, dtype=torch.bfloat16)
    mask = torch.ones(old.shape[:2], dtype=torch.bool)
    report = entropy_report(old, new, actions, advantages, mask, torch.tensor(0.5).bfloat16())
    plain = entropy_report(
        old.double().numpy(),
        new.double().numpy(),
        actions.numpy(),
        advantages.double().numpy(),
        temperature=0.5,
        unit=2.0**-8,
    )
    for name, field in report.by_token().items():
        np.testing.assert_array_equal(field, plain.by_token()[name], err_msg=name)
    np.testing.assert_array_equal(report.sampled.natural, plain.sampled.natural)


def test_advantages_of_bfloat16_are_numbers_not_bits():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    old, new = pair(17, (3, 5))
    values = np.array([1.5, -2.0, 0.25])
    half = entropy_report(old, new, [0, 1, 2], values.astype(ml_dtypes.bfloat16))
    np.testing.assert_array_equal(
        half.sampled.natural, entropy_report(old, new, [0, 1, 2], values).sampled.natural
    )


# --------------------------------------------------------------------------------- refusal, display


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"actions": [0, -1, 1]}, r"actions\[1\] = -1"),
        ({"actions": [0, 5, 1]}, r"actions\[1\] = 5: must lie in \{0, ..., 4\}"),
        ({"actions": [0, 2, 1]}, r"\[1\] = 0.0: the old policy cannot have drawn"),
        ({"advantages": [1, 2, 3]}, "advantages: given without actions"),
        ({"advantages": 1e308, "actions": [0, 1, 1]}, "advantages"),
        ({"clip": 0.2}, "clip: given without actions"),
        ({"actions": [0, 1, 1], "clip": (0.2, -0.1)}, "clip = -0.1: must not be negative"),
        ({"actions": [0, 1, 1], "clip": (1, 2, 3)}, "expected a number or a pair"),
    ],
)
def test_refusals(changes, message):
    old, new = pair(18, (3, 5))
    old[1, 2] = -INF
    arguments = {"old_logits": old, "new_logits": new} | changes
    with pytest.raises(ValueError, match=message):
        entropy_report(**arguments)


def test_without_bounds():
    old, new = pair(19)
    report = entropy_report(old, new, bounds=False)
    full = entropy_report(old, new)
    assert report.remainder is None and report.certified is None
    assert set(full.mean()) - set(report.mean()) == {
        "remainder",
        "rounding",
        "certified",
        "above_rounding",
    }
    assert "certified" not in repr(report) and "certified" not in report.to_html()


def full_report():
    old, new = pair(20, (4, 5, 6))
    actions = draw(softmax(old), 21)
    return entropy_report(old, new, actions, np.ones((4, 1)), clip=(0.2, 0.28))


def test_the_total_is_certified_by_the_sum_of_the_bounds():
    old, new = pair(22, (30, 9), step=0.2)
    seen = set()
    for share in (0.001, 0.01, 0.1, 1.0):
        report = entropy_report(old, old + share * (new - old))
        error = np.sum(report.remainder + report.rounding)
        assert report.total_certified == (abs(np.sum(report.change.first_order)) > error)
        assert report.to_dict()["total_certified"] is report.total_certified
        seen.add(report.total_certified)
    assert seen == {True, False}
    assert not entropy_report(old, new, bounds=False).total_certified


def test_to_dict_is_for_json():
    report = full_report()
    found = json.loads(json.dumps(report.to_dict(tokens=True)))
    assert found["tokens"] == 20 and found["actions"] == 6 and len(found["top"]) == 20
    assert found["mean"]["exact"] == pytest.approx(np.mean(report.change.exact))
    assert found["sampled"]["exact"]["standard_error"] == report.sampled.mean["exact"][1]
    assert np.shape(found["by_token"]["first_order"]) == (4, 5)
    assert set(found["top"][0]) == {"token", "action", "share", "old", "new"}


def test_the_table_adds_up():
    """exact = shift - divergence, in the numbers that are printed."""
    lines = dict(
        re.findall(r"^ *([-=]? ?[a-z, ()]+?) {2,}(-?[\d.e-]+) ", repr(full_report()), re.M)
    )
    printed = {name: Fraction(value) for name, value in lines.items()}
    assert abs(printed["change, exact"] - printed["= shift"] + printed["- divergence"]) < 1e-6
    assert (
        abs(printed["entropy after"] - printed["entropy before"] - printed["change, exact"]) < 1e-4
    )


class Links(HTMLParser):
    """Everything in a page that could load something."""

    def __init__(self):
        super().__init__()
        self.found = []
        self.open = []

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "path", "use", "rect"):
            self.open.append(tag)
        for name, value in attrs:
            if name in ("src", "href", "xlink:href", "action", "data", "srcset"):
                self.found.append(value)

    def handle_endtag(self, tag):
        if tag in self.open:
            while self.open.pop() != tag:
                pass


def test_the_page_needs_nothing_else():
    page = full_report().to_html(title="a < b & c")
    links = Links()
    links.feed(page)
    assert all(link.startswith("#") for link in links.found)
    assert not re.search(r"url\((?!#)|@import|<script", page)
    assert "prefers-color-scheme: dark" in page and "currentColor" in page
    assert "<h1>a &lt; b &amp; c</h1>" in page and page.count("<svg") == 1
    assert page == full_report().to_html(title="a < b & c")  # nothing of the day or the machine


def test_the_figure_shows_the_tokens_and_actions():
    report = full_report()
    drawing = report.figure()
    plt.close(drawing)
    left, right = drawing.axes
    shown = np.concatenate([line.get_xydata() for line in left.lines[:-1]])
    expected = np.column_stack([np.ravel(report.change.first_order), np.ravel(report.change.exact)])
    assert sorted(map(tuple, shown)) == sorted(map(tuple, expected))
    assert [bar.get_width() for bar in right.patches] == report.top.share[:10].tolist()
