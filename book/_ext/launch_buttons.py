"""Source, Binder and Colab buttons, when this checkout has a public address (see
``tools/repository.py``).

Binder opens the notebook for readers (``reader_notebooks``), which its ``postBuild`` has written.
Colab opens files of the repository only, so the chapter itself.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

from repository import repository

BUTTONS = {
    "notebook_interface": "jupyterlab",
    "binderhub_url": "https://mybinder.org",
    "colab_url": "https://colab.research.google.com",
}


def options(address):
    """The options of the theme that belong to an address; none for ''."""
    if not address:
        return {}
    return {
        "repository_url": address,
        "repository_branch": "main",
        "use_repository_button": True,
        "use_source_button": True,
        "launch_buttons": BUTTONS,
    }


def set_options(app, config):
    config.html_theme_options = {**config.html_theme_options, **options(repository())}


def for_readers(address):
    """A Binder address of a chapter, changed to that of its notebook for readers."""
    return address.replace("urlpath=lab/tree/notebooks/", "urlpath=lab/tree/_build/lab/")


def lead_to_readers(app, pagename, templatename, context, doctree):
    for group in context.get("header_buttons", ()):
        for button in group.get("buttons", ()):
            if button.get("text") == "Binder":
                button["url"] = for_readers(button["url"])


def setup(app):
    app.connect("config-inited", set_options, priority=100)
    app.connect("html-page-context", lead_to_readers, priority=600)  # after the theme's own
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
