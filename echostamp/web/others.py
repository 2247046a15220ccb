"""
The rows of other daemons.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from echostamp.monitor.peer import WebPlace
from echostamp.monitor.slices import Slices
from echostamp.monitor.steps import Steps
from echostamp.text import printable
from echostamp.web.rowdata import SourceRow
from echostamp.web.rowdocument import readingRow

#: How often a daemon is asked while somebody looks, in seconds.
INTERVAL = 10.0

#: For how long somebody still looks after the last look, in seconds.
ATTENTION = 30.0

#: How many daemons are asked at a time.
AT_ONCE = 8

#: The most commas and brackets of a row, which tell how long its JSON takes to parse:
#: one of 1,000 peers has 33,000 of them, and takes 3 ms.
MOST_MARKS = 60_000

#: What is said of a row that was not read yet.
NOT_READ = "not read yet"

log = Logger(namespace="echostamp")

#: Fetches the octets of a row.  It fails with a C{ValueError} whose text says why in a
#: few words, after some seconds at most, and can be cancelled.
Fetch = Callable[[], Deferred[bytes]]


class Mesh(Protocol):
    """
    Says where the rows of daemons are.
    """

    @property
    def selfName(self) -> str:
        """The name of this daemon; empty if it has none."""

    def webs(self) -> Mapping[str, WebPlace]:
        """Give where the rows of daemons can be read, by name; this daemon's may be
        among them."""


class Others:
    """
    Reads the rows of other daemons while somebody looks at them.

    It logs nothing: a row says since when it could not be read, and why.

    @ivar heard: does something with each new row, in small steps.
    """

    heard: Callable[[SourceRow], Iterator[None]] = staticmethod(lambda row: iter(()))

    def __init__(
        self,
        reactor: Any,
        mesh: Mesh,
        fetcher: Callable[[WebPlace], Fetch] | None = None,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        """
        @param reactor: connects, and runs the timers.
        @param mesh: says where the rows are.  This daemon's own is not read.
        @param fetcher: makes what fetches the row of a daemon; L{None} for L{Fetchers
            <echostamp.web.fetching.Fetchers>}.
        @param clock: gives nanoseconds since the UNIX epoch.
        """
        self._reactor = reactor
        self._mesh = mesh
        self._fetcher = fetcher
        self._clock = clock
        self._slices = Slices(reactor, time.monotonic_ns)
        self._daemons: dict[str, _Daemon] = {}
        self._looked = 0.0
        self._timer: IDelayedCall | None = None

    def rows(self) -> list[SourceRow]:
        """
        Give what is known now, in the order of the files of peers.

        This is a look.  Rows are read in the background until there was none for
        L{ATTENTION} seconds.
        """
        self._looked = self._reactor.seconds()
        self._update()
        self._ask()
        return [each.row for each in self._daemons.values()]

    def _update(self) -> None:
        """
        Follow the files of peers.
        """
        own, before = self._mesh.selfName, self._daemons
        self._daemons = {}
        for name, place in self._mesh.webs().items():
            daemon = before.get(name)
            if daemon is None or daemon.place != place:
                daemon = _Daemon(name, place)
            if name != own:
                self._daemons[name] = daemon
        for name, daemon in before.items():
            if self._daemons.get(name) is not daemon:
                daemon.stop()

    def _ask(self) -> None:
        """
        Ask daemons whose turn it is: those first that have waited longest.
        """
        now = self._reactor.seconds()
        idle = self._idle()
        free = AT_ONCE - len(self._daemons) + len(idle)
        for daemon in idle[: max(free, 0)]:
            if daemon.due <= now:
                daemon.due = now + INTERVAL
                self._askOne(daemon)
        self._continue()

    def _idle(self) -> list[_Daemon]:
        """
        Give the daemons that are not being asked; those first that have waited longest.
        """
        idle = [each for each in self._daemons.values() if each.asking is None]
        return sorted(idle, key=lambda each: each.due)

    def _continue(self) -> None:
        """
        Wait for the next daemon's turn, while somebody looks.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now = self._reactor.seconds()
        idle = self._idle()
        isFull = len(self._daemons) - len(idle) >= AT_ONCE
        if idle and not isFull and now - self._looked < ATTENTION:
            wait = max(idle[0].due - now, 0)
            self._timer = self._reactor.callLater(wait, self._waited)

    def _waited(self) -> None:
        """
        Go on if somebody still looks.
        """
        self._timer = None
        if self._reactor.seconds() - self._looked < ATTENTION:
            self._ask()

    def _askOne(self, daemon: _Daemon) -> None:
        """
        Ask a daemon for its row.
        """
        if daemon.fetch is None:
            daemon.fetch = self._fetchOf(daemon.place)
        asking = daemon.asking = Deferred.fromCoroutine(self._rowOf(daemon.fetch))

        def succeeded(row: SourceRow) -> Deferred[Any]:
            daemon.succeeded(row, self._clock())
            return self._slices.do(self.heard(daemon.row))

        def failed(failure: Failure) -> None:
            daemon.failed(failure, self._clock())

        def ended(ignored: object) -> None:
            daemon.asking = None
            self._continue()

        asking.addCallback(succeeded).addErrback(failed).addBoth(ended)

    async def _rowOf(self, fetch: Fetch) -> SourceRow:
        """
        Fetch a row, and read it a little in each turn of the event loop.
        """
        found: list[SourceRow] = []

        def reading(text: bytes) -> Steps[None]:
            found.append((yield from readingRow(text)))

        text = await fetch()
        if sum(map(text.count, (b",", b"[", b"{"))) > MOST_MARKS:
            raise ValueError("its row has too many values")
        await self._slices.do(reading(text))
        return found[0]

    def _fetchOf(self, place: WebPlace) -> Fetch:
        """
        Make what fetches the row of a daemon.
        """
        if self._fetcher is None:
            # Imported here and not at the top: few daemons need it, and it takes half
            # a megabyte and 4 ms.
            from echostamp.web.fetching import Fetchers

            self._fetcher = Fetchers(self._reactor)
        return self._fetcher(place)


