"""How an `EntropyReport` is shown: a table of text, a figure, a page of its own."""

import html
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from rlentropy.report import EntropyReport

# Actions and tokens that are drawn at most: a picture, not a list.
BARS = 10
POINTS = 400
# Places of the table are as wide as that.
NAME, NUMBER = 34, 13

LINES = {
    "old_entropy": "entropy before",
    "new_entropy": "entropy after",
    "exact": "change, exact",
    "shift": "  = shift",
    "kl": "  - divergence",
    "first_order": "first order (covariance)",
    "remainder": "  its error is at most",
    "rounding": "rounding of the logits, at most",
}
SAMPLED = {
    "first_order": "first order, log ratio",
    "shift": "shift, ratio",
    "exact": "change, ratio",
    "natural": "rate of a natural step",
    "vanilla": "rate of a plain step",
}
# Beyond so many standard errors the actions are not those of the old policy.
SUSPICIOUS = 5.0


def rows(report: "EntropyReport") -> list[tuple[str, float, float]]:
    """[(name, mean, sum)] of the table, nats."""
    mean = report.mean()
    return [
        (name, mean[key], mean[key] * report.tokens) for key, name in LINES.items() if key in mean
    ]


def remarks(report: "EntropyReport") -> list[str]:
    """Sentences below the table."""
    mean = report.mean()
    if not report.tokens:
        return ["no token counts"]
    found = []
    if report.certified is not None:
        total = "certified" if report.total_certified else "not certified"
        found += [
            f"sign of the first order certified for {mean['certified']:.1%} of the tokens; "
            f"of the total {total}",
            f"change larger than the rounding of the logits for {mean['above_rounding']:.1%}",
        ]
    undefined = int(np.sum(np.isnan(report.change.first_order) & report.change.where))
    if undefined:
        found.append(f"first order undefined for {undefined} tokens: the new model masks more")
    if report.sampled is not None:
        if report.clip is not None:
            found.append(f"clipped: {mean['clipped']:.1%} of the tokens")
        drawn = report.sampled.drawn
        if abs(drawn) > SUSPICIOUS:
            found.append(
                f"the sampled actions are off by {drawn:.1f} standard errors: "
                "not drawn from the old policy (shift by one? temperature? mask?)"
            )
        estimate, error = report.sampled.mean["exact"]
        miss = abs(estimate - mean["exact"])
        if abs(drawn) <= SUSPICIOUS and miss > SUSPICIOUS * error:
            found.append(
                f"the sampled change misses the exact one by {miss / error:.1f} standard errors: "
                "was the new model fitted to these very actions?"
            )
    return found


def sampled_rows(report: "EntropyReport") -> list[tuple[str, float, float]]:
    """[(name, estimate, standard error)], a token on average."""
    if report.sampled is None or not report.tokens:
        return []
    means = report.sampled.mean
    return [(name, *means[key]) for key, name in SAMPLED.items() if key in means]


def top_rows(report: "EntropyReport") -> list[tuple[str, int, float, float, float]]:
    """[(token, action, share, old probability, new one)]."""
    top = report.top
    return [
        ("[" + ", ".join(map(str, index[:-1])) + "]", index[-1], s, p, q)
        for index, s, p, q in zip(top.index.tolist(), top.share, top.old, top.new, strict=True)
    ]


def table(report: "EntropyReport") -> str:
    """The report as lines of text."""
    counted = np.size(report.change.where)
    lines = [
        f"EntropyReport: {report.tokens} of {counted} tokens, {report.actions} actions, nats",
        f"{'':{NAME}}{'mean':>{NUMBER}}{'sum':>{NUMBER}}",
    ]
    lines += [f"{name:{NAME}}{m:>{NUMBER}.6g}{s:>{NUMBER}.6g}" for name, m, s in rows(report)]
    estimates = sampled_rows(report)
    if estimates:
        lines.append(
            f"{'from the sampled actions':{NAME}}{'mean':>{NUMBER}}{'std. error':>{NUMBER}}"
        )
        lines += [f"{'  ' + n:{NAME}}{m:>{NUMBER}.6g}{s:>{NUMBER}.2g}" for n, m, s in estimates]
    lines += remarks(report)
    if len(report.top.share):
        lines.append(
            f"{'largest shares of the first order':{NAME}}{'share':>{NUMBER}}  probability"
        )
        lines += [
            f"{f'  token {token}, action {action}':{NAME}}{s:>{NUMBER}.4g}  {p:.3g} -> {q:.3g}"
            for token, action, s, p, q in top_rows(report)[:BARS]
        ]
    return "\n".join(lines)


# ------------------------------------------------------------------------------------------ figure


SIZE: dict[str, Any] = {"figsize": (7.4, 3.4), "layout": "constrained"}


def figure(report: "EntropyReport") -> Any:
    """A figure of pyplot, which a notebook shows by itself."""
    import matplotlib.pyplot as plt

    return _drawn(plt.figure(**SIZE), report)


