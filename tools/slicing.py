"""Which cells of a notebook must run so that some of them mean the same.

A cell *reads* the names that it needs from cells before it, and *changes* the names that it binds,
or whose value it may alter in place. A lambda or function reads its names where it is called, so a
cell that reads the function reads them too.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

FUNCTIONS = (ast.Lambda, ast.FunctionDef)
SCOPES = (
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.GeneratorExp,
    ast.Lambda,
    ast.FunctionDef,
    ast.ClassDef,
)
STREAMS = (np.random.Generator, np.random.RandomState, np.random.SeedSequence, Iterator)
# The methods that alter a container.
METHODS = {"add", "append", "clear", "extend", "insert", "pop", "remove", "setdefault", "sort"}
METHODS |= {"reverse", "update"}


@dataclass(frozen=True)
class Cell:
    """The names that a cell reads from outside, those that it changes, and of these those that it
    makes anew."""

    reads: frozenset
    changes: frozenset
    renews: frozenset


def cells(sources, streams=()):
    """The cells with these sources; ``streams`` names what any use may alter (`is_stream`)."""
    inside = {}
    return [_cell(ast.parse(source).body, inside, set(streams)) for source in sources]


def is_stream(value):
    """True for what gives other values each time: generators of random numbers, iterators."""
    return isinstance(value, STREAMS)


def live(cells, kept):
    """For each cell the names whose values after it some later cell of ``kept`` reads."""
    after = []
    wanted = set()
    for number in reversed(range(len(cells))):
        after.append(frozenset(wanted))
        if number in kept:
            wanted = (wanted - cells[number].renews) | cells[number].reads
    return after[::-1]


def needed(cells, targets):
    """The numbers of the cells that the cells ``targets`` need, their own too."""
    kept, wanted = set(), set()
    for number in reversed(range(len(cells))):
        cell = cells[number]
        if number in targets or cell.changes & wanted:
            kept.add(number)
            wanted = (wanted - cell.renews) | cell.reads
    return kept


def _cell(body, inside, streams):
    """The cell of some statements.

    inside   {name of a function so far: the names that it reads when it is called}; kept up
    """
    reads, bound, changes = set(), set(), set()
    for statement in body:
        functions = [p for p in ast.walk(statement) if isinstance(p, FUNCTIONS)]
        for name in _stored(statement):
            inside[name] = set().union(*map(_reads, functions))
        reads |= _with_called(_reads(statement), inside) - bound
        bound |= _bound(statement)
        changes |= _stored(statement) | _altered(statement)
    drawn = (reads | changes) & streams
    reads |= (changes | drawn) - bound  # what is altered keeps a part of its old value
    changes |= drawn
    return Cell(frozenset(reads), frozenset(changes), frozenset(bound - reads))


def _reads(node):
    """Names that a piece of code needs from outside of it."""
    if isinstance(node, ast.Name):
        return set() if isinstance(node.ctx, ast.Store) else {node.id}
    parts = set().union(*map(_reads, ast.iter_child_nodes(node)))
    if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
        parts |= {node.target.id}
    if isinstance(node, FUNCTIONS):
        names = {argument.arg for argument in ast.walk(node.args) if isinstance(argument, ast.arg)}
        defaults = [*node.args.defaults, *filter(None, node.args.kw_defaults)]
        return (parts - names) | set().union(*map(_reads, defaults))
    if isinstance(node, SCOPES):
        targets = [part.target for part in getattr(node, "generators", [])]
        return parts - set().union(*map(_stored, targets))
    if isinstance(node, ast.For):
        body = _reads_in_turn(node.body + node.orelse)
        return _reads(node.iter) | _reads(node.target) | (body - _stored(node.target))
    return parts


def _reads_in_turn(statements):
    """Names that statements need which none of them has bound before."""
    reads, bound = set(), set()
    for statement in statements:
        reads |= _reads(statement) - bound
        bound |= _bound(statement)
    return reads


def _stored(node):
    """Names bound somewhere in a piece of code, less those of inner scopes."""
    if isinstance(node, ast.Name):
        return {node.id} if isinstance(node.ctx, (ast.Store, ast.Del)) else set()
    if isinstance(node, ast.alias):
        return {(node.asname or node.name).split(".")[0]}
    if isinstance(node, SCOPES):
        return {node.name} if hasattr(node, "name") else set()
    return set().union(*map(_stored, ast.iter_child_nodes(node)))


def _bound(statement):
    """Names that are bound once the statement has run; a loop runs at least once."""
    if isinstance(statement, ast.For):
        return _stored(statement.target).union(*map(_bound, statement.body))
    if isinstance(statement, (ast.If, ast.While, ast.Try, ast.AugAssign)):
        return set()
    return _stored(statement)


def _altered(node):
    """Names a, b, c of ``a[..] = ..``, ``b.x = ..`` and ``c.append(..)``."""
    found = set()
    for part in ast.walk(node):
        stores = isinstance(getattr(part, "ctx", None), (ast.Store, ast.Del))
        calls = isinstance(part, ast.Call) and getattr(part.func, "attr", "") in METHODS
        inside = part.func if calls else part
        reached = isinstance(inside, (ast.Attribute, ast.Subscript)) and (stores or calls)
        while isinstance(inside, (ast.Attribute, ast.Subscript)):
            inside = inside.value
        if reached and isinstance(inside, ast.Name):
            found.add(inside.id)
    return found


def _with_called(names, inside):
    """The names, and those that functions among them read when they are called."""
    found, new = set(), set(names)
    while new:
        found |= new
        new = set().union(*(inside.get(name, set()) for name in new)) - found
    return found
