"""Source, Binder and Colab buttons, when this checkout has a public address (see
``tools/repository.py``)."""

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


def setup(app):
    app.connect("config-inited", set_options, priority=100)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
