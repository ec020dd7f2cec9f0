"""What the checks of a chapter notice when a function of the package is wrong (see `fingerprint`).

The matrix is measured by the book's own tool and stored as JSON:
{chapter: {"key": .., "functions": [..], "checks": [{"check": "label #k", "kind": ..,
"notices": {function: [way, ..]}}]}}. It holds for the code of the notebook that it was measured on.
"""

import hashlib
import json
from pathlib import Path


def fingerprint(notebook):
    """A hash of the code cells of a notebook (its JSON), comments and all."""
    sources = ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code"]
    return hashlib.sha256("\0".join(sources).encode()).hexdigest()[:16]


def load(path):
    """{chapter: matrix} of the store; {} if there is none."""
    path = Path(path)
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
