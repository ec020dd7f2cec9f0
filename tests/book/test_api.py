"""Every public function has its place on an API page; statements and functions lead to each other."""

import re

import pytest
from browsing import HTML

from proofledger import api

PACKAGES = ("rlentropy", "finitesums", "proofledger")


@pytest.fixture(scope="module")
def pages():
    found = {
        path.name: path.read_text(encoding="utf-8")
        for path in (HTML / "book" / "api").glob("*.html")
    }
    assert found, "the book is not built; run: make book"
    return found


@pytest.mark.parametrize("module", api.modules(PACKAGES))
def test_nothing_public_is_missing(pages, module):
    documented = set(re.findall(r'id="([\w.]+)"', "".join(pages.values())))
    missing = {f"{module}.{name}" for name in api.public_members(module)} - documented
    assert not missing, f"no API page lists: {sorted(missing)}"


def test_statements_and_functions_link_to_each_other(pages):
    chapters = "".join(
        path.read_text(encoding="utf-8") for path in (HTML / "notebooks").glob("*.html")
    )
    cited = api.citations(PACKAGES)
    assert cited
    text = "".join(pages.values())
    for label, names in cited.items():
        assert f"#{label}" in text, f"no API page links to {label}"
        for name in names:
            assert f"#{name}" in chapters, f"no statement links to {name}, which cites {label}"


def test_names_in_code_cells_lead_to_their_pages():
    chapter = (HTML / "notebooks" / "03_covariance_identity.html").read_text(encoding="utf-8")
    assert re.search(
        r'class="sphinx-codeautolink-a" href="[^"]*api/discounted\.html#rlentropy\.discounted',
        chapter,
    )
