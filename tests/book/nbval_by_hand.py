"""nbval on a folder of notebooks, called as a test calls it."""

import subprocess
import sys

from execution import ROOT

SETTINGS = ["-n", "0", "-q", "-rf", "-p", "no:cacheprovider", "-c", str(ROOT / "pyproject.toml")]
SANITIZE = f"--nbval-sanitize-with={ROOT / 'tests' / 'sanitize.cfg'}"


def nbval(folder):
    """What pytest says of a folder of notebooks under the settings of this project."""
    command = [sys.executable, "-m", "pytest", *SETTINGS, SANITIZE]
    command += ["--rootdir", str(folder), str(folder)]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False).stdout
