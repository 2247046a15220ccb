"""
The plot of losses; pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import log10

from echostamp.history.row import KeptRow
from echostamp.plots.plotfigure import Plot, Series
from echostamp.plots.plotframe import Lane, Scene
from echostamp.plots.plotpaths import FINE, bars, spans
from echostamp.plots.rowvalues import column
from echostamp.text import counted

#: The height of a lane, and what is between two, in pixels.
_HEIGHT, _GAP = 40, 12

#: The scale of losses is logarithmic above this, and ends at 100 percent.
_SMALL_LOSS = 0.1


def lossPlace(percent: float) -> float:
    """
    Give the place of a loss on its scale, from 0 to 1.  So a loss of one probe in a
    thousand and an outage are both seen.
    """
    return log10(1 + percent / _SMALL_LOSS) / log10(1 + 100 / _SMALL_LOSS)


def lossPlot(scene: Scene) -> Plot:
    """
    Plot the share of the due probes that were lost each way, or could not be sent.
    """
    rows = scene.rows
    ticks = [(lossPlace(each), f"{each}" if each else "") for each in (0, 1, 10, 100)]
    lanes = [
        Lane(number * (_HEIGHT + _GAP), _HEIGHT, 0, 1, ticks, title)
        for number, (title, _) in enumerate(_LANES)
    ]
    series = [
        Series(title, "%", [_share(row, count) for row in rows])
        for title, count in _LANES
    ]
    series.append(Series("due", "", column(rows, "due")))
    due = sum(row.due for row in rows)
    counts = [
        counted(sum(row.lost for row in rows), "probe lost", "probes lost"),
        f"{sum(map(_unsent, rows))} not sent",
        f"{due} due",
    ]
    return Plot(
        "Loss",
        "% of the probes due, logarithmic",
        lanes,
        _lossLayers(scene, lanes),
        series,
        [],
        [", ".join(counts) if due else "no probe was due"],
    )


def _unsent(row: KeptRow) -> int:
    """
    Count the probes that were due and could not be sent.
    """
    return max(0, row.due - row.sent)


#: The title of each lane, and what counts its probes.
_LANES: Sequence[tuple[str, Callable[[KeptRow], int]]] = (
    ("lost forward", lambda row: row.lostForward),
    ("lost backward", lambda row: row.lostBackward),
    ("lost, direction unknown", lambda row: row.lostUnknown),
    ("not sent", _unsent),
)


def _share(row: KeptRow, count: Callable[[KeptRow], int]) -> float | None:
    """
    Give the share of some probes among those that were due, in percent.
    """
    if not row.due:
        return None
    return round(min(100.0, 100 * count(row) / row.due), 3)


def _lossLayers(scene: Scene, lanes: Sequence[Lane]) -> Iterator[tuple[int, str, str]]:
    """
    Draw the bars of each lane, and a line where probes were due.
    """
    rows = [row for row in scene.rows if row.due]
    for number, (lane, (_, count)) in enumerate(zip(lanes, _LANES, strict=True)):
        yield number, "loss", bars(scene.across, rows, lane.y, _placeOf(count))
        yield number, "probed", spans(scene.across, rows, lane.height * FINE)


def _placeOf(count: Callable[[KeptRow], int]) -> Callable[[KeptRow], float]:
    """
    Give a function that gives the place of a row's share.
    """
    return lambda row: lossPlace(_share(row, count) or 0)
