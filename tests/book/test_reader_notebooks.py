"""The notebooks for readers: nothing raw is left, every number is the page's, the code is the chapter's."""

import html
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from functools import cache
from types import SimpleNamespace
from urllib.parse import urlsplit

import browsing
import launch_buttons
import nbformat
import pytest
import reader_notebooks as rn
from browsing import HTML, ROOT
from bs4 import BeautifulSoup
from build_book import LAB, stand_in

CHAPTERS = sorted(path.stem for path in (ROOT / "notebooks").glob("[0-9]*.ipynb"))


def lines(*texts):
    return "\n".join(texts)


# ------------------------------------------------------------------------------- blocks of Markdown


def test_a_display_carries_its_number():
    assert rn.display("\na = b\n", "3.2") == lines("$$", "a = b", "\\tag{3.2}", "$$")
    assert rn.display("\n   a\n   b\n") == lines("$$", "   a", "   b", "   $$")


def test_a_display_in_a_quotation_is_one_line():
    """JupyterLab takes a formula out of the text before it reads the signs of a quotation."""
    assert rn.quoted("Let\n\n$$\na\n$$\n") == lines("> Let", ">", "> $$ a $$", ">")


def test_a_statement_begins_with_its_name():
    assert rn.begun("**Lemma 1.**", "Let $a$.") == "**Lemma 1.** Let $a$."
    assert rn.begun("**Lemma 1.**", "$$ a $$") == "**Lemma 1.**\n\n$$ a $$"
    assert rn.begun("**Lemma 1.**", "1. one") == "**Lemma 1.**\n\n1. one"


def test_a_proof_ends_with_its_sign():
    assert rn.proof("Trivial.") == "*Proof.* Trivial. ∎"
    assert rn.proof("By\n\n$$\na\n$$").endswith("\n$$\n\n∎")


def small(source, outputs=()):
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "execution_count": None}
    return json.dumps({"cells": [{**cell, "source": source, "outputs": list(outputs)}]})


def test_what_a_reader_has_changed_is_kept(tmp_path, capsys):
    """A new run of the same code is no change, and what is no notebook any more is one."""
    lab, data = tmp_path / "lab", tmp_path / "data"
    data.mkdir()
    (data / "table.csv").write_text("1")
    rn.write(lab, {f"{name}.ipynb": small("1") for name in "abc"}, data)
    (lab / "a.ipynb").write_text(small("2"))
    (lab / "b.ipynb").write_text(small("1", [{"output_type": "stream", "text": "1"}]))
    (lab / "c.ipynb").write_text("broken")
    rn.write(lab, {f"{name}.ipynb": small("3") for name in "abc"}, data)
    assert [(lab / f"{name}.ipynb").read_text() for name in "abc"] == [small("3")] * 3
    kept = {path.name: path.read_text() for path in (lab / rn.YOURS).iterdir()}
    assert kept == {"a.ipynb": small("2"), "c.ipynb": "broken"}
    assert "a.ipynb" in capsys.readouterr().out and (lab / "data" / "table.csv").is_file()
    (lab / "a.ipynb").write_text(small("4"))
    rn.write(lab, {"d.ipynb": small("1")}, data)
    assert [path.name for path in lab.glob("*.ipynb")] == ["d.ipynb"]
    assert (lab / rn.YOURS / "a.ipynb").read_text() == small("2")
    assert (lab / rn.YOURS / "a-2.ipynb").read_text() == small("4")


def test_the_one_page_of_the_printed_book_has_no_notebooks():
    for name in ("singlehtml", "latex"):
        app = SimpleNamespace(builder=SimpleNamespace(name=name, format="html"))
        rn.write_notebooks(app, None)  # reads no page
    with pytest.raises(AttributeError):
        rn.write_notebooks(SimpleNamespace(builder=SimpleNamespace(name="html")), None)


def test_hidden_figures_are_spoken_of():
    """JupyterLab shows no vector figure of a notebook that it does not trust yet."""
    figure = {"output_type": "display_data", "metadata": {}, "data": {"image/svg+xml": "<svg/>"}}
    both = {**figure, "data": {**figure["data"], "image/png": ""}}
    assert rn.hides_figures(json.loads(small("1", [figure])))
    assert not rn.hides_figures(json.loads(small("1", [both])))


def test_binder_opens_the_notebook_for_readers():
    address = "https://mybinder.org/v2/gh/o/n/main?urlpath=lab/tree/notebooks/03_x.ipynb"
    assert launch_buttons.for_readers(address).endswith("lab/tree/_build/lab/03_x.ipynb")


# -------------------------------------------------------------------------------------- round trip

