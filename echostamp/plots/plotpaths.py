"""
Paths of SVG: lines, bands and bars of rows; pure.

Coordinates are whole numbers: the width of a plot is L{WIDTH}, and a pixel of its
height is L{FINE}.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from echostamp.history.row import KeptRow

#: The width of a plot, and the height of a pixel, in the coordinates of paths.
WIDTH, FINE = 10_000, 10

#: The rows of a stretch without a gap.
Run = Sequence[KeptRow]

#: Gives a value of a row, which is known there.
Value = Callable[[KeptRow], float]


class Across(NamedTuple):
    """
    Where times are, from left to right.

    @ivar began: where a plot begins, in seconds since the UNIX epoch.
    @ivar ended: where it ends.
    @ivar step: how long the span of a row is.
    """

    began: int
    ended: int
    step: int

    def x(self, at: float) -> int:
        """Give the place of a time."""
        return round((at - self.began) * WIDTH / (self.ended - self.began))

    def share(self, at: float) -> str:
        """Give the place of a time in percent of the width."""
        return f"{(at - self.began) * 100 / (self.ended - self.began):.2f}%"


def runs(
    rows: Iterable[KeptRow], step: int, isKnown: Callable[[KeptRow], bool]
) -> list[list[KeptRow]]:
    """
    Divide rows at gaps: at rows that are missing, and at those that are not known.

    @param step: how long the span of a row is, in seconds.
    """
    found: list[list[KeptRow]] = []
    due = None
    for row in rows:
        if not isKnown(row):
            continue
        if row.at != due:
            found.append([])
        found[-1].append(row)
        due = row.at + step
    return found


def _outline(
    across: Across, run: Run, y: Callable[[float], int], value: Value
) -> list[str]:
    """
    Give the points of a run: the middle of each row, and both ends.
    """
    half = across.step / 2
    points = [f"{across.x(row.at + half)} {y(value(row))}" for row in run]
    first, last = run[0], run[-1]
    return [
        f"{across.x(first.at)} {y(value(first))}",
        *points,
        f"{across.x(last.at + across.step)} {y(value(last))}",
    ]


def line(
    across: Across, found: Iterable[Run], y: Callable[[float], int], value: Value
) -> str:
    """
    Draw a line through each run.

    @param found: the runs.
    @param y: gives the place of a value, from the top.
    """
    return "".join(f"M{' '.join(_outline(across, run, y, value))}" for run in found)


def band(
    across: Across,
    found: Iterable[Run],
    y: Callable[[float], int],
    low: Value,
    high: Value,
) -> str:
    """
    Draw a band along each run.

    @param low: gives the lower bound of a row.
    @param high: the upper one.
    """
    pieces = []
    for run in found:
        upper = _outline(across, run, y, high)
        lower = _outline(across, run, y, low)
        pieces.append(f"M{' '.join(upper)} {' '.join(reversed(lower))}Z")
    return "".join(pieces)


def bars(
    across: Across,
    rows: Iterable[KeptRow],
    y: Callable[[float], int],
    value: Value,
) -> str:
    """
    Draw a bar from zero for each row whose value is above zero.
    """
    return "".join(
        f"M{across.x(row.at)} {y(0)}V{y(value(row))}H{across.x(row.at + across.step)}"
        f"V{y(0)}Z"
        for row in rows
        if value(row) > 0
    )


def spans(across: Across, rows: Iterable[KeptRow], y: int) -> str:
    """
    Draw a horizontal line where rows are.

    @param y: how far from the top.
    """
    return "".join(
        f"M{across.x(first)} {y}H{across.x(last)}"
        for first, last in _stretches(rows, across.step)
    )


def _stretches(rows: Iterable[KeptRow], step: int) -> Iterator[tuple[int, int]]:
    """
    Give the begin and the end of each stretch of rows.
    """
    for run in runs(rows, step, lambda row: True):
        yield run[0].at, run[-1].at + step
