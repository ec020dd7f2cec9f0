"""The public functions of rlentropy, and how one of them is made to give wrong numbers."""

import dataclasses
import functools
import inspect
import sys
from fractions import Fraction

import mpmath
import numpy as np

from proofledger import api

# Makers of inputs and pictures: what they give wrongly is another right input.
SPARED = {
    "environments",
    "mdp",
    "parallel",
    "plotting",
    "results",
    "seeds",
    "simulator",
    "transitions",
    "validation",
}


# ----------------------------------------------------------------------------------- wrong results


def scaled(numbers):
    return numbers * (Fraction(101, 100) if is_exact(numbers) else 1.01)


def sign(numbers):
    return -numbers


def dropped(numbers):
    """The last nonzero entry set to 0."""
    if not isinstance(numbers, np.ndarray):
        return 0 * numbers
    numbers = np.array(numbers)
    where = np.flatnonzero(numbers)
    if where.size:
        numbers.reshape(-1)[where[-1]] = 0
    return numbers


WAYS = {way.__name__: way for way in (scaled, sign, dropped)}


def is_exact(value):
    """True for Fractions and arrays of them."""
    if isinstance(value, np.ndarray):
        return value.dtype == object and all(isinstance(x, Fraction) for x in value.flat)
    return isinstance(value, Fraction)


def wrong(value, way):
    """The value with its floating-point numbers and Fractions made wrong, through tuples, lists,
    dictionaries, generators and results."""
    if isinstance(value, (float, np.floating, mpmath.mpf)) or is_exact(value):
        return way(value)
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        return way(value)
    if type(value) is dict:
        return {key: wrong(part, way) for key, part in value.items()}
    if isinstance(value, tuple) or type(value) is list:
        parts = [wrong(part, way) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    if inspect.isgenerator(value):
        return (wrong(part, way) for part in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        changed = {
            field.name: wrong(getattr(value, field.name), way)
            for field in dataclasses.fields(value)
            if field.init
        }
        return dataclasses.replace(value, **changed)
    return value


# ------------------------------------------------------------------------------- right functions


@functools.cache
def public_functions():
    """{name in rlentropy: function} of the package, less the makers of inputs and pictures."""
    return {
        f"{module}.{name}".removeprefix("rlentropy."): member
        for module in api.modules(("rlentropy",))
        if not SPARED & {*module.split(".")}
        for name, member in api.public_members(module).items()
        if inspect.isfunction(member)
    }


def replace(old, new, *namespaces):
    """Bind ``new`` wherever the package, or one of the namespaces, has bound ``old``."""
    modules = [vars(m) for name, m in list(sys.modules.items()) if name.startswith("rlentropy")]
    for names in (*modules, *namespaces):
        for key in [key for key, value in names.items() if value is old]:
            names[key] = new


def replace_by_wrong(name, way, namespace):
    """From now on the function ``name`` gives wrong numbers."""
    function = public_functions()[name]

    @functools.wraps(function)
    def bad(*args, **options):
        return wrong(function(*args, **options), way)

    replace(function, bad, namespace)
