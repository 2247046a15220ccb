"""
The plot of the offset of the far clock; pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from echostamp.history.row import KeptRow
from echostamp.measure.verdicts import BARELY, FITS, NO_FIT, UNKNOWN, VERDICTS
from echostamp.plots.axes import extent, valueAxis
from echostamp.plots.plotfigure import AREA, LINE, Plot, Sample, Series
from echostamp.plots.plotframe import Lane, Scene, laneOf
from echostamp.plots.plotpaths import FINE, band, line, runs, spans
from echostamp.plots.rowvalues import column, field, hasAll
from echostamp.text import counted

#: The height of the plot, and of the strip that shows verdicts, in pixels.
_HEIGHT, _STRIP = 168, 6


def offsetPlot(scene: Scene) -> Plot:
    """
    Plot the offset of the far clock as a band from its lower to its upper bound, with a
    line at the estimate, and marks where the bounds do not fit.
    """
    rows = scene.rows
    hasBounds = hasAll("offsetLow", "offset", "offsetHigh")
    found = [row for row in rows if hasBounds(row)]
    bounds = [(row.offsetLow or 0, row.offsetHigh or 0) for row in found]
    axis = valueAxis(*extent(bounds), isSigned=True)
    lane = laneOf(axis, 0, _HEIGHT, hasData=bool(found))
    strip = Lane(_HEIGHT + 4, _STRIP)
    verdicts = [VERDICTS[row.verdict] for row in rows]
    notes = []
    if not found:
        notes.append("not known")
    elif outside := [one for one in bounds if one[0] < axis.low or one[1] > axis.high]:
        points = counted(len(outside), "point goes", "points go")
        notes.append(f"{points} beyond the scale")
    for verdict, text in (NO_FIT, "does not fit"), (BARELY, "fits barely"):
        if count := verdicts.count(verdict):
            notes.append(f"{counted(count, 'point')} where it {text}")
    return Plot(
        "Offset of the far clock",
        axis.title if found else "",
        [lane, strip],
        _offsetLayers(scene, lane, hasBounds),
        [
            Series("estimate", "ns", column(rows, "offset")),
            Series("low", "ns", column(rows, "offsetLow")),
            Series("high", "ns", column(rows, "offsetHigh")),
            Series("verdict", "", [_WORDS[each] for each in verdicts]),
        ],
        [
            Sample("median", LINE, "estimate"),
            Sample("band", AREA, "low to high"),
            Sample("verdict barely", LINE, "fits barely"),
            Sample("verdict misfit", LINE, "does not fit"),
        ],
        notes,
    )


#: What the hover line says of a verdict.
_WORDS = {
    UNKNOWN: None,
    FITS: "fits",
    BARELY: "fits barely",
    NO_FIT: "does not fit",
}


def _offsetLayers(
    scene: Scene, lane: Lane, hasBounds: Callable[[KeptRow], bool]
) -> Iterator[tuple[int, str, str]]:
    """
    Draw the band, the zero line, the estimate, and the verdicts.
    """
    across = scene.across
    found = runs(scene.rows, across.step, hasBounds)
    low, high = field("offsetLow"), field("offsetHigh")
    yield 0, "band", band(across, found, lane.y, low, high)
    if found and lane.low <= 0 <= lane.high:
        yield 0, "zero", f"M0 {lane.y(0)}H{across.x(across.ended)}"
    yield 0, "median", line(across, found, lane.y, field("offset"))
    for edge, rows in (
        (FINE, [row for row in scene.rows if high(row) > lane.high]),
        (
            (lane.height - 1) * FINE,
            [row for row in scene.rows if hasBounds(row) and low(row) < lane.low],
        ),
    ):
        yield 0, "beyond", spans(across, rows, edge)
    for verdict, kind in (BARELY, "barely"), (NO_FIT, "misfit"):
        rows = [row for row in scene.rows if VERDICTS[row.verdict] == verdict]
        yield 1, f"verdict {kind}", spans(across, rows, _STRIP * FINE // 2)
