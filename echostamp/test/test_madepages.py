"""Tests for L{echostamp.web.madepages}."""

from __future__ import annotations

from gc import collect
from weakref import ref

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from echostamp.test.fakes import FakeReactor
from echostamp.test.webclients import WebClient
from echostamp.web.bodies import BodyAnswers, bodiesOf
from echostamp.web.madepages import FRESH, MOST_PAGES, Made, MadePages
from echostamp.web.site import WebSite

_PAGE = Made(200, bodiesOf(lambda: iter(["x"])))


class PageTests(SynchronousTestCase):
    """
    Tests for L{MadePages}.
    """

    def setUp(self) -> None:
        """Make pages by hand."""
        self.clock = Clock()
        self.asked: list[tuple[object, Deferred[Made]]] = []
        self.pages = MadePages(self.clock, self.make, BodyAnswers(self.clock))

    def make(self, key: object) -> Deferred[Made]:
        """Wait for the page."""
        found: Deferred[Made] = Deferred()
        self.asked.append((key, found))
        return found

    def made(self, page: Made = _PAGE) -> None:
        """Make the page that was asked for last."""
        self.asked[-1][1].callback(page)
        now = self.clock.seconds()
        while any(each.getTime() <= now for each in self.clock.getDelayedCalls()):
            self.clock.advance(0)

    def test_shared(self) -> None:
        """All who ask for a page while it is made get the same one."""
        waiting = [self.pages.page("a") for _ in range(200)]
        self.assertEqual(len(self.asked), 1)
        self.made()
        for each in waiting:
            self.assertIs(self.successResultOf(each), _PAGE)

    def test_fresh(self) -> None:
        """A page is made once in some seconds."""
        self.pages.page("a")
        self.made()
        self.clock.advance(FRESH - 1)
        self.assertIs(self.successResultOf(self.pages.page("a")), _PAGE)
        self.clock.advance(1)
        self.assertNoResult(self.pages.page("a"))
        self.assertEqual(len(self.asked), 2)

    def test_bounded(self) -> None:
        """If there are too many pages, the oldest is forgotten."""
        for key in range(MOST_PAGES + 1):
            self.pages.page(key)
            self.made()
        self.pages.page(MOST_PAGES)
        self.assertEqual(len(self.asked), MOST_PAGES + 1)
        self.pages.page(0)
        self.assertEqual(len(self.asked), MOST_PAGES + 2)

    def test_forgotten(self) -> None:
        """A page that nobody asks for is forgotten, and no timer stays."""
        self.pages.page("a")
        page = Made(200, bodiesOf(lambda: iter(["x"])))
        self.made(page)
        gone = ref(page.bodies.plain)
        self.asked.clear()
        del page
        self.clock.advance(FRESH)
        collect()
        self.assertIsNone(gone())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_failure(self) -> None:
        """If it cannot be made, all who ask are told, and the next one tries again."""
        waiting = [self.pages.page("a"), self.pages.page("a")]
        self.asked[0][1].errback(ValueError("no"))
        for each in waiting:
            self.failureResultOf(each, ValueError)
        self.pages.page("a")
        self.assertEqual(len(self.asked), 2)

    def test_answerFails(self) -> None:
        """A page that cannot be made is an error, which the log explains."""
        reactor = FakeReactor()
        pages = MadePages(reactor, self.make, BodyAnswers(reactor))
        site = WebSite(reactor, {b"/x": lambda request: pages.answer(request, "x")})
        client = WebClient(site, reactor)
        client.get("/x")
        self.asked[0][1].errback(ValueError("no"))
        client.connection.turn()
        self.assertEqual(client.answer().status, 500)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
