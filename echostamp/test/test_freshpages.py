"""Tests for L{echostamp.web.freshpages}."""

from __future__ import annotations

from collections.abc import Iterator

from twisted.trial.unittest import SynchronousTestCase

from echostamp.test.fakes import FakeReactor
from echostamp.times import SECOND
from echostamp.web.encodings import Encoding, Encodings
from echostamp.web.freshpages import FreshPages


class Reader:
    """
    Reads an answer.

    @ivar encoding: the answer.
    @ivar pulled: how often there was more.
    @ivar hasFailed: whether there will not be all of it.
    """

    def __init__(self, pages: FreshPages[str], wanted: str = "page") -> None:
        """
        @param pages: gives the answer.
        """
        self.pulled = 0
        self.hasFailed = False
        self.encoding: Encoding[str] = pages.join(wanted, self)

    def pull(self) -> None:
        """Note that there is more."""
        self.pulled += 1

    def fail(self) -> None:
        """Note the end."""
        self.hasFailed = True


class FreshTests(SynchronousTestCase):
    """
    Tests for L{FreshPages}.
    """

    def setUp(self) -> None:
        """Make pages."""
        self.reactor = FakeReactor()
        self.made: list[str] = []
        self.size = 1
        encodings = Encodings(self.reactor, self.steps, self.now, mostUnread=100)
        self.pages = FreshPages(self.reactor, encodings, self.now)

    def now(self) -> int:
        """Give the time."""
        return int(self.reactor.seconds() * SECOND)

    def steps(self, wanted: str) -> Iterator[bytes]:
        """Make a page in two steps."""
        self.made.append(wanted)
        yield b"a" * self.size
        if wanted == "broken":
            raise RuntimeError("broken on purpose")
        yield b"b"

    def turn(self) -> None:
        """Let the reactor work without time."""
        for _ in range(10):
            self.reactor.advance(0)

    def test_shared(self) -> None:
        """Those who come within a second share what is made, before it is complete and
        after."""
        one, two = Reader(self.pages), Reader(self.pages)
        self.turn()
        self.reactor.advance(0.9)
        three = Reader(self.pages)
        self.turn()
        self.assertEqual(self.made, ["page"])
        self.assertIs(one.encoding, two.encoding)
        self.assertIs(one.encoding, three.encoding)
        self.assertEqual(three.pulled, 1)
        self.assertEqual(b"".join(three.encoding.chunks), b"ab")

    def test_notForLong(self) -> None:
        """After a second it is made again."""
        Reader(self.pages)
        self.turn()
        self.reactor.advance(1)
        other = Reader(self.pages)
        self.turn()
        self.assertEqual(self.made, ["page", "page"])
        self.assertTrue(other.encoding.isComplete)

    def test_others(self) -> None:
        """What is not the same is not shared."""
        Reader(self.pages)
        Reader(self.pages, "other")
        self.turn()
        self.assertEqual(self.made, ["page", "other"])

    def test_forgotten(self) -> None:
        """After a second nothing is kept, and no timer runs."""
        reader = Reader(self.pages)
        self.turn()
        self.pages.leave(reader.encoding, reader)
        self.reactor.advance(1)
        self.assertEqual(reader.encoding.readers, [])
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_left(self) -> None:
        """A reader that has left is not told of more; the answer is made for others."""
        first = Reader(self.pages)
        self.pages.leave(first.encoding, first)
        self.turn()
        self.assertEqual(first.pulled, 0)
        late = Reader(self.pages)
        self.pages.leave(late.encoding, late)
        self.turn()
        self.assertEqual((self.made, late.pulled), (["page"], 0))

    def test_failed(self) -> None:
        """What could not be made is made again for the next one."""
        first = Reader(self.pages, "broken")
        self.turn()
        self.assertTrue(first.hasFailed)
        Reader(self.pages, "broken")
        self.turn()
        self.assertEqual(self.made, ["broken"] * 2)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 2)

    def test_bounded(self) -> None:
        """Of too much, the oldest is forgotten."""
        self.size = 60
        for each in "abc":
            reader = Reader(self.pages, each)
            self.turn()
            self.pages.leave(reader.encoding, reader)
        Reader(self.pages, "c")
        Reader(self.pages, "a")
        self.turn()
        self.assertEqual(self.made, ["a", "b", "c", "a"])

    def test_slow(self) -> None:
        """One that takes more than a second is shared until it is complete."""
        first = Reader(self.pages)
        self.reactor.rightNow += 5
        second = Reader(self.pages)
        self.assertIs(first.encoding, second.encoding)
        self.turn()
        self.assertEqual(self.made, ["page"])
