"""Make the figure of the README from two stored figures of the book:
``python tools/readme_figure.py``.

Both are set side by side on one white card with a margin, which looks right on a white and on a
dark page. Chromium draws it, at twice the resolution of a screen: cards of social networks show no
vector pictures.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
from execution import notebooks
from make_pdf import find_browser
from source_key import ROOT

TARGET = ROOT / "book" / "_static" / "readme.png"
FIGURES = ("fig-simplex-paths", "fig-grid-optimum")
HEIGHT, GAP = 260, 14
BOX = re.compile(r'viewBox="0 0 ([\d.]+) ([\d.]+)"')


def stored(name):
    """The picture of the cell whose figure has this name, as the notebook holds it."""
    for path in notebooks():
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.metadata.get("mystnb", {}).get("figure", {}).get("name") == name:
                pictures = [out["data"].get("image/svg+xml") for out in cell.outputs]
                return next(text for text in reversed(pictures) if text)
    raise LookupError(f"no chapter stores a figure named {name}")


def placed(picture, left):
    """The picture as a part of a card, ``left`` points from its edge, and its width there."""
    inner = picture[picture.index("<svg") :]
    width, height = map(float, BOX.search(inner).groups())
    shown = width * HEIGHT / height
    place = f'<svg x="{left:.1f}" y="{GAP}" width="{shown:.1f}" height="{HEIGHT}"'
    head, rest = inner.split(">", 1)
    kept = re.sub(r'\s(?:width|height)="[^"]*"', "", head)
    return kept.replace("<svg", place, 1) + ">" + rest, shown


def card(pictures):
    """The pictures at one height, side by side on white, and the card's width and height."""
    parts = []
    left = GAP
    for picture in pictures:
        part, width = placed(picture, left)
        parts.append(part)
        left += width + GAP
    size = (round(left), HEIGHT + 2 * GAP)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{size[0]}" height="{size[1]}">'
    paper = '<rect width="100%" height="100%" fill="white"/>'
    return "\n".join([head, paper, *parts, "</svg>"]), size


def photograph(drawing, size, browser):
    """Let the browser draw the card into `TARGET`."""
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "card.html"
        page.write_text(f"<body style='margin: 0'>{drawing}</body>", encoding="utf-8")
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        flags += ["--force-device-scale-factor=2", f"--window-size={size[0]},{size[1]}"]
        command = [browser, *flags, f"--screenshot={TARGET}", page.as_uri()]
        subprocess.run(command, check=True, capture_output=True)


def main():
    browser = find_browser()
    if browser is None:
        print("error: the figure is drawn by Chromium, which is missing.", file=sys.stderr)
        return 1
    drawing, size = card([stored(name) for name in FIGURES])
    photograph(drawing, size, browser)
    print(f"{TARGET.relative_to(ROOT)}: {TARGET.stat().st_size / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
