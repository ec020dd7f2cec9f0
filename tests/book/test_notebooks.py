"""How chapters are stored; that nbval compares them strictly; and that these very tests can fail."""

import ast
import os
import re
import subprocess

import check
import nbformat
import pytest
import source_key
from build_book import run_stale, stand_in
from execution import ROOT, notebooks, run, set_environment
from nbval_by_hand import nbval
from run_notebooks import main as run_notebooks
from run_notebooks import named, normalised, stderr_outputs
from source_key import code, is_current
from stored_runs import NOTE, with_note

from proofledger.nbval import figures_without_digest
from proofledger.records import MIME as CHECK

CHAPTERS = notebooks()
HEADINGS = ("question", "what we learnt", "caveats")

# ----------------------------------------------------------------------------------------- what is looked for


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs(notebook):
    return [output for cell in code_cells(notebook) for output in cell.outputs]


def counts(notebook):
    return [cell.execution_count for cell in code_cells(notebook) if cell.source.strip()]


def stored_run(notebook):
    """Every code cell was run once, in order, in one kernel."""
    return counts(notebook) == list(range(1, len(counts(notebook)) + 1))


def stored_errors(notebook):
    return [output.ename for output in outputs(notebook) if output.output_type == "error"]


def long_cells(notebook, longest=25):
    return [
        cell.source
        for cell in code_cells(notebook)
        if len(cell.source.strip().splitlines()) > longest
    ]


def functions(notebook):
    """Names of the functions and classes that a notebook defines (lambdas apart)."""
    names = []
    for cell in code_cells(notebook):
        source = "\n".join(
            line for line in cell.source.splitlines() if not re.match(r"\s*[%!]", line)
        )
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        names += [node.name for node in ast.walk(ast.parse(source)) if isinstance(node, kinds)]
    return names


def undescribed_figures(notebook):
    """Cells that show a picture without an alternative text or a caption."""

    def described(cell):
        settings = cell.metadata.get("mystnb", {})
        alt = settings.get("image", {}).get("alt", "")
        return len(alt.split()) > 2 and bool(settings.get("figure", {}).get("caption", "").strip())

    def pictured(cell):
        kinds = {kind for output in cell.outputs for kind in output.get("data", {})}
        return any(kind.startswith("image/") for kind in kinds)

    return [cell.source for cell in code_cells(notebook) if pictured(cell) and not described(cell)]


def missing_headings(notebook):
    """The fixed parts of a chapter that no Markdown cell announces in a heading or in bold."""
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    marked = re.findall(r"^#+\s+(.+)$|\*\*([^*]+)\*\*", text, flags=re.MULTILINE)
    found = [(heading or bold).lower() for heading, bold in marked]
    return [wanted for wanted in HEADINGS if not any(wanted in words for words in found)]


# ------------------------------------------------------------------------------------- every chapter is right


@pytest.fixture(params=CHAPTERS, ids=lambda path: path.stem)
def chapter(request):
    return request.param


@pytest.fixture
def notebook(chapter):
    return nbformat.read(chapter, as_version=4)


def test_is_valid_and_small(chapter, notebook):
    nbformat.validate(notebook)
    assert chapter.stat().st_size < 600_000  # pictures, and the digests of what they show


def test_is_stored_run_without_errors_or_warnings(notebook):
    assert stored_run(notebook)
    assert stored_errors(notebook) == []
    assert stderr_outputs(notebook) == []


def test_is_stored_as_the_tool_stores_it(notebook):
    """Stored by tools/run_notebooks.py: nothing in the file changes from run to run."""
    before = nbformat.writes(notebook)
    assert nbformat.writes(normalised(notebook)) == before


def test_cells_are_short_and_define_nothing(notebook):
    assert long_cells(notebook) == []
    assert functions(notebook) == []


def test_figures_are_described(notebook):
    assert undescribed_figures(notebook) == []


def test_figures_carry_what_nbval_compares(notebook):
    assert figures_without_digest(outputs(notebook)) == []


def test_is_a_run_of_its_present_sources(notebook):
    """What the book shows was computed from this code, these data, this package and this lock."""
    assert is_current(notebook), "run: make notebooks STALE=1"


