"""The command, run as people run it: the table, the page, and what it says when something is wrong."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import rlentropy
from rlentropy.report import entropy_report

# the package and the libraries of this very process
PLACES = [str(Path(rlentropy.__file__).parents[1]), *filter(None, sys.path)]
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(PLACES)}


def run(folder, *arguments):
    """(exit code, what it printed, what it complained of)."""
    done = subprocess.run(
        [sys.executable, "-m", "rlentropy", "report", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=folder,
        env=ENVIRONMENT,
        timeout=120,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A run's two files of logits, with a mask, actions and advantages beside the first."""
    folder = tmp_path_factory.mktemp("run")
    rng = np.random.default_rng(0)
    old = rng.standard_normal((2, 3, 7)).astype(np.float32)
    new = old + np.float32(0.1) * rng.standard_normal(old.shape).astype(np.float32)
    parts = {
        "mask": np.array([[1, 1, 0], [1, 1, 1]]),
        "actions": rng.integers(0, 7, (2, 3)),
        "advantages": rng.standard_normal((2, 3)),
    }
    np.savez(folder / "before.npz", logits=old, **parts)
    np.savez(folder / "after.npz", logits=new)
    np.save(folder / "old.npy", old)
    np.save(folder / "new.npy", new)
    np.savez(folder / "short.npz", logits=new[:1])
    np.savez(folder / "two.npz", a=old, b=new)
    (folder / "junk.npz").write_bytes(b"no arrays")
    broken = bytearray((folder / "after.npz").read_bytes())
    broken[len(broken) // 2] ^= 255
    (folder / "broken.npz").write_bytes(broken)
    (folder / "cut.npz").write_bytes((folder / "before.npz").read_bytes()[:300])
    return folder, old, new, parts


OPTIONS = ("--where", "mask", "--actions", "actions", "--advantages", "advantages")


def test_prints_the_report_and_writes_the_page(files):
    folder, old, new, parts = files
    code, said, complained = run(
        folder, "before.npz", "after.npz", *OPTIONS, "--clip", 0.2, 0.28, "--top", 3,
        "--html", "out.html", "--json", "out.json", "--temperature", 0.7,
    )  # fmt: skip
    report = entropy_report(
        old, new, parts["actions"], parts["advantages"], parts["mask"], 0.7, clip=(0.2, 0.28), top=3
    )
    assert (code, complained) == (0, "")
    assert said == f"{report}\n"
    assert (folder / "out.html").read_text("utf-8") == report.to_html(
        title="Entropy: before.npz to after.npz"
    )
    assert json.loads((folder / "out.json").read_text()) == json.loads(json.dumps(report.to_dict()))


def test_npy_files_and_named_arrays(files):
    folder, old, new, _ = files
    expected = f"{entropy_report(old, new)}\n"
    assert run(folder, "old.npy", "new.npy") == (0, expected, "")
    assert run(folder, "two.npz", "two.npz", "--logits", "a")[1] == f"{entropy_report(old, old)}\n"


def test_bfloat16_as_numpy_keeps_it(files):
    folder, old, new, _ = files
    ml_dtypes = pytest.importorskip("ml_dtypes")
    for name, z in (("old16", old), ("new16", new)):
        np.savez(folder / f"{name}.npz", logits=z.astype(ml_dtypes.bfloat16))
    code, _, complained = run(folder, "old16.npz", "new16.npz")
    assert code == 2 and "say --rounded-to bfloat16" in complained
    code, said, _ = run(folder, "old16.npz", "new16.npz", "--rounded-to", "bfloat16")
    expected = entropy_report(old.astype(ml_dtypes.bfloat16), new.astype(ml_dtypes.bfloat16))
    assert code == 0 and said == f"{expected}\n"


def test_bare_words_in_the_other_byte_order_are_the_same_numbers(files):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    folder, old, new, _ = files
    for name, z in (("old", old), ("new", new)):
        words = (z.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)
        np.save(folder / f"{name}_little.npy", words.astype("<u2"))
        np.save(folder / f"{name}_big.npy", words.astype(">u2"))
    said = [
        run(folder, f"old_{order}.npy", f"new_{order}.npy", "--rounded-to", "bfloat16")
        for order in ("little", "big")
    ]
    assert said[0] == said[1] and said[0][0] == 0
    little = [np.load(folder / f"{name}_little.npy") for name in ("old", "new")]
    expected = entropy_report(*(words.view(ml_dtypes.bfloat16) for words in little))
    assert said[0][1] == f"{expected}\n"


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_safetensors(files, library):
    folder, old, new, _ = files
    if library == "torch":
        torch = pytest.importorskip("torch")
        old, new = (torch.tensor(z).bfloat16() for z in (old, new))
    library = pytest.importorskip(f"safetensors.{library}")
    library.save_file({"logits": old}, folder / "old.safetensors")
    library.save_file({"logits": new}, folder / "new.safetensors")
    code, said, _ = run(folder, "old.safetensors", "new.safetensors")
    assert code == 0 and said == f"{entropy_report(old, new)}\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("before.npz", "none.npz"), "none.npz: no such file"),
        (("before.npz", "junk.npz"), "junk.npz: not a file of arrays"),
        (("before.npz", "cut.npz"), "cut.npz: not a file of arrays"),
        (("before.npz", "broken.npz"), "broken.npz: array 'logits' cannot be read"),
        (("before.npz", "short.npz"), "new_logits: shape (1, 3, 7), but old_logits has (2, 3, 7)"),
        (("two.npz", "after.npz"), "two.npz: which array? --logits one of a, b"),
        (
            ("before.npz", "after.npz", "--where", "flags"),
            "before.npz: no array 'flags'; there are actions, advantages, logits, mask",
        ),
        (("before.npz", "after.npz", "--where", "advantages"), "where[0, 0] = "),
        (
            ("before.npz", "after.npz", "--actions", "advantages"),
            "actions: entries of type float64",
        ),
        (("before.npz", "after.npz", "--advantages", "advantages"), "advantages: given without"),
        (("before.npz", "after.npz", "--temperature", "0"), "temperature[0, 0] = 0.0"),
        (("before.npz", "after.npz", "--html", "away/out.html"), "out.html: no such folder"),
        (("before.npz", "after.npz", "--html", "."), ".: a folder, expected a file"),
    ],
)
def test_one_line_says_what_is_wrong(files, arguments, words):
    code, _, complained = run(files[0], *arguments)
    assert code == 2
    assert complained.startswith("rlentropy: ") and complained.count("\n") == 1
    assert words in complained and "Traceback" not in complained


