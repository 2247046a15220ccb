"""
The plot of losses; pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import log10

from echostamp.history.row import KeptRow
from echostamp.text import counted
from echostamp.web.plotfigure import Plot, Series
from echostamp.web.plotframe import Lane, Scene
from echostamp.web.plotpaths import FINE, bars, spans
from echostamp.web.rowvalues import column

#: The height of a lane, and what is between two, in pixels.
_HEIGHT, _GAP = 48, 12

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
    Plot the share of lost probes each way.
    """
    rows = scene.rows
    fields = (
        ("lostForward", "forward"),
        ("lostBackward", "backward"),
        ("lostUnknown", "direction unknown"),
    )
    ticks = [(lossPlace(each), f"{each}" if each else "") for each in (0, 1, 10, 100)]
    lanes = [
        Lane(number * (_HEIGHT + _GAP), _HEIGHT, 0, 1, ticks, title)
        for number, (_, title) in enumerate(fields)
    ]
    series = [
        Series(title, "%", [_share(row, name) for row in rows])
        for name, title in fields
    ]
    series.append(Series("due", "", column(rows, "due")))
    sent = sum(row.sent for row in rows)
    lost = sum(row.lost for row in rows)
    note = f"{lost} of {counted(sent, 'probe')} lost" if sent else "no probes"
    return Plot(
        "Loss",
        "% of the probes sent, logarithmic",
        lanes,
        _lossLayers(scene, lanes, [name for name, _ in fields]),
        series,
        [],
        [note],
    )


def _share(row: KeptRow, name: str) -> float | None:
    """
    Give the share of the probes that were lost, in percent.
    """
    if not row.sent:
        return None
    return round(min(100.0, 100 * int(getattr(row, name)) / row.sent), 3)


def _lossLayers(
    scene: Scene, lanes: Sequence[Lane], names: Sequence[str]
) -> Iterator[tuple[int, str, str]]:
    """
    Draw the bars of each way, and a line where there were probes.
    """
    rows = [row for row in scene.rows if row.sent]
    kinds = "forward", "backward", "unknown"
    for number, (lane, name, kind) in enumerate(zip(lanes, names, kinds, strict=True)):
        drawing = bars(scene.across, rows, lane.y, _lossValue(name))
        yield number, f"loss {kind}", drawing
        yield number, "probed", spans(scene.across, rows, lane.height * FINE)


def _lossValue(name: str) -> Callable[[KeptRow], float]:
    """
    Give a function that gives the place of a row's loss.
    """
    return lambda row: lossPlace(_share(row, name) or 0)
