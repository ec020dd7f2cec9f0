"""The README, the buttons that lead into the book from outside, and what has to be installed."""

import ast
import re
import subprocess
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import few_icons
import front_pictures
import launch_buttons
import numpy as np
import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from repository import origin, public, repository

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def dead_links(text):
    """Links and pictures of a Markdown text that lead to no file of the book."""
    links = re.findall(r"\]\(([^)#\s]+)\)", text) + re.findall(r'(?:src|srcset)="([^"]+)"', text)
    return [link for link in links if "://" not in link and not (ROOT / link).exists()]


def test_links_of_the_readme_lead_to_files():
    assert dead_links(README) == []
    assert dead_links("[x](nowhere.md) [y](README.md) [z](https://example.org)") == ["nowhere.md"]
    assert dead_links('<img src="nowhere.svg"><a href="README.md">') == ["nowhere.svg"]


def test_every_chapter_is_reached_from_the_readme():
    later = {
        "01_decision_processes",
        "02_natural_policy_gradient",
    }  # the ground that the results stand on
    chapters = {path.stem for path in (ROOT / "notebooks").glob("[!.]*.ipynb")}
    assert chapters - set(re.findall(r"notebooks/(\w+)\.ipynb", README)) <= later


def test_commands_of_the_readme_are_targets():
    targets = set(
        re.findall(
            r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE
        )
    )
    assert set(re.findall(r"`?make ([a-z]+)\b", README)) <= targets


PICTURE = re.compile(
    r'<picture><source media="\(prefers-color-scheme: dark\)" srcset="([^"]+)">'
    r'<img src="([^"]+)" width="400" alt="([^"]+)"></picture>'
)


def test_the_pictures_are_small_described_and_have_a_dark_twin():
    shown = PICTURE.findall(README)
    assert len(shown) == 2 and README.count("<img") == 2 and "![" not in README
    preface = (ROOT / "book" / "index.md").read_text(encoding="utf-8")
    for night, day, words in shown:
        assert len(words.split()) > 10
        assert (ROOT / day).stat().st_size < 40_000 and day.removeprefix("book/") in preface
        assert front_pictures.dark((ROOT / day).read_text()) == (ROOT / night).read_text()


def test_a_dark_twin_has_dark_colours_and_light_text():
    picture = '<svg width="1"><path style="fill: none; stroke: #0072b2"/><text>x</text></svg>'
    assert front_pictures.dark(picture) == (
        '<svg fill="#e6e6e6" width="1"><path style="fill: none; stroke: #4ba3dd"/><text>x</text></svg>'
    )


def test_the_readme_is_short_and_begins_with_what_one_sees_and_does():
    lines = README.splitlines()
    assert len(lines) <= 80
    first = README.index("<picture>")
    assert README.index("# Entropy") < first < README.index("make book") < README.index("make test")
    assert README.index("make test") < README.index("**Why did my policy")
    for reader in ("make serve", "make lab", "make check LABEL="):
        assert reader in README


def test_the_example_of_the_readme_runs():
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    code = code.replace("episodes=5000", "episodes=50")
    old, new = np.random.default_rng(0).normal(size=(2, 3, 4, 5))
    names = {"old_logits": old, "new_logits": new, "attention_mask": np.ones((3, 4), dtype=bool)}
    exec(compile(code, "README.md", "exec"), names)
    change = names["change"]
    np.testing.assert_allclose(change.exact, change.shift - change.kl, atol=1e-14)
    assert 0 <= names["best"].gap < 1e-6 and names["run"].counts.sum() > 0


# ---------------------------------------------------------------------------------------------------- buttons


@pytest.mark.parametrize(
    "address",
    [
        "https://github.com/owner/name",
        "https://github.com/owner/name.git",
        "https://user:secret@github.com/owner/name.git",
        "git@github.com:owner/name.git",
        "ssh://git@github.com/owner/name",
    ],
)
def test_an_address_on_github_is_public(address):
    assert public(address) == "https://github.com/owner/name"


@pytest.mark.parametrize(
    "address", ["", None, "/srv/git/name.git", "https://example.org/owner/name", "github.com"]
)
def test_any_other_address_is_none(address):
    assert public(address) == "" and launch_buttons.options(public(address)) == {}


