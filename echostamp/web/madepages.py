"""
Makes pages a little in each turn of the event loop, and keeps each for a while.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterator
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred
from twisted.internet.task import Cooperator
from twisted.python.failure import Failure

from echostamp.times import MILLISECOND

#: How long a turn works, in nanoseconds.  It ends with the step that passes this.
SLICE = MILLISECOND

#: How long a page is given again, in seconds.
FRESH = 10

#: The most octets of pages that are kept.
MOST_OCTETS = 16 << 20


class Made(NamedTuple):
    """
    A page.

    @ivar status: its HTTP status.
    @ivar body: its octets.
    """

    status: int
    body: bytes


class Turns:
    """
    Does work in turns of a millisecond.
    """

    def __init__(self, reactor: Any, clock: Callable[[], int] = time.monotonic_ns):
        """
        @param reactor: runs the turns: an L{IReactorTime
            <twisted.internet.interfaces.IReactorTime>}.
        @param clock: gives nanoseconds.
        """
        self._clock = clock
        self._cooperator = Cooperator(
            self._turn, lambda call: reactor.callLater(0, call)
        )

    def _turn(self) -> Callable[[], bool]:
        """
        Begin a turn.

        @return: tells whether it is over.
        """
        end = self._clock() + SLICE
        return lambda: self._clock() >= end

    def joined(self, pieces: Iterator[str]) -> Deferred[str]:
        """
        Join the pieces of a text.

        @param pieces: each is made in one step.
        """
        found: list[str] = []

        def steps() -> Iterator[None]:
            for each in pieces:
                found.append(each)
                yield

        done = self._cooperator.coiterate(steps())
        return done.addCallback(lambda _: "".join(found))


class MadePages:
    """
    Gives pages, and makes each only once for all who ask for it within some seconds.
    """

    def __init__(
        self,
        reactor: Any,
        make: Callable[[Any], Deferred[Made]],
        fresh: float = FRESH,
        most: int = MOST_OCTETS,
    ) -> None:
        """
        @param reactor: gives the time, in seconds.
        @param make: makes the page for a key.
        @param fresh: how long a page is given again, in seconds.
        @param most: the most octets that are kept.
        """
        self._reactor = reactor
        self._make = make
        self._fresh = fresh
        self._most = most
        self._waiting: dict[Hashable, list[Deferred[Made]]] = {}
        # When each page was made; the oldest first.
        self._kept: dict[Hashable, tuple[float, Made]] = {}

    def page(self, key: Hashable) -> Deferred[Made]:
        """
        Give a page.

        @param key: what it shows.
        """
        self._forget()
        found: Deferred[Made] = Deferred()
        if key in self._kept:
            found.callback(self._kept[key][1])
            return found
        waiting = self._waiting.setdefault(key, [])
        waiting.append(found)
        if len(waiting) == 1:
            self._make(key).addCallbacks(
                lambda made: self._done(key, made), lambda why: self._failed(key, why)
            )
        return found

    @property
    def octets(self) -> int:
        """How many octets are kept."""
        return sum(len(made.body) for _, made in self._kept.values())

    def _done(self, key: Hashable, made: Made) -> None:
        """
        Keep a page, and give it to all who wait.
        """
        self._kept[key] = self._reactor.seconds(), made
        self._forget()
        for each in self._waiting.pop(key):
            each.callback(made)

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
        oldest = self._reactor.seconds() - self._fresh
        while self._kept:
            key, (at, _) = next(iter(self._kept.items()))
            if at > oldest and self.octets <= self._most:
                break
            del self._kept[key]
