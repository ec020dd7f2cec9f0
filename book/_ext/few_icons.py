"""Of the theme's 2,000 icons, keep those that some page shows: 1.4 MB less on the first visit to the book."""

import json
import re
from pathlib import Path

# "name":[width,height,["other name",…],"code",path or [path,path]]
ICON = re.compile(
    r'(?P<name>"[\w-]+"|[\w$]+):\[\d+,\d+,\[(?P<others>[^\]]*)\],"[0-9a-f]+",(?:"[^"]*"|\["[^"]*","[^"]*"\])\],?'
)
SCRIPTS = ("pydata-sphinx-theme.js", "sphinx-book-theme.js")


def used_icons(folder):
    """Names of the icons in the pages below ``folder`` and in the theme's own scripts."""
    folder = Path(folder)
    readers = [*folder.glob("**/*.html"), *(path for name in SCRIPTS for path in folder.glob(f"_static/**/{name}"))]
    return {name for path in readers for name in re.findall(r"\bfa-([a-z0-9-]+)", path.read_text(encoding="utf-8"))}


def thinned(script, used):
    """The script of the icons with the ``used`` ones only."""

    def keep(entry):
        others = json.loads(f"[{entry['others']}]")
        names = {entry["name"].strip('"'), *map(str, others)}
        return entry[0] if names & used else ""

    return ICON.sub(keep, script)


def thin_icons(app, exception):
    path = Path(app.outdir) / "_static" / "scripts" / "fontawesome.js"
    if exception is None and app.builder.format == "html" and path.is_file():
        path.write_text(thinned(path.read_text(encoding="utf-8"), used_icons(app.outdir)), encoding="utf-8")


def setup(app):
    app.connect("build-finished", thin_icons)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
