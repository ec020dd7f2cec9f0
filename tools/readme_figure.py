"""Make the figure of the README from two stored figures of the book:
``python tools/readme_figure.py``.

Both are set side by side on one white card with a margin,
which looks right on a white and on a dark page.
"""

import base64
import io
import sys

import nbformat
from execution import notebooks
from PIL import Image
from source_key import ROOT

TARGET = ROOT / "book" / "_static" / "readme.png"
FIGURES = ("fig-simplex-paths", "fig-grid-optimum")
HEIGHT, GAP, COLOURS = 520, 28, 256


def stored(name):
    """The picture of the cell whose figure has this name, as the notebook holds it."""
    for path in notebooks():
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.metadata.get("mystnb", {}).get("figure", {}).get("name") == name:
                pictures = [
                    out["data"]["image/png"]
                    for out in cell.outputs
                    if "image/png" in out.get("data", {})
                ]
                return Image.open(io.BytesIO(base64.b64decode(pictures[-1]))).convert("RGB")
    raise LookupError(f"no chapter stores a figure named {name}")


def card(pictures):
    """The pictures at one height, side by side on white."""
    scaled = [
        picture.resize((round(picture.width * HEIGHT / picture.height), HEIGHT))
        for picture in pictures
    ]
    width = sum(picture.width for picture in scaled) + GAP * (len(scaled) + 1)
    sheet, left = Image.new("RGB", (width, HEIGHT + 2 * GAP), "white"), GAP
    for picture in scaled:
        sheet.paste(picture, (left, GAP))
        left += picture.width + GAP
    return sheet


def main():
    # a palette is enough for drawings and halves the file
    sheet = card([stored(name) for name in FIGURES]).quantize(COLOURS, dither=Image.Dither.NONE)
    sheet.save(TARGET, optimize=True)
    print(
        f"{TARGET.relative_to(ROOT)}: {sheet.width} x {sheet.height} pixels, "
        f"{TARGET.stat().st_size / 1000:.0f} kB"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
