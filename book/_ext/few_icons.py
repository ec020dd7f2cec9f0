"""Of the theme's 2,000 icons, keep those that some page shows, and no fonts:
1.8 MB less on the first visit to the book."""

import json
import re
from pathlib import Path

# "name":[width,height,["other name",…],"code",path or [path,path]]
ICON = re.compile(
    r'(?P<name>"[\w-]+"|[\w$]+):\[\d+,\d+,\[(?P<others>[^\]]*)\],"[0-9a-f]+",(?:"[^"]*"|\["[^"]*","[^"]*"\])\],?'
)
# the rule of a style sheet that gives an icon its letter, and the fonts,
# since pages draw their icons by script
RULE = re.compile(r'(?:\.fa-[\w-]+:before,?)+\{content:"[^"]*"\}')
FONTS = re.compile(r"@font-face\{[^}]*Font Awesome[^}]*\}")
SCRIPTS = ("pydata-sphinx-theme.js", "sphinx-book-theme.js")


def used_icons(folder):
    """Names of the icons in the pages below ``folder`` and in the theme's own scripts."""
    folder = Path(folder)
    readers = [
        *folder.glob("**/*.html"),
        *(path for name in SCRIPTS for path in folder.glob(f"_static/**/{name}")),
    ]
    return {
        name
        for path in readers
        for name in re.findall(r"\bfa-([a-z0-9-]+)", path.read_text(encoding="utf-8"))
    }


def thinned(script, used):
    """The script of the icons with the ``used`` ones only."""

    def keep(entry):
        others = json.loads(f"[{entry['others']}]")
        names = {entry["name"].strip('"'), *map(str, others)}
        return entry[0] if names & used else ""

    return ICON.sub(keep, script)


def thinned_style(style, used):
    """The theme's style sheet with the rules of the ``used`` icons only, without fonts."""
    rules = RULE.sub(
        lambda rule: rule[0] if set(re.findall(r"fa-([\w-]+)", rule[0])) & used else "", style
    )
    return FONTS.sub("", rules)


def thin_icons(app, exception):
    if exception is not None or app.builder.format != "html":
        return
    used = used_icons(app.outdir)
    for name, thin in (
        ("scripts/fontawesome.js", thinned),
        ("styles/pydata-sphinx-theme.css", thinned_style),
    ):
        path = Path(app.outdir) / "_static" / name
        if path.is_file():
            path.write_text(thin(path.read_text(encoding="utf-8"), used), encoding="utf-8")


def setup(app):
    app.connect("build-finished", thin_icons)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