def test_has_the_parts_of_a_chapter(notebook):
    first = notebook.cells[0]
    assert first.cell_type == "markdown" and first.source.startswith("# ")
    assert missing_headings(notebook) == []


def test_is_in_the_table_of_contents(chapter):
    assert f"notebooks/{chapter.stem}" in (ROOT / "_toc.yml").read_text()


# --------------------------------------------------------------------------------------------- tests can fail


def make(*sources, counts=True, **extra):
    """A small notebook of code cells, as if run."""
    cells = [
        nbformat.v4.new_code_cell(source, execution_count=i if counts else None)
        for i, source in enumerate(sources, start=1)
    ]
    return nbformat.v4.new_notebook(cells=cells, **extra)


def with_output(source, output):
    notebook = make(source)
    notebook.cells[0].outputs = [output]
    return notebook


def test_a_cell_that_was_not_run_is_seen():
    assert stored_run(make("1", "2"))
    assert not stored_run(make("1", "2", counts=False))
    skipped = make("1", "2")
    skipped.cells[1].execution_count = 3
    assert not stored_run(skipped)


def test_a_stored_error_is_seen():
    error = nbformat.v4.new_output("error", ename="ValueError", evalue="x", traceback=[])
    assert stored_errors(with_output("1 / 0", error)) == ["ValueError"]


def test_a_stored_warning_is_seen():
    warning = nbformat.v4.new_output("stream", name="stderr", text="careful\n")
    assert stderr_outputs(with_output("f()", warning)) == [(1, "careful")]


def test_a_long_cell_is_seen():
    assert len(long_cells(make("\n".join(["x = 1"] * 26)))) == 1
    assert long_cells(make("\n".join(["x = 1"] * 25))) == []


def test_a_function_is_seen():
    assert functions(make("%matplotlib inline\ndef f(x):\n    return x\n", "class C: pass")) == [
        "f",
        "C",
    ]


def test_a_figure_without_words_is_seen():
    picture = nbformat.v4.new_output(
        "display_data", data={"image/png": "", "text/plain": "<Figure>"}
    )
    notebook = with_output("plot()", picture)
    assert len(undescribed_figures(notebook)) == 1
    notebook.cells[0].metadata["mystnb"] = {
        "image": {"alt": "a falling curve"},
        "figure": {"caption": "Entropy over steps."},
    }
    assert undescribed_figures(notebook) == []


def test_a_figure_that_nbval_would_skip_is_seen():
    picture = {"image/svg+xml": "<svg/>", "text/plain": "<Figure size 640x480 with 1 Axes>"}
    drawing = {"image/svg+xml": "<svg/>", "text/plain": "<IPython.core.display.SVG object>"}
    photograph = {"image/png": "", "text/plain": "<IPython.core.display.Image object>"}
    kinds = (picture, drawing, photograph)
    shown = [nbformat.v4.new_output("display_data", data=data) for data in kinds]
    assert figures_without_digest(shown) == [shown[0], shown[2]]


def test_a_missing_part_is_seen():
    cells = map(nbformat.v4.new_markdown_cell, ["# T\n\n**Question.** Why?", "## Caveats"])
    assert missing_headings(nbformat.v4.new_notebook(cells=list(cells))) == ["what we learnt"]


# ------------------------------------------------------------------------------ running and storing notebooks


@pytest.fixture
def write(tmp_path):
    def write(*sources, name="sample.ipynb"):
        path = tmp_path / name
        nbformat.write(make(*sources, counts=False), path)
        return path

    return write


def test_a_failing_notebook_is_reported_and_left_as_it_was(write, capfd):
    path = write("x = 1", "raise ValueError('planted')")
    before = path.read_bytes()
    assert run_notebooks([str(path)]) == 1
    said = capfd.readouterr()
    assert "cell 2" in said.err and "planted" in said.err and "raise ValueError" in said.err
    assert path.read_bytes() == before


def test_storing_twice_gives_the_same_file(write):
    path = write("print(sorted({'b', 'a'}))", "import random; 6 * 7")
    assert run_notebooks([str(path)]) == 0
    first = path.read_bytes()
    assert run_notebooks([str(path)]) == 0
    assert path.read_bytes() == first
    assert counts(nbformat.read(path, as_version=4)) == [1, 2]


