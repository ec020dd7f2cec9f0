"""A pytest plugin: nbval compares what figures show (see `figures`) instead of skipping them.

A figure whose digest differs from the stored one fails its cell with a line for each difference;
so does a picture without a digest, stored or new.
"""

from copy import deepcopy
from functools import partial
from typing import Any

from proofledger.figures import MIME, differences

PICTURES = ("image/png", "image/jpeg", "image/svg+xml", "application/pdf")


def pytest_collection_modifyitems(items: list[Any]) -> None:
    """Called by pytest: the cells of notebooks are compared by `_compare`."""
    from nbval.plugin import IPyNbCell

    for item in items:
        if isinstance(item, IPyNbCell):
            item.compare_outputs = partial(_compare, item, item.compare_outputs)


def _compare(cell: Any, compare: Any, new: Any, stored: Any) -> bool:
    """nbval's own comparison of everything else, and ours of the figures."""
    fresh = deepcopy(list(new))
    kept = deepcopy(list(stored))
    faults = [
        f"a figure without a digest of what it shows ({which})"
        for which, outputs in (("new", fresh), ("stored", kept))
        if figures_without_digest(outputs)
    ]
    pairs = list(zip(_digests(fresh), _digests(kept), strict=False))
    for number, (one, other) in enumerate(pairs, start=1):
        faults += differences(one[MIME], other[MIME], f"figure {number}")
        one[MIME] = other[MIME]  # compared: nbval need not look at the digits again
    for data in (*_digests(fresh), *_digests(kept)):
        for kind in PICTURES:
            data.pop(kind, None)
    same = compare(fresh, kept)
    cell.comparison_traceback += faults
    return same and not faults


def _digests(outputs: Any) -> list[Any]:
    """The data of the outputs that carry a digest."""
    return [output["data"] for output in outputs if MIME in output.get("data", {})]


def figures_without_digest(outputs: Any) -> list[Any]:
    """The outputs with a raster picture, or any picture of a matplotlib figure, but no digest."""

    def bare(data: Any) -> bool:
        kinds = [kind for kind in PICTURES if kind in data]
        figure = str(data.get("text/plain", "")).startswith("<Figure size")
        raster = any(kind in ("image/png", "image/jpeg") for kind in kinds)
        return bool(kinds) and (figure or raster) and MIME not in data

    return [output for output in outputs if bare(output.get("data", {}))]
