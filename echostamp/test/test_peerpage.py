"""Tests for L{echostamp.web.peerpage}."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urljoin

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.history.interfaces import IHistory
from echostamp.monitor.event import Event, Kind
from echostamp.test.fakes import FakeReactor
from echostamp.test.histories import FakeHistory, FakeHistoryReader
from echostamp.test.htmlpages import Page
from echostamp.test.plotrows import keptRows, memoryHistory
from echostamp.test.snapshots import fullPeer, newPeer
from echostamp.test.webclients import Answer, FakeSource, FakeWatched, WebClient
from echostamp.times import SECOND
from echostamp.web.bodies import BodyAnswers
from echostamp.web.peerpage import PeerPage
from echostamp.web.site import WebSite

#: The present, which is a whole minute.
_NOW = 1_780_000_020


class PageCase(SynchronousTestCase):
    """
    A site with the page of a peer.
    """

    def setUp(self) -> None:
        """Make a site."""
        self.reactor = FakeReactor()
        self.source = FakeSource(["ams"])
        events = [
            Event(Kind.DOWN, "ams", (_NOW - 1800) * SECOND, text="no reply for 4 s"),
            Event(Kind.UP, "ams", (_NOW - 1700) * SECOND, text="down for 100 s"),
        ]
        rows = [*keptRows(_NOW - 3600, _NOW)]
        self.remember(memoryHistory("ams", rows, events))
        self.page = PeerPage(
            self.reactor, self.source, BodyAnswers(self.reactor), lambda: _NOW
        )
        self.client = WebClient(
            WebSite(self.reactor, {b"/peer/": self.page}), self.reactor
        )

    def remember(self, history: IHistory) -> None:
        """
        Use a history.
        """
        self.source.history = FakeHistoryReader(history)

    def work(self) -> None:
        """
        Run the turns until nothing is left to do at once.
        """
        while any(each.getTime() <= self.reactor.seconds() for each in self.calls()):
            self.reactor.advance(0)
            self.client.connection.turn()

    def calls(self) -> Sequence[Any]:
        """
        Give the timers.
        """
        return self.reactor.getDelayedCalls()

    def get(self, path: str) -> Answer:
        """
        Ask for a page.
        """
        self.client.get(path)
        self.work()
        return self.client.answer()

    def read(self, path: str = "/peer/ams") -> Page:
        """
        Ask for a page that there is, and read it.
        """
        found = self.get(path)
        self.assertEqual(found.status, 200, path)
        return Page(found.text)


class PeerPageTests(PageCase):
    """
    Tests for L{PeerPage}.
    """

    def test_now(self) -> None:
        """The page says how the peer is: its state, target, address, labels, and the
        full report of the last minute."""
        found = self.read().text
        for text in (
            "up since 2025-06-15 15:06:40",
            "stamp:ams.example",
            "192.0.2.1:862",
            "60 sent, 60 received, 0 % loss",
            "drift",
            "max-offset",
            "source ports2",
            "outages18, down for 19.000 s in all",
            "certificate expires2027-01-15 08:00:00",
        ):
            self.assertIn(text, found)

    def test_exceeded(self) -> None:
        """A threshold that is exceeded is marked, and says since when, and why."""
        snapshot = replace(
            fullPeer("ams"),
            exceeded=(("max-loss", "3 % of 60"),),
            exceededSince={"max-loss": 1_750_000_000 * 10**9},
        )
        self.source.peers["ams"] = FakeWatched(snapshot)
        found = self.read()
        rows = [each["class"] for tag, each in found.elements if tag == "tr" and each]
        self.assertEqual(rows.count("exceeded"), 1)
        self.assertIn("nameofat mostnow", found.text)
        self.assertIn("! exceeded since 2025-06-15 15:06:40: 3 % of 60", found.text)

    def test_new(self) -> None:
        """A peer of which nothing is known has a page."""
        self.source.peers["new"] = FakeWatched(newPeer("new"))
        found = self.read("/peer/new").text
        for text in "its name has no address", "No probe was due yet.", "None is set.":
            self.assertIn(text, found)

    def test_plots(self) -> None:
        """The plots are within the page, and show the span that is asked for."""
        for name, length in ("1h", 3600), ("24h", 86400), ("7d", 604_800):
            found = self.read(f"/peer/ams?range={name}")
            (section,) = [each for tag, each in found.elements if tag == "section"]
            began, ended = (
                int(section["data-from"] or ""),
                int(section["data-to"] or ""),
            )
            self.assertEqual((began, ended), (_NOW - length, _NOW))
            figures = [tag for tag, _ in found.elements if tag == "figure"]
            self.assertEqual(len(figures), 4)

    def test_events(self) -> None:
        """The last events are listed, the newest first, and are marks."""
        found = self.read().text
        self.assertLess(found.index("down for 100 s"), found.rindex("no reply for 4 s"))
        self.assertIn("2026-05-28 19:57:00 down: no reply for 4 s", found)

    def test_zone(self) -> None:
        """Times are in the zone that is asked for, and links keep it."""
        found = self.read("/peer/ams?zone=Europe/Berlin")
        self.assertIn("up since 2025-06-15 17:06:40", found.text)
        self.assertIn("Europe/Berlin (UTC+02:00)", found.text)
        ranges = [each for each in found.links if "range=7d" in each]
        self.assertEqual(ranges, ["../peer/ams?range=7d&zone=Europe%2FBerlin"])

    def test_noZone(self) -> None:
        """A zone that this machine does not know is named, and times are in UTC."""
        found = self.read("/peer/ams?zone=Mars/%3Cb%3E").text
        self.assertIn("This machine has no zone 'Mars/<b>': times are in UTC.", found)
        self.assertIn("up since 2025-06-15 15:06:40", found)

    def test_links(self) -> None:
        """All links are relative; those to the data have the same span."""
        found = self.read("/peer/ams?range=1h")
        for each in found.links:
            self.assertTrue(each.startswith("../"), each)
        query = f"peer=ams&from={_NOW - 3600}&to={_NOW}"
        self.assertIn(f"../api/v1/history?{query}", found.links)
        self.assertIn(f"../api/v1/history?{query}&format=csv", found.links)
        for path, root in (("/peer/a/b", "../../"), ("/peer/a%2Fb", "../")):
            self.source.peers["a/b"] = FakeWatched(fullPeer("a/b"))
            found = self.read(path)
            self.assertEqual(found.links[0], root)
            again = urljoin(f"http://host{path}", found.links[4])
            self.assertEqual(again, "http://host/peer/a/b?range=1h")

    def test_named(self) -> None:
        """What is named for screen readers only has a name of plain words."""
        found = self.read("/peer/ams?range=1h").elements
        names = [each["aria-label"] for _, each in found if "aria-label" in each]
        self.assertIn("Span of time", names)
        self.assertIn("Report of 60 probes", names)

    def test_earlier(self) -> None:
        """A page of an earlier span leads on, and does not refresh itself."""
        found = self.read(f"/peer/ams?range=1h&to={_NOW - 7200}")
        self.assertIn(f"../peer/ams?range=1h&to={_NOW - 10800}", found.links)
        self.assertIn(f"../peer/ams?range=1h&to={_NOW - 3600}", found.links)
        self.assertIn(f"../peer/ams?range=7d&to={_NOW - 7200}", found.links)
        kept = {"type": "hidden", "name": "to", "value": f"{_NOW - 7200}"}
        self.assertIn(("input", kept), found.elements)
        self.assertNotIn("noscript", [tag for tag, _ in found.elements])
        live = self.read("/peer/ams?range=1h")
        self.assertIn(
            {"http-equiv": "refresh", "content": "60"},
            [each for tag, each in live.elements if tag == "meta"],
        )

    def test_gone(self) -> None:
        """A peer that is not watched any more is shown from the history."""
        del self.source.peers["ams"]
        found = self.read()
        self.assertIn("This peer is not watched.", found.text)
        self.assertEqual([tag for tag, _ in found.elements].count("figure"), 4)

    def test_missing(self) -> None:
        """A peer that never was is not found, and the page leads home."""
        answer = self.get("/peer/%3Cscript%3E/x")
        self.assertEqual(answer.status, 404)
        found = Page(answer.text)
        self.assertIn("There is no peer <script>/x.", found.text)
        self.assertIn("../../", found.links)

    def test_noHistory(self) -> None:
        """Without a file of the history the page says how to get plots, and has the
        events that the daemon remembers."""
        self.source.hasHistory = False
        found = self.read()
        self.assertIn("Start the daemon with --history FILE", found.text)
        self.assertIn("down for 100 s", found.text)
        self.assertNotIn("section", [tag for tag, _ in found.elements])

    def test_unreadable(self) -> None:
        """If the history cannot be read, the page says why, and shows the present; a
        page that is open says so when it renews itself."""
        text = self.get("/peer/ams?range=1h").text
        self.assertIn('<div data-part="error"></div>', text)
        history = FakeHistory()
        history.error = "/var/<history>: Input/output error"
        self.remember(history)
        text = self.get("/peer/ams").text
        self.assertIn('<div data-part="error"><p class="error">', text)
        found = Page(text).text
        self.assertIn(f"The history cannot be read: {history.error}", found)
        self.assertNotIn("None is kept.", found)
        self.assertIn("up since", found)

    def test_headers(self) -> None:
        """The page may load what is of this site, and nothing else."""
        found = self.get("/peer/ams")
        policy = found.headers["content-security-policy"]
        self.assertNotIn("unsafe", policy)
        self.assertIn("script-src 'self'", policy)
        self.assertEqual(found.headers["content-type"], "text/html; charset=utf-8")
        for tag, attributes in Page(found.text).elements:
            self.assertNotIn("style", attributes, tag)
            self.assertFalse([each for each in attributes if each.startswith("on")])
            self.assertTrue(tag != "script" or attributes["src"])

    def test_anyTime(self) -> None:
        """A span may be long before, and long after."""
        for to in 0, 1, 9_000_000_000:
            found = self.read(f"/peer/ams?range=90d&to={to}&zone=Asia/Kolkata")
            self.assertIn("no probe was due", found.text)

    def test_head(self) -> None:
        """HEAD has the headers, and no body."""
        self.client.get("/peer/ams", method="HEAD")
        self.work()
        found = self.client.answer(hasBody=False)
        self.assertEqual(found.status, 200)
        self.assertEqual(found.headers["content-type"], "text/html; charset=utf-8")

    def test_shared(self) -> None:
        """200 browsers that ask at once cost one page."""
        clients = [
            WebClient(WebSite(self.reactor, {b"/peer/": self.page}), self.reactor)
            for _ in range(200)
        ]
        for each in clients:
            each.get("/peer/ams")
        self.work()
        for each in clients:
            each.connection.turn()
        bodies = {each.answer().body for each in clients}
        self.assertEqual(len(bodies), 1)
        self.assertEqual(self.source.peers["ams"].asked, 1)

    def test_left(self) -> None:
        """A browser that goes while the history is read harms nobody."""
        reader = FakeHistoryReader(memoryHistory())
        self.source.history = reader
        waiting = reader.hold()
        self.client.get("/peer/ams")
        self.client.leave()
        waiting[0]()
        self.work()
        self.assertEqual(self.flushLoggedErrors(), [])

    @given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=64))
    @settings(max_examples=60)
    def test_hostile(self, name: str) -> None:
        """Whatever a name is, its page parses, and shows it as text."""
        if {".", ".."}.intersection(name.split("/")):
            # Browsers take these out of a path.
            return
        self.source.peers[name] = FakeWatched(
            fullPeer(name, (("site", name), ("other", f"</p>{name}")))
        )
        found = self.read(f"/peer/{quote(name)}")
        plain = self.read("/peer/ams")
        self.assertEqual(
            [tag for tag, _ in found.elements if tag in ("script", "style", "img")],
            [tag for tag, _ in plain.elements if tag in ("script", "style", "img")],
        )
