"""
How the daemon stops: it answers what has arrived, and does not wait for ever.
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

#: Seconds that connections may take to be drained.
GRACE = 5.0

#: Seconds between two looks at the connections that are left.
_LOOK = 0.05

log = Logger(namespace="echostamp")


class DrainingService(Service):
    """
    Drain the connections when the daemon is told to stop.

    SIGTERM and SIGINT stop the reactor, whose shutdown waits for L{stopService}; a
    second one ends what still stands at once.  SIGHUP ends nothing.
    """

    name = "draining"

    def __init__(
        self,
        reactor: Any,
        factory: TimestampEchoFactory,
        grace: float = GRACE,
        reload: Callable[[], None] = lambda: None,
        standing: Callable[[], int] = lambda: 0,
        setHandler: Callable[[int, Any], object] = signal.signal,
    ) -> None:
        """
        @param reactor: what runs: an L{IReactorCore
            <twisted.internet.interfaces.IReactorCore>} with timers and threads.
        @param factory: knows the connections.
        @param grace: seconds that they may take.
        @param reload: called at SIGHUP.
        @param standing: gives how many connections there are, also of those whose TLS
            handshake or PROXY header is not complete.
        @param setHandler: installs the handler of a signal.
        """
        self._reactor = reactor
        self._factory = factory
        self._grace = grace
        self._reload = reload
        self._standing = standing
        self._setHandler = setHandler
        self._isStopping = False

    def startService(self) -> None:
        """
        Take the signals over, now and once the reactor has installed handlers of its
        own: those take a second signal for an error.
        """
        Service.startService(self)
        self._takeSignals()
        self._reactor.callWhenRunning(self._takeSignals)

    def _takeSignals(self) -> None:
        """
        Install our handlers.
        """
        for number in signal.SIGTERM, signal.SIGINT:
            self._setHandler(number, self._signalled)
        self._setHandler(signal.SIGHUP, self._hungUp)

    def _hungUp(self, number: int, frame: object) -> None:
        """
        SIGHUP has come, in the middle of anything.
        """
        self._reactor.callFromThread(self._reload)

    def _signalled(self, number: int, frame: object) -> None:
        """
        A signal has come, in the middle of anything.
        """
        self._reactor.callFromThread(self._stop, signal.Signals(number).name)

    def _stop(self, name: str) -> None:
        """
        Act on a signal.
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
        Drain every connection, and abort what is left after the grace.

        @return: fires when no connection is left.
        """
        Service.stopService(self)
        self._isStopping = self._factory.isStopping = True
        self._began = self._reactor.seconds()
        gone: Deferred[None] = Deferred()
        self._look(gone)
        return gone

    def _look(self, gone: Deferred[None]) -> None:
        """
        Wait until no connection is left.  Those that have not said yet who they are
        have as long for it as any other has to say something.
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
        if connections or (elapsed < min(DRAINED, self._grace) and self._standing()):
            self._reactor.callLater(_LOOK, self._look, gone)
        else:
            self._factory.connectionLog.finish()
            gone.callback(None)

    def _abort(self) -> None:
        """
        Cut what still stands.
        """
        for echo in list(self._factory.connections):
            echo.abort()
