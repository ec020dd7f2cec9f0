"""Settings that all tests share, those of the notebooks among them."""

import importlib.util
from pathlib import Path

import pytest
from execution import set_environment

ROOT = Path(__file__).resolve().parent

# the same surroundings as in the Makefile, also when pytest is called by hand
set_environment()

if importlib.util.find_spec("hypothesis"):
    from hypothesis import HealthCheck, settings

    # the same cases on every machine and in every run; a slow machine is no failure
    settings.register_profile(
        "book",
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.load_profile("book")


def pytest_addoption(parser, pluginmanager):
    """Accept (and ignore) the notebook options of pyproject.toml when somebody runs with ``-p
    no:nbval``."""
    if pluginmanager.is_blocked("nbval"):
        group = parser.getgroup("notebooks (switched off)")
        group.addoption("--nbval", action="store_true")
        group.addoption("--nbval-current-env", action="store_true")
        group.addoption("--nbval-cell-timeout")
        group.addoption("--nbval-sanitize-with")


@pytest.fixture(scope="session")
def root():
    """The top folder of the checkout."""
    return ROOT
