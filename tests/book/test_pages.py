"""The built pages as files: up to date, no dead links, no repeated ids, described images, no other hosts."""

import html
import re
import subprocess
import sys
from pathlib import Path

import pytest
from check_links import problems
from source_key import key

from proofledger.records import KINDS

ROOT = Path(__file__).resolve().parents[2]
HTML = ROOT / "_build" / "html"


def test_the_book_is_as_new_as_its_sources():
    command = [sys.executable, str(ROOT / "tools" / "build_book.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_pages_have_no_dead_links_or_foreign_resources():
    assert HTML.is_dir(), "run: make book"
    assert problems(HTML) == []


def test_every_chapter_has_its_page_and_its_notebook_to_download():
    for chapter in (ROOT / "notebooks").glob("[!.]*.ipynb"):
        assert (HTML / "notebooks" / f"{chapter.stem}.html").is_file()
        assert (HTML / "_sources" / "notebooks" / chapter.name).is_file()


def neighbour(page, kind):
    """The page that the "next" or "previous" link at the foot of a page leads to, or None."""
    link = re.search(rf'<a class="{kind}"\s+href="([^"#]+)"', page.read_text(encoding="utf-8"))
    return (page.parent / link[1]).resolve() if link else None


def test_next_leads_through_every_page_and_previous_back():
    page, seen = HTML / "book" / "index.html", []
    while page is not None:
        assert page not in seen
        assert neighbour(page, "left-prev") == (seen[-1] if seen else None)
        seen.append(page)
        page = neighbour(page, "right-next")
    written = {*HTML.glob("book/**/*.html"), *HTML.glob("notebooks/**/*.html")}
    assert set(seen) == written


def test_pages_leave_out_what_would_load_from_elsewhere():
    """thebe and MathJax of the stock settings name hosts in scripts, which a look at tags does not show."""
    for page in HTML.glob("**/*.html"):
        text = page.read_text(encoding="utf-8")
        assert "unpkg.com" not in text and "cdn.jsdelivr.net" not in text, page.name


@pytest.mark.parametrize("page", ["book/index.html", "book/ledger.html"])
def test_every_kind_of_check_is_explained(page):
    text = (HTML / page).read_text(encoding="utf-8")
    table = text[text.index("what was done") :].split("</table>")[0]
    assert [kind for kind in KINDS if not re.search(rf"\b{kind}\b", table)] == []


def said(page, name):
    """What a page says of itself in its head under a name."""
    text = page.read_text(encoding="utf-8")
    tag = next(tag for tag in re.findall(r"<meta[^>]*>", text) if f'"{name}"' in tag)
    return html.unescape(re.search(r'content="([^"]*)"', tag)[1])


def test_pages_say_what_they_are_about():
    """Of a chapter the description is its question."""
    for page in HTML.glob("notebooks/*.html"):
        words = said(page, "description")
        assert 40 < len(words) <= 202 and not re.search(r"[\\$]", words), page.name
        numbered = re.match(r"\d+\. ", said(page, "og:title"))
        assert bool(numbered) == (page.name < "20"), page.name  # the last one is back matter
        assert said(page, "og:description") == words


# --------------------------------------------------------------------------------------------- tests can fail


@pytest.fixture
def site(tmp_path):
    def site(body, **others):
        for name, text in {"index": body, **others}.items():
            (tmp_path / f"{name}.html").write_text(
                f"<html><body>{text}</body></html>", encoding="utf-8"
            )
        return problems(tmp_path)

    return site


def test_a_good_page_has_no_problem(site):
    body = '<p id="a">x</p><a href="#a">a</a><a href="two.html#b">b</a><a href="https://example.org">out</a>'
    assert site(body, two='<p id="b">y</p>') == []


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ('<a href="three.html">x</a>', "missing"),
        ('<a href="#nowhere">x</a>', "anchor"),
        ('<a href="two.html#nowhere">x</a>', "anchor"),
        ('<p id="a"></p><p id="a"></p>', "more than once"),
        ('<script src="https://cdn.example.org/x.js"></script>', "another host"),
        ('<link rel="stylesheet" href="//fonts.example.org/x.css">', "another host"),
        ('<img src="two.html">', "no alt"),
        ('<img src="two.html" alt="_images/abc.png">', "file name"),
        ('<img src="gone.png" alt="a falling curve">', "missing"),
    ],
)
def test_a_planted_fault_is_seen(site, body, fault):
    found = site(body, two="<p>y</p>")
    assert len(found) == 1 and fault in found[0]


def test_keys_follow_contents_not_dates(tmp_path, monkeypatch):
    monkeypatch.setattr("source_key.ROOT", tmp_path)
    source = tmp_path / "src" / "a.py"
    source.parent.mkdir()
    source.write_text("x = 1\n")
    first = key(("src/**/*.py",))
    source.touch()
    assert key(("src/**/*.py",)) == first
    source.write_text("x = 2\n")
    assert key(("src/**/*.py",)) != first
