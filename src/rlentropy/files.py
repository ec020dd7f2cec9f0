"""Results on disk: arrays and configuration in one file (npz), written whole or not at all.

    save(path, run)        any result of the package: its arrays, numbers, names and nested results
    run = load(path)       the same again, of the same class, with read-only arrays

A file holds no code: nothing is pickled, and only dataclasses of this package are made from it.
"""

import dataclasses
import importlib
import json
import os
import secrets
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from scipy import sparse

from rlentropy.results import freeze
from rlentropy.validation import check_path

FORMAT = "rlentropy 1"
PACKAGE = __name__.split(".")[0]
# What numpy and zipfile raise for a file that is cut, changed or another kind.
BROKEN = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)


def save(path: str | os.PathLike[str], x: Any) -> Path:
    """Write a result of the package to ``path`` (npz); returns the path.

    The file appears when it is complete: until then, and if anything fails, an old file of that
    name stays as it was. Raises ValueError naming the field that cannot be written, OSError where
    the folder cannot.
    """
    path = check_path("path", path)
    if not _ours(type(x)):
        raise ValueError(f"x: a {type(x).__name__}, expected a result of this package")
    arrays: dict[str, Any] = {}
    tree = _packed(x, type(x).__name__, arrays)
    label = json.dumps({"format": FORMAT, "tree": tree}, allow_nan=True)
    arrays["label"] = np.frombuffer(label.encode(), dtype=np.uint8)
    with _whole(path) as file:
        np.savez_compressed(file, **arrays)
    return path


@contextmanager
def _whole(path: Path) -> Iterator[IO[bytes]]:
    """A file to write to, which appears under this name when all is written, or not at all."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(
        draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0), 0o666
    )
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except BaseException:
        os.unlink(draft)
        raise


def load(path: str | os.PathLike[str]) -> Any:
    """The result that `save` wrote to ``path``; its arrays are read-only.

    Raises FileNotFoundError, or ValueError for a file that is cut, of another kind, or of a class
    that this version of the package does not have.
    """
    path = check_path("path", path)
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as found:
            arrays = {name: found[name] for name in found.files}
        label = json.loads(arrays.pop("label").tobytes().decode())
        known = label["format"] == FORMAT
    except FileNotFoundError:
        raise
    except (*BROKEN, AttributeError, TypeError) as problem:
        why = f"{type(problem).__name__}: {problem}"
        raise ValueError(f"{os.fspath(path)}: no complete file of {PACKAGE} ({why})") from None
    if not known:
        raise ValueError(f"{os.fspath(path)}: format {label['format']!r}, expected {FORMAT!r}")
    try:
        return _unpacked(label["tree"], arrays)
    except (KeyError, TypeError, AttributeError, ImportError) as problem:
        why = f"{type(problem).__name__}: {problem}"
        raise ValueError(f"{os.fspath(path)}: unknown to this {PACKAGE} ({why})") from None


def _ours(cls: type) -> bool:
    return dataclasses.is_dataclass(cls) and cls.__module__.split(".")[0] == PACKAGE


def _packed(x: Any, name: str, arrays: dict[str, Any]) -> dict[str, Any]:
    """x as JSON; its arrays go to ``arrays``."""
    if _ours(type(x)):
        fields = {
            f.name: _packed(getattr(x, f.name), f"{name}.{f.name}", arrays)
            for f in dataclasses.fields(x)
        }
        return {"class": f"{type(x).__module__}:{type(x).__qualname__}", "fields": fields}
    if isinstance(x, np.ndarray):
        return {"array": _kept(x, name, arrays)}
    if isinstance(x, sparse.csr_array):
        parts = (x.data, x.indices, x.indptr)
        names = [_kept(part, f"{name}.{i}", arrays) for i, part in enumerate(parts)]
        return {"csr": names, "shape": list(x.shape)}
    if isinstance(x, (tuple, list)):
        kind = "tuple" if isinstance(x, tuple) else "list"
        return {kind: [_packed(part, f"{name}[{i}]", arrays) for i, part in enumerate(x)]}
    if isinstance(x, dict) and all(isinstance(key, str) for key in x):
        return {"dict": {key: _packed(part, f"{name}[{key!r}]", arrays) for key, part in x.items()}}
    if isinstance(x, np.generic):
        return {"scalar": _kept(np.asarray(x), name, arrays)}
    if x is None or isinstance(x, (bool, int, float, str)):
        return {"plain": x}
    raise ValueError(f"{name}: a {type(x).__name__} cannot be written")


def _kept(array: Any, name: str, arrays: dict[str, Any]) -> str:
    if array.dtype.kind not in "biufcUS":
        raise ValueError(f"{name}: entries of type {array.dtype} cannot be written")
    arrays[name] = array
    return name


def _unpacked(tree: dict[str, Any], arrays: dict[str, Any]) -> Any:
    ((kind, x),) = [(key, part) for key, part in tree.items() if key not in ("fields", "shape")]
    if kind == "class":
        fields = {name: _unpacked(part, arrays) for name, part in tree["fields"].items()}
        return _made(_class(x), fields)
    if kind == "array":
        return freeze(arrays[x])
    if kind == "csr":
        return freeze(sparse.csr_array(tuple(arrays[part] for part in x), shape=tree["shape"]))
    if kind in ("tuple", "list"):
        parts = [_unpacked(part, arrays) for part in x]
        return tuple(parts) if kind == "tuple" else parts
    if kind == "dict":
        return {key: _unpacked(part, arrays) for key, part in x.items()}
    return arrays[x][()] if kind == "scalar" else x


def _class(name: str) -> Any:
    module, _, cls = name.partition(":")
    if module.split(".")[0] != PACKAGE:
        raise ValueError(f"{name}: no class of {PACKAGE}")
    found: Any = importlib.import_module(module)
    for part in cls.split("."):
        found = getattr(found, part)
    if not _ours(found):
        raise TypeError(f"{name} is no result")
    return found


def _made(cls: Any, fields: dict[str, Any]) -> Any:
    """An instance with these fields; they were checked when it was made first."""
    missing = {f.name for f in dataclasses.fields(cls)} ^ set(fields)
    if missing:
        raise TypeError(f"{cls.__name__}: fields {', '.join(sorted(missing))} do not agree")
    x = object.__new__(cls)
    vars(x).update(fields)
    return x
