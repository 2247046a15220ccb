"""
Puts a plot together: its title, legend, data and frame; pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from echostamp.markup import Markup, asHtml, element
from echostamp.plots.plotframe import (
    Lane,
    Scene,
    grid,
    heightOf,
    marks,
    ticksOf,
    zoneName,
)
from echostamp.plots.plotpaths import FINE, WIDTH


class Series(NamedTuple):
    """
    Values that the script shows beside the hover line.

    @ivar name: what they are.
    @ivar unit: C{ns}, C{%}, or empty for counts and texts.
    @ivar values: one for each row; L{None} where it is not known.
    """

    name: str
    unit: str
    values: Sequence[int | float | str | None]


class Sample(NamedTuple):
    """
    An entry of a legend: a sample, and what it is.

    @ivar kind: the class of the sample.
    @ivar path: the sample, in a room of 18 times 10 pixels.
    @ivar text: what it is.
    """

    kind: str
    path: str
    text: str


class Plot(NamedTuple):
    """
    A plot.

    @ivar title: what it shows.
    @ivar unit: the unit of its labels.
    @ivar lanes: its lanes, from top to bottom.
    @ivar layers: what is drawn, one upon the other: the number of the lane, the class,
        and the path.  Each is made when it is its turn.
    @ivar series: its figures.
    @ivar legend: its legend.
    @ivar notes: what else is to be said.
    """

    title: str
    unit: str
    lanes: Sequence[Lane]
    layers: Iterator[tuple[int, str, str]]
    series: Sequence[Series]
    legend: Sequence[Sample]
    notes: Sequence[str] = ()


#: Samples of a legend: an area, and a line.
AREA, LINE = "M0 0H18V10H0Z", "M0 5H18"


def drawn(plot: Plot, scene: Scene) -> Iterator[Markup]:
    """
    Draw a plot, in small steps.

    @return: empty for most steps; the figure at the end.
    """
    layers: list[list[Markup]] = [[] for _ in plot.lanes]
    for number, kind, path in plot.layers:
        if path:
            layers[number].append(element("path", class_=kind, d=path))
        yield Markup("")
    series = [each._asdict() for each in plot.series]
    data = json.dumps(series, separators=(",", ":"))
    yield Markup("")
    figure = element(
        "figure",
        _caption(plot, scene),
        _picture(plot, scene, layers),
        element("output", class_="figures", aria_live="off"),
        class_="plot",
        tabindex=0,
        role="group",
        aria_label=f"{plot.title}: arrow keys give the figures of each time",
        data_series=data,
    )
    yield figure


def _caption(plot: Plot, scene: Scene) -> Markup:
    """
    Write the title, the unit and the legend.
    """
    keys = [
        element(
            "span",
            element(
                "svg",
                element("path", class_=key.kind, d=key.path),
                class_="key",
                width=18,
                height=10,
                aria_hidden="true",
            ),
            asHtml(key.text),
            class_="key",
        )
        for key in plot.legend
    ]
    notes = [element("span", asHtml(each), class_="note") for each in plot.notes]
    return element(
        "figcaption",
        element("strong", asHtml(plot.title)),
        asHtml(" "),
        element("span", asHtml(plot.unit), class_="unit"),
        element("span", *keys, class_="legend"),
        *notes,
        element("span", asHtml(zoneName(scene)), class_="zone"),
    )


def _picture(plot: Plot, scene: Scene, layers: Sequence[Sequence[Markup]]) -> Markup:
    """
    Write the picture.
    """
    last, ticks = plot.lanes[-1], ticksOf(scene)
    bottom = last.top + last.height
    areas = [
        element(
            "svg",
            *paths,
            class_="area",
            y=lane.top,
            width="100%",
            height=lane.height,
            viewBox=f"0 0 {WIDTH} {lane.height * FINE}",
            preserveAspectRatio="none",
        )
        for lane, paths in zip(plot.lanes, layers, strict=True)
    ]
    return element(
        "svg",
        grid(scene, ticks, plot.lanes),
        *areas,
        *marks(scene, bottom),
        element("line", class_="hover", y2=bottom),
        class_="plot",
        width="100%",
        height=heightOf(ticks, plot.lanes),
        xmlns="http://www.w3.org/2000/svg",
        role="img",
        aria_label=", ".join([plot.title, *plot.notes]),
    )