def test_nothing_is_half_written(files, tmp_path):
    """The page that was there stays when the command fails, also while it writes."""
    folder = files[0]
    page = tmp_path / "page.html"
    page.write_text("the old page")
    assert run(folder, "before.npz", "short.npz", "--html", page)[0] == 2
    assert page.read_text() == "the old page"
    program = (
        "import os, sys\n"
        "from rlentropy import cli\n"
        "def full(*_): raise OSError(28, 'No space left on device')\n"
        "os.replace = full\n"
        f"sys.exit(cli.main(['report', 'before.npz', 'after.npz', '--html', {str(page)!r}]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2 and "No space left" in done.stderr
    assert page.read_text() == "the old page" and list(tmp_path.iterdir()) == [page]


def test_numbers_that_json_lacks(files):
    folder, old, new, _ = files
    masked = new.copy()
    masked[0, 0, 0] = -np.inf
    np.savez(folder / "masked.npz", masked)
    code, said, _ = run(folder, "before.npz", "masked.npz", "--json", "masked.json")
    assert code == 0 and "first order undefined for 1 tokens" in said
    found = json.loads((folder / "masked.json").read_text(), parse_constant=pytest.fail)
    assert found["mean"]["first_order"] is None and found["mean"]["remainder"] == "inf"
    assert found["mean"]["exact"] == pytest.approx(entropy_report(old, masked).mean()["exact"])
