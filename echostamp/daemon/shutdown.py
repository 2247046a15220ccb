"""
How the daemon stops: it answers what has arrived, and waits for a limited time.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from echostamp.line.draining import DRAINED
from echostamp.line.protocol import TimestampEchoFactory

#: Seconds that connections may take to be answered and closed.
GRACE = 5.0

#: Seconds between two checks of the connections that are left.
_CHECK = 0.05

log = Logger(namespace="echostamp")


class DrainingService(Service):
    """
    Drains the connections when the daemon stops: it answers and closes them.

    SIGTERM and SIGINT stop the reactor, whose shutdown waits for L{stopService}.  A
    second signal aborts the connections that are left.  SIGHUP reloads files.
    """

    name = "draining"

    def __init__(
        self,
        reactor: Any,
        factory: TimestampEchoFactory,
        grace: float = GRACE,
        reload: Callable[[], None] = lambda: None,
        connected: Callable[[], int] = lambda: 0,
        setHandler: Callable[[int, Any], object] = signal.signal,
    ) -> None:
        """
        @param reactor: the reactor: an L{IReactorCore
            <twisted.internet.interfaces.IReactorCore>} with timers and threads.
        @param factory: has the connections.
        @param grace: seconds that the connections may take.
        @param reload: called at SIGHUP.
        @param connected: gives the number of connections, including those whose TLS
            handshake or PROXY header is not complete.
        @param setHandler: installs the handler of a signal.
        """
        self._reactor = reactor
        self._factory = factory
        self._grace = grace
        self._reload = reload
        self._connected = connected
        self._setHandler = setHandler
        self._isStopping = False

    def startService(self) -> None:
        """
        Install our signal handlers at once.  Install them a second time after the
        reactor has installed its own, which treat a second signal as an error.
        """
        Service.startService(self)
        self._installHandlers()
        self._reactor.callWhenRunning(self._installHandlers)

    def _installHandlers(self) -> None:
        """
        Install our signal handlers.
        """
        for number in signal.SIGTERM, signal.SIGINT:
            self._setHandler(number, self._signalled)
        self._setHandler(signal.SIGHUP, self._hungUp)

    def _hungUp(self, number: int, frame: object) -> None:
        """
        Handle SIGHUP, which may interrupt any code.
        """
        self._reactor.callFromThread(self._reload)

    def _signalled(self, number: int, frame: object) -> None:
        """
        Handle SIGTERM or SIGINT, which may interrupt any code.
        """
        self._reactor.callFromThread(self._stop, signal.Signals(number).name)

    def _stop(self, name: str) -> None:
        """
        Stop the reactor at the first signal, and abort all connections at the second.
        """
        if self._isStopping:
            log.info("{name} again: stopping at once", name=name)
            self._abort()
            return
        self._isStopping = True
        log.info("{name}: stopping", name=name)
        self._reactor.stop()

    def stopService(self) -> Deferred[None]:
        """
        Drain every connection, and abort those that are left after the grace.

        @return: fires when no connection is left.
        """
        Service.stopService(self)
        self._isStopping = self._factory.isStopping = True
        self._began = self._reactor.seconds()
        gone: Deferred[None] = Deferred()
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
        elapsed = self._reactor.seconds() - self._began
        if connections and elapsed >= self._grace:
            log.info(
                "{count} connections not drained within {grace:g} s",
                count=len(connections),
                grace=self._grace,
            )
            self._abort()
        if connections or (elapsed < min(DRAINED, self._grace) and self._connected()):
            self._reactor.callLater(_CHECK, self._check, gone)
        else:
            self._factory.connectionLog.finish()
            gone.callback(None)

    def _abort(self) -> None:
        """
        Abort the connections that are left.
        """
        for echo in list(self._factory.connections):
            echo.abort()