def _drawn(drawing: Any, report: "EntropyReport") -> Any:
    """Tokens on the left, actions on the right."""
    left, right = drawing.subplots(1, 2)
    _draw_tokens(left, report)
    _draw_actions(right, report)
    return drawing


def _draw_tokens(ax: Any, report: "EntropyReport") -> None:
    """Exact change against first order; full where the sign is certified."""
    first = np.ravel(report.change.first_order)
    exact = np.ravel(report.change.exact)
    certified = np.zeros(first.shape, bool)
    if report.certified is not None:
        certified = np.ravel(report.certified)
    shown = np.flatnonzero(np.isfinite(first) & np.isfinite(exact))
    shown = shown[np.argsort(-np.abs(exact[shown]), kind="stable")][:POINTS]
    for flag, name, face in ((True, "sign certified", None), (False, "not certified", "none")):
        part = shown[certified[shown] == flag]
        if len(part):
            ax.plot(
                first[part],
                exact[part],
                "o",
                ms=4,
                color="#0072B2",
                mfc=face or "#0072B2",
                label=name,
            )
    ax.axline((0, 0), slope=1, color="#8A8A8A", lw=0.8)
    ax.set(xlabel="first order (nats)", ylabel="exact change (nats)")
    ax.locator_params(nbins=5)
    count = f"{len(shown)} largest changes" if len(shown) == POINTS else "tokens"
    ax.set_title(count, fontsize=10)
    if len(shown) and report.certified is not None:
        ax.legend(fontsize=8, frameon=False)


def _draw_actions(ax: Any, report: "EntropyReport") -> None:
    """The largest shares as bars."""
    top = top_rows(report)[:BARS]
    places = np.arange(len(top))
    ax.barh(places, [s for _, _, s, _, _ in top], color="#D55E00")
    names = [f"{token} {action}" for token, action, *_ in top]
    ax.set_yticks(places, names, fontsize=8)
    ax.invert_yaxis()
    ax.axvline(0, color="#8A8A8A", lw=0.8)
    ax.set_xlabel("share of the first order (nats)")
    ax.set_title("token and action", fontsize=10)


# -------------------------------------------------------------------------------------------- page

STYLE = """
:root { color-scheme: light dark; --ink: #222222; --paper: #ffffff; --line: #cccccc; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e6e6; --paper: #16181c; --line: #4a4d52; } }
body { color: var(--ink); background: var(--paper); font: 16px/1.5 system-ui, sans-serif;
       max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .8rem; border-bottom: 1px solid var(--line); text-align: right; }
th:first-child, td:first-child { text-align: left; white-space: pre; }
caption { text-align: left; font-weight: 600; }
svg { max-width: 100%; height: auto; color: var(--ink); }
"""


def page(report: "EntropyReport", title: str) -> str:
    """One file of HTML: nothing in it points elsewhere."""
    counted = np.size(report.change.where)
    summary = f"{report.tokens} of {counted} tokens, {report.actions} actions; nats."
    heading = html.escape(title)
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{heading}</title><style>{STYLE}</style></head><body>",
        f"<h1>{heading}</h1><p>{html.escape(summary)}</p>",
        _html_table("Change of entropy", ("", "mean", "sum"), rows(report)),
        _html_table("From the sampled actions", ("", "mean", "std. error"), sampled_rows(report)),
        "<ul>" + "".join(f"<li>{html.escape(line)}</li>" for line in remarks(report)) + "</ul>",
        f"<figure>{_svg(report)}</figure>",
        _html_table(
            "Largest shares of the first order",
            ("token", "action", "share", "before", "after"),
            top_rows(report),
        ),
        "</body></html>",
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _html_table(caption: str, names: Sequence[str], lines: Sequence[Any]) -> str:
    if not lines:
        return ""
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in names)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(_shown(x))}</td>" for x in line) + "</tr>"
        for line in lines
    )
    return (
        f"<table><caption>{html.escape(caption)}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def _shown(x: Any) -> str:
    return f"{x:.6g}" if isinstance(x, float) else str(x)


def _svg(report: "EntropyReport") -> str:
    """The figure as SVG whose ink is that of the page."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    ink = "#010203"  # no other part has this colour
    names = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
    style: Any = {"svg.fonttype": "none", "svg.hashsalt": "report"} | dict.fromkeys(names, ink)
    # the style of a page is its own, whatever the caller has set
    with mpl.rc_context(), io.StringIO() as target:
        mpl.rcdefaults()
        mpl.rcParams.update(style)
        drawing = _drawn(Figure(**SIZE), report)
        metadata: Any = {"Date": None, "Creator": None, "Format": None, "Type": None}
        drawing.savefig(target, format="svg", transparent=True, metadata=metadata)
        text = target.getvalue()
    text = text[text.index("<svg") :].replace(ink, "currentColor")
    return text.replace(
        "<svg ",
        '<svg role="img" aria-label="Change of entropy of the tokens, and the actions '
        'that carry it: the numbers are in the tables" ',
        1,
    )
