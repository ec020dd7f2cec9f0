"""Check the proofs of the book by provers that share nothing with the first: ``make certify``.

Every symbolic line by residues (`certify_symbolic`), the core statements by Rocq
(`certify_proofs`, which needs coq), and near misses of them, which Rocq has to refuse (the tests
marked ``prover``). All three run, also if one fails; the exit code is 0 if all pass.
"""

import subprocess
import sys
from pathlib import Path

TOOLS = Path(__file__).resolve().parent
NEAR_MISSES = TOOLS.parent / "tests" / "book" / "test_machine_checked.py"
STEPS = (
    [str(TOOLS / "certify_symbolic.py")],
    [str(TOOLS / "certify_proofs.py")],
    ["-m", "pytest", "-q", "-m", "prover", "--dist", "load", str(NEAR_MISSES)],
)


def main():
    codes = [
        subprocess.run([sys.executable, *step], check=False, cwd=TOOLS.parent).returncode
        for step in STEPS
    ]
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main())
