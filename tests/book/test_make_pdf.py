"""The PDF: links stay inside the one page, folded parts are opened, and a missing browser is said in one sentence."""

import make_pdf
import pytest

PAGE = """<html><head><title>x</title></head><body><a href="../book/index.html#thm-x">here</a>
<a href="https://example.org/index.html">there</a><details><summary>Proof</summary><p id="thm-x">unfolded</p></details>
<script>window.MathJax = {"options": {"a": 1}}</script></body></html>"""


def test_links_through_the_file_of_the_page_stay_inside():
    text = make_pdf.printable(PAGE)
    assert 'href="#thm-x"' in text and 'href="https://example.org/index.html"' in text
    assert text.count(make_pdf.PREPARE) == 1 and '"enableMenu": false' in text


def test_a_missing_browser_is_one_sentence(monkeypatch, capsys):
    monkeypatch.setattr(make_pdf.shutil, "which", lambda name: None)
    assert make_pdf.main() == 1
    said = capsys.readouterr().err
    assert said.startswith("error: ") and "Chromium" in said and said.count("\n") == 1


@pytest.mark.browser
def test_a_page_is_printed(tmp_path):
    browser = make_pdf.find_browser()
    if browser is None:
        pytest.skip("no Chromium to print with (Debian: apt-get install chromium)")
    page, target = tmp_path / "print.html", tmp_path / "pdf" / "x.pdf"
    page.write_text(make_pdf.printable(PAGE), encoding="utf-8")
    assert make_pdf.pdf_of(page, target, browser)
    data = target.read_bytes()
    assert data.startswith(b"%PDF") and b"https://example.org" in data and b"/Dest" in data


@pytest.mark.browser
def test_a_browser_that_fails_is_reported(tmp_path, capsys):
    assert not make_pdf.pdf_of(tmp_path / "none.html", tmp_path / "x.pdf", "false")
    assert not (tmp_path / "x.pdf").exists()
