"""Pictures at the head of chapters, and things to move beside the statements that they show.

Notebooks stay as they are: `PICTURES` and `THINGS` say what stands where, and what a place names
must be on the page. A thing is a caption, a sentence for readers without scripts, and an empty box
that its script fills; scripts are loaded by the pages that have such a box, and by no other.
"""

import json
from dataclasses import dataclass
from html import escape
from pathlib import Path

from docutils import nodes
from sphinx.util import logging

logger = logging.getLogger(__name__)
MADE = Path(__file__).resolve().parents[1] / "moving"


@dataclass(frozen=True)
class Picture:
    """A drawing of ``book/moving`` behind the question of a chapter."""

    page: str
    file: str
    alt: str
    caption: str

    @property
    def label(self):
        return f"fig-drawing-{Path(self.file).stem}"


@dataclass(frozen=True)
class Thing:
    """What can be moved, after the figure, statement or section with this label.

    kind   names the script ``moving_<kind>.js``
    data   a JSON file of ``book/moving`` that the script reads, or ""
    """

    page: str
    after: str
    kind: str
    caption: str
    without: str
    data: str = ""


PICTURES = (
    Picture(
        page="notebooks/02_natural_policy_gradient",
        file="simplex_step.svg",
        alt="Triangle of policies on three actions. An arrow leads from an old policy near the "
        "middle towards the corner of the best action; dotted rings around the old policy mark "
        "what a step costs.",
        caption="One step on the triangle of policies: it pays to move towards the better action, "
        "and it costs to leave the old policy (dotted: equal cost).",
    ),
    Picture(
        page="notebooks/08_reward_free_processes",
        file="double_chain.svg",
        alt="A row of nine circles, the start in the middle, a wall at each end. Between "
        "neighbours one arrow leads left, for action 0, and one leads right, for action 1.",
        caption="The double chain: an explorer starts in the middle, and each action walks one way "
        "along it. What can the visits to its states be, over all ways of walking?",
    ),
    Picture(
        page="notebooks/09_prediction_game",
        file="grid.svg",
        alt="A grid of cells with a start in the middle and four arrows out of it; the arrow to "
        "the right is thick, the other three are thin. Walls keep the explorer.",
        caption="The grid world: a move succeeds with large probability (thick) and else goes "
        "another way (thin). A predictor who knows the explorer says where it will be.",
    ),
    Picture(
        page="notebooks/11_entgame",
        file="game_loop.svg",
        alt="Three boxes in a loop. The forecaster sends a prediction to the explorer, whom it "
        "pays log one over prediction; the explorer sends actions to the environment, which sends "
        "transitions back to the explorer and visits to the forecaster.",
        caption="The game of EntGame: the forecaster predicts the next visits from the counts, the "
        "explorer is paid for going where it was not expected, and both learn from what happens.",
    ),
)

EXPLORERS = {
    "kind": "explorers",
    "data": "explorers.json",
    "caption": "To move: the visits of EntGame (counts per stage, no bonus) and of the random "
    "policy after 1, 2, 4, … episodes on the grid of 21 by 21 cells, one run each. Colour: share "
    "of visits, logarithmic; blank: never visited. Gap: the largest visitation entropy less that of "
    "the mixture of the policies so far.",
    "without": "With scripts, a slider here leads through stored checkpoints of two explorers; "
    "without, the figure above shows where they end.",
}
THINGS = (
    Thing(
        page="notebooks/03_covariance_identity",
        after="fig-simplex-paths",
        kind="simplex",
        caption="To move: drag the policy, or use the arrow keys on it; set the advantages and the "
        "step. The line leads to the policy after one NPG step. The colours say for every policy "
        "whether this step raises or lowers its entropy, and are strong where the certificate of "
        "chapter 4 says so beforehand.",
        without="With scripts, this triangle can be moved by hand; without, the figure above shows "
        "the same curves for fixed rewards.",
    ),
    Thing(
        page="notebooks/07_maximum_entropy_rl",
        after="the-smallest-case",
        kind="temperature",
        caption="To move: the best policy of one state with four actions for a temperature τ. Cold "
        "policies take the best action, hot ones forget the values.",
        without="With scripts, a slider here moves the temperature; without, the numbers above "
        "show three temperatures.",
    ),
    Thing(page="notebooks/11_entgame", after="fig-entgame-grid", **EXPLORERS),
    Thing(page="notebooks/13_what_explorers_see", after="fig-grid-visits", **EXPLORERS),
)


# -------------------------------------------------------------------------------------- the places


def question(doctree):
    """The paragraph that asks the question of a chapter, or None."""
    opened = (p for p in doctree.findall(nodes.paragraph) if p.astext().startswith("Question."))
    return next(opened, None)


def named(doctree, label):
    """The node with this label, or None."""
    carriers = doctree.findall(nodes.Element)
    return next((node for node in carriers if label in node.get("ids", ())), None)


def put_after(spot, new):
    """At the end of a section; else behind the outermost block of its section that holds it."""
    if isinstance(spot, nodes.section):
        parts = (i for i, part in enumerate(spot) if isinstance(part, nodes.section))
        spot.insert(next(parts, len(spot)), new)
        return
    while not isinstance(spot.parent, nodes.section | nodes.document):
        spot = spot.parent
    spot.parent.insert(spot.parent.index(spot) + 1, new)


# ------------------------------------------------------------------------------------- what is put


def figure(picture):
    image = nodes.image(uri=f"/book/moving/{picture.file}", alt=picture.alt)
    drawn = nodes.figure("", image, nodes.caption("", picture.caption), align="center")
    drawn["ids"] = drawn["names"] = [picture.label]
    return drawn


def box(thing):
    """The figure that the script of a thing fills."""
    data = ""
    if thing.data:
        stored = json.loads((MADE / thing.data).read_text(encoding="utf-8"))
        text = json.dumps(stored, separators=(",", ":")).replace("<", "\\u003c")
        data = f'<script type="application/json">{text}</script>'
    html = (
        f'<figure class="rl-moving" data-moving="{thing.kind}">'
        f'<figcaption><span class="caption-text">{escape(thing.caption)}</span></figcaption>'
        f"<noscript><p>{escape(thing.without)}</p></noscript>"
        f'<div class="rl-stage"></div>{data}</figure>'
    )
    return nodes.raw("", html, format="html")


def place(app, doctree):
    page = app.env.docname
    todo = [(question(doctree), "its question", figure(one)) for one in PICTURES if one.page == page]
    todo += [(named(doctree, one.after), one.after, box(one)) for one in THINGS if one.page == page]
    for spot, name, new in todo:
        if spot is None:
            logger.warning("nothing to move stands here: %r is not on the page", name, location=page)
        else:
            put_after(spot, new)


def load(app, pagename, templatename, context, doctree):
    """Style and scripts, on the pages that need them."""
    kinds = {thing.kind for thing in THINGS if thing.page == pagename}
    if kinds:
        app.add_css_file("moving.css")
        app.add_js_file("moving_numbers.js")
    for kind in sorted(kinds):
        app.add_js_file(f"moving_{kind}.js")


def setup(app):
    # before images are collected and figures are numbered
    app.connect("doctree-read", place, priority=100)
    app.connect("html-page-context", load)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
