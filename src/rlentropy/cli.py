"""``rlentropy report before.npz after.npz``: the entropy report of two files of logits.

Prints the table of `rlentropy.report.entropy_report` and writes it as a page (``--html``) or as
JSON (``--json``). Files are .npz, .npy, or .safetensors where that library is installed.
"""

import argparse
import importlib
import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rlentropy._tensors import BARE, FORMATS, of_bits
from rlentropy.files import BROKEN, _whole

# Names under which the logits are looked for when a file holds more than one array.
USUAL = ("logits", "arr_0")


class Refused(Exception):
    """What is wrong with the input, for a person at a terminal."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns 0, or 2 with one line on stderr for input that will not do."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        return options.run(options)
    except (Refused, ValueError, OSError) as problem:
        sys.stderr.write(f"rlentropy: {problem}\n")
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="rlentropy", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True, metavar="command")
    report = commands.add_parser(
        "report", help="where the entropy went between two files of logits", description=__doc__
    )
    report.set_defaults(run=_report)
    report.add_argument("before", type=Path, help="logits of the old model, (..., actions)")
    report.add_argument("after", type=Path, help="logits of the new model, of the same shape")
    for name, what in (
        ("logits", "the logits in both files (default: logits, or the only array)"),
        ("where", "flags of the tokens that count, in the first file"),
        ("actions", "the sampled actions, in the first file"),
        ("advantages", "their advantages, in the first file"),
    ):
        report.add_argument(f"--{name}", metavar="NAME", help=f"name of {what}")
    report.add_argument("--temperature", type=float, default=1.0, metavar="T")
    report.add_argument(
        "--clip", type=float, nargs=2, metavar=("LOW", "HIGH"), help="PPO's range 1-LOW to 1+HIGH"
    )
    report.add_argument("--top", type=int, default=20, metavar="K", help="actions to list")
    report.add_argument(
        "--rounded-to",
        choices=sorted(FORMATS),
        help="the type that the logits were rounded to; entries that NumPy keeps as bare 16 bits "
        "are read as that type",
    )
    report.add_argument("--html", type=Path, metavar="FILE", help="write a page, one file")
    report.add_argument("--json", type=Path, metavar="FILE", help="write the numbers")
    return parser


def _report(options: argparse.Namespace) -> int:
    from rlentropy.report import UNITS, entropy_report

    for path in filter(None, (options.html, options.json)):
        _place(path)
    before = _arrays(options.before)
    after = _arrays(options.after)
    named = {
        name: _named(before, options.before, getattr(options, name))
        for name in ("where", "actions", "advantages")
        if getattr(options, name)
    }
    taken = set(filter(None, (options.where, options.actions, options.advantages)))
    report = entropy_report(
        _numbers(_logits(before, options.before, options.logits, taken), options),
        _numbers(_logits(after, options.after, options.logits, taken), options),
        **named,
        temperature=options.temperature,
        clip=tuple(options.clip) if options.clip else None,
        top=options.top,
        unit=UNITS.get(options.rounded_to),
    )
    sys.stdout.write(f"{report}\n")
    if options.html:
        title = f"Entropy: {options.before.name} to {options.after.name}"
        _write(options.html, report.to_html(title=title))
    if options.json:
        _write(options.json, json.dumps(_plain(report.to_dict()), indent=1) + "\n")
    return 0


def _plain(x: Any) -> Any:
    """Without nan and infinities, which JSON does not have: None and words."""
    if isinstance(x, dict):
        return {key: _plain(value) for key, value in x.items()}
    if isinstance(x, list):
        return [_plain(value) for value in x]
    if isinstance(x, float) and not math.isfinite(x):
        return None if math.isnan(x) else str(x)
    return x


# ------------------------------------------------------------------------------------------- files


def _arrays(path: Path) -> Mapping[str, Any]:
    """{name: array} of a file; arrays are read when they are asked for where the format allows."""
    if not path.is_file():
        raise Refused(f"{path}: no such file")
    if path.suffix == ".safetensors":
        return _safetensors(path)
    try:
        found = np.load(path, mmap_mode="r" if path.suffix == ".npy" else None, allow_pickle=False)
    except BROKEN:
        raise Refused(f"{path}: not a file of arrays") from None
    return {"arr_0": found} if isinstance(found, np.ndarray) else found


def _safetensors(path: Path) -> Mapping[str, Any]:
    """The arrays of a file of safetensors; bfloat16 through torch, as NumPy has no such type."""
    try:
        library = importlib.import_module("safetensors")
    except ImportError:
        raise Refused(f"{path}: the library safetensors is not installed") from None
    try:
        with library.safe_open(path, framework="np") as file:
            kinds = {name: file.get_slice(name).get_dtype() for name in list(file.keys())}
            if "BF16" not in kinds.values():
                return {name: file.get_tensor(name) for name in kinds}
        return importlib.import_module("safetensors.torch").load_file(path)
    except library.SafetensorError:
        raise Refused(f"{path}: not a file of arrays") from None
    except ImportError:
        raise Refused(f"{path}: bfloat16 in this format needs torch") from None


def _named(arrays: Mapping[str, Any], path: Path, name: str) -> Any:
    if name not in arrays:
        raise Refused(f"{path}: no array {name!r}; there are {', '.join(sorted(arrays)) or 'none'}")
    return _read(arrays, path, name)


def _read(arrays: Mapping[str, Any], path: Path, name: str) -> Any:
    try:
        return arrays[name]
    except BROKEN as problem:
        raise Refused(f"{path}: array {name!r} cannot be read ({problem})") from None


def _logits(arrays: Mapping[str, Any], path: Path, name: str | None, taken: set[str]) -> Any:
    """The array of this name; without a name the usual one, or the only one that has no part."""
    if name:
        return _named(arrays, path, name)
    names = sorted(set(arrays) - taken)
    for candidate in (*USUAL, *(names if len(names) == 1 else ())):
        if candidate in names:
            return _read(arrays, path, candidate)
    raise Refused(f"{path}: which array? --logits one of {', '.join(names) or 'none'}")


def _numbers(x: Any, options: argparse.Namespace) -> Any:
    """The array; bare 16 bits as numbers of the type given."""
    said = options.rounded_to in ("float16", "bfloat16")
    return of_bits(x, options.rounded_to) if said and x.dtype.name in BARE else x


def _place(path: Path) -> None:
    """Refuses what no file can be written to."""
    if path.is_dir():
        raise Refused(f"{path}: a folder, expected a file")
    if not path.parent.is_dir():
        raise Refused(f"{path}: no such folder")


def _write(path: Path, text: str) -> None:
    with _whole(path) as file:
        file.write(text.encode())