def test_the_environment_has_the_first_word(monkeypatch):
    monkeypatch.setenv("RLENTROPY_REPOSITORY", "git@github.com:owner/name.git")
    assert repository() == "https://github.com/owner/name"
    monkeypatch.setenv("RLENTROPY_REPOSITORY", "")
    assert repository() == ""


def test_origin_is_read_from_the_checkout(tmp_path):
    assert origin(tmp_path / "nowhere") == ""
    for command in (["init", "-q"], ["remote", "add", "origin", "git@github.com:owner/name.git"]):
        subprocess.run(["git", "-C", str(tmp_path), *command], check=True)
    assert origin(tmp_path) == "git@github.com:owner/name.git"


def test_buttons_lead_to_binder_and_colab():
    options = launch_buttons.options("https://github.com/owner/name")
    assert options["repository_url"] == "https://github.com/owner/name"
    assert {"binderhub_url", "colab_url"} <= set(options["launch_buttons"])


# ------------------------------------------------------------------------------------------------------ icons


def test_only_icons_in_use_are_kept():
    script = 'a={"sun":[512,512,[9728],"f185","M1"],moon:[384,512,["night"],"f186",["M2","M3"]],x:[1,1,[],"f1","M4"]}'
    assert few_icons.thinned(script, {"sun"}) == 'a={"sun":[512,512,[9728],"f185","M1"],}'
    assert "moon" in few_icons.thinned(script, {"night"})


def test_only_rules_of_icons_in_use_are_kept():
    kept = '.a{b:c}.fa-night:before,.fa-moon:before{content:"x"}'
    other = "@font-face{font-family:Other;x:y}"
    style = (
        kept
        + '.fa-sun:before{content:"y"}@font-face{font-family:Font Awesome\\ 6 Free;x:y}'
        + other
    )
    assert few_icons.thinned_style(style, {"moon"}) == kept + other


# ----------------------------------------------------------------------------------- dependencies

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
LOCKS = {
    "requirements.txt": PROJECT["dependencies"] + EXTRAS["book"],
    "requirements-test.txt": PROJECT["dependencies"] + EXTRAS["test"] + EXTRAS["bench"],
}
OWN = {"rlentropy", "finitesums", "proofledger", "_own_names"}


def pins(text):
    """{name: version} of a lock, where a marker chooses between several the one for this Python."""
    lines = re.findall(r"^([\w.-]+)==([^ ]+)(?: ; ([^\\\n]+))?", text, flags=re.MULTILINE)
    return {name: pin for name, pin, marker in lines if not marker or Marker(marker).evaluate()}


def unlocked(requirements, pinned):
    """The requirements that no pin of a lock fulfils."""
    wanted = [Requirement(text) for text in requirements]
    return [r.name for r in wanted if not r.specifier.contains(pinned.get(r.name, "0"))]


def undeclared(text, requirements):
    """The imports of a source that come with a distribution which the requirements do not name."""
    tops = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            tops |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            tops.add(node.module.split(".")[0])
    declared = {canonicalize_name(Requirement(r).name) for r in requirements}
    homes = {top: {canonicalize_name(d) for d in PROVIDERS.get(top, ())} for top in tops}
    return {top for top, home in homes.items() if home and not home & declared} - OWN


PROVIDERS = packages_distributions()


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_pins_what_the_list_names(lock):
    pinned = pins((ROOT / lock).read_text(encoding="utf-8"))
    assert unlocked(LOCKS[lock], pinned) == []
    assert unlocked(["numpy>=99", "nothing-of-this-name>=1"], pinned) == [
        "numpy",
        "nothing-of-this-name",
    ]


def test_the_locks_agree():
    reader, tester = (pins((ROOT / lock).read_text(encoding="utf-8")) for lock in LOCKS)
    assert {name for name in reader.keys() & tester.keys() if reader[name] != tester[name]} == set()


def test_what_is_imported_is_declared():
    """A reader's packages are enough for everything but the tests."""
    reader = LOCKS["requirements.txt"]
    for folder in ("src", "book/_ext", "tools"):
        for path in (ROOT / folder).rglob("*.py"):
            extra = EXTRAS["test"] if path.name == "nbval.py" else []
            assert undeclared(path.read_text(encoding="utf-8"), reader + extra) == set(), path
    assert undeclared("import networkx.drawing\nfrom numpy import pi", PROJECT["dependencies"]) == {
        "networkx"
    }
