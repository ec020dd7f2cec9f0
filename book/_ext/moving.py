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
from sphinx import addnodes
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

    after    label of a figure or statement, or the name of a section
    caption  plain words; a label between backquotes becomes a link to its statement
    without  the sentence for readers without scripts
    kind     names the script ``moving_<kind>.js``
    data     a JSON file of ``book/moving`` that the script reads, or ""
    """

    page: str
    after: str
    kind: str
    caption: str
    without: str
    data: str = ""


PICTURES = (
    Picture(
        page="notebooks/01_decision_processes",
        file="decision_process.svg",
        alt="Two boxes, policy and environment. An arrow labelled action leads from the policy "
        "to the environment, one labelled state and reward leads back.",
        caption="A decision process: the policy draws an action, the environment answers with a "
        "reward and the next state.",
    ),
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
        page="notebooks/03_covariance_identity",
        file="covariance.svg",
        alt="Two pairs of bar charts of a policy on three actions. A step that favours the "
        "likely first action makes the bars more unequal, and entropy falls; the same step "
        "from a policy that rarely takes that action makes them more equal, and entropy "
        "rises.",
        caption="The same step, in favour of the first action, from a policy that likes it (left) "
        "and from one that does not (right).",
    ),
    Picture(
        page="notebooks/04_beyond_first_order",
        file="whole_step.svg",
        alt="A curve of entropy against the step rises, turns and falls. A dashed straight "
        "line, the first order, touches it at the start and leaves it. A dotted line near "
        "the start marks up to where the sign is certain.",
        caption="Entropy along one step. The first order is right at the start and knows "
        "nothing of the turn; up to a certain size of the step its sign is sure "
        "beforehand.",
    ),
    Picture(
        page="notebooks/05_long_run",
        file="long_run.svg",
        alt="Four bar charts of a policy on three actions after 0, 3, 12 and 60 steps. The "
        "third action vanishes first; much later the second gives way to the first.",
        caption="A policy after k steps of NPG, where two actions are nearly equally good: entropy "
        "keeps moving long after the bad action is gone.",
    ),
    Picture(
        page="notebooks/06_trajectory_entropy_dynamics",
        file="visits_move.svg",
        alt="Bar charts for two states before and after a step: the entropy of the policy in "
        "each state, and the share of visits to each state. Both change.",
        caption="One step of NPG in a process with two states, before it (left) and after it "
        "(right): the entropy in each state moves, and so do the visits by which it is "
        "averaged.",
    ),
    Picture(
        page="notebooks/07_maximum_entropy_rl",
        file="temperatures.svg",
        alt="Three bar charts of a policy on four actions. At temperature 0.3 nearly all mass "
        "is on the best action, at 1 the bars fall off, at 5 they are nearly equal.",
        caption="The best policy of one state with four actions, when entropy is paid for at the "
        "rate τ.",
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
        page="notebooks/10_forecaster",
        file="counting.svg",
        alt="Three bar charts. Counts of four symbols, one of them zero; the same with one more "
        "for each; the latter as a probability.",
        caption="From counts to a prediction: each symbol is imagined to have come once already.",
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
    Picture(
        page="notebooks/12_trajectory_entropy",
        file="trajectories.svg",
        alt="A tree with two branches at every node and three levels: eight leaves. The path to "
        "one leaf is thick.",
        caption="Every path through the tree is a trajectory. Its entropy is, on average, the "
        "sum of what is uncertain at the forks on the way.",
    ),
    Picture(
        page="notebooks/13_what_explorers_see",
        file="two_explorers.svg",
        alt="Two maps of a small grid. The random policy stays near the middle and hardly "
        "reaches the corners; the policy of largest visitation entropy spreads its visits "
        "further out.",
        caption="Visits in one episode (exact, logarithmic shades) of the random policy and of the "
        "policy of largest visitation entropy.",
    ),
    Picture(
        page="notebooks/14_entgame_is_pac",
        file="what_is_proved.svg",
        alt="Four boxes in a row: visits are counted, the model is near the truth, the values "
        "are not too low, the gap is at most epsilon.",
        caption="The proof in one line: enough visits bring the model near the truth, then "
        "optimism bounds the gap.",
    ),
    Picture(
        page="notebooks/15_fast_rate",
        file="price_of_error.svg",
        alt="Loss against the error of the values. The line of the greedy policy rises at once; "
        "the curve of the softmax policy starts flat.",
        caption="What an error of the values costs at most a greedy policy, and what it costs the "
        "softmax policy of two equal actions, whose loss starts flat.",
    ),
    Picture(
        page="notebooks/16_entropy_control",
        file="held_back.svg",
        alt="Bars for the actions in falling order; the first two are much higher than the "
        "others, orange, and marked: held back.",
        caption="Shares of the actions in the covariance by which entropy falls, for one random "
        "policy. What happens if the largest two are held back?",
    ),
    Picture(
        page="notebooks/17_reward_entropy_law",
        file="law.svg",
        alt="A curve of reward against entropy: high at entropy zero, and falling faster and "
        "faster.",
        caption="The law: entropy is paid for with reward, in proportion to exp(H). The chapter "
        "asks when it holds.",
    ),
    Picture(
        page="notebooks/18_regularised_game",
        file="soft_answer.svg",
        alt="Three bar charts of four actions: values of which two are nearly equal, an answer "
        "that takes the best action only, and one that takes all, the better ones more often.",
        caption="Two answers to the same values: one best action, or a softmax of the values. A "
        "small change of the values turns the first and hardly moves the second.",
    ),
    Picture(
        page="notebooks/19_beyond_tables",
        file="sampled_effects.svg",
        alt="One bar for each of twelve actions, from likely to rare, up where sampling it raises "
        "entropy and down where it lowers it. A dashed line, the mean over samples, lies below "
        "zero. Of the three orange bars, of the rewarded actions, the likeliest goes far down "
        "and the two rarer ones go up.",
        caption="What one sampled action does to the entropy of a policy on twelve actions, three "
        "of them rewarded (orange). The covariance formula is about the dashed mean; a log shows "
        "the bars.",
    ),
)

EXPLORERS = {
    "kind": "explorers",
    "data": "explorers.json",
    "caption": "To move: the visits of EntGame (counts per stage, no bonus) and of the random "
    "policy after 1, 2, 4, … episodes on the grid of 21 by 21 cells, one run each. Colour: share "
    "of visits, logarithmic; blank: never visited. Gap: the largest visitation entropy less that "
    "of the mixture of the policies so far.",
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
        "whether this step raises or lowers its entropy, and are strong where "
        "`cor-sign-certificate` says so beforehand.",
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
    Thing(
        page="notebooks/12_trajectory_entropy",
        after="the-optimum",
        kind="temperature",
        caption="To move: one state of `thm-mtee-soft-dp` whose four actions have these values Q*. "
        "At τ = 1 the bars are its policy, softmax Q*, and the soft value is V*; there a nat of "
        "the policy's own entropy weighs as much as a nat of what follows.",
        without="With scripts, a slider here moves the temperature of a soft backup; the optimum "
        "of trajectory entropy has the temperature 1.",
    ),
    Thing(page="notebooks/13_what_explorers_see", after="fig-grid-visits", **EXPLORERS),
    Thing(
        page="notebooks/16_entropy_control",
        after="the-step-that-keeps-an-entropy",
        kind="temperature",
        caption="To move: the family of `thm-constrained-step`, with four values z and T = τ. "
        "Entropy rises with T, so a wanted entropy belongs to one T; the other curve, the mean of "
        "z, shows what it costs.",
        without="With scripts, a slider here moves the temperature; without, the figures above "
        "show the price of an entropy.",
    ),
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
    """The figure that the script of a thing fills: caption, words without scripts, data."""
    data = ""
    if thing.data:
        stored = json.loads((MADE / thing.data).read_text(encoding="utf-8"))
        text = json.dumps(stored, separators=(",", ":")).replace("<", "\\u003c")
        data = f'<script type="application/json">{text}</script>'
    opened = f'<figure class="rl-moving" data-moving="{thing.kind}"><figcaption>'
    rest = (
        f"</figcaption><noscript><p>{escape(thing.without)}</p></noscript>"
        f'<div class="rl-stage"></div>{data}</figure>'
    )
    caption = nodes.paragraph("", "", *linked(thing.caption), classes=["caption-text"])
    return nodes.container("", html(opened), caption, html(rest), classes=["rl-movable"])


def html(text):
    return nodes.raw("", text, format="html")


def linked(caption):
    """The words of a caption; a label between backquotes is a link to its statement."""
    for k, words in enumerate(caption.split("`")):
        if k % 2 == 0:
            yield nodes.Text(words)
        else:
            to = {"refdomain": "prf", "reftype": "ref", "reftarget": words}
            yield addnodes.pending_xref("", nodes.inline("", words), **to)


def place(app, doctree):
    page = app.env.docname
    pictures = [one for one in PICTURES if one.page == page]
    things = [one for one in THINGS if one.page == page]
    todo = [(question(doctree), "the question", figure(one)) for one in pictures]
    todo += [(named(doctree, one.after), one.after, box(one)) for one in things]
    for spot, name, new in todo:
        if spot is None:
            logger.warning("the place of a picture, %r, is not on the page", name, location=page)
        else:
            put_after(spot, new)


def load(app, pagename, templatename, context, doctree):
    """Style and scripts, on the pages that need them; on paper, the style that hides the boxes."""
    kinds = {thing.kind for thing in THINGS if thing.page == pagename}
    if kinds or app.builder.name == "singlehtml":
        app.add_css_file("moving.css")
    if kinds:
        app.add_js_file("moving_numbers.js")
    for kind in sorted(kinds):
        app.add_js_file(f"moving_{kind}.js")


def setup(app):
    # before images are collected and figures are numbered
    app.connect("doctree-read", place, priority=100)
    app.connect("html-page-context", load)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
