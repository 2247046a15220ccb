"""
Keeps pages for some seconds: browsers that show the same get the same one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable
from functools import partial
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred, DeferredSemaphore, succeed
from twisted.python.failure import Failure
from twisted.web import http

from echostamp.monitor.slices import Slices
from echostamp.monitor.steps import Steps
from echostamp.web.bodies import Bodies, BodyAnswers, bodiesOf
from echostamp.web.request import WebRequest

#: How long a page is given again, in seconds.
FRESH = 10

#: The most pages that are kept.  One takes some 100,000 octets.
MOST_PAGES = 16

#: The most pages that are being made or wait for that: one after the other, because
#: the probes need the machine, too.  One takes 0.1 s.
MOST_WAITING = 50

#: Seconds after which it is worth to ask again if there are too many.
RETRY = 5


class Made(NamedTuple):
    """
    A page.

    @ivar status: its HTTP status.
    @ivar bodies: its body.
    """

    status: int
    bodies: Bodies


_BUSY = Made(
    http.SERVICE_UNAVAILABLE,
    bodiesOf(
        lambda: iter(
            [
                "<!DOCTYPE html><title>Busy</title><p>Too many pages are "
                "being made.  Try again in some seconds.</p>\n"
            ]
        ),
        isKept=True,
    ),
)


class MadePages:
    """
    Answers with pages, and makes each only once for all who ask for it within some
    seconds.  It makes one at a time.
    """

    def __init__(
        self,
        reactor: Any,
        make: Callable[[Any], Deferred[Made]],
        answers: BodyAnswers,
    ) -> None:
        """
        @param reactor: runs the timers: an L{IReactorTime
            <twisted.internet.interfaces.IReactorTime>}.
        @param make: makes the page for a key.
        @param answers: sends the pages.
        """
        self._reactor = reactor
        self._make = make
        self._answers = answers
        self._slices = Slices(reactor, time.monotonic_ns)
        self._oneAtATime = DeferredSemaphore(1)
        self._waiting: dict[Hashable, list[Deferred[Made]]] = {}
        # When each page was made; the oldest first.
        self._kept: dict[Hashable, tuple[float, Made]] = {}
        self._timer: Any = None

    def answer(self, request: WebRequest, key: Hashable) -> None:
        """
        Answer a request with a page when it is made, unless the browser has gone.

        @param key: what the page shows.
        """
        request.answerWhen(self.page(key), partial(self._send, request))

    def page(self, key: Hashable) -> Deferred[Made]:
        """
        Give a page.
        """
        self._forget()
        found: Deferred[Made] = Deferred()
        if key in self._kept:
            found.callback(self._kept[key][1])
            return found
        if key not in self._waiting and len(self._waiting) >= MOST_WAITING:
            return succeed(_BUSY)
        waiting = self._waiting.setdefault(key, [])
        waiting.append(found)
        if len(waiting) == 1:
            making: Deferred[Made] = self._oneAtATime.run(self._begin, key)
            making.addCallbacks(
                lambda made: self._done(key, made), lambda why: self._failed(key, why)
            )
        return found

    def _begin(self, key: Hashable) -> Deferred[Made]:
        """
        Make a page.
        """
        return self._make(key).addCallback(self._completed)

    def _send(self, request: WebRequest, page: Made) -> None:
        """
        Send a page.
        """
        request.setResponseCode(page.status)
        if page.status == http.SERVICE_UNAVAILABLE:
            request.setHeader(b"Retry-After", b"%d" % RETRY)
        if request.beginPage():
            self._answers.send(request, page.bodies)

    def _completed(self, made: Made) -> Deferred[Made]:
        """
        Make all of a page, as browsers ask for it: compressed.  Those who wait for it
        would else all get each piece in the same turn.
        """
        steps = (None for _ in made.bodies.zipped.steps())
        return self._slices.do(steps).addCallback(lambda _: made)

    def _done(self, key: Hashable, made: Made) -> None:
        """
        Keep a page, and give it to all who wait.
        """
        self._kept[key] = self._reactor.seconds(), made
        self._forget()
        # An answer takes as long as many steps of a page: 200 would hold the loop.
        self._slices.do(_given(self._waiting.pop(key), made))

    def _failed(self, key: Hashable, why: Failure) -> None:
        """
        Tell all who wait that the page cannot be made.
        """
        for each in self._waiting.pop(key):
            each.errback(why)

    def _forget(self) -> None:
        """
        Forget pages that are old, and the oldest ones if there are too many.
        """
        now = self._reactor.seconds()
        while self._kept:
            key, (at, _) = next(iter(self._kept.items()))
            if at > now - FRESH and len(self._kept) <= MOST_PAGES:
                break
            del self._kept[key]
        if self._kept and self._timer is None:
            self._timer = self._reactor.callLater(FRESH, self._forgetLater)

    def _forgetLater(self) -> None:
        """
        Forget pages that nobody asks for.
        """
        self._timer = None
        self._forget()


def _given(waiting: Iterable[Deferred[Made]], made: Made) -> Steps[None]:
    """
    Give a page to those who wait, one after the other.
    """
    for each in waiting:
        each.callback(made)
        yield
