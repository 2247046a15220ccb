"""Tests for L{echostamp.web.bodies}."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase

from echostamp.history.interfaces import HistoryError
from echostamp.test.fakes import FakeReactor
from echostamp.test.webclients import Answer, WebClient
from echostamp.web.bodies import (
    CSV,
    Bodies,
    BodyAnswers,
    NotThereError,
    bodiesOf,
    gathered,
)
from echostamp.web.request import WebRequest
from echostamp.web.site import WebSite


class BodyTests(SynchronousTestCase):
    """
    Tests for L{Bodies} and L{gathered}.
    """

    def setUp(self) -> None:
        """Count how often a text is made."""
        self.made = 0

    def pieces(self) -> Iterator[str]:
        """Make a text."""
        self.made += 1
        for number in range(2000):
            yield f"{number} is a number\n"

    @given(st.lists(st.text(max_size=20).map(lambda text: text * 1000)))
    def test_gathered(self, pieces: list[str]) -> None:
        """Pieces are put together, and each is a step."""
        steps = list(gathered(pieces))
        self.assertEqual(b"".join(steps), "".join(pieces).encode())
        self.assertEqual(len(steps), len(pieces) + 1)

    def test_few(self) -> None:
        """Short pieces are few writes."""
        chunks = [each for each in bodiesOf(self.pieces).plain.steps() if each]
        self.assertLess(len(chunks), 5)

    def test_zipped(self) -> None:
        """Both bodies are the same text, and the compressed one has steps, too."""
        bodies = bodiesOf(self.pieces)
        steps = list(bodies.zipped.steps())
        self.assertGreater(len(steps), 2000)
        plain = b"".join(bodies.plain.steps())
        self.assertEqual(zlib.decompress(b"".join(steps), 31), plain)

    def test_kept(self) -> None:
        """A body that is kept is made once; the other one each time."""
        for isKept, expected in (True, 1), (False, 3):
            self.made = 0
            body = bodiesOf(self.pieces, isKept).plain
            found = {b"".join(body.steps()) for _ in range(3)}
            self.assertEqual((self.made, len(found)), (expected, 1))

    def test_halfMade(self) -> None:
        """A body that was left half made is made again."""
        body = bodiesOf(self.pieces, isKept=True).plain
        half = body.steps()
        for _ in range(1500):
            next(half)
        self.assertIn(b"1999 is a number\n", b"".join(body.steps()))
        self.assertIn(b"1999 is a number\n", b"".join(body.steps()))
        self.assertEqual(self.made, 2)


class AnswerTests(SynchronousTestCase):
    """
    Tests for L{BodyAnswers}.
    """

    def setUp(self) -> None:
        """Make a site."""
        self.reactor = FakeReactor()
        self.answers = BodyAnswers(self.reactor)
        self.waiting: Deferred[object] = Deferred()
        self.site = WebSite(self.reactor, {b"/": self.page})

    def page(self, request: WebRequest) -> None:
        """Answer a request."""
        if request.beginBody(CSV):
            self.answers.sendLater(request, self.waiting, self.bodies)

    def bodies(self, found: object) -> Bodies:
        """Give the bodies."""
        if found is None:
            raise NotThereError("nothing is there\n")
        return bodiesOf(lambda: iter([str(found)] * 3000))

    def ask(self, *headers: str, method: str = "GET") -> WebClient:
        """Send a request."""
        client = WebClient(self.site, self.reactor)
        client.get("/", *headers, method=method)
        return client

    def answer(self, client: WebClient) -> Answer:
        """Let the reactor turn, and give the answer."""
        while self.reactor.getDelayedCalls() and not client.connection.disconnecting:
            self.reactor.advance(0)
            client.connection.turn()
            try:
                return client.answer()
            except ValueError:
                pass
        return client.answer()

    def test_later(self) -> None:
        """A body is sent when it is known what it is made of."""
        client = self.ask()
        self.assertRaises(ValueError, client.answer)
        self.waiting.callback("abc")
        found = self.answer(client)
        self.assertEqual((found.status, found.text), (200, "abc" * 3000))
        self.assertEqual(found.headers["content-type"], CSV)

    def test_atOnce(self) -> None:
        """It may be known already."""
        self.waiting = succeed("abc")
        found = self.answer(self.ask("Accept-Encoding: gzip"))
        self.assertEqual(found.headers["content-encoding"], "gzip")
        self.assertEqual(found.text, "abc" * 3000)

    def test_errors(self) -> None:
        """What cannot be sent is said in a line, without the headers of a body."""
        for error, status, text in (
            (HistoryError("locked"), 503, "locked\n"),
            (RuntimeError("on purpose"), 500, "an error: see the log of the daemon\n"),
        ):
            self.waiting = fail(error)
            found = self.answer(self.ask("Accept-Encoding: gzip"))
            self.assertEqual((found.status, found.text), (status, text))
            self.assertNotIn("content-encoding", found.headers)
            self.assertEqual(found.headers["content-type"], "text/plain; charset=utf-8")
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_notThere(self) -> None:
        """So is that there is nothing."""
        self.waiting = succeed(None)
        found = self.answer(self.ask())
        self.assertEqual((found.status, found.text), (404, "nothing is there\\n\n"))

    def test_gone(self) -> None:
        """A client that has gone gets nothing, whatever comes of it; what should not
        happen is logged."""
        for result, errors in (
            ("abc", 0),
            (HistoryError("locked"), 0),
            (RuntimeError("on purpose"), 1),
        ):
            self.waiting = Deferred()
            client = self.ask()
            client.leave()
            if isinstance(result, Exception):
                self.waiting.errback(result)
            else:
                self.waiting.callback(result)
            self.assertEqual(bytes(client.connection.sent), b"")
            self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), errors)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_head(self) -> None:
        """HEAD has its answer at once."""
        client = self.ask(method="HEAD")
        found = client.answer(hasBody=False)
        self.assertEqual(found.headers["content-type"], CSV)
