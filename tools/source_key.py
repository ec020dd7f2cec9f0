"""What a built page depends on, as short hashes of contents (never of dates).

Needs only the standard library, so that asking whether the book is up to date costs nothing.
"""

import hashlib
import sys
from pathlib import Path

from repository import repository

ROOT = Path(__file__).resolve().parent.parent
CACHES = ROOT / "_build" / ".jupyter_cache"

# Results of the package: every notebook is run again when one of these changes.
CODE = ("src/**/*.py", "requirements.txt", "tools/ipython/**/*.py")
# How pages are made: every page is read again when one of these changes.
MACHINERY = ("_config.yml", "_toc.yml", "book/_ext/**/*.py", "pyproject.toml", "tools/*.py")
# The pages themselves and what they show.
CONTENT = ("book/**/*", "notebooks/**/*", "benchmarks/**/*", "*.md", "CITATION.cff")
IGNORED = ("__pycache__", ".ipynb_checkpoints", ".egg-info", ".part")


def files(patterns):
    """The files that match, sorted, without caches."""
    found = {path for pattern in patterns for path in ROOT.glob(pattern) if path.is_file()}
    return sorted(path for path in found if not any(word in str(path.relative_to(ROOT)) for word in IGNORED))


def key(patterns, *extra):
    """16 hex digits of the names and contents of the files that match, and of ``extra``."""
    digest = hashlib.sha256("\0".join(extra).encode())
    for path in files(patterns):
        data = path.read_bytes()
        digest.update(f"{path.relative_to(ROOT).as_posix()}\0{len(data)}\0".encode())
        digest.update(data)
    return digest.hexdigest()[:16]


def code_key():
    """The key of everything that notebook results depend on, besides the notebooks."""
    return key(CODE, "python {}.{}".format(*sys.version_info[:2]))


def cache_path():
    """The folder of executed notebooks that belongs to this state of the code."""
    return CACHES / code_key()


def state():
    """The state of all sources of the book."""
    return {"code": code_key(), "machinery": key(MACHINERY, repository()), "content": key(CONTENT)}