def test_a_run_stops_where_it_is_told(write):
    done = run(write("x = 1", "x + 1", "raise ValueError"), stop=2)
    assert done.error == "" and len(done.notebook.cells) == 2


def test_exercises_stand_under_their_heading_and_links_work_on_a_code_host(notebook):
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert not re.search(r"\{admonition\} Exercise", text)
    assert not re.search(r"\{doc\}`[^`<]+<", text)


def test_without_a_label_all_labels_are_listed(capsys):
    listed = []
    for arguments in ([], [""], ["--list"], ["--help"]):
        assert check.main(arguments) == 0
        listed.append(capsys.readouterr().out)
    assert "thm-covariance-identity" in listed[0] and len(set(listed)) == 1


def test_only_stale_notebooks_run_where_asked(write, capfd):
    paths = [str(write("1", name="old.ipynb")), str(write("2", name="new.ipynb"))]
    assert run_notebooks(paths[:1]) == 0
    assert run_notebooks([*paths, "--stale"]) == 0
    assert "1 stored, 0 failed, 1 up to date" in capfd.readouterr().out
    with pytest.raises(SystemExit):
        run_notebooks(["99"])
    assert "no such notebook: 99" in capfd.readouterr().err


def test_a_number_names_a_chapter():
    assert named("03") == CHAPTERS[2]


# ------------------------------------------------------------------ what a stored run depends on

MODULE = '''# a comment
"""About the module."""

def f(x):
    """About the function,

    in several lines.
    """

    return x + 1  # another
'''


