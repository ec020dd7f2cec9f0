"""Logits as people have them, read in blocks of rows without a copy of the whole.

NumPy arrays and memory maps; tensors of torch, JAX and others that offer DLPack or ``__array__``;
lists. None of these libraries is imported. What lies on another device comes over block by block.
"""

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from rlentropy._logits_kernels import BRAIN, FULL, HALF
from rlentropy._types import Floats

# The types that are read, and how the kernels read them.
FORMATS = {"float16": HALF, "bfloat16": BRAIN, "float32": FULL, "float64": FULL}

# Sixteen bits that do not say what they are, as which NumPy stores bfloat16.
BARE = ("uint16", "void16")

# DLPack's numbers for memory that the processor can read: CPU, pinned by CUDA, pinned by ROCm.
ON_HOST = (1, 3, 11)


class Logits:
    """Logits (..., n) as ``rows`` distributions, n >= 1.

    Raises ValueError, by ``name``, for entries of another type than float16, bfloat16, float32,
    float64 (numbers in lists become float64), for a masked array with masked entries, and for a
    shape without actions.
    """

    def __init__(self, name: str, x: Any) -> None:
        self.name = name
        self._x = x = _tensor(name, x)
        self.kind = kind = _type_name(x)
        if kind in BARE:
            raise ValueError(
                f"{name}: entries of bare 16 bits ({kind}): say --rounded-to bfloat16 (or float16) "
                "to the command, .view(ml_dtypes.bfloat16) (or numpy.float16) in Python"
            )
        if kind not in FORMATS:
            raise ValueError(
                f"{name}: entries of type {kind}, expected one of {', '.join(FORMATS)}"
            )
        self.form = FORMATS[kind]
        self.shape = tuple(int(k) for k in x.shape)
        if not self.shape or self.shape[-1] == 0:
            raise ValueError(
                f"{name}: shape {self.shape}, expected (..., n) with an action at least"
            )
        *self.batch, self.n = self.shape
        self.rows = int(np.prod(self.batch, dtype=int))
        if _on_host(x):
            self._x = x = host(name, x)
        if not isinstance(x, np.ndarray) or x.flags.c_contiguous or not self.batch:
            self._x = x.reshape(self.rows, self.n)

    def block(self, start: int, stop: int) -> NDArray[Any]:
        """Rows start, ..., stop - 1 as a read-only C array of float32, float64, or 16 bits."""
        if len(self._x.shape) == 2:
            block = self._x[start:stop]
        else:
            block = self._x[np.unravel_index(np.arange(start, stop), self.batch)]
        block = host(self.name, block)
        native = block.dtype.newbyteorder("=")
        block = np.require(block, dtype=native, requirements=["C", "A"])
        block = block.view(np.uint16 if native.itemsize == 2 else native)
        block.setflags(write=False)
        return block

    def floats(self, start: int, stop: int) -> Floats:
        """Rows start, ..., stop - 1 in float64, a copy."""
        block = self.block(start, stop)
        return (of_bits(block, self.kind) if block.dtype == np.uint16 else block).astype(float)

    def row(self, i: int) -> Floats:
        """Row i in float64, for a message."""
        return self.floats(i, i + 1)[0]


def of_bits(words: NDArray[Any], kind: str) -> NDArray[Any]:
    """Bare 16 bits as numbers of the type that they are."""
    raw = words.dtype.kind == "V"
    words = words.view(np.uint16) if raw else words.astype(np.uint16, copy=False)
    if kind == "float16":
        return words.view(np.float16)
    return (words.astype(np.uint32) << 16).view(np.float32)


def array(name: str, x: Any) -> NDArray[Any]:
    """A NumPy array of any tensor or list (a flag for each row, a temperature)."""
    x = _tensor(name, x)
    if _type_name(x) == "bfloat16":  # NumPy has no such type: `host` would hand over its bits
        shape = tuple(int(k) for k in x.shape)
        return Logits(name, x[..., None]).floats(0, int(np.prod(shape, dtype=int))).reshape(shape)
    return x if isinstance(x, np.ndarray) else host(name, x)


def _tensor(name: str, x: Any) -> Any:
    """x itself, without gradients, if it has a type and a shape; else what NumPy makes of it."""
    if isinstance(x, np.ma.MaskedArray):
        if np.ma.is_masked(x):
            index = [int(i) for i in np.argwhere(np.ma.getmaskarray(x))[0]]
            raise ValueError(
                f"{name}{index} is masked: write -inf where an action is impossible, "
                "and leave rows out by where="
            )
        return x.data
    if sparse.issparse(x):
        raise ValueError(f"{name}: a sparse matrix, expected an array")
    if hasattr(x, "detach"):
        return x.detach()
    if hasattr(x, "dtype") and hasattr(x, "shape"):
        return x
    try:
        x = np.asarray(x)
    except (TypeError, ValueError) as problem:
        raise ValueError(f"{name}: not an array of numbers ({problem})") from None
    return x.astype(float) if x.dtype.kind in "iu" else x


def _type_name(x: Any) -> str:
    """'float32' for NumPy's, torch's and everybody's float32."""
    return x.dtype.name if isinstance(x.dtype, np.dtype) else str(x.dtype).rpartition(".")[2]


def _on_host(x: Any) -> bool:
    """Whether NumPy can look at x where it lies."""
    if isinstance(x, np.ndarray) or not hasattr(x, "__dlpack_device__"):
        return True
    return int(x.__dlpack_device__()[0]) in ON_HOST


def host(name: str, x: Any) -> NDArray[Any]:
    """A tensor as a NumPy array: a view where NumPy can look at it, otherwise a copy.

    bfloat16 comes as 16 bits or as a type of its own: NumPy has none.
    """
    if isinstance(x, np.ndarray):
        return x
    try:
        if _type_name(x) == "bfloat16" and hasattr(x, "detach"):
            x = x.view(sys.modules["torch"].int16)
        if not _on_host(x):
            # torch says cpu(), CuPy get(), JAX answers NumPy itself
            x = x.cpu() if hasattr(x, "cpu") else x.get() if hasattr(x, "get") else np.asarray(x)
        if hasattr(x, "__dlpack__") and _type_name(x) != "bfloat16":
            return np.from_dlpack(x)
        return np.asarray(x)
    except (TypeError, ValueError, RuntimeError, BufferError) as problem:
        raise ValueError(f"{name}: {type(x).__name__} cannot be read ({problem})") from None
