"""Tests for L{echostamp.web.eventspage}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from echostamp.history.interfaces import EventQuery
from echostamp.monitor.event import Event, Kind
from echostamp.test.apisites import SiteCase
from echostamp.test.histories import FakeHistory, FakeHistoryReader
from echostamp.test.htmlpages import Page
from echostamp.test.plotrows import memoryHistory
from echostamp.times import SECOND
from echostamp.web.eventspage import SHOWN, WantedEvents, wantedEvents

_AT = 1_780_000_000


class WantedTests(SynchronousTestCase):
    """
    Tests for L{wantedEvents}.
    """

    def test_given(self) -> None:
        """All that the form sends is read."""
        query = {b"peer": [b"a/b"], b"kind": [b"down"], b"before": [b"7"]}
        found = wantedEvents(b"/events", {**query, b"zone": [b"Europe/Berlin"]})
        self.assertEqual(
            found, WantedEvents("./", "a/b", False, Kind.DOWN, 7, "Europe/Berlin")
        )
        self.assertEqual(found.asked(), EventQuery(0, 7, "a/b", Kind.DOWN, SHOWN + 1))

    def test_empty(self) -> None:
        """Fields of the form that are empty count as not given."""
        empty = {each: [b""] for each in (b"peer", b"kind", b"before", b"zone")}
        self.assertEqual(wantedEvents(b"/events", empty), WantedEvents("./"))
        self.assertIsNone(WantedEvents("./").asked().peer)

    def test_own(self) -> None:
        """The events of the daemon are those without a peer."""
        found = wantedEvents(b"/events", {b"own": [b"1"], b"peer": [b"ams"]})
        self.assertEqual(found.asked().peer, "")

    def test_wrong(self) -> None:
        """What cannot be used counts as not given."""
        wrong = {b"kind": [b"no"], b"before": [b"-1"]}
        self.assertEqual(wantedEvents(b"/events", wrong), WantedEvents("./"))
        long = {b"before": [b"9" * 5000]}
        self.assertIsNone(wantedEvents(b"/events", long).before)


class EventsPageTests(SiteCase):
    """
    Tests for L{EventsPage <echostamp.web.eventspage.EventsPage>}.
    """

    def setUp(self) -> None:
        """Have more events than a page shows."""
        super().setUp()
        events = [
            Event(Kind.DOWN, f"p{at % 3}", (_AT + at) * SECOND, text=f"event {at}.")
            for at in range(SHOWN + 20)
        ]
        events.append(Event(Kind.STALL, "", (_AT + 999) * SECOND, text="for 2 s"))
        hostile = '"><script>alert(1)</script>'
        events.append(Event(Kind.UP, hostile, (_AT + 1000) * SECOND, text=hostile))
        self.remember(events)

    def remember(self, events: list[Event]) -> None:
        """
        Have events.
        """
        self.source.history = FakeHistoryReader(memoryHistory(events=events))

    def read(self, query: str = "") -> Page:
        """
        Read the page.
        """
        found = self.get(f"/events{query}")
        self.assertEqual(found.status, 200)
        return Page(found.text)

    def rows(self, page: Page) -> int:
        """
        Count the events.
        """
        return [tag for tag, _ in page.elements].count("tr") - 1

    def test_newestFirst(self) -> None:
        """The newest event is the first one."""
        found = self.read().text
        self.assertLess(found.index("for 2 s"), found.index("event 119."))
        self.assertLess(found.index("event 119."), found.index("event 118."))
        self.assertIn("2026-05-28 20:43:19", found)

    def test_pages(self) -> None:
        """A page has a hundred events, and leads to the older ones and back."""
        first = self.read()
        self.assertEqual(self.rows(first), SHOWN)
        (older,) = [each for each in first.links if "before=" in each]
        second = self.read(older.removeprefix("./events"))
        self.assertEqual(self.rows(second), 22)
        self.assertIn("event 0.", second.text)
        self.assertNotIn("older", second.text)
        self.assertIn("./events", second.links)

    def test_filters(self) -> None:
        """The events of one peer, of one kind, and of the daemon."""
        for query, count in (
            ("?peer=p1", 40),
            ("?kind=stall", 1),
            ("?own=1", 1),
            ("?peer=p1&kind=up", 0),
        ):
            page = self.read(query)
            self.assertEqual(max(self.rows(page), 0), count, query)
        self.assertIn("There are none.", page.text)

    def test_form(self) -> None:
        """The form has what was asked for."""
        page = self.read("?peer=p1&kind=down&zone=Europe/Berlin")
        inputs = {
            each["name"]: each.get("value")
            for tag, each in page.elements
            if tag == "input"
        }
        self.assertEqual(inputs, {"peer": "p1", "own": "1", "zone": "Europe/Berlin"})
        chosen = [each for tag, each in page.elements if "selected" in each]
        self.assertEqual([each["value"] for each in chosen], ["down"])

    def test_hostile(self) -> None:
        """Names and texts are text."""
        page = self.read()
        scripts = [each for tag, each in page.elements if tag == "script"]
        self.assertTrue(all(each["src"] for each in scripts))
        self.assertIn('"><script>alert(1)</script>', page.text)

    def test_peerLinks(self) -> None:
        """Peers lead to their pages, in the same zone."""
        page = self.read("?zone=UTC&peer=p2")
        self.assertIn("./peer/p2?zone=UTC", page.links)

    def test_unreadable(self) -> None:
        """If the history cannot be read, the page says why."""
        history = FakeHistory()
        history.error = "no file"
        self.source.history = FakeHistoryReader(history)
        found = self.read().text
        self.assertIn("The history cannot be read: no file", found)
        self.assertNotIn("There are none.", found)

    def test_noZone(self) -> None:
        """A zone that this machine does not know is named, and times are in UTC."""
        found = self.read("?zone=Mars/Phobos").text
        self.assertIn("This machine has no zone 'Mars/Phobos'", found)
        self.assertIn("2026-05-28 20:43:19", found)

    def test_live(self) -> None:
        """The newest events refresh themselves, older ones do not change."""
        tags = [tag for tag, _ in self.read().elements]
        self.assertIn("noscript", tags)
        tags = [tag for tag, _ in self.read("?before=50").elements]
        self.assertNotIn("noscript", tags)