RAW = {
    "a role": r"(?<!`)\{[a-z:]+\}`",
    "a directive": r"^ *(:{3,}|`{3,}\{)",
    "an option": r"^ *:(label|class|parts|name):",
    "a target": r"^\([\w-]+\)=$",
    "the label of a display": r"\$\$ *\((?!i)[\w-]+\)",
    "a label": r"(?<![\w#=.-])(?:eq|thm|lem|prop|cor|def|rem|ex|alg|fig)-[a-z]+-[a-z]",
}


def raw(text):
    """What a Markdown renderer without this book's words would show as it is."""
    shown = re.sub(r"`[^`\n]*`(?!\})", "", re.sub(r"(?m)^```\w*\n(.*\n)*?```$", "", text))
    found = {what: re.search(pattern, shown, re.MULTILINE) for what, pattern in RAW.items()}
    found["a role"] = re.search(RAW["a role"], text)
    return [what for what in RAW if found[what]]


def test_what_is_raw_is_found():
    assert raw("by {prf:ref}`thm-a`") == ["a role"]
    assert raw(":::{prf:proof}\n:::") == ["a directive"]
    assert raw("$$\na\n$$ (eq-some-name)")[0] == "the label of a display"
    assert raw("by thm-some-name") == ["a label"]
    assert raw("by [Theorem 3.4](05_x.ipynb#cell-id=thm-some-name), $a$") == []


def reader(name):
    return json.loads((LAB / f"{name}.ipynb").read_text(encoding="utf-8"))


def chapter(name):
    path = ROOT / "notebooks" / f"{name}.ipynb"
    return stand_in(path) or json.loads(path.read_text(encoding="utf-8"))


def markdown(notebook):
    """All Markdown of a notebook: its cells, and what its cells put out."""
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            yield "".join(cell["source"])
        for output in cell.get("outputs", ()):
            yield "".join(output.get("data", {}).get("text/markdown", ""))


# a page's own: the drawing at its head, and what its reader can move
OF_THE_PAGE = 'figure[id^="fig-drawing-"], .rl-movable'


@cache
def article(name):
    """The HTML of what a page shares with its notebook."""
    page = (HTML / "notebooks" / f"{name}.html").read_text(encoding="utf-8")
    found = BeautifulSoup(page, "html.parser").select_one("article.bd-article")
    for part in found.select(OF_THE_PAGE):
        part.decompose()
    return str(found)


@pytest.mark.parametrize("name", CHAPTERS)
def test_nothing_raw_is_left(name):
    assert [found for text in markdown(reader(name)) for found in raw(text)] == []


@pytest.mark.parametrize("name", CHAPTERS)
def test_code_outputs_and_ids_are_those_of_the_chapter(name):
    def code(notebook):
        """The code cells, but for the Markdown of their outputs."""
        cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
        for output in (output for cell in cells for output in cell["outputs"]):
            if "text/markdown" in output.get("data", {}):
                output["data"]["text/markdown"] = ""
        return cells

    own, source = reader(name), chapter(name)
    assert code(own) == code(source)
    ids = [cell["id"] for cell in own["cells"] if not cell["id"].startswith("caption-")]
    assert ids == [cell["id"] for cell in source["cells"]]
    nbformat.validate(nbformat.from_dict(own))


NUMBERS = {  # in a notebook, on its page
    "statements": (
        r"^ *> \*\*((?!Exercise)[A-Z]\w+ (?:\d+\.)*\d+)(?: \(|\.)",
        r'<span class="caption-number">([A-Z]\w+ [\d.]+) </span> ?(?!<span class="caption-text)',
    ),
    "displays": (r"\\tag\{([\d.]+)\}", r'<span class="eqno">\(([\d.]+)\)'),
    "headings": (r"^#+ ([\d.]+)\. ", r'<span class="section-number">([\d.]+)\. </span>'),
    "figures": (
        r"^\*\*(Figure (?:\d+\.)*\d+)\.\*\*",
        r'<span class="caption-number">(Figure [\d.]+) </span>',
    ),
}


@pytest.mark.parametrize("name", CHAPTERS)
@pytest.mark.parametrize("kind", NUMBERS)
def test_numbers_are_those_of_the_page(name, kind):
    own, page = NUMBERS[kind]
    shown = Counter(
        found for text in markdown(reader(name)) for found in re.findall(own, text, re.M)
    )
    listed = re.findall(page, article(name))
    if kind == "statements":
        listed = [number for number in listed if not number.startswith("Figure")]
    assert shown == Counter(listed)


def plain(text):
    """Text without its signs of quotation, dashes and spaces."""
    signs = {"“": '"', "”": '"', "‘": "'", "’": "'", "–": "--", "…": "..."}
    return re.sub(r"\s+", "", text.translate(str.maketrans(signs)))


