"""Tests for L{echostamp.plots.plotsection} and what each plot draws."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.history.row import KeptRow
from echostamp.plots.lossplot import lossPlace, lossPlot
from echostamp.plots.offsetplot import offsetPlot
from echostamp.plots.pdvplot import pdvPlot
from echostamp.plots.plotframe import Mark, Scene
from echostamp.plots.plotpaths import FINE, WIDTH, Across
from echostamp.plots.plotsection import plotSection
from echostamp.plots.rttplot import rttPlot
from echostamp.test.plotrows import keptRow, keptRows
from echostamp.times import MILLISECOND

_SVG = "{http://www.w3.org/2000/svg}"

_BEGAN = 1_780_000_000 // 60 * 60
_ENDED = _BEGAN + 3600

_NUMBERS = st.none() | st.integers(-(10**18), 10**18)


def _scene(rows: Sequence[KeptRow], marks: Sequence[Mark] = ()) -> Scene:
    """
    Give an hour.
    """
    return Scene(rows, Across(_BEGAN, _ENDED, 60), marks=marks)


def _section(scene: Scene) -> Element:
    """
    Draw all plots, and read them as XML.
    """
    return ElementTree.fromstring("".join(plotSection(scene)))


def _paths(root: Element, figure: int, kind: str) -> list[str]:
    """
    Give the paths of a class in the area of a figure.
    """
    picture = root.findall("figure")[figure].find(f"{_SVG}svg")
    assert picture is not None
    return [
        each.get("d", "")
        for each in picture.iter(f"{_SVG}path")
        if each.get("class") == kind
    ]


def _heights(path: str) -> set[int]:
    """
    Give how far from the top the points of a line or a band are.
    """
    return {int(each) for each in re.findall(r"[0-9]+ ([0-9]+)", path)}


def _rowsOf(numbers: Sequence[int | None]) -> Iterator[KeptRow]:
    """
    Make odd rows: of each only some fields are known.
    """
    for minute, value in enumerate(numbers):
        size = None if value is None else abs(value)
        yield KeptRow(
            _BEGAN + minute * 60,
            due=1,
            sent=size or 0,
            lostForward=(size or 0) // 3,
            least=size,
            p10=size,
            median=size,
            p90=size,
            most=size,
            pdvForward=size,
            offsetLow=value,
            offset=value,
            offsetHigh=value,
            verdict=minute % 4,
        )


class SectionTests(SynchronousTestCase):
    """
    Tests for L{plotSection}.
    """

    def test_figures(self) -> None:
        """There are four plots, each with a title, a legend or a note, and axes."""
        root = _section(_scene([*keptRows(_BEGAN, _ENDED)]))
        titles = [each.findtext("figcaption/strong") for each in root.findall("figure")]
        self.assertEqual(titles, ["RTT", "Loss", "PDV", "Offset of the far clock"])
        for each in root.findall("figure"):
            self.assertIn("UTC", "".join(each.find("figcaption").itertext()))  # type: ignore[union-attr]

    def test_empty(self) -> None:
        """Without rows the plots are there, and say so."""
        root = _section(_scene([]))
        notes = [each.text for each in root.iter("span") if each.get("class") == "note"]
        self.assertIn("no probe was due", notes)
        self.assertIn("not known", notes)
        self.assertEqual(_paths(root, 0, "median"), [])

    @given(st.lists(_NUMBERS, max_size=60))
    @settings(max_examples=50)
    def test_anyRows(self, values: list[int | None]) -> None:
        """Whatever is kept, the plots are well-formed, and their numbers short."""
        root = _section(_scene([*_rowsOf(values)]))
        self.assertEqual(len(root.findall("figure")), 4)
        for path in root.iter(f"{_SVG}path"):
            numbers = re.findall("[0-9]+", path.get("d", ""))
            self.assertLessEqual(max(map(len, numbers)), len("20000"))

    @given(st.text(), st.sampled_from(["bad", "good", "other"]))
    def test_anyEvent(self, text: str, shape: str) -> None:
        """Whatever an event says is a title, and nothing else."""
        plain = _section(_scene([], [Mark(_BEGAN + 9, shape, "")]))
        root = _section(_scene([], [Mark(_BEGAN + 9, shape, text)]))
        self.assertEqual(
            [each.tag for each in root.iter()], [each.tag for each in plain.iter()]
        )

    def test_series(self) -> None:
        """The script gets the figures of each row."""
        rows = [keptRow(_BEGAN), KeptRow(_BEGAN + 60, due=60)]
        root = _section(_scene(rows))
        self.assertEqual(json.loads(root.get("data-at", "")), [_BEGAN, _BEGAN + 60])
        first = root.find("figure")
        assert first is not None
        median, *_ = json.loads(first.get("data-series", ""))
        self.assertEqual(
            median, {"name": "median", "unit": "ns", "values": [20 * MILLISECOND, None]}
        )

    def test_noInlineStyle(self) -> None:
        """A strict policy allows neither inline styles nor scripts, and needs none."""
        root = _section(_scene([*keptRows(_BEGAN, _ENDED)], [Mark(_BEGAN, "bad", "x")]))
        for each in root.iter():
            self.assertNotIn("style", each.attrib)
            self.assertNotIn(each.tag.rpartition("}")[2], ("script", "style"))
            self.assertFalse([key for key in each.attrib if key.startswith("on")])

    def test_smallSteps(self) -> None:
        """A plot is drawn in many steps: most give nothing yet."""
        pieces = list(plotSection(_scene([*keptRows(_BEGAN, _ENDED)])))
        self.assertGreater(pieces.count(""), 20)


class MarkTests(SynchronousTestCase):
    """
    Tests for events on the time axis.
    """

    def marks(self, *found: Mark) -> list[tuple[str | None, str | None]]:
        """
        Give the class and the title of each mark of the first plot.
        """
        figure = _section(_scene([], found)).find("figure")
        assert figure is not None
        return [
            (path.get("class"), path.findtext(f"{_SVG}title"))
            for path in figure.iter(f"{_SVG}path")
            if (path.get("class") or "").startswith("event")
        ]

    def test_apart(self) -> None:
        """Each event has a mark with a title."""
        found = self.marks(
            Mark(_BEGAN + 600, "bad", "down"), Mark(_BEGAN + 1200, "good", "up")
        )
        self.assertEqual(found, [("event bad", "down"), ("event good", "up")])

    def test_together(self) -> None:
        """Events that are too near share a mark, which looks like the worst one."""
        events = [Mark(_BEGAN + each, "good", f"up {each}") for each in range(7)]
        found = self.marks(*events, Mark(_BEGAN + 8, "bad", "down"))
        self.assertEqual(
            found, [("event bad", "up 0\nup 1\nup 2\nup 3\nup 4\nand 3 more")]
        )


class RttTests(SynchronousTestCase):
    """
    Tests for L{rttPlot}.
    """

    def test_gap(self) -> None:
        """A row without RTTs interrupts the line and the smoke, as a missing one."""
        rows = [keptRow(_BEGAN + 60 * each) for each in range(10)]
        rows[4] = KeptRow(rows[4].at, due=60, sent=60, lostUnknown=60)
        del rows[7]
        root = _section(_scene(rows))
        for kind in "median", "smoke outer", "smoke middle", "smoke inner":
            (path,) = _paths(root, 0, kind)
            self.assertEqual(path.count("M"), 3, kind)

    def test_smoke(self) -> None:
        """Each part of the smoke is between the quantiles that the legend says."""
        values = [each * MILLISECOND for each in range(1, 8)]
        least, p10, p25, median, p75, p90, most = values
        row = KeptRow(_BEGAN, 60, 60, 60, least=least, median=median, most=most)
        plot = rttPlot(_scene([row._replace(p10=p10, p25=p25, p75=p75, p90=p90)]))
        layers = {kind: path for _, kind, path in plot.layers}
        for kind, low, high in (
            ("smoke outer", least, most),
            ("smoke middle", p10, p90),
            ("smoke inner", p25, p75),
            ("median", median, median),
        ):
            places = {plot.lanes[0].y(each) for each in (low, high)}
            self.assertEqual(_heights(layers[kind]), places, kind)

    def test_fromZero(self) -> None:
        """The axis begins at zero."""
        plot = rttPlot(_scene([*keptRows(_BEGAN, _ENDED)]))
        self.assertEqual(plot.lanes[0].low, 0)
        self.assertEqual((plot.unit, plot.notes), ("ms", ()))

    def test_outlier(self) -> None:
        """An outlier is marked at the upper end, named in a note, and does not flatten
        the others."""
        rows = [*keptRows(_BEGAN, _ENDED)]
        rows[30] = rows[30]._replace(most=2000 * MILLISECOND)
        scene = _scene(rows)
        plot = rttPlot(scene)
        self.assertLessEqual(plot.lanes[0].high, 60 * MILLISECOND)
        self.assertEqual(plot.notes, ("1 point goes beyond the scale, up to 2.000 s",))
        (mark,) = _paths(_section(scene), 0, "beyond")
        across = scene.across
        first, last = across.x(rows[30].at), across.x(rows[31].at)
        self.assertEqual(mark, f"M{first} {FINE}H{last}")


class LossTests(SynchronousTestCase):
    """
    Tests for L{lossPlot}.
    """

    def test_scale(self) -> None:
        """From one lost probe of a thousand to all of them, losses are seen."""
        self.assertEqual((lossPlace(0), lossPlace(100)), (0, 1))
        self.assertGreater(lossPlace(0.1), 0.09)

    def test_ways(self) -> None:
        """Each way has a lane of its own, with its name; and so have probes that could
        not be sent."""
        row = keptRow(_BEGAN)._replace(due=100, lostForward=6, lostBackward=3)
        plot = lossPlot(_scene([row]))
        titles = [each.title for each in plot.lanes]
        self.assertEqual(
            titles,
            ["lost forward", "lost backward", "lost, direction unknown", "not sent"],
        )
        drawn = {lane: path for lane, kind, path in plot.layers if kind == "loss"}
        self.assertEqual([bool(drawn[each]) for each in range(4)], [1, 1, 0, 1])
        shares = [each.values for each in plot.series]
        self.assertEqual(shares, [[6.0], [3.0], [0.0], [40.0], [100]])
        self.assertEqual(plot.notes, ["9 probes lost, 40 not sent, 100 due"])

    def test_none(self) -> None:
        """A gap, in which nothing was due, does not look like a time without loss."""
        rows = [keptRow(_BEGAN), KeptRow(_BEGAN + 60), keptRow(_BEGAN + 120)]
        layers = lossPlot(_scene(rows)).layers
        probed = [path for _, kind, path in layers if kind == "probed"]
        self.assertEqual([path.count("M") for path in probed], [2, 2, 2, 2])

    def test_refused(self) -> None:
        """A peer to which no probe can be sent is seen at once."""
        plot = lossPlot(_scene([KeptRow(_BEGAN, due=60)]))
        self.assertEqual(plot.series[3].values, [100.0])

    def test_late(self) -> None:
        """Probes may be known as lost in the minute after theirs: there are never more
        than all."""
        plot = lossPlot(_scene([KeptRow(_BEGAN, due=1, sent=1, lostForward=3)]))
        self.assertEqual(plot.series[0].values, [100.0])


class PdvTests(SynchronousTestCase):
    """
    Tests for L{pdvPlot}.
    """

    def test_oneScale(self) -> None:
        """Both ways have the same scale, so that they can be compared."""
        plot = pdvPlot(_scene([*keptRows(_BEGAN, _ENDED)]))
        first, second = plot.lanes
        self.assertEqual((first.low, first.high), (second.low, second.high))
        self.assertEqual((first.title, second.title), ("forward", "backward"))

    def test_bounds(self) -> None:
        """Of each way there is a line at the median, and a band from zero to p99."""
        plot = pdvPlot(_scene([keptRow(_BEGAN)]))
        row, lane = keptRow(_BEGAN), plot.lanes[0]
        layers = {kind: path for number, kind, path in plot.layers if not number}
        medians, p99s = [row.pdvForward or 0], [0, row.pdvForwardP99 or 0]
        self.assertEqual(_heights(layers["median"]), {*map(lane.y, medians)})
        self.assertEqual(_heights(layers["smoke middle"]), {*map(lane.y, p99s)})

    def test_unknown(self) -> None:
        """Where one-way delays are not known, it says so."""
        plot = pdvPlot(_scene([KeptRow(_BEGAN, median=5)]))
        self.assertEqual(plot.notes, ("not known: it needs the one-way delays",))


class OffsetTests(SynchronousTestCase):
    """
    Tests for L{offsetPlot}.
    """

    def test_band(self) -> None:
        """The offset is a band with a line in it, and zero is drawn where it is on the
        scale."""
        scene = _scene([*keptRows(_BEGAN, _ENDED)])
        layers = {kind: path for _, kind, path in offsetPlot(scene).layers}
        self.assertIn("Z", layers["band"])
        self.assertNotIn("Z", layers["median"])
        self.assertTrue(layers["zero"].endswith(f"H{WIDTH}"))
        far = dict.fromkeys(("offsetLow", "offset", "offsetHigh"), 10**9)
        rows = [each._replace(**far) for each in scene.rows]
        kinds = [kind for _, kind, _ in offsetPlot(_scene(rows)).layers]
        self.assertIn("band", kinds)
        self.assertNotIn("zero", kinds)

    def test_verdicts(self) -> None:
        """Where the bounds do not fit, a mark and a note say so."""
        rows = [*keptRows(_BEGAN, _ENDED)]
        rows[5], rows[6] = rows[5]._replace(verdict=3), rows[6]._replace(verdict=2)
        plot = offsetPlot(_scene(rows))
        self.assertEqual(
            plot.notes,
            ["1 point where it does not fit", "1 point where it fits barely"],
        )
        layers = {kind: path for _, kind, path in plot.layers}
        self.assertEqual(layers["verdict misfit"].count("M"), 1)
        self.assertEqual(layers["verdict barely"].count("M"), 1)
        *_, verdicts = plot.series
        self.assertEqual(verdicts.values[4:7], ["fits", "does not fit", "fits barely"])

    def test_beyond(self) -> None:
        """Bounds that say little are marked at the ends of the scale."""
        rows = [*keptRows(_BEGAN, _ENDED)]
        wide = 10**12
        rows[9] = rows[9]._replace(offsetLow=-wide, offsetHigh=wide)
        plot = offsetPlot(_scene(rows))
        self.assertEqual(plot.notes, ["1 point goes beyond the scale"])
        marks = [path for _, kind, path in plot.layers if kind == "beyond"]
        self.assertEqual([each.count("M") for each in marks], [1, 1])
