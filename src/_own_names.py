"""``dir`` of a module, and so what TAB offers, shows what the module defines, not what it imports.

`tidy` is called once, by the ``__init__`` of a package; the modules of the package follow as they
are imported.
"""

import ast
import inspect
import sys
from functools import cache
from types import ModuleType
from typing import TypeVar


class TidyModule(ModuleType):
    """A module whose ``dir`` is ``__all__``, or else the public names that it defines."""

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if getattr(value, "__name__", None) == f"{self.__name__}.{name}":
            tidy(f"{self.__name__}.{name}")  # the import system has just put a module here

    def __dir__(self) -> list[str]:
        return vars(self).get("__all__") or [
            name
            for name, value in vars(self).items()
            if not (name.startswith("_") or isinstance(value, TypeVar) or name in imported(self))
        ]


@cache
def imported(module: ModuleType) -> set[str]:
    """The names that a module imports, but for those that it hands on (``import x as x``)."""
    statements = ast.parse(inspect.getsource(module)).body
    return {
        alias.asname or alias.name.partition(".")[0]
        for statement in statements
        if isinstance(statement, (ast.Import, ast.ImportFrom))
        for alias in statement.names
        if alias.asname != alias.name
    }


def tidy(name: str) -> None:
    """Let the module of that name, and all modules in it, show only what they define."""
    sys.modules[name].__class__ = TidyModule
    for inside in [other for other in list(sys.modules) if other.rpartition(".")[0] == name]:
        tidy(inside)
