"""Result classes: frozen, compared by identity, with read-only arrays and a repr that shows sizes
and the answer.
"""

from dataclasses import dataclass, fields
from functools import cached_property
from numbers import Integral, Real
from typing import Any, Self, TypeVar, dataclass_transform, overload

import numpy as np
from scipy import sparse

# Arrays of at most so many entries are shown, larger ones by their shape.
SHOWN = 4

T = TypeVar("T")


@dataclass_transform(frozen_default=True, eq_default=False)
def result(cls: type[T]) -> type[T]:
    """Class decorator: a frozen dataclass whose arrays cannot be written to,
    also after pickle and deepcopy.

    Two results are equal if they are the same object, since equality of arrays has no truth value.
    Arrays (dense, CSR, also in tuples, lists and dicts) are made read-only in place: hand over
    arrays that nobody else writes to.
    ``__post_init__`` of the class runs first, and may check and replace fields.
    What `lazy` has worked out is not part of a copy.
    A class may write its own ``__repr__``.
    """
    if not isinstance(cls, type):
        raise ValueError(f"cls: {type(cls).__name__}, expected a class")
    check = vars(cls).get("__post_init__")

    def __post_init__(self: Any) -> None:
        if check is not None:
            check(self)
        freeze(vars(self))

    def __getstate__(self: Any) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def __setstate__(self: Any, state: dict[str, Any]) -> None:
        vars(self).update(freeze(state))

    def __repr__(self: Any) -> str:
        chosen = [f for f in fields(self) if f.repr] or fields(self)
        return described(self, **{f.name: getattr(self, f.name) for f in chosen})

    methods = [__post_init__, __getstate__, __setstate__]
    if "__repr__" not in vars(cls):
        methods.append(__repr__)
    for method in methods:
        setattr(cls, method.__name__, method)
    return dataclass(frozen=True, eq=False, repr=False)(cls)


class lazy(cached_property[T]):
    """A property that is worked out when first asked for, and kept; its arrays are read-only."""

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type | None = None) -> T: ...
    def __get__(self, instance: object, owner: type | None = None) -> Any:
        if instance is None:
            return self
        value = freeze(self.func(instance))
        vars(instance)[self.func.__name__] = value  # from now on the instance answers by itself
        return value


def freeze(x: T) -> T:
    """x itself, its arrays made read-only: an array, a sparse matrix, a tuple,
    list or dict of such.
    """
    if isinstance(x, np.ndarray):
        x.setflags(write=False)
    elif isinstance(x, dict):
        for part in x.values():
            freeze(part)
    elif isinstance(x, (tuple, list)):
        for part in x:
            freeze(part)
    elif sparse.issparse(x):
        freeze([part for part in vars(x).values() if isinstance(part, np.ndarray)])
    return x


def described(x: object, **parts: object) -> str:
    """``Name(part=..., ...)`` of an object: numbers to six digits, short arrays in full,
    others by shape.
    """
    return (
        f"{type(x).__name__}({', '.join(f'{name}={shown(part)}' for name, part in parts.items())})"
    )


def shown(x: Any) -> str:
    """A number to six digits, an array of at most `SHOWN` entries to four, others as <5x3>."""
    if isinstance(x, np.ndarray) and x.ndim > 0:
        if x.ndim == 1 and x.size <= SHOWN:
            return np.array2string(x, precision=4, separator=", ")
        return f"<{'x'.join(map(str, x.shape))}>"
    if sparse.issparse(x):
        return f"<{'x'.join(map(str, x.shape))}, {x.nnz} stored>"
    if isinstance(x, (bool, np.bool_)) or not isinstance(x, (Real, np.ndarray)):
        return f"<{len(x)} items>" if isinstance(x, (tuple, list, dict)) else repr(x)
    return str(x) if isinstance(x, Integral) else f"{x:.6g}"
