"""Show the run that stands in for a stored one of other sources, and say so on its page.

``tools/build_book.py`` runs such notebooks into ``_build/runs`` before Sphinx reads them.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

from build_book import stand_in

NOTE = """:::{admonition} Not the stored run
:class: warning not-stored
The outputs on this page were computed when it was built: the code, the data or the packages are not
those of the run that is stored with the book and compared by its tests.
`make notebooks` stores a new one.
:::"""


def with_note(notebook):
    """The notebook (a dict as in its file) with the note under its first cell."""
    note = {"cell_type": "markdown", "id": "not-stored", "metadata": {}, "source": NOTE}
    cells = notebook["cells"]
    return {**notebook, "cells": [*cells[:1], note, *cells[1:]]}


def show_stand_in(app, docname, content):
    path = Path(app.env.doc2path(docname))
    if path.suffix == ".ipynb" and (notebook := stand_in(path)):
        content[0] = json.dumps(with_note(notebook))


def setup(app):
    app.connect("source-read", show_stand_in)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
