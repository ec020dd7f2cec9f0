"""Published software that the package is timed against and that must not enter its environment.

Each peer gets a virtual environment under ``_build/peers``, made on first use;
without a network, or where it does not
install, `python` returns None and the peer is left out (and the page of results says so).
"""

import functools
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import numpy as np

HOME = Path(__file__).resolve().parent.parent / "_build" / "peers" / "rlberry-scool"
REQUIREMENT = "rlberry-scool==0.7.3"

# Run by the peer's Python: arguments are a file with P (S, A, S), horizon, start, episodes.
_UCBVI = """
import logging, sys, time, warnings
warnings.simplefilter("ignore")
import numpy as np
import rlberry
from rlberry.envs import FiniteMDP
from rlberry_scool.agents import UCBVIAgent
logging.disable(logging.CRITICAL)
P = np.load(sys.argv[1])
horizon, start, episodes = map(int, sys.argv[2:])
def train(count):
    world = FiniteMDP(np.zeros(P.shape[:2]), P, initial_state_distribution=start)
    UCBVIAgent(world, gamma=1.0, horizon=horizon, stage_dependent=True, seeder=0).fit(budget=count)
train(1)
began = time.process_time()
train(episodes)
print(episodes / (time.process_time() - began))
"""


@functools.cache
def python():
    """The Python of the peer's environment, or None with the reason on stderr."""
    found = HOME / "bin" / "python"
    try:
        if not (HOME / "ready").exists():
            venv.create(HOME, with_pip=True, clear=True)
            subprocess.run(
                [found, "-m", "pip", "install", "-q", REQUIREMENT], check=True, timeout=600
            )
            (HOME / "ready").touch()
        subprocess.run(
            [found, "-c", "import rlberry_scool.agents"],
            check=True,
            timeout=120,
            capture_output=True,
        )
    except (OSError, subprocess.SubprocessError) as problem:
        print(f"{REQUIREMENT} is left out: {problem}", file=sys.stderr)
        return None
    return str(found)


def ucbvi_rate(mdp, episodes):
    """Episodes per second of UCBVI of rlberry-scool on a stationary `EpisodicMDP`,
    compilation not counted."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "kernel.npy"
        np.save(file, mdp.kernel(0).toarray().reshape(mdp.S, mdp.A, mdp.S))
        arguments = [python(), "-c", _UCBVI, str(file), str(mdp.H), str(mdp.start), str(episodes)]
        answer = subprocess.run(arguments, check=True, capture_output=True, text=True, timeout=600)
    return float(answer.stdout.split()[-1])
