"""Descriptions and cards of pages, sizes of their pictures, and names in the sidebar."""

from types import SimpleNamespace

import first_visit
import pytest
import sidebar
from docutils import nodes


def page(*paragraphs):
    section = nodes.section("", *(nodes.paragraph("", "", *words) for words in paragraphs))
    return nodes.container("", section)


def test_the_description_of_a_chapter_is_its_question():
    words = "In which direction, and how fast, does the entropy of a policy move in a step"
    doctree = page(
        [nodes.Text("Short.")], [nodes.strong("", "Question."), nodes.Text(f" {words}?")]
    )
    assert first_visit.description(doctree) == f"{words}?"


def test_mathematics_becomes_letters():
    text = nodes.Text("The constant in the long-run decay of entropy, and its limit: ")
    assert first_visit.description(page([text, nodes.math("", r"\eta\,\pi")])).endswith(
        "limit: η π"
    )


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        ("a " * 80, "a " * 80),
        (f"{'One. ' * 60}", f"{'One. ' * 39}One."),
        ("word " * 60, f"{'word ' * 39}word …"),
    ],
)
def test_a_description_ends_with_a_sentence_or_a_word(words, kept):
    assert first_visit.shortened(words) == kept


def test_a_picture_is_named_only_where_the_address_of_the_book_is_known():
    assert "og:image" not in first_visit.tags("T", "words", "Book")
    known = first_visit.tags("T", 'a "b" & c', "Book", "https://example.org/book/", "notebooks/x")
    assert 'content="https://example.org/book/_static/card.png"' in known
    assert 'content="https://example.org/book/notebooks/x.html"' in known
    assert "a &quot;b&quot; &amp; c" in known


def test_pictures_get_their_size_and_wait(tmp_path):
    from PIL import Image

    Image.new("RGB", (30, 20)).save(tmp_path / "a.png")
    builder = SimpleNamespace(images={"a.png": "b.png"})
    context = {
        "body": '<img alt="x" src="../_images/b.png" /> <img src="../_images/unknown.png" />'
    }
    first_visit.add_sizes(SimpleNamespace(srcdir=tmp_path, builder=builder), "p", "", context, None)
    first, second = context["body"].split("> <")
    assert 'loading="lazy" width="30" height="20"' in first and 'alt="x"' in first
    assert 'loading="lazy"' in second and "width" not in second


def test_arrows_of_the_sidebar_have_a_name():
    context = {
        "generate_toctree_html": lambda kind: f"<details><summary><i></i></summary>{kind}</details>"
    }
    sidebar.name_arrows(None, "p", "", context, None)
    assert context["generate_toctree_html"]("sidebar").startswith(
        '<details><summary aria-label="Pages below">'
    )