def test_code_is_what_is_left_without_words():
    assert code(MODULE) == "def f(x):\n    return x + 1"
    kept = "x = 'a # b'\n'no docstring' + x\ndef f(): 'in line'\ny = f'{x}#'"
    assert code(kept) == kept


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout with a module, a module of pages, a table and a lock."""
    for name, text in {
        "src/p/a.py": MODULE,
        "src/p/page.py": "import docutils\nx = 1\n",
        "notebooks/data/t.csv": "1,2\n",
        "requirements.txt": "numpy==2.0\n    # via p\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr("source_key.ROOT", tmp_path)
    source_key.surroundings.cache_clear()
    yield tmp_path
    source_key.surroundings.cache_clear()


@pytest.mark.parametrize(
    ("name", "old", "new", "current"),
    [
        ("src/p/a.py", "x + 1", "x + 2", False),
        ("src/p/a.py", "another", "words", True),
        ("src/p/a.py", "several", "many", True),
        ("src/p/page.py", "x = 1", "x = 2", True),
        ("notebooks/data/t.csv", "1,2", "1,3", False),
        ("requirements.txt", "2.0", "2.1", False),
        ("requirements.txt", "# via", "# wanted by", True),
    ],
)
def test_a_run_is_current_until_something_it_used_changes(checkout, name, old, new, current):
    notebook = normalised(make("1 + 1"), key=source_key.run_key(make("1 + 1")))
    assert is_current(notebook)
    path = checkout / name
    path.write_text(path.read_text().replace(old, new))
    source_key.surroundings.cache_clear()
    assert is_current(notebook) == current


@pytest.mark.usefixtures("checkout")
def test_changed_code_or_a_cell_without_its_run_is_not_current():
    notebook = normalised(make("1 + 1"), key=source_key.run_key(make("1 + 1")))
    notebook.cells.append(nbformat.v4.new_markdown_cell("words"))
    assert is_current(notebook)
    notebook.cells[0].execution_count = None
    assert not is_current(notebook)
    notebook.cells[0].execution_count = 1
    notebook.cells[0].source = "1 + 2"
    assert not is_current(notebook)


# --------------------------------------------------------- runs that stand in for stored ones


def test_a_stale_notebook_is_run_beside_the_stored_one_once(write, capfd):
    old = write("print(6 * 7)", name="old.ipynb")
    new = write("print(1)", name="new.ipynb")
    assert run_notebooks([str(new)]) == 0
    before = [old.read_bytes(), new.read_bytes()]
    runs = old.parent / "runs"
    assert run_stale([old, new], runs=runs) == ["old.ipynb"]
    assert [path.name for path in runs.iterdir()] == ["old.ipynb"]
    assert [old.read_bytes(), new.read_bytes()] == before
    capfd.readouterr()
    assert run_stale([old, new], runs=runs) == ["old.ipynb"]
    assert "runs …" not in capfd.readouterr().out


def test_the_page_of_a_stand_in_has_its_outputs_the_present_words_and_a_note(write):
    path = write("print(6 * 7)")
    runs = path.parent / "runs"
    run_stale([path], runs=runs)
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_markdown_cell("# New words"))
    nbformat.write(notebook, path)
    shown = with_note(stand_in(path, runs))
    sources = ["".join(cell["source"]) for cell in shown["cells"]]
    assert sources == ["# New words", NOTE, "print(6 * 7)"]
    assert "".join(shown["cells"][2]["outputs"][0]["text"]) == "42\n"
    notebook.cells[1].source = "print(7)"  # other code: the run stands for nothing
    nbformat.write(notebook, path)
    assert stand_in(path, runs) is None
    run_notebooks([str(path)])
    assert stand_in(path, runs) is None


def test_a_failing_stand_in_stops_the_build(write, capfd):
    path = write("raise ValueError('planted')")
    with pytest.raises(RuntimeError, match=r"1 notebook\(s\) failed: .*sample"):
        run_stale([path], runs=path.parent / "runs")
    assert "planted" in capfd.readouterr().err


def test_the_surroundings_are_those_of_the_makefile(monkeypatch):
    for name in os.environ:
        monkeypatch.setenv(name, os.environ[name])  # put back afterwards
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    makefile = "include tools/environment.mk\nall:\n\t@env\n"
    command = ["make", "-s", "--no-print-directory", "-f", "-"]
    done = subprocess.run(
        command, input=makefile, capture_output=True, text=True, cwd=ROOT, check=True
    )
    said = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    set_environment()
    for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "IPYTHONDIR", "MPLBACKEND"):
        assert said[name] == os.environ[name]
    assert os.environ["OMP_NUM_THREADS"] == "1"
    assert "PYTHONWARNINGS" not in said and "PYTHONWARNINGS" not in os.environ


# -------------------------------------------------------------------------------------------- nbval is strict

RECORD = {"label": "thm-x", "kind": "numeric", "verdict": "holds"}
DATA = {CHECK: RECORD, "text/plain": "ok"}
LINE = "✓ thm-x [numeric] (measured {})"


def spoil_nothing(notebook):
    """The notebook as it was stored."""


def spoil_measured(notebook):
    """A residual that another machine rounds otherwise: may differ."""
    notebook.cells[2].outputs[0].data["text/plain"] = repr(LINE.format("2.2e-16"))


def spoil_text(notebook):
    notebook.cells[0].outputs[0].data["text/plain"] = "43"


def spoil_record(notebook):
    notebook.cells[1].outputs[0].data[CHECK]["verdict"] = "fails"


def spoil_claim(notebook):
    notebook.cells[2].outputs[0].data["text/plain"] = repr(
        LINE.format("1e-16").replace("thm-x", "thm-y")
    )


ACCEPTED = (spoil_nothing, spoil_measured)
REFUSED = (spoil_text, spoil_record, spoil_claim)


def test_nbval_compares_what_is_stored(write):
    """Under the settings of pyproject.toml a changed text or record fails; a measured residual may differ."""
    show = f"from IPython.display import display\ndisplay({DATA!r}, raw=True)"
    path = write("6 * 7", show, repr(LINE.format("1e-16")))
    assert run_notebooks([str(path)]) == 0
    for spoil in (*ACCEPTED, *REFUSED):
        notebook = nbformat.read(path, as_version=4)
        spoil(notebook)
        nbformat.write(notebook, path.with_name(f"{spoil.__name__}.ipynb"))
    path.unlink()
    said = nbval(path.parent)
    failed = set(re.findall(r"^FAILED (\w+)\.ipynb::Cell \d", said, flags=re.MULTILINE))
    assert failed == {spoil.__name__ for spoil in REFUSED}, said
    assert f"{len(REFUSED)} failed, {3 * len(ACCEPTED) + 2 * len(REFUSED)} passed" in said
