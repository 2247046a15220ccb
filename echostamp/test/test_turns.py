"""Tests for L{echostamp.web.turns}."""

from __future__ import annotations

from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from echostamp.test.fakes import FakeReactor
from echostamp.test.webclients import WebClient
from echostamp.web.site import WebSite
from echostamp.web.turns import SLICE, SPAN, Turns


class TurnsTests(SynchronousTestCase):
    """
    Tests for L{Turns}.
    """

    def setUp(self) -> None:
        """Make a machine in which each call takes half of a slice."""
        self.reactor = FakeReactor()
        self.turns = Turns(self.reactor)
        self.done: list[int] = []

    def call(self, number: int) -> Callable[[], None]:
        """Make a call that takes a while."""

        def call() -> None:
            self.done.append(number)
            self.reactor.rightNow += SLICE / 2

        return call

    def test_atOnce(self) -> None:
        """What takes little time is done at once, and leaves no timer."""
        self.turns.do(self.call(0))
        self.assertEqual(self.done, [0])
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_later(self) -> None:
        """Much is done in several turns, each of which takes a slice, in order."""
        for number in range(7):
            self.turns.do(self.call(number))
        counts = [len(self.done)]
        while self.reactor.getDelayedCalls():
            self.reactor.advance(0)
            counts.append(len(self.done))
        self.assertEqual(counts, [2, 4, 6, 7])
        self.assertEqual(self.done, [*range(7)])

    def test_again(self) -> None:
        """After a while calls are done at once again."""
        self.assertEqual(
            [self.turns.do(self.call(number)) for number in range(3)],
            [True, True, False],
        )
        self.reactor.advance(SPAN)
        self.assertTrue(self.turns.do(self.call(3)))
        self.assertEqual(self.done, [0, 1, 2, 3])

    def test_behind(self) -> None:
        """What a call leads to comes behind all that waits."""
        for number in range(2):
            self.turns.do(self.call(number))

        def leadOn() -> None:
            self.turns.do(self.call(3))

        self.turns.do(leadOn)
        self.turns.do(self.call(2))
        for _ in range(3):
            self.reactor.advance(0)
        self.assertEqual(self.done, [0, 1, 2, 3])

    def test_failure(self) -> None:
        """A call that fails is logged, and the others are done."""
        for number in range(2):
            self.turns.do(self.call(number))
        self.turns.do(lambda: [][1])
        self.turns.do(self.call(2))
        self.reactor.advance(0)
        self.assertEqual(self.done, [0, 1, 2])
        self.assertEqual(len(self.flushLoggedErrors(IndexError)), 1)


class RequestTests(SynchronousTestCase):
    """
    Requests that wait.
    """

    def setUp(self) -> None:
        """Make a site in a turn that has no time left."""
        self.reactor = FakeReactor()
        pages = {b"/": lambda request: request.answer(200, "hello")}
        self.site = WebSite(self.reactor, pages)
        self.client = WebClient(self.site, self.reactor)
        self.site.turns.do(self.long)

    def long(self) -> None:
        """Take more than a slice."""
        self.reactor.rightNow += 2 * SLICE

    def test_waits(self) -> None:
        """A request waits for a turn with time."""
        self.client.get("/")
        self.assertEqual(self.client.connection.sent, b"")
        self.reactor.advance(0)
        self.client.connection.turn()
        self.assertEqual(self.client.answer().text, "hello\n")

    def test_held(self) -> None:
        """Meanwhile nothing more is read of its connection."""
        self.assertTrue(self.client.connection.isRead)
        self.client.get("/")
        self.assertFalse(self.client.connection.isRead)
        self.reactor.advance(0)
        self.assertTrue(self.client.connection.isRead)

    def test_halfClosed(self) -> None:
        """A client that closes its side behind a request gets its answer."""
        self.client.get("/")
        self.client.protocol.readConnectionLost()
        self.assertFalse(self.client.connection.disconnecting)
        self.reactor.advance(0)
        self.client.connection.turn()
        self.assertEqual(self.client.answer().text, "hello\n")
        self.assertTrue(self.client.connection.disconnecting)

    def test_gone(self) -> None:
        """What a client has sent that has gone is not read."""
        self.client.get("/")
        self.client.protocol.readConnectionLost()
        self.client.leave()
        self.reactor.advance(0)
        self.assertEqual(self.reactor.getDelayedCalls(), [])