SIGNS = r"[*`\\]"  # of emphasis, code and escapes
LEFT_OUT = r'\\\(.*?\\\)|<a class="headerlink.*?</a>|<span class="caption-number">.*?</span>'


def words_of_page(text):
    """The words of a piece of a page, without formulas, the signs of links and the numbers of captions."""
    text = re.sub(LEFT_OUT, "", text, flags=re.DOTALL)
    return plain(re.sub(SIGNS, "", html.unescape(re.sub(r"<[^>]*>", "", text))))


def without_formulas(text):
    return re.sub(r"\$[^$\n]+?\$", "", re.sub(r"\$\$.+?\$\$", "", text, flags=re.DOTALL))


def words_of_notebook(text):
    text = without_formulas(text)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", re.sub(r"(?m)^ *>|<[^>]*>", "", text))
    return plain(re.sub(SIGNS, "", text))


def paragraphs(page):
    """The paragraphs of a page that come from its Markdown, as words."""
    outputs = r'<div class="cell docutils container".*?(?=<div class="cell docutils|<section|<p>)'
    for text in re.findall(r"<p>(.*?)</p>", re.sub(outputs, "", page, flags=re.DOTALL), re.DOTALL):
        if "rl-check" not in text:
            yield words_of_page(text)


@pytest.mark.parametrize("name", CHAPTERS)
def test_every_paragraph_of_the_page_is_there_word_for_word(name):
    """Values and references among them: they are words here and there."""
    own = words_of_notebook("\n\n".join(markdown(reader(name))))
    assert [text for text in paragraphs(article(name)) if text not in own] == []


def test_a_wrong_value_would_be_noticed():
    own = "In {} of *the* $n$ cases, [(3.2)](x)"
    (words,) = paragraphs("<p>In 383 of <em>the</em> \\(n\\) cases, (3.2)</p>")
    assert words == words_of_notebook(own.format(383)) != words_of_notebook(own.format(384))


@pytest.mark.parametrize("name", CHAPTERS)
def test_links_lead_somewhere(name):
    cells = {stem: {cell["id"] for cell in reader(stem)["cells"]} for stem in CHAPTERS}
    text = without_formulas("\n".join(markdown(reader(name))))
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        page, _, anchor = link.partition("#")
        if page.endswith(".html") and "://" not in link:
            assert (LAB / page).resolve().is_file(), link
        elif "://" not in link:
            stem = page.removesuffix(".ipynb") or name
            assert anchor.removeprefix("cell-id=") in {*cells[stem], ""}, link


def test_the_download_button_delivers_the_notebook_for_readers():
    for name in CHAPTERS:
        downloaded = HTML / "_sources" / "notebooks" / f"{name}.ipynb"
        assert downloaded.read_bytes() == (LAB / f"{name}.ipynb").read_bytes()
        first = "".join(reader(name)["cells"][0]["source"])
        assert first.startswith("# ") and "pip install" in first and f"{name}.html" in first


# -------------------------------------------------------------------------------------- JupyterLab

SETTINGS = {  # all cells are drawn at once, and nothing is asked of other hosts
    "notebook-extension/tracker": {"windowingMode": "none"},
    "apputils-extension/notification": {"checkForUpdates": False, "fetchNews": "false"},
}
OPENED = ("03_covariance_identity", "13_what_explorers_see", "20_check_your_own")
RUN = "20_check_your_own"
SHOWN = """() => {
    const cells = [...document.querySelectorAll('.jp-Notebook .jp-MarkdownCell .jp-RenderedMarkdown')];
    const words = cells.map(cell => {
        const copy = cell.cloneNode(true);
        copy.querySelectorAll('mjx-container, code, pre').forEach(box => box.remove());
        return copy.textContent;
    });
    const formulas = [...document.querySelectorAll('.jp-MarkdownCell mjx-container')];
    return {
        text: words.join('\\n'),
        headings: [...document.querySelectorAll('.jp-RenderedMarkdown :is(h1, h2)')].map(h => h.textContent),
        names: [...document.querySelectorAll('.jp-RenderedMarkdown blockquote strong')].map(s => s.textContent),
        formulas: formulas.length,
        displays: formulas.filter(box => box.getAttribute('display') === 'true').length,
        faults: document.querySelectorAll('mjx-merror, .MathJax_Error').length,
    };
}"""
TYPESET = """() => {
    const cells = [...document.querySelectorAll('.jp-Notebook .jp-MarkdownCell')];
    return cells.length > 3 && cells.every(cell => cell.querySelector('.jp-RenderedMarkdown')?.childElementCount)
        && document.querySelectorAll('.jp-MarkdownCell mjx-container').length > 0
        && !cells.some(cell => /\\$\\$/.test(cell.querySelector('.jp-RenderedMarkdown').textContent));
}"""
READY = """() => {
    const panel = window.jupyterapp.shell.currentWidget;
    const kernel = panel?.sessionContext?.session?.kernel;
    return kernel?.connectionStatus === 'connected' && kernel.status === 'idle';
}"""
FINISHED = """() => {
    const cells = [...document.querySelectorAll('.jp-Notebook .jp-CodeCell .jp-InputPrompt')];
    return cells.length > 0 && cells.every(prompt => /\\[\\d+\\]/.test(prompt.textContent));
}"""


