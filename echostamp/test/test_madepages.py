"""Tests for L{echostamp.web.madepages}."""

from __future__ import annotations

from collections.abc import Iterator

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from echostamp.web.madepages import FRESH, Made, MadePages


class PageTests(SynchronousTestCase):
    """
    Tests for L{MadePages}.
    """

    def setUp(self) -> None:
        """Make pages by hand."""
        self.clock = Clock()
        self.asked: list[tuple[object, Deferred[Made]]] = []
        self.pages = MadePages(self.clock, self.make, most=100)

    def make(self, key: object) -> Deferred[Made]:
        """Wait for the page."""
        found: Deferred[Made] = Deferred()
        self.asked.append((key, found))
        return found

    def test_shared(self) -> None:
        """All who ask for a page while it is made get the same one."""
        waiting = [self.pages.page("a") for _ in range(200)]
        self.assertEqual(len(self.asked), 1)
        made = Made(200, b"x")
        self.asked[0][1].callback(made)
        for each in waiting:
            self.assertIs(self.successResultOf(each), made)

    def test_fresh(self) -> None:
        """A page is made once in some seconds."""
        self.pages.page("a")
        self.asked[0][1].callback(Made(200, b"x"))
        self.clock.advance(FRESH - 1)
        self.assertEqual(self.successResultOf(self.pages.page("a")).body, b"x")
        self.clock.advance(1)
        self.assertNoResult(self.pages.page("a"))
        self.assertEqual(len(self.asked), 2)

    def test_bounded(self) -> None:
        """If the pages get too many, the oldest is forgotten."""
        pages = MadePages(
            self.clock, lambda key: succeed(Made(200, b"x" * 30)), most=100
        )
        for key in range(10):
            pages.page(key)
            self.assertLessEqual(pages.octets, 100)
        self.assertEqual(pages.octets, 90)

    def test_failure(self) -> None:
        """If it cannot be made, all who ask are told, and the next one tries again."""
        waiting = [self.pages.page("a"), self.pages.page("a")]
        self.asked[0][1].errback(ValueError("no"))
        for each in waiting:
            self.failureResultOf(each, ValueError)
        self.pages.page("a")
        self.assertEqual(len(self.asked), 2)
