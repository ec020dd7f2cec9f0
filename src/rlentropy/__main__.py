"""``python -m rlentropy``: the command of `rlentropy.cli`."""

import sys

from rlentropy.cli import main

if __name__ == "__main__":
    sys.exit(main())
