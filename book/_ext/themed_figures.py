"""Vector figures that follow the page, light or dark, without a script.

A picture that a page shows takes the colour scheme of the page, not of the system.
So each SVG below ``_images`` gets a
style of its own: its paper and its lines have dark twins,
which differ for every kind of colour vision as the light
ones do. Where a browser does not know this, the picture is a card that is legible in itself.
"""

import re
from pathlib import Path

# light to dark: paper and ink, grid lines, and the colours of Okabe and Ito in which the figures
# are drawn
TWINS = {
    "#ffffff": "#121212",
    "#000000": "#e6e6e6",
    "#222222": "#e6e6e6",
    "#e4e4e4": "#383838",
    "#8a8a8a": "#a3a3a3",
    "#0072b2": "#4ba3dd",
    "#d55e00": "#f28a45",
    "#009e73": "#2cc498",
    "#cc79a7": "#e09cc2",
    "#56b4e9": "#8fd0f5",
    "#e69f00": "#f2bd4a",
}
IN_STYLE = re.compile(r"(?<=: )#[0-9a-f]{6}(?=[;\"])", re.IGNORECASE)
ROOT_TAG = re.compile(r"<svg\b[^>]*>")


def variable(colour):
    return "--c" + colour.removeprefix("#")


def themed(picture):
    """An SVG with a style for both schemes; one that has such a style already is left alone."""
    if "prefers-color-scheme" in picture:
        return picture

    def twin(colour):
        light = colour[0].lower()
        return f"var({variable(light)}, {light})" if light in TWINS else light

    # text drawn as paths names no colour: it has that of the root
    ink, paper = TWINS["#000000"], TWINS["#ffffff"]
    dark = " ".join(f"{variable(light)}: {shade};" for light, shade in TWINS.items())
    style = (
        "<style>svg { background: #ffffff; fill: #000000 } @media (prefers-color-scheme: dark) "
        f"{{ svg {{ background: {paper}; fill: {ink}; {dark} }} }}</style>"
    )
    return ROOT_TAG.sub(lambda tag: tag[0] + style, IN_STYLE.sub(twin, picture), count=1)


def theme_figures(app, exception):
    if exception is None and app.builder.format == "html":
        for path in Path(app.outdir).glob("_images/*.svg"):
            path.write_text(themed(path.read_text(encoding="utf-8")), encoding="utf-8")


def setup(app):
    app.connect("build-finished", theme_figures)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
