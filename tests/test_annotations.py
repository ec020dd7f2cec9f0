"""Every public function, found by import, says the types of its arguments and of its result."""

import inspect

import pytest

from proofledger import api

MODULES = api.modules(("rlentropy", "finitesums", "proofledger"))


def functions(module):
    """(name, function) of the public functions of a module and of its classes' own methods."""
    for name, member in api.public_members(module).items():
        if not inspect.isclass(member):
            yield name, member
            continue
        for key, part in vars(member).items():
            part = getattr(part, "fget", None) or getattr(part, "func", part)
            part = getattr(part, "__func__", part)
            if inspect.isfunction(part) and not key.startswith("_") and part.__module__ == module:
                yield f"{name}.{key}", part


def untyped(function):
    """The names of the arguments without a type, and 'return' where the result has none."""
    signature = inspect.signature(function)
    arguments = [p for p in signature.parameters.values() if p.name not in ("self", "cls")]
    names = [p.name for p in arguments if p.annotation is p.empty]
    return names + ["return"] * (signature.return_annotation is signature.empty)


@pytest.mark.parametrize("module", MODULES)
def test_every_public_function_is_typed(module):
    assert {name: untyped(f) for name, f in functions(module) if untyped(f)} == {}


def test_a_missing_type_is_seen():
    assert untyped(lambda x, *rest, key=0: (x, rest, key)) == ["x", "rest", "key", "return"]
    assert "PolicyInMDP.V" in dict(functions("rlentropy.discounted.evaluation"))
    assert "PolicyInMDP.objective" in dict(functions("rlentropy.discounted.evaluation"))
    assert len(MODULES) > 50
