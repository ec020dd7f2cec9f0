"""What pages and stored runs depend on, as short hashes of contents (never of dates).

Needs only the standard library, so that asking whether the book is up to date costs nothing.
"""

import ast
import hashlib
import io
import json
import re
import tokenize
from functools import cache
from pathlib import Path

from repository import repository

ROOT = Path(__file__).resolve().parent.parent

# Besides its own cells, the results of a notebook depend on these.
RESULTS = ("src/**/*.py", "notebooks/data/**/*", "requirements.txt", "tools/ipython/**/*.py")
# How pages are made: every page is read again when one of these changes.
MACHINERY = (
    "_config.yml",
    "_toc.yml",
    "book/_ext/**/*.py",
    "src/proofledger/*.py",
    "pyproject.toml",
    "tools/*.py",
)
# The pages themselves and what they show.
CONTENT = (
    "book/**/*",
    "notebooks/**/*",
    "benchmarks/**/*",
    "proofs/*.json",
    "src/**/*.py",
    "*.md",
    "*.txt",
    "CITATION.cff",
)
IGNORED = ("__pycache__", ".ipynb_checkpoints", ".egg-info", ".part")
# Modules that make pages are not loaded by a notebook.
OF_PAGES = re.compile(r"^(?:from|import) (?:docutils|sphinx|myst_nb)\b", re.MULTILINE)


def files(patterns):
    """The files that match, sorted, without caches."""
    found = {path for pattern in patterns for path in ROOT.glob(pattern) if path.is_file()}
    return sorted(path for path in found if not any(word in _name(path) for word in IGNORED))


def key(patterns, *extra, read=Path.read_bytes):
    """16 hex digits of the names and contents of the files that match, and of ``extra``."""
    digest = hashlib.sha256("\0".join(extra).encode())
    for path in files(patterns):
        data = read(path)
        digest.update(f"{_name(path)}\0{len(data)}\0".encode())
        digest.update(data)
    return digest.hexdigest()[:16]


def code_key(patterns):
    """The `key` of what Python sources do, whatever their comments and docstrings say."""
    return key(patterns, read=_what_runs)


def state():
    """The state of all sources of the book."""
    return {"machinery": key(MACHINERY, repository()), "content": key(CONTENT)}


def _name(path):
    return path.relative_to(ROOT).as_posix()


# ------------------------------------------------------------------------------------- stored runs


@cache
def surroundings():
    """The key of everything but its own cells that a notebook's results depend on."""
    return key(RESULTS, read=_what_runs)


def run_key(notebook):
    """The key of a run: the code of the notebook (a dict as in its file) and its `surroundings`."""
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    sources = json.dumps(["".join(cell["source"]) for cell in cells])
    return hashlib.sha256(f"{surroundings()}\0{sources}".encode()).hexdigest()[:16]


def is_current(notebook):
    """True if the outputs are those of a whole run of this very code in these surroundings."""
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    counts = [cell["execution_count"] for cell in cells if "".join(cell["source"]).strip()]
    whole = counts == list(range(1, len(counts) + 1))
    return whole and notebook["metadata"].get("run_key") == run_key(notebook)


def _what_runs(path):
    """The part of a file that can change a result."""
    data = path.read_bytes()
    if path.name == "requirements.txt":
        return b"\n".join(re.findall(rb"^\S+==\S+", data, flags=re.MULTILINE))
    if path.suffix != ".py":
        return data
    text = data.decode()
    return b"" if OF_PAGES.search(text) else code(text).encode()


def code(text):
    """A Python source without comments, docstrings and blank lines.

    A text, not a syntax tree, whose form differs between versions of Python.
    """
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            _blank_docstring(node, lines)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    return "\n".join(line.rstrip() for line in lines if line.strip())


def _blank_docstring(node, lines):
    first = node.body[0] if node.body else None
    if not isinstance(first, ast.Expr) or not isinstance(first.value, ast.Constant):
        return
    alone = not lines[first.lineno - 1][: first.col_offset].strip()
    if isinstance(first.value.value, str) and alone:
        lines[first.lineno - 1 : first.end_lineno] = [""] * (first.end_lineno - first.lineno + 1)
