"""Tables of chapters as files of comma-separated values."""

import csv
import os
from collections.abc import Iterable
from typing import Any

from rlentropy.validation import check_path

# What a run is, written as it stands, and what came of it, to six digits.
Row = tuple[tuple[Any, ...], Iterable[float]]


def rows(path: str | os.PathLike[str], columns: tuple[str, ...]) -> list[dict[str, str]]:
    """The rows of a table with these columns.

    Raises ValueError for what is no name of a file and for a file that holds no such table,
    OSError where it cannot be read.
    """
    path = check_path("path", path)
    with open(path, newline="", encoding="utf-8") as file:
        try:
            table = csv.DictReader(file)
            found = list(table)
        except (UnicodeDecodeError, csv.Error) as problem:
            raise ValueError(f"path = {path}: no table ({problem})") from None
    if tuple(table.fieldnames or ()) != columns:
        raise ValueError(f"path = {path}: no table with columns {', '.join(columns)}")
    return found


def write(path: str | os.PathLike[str], columns: tuple[str, ...], rows: Iterable[Row]) -> None:
    """Write a table with these columns."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(columns)
        for case, numbers in rows:
            table.writerow((*case, *(f"{x:.6g}" for x in numbers)))
