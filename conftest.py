"""Settings that all tests share, those of the notebooks among them."""

import importlib.util
import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent
for folder in ("tools", "tests/book", "book/_ext"):
    sys.path.insert(0, str(ROOT / folder))

# the same surroundings as in the Makefile, also when pytest is called by hand
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "agg")
os.environ.setdefault("IPYTHONDIR", str(ROOT / "tools" / "ipython"))
os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
# jupyter and its kernels name a folder that they would move; saying so keeps their notice out of the tests
os.environ.setdefault("JUPYTER_PLATFORM_DIRS", "1")

if importlib.util.find_spec("hypothesis"):
    from hypothesis import HealthCheck, settings

    # the same cases on every machine and in every run; a slow machine is no failure
    settings.register_profile(
        "book", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile("book")


def pytest_addoption(parser, pluginmanager):
    """Accept (and ignore) the notebook options of pyproject.toml when somebody runs with ``-p no:nbval``."""
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