@contextmanager
def jupyterlab(folder, home):
    """The address of a JupyterLab over a folder, on a free port, with settings of its own."""
    for name, values in SETTINGS.items():
        path = home / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
    own = {
        f"JUPYTER_{what}_DIR": str(home / what.lower()) for what in ("CONFIG", "DATA", "RUNTIME")
    }
    command = [
        *(sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root"),
        *("--ServerApp.port=0", "--ServerApp.ip=127.0.0.1", "--IdentityProvider.token="),
        *(f"--ServerApp.root_dir={folder}", f"--LabApp.user_settings_dir={home / 'settings'}"),
        *(f"--LabApp.workspaces_dir={home / 'workspaces'}", "--LabApp.expose_app_in_browser=True"),
    ]
    with open(home / "log", "w") as log:
        server = subprocess.Popen(command, env={**os.environ, **own}, stdout=log, stderr=log)
        try:
            yield address_of(server, home)
        finally:
            server.terminate()
            server.wait(timeout=20)


def address_of(server, home, patience=60):
    """Where a server listens, once it says so."""
    until = time.monotonic() + patience
    while time.monotonic() < until and server.poll() is None:
        for path in (home / "runtime").glob("jpserver-*.json"):
            try:
                return json.loads(path.read_text())["url"].rstrip("/")
            except ValueError:
                pass  # not written to its end yet
        time.sleep(0.1)
    pytest.fail(f"JupyterLab does not start: {(home / 'log').read_text()[-2000:]}")


@pytest.fixture(scope="module")
def lab(browser, tmp_path_factory):
    """A tab of a JupyterLab in which the notebooks for readers lie, with the requests that left the machine."""
    home = tmp_path_factory.mktemp("jupyter")
    folder = home / "notebooks"
    shutil.copytree(LAB, folder)
    with jupyterlab(folder, home) as address:
        context = browser.new_context(viewport=browsing.WIDE)
        tab, outside = context.new_page(), []

        def local(route):
            near = urlsplit(route.request.url).hostname in ("127.0.0.1", "localhost", None)
            if not near:
                outside.append(route.request.url)
            route.continue_() if near else route.abort()

        tab.route("**/*", local)
        yield tab, address, outside
        context.close()


def opened(tab, address, name):
    tab.goto(f"{address}/lab/tree/{name}.ipynb?reset")
    tab.wait_for_function(TYPESET, timeout=120_000)
    return tab.evaluate(SHOWN)


@pytest.mark.browser
@pytest.mark.parametrize("name", OPENED)
def test_it_reads_in_jupyterlab(lab, name):
    tab, address, outside = lab
    shown = opened(tab, address, name)
    texts = list(markdown(reader(name)))
    titles = [found for text in texts for found in re.findall(r"^##? (.+)$", text, re.M)]
    names = [found for text in texts for found in re.findall(NUMBERS["statements"][0], text, re.M)]
    assert len(shown["headings"]) == len(titles) and shown["faults"] == 0
    for title, heading in zip(titles, shown["headings"], strict=True):
        assert words_of_notebook(heading.replace("¶", "")).startswith(words_of_notebook(title)[:12])
    for name in names:
        assert any(re.match(rf"{name}\b", words) for words in shown["names"]), name
    assert shown["displays"] == sum(text.count("$$") for text in texts) // 2
    assert "$$" not in shown["text"] and "{prf:" not in shown["text"] and ":::" not in shown["text"]
    assert "\\" not in shown["text"]
    assert outside == []


@pytest.mark.browser
def test_it_runs_in_jupyterlab(lab):
    tab, address, _ = lab
    opened(tab, address, RUN)
    tab.wait_for_function(READY, timeout=120_000)  # what is run earlier is lost
    tab.evaluate("() => window.jupyterapp.commands.execute('notebook:clear-all-cell-outputs')")
    tab.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
    tab.wait_for_function(FINISHED, timeout=180_000)
    outputs = ".jp-CodeCell .jp-OutputArea-output"
    assert tab.locator(outputs).count() > 0
    assert tab.locator('[data-mime-type="application/vnd.jupyter.error"]').all_text_contents() == []
