"""Tests that C{docs/api.rst} and C{docs/api.schema.json} agree with the program."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SkipTest, SynchronousTestCase

import echostamp
from echostamp.history.memory import MOST_EVENTS as MOST_IN_MEMORY
from echostamp.history.row import DAY
from echostamp.history.steps import MOST_POINTS
from echostamp.measure.verdicts import VERDICTS
from echostamp.monitor.event import Kind
from echostamp.test.fakes import FakeReactor
from echostamp.test.webclients import FakeSource
from echostamp.times import SECOND
from echostamp.web.apihistory import (
    MOST_EVENTS,
    OF_EVENTS,
    OF_HISTORY,
    USUAL_SPAN,
)
from echostamp.web.ownrow import FRESH
from echostamp.web.query import Parameter, readTime
from echostamp.web.rowdata import PeerState
from echostamp.web.rowdocument import LONGEST_NAME, THRESHOLDS
from echostamp.web.site import webPages
from echostamp.web.weeks import OLD, PAUSE

DOCS = Path(echostamp.__file__).parents[1] / "docs"


def read(name: str) -> str:
    """
    Read a file.

    @raise SkipTest: the package is installed without it.
    """
    try:
        return (DOCS / name).read_text("utf-8")
    except FileNotFoundError:
        raise SkipTest("no docs here") from None


def schema(name: str) -> Any:
    """
    Read a schema.
    """
    return json.loads(read(name))


def section(path: str) -> str:
    """
    Give the part of the page about a path.
    """
    title = f"``{path}``"
    _, _, rest = read("api.rst").partition(f"\n{title}\n{'=' * len(title)}\n")
    return re.split(r"\n\n\n", rest)[0]


def parameters(path: str) -> list[tuple[str, str]]:
    """
    Give the parameters of a path, and their defaults, as the page has them.
    """
    cells = re.findall(r"^   \* - (.*)\n     - .*\n     -(.*)$", section(path), re.M)
    return [(name.strip("`"), default.strip()) for name, default in cells[1:]]


class PageTests(SynchronousTestCase):
    """
    Tests for the page.
    """

    def assertListed(self, path: str, known: tuple[Parameter, ...]) -> None:
        """Check that the page has exactly the parameters of a path."""
        expected = []
        for each in known:
            default = "" if each.default is None else str(each.default)
            expected.append((each.name, "needed" if each.isNeeded else default))
        self.assertEqual(parameters(path), expected)

    def test_parameters(self) -> None:
        """The page has each parameter, in order, with its default, and no other."""
        self.assertListed("/api/v1/events", OF_EVENTS)
        self.assertListed("/api/v1/history", OF_HISTORY)

    def test_paths(self) -> None:
        """Each path has a section, and each section a page."""
        paths = webPages(FakeReactor(), FakeSource())
        found = set(re.findall(r"^``(/api/.*)``$", read("api.rst"), re.M))
        expected = {
            each.decode() + "NAME" * each.endswith(b"/")
            for each in paths
            if each.startswith(b"/api/")
        }
        self.assertEqual(found, expected)

    def test_figures(self) -> None:
        """The figures are those of the program."""
        peers, events = section("/api/v1/peers"), section("/api/v1/events")
        history = section("/api/v1/history")
        self.assertIn(f"at most {FRESH // SECOND} seconds old", peers)
        self.assertEqual((PAUSE, OLD), (0.5, 3600))
        self.assertIn("two in a second, and again after an hour", peers)
        self.assertIn(f"1 to {MOST_EVENTS}\n", events)
        self.assertIn(f"the last {MOST_IN_MEMORY:,} are kept", events)
        self.assertIn(f"at most {MOST_POINTS:,} points", history)
        self.assertEqual(USUAL_SPAN, DAY)
        self.assertIn("a day before ``to``", history)

    def test_values(self) -> None:
        """The page has each state and each verdict, and its times can be read."""
        for state in PeerState:
            self.assertIn(f"``{state.value}``", section("/api/v1/peers"))
        history = section("/api/v1/history")
        for verdict in VERDICTS:
            self.assertIn(f"``{verdict}``", history)
        times = re.findall(r"``(\d{4}-\S+)``", history)
        self.assertEqual(len(times), 2)
        self.assertEqual(len({readTime(each) for each in times}), 1)


class SchemaTests(SynchronousTestCase):
    """
    Tests for the schema.
    """

    def setUp(self) -> None:
        """Read it."""
        self.defs = schema("api.schema.json")["$defs"]

    def test_sameAsPing(self) -> None:
        """What C{ping} and C{watch} have, too, has the same words."""
        pings = schema("ping.schema.json")["$defs"]
        watched = schema("watch.schema.json")
        for name in "time", "span", "duration", "count", "summary", "range", "oneWay":
            self.assertEqual(self.defs[name], pings[name], name)
        self.assertEqual(self.defs["offset"], pings["offset"])
        self.assertEqual(self.defs["totals"], watched["$defs"]["totals"])
        stats = dict(self.defs["stats"]["properties"])
        del stats["due"]
        self.assertEqual(stats, watched["$defs"]["stats"]["properties"])
        peer = self.defs["peer"]["properties"]
        for name in "address", "transport", "resolved", "downs", "down_for":
            self.assertEqual(peer[name], watched["properties"][name], name)
        self.assertEqual(peer["why"], watched["properties"]["exceeded"])

    def test_sameInBoth(self) -> None:
        """A peer has what it has in short, in the same words, but for the figures."""
        peer = self.defs["peer"]["properties"]
        for name, found in self.defs["peerInShort"]["properties"].items():
            if name != "stats":
                self.assertEqual(peer[name], found, name)

    def test_sameAsEvents(self) -> None:
        """An event is that of the file of events, and has a number."""
        events = schema("events.schema.json")
        found = dict(self.defs["event"]["properties"])
        del found["number"]
        self.assertEqual(found, events["properties"])
        kinds = found["event"]["enum"]
        self.assertEqual(kinds, [each.value for each in Kind])

    def test_values(self) -> None:
        """It has the values that the program has."""
        short = self.defs["peerInShort"]["properties"]
        states = set(short["state"]["enum"])
        self.assertEqual(states, {each.value for each in PeerState})
        self.assertEqual(short["exceeded"]["items"]["enum"], list(THRESHOLDS))
        self.assertEqual(list(short["thresholds"]["properties"]), list(THRESHOLDS))
        self.assertEqual(short["name"]["maxLength"], LONGEST_NAME)
        events = self.defs["events"]["properties"]["events"]
        self.assertEqual(events["maxItems"], MOST_EVENTS)
        points = self.defs["history"]["properties"]["points"]
        self.assertEqual(points["maxItems"], MOST_POINTS)
