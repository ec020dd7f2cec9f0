"""Print the whole book into one PDF: ``make pdf``.

Sphinx writes all pages into one (builder singlehtml), with the numbers of the book and links within
that page; Chromium prints it. It is printed twice: the contents on its first page say the pages on
which the first print has the chapters. Nothing else has to be installed.
"""

import os
import re
import shutil
import subprocess
import sys

from build_book import BUILD, alone, sphinx
from pypdf import PdfReader

PDF = BUILD / "pdf" / "entropy-in-reinforcement-learning.pdf"
SINGLE = BUILD / "singlehtml"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# time that passes on the page, not on the clock: enough for MathJax to set every formula
BUDGET = 600_000
FLAGS = f"""
    --headless --no-sandbox --disable-gpu --disable-background-networking
    --allow-file-access-from-files --virtual-time-budget={BUDGET}
    --no-pdf-header-footer --disable-pdf-tagging
""".split()

# Proofs and solutions are unfolded, the code of checks stays behind their result lines; every
# display is fitted to the width of the paper (A4 less its margins); every page has its number.
# On the one page headings stand a level lower, and the contents stand before the preface.
PREPARE = """
<style>
  body { width: 180mm; margin: 0 }
  @page { @bottom-center { content: counter(page); font: 9pt system-ui, sans-serif } }
  .bd-article h3 { font-size: 14pt }
  .bd-article h4 { font-size: 12pt }
  .bd-main .bd-content #jb-print-toc { margin: 0; break-after: page }
  #jb-print-toc li a { padding: 0; line-height: 1.25 }
  #jb-print-toc li a { display: flex; justify-content: space-between }
  .bd-main .bd-content #jb-print-toc .caption { margin: 1em 0 0.2em }
  .bd-main .bd-content #jb-print-toc .section-nav { list-style-type: none !important }
  .bd-main .bd-content #jb-print-toc .section-nav { margin-left: 1em !important }
  details:has(.rl-graph):not([open]) { display: none }
</style>
<script>
addEventListener("load", async () => {
  document.documentElement.dataset.theme = "light";
  const folds = document.querySelectorAll("details.rl-folded:not(:has(.rl-graph))");
  folds.forEach((part) => { part.open = true; });
  // a button in a head that is repeated on every page is not printed there
  const heads = document.querySelectorAll("th button");
  heads.forEach((button) => { button.replaceWith(...button.childNodes); });
  await window.MathJax?.startup?.promise;
  window.fitDisplays?.(0.4);
  // a table that is still too wide for the paper is set smaller as a whole,
  // or the browser would shrink every page
  const paper = document.body.clientWidth;
  document.querySelectorAll("main table, main figure, .rl-graph").forEach((part) => {
    const share = paper / Math.max(part.scrollWidth, part.getBoundingClientRect().right);
    if (share < 1) part.style.zoom = 0.98 * share;
  });
});
</script>
"""


def find_browser():
    """The path of Chromium, or None."""
    names = (os.environ.get("RLENTROPY_BROWSER"), *BROWSERS)
    return next((found for name in names if name and (found := shutil.which(name))), None)


def printable(text):
    """The page as it is printed: links that went through the page's own file stay inside,
    no picture waits."""
    text = re.sub(r'href="(?!\w+:)[^"#]*index\.html#', 'href="#', text)
    text = text.replace(' loading="lazy"', "")
    # menus and text for screen readers are of no use on paper and cost minutes
    quick = 'window.MathJax = {"options": {"enableMenu": false, "enableAssistiveMml": false, '
    text = text.replace('window.MathJax = {"options": {', quick, 1)
    return text.replace("</head>", PREPARE + "</head>", 1)


def with_page_numbers(text, pdf):
    """The printable page with the page of each entry of its contents in a first print of it."""
    book = PdfReader(pdf)
    places = book.named_destinations

    def numbered(entry):
        page = book.get_destination_page_number(places["/" + entry["place"]])
        return f"{entry['link']}<span>{page + 1}</span></a>"

    before, start, rest = text.partition('<div id="jb-print-toc">')
    contents, end, after = rest.partition("</nav>")
    contents = re.sub(r'(?P<link><a [^>]*href="#(?P<place>[^"]+)">[^<]*)</a>', numbered, contents)
    return before + start + contents + end + after


def pdf_of(page, target, browser):
    """Print a page; True if the PDF is there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    command = [browser, *FLAGS, f"--print-to-pdf={target}", page.as_uri()]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode or not target.is_file():
        print(done.stdout, file=sys.stderr)
    return target.is_file()


def main():
    browser = find_browser()
    if browser is None:
        print(
            "error: the PDF is printed with Chromium, which is missing; "
            "install it (Debian: apt-get install chromium)"
            " or name a browser in RLENTROPY_BROWSER.",
            file=sys.stderr,
        )
        return 1
    with alone():
        shutil.rmtree(SINGLE, ignore_errors=True)
        if not sphinx("singlehtml", warnings_are_errors=False):
            return 1
        # the page of a root document in a folder names its files as if it stood one floor higher
        page = SINGLE / "print.html"
        style = SINGLE / "_static" / "custom.css"
        rules = style.read_text(encoding="utf-8").replace("@media print", "@media all")
        style.write_text(rules, encoding="utf-8")
        text = printable((SINGLE / "book" / "index.html").read_text(encoding="utf-8"))
        page.write_text(text, encoding="utf-8")
        print("Printing …", flush=True)
        if not pdf_of(page, PDF, browser):
            return 1
        page.write_text(with_page_numbers(text, PDF), encoding="utf-8")
        print("Printing again, with page numbers in the contents …", flush=True)
        if not pdf_of(page, PDF, browser):
            return 1
    print(f"The book is printed ({PDF.stat().st_size / 1e6:.1f} MB): {PDF}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
