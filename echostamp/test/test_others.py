"""Tests for L{echostamp.web.others}."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from echostamp.connect.tls import TlsFiles
from echostamp.monitor.peer import WebPlace
from echostamp.test.fakes import FakeReactor
from echostamp.test.rowsamples import fullFigures
from echostamp.test.webservers import FakeWebServer, webAnswer
from echostamp.times import SECOND
from echostamp.web.others import (
    AT_ONCE,
    ATTENTION,
    INTERVAL,
    MOST_MARKS,
    NOT_READ,
    Others,
)
from echostamp.web.rowdata import SourceRow
from echostamp.web.rowdocument import rowPieces

#: When the tests begin, in nanoseconds since the UNIX epoch.
BEGIN = 1_700_000_000 * SECOND


def rowOf(name: str, *peers: str) -> bytes:
    """Write the row of a daemon."""
    figures = {each: fullFigures(each) for each in peers}
    row = SourceRow(name, figures, BEGIN - 60 * SECOND)
    return "".join(rowPieces(row, "1.0")).encode()


class FakeFetches:
    """
    Fetches what a test says.

    @ivar begun: the fetches that are going on, in order, with the URLs.
    """

    def __init__(self) -> None:
        self.begun: list[tuple[str, Deferred[bytes]]] = []

    def __call__(self, place: WebPlace) -> Any:
        """Make what fetches a row."""

        def fetch() -> Deferred[bytes]:
            fetching: Deferred[bytes] = Deferred()
            self.begun.append((place.url, fetching))
            return fetching

        return fetch

    def answer(self, answer: bytes | Exception) -> str:
        """End the first one; give its URL."""
        url, fetching = self.begun.pop(0)
        if isinstance(answer, bytes):
            fetching.callback(answer)
        else:
            fetching.errback(answer)
        return url


class OthersCase(SynchronousTestCase):
    """
    Somebody looks at the rows of other daemons.
    """

    def setUp(self) -> None:
        """Make the rows of two daemons; this is a third one."""
        self.reactor = FakeReactor()
        self.fetches = FakeFetches()
        self.selfName = "fra"
        self.places = {each: self.place(each) for each in ("ams", "fra", "lon")}
        self.others = self.make()

    def webs(self) -> dict[str, WebPlace]:
        """Give where the rows are."""
        return self.places

    def place(self, name: str) -> WebPlace:
        """Give where the row of a daemon is."""
        return WebPlace(f"http://{name}:9862")

    def make(self, **more: Any) -> Others:
        """Make what is tested."""
        return Others(
            self.reactor,
            self,
            clock=lambda: BEGIN + int(self.reactor.seconds() * SECOND),
            **{"fetcher": self.fetches, **more},
        )

    def rows(self) -> dict[str, SourceRow]:
        """Look."""
        return {each.source: each for each in self.others.rows()}

    def known(self) -> dict[str, SourceRow]:
        """Look, once what was answered has been read, in however many slices."""
        now, calls = self.reactor.seconds(), self.reactor.getDelayedCalls
        while any(each.getTime() <= now for each in calls()):
            self.reactor.advance(0)
        return self.rows()

    def asked(self) -> list[str]:
        """Give which daemons are being asked."""
        return [url[7:].partition(":")[0] for url, _ in self.fetches.begun]


class RowTests(OthersCase):
    """
    What a row says.
    """

    def test_first(self) -> None:
        """At first nothing is known, and the daemons are asked, but not this one."""
        rows = self.others.rows()
        expected = [
            SourceRow(each, url=f"http://{each}:9862", why=NOT_READ)
            for each in ("ams", "lon")
        ]
        self.assertEqual(rows, expected)
        self.assertEqual(self.asked(), ["ams", "lon"])

    def test_read(self) -> None:
        """A row that was read is known, and when that was by our clock."""
        self.rows()
        self.reactor.advance(2)
        self.fetches.answer(rowOf("ams", "fra", "lon"))
        row = self.known()["ams"]
        self.assertEqual(
            row,
            SourceRow(
                "ams",
                {each: fullFigures(each) for each in ("fra", "lon")},
                BEGIN + 2 * SECOND,
                "http://ams:9862",
            ),
        )

    def test_heard(self) -> None:
        """What is done with a new row is done in turns, before its daemon is asked
        again."""
        heard: list[SourceRow] = []
        waits = [None] * 3

        def look(row: SourceRow) -> Iterator[None]:
            heard.append(row)
            while waits:
                waits.pop()
                yield

        self.others.heard = look
        self.rows()
        self.fetches.answer(rowOf("ams", "fra"))
        row = self.known()["ams"]
        self.reactor.advance(0)
        self.assertEqual(waits, [])
        self.assertIs(heard[0], row)

    def test_heardFails(self) -> None:
        """If that fails, the row says so, and the daemon is asked again."""

        def look(row: SourceRow) -> Iterator[None]:
            yield
            raise RuntimeError("broken on purpose")

        self.others.heard = look
        self.rows()
        self.fetches.answer(rowOf("ams", "fra"))
        self.assertEqual(self.known()["ams"].why, "an error: see the log")
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.reactor.advance(INTERVAL)
        self.assertIn("ams", self.asked())

    def test_otherName(self) -> None:
        """A daemon has its name in our files.  If it calls itself otherwise, that is
        said beside its row; one without a name is none."""
        for name, why in [
            ("ams1", "it calls itself ams1"),
            ("", ""),
            ("ams", ""),
        ]:
            self.rows()
            self.fetches.answer(rowOf(name, "fra"))
            row = self.known()["ams"]
            self.assertEqual((row.source, row.why), ("ams", why))
            self.assertEqual(list(row.peers), ["fra"])
            self.assertIsNone(row.silentSince)
            self.fetches.answer(ValueError("no"))
            self.reactor.advance(INTERVAL)

    def test_silent(self) -> None:
        """A daemon that does not answer is silent since its first failure, and why is
        that of the last one.  Its last row stays."""
        self.rows()
        self.fetches.answer(ValueError("Connection refused"))
        row = self.known()["ams"]
        self.assertEqual((row.at, row.why), (None, "Connection refused"))
        self.assertEqual(row.silentSince, BEGIN)
        self.fetches.answer(rowOf("lon", "ams"))
        read = self.known()["lon"]
        for number in 1, 2:
            self.reactor.advance(INTERVAL)
            self.rows()
            self.fetches.answer(ValueError(f"no {number}"))
            self.fetches.answer(ValueError(f"no\n{number}"))
        rows = self.known()
        self.assertEqual(rows["ams"].silentSince, BEGIN)
        self.assertEqual(rows["ams"].why, "no 2")
        since = BEGIN + 10 * SECOND
        self.assertEqual(rows["lon"], read._replace(why=r"no\n2", silentSince=since))
        self.reactor.advance(INTERVAL)
        self.fetches.answer(rowOf("ams"))
        self.fetches.answer(rowOf("lon"))
        for row in self.known().values():
            self.assertEqual((row.why, row.silentSince), ("", None))
            self.assertEqual(row.at, BEGIN + 30 * SECOND)
            self.assertEqual(row.peers, {})

    def test_wrongRow(self) -> None:
        """What is no row is an error."""
        for text in b"", b"<html>", b"[]", b"{}", rowOf("ams", "fra")[:-9]:
            self.rows()
            self.fetches.answer(text)
            row = self.known()["ams"]
            self.assertNotIn(row.why, ("", NOT_READ))
            self.assertEqual(row.silentSince, BEGIN)
            self.fetches.answer(ValueError("no"))
            self.reactor.advance(INTERVAL)

    def test_bug(self) -> None:
        """An error of ours is logged, and the daemon is asked again."""
        self.rows()
        self.fetches.answer(ZeroDivisionError("x"))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(self.known()["ams"].why, "an error: see the log")
        self.fetches.answer(ValueError("no"))
        self.reactor.advance(INTERVAL)
        self.assertEqual(self.asked(), ["ams", "lon"])

    def test_manyValues(self) -> None:
        """A row that would take long to parse is not parsed."""
        for text in b"[" * MOST_MARKS, b"{}," * MOST_MARKS, b"1," * MOST_MARKS:
            self.rows()
            self.fetches.answer(b"[" + text + b"1]")
            self.assertEqual(self.known()["ams"].why, "its row has too many values")
            self.fetches.answer(ValueError("no"))
            self.reactor.advance(INTERVAL)

    def test_longRow(self) -> None:
        """A long row is read in several turns of the event loop."""
        self.rows()
        self.fetches.answer(rowOf("ams", *map(str, range(1000))))
        self.assertEqual(self.rows()["ams"].why, NOT_READ)
        turns = 0
        while self.rows()["ams"].why:
            self.reactor.advance(0)
            turns += 1
        self.assertGreater(turns, 3)


class TurnTests(OthersCase):
    """
    When daemons are asked.
    """

    def test_interval(self) -> None:
        """A daemon is asked every ten seconds, however often somebody looks, and
        however long the answer takes."""
        for seconds in range(30):
            if seconds % 10 == 3:
                while self.fetches.begun:
                    self.fetches.answer(rowOf(""))
            self.rows()
            self.rows()
            expected = ["ams", "lon"] if seconds % 10 < 3 else []
            self.assertEqual(self.asked(), expected, seconds)
            self.reactor.advance(1)

    def test_lateAnswer(self) -> None:
        """A daemon is not asked again before it has answered."""
        self.rows()
        for _ in range(3):
            self.reactor.advance(INTERVAL)
            self.rows()
        self.assertEqual(self.asked(), ["ams", "lon"])
        self.fetches.answer(rowOf(""))
        self.reactor.fromTimerToTimer(0.1)
        self.assertEqual(self.asked(), ["lon", "ams"])

    def test_attention(self) -> None:
        """After the last look rows are read for half a minute, and not longer."""
        self.rows()
        count = 0
        for _ in range(120):
            while self.fetches.begun:
                self.fetches.answer(rowOf(""))
                count += 1
            self.reactor.fromTimerToTimer(1)
        self.assertEqual(count, 2 * ATTENTION / INTERVAL)
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.rows()
        self.assertEqual(self.asked(), ["ams", "lon"])

    def test_nobodyLooks(self) -> None:
        """Before anybody looks, nothing is asked."""
        self.reactor.advance(100)
        self.assertEqual(self.asked(), [])
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_endedBehindAttention(self) -> None:
        """An answer that comes when nobody looks any more starts nothing."""
        self.rows()
        self.reactor.advance(ATTENTION)
        self.fetches.answer(rowOf(""))
        self.fetches.answer(ValueError("no"))
        self.reactor.fromTimerToTimer(100)
        self.assertEqual(self.asked(), [])
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_atOnce(self) -> None:
        """Few daemons are asked at a time, those first that have waited longest."""
        names = [f"far{each}" for each in range(AT_ONCE + 2)]
        self.places = {each: self.place(each) for each in names}
        self.rows()
        self.assertEqual(self.asked(), names[:AT_ONCE])
        for each in names:
            self.assertLessEqual(len(self.asked()), AT_ONCE)
            self.assertIn(each, self.fetches.answer(rowOf("")))
            self.reactor.fromTimerToTimer(0.5)
        self.assertEqual(self.asked(), [])
        self.reactor.fromTimerToTimer(INTERVAL - 0.5 * len(names))
        self.assertEqual(self.asked(), names[:AT_ONCE])


class FileTests(OthersCase):
    """
    The files of peers are read again.
    """

    def test_added(self) -> None:
        """A daemon that is added is asked at the next look; the order is that of the
        files."""
        self.rows()
        self.places = {"new": self.place("new"), **self.places}
        self.assertEqual(list(self.rows()), ["new", "ams", "lon"])
        self.assertEqual(self.asked(), ["ams", "lon", "new"])

    def test_removed(self) -> None:
        """A daemon that is removed has no row, and is asked no more."""
        self.rows()
        del self.places["ams"]
        self.assertEqual(list(self.rows()), ["lon"])
        _, fetching = self.fetches.begun[0]
        self.assertTrue(fetching.called)

    def test_changed(self) -> None:
        """A daemon whose URL or files change has no row until it is read there."""
        self.rows()
        for _ in range(2):
            self.fetches.answer(rowOf("", "fra"))
        self.assertEqual(list(self.known()["ams"].peers), ["fra"])
        for place in WebPlace("http://ams"), WebPlace("http://ams", TlsFiles("ca")):
            self.places["ams"] = place
            row = self.rows()["ams"]
            self.assertEqual(row, SourceRow("ams", url="http://ams", why=NOT_READ))
            self.assertEqual(self.asked()[-1:], ["ams"])
        self.assertEqual(list(self.rows()["lon"].peers), ["fra"])

    def test_same(self) -> None:
        """A daemon that stays as it is keeps its row."""
        self.rows()
        self.fetches.answer(rowOf("", "fra"))
        before = self.known()["ams"]
        self.places = {"lon": self.place("lon"), "ams": self.place("ams")}
        self.assertEqual(list(self.rows()), ["lon", "ams"])
        self.assertEqual(self.rows()["ams"], before)

    def test_ownName(self) -> None:
        """This daemon may get another name."""
        self.rows()
        self.selfName = "ams"
        self.assertEqual(list(self.rows()), ["fra", "lon"])


class FetcherTests(OthersCase):
    """
    With the fetchers that are used.
    """

    def test_http(self) -> None:
        """Rows are read over HTTP."""
        self.places = {"ams": WebPlace("http://192.0.2.7:9862")}
        self.others = self.make(fetcher=None)
        self.rows()
        server = FakeWebServer(self.reactor)
        server.accept()
        server.send(webAnswer(rowOf("ams", "fra")))
        self.assertEqual(list(self.known()["ams"].peers), ["fra"])
