"""
What is around the data of a plot: grid, labels, and events on the time axis; pure.

Places from left to right are shares of the width, those from top to bottom are pixels.
So a plot gets as wide as its page, and its text keeps its size.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from echostamp.history.row import KeptRow
from echostamp.markup import Markup, asHtml, element
from echostamp.plots.axes import ValueAxis
from echostamp.plots.plotpaths import FINE, Across
from echostamp.plots.timeaxis import Tick, timeTicks, zoneText
from echostamp.plots.timezones import Zone

#: How far below the last lane events, labels and the end are, in pixels, and how far
#: below a label its second line is.
_MARKS, _LABELS, _FOOT, _LINE = 2, 24, 28, 13

#: Ticks that are nearer to an edge, in percent, have their labels inside.
_EDGE = 4

#: Two marks are at least so far apart, as a share of the width.
_APART = 1 / 120

#: The most events that the title of a mark names.
_MOST_NAMED = 5

#: The shapes of marks, whose top is at the axis.
_SHAPES = {
    "bad": "M0 9L-5 0H5Z",
    "good": "M-4 4.5a4 4 0 1 0 8 0a4 4 0 1 0 -8 0Z",
    "other": "M0 0L-4 4.5L0 9L4 4.5Z",
}


class Lane(NamedTuple):
    """
    A part of a plot, with a scale of its own.

    @ivar top: where it begins, in pixels from the top.
    @ivar height: its height in pixels.
    @ivar low: the value at its bottom.
    @ivar high: the value at its top.
    @ivar ticks: values, and the label of each.
    @ivar title: what is in it; empty if that is clear.
    """

    top: int
    height: int
    low: float = 0
    high: float = 1
    ticks: Sequence[tuple[float, str]] = ()
    title: str = ""

    def y(self, value: float) -> int:
        """Give the place of a value, from the lane's top, in coordinates of paths."""
        share = (self.high - value) / (self.high - self.low)
        # What is far beyond the scale is out of sight, and its number short.
        return round(min(max(share, -1), 2) * self.height * FINE)


def laneOf(
    axis: ValueAxis, top: int, height: int, title: str = "", hasData: bool = True
) -> Lane:
    """
    Make a lane with an axis.

    @param hasData: whether it shows anything; if not, ticks have no labels.
    """
    ticks = [(tick, axis.label(tick) if hasData else "") for tick in axis.ticks]
    return Lane(top, height, axis.low, axis.high, ticks, title)


class Mark(NamedTuple):
    """
    An event on the time axis.

    @ivar at: when, in seconds since the UNIX epoch.
    @ivar shape: C{bad}, C{good} or C{other}.
    @ivar text: what happened.
    """

    at: float
    shape: str
    text: str


class Scene(NamedTuple):
    """
    What all plots of a page share.

    @ivar rows: the rows of the peer.
    @ivar across: where times are.
    @ivar zone: the zone of the time axis.
    @ivar marks: the events, in order.
    """

    rows: Sequence[KeptRow]
    across: Across
    zone: Zone = Zone()
    marks: Sequence[Mark] = ()


def ticksOf(scene: Scene) -> Sequence[Tick]:
    """
    Give the ticks of the time axis.
    """
    return timeTicks(scene.across.began, scene.across.ended, scene.zone)


def grid(scene: Scene, ticks: Sequence[Tick], lanes: Sequence[Lane]) -> Markup:
    """
    Draw the lines at ticks, and the labels.
    """
    bottom = lanes[-1].top + lanes[-1].height
    pieces = [*_timeLines(scene.across, ticks, bottom)]
    for lane in lanes:
        pieces += _lane(lane)
    return Markup("".join(pieces))


def heightOf(ticks: Sequence[Tick], lanes: Sequence[Lane]) -> int:
    """
    Give the height of a plot with its labels, in pixels.
    """
    second = _LINE if any(each.note for each in ticks) else 0
    return lanes[-1].top + lanes[-1].height + _FOOT + second


def _lane(lane: Lane) -> Iterator[Markup]:
    """
    Draw the grid and the labels of a lane.
    """
    for value, label in lane.ticks:
        y = lane.top + lane.y(value) / FINE
        yield element("line", class_="grid", x2="100%", y1=y, y2=y)
        if label:
            yield element("text", asHtml(label), class_="axis value", x=-8, y=y)
    if lane.title:
        yield element("text", asHtml(lane.title), class_="lane", x=6, y=lane.top + 12)


def _timeLines(across: Across, ticks: Sequence[Tick], bottom: int) -> Iterator[Markup]:
    """
    Draw the grid and the labels of the time axis.
    """
    for tick in ticks:
        x = across.share(tick.at)
        kind = "grid day" if tick.isDay else "grid"
        yield element("line", class_=kind, x1=x, x2=x, y2=bottom)
        side = _side(float(x.rstrip("%")))
        name = f"axis time{side}{' minor' if tick.isMinor else ''}"
        y = bottom + _LABELS
        for text in filter(None, (tick.label, tick.note)):
            yield element("text", asHtml(text), class_=name, x=x, y=y)
            y += _LINE


def _side(percent: float) -> str:
    """
    Tell where the label of a tick is.
    """
    return " first" if percent < _EDGE else " last" if percent > 100 - _EDGE else ""


def marks(scene: Scene, bottom: int) -> Iterator[Markup]:
    """
    Draw the events on the time axis, and a line upwards from each bad one.

    @param bottom: where the axis is, in pixels from the top.
    """
    for group in _groups(scene):
        shapes = [each.shape for each in group]
        shape = next(each for each in _SHAPES if each in shapes)
        texts = [each.text for each in group[:_MOST_NAMED]]
        if len(group) > _MOST_NAMED:
            texts.append(f"and {len(group) - _MOST_NAMED} more")
        x = scene.across.share(group[0].at)
        title = element("title", Markup("\n".join(map(asHtml, texts))))
        if shape == "bad":
            yield element("line", class_="event bad", x1=x, x2=x, y2=bottom)
        path = element("path", title, class_=f"event {shape}", d=_SHAPES[shape])
        yield element("svg", path, class_="mark", x=x, y=bottom + _MARKS)


def _groups(scene: Scene) -> Iterator[list[Mark]]:
    """
    Put events together that are too near to each other.
    """
    least = (scene.across.ended - scene.across.began) * _APART
    group: list[Mark] = []
    for mark in scene.marks:
        if group and mark.at - group[0].at >= least:
            yield group
            group = []
        group.append(mark)
    if group:
        yield group


def zoneName(scene: Scene) -> str:
    """
    Name the zone of the time axis.
    """
    return zoneText(scene.across.began, scene.across.ended, scene.zone)
