"""
The plot of the RTT; pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from echostamp.plots.axes import roof, valueAxis
from echostamp.plots.plotfigure import AREA, LINE, Plot, Sample, Series
from echostamp.plots.plotframe import Lane, Scene, laneOf
from echostamp.plots.plotpaths import band, line, runs
from echostamp.plots.rowvalues import beyond, beyondNote, column, field, known

#: The height of the plot, in pixels.
_HEIGHT = 168


def rttPlot(scene: Scene) -> Plot:
    """
    Plot the RTT as smoke: from least to greatest, p10 to p90, p25 to p75, and a line at
    the median.
    """
    rows = scene.rows
    medians, greatest = known(rows, "median"), known(rows, "most")
    axis = valueAxis(0, roof(medians, known(rows, "p90"), greatest))
    lane = laneOf(axis, 0, _HEIGHT, hasData=bool(medians))
    names = (
        ("median", "median"),
        ("least", "min"),
        ("p10", "p10"),
        ("p90", "p90"),
        ("p99", "p99"),
        ("most", "max"),
    )
    return Plot(
        "RTT",
        axis.title if medians else "",
        [lane],
        _rttLayers(scene, lane),
        [Series(title, "ns", column(rows, name)) for name, title in names],
        [
            Sample("median", LINE, "median"),
            Sample("smoke inner", AREA, "p25 to p75"),
            Sample("smoke middle", AREA, "p10 to p90"),
            Sample("smoke outer", AREA, "min to max"),
        ],
        beyondNote(greatest, axis.high) if medians else ("no reply",),
    )


def _rttLayers(scene: Scene, lane: Lane) -> Iterator[tuple[int, str, str]]:
    """
    Draw the smoke, the faintest first.
    """
    found = runs(scene.rows, scene.across.step, lambda row: row.median is not None)
    for kind, low, high in (
        ("outer", "least", "most"),
        ("middle", "p10", "p90"),
        ("inner", "p25", "p75"),
    ):
        drawing = band(scene.across, found, lane.y, field(low), field(high))
        yield 0, f"smoke {kind}", drawing
    yield 0, "median", line(scene.across, found, lane.y, field("median"))
    yield 0, "beyond", beyond(scene, lane, "most")
