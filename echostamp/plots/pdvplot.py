"""
The plot of the packet delay variation; pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from echostamp.plots.axes import roof, valueAxis
from echostamp.plots.plotfigure import AREA, LINE, Plot, Sample, Series
from echostamp.plots.plotframe import Lane, Scene, laneOf
from echostamp.plots.plotpaths import band, line, runs
from echostamp.plots.rowvalues import beyond, beyondNote, column, field, hasAll, known

#: The height of a lane, and what is between two, in pixels.
_HEIGHT, _GAP = 84, 12


def pdvPlot(scene: Scene) -> Plot:
    """
    Plot the packet delay variation each way: the median, and the 99th percentile.
    """
    rows = scene.rows
    ways = (
        ("forward", "pdvForward", "pdvForwardP99"),
        ("backward", "pdvBackward", "pdvBackwardP99"),
    )
    tops = [
        roof(known(rows, median), known(rows, p99), known(rows, p99))
        for _, median, p99 in ways
    ]
    axis = valueAxis(0, max(tops), spaces=3)
    greatest = [each for _, _, p99 in ways for each in known(rows, p99)]
    lanes = [
        laneOf(axis, number * (_HEIGHT + _GAP), _HEIGHT, way, bool(greatest))
        for number, (way, _, _) in enumerate(ways)
    ]
    notes = beyondNote(greatest, axis.high)
    return Plot(
        "PDV",
        axis.title if greatest else "",
        lanes,
        _pdvLayers(scene, lanes, ways),
        [
            Series(f"{way} {title}", "ns", column(rows, name))
            for way, median, p99 in ways
            for title, name in (("median", median), ("p99", p99))
        ],
        [Sample("median", LINE, "median"), Sample("smoke middle", AREA, "up to p99")],
        notes if greatest else ("not known: it needs the one-way delays",),
    )


def _pdvLayers(
    scene: Scene, lanes: Sequence[Lane], ways: Sequence[tuple[str, str, str]]
) -> Iterator[tuple[int, str, str]]:
    """
    Draw both ways.
    """
    step = scene.across.step
    for number, (lane, (_, median, p99)) in enumerate(zip(lanes, ways, strict=True)):
        found = runs(scene.rows, step, hasAll(median, p99))
        drawing = band(scene.across, found, lane.y, lambda row: 0, field(p99))
        yield number, "smoke middle", drawing
        drawing = line(scene.across, found, lane.y, field(median))
        yield number, "median", drawing
        yield number, "beyond", beyond(scene, lane, p99)
