"""Check the proofs of the book by provers that share nothing with the first: ``make certify``.

Every symbolic line by residues (`certify_symbolic`), and the core statements by Rocq
(`certify_proofs`, which needs coq). Both run, also if one fails; the exit code is 0 if both pass.
"""

import subprocess
import sys
from pathlib import Path

TOOLS = Path(__file__).resolve().parent
PROVERS = ("certify_symbolic.py", "certify_proofs.py")


def main():
    codes = [
        subprocess.run([sys.executable, str(TOOLS / name)], check=False).returncode
        for name in PROVERS
    ]
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main())
