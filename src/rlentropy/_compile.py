"""One decorator for everything compiled: it rounds alike everywhere, and is kept where it can be.

Compiled code rounds after every operation: numba's ``fastmath`` is off, so sums keep their written
order and no product is fused with the sum after it, on processors that could as on those that
cannot. The tests look for fused instructions in what was compiled.
Code is kept beside the source or in the user's cache. Where neither can be written, it is compiled
anew in every process, which costs seconds and changes nothing else. On a terminal the first
compilation says that it takes a while.
"""

import sys
from collections.abc import Callable
from typing import Any, TypeVar, overload

import numba
from numba.core import event

PACKAGE = __name__.split(".")[0]
F = TypeVar("F", bound=Callable[..., Any])


@overload
def kernel(function: F) -> F: ...
@overload
def kernel(function: None = None, **options: Any) -> Callable[[F], F]: ...
def kernel(function: Any = None, **options: Any) -> Any:
    """``numba.njit`` without the interpreter's lock, with a cache if there is a place for one;
    options as in `njit`.
    """
    if function is None:
        return lambda function: kernel(function, **options)
    try:
        return numba.njit(cache=True, nogil=True, **options)(function)
    except RuntimeError:  # numba found no folder that it may write to
        return numba.njit(nogil=True, **options)(function)


class _Notice(event.Listener):
    """Says once, on a terminal, what the first call waits for."""

    silent = False

    def on_start(self, event: Any) -> None:
        if self.silent or not str(event.data["dispatcher"].py_func.__module__).startswith(PACKAGE):
            return
        self.silent = True
        if sys.stderr is not None and sys.stderr.isatty():
            print(
                f"{PACKAGE}: compiling for this processor; first calls take some seconds …",
                file=sys.stderr,
            )

    def on_end(self, event: Any) -> None:
        pass


event.register("numba:compile", _Notice())
