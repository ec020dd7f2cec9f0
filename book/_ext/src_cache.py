"""Key the execution cache by the source, the lock and Python: a change there runs every notebook again."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

from source_key import cache_path


def set_cache(app, config):
    config.nb_execution_cache_path = str(cache_path())


def setup(app):
    # before myst-nb (priority 500) reads its configuration
    app.connect("config-inited", set_cache, priority=100)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
