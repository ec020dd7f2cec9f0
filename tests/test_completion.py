"""What TAB offers after a module's name and a dot: what the module defines, and nothing it imports."""

import importlib

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

from _own_names import imported
from proofledger import api

MODULES = api.modules(("rlentropy", "finitesums", "proofledger"))


@pytest.mark.parametrize("name", MODULES)
def test_a_module_shows_what_it_defines(name):
    module = importlib.import_module(name)
    shown = set(dir(module))
    assert not [word for word in shown if word.startswith("_")]
    assert not {"np", "sp", "nodes", "annotations", "dist", "Any", "ArrayLike", "tidy"} & shown
    assert set(api.public_members(name)) <= shown
    if not hasattr(module, "__path__"):
        assert not imported(module) & shown


@pytest.fixture
def offered():
    shell = InteractiveShell.instance()
    shell.user_ns["module"] = importlib.import_module("rlentropy.discounted.softmax")

    def offers(text):
        with provisionalcompleter():
            return {found.text for found in shell.Completer.completions(text, len(text))}

    yield offers
    InteractiveShell.clear_instance()


def test_the_shell_offers_what_the_module_shows(offered):
    shown = offered("module.")
    assert {"policy", "score", "policy_entropy"} <= shown
    assert not {"np", "dist", "Floats", "check_array"} & shown


def test_a_module_that_shares_its_name_with_a_function_is_tidy_too():
    module = importlib.import_module("rlentropy.episodic.max_entropy.frank_wolfe")
    assert dir(module) == ["FrankWolfe", "frank_wolfe"]
