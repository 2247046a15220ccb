"""
How the daemon stops: it answers what has arrived, and waits for a limited time.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from echostamp.line.draining import DRAINED
from echostamp.line.protocol import TimestampEchoFactory
from echostamp.text import counted
from echostamp.times import STOPPED

#: Seconds that connections may take to be answered and closed.
GRACE = 5.0

#: Seconds between two checks of the connections that are left.
_CHECK = 0.05

log = Logger(namespace="echostamp")


class StoppingService(Service, ABC):
    """
    Stops the daemon at a signal.  L{signalled} stops the reactor, whose shutdown waits
    for C{stopService} to drain the connections of the echo.

    @ivar isStopping: whether the daemon was told to stop.
    @ivar gone: fires when no connection is left; L{None} while the daemon runs.
    """

    def __init__(self, reactor: Any) -> None:
        """
        @param reactor: the reactor: an L{IReactorCore
            <twisted.internet.interfaces.IReactorCore>} with timers.
        """
        self._reactor = reactor
        self.isStopping = False
        self.gone: Deferred[None] | None = None

    def signalled(self, name: str) -> None:
        """
        Stop the reactor at the first signal, and abort all connections at the second.

        @param name: the signal's name.
        """
        if self.isStopping:
            log.info("{name} again: stopping at once", name=name)
            self.abort()
            return
        self.isStopping = True
        log.info("{name}: stopping", name=name)
        self._reactor.stop()

    @abstractmethod
    def stopService(self) -> Deferred[None]:
        """Drain all connections."""

    def afterwards(self, stop: Callable[[], Deferred[Any]]) -> Deferred[Any]:
        """
        Stop something else when no connection is left; at once while none is drained.

        @return: fires when that has stopped.
        """
        if self.gone is None:
            return stop()
        stopped: Deferred[Any] = Deferred()

        def go(result: Any) -> Any:
            stop().chainDeferred(stopped)
            return result

        self.gone.addBoth(go)
        return stopped

    @abstractmethod
    def abort(self) -> None:
        """Abort all connections."""


class DrainingService(StoppingService):
    """
    Drains the connections of this process when the daemon stops: it answers and closes
    them.
    """

    name = "draining"

    def __init__(
        self,
        reactor: Any,
        factory: TimestampEchoFactory,
        grace: float = GRACE,
        connected: Callable[[], int] = lambda: 0,
    ) -> None:
        """
        @param reactor: see L{StoppingService.__init__}.
        @param factory: has the connections.
        @param grace: seconds that the connections may take.
        @param connected: gives the number of connections, including those whose TLS
            handshake or PROXY header is not complete.
        """
        super().__init__(reactor)
        self._factory = factory
        self._grace = grace
        self._connected = connected

    def stopService(self) -> Deferred[None]:
        """
        Drain every connection, and abort those that are left after the grace.

        @return: fires when no connection is left.
        """
        Service.stopService(self)
        self.isStopping = self._factory.isStopping = True
        self._elapsed, self._checked = 0.0, self._reactor.seconds()
        gone: Deferred[None] = Deferred()
        self.gone = gone
        self._check(gone)
        return gone

    def _check(self, gone: Deferred[None]) -> None:
        """
        Check again later until no connection is left.  A connection that has not
        completed its TLS handshake or PROXY header is waited for only as long as a
        silent one: L{DRAINED} seconds, or the grace if that is shorter.
        """
        connections = self._factory.connections
        for echo in list(connections):
            echo.drain()
        # The time in which this process was stopped is not part of the grace.
        now = self._reactor.seconds()
        self._elapsed += min(now - self._checked, STOPPED)
        self._checked, elapsed = now, self._elapsed
        if connections and elapsed >= self._grace:
            log.info(
                "{connections} not drained within {grace:g} s",
                connections=counted(len(connections), "connection"),
                grace=self._grace,
            )
            self.abort()
        if connections or (elapsed < min(DRAINED, self._grace) and self._connected()):
            self._reactor.callLater(_CHECK, self._check, gone)
        else:
            self._factory.connectionLog.finish()
            gone.callback(None)

    def abort(self) -> None:
        """Abort the connections that are left."""
        for echo in list(self._factory.connections):
            echo.abort()
