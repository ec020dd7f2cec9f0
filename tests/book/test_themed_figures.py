"""Vector figures that follow the page, light or dark."""

import io

import matplotlib as mpl
import pytest
from browsing import HTML
from themed_figures import TWINS, themed

from rlentropy import plotting


def contrast(one, other):
    """Contrast of two colours #rrggbb after WCAG, 1 to 21."""

    def light(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [
            part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_every_colour_of_the_book_has_a_dark_twin_that_is_seen():
    drawn = {colour.lower() for colour in plotting.COLOURS.values()}
    assert drawn <= set(TWINS)
    assert all(contrast(TWINS[colour], TWINS["#ffffff"]) > 4.5 for colour in drawn)


def drawing():
    with mpl.rc_context({**plotting._STYLE, "svg.hashsalt": "x"}):
        fig, ax = plotting.figure()
        ax.plot([0, 1], label="line")
        ax.legend()
        file = io.StringIO()
        fig.savefig(file, format="svg", metadata={"Date": None})
        mpl.pyplot.close(fig)
    return file.getvalue()


def test_lines_ink_and_paper_follow_the_scheme():
    picture = themed(drawing())
    assert "var(--c0072b2, #0072b2)" in picture and "var(--cffffff, #ffffff)" in picture
    assert picture.index("<style>svg") < picture.index("<g ")
    assert themed(picture) == picture  # once is enough


def test_colours_that_the_book_does_not_use_stay():
    plain = '<svg viewBox="0 0 1 1"><path style="fill: #123456; stroke: #0072B2"/></svg>'
    assert 'style="fill: #123456; stroke: var(--c0072b2, #0072b2)"' in themed(plain)


@pytest.mark.browser
@pytest.mark.parametrize("system", ["light", "dark"])
def test_a_figure_follows_the_page_and_not_the_system(opened, system):
    from PIL import Image

    name = next(path.name for path in sorted((HTML / "_images").glob("*.svg")))
    page = next(path for path in HTML.glob("**/*.html") if name in path.read_text(encoding="utf-8"))
    tab = opened(page.relative_to(HTML).as_posix(), color_scheme=system)
    picture = tab.locator(f"img[src$='{name}']")
    for scheme, paper in (("light", "#ffffff"), ("dark", "#121212")):
        tab.evaluate("scheme => { document.documentElement.dataset.theme = scheme }", scheme)
        picture.scroll_into_view_if_needed()
        tab.wait_for_function(
            "name => document.querySelector(`img[src$='${name}']`).complete", arg=name
        )
        tab.wait_for_timeout(200)
        corner = Image.open(io.BytesIO(picture.screenshot())).convert("RGB").getpixel((14, 14))
        assert "#{:02x}{:02x}{:02x}".format(*corner) == paper
