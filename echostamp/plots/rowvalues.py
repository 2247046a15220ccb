"""
Values of rows, as plots need them; pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from echostamp.history.row import KeptRow
from echostamp.plots.plotframe import Lane, Scene
from echostamp.plots.plotpaths import FINE, spans
from echostamp.text import counted
from echostamp.units import readable


def column(rows: Iterable[KeptRow], name: str) -> list[int | None]:
    """
    Give a field of all rows.
    """
    return [getattr(row, name) for row in rows]


def field(name: str) -> Callable[[KeptRow], int]:
    """
    Give a function that gives a field of a row; 0 where it is not known.
    """
    return lambda row: getattr(row, name) or 0


def known(rows: Iterable[KeptRow], name: str) -> list[int]:
    """
    Give a field of the rows in which it is known.
    """
    return [value for value in column(rows, name) if value is not None]


def beyondNote(values: Iterable[int], top: float) -> tuple[str, ...]:
    """
    Say what lies beyond the scale.
    """
    beyond = [each for each in values if each > top]
    if not beyond:
        return ()
    points = counted(len(beyond), "point goes", "points go")
    return (f"{points} beyond the scale, up to {readable(max(beyond))}",)


def hasAll(*names: str) -> Callable[[KeptRow], bool]:
    """
    Give a function that tells whether a row has these fields.
    """
    return lambda row: all(getattr(row, name) is not None for name in names)


def beyond(scene: Scene, lane: Lane, name: str) -> str:
    """
    Mark the points that lie beyond the scale, at its upper end.
    """
    rows = [row for row in scene.rows if (getattr(row, name) or 0) > lane.high]
    return spans(scene.across, rows, FINE)
