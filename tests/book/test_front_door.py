"""The README and the buttons that lead into the book from outside."""

import re
import subprocess
from pathlib import Path

import few_icons
import launch_buttons
import pytest
from repository import origin, public, repository

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def dead_links(text):
    """Links and images of a Markdown text that lead to no file of the book."""
    links = re.findall(r"\]\(([^)#\s]+)\)", text)
    return [link for link in links if "://" not in link and not (ROOT / link).exists()]


def test_links_of_the_readme_lead_to_files():
    assert dead_links(README) == []
    assert dead_links("[x](nowhere.md) [y](README.md) [z](https://example.org)") == ["nowhere.md"]


def test_every_chapter_is_reached_from_the_readme():
    later = {"01_decision_processes", "02_natural_policy_gradient"}  # the ground that the results stand on
    chapters = {path.stem for path in (ROOT / "notebooks").glob("[!.]*.ipynb")}
    assert chapters - set(re.findall(r"notebooks/(\w+)\.ipynb", README)) <= later


def test_commands_of_the_readme_are_targets():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert set(re.findall(r"`?make ([a-z]+)\b", README)) <= targets


def test_the_figure_is_small_and_described():
    words, path = re.search(r"!\[([^\]]+)\]\(([^)]+)\)", README).groups()
    assert len(words.split()) > 10
    assert (ROOT / path).stat().st_size < 150_000


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


@pytest.mark.parametrize("address", ["", None, "/srv/git/name.git", "https://example.org/owner/name", "github.com"])
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
    style = kept + '.fa-sun:before{content:"y"}@font-face{family:Brands;x:y}.d{}'
    assert few_icons.thinned_style(style, {"moon"}) == kept + ".d{}"
