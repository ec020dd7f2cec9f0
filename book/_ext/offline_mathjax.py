"""MathJax 3 from the book itself: files of the wheel ``sphinx-mathjax-offline``,
less what no page needs."""

import shutil
from importlib.metadata import files
from pathlib import Path

# the TeX-to-HTML component with its fonts, and the accessibility explorer with what it needs
PARTS = ("tex-chtml.js", "output/chtml/fonts/", "input/", "a11y/", "sre/")
MARK = "static/mathjax/"
SCALE = 1.16  # the letters of MathJax are smaller than those of system fonts of the same size


def copy_mathjax(app):
    """Copy the needed files to ``_static/mathjax`` of an HTML build."""
    if app.builder.format != "html":
        return
    target = Path(app.outdir) / "_static" / "mathjax"
    for file in files("sphinx-mathjax-offline"):
        name = file.as_posix().partition(MARK)[2]
        if name.startswith(PARTS):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file.locate(), target / name)


def setup(app):
    app.config.mathjax_path = "mathjax/tex-chtml.js"
    # one size, whether a formula is typeset on the page, in a closed fold or in a preview;
    # measuring each formula's
    # surroundings, as MathJax does by default, gives other sizes where nothing can be measured
    app.config.mathjax3_config = {"chtml": {"matchFontHeight": False, "scale": SCALE}}
    app.connect("builder-inited", copy_mathjax)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
