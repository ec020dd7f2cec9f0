"""Photograph the card of the book for social networks, which show no vector pictures:
``python tools/social_card.py``."""

import subprocess
import sys
import tempfile
from pathlib import Path

from front_pictures import PICTURES
from make_pdf import find_browser
from source_key import ROOT

TARGET = ROOT / "book" / "_static" / "card.png"
SIZE = (1200, 630)  # what the networks ask for
PAGE = """<meta charset="utf-8"><style>
body {{ margin: 0; background: white; color: #222222 }}
body {{ font: 28px system-ui, 'DejaVu Sans', sans-serif }}
h1 {{ font-size: 52px; margin: 34px 60px 4px }}
p {{ margin: 0 62px 22px }}
div {{ padding: 0 60px; white-space: nowrap }}
svg {{ width: 520px; height: 409px; margin-right: 30px }}
</style><h1>Entropy in Reinforcement Learning</h1>
<p>How policies lose it, how explorers maximise it</p><div>{}</div>"""


def main():
    browser = find_browser()
    if browser is None:
        print("error: the card is drawn by Chromium, which is missing.", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "card.html"
        page.write_text(PAGE.format("".join(draw() for draw in PICTURES)), encoding="utf-8")
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        flags.append(f"--window-size={SIZE[0]},{SIZE[1]}")
        command = [browser, *flags, f"--screenshot={TARGET}", page.as_uri()]
        subprocess.run(command, check=True, capture_output=True)
    print(f"{TARGET.relative_to(ROOT)}: {TARGET.stat().st_size / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