class _Daemon:
    """
    Another daemon.

    @ivar place: where its row is.
    @ivar row: what is known of it.
    @ivar due: when it is its turn, in seconds of the reactor.
    @ivar fetch: fetches its row; L{None} until that is first needed.
    @ivar asking: fires when it has been asked; L{None} while it is not being asked.
    """

    def __init__(self, name: str, place: WebPlace) -> None:
        """
        @param name: its name here.
        @param place: where its row is.
        """
        self.place = place
        self.row = SourceRow(name, url=place.url, why=NOT_READ)
        self.due = 0.0
        self.fetch: Fetch | None = None
        self.asking: Deferred[Any] | None = None

    def stop(self) -> None:
        """Ask it no more."""
        if self.asking is not None:
            self.asking.cancel()

    def succeeded(self, row: SourceRow, now: int) -> None:
        """
        Keep its row under its name here.  It may have another one in its own files: or
        the URL is not its own, which should show.
        """
        isOther = row.source not in ("", self.row.source)
        why = f"it calls itself {printable(row.source)}" if isOther else ""
        self.row = self.row._replace(peers=row.peers, at=now, why=why, silentSince=None)

    def failed(self, failure: Failure, now: int) -> None:
        """
        Keep why and since when its row could not be read, beside the last one, unless
        it was stopped.
        """
        if failure.check(CancelledError):
            return
        why = str(failure.value)
        if not failure.check(ValueError):
            log.failure(
                "the row of {name} could not be read", failure, name=self.row.source
            )
            why = "an error: see the log"
        since = self.row.silentSince
        self.row = self.row._replace(
            why=printable(why), silentSince=now if since is None else since
        )
