"""The public address of this checkout, from which the pages get their source,
Binder and Colab buttons.

The environment variable RLENTROPY_REPOSITORY has the first word, then the remote ``origin``; an
address that is not on GitHub, or none, means no buttons: Binder and Colab fetch from there.
"""

import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GITHUB = re.compile(
    r"(?:https://(?:[^@/]+@)?|ssh://git@|git@)github\.com[/:]([\w.-]+)/([\w.-]+?)(?:\.git)?/?"
)


def public(address):
    """``https://github.com/owner/name`` of an https or ssh address on GitHub (without any password
    in it), else ''."""
    found = GITHUB.fullmatch((address or "").strip())
    return f"https://github.com/{found[1]}/{found[2]}" if found else ""


def origin(root=ROOT):
    """The address of the remote ``origin``, or ''."""
    command = ["git", "-C", str(root), "config", "--get", "remote.origin.url"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:  # no git here: a downloaded archive
        return ""


def repository():
    """The public address of this checkout, or ''."""
    named = os.environ.get("RLENTROPY_REPOSITORY")
    return public(named if named is not None else origin())
