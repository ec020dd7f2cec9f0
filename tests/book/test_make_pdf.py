"""The PDF: links stay inside the one page, folded parts are opened, and a missing browser is said in one sentence."""

import re
import time

import make_pdf
import pytest

PAGE = """<html><head><title>x</title></head><body><a href="../book/index.html#thm-x">here</a>
<a href="https://example.org/index.html">there</a><details class="rl-folded"><summary>Proof</summary><p id="thm-x">unfolded</p></details>
<script>window.MathJax = {"options": {"a": 1}}</script></body></html>"""


def page(body, head=""):
    return f"<html><head>{head}</head><body>{body}</body></html>"


def test_links_through_the_file_of_the_page_stay_inside():
    text = make_pdf.printable(PAGE)
    assert 'href="#thm-x"' in text and 'href="https://example.org/index.html"' in text
    assert text.count(make_pdf.PREPARE) == 1 and '"enableMenu": false' in text


def test_a_missing_browser_is_one_sentence(monkeypatch, capsys):
    monkeypatch.setattr(make_pdf.shutil, "which", lambda _: None)
    assert make_pdf.main() == 1
    said = capsys.readouterr().err
    assert said.startswith("error: ") and "Chromium" in said and said.count("\n") == 1


@pytest.fixture
def printed(tmp_path):
    """Print a page and read the PDF."""
    from pypdf import PdfReader

    browser = make_pdf.find_browser()
    if browser is None:
        pytest.skip("no Chromium to print with (Debian: apt-get install chromium)")

    def printed(html):
        source = tmp_path / "print.html"
        target = tmp_path / "pdf" / "x.pdf"
        source.write_text(make_pdf.printable(html), encoding="utf-8")
        assert make_pdf.pdf_of(source, target, browser)
        return PdfReader(target)

    return printed


def links(book):
    """Named places and outside addresses that the links of a PDF lead to."""
    found = [note.get_object() for page in book.pages for note in page.get("/Annots") or []]
    return [
        note.get("/Dest") or note["/A"]["/URI"] for note in found if note["/Subtype"] == "/Link"
    ]


@pytest.mark.browser
def test_folds_are_printed_open_and_links_lead_somewhere(printed):
    book = printed(PAGE)
    assert "unfolded" in book.pages[0].extract_text()
    inside, outside = links(book)
    assert inside in book.named_destinations and outside == "https://example.org/index.html"


@pytest.mark.browser
def test_every_page_has_its_number(printed):
    paragraphs = "".join(f"<p style='break-after: page'>leaf {chr(97 + i)}</p>" for i in range(5))
    book = printed(page(paragraphs))
    numbers = [
        [word for word in page.extract_text().split() if word.isdigit()] for page in book.pages
    ]
    assert len(numbers) >= 5 and numbers == [[str(i + 1)] for i in range(len(numbers))]


@pytest.mark.browser
def test_code_of_checks_stays_folded_on_paper(printed):
    fold = "<details class='{}'><summary>line</summary><p>{}</p></details>"
    body = fold.format("rl-check-fold", "code") + fold.format("rl-folded", "proof")
    text = printed(page(body)).pages[0].extract_text()
    assert "proof" in text and "code" not in text and text.count("line") == 2


@pytest.mark.browser
def test_contents_say_the_pages_of_their_entries(printed, tmp_path):
    entries = "".join(f'<li><a class="x" href="#{name}">{name}</a></li>' for name in ("b", "c/d"))
    leaves = "".join(f'<h2 style="break-before: page" id="{i}">{i}</h2>' for i in ("a", "b", "c/d"))
    link = '<a href="#b">again</a>'
    html = page(f'<div id="jb-print-toc"><nav>{entries}</nav></div>{leaves}{link}')
    first = printed(html)
    assert "b3" not in first.pages[0].extract_text()
    numbered = make_pdf.with_page_numbers(html, tmp_path / "pdf" / "x.pdf")
    text = "".join(printed(numbered).pages[0].extract_text().split())
    assert "b3" in text and "c/d4" in text
    assert link in numbered


FOLDS = 300
MATHJAX = """<script>window.MathJax = {{"options": {{}}}}</script>
<script defer src="{static}/mathjax/tex-chtml.js"></script><script src="{static}/fit.js"></script>"""


@pytest.mark.browser
def test_many_folds_with_formulas_are_printed_in_a_minute(printed):
    """Each fold that opens used to have all formulas fitted again: minutes a fold."""
    scripts = make_pdf.BUILD / "html" / "_static"
    assert (scripts / "fit.js").is_file(), "the book is not built; run: make book"
    body = "".join(
        f"<details class='rl-folded'><summary>Proof</summary><div class='math'>\\[x_{{{i}}}=\\frac12\\]</div>"
        f"<p>done{i}.</p></details>" for i in range(FOLDS)
    )  # fmt: skip
    started = time.perf_counter()
    book = printed(page(f"<main>{body}</main>", head=MATHJAX.format(static=scripts.as_uri())))
    assert time.perf_counter() - started < 60
    text = " ".join(page.extract_text() for page in book.pages)
    assert all(f"done{i}." in text for i in range(FOLDS))
    assert "frac" not in text  # typeset


@pytest.mark.browser
def test_a_browser_that_fails_is_reported(tmp_path):
    assert not make_pdf.pdf_of(tmp_path / "none.html", tmp_path / "x.pdf", "false")
    assert not (tmp_path / "x.pdf").exists()


@pytest.mark.browser
def test_the_head_of_a_table_is_repeated_on_every_page(printed):
    head = "<thead><tr><th><button>the head</button></th></tr></thead>"
    rows = "".join(f"<tr><td>row {i}</td></tr>" for i in range(150))
    book = printed(page(f"<table>{head}<tbody>{rows}</tbody></table>"))
    assert len(book.pages) > 2
    assert all("the head" in page.extract_text() for page in book.pages)


# ------------------------------------------------------------------------------------- the printed book


@pytest.fixture(scope="module")
def book():
    """The whole book as `make pdf` printed it."""
    from pypdf import PdfReader

    if not make_pdf.PDF.is_file():
        pytest.skip("the book is not printed; run: make pdf")
    return PdfReader(make_pdf.PDF)


@pytest.mark.browser
def test_the_links_of_the_printed_book_lead_somewhere(book):
    places = book.named_destinations
    inside = [link for link in links(book) if not str(link).startswith(("http", "mailto"))]
    assert len(inside) > 1000
    assert {link for link in inside if link not in places} == set()


@pytest.mark.browser
def test_contents_of_the_printed_book_say_the_pages_of_their_entries(book):
    notes = [note.get_object() for note in book.pages[0]["/Annots"]]
    pages = [
        book.get_destination_page_number(book.named_destinations[note["/Dest"]]) + 1
        for note in notes
    ]
    lines = book.pages[0].extract_text().split("\n")
    said = [line.split()[-1] for line in lines if re.search(r"\D\s*\d+$", line)]
    assert len(pages) > 20 and len(set(pages)) == len(pages)
    assert said == [str(number) for number in pages]


@pytest.mark.browser
def test_pages_of_the_printed_book_have_numbers_and_no_raw_markup(book):
    """Every ninth page: reading one takes a tenth of a second."""
    assert len(book.pages) > 300
    for number in range(1, len(book.pages) + 1, 9):
        words = book.pages[number - 1].extract_text().split()
        assert str(number) in (words[0], words[-1]), number
        raw = [word for word in words if re.search(r"^\$\$|^:::|\{\w+:\w+\}`", word)]
        assert raw == [], number
