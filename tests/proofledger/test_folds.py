"""Code behind the lines of its checks, and dropdowns that need no script."""

import pytest

pytest.importorskip("myst_nb")
from docutils import nodes

from proofledger import folds


def line(words):
    return nodes.container("", nodes.paragraph("", "", nodes.inline("", words)), classes=["rl-check"], check={},
                           ids=[f"check-{words}"])  # fmt: skip


def cell(*outputs, **attributes):
    code = nodes.container("", nodes.literal_block("", "verify()"), nb_element="cell_code_source")
    output = [nodes.container("", *outputs, nb_element="cell_code_output")] if outputs else []
    return nodes.container("", code, *output, nb_element="cell_code", **attributes)


def run(cell):
    """The cell after the transform."""
    document = nodes.document("", "")
    document += cell
    folds.FoldCode.run(type("Transform", (), {"document": document})())
    return cell


def test_the_code_of_a_check_folds_behind_its_lines():
    done = run(cell(line("one"), line("two")))
    (fold,) = done.children
    assert fold["classes"] == ["rl-check-fold"]
    front, code = fold.children
    assert [part.astext() for part in front] == ["one", "two"]
    assert [part["ids"] for part in front] == [["check-one"], ["check-two"]]
    assert not any(front.findall(nodes.paragraph))  # a summary holds words only
    assert code.astext() == "verify()"


def test_what_else_a_check_cell_shows_stays_in_sight():
    done = run(cell(line("one"), nodes.image(uri="x.png")))
    assert len(done) == 2 and any(done[1].findall(nodes.image))


@pytest.mark.parametrize("outputs", [(), (nodes.container(),)])
def test_code_that_shows_nothing_folds(outputs):
    (fold,) = run(cell(*outputs)).children
    assert fold["classes"] == ["rl-code-fold"] and fold[0].astext() == "Code"


def test_code_with_something_to_see_stays_open():
    done = run(cell(nodes.paragraph("", "42")))
    assert not any(done.findall(folds.fold))


def test_code_that_an_author_hides_folds_and_its_output_stays():
    done = run(cell(nodes.image(uri="x.png"), hide_mode="input"))
    assert done[0]["classes"] == ["rl-code-fold"] and any(done[1].findall(nodes.image))
    assert "hide_mode" not in done  # or myst-nb would hide it again


@pytest.mark.parametrize("outputs", [(line("one"),), ()])
def test_a_tag_keeps_code_open(outputs):
    done = run(cell(*outputs, classes=["tag_show-code"]))
    assert not any(done.findall(folds.fold))


def test_a_dropdown_becomes_a_fold_with_its_title_in_front():
    title = nodes.title("", "Solution of ", nodes.math("", "x"))
    box = nodes.admonition(
        "", title, nodes.paragraph("", "y"), classes=["dropdown", "admonition-solution", "mine"]
    )
    done = folds.folded(box)
    assert done["classes"] == ["rl-folded", "mine"]
    assert [type(part) for part in done] == [folds.summary, nodes.paragraph]
    assert any(done[0].findall(nodes.math))
