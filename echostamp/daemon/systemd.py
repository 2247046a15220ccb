"""
Notifications to systemd: ready, reloading, stopping, and the watchdog's.

The protocol is that of sd_notify(3): each message is one datagram to a UNIX socket that
the environment names.  Where it names none, nothing is sent.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, MutableMapping
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

log = Logger(namespace="echostamp")


class Notifier:
    """
    Sends the state of the daemon to systemd.

    The socket is opened once and early.  So the daemon can still notify when it has run
    out of file descriptors, changed its root or dropped its privileges.
    """

    def __init__(
        self,
        environ: MutableMapping[str, str],
        makeSocket: Callable[[int, int], socket.socket] = socket.socket,
        getPid: Callable[[], int] = os.getpid,
        monotonic: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """
        @param environ: the environment.  C{NOTIFY_SOCKET}, C{WATCHDOG_USEC} and
            C{WATCHDOG_PID} are removed from it, so that no child process notifies
            instead of this one.
        @param makeSocket: makes a socket of an address family and a type.
        @param getPid: gives this process's number.
        @param monotonic: gives CLOCK_MONOTONIC in nanoseconds.
        """
        self._getPid = getPid
        self._monotonic = monotonic
        self._address = environ.pop("NOTIFY_SOCKET", "")
        self._watchdogTime = environ.pop("WATCHDOG_USEC", "")
        self._watchdogPid = environ.pop("WATCHDOG_PID", "")
        self._hasFailed = self._isStopping = False
        self._socket: socket.socket | None = None
        if self._address:
            self._connect(makeSocket)

    def _connect(self, makeSocket: Callable[[int, int], socket.socket]) -> None:
        """
        Open the socket.
        """
        path = os.fsencode(self._address)
        if path.startswith(b"@"):
            # A name in the kernel's abstract namespace, not a file.
            path = b"\0" + path[1:]
        made = makeSocket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            made.setblocking(False)
            made.connect(path)
        except OSError as error:
            made.close()
            self._failed(error)
        else:
            self._socket = made

    @property
    def watchdogInterval(self) -> float | None:
        """
        Seconds between two calls of L{kick}: half of the time that systemd waits for
        one.  L{None} where it waits for none, or for another process's.
        """
        isOurs = self._watchdogPid in ("", str(self._getPid()))
        if self._socket is None or not isOurs or not self._watchdogTime.isdecimal():
            return None
        return int(self._watchdogTime) / 2e6 or None

    def ready(self) -> None:
        """
        Report that the daemon listens, or that it has reloaded, unless it stops.
        """
        if not self._isStopping:
            self._send("READY=1", "STATUS=Listening")

    def reloading(self) -> None:
        """
        Report that the daemon reloads; L{ready} reports the end.
        """
        now = self._monotonic() // 1000
        self._send("RELOADING=1", f"MONOTONIC_USEC={now}", "STATUS=Reloading")

    def stopping(self) -> None:
        """
        Report that the daemon stops.
        """
        self._isStopping = True
        self._send("STOPPING=1", "STATUS=Draining connections")

    def kick(self) -> None:
        """
        Report that the daemon is not stuck.
        """
        self._send("WATCHDOG=1")

    def _send(self, *assignments: str) -> None:
        """
        Send a datagram, where there is a socket.
        """
        if self._socket is None:
            return
        try:
            self._socket.send("\n".join(assignments).encode())
        except OSError as error:
            self._failed(error)

    def _failed(self, error: OSError) -> None:
        """
        Log the first error.
        """
        if not self._hasFailed:
            self._hasFailed = True
            log.warn(
                "cannot notify systemd at {address!r}: {error}",
                address=self._address,
                error=error.strerror or error,
            )


class NotifyingService(MultiService):
    """
    Runs the daemon's services, and notifies systemd.

    The daemon is ready when all services have started and the reactor runs: only then
    are the handlers of signals in place.  One with workers waits for them, too.  It is
    stopping before the first service stops.  The reactor kicks the watchdog, so a
    reactor that is stuck does not.  This lasts until all services have stopped: that
    may take longer than the watchdog waits.
    """

    def __init__(
        self,
        reactor: Any,
        notifier: Notifier,
        isHealthy: Callable[[], bool] = lambda: True,
        awaited: Deferred[None] | None = None,
    ) -> None:
        """
        @param reactor: the reactor: an L{IReactorCore
            <twisted.internet.interfaces.IReactorCore>} with timers.
        @param notifier: notifies systemd.
        @param isHealthy: tells whether to kick the watchdog.
        @param awaited: fires when the daemon is ready; L{None}: when the reactor runs.
        """
        MultiService.__init__(self)
        self._reactor = reactor
        self._notifier = notifier
        self._isHealthy = isHealthy
        self._awaited = awaited
        self._watchdog: LoopingCall = LoopingCall(self._kick)
        self._watchdog.clock = reactor

    def startService(self) -> None:
        """
        Start the services.
        """
        MultiService.startService(self)
        if self._awaited is None:
            self._reactor.callWhenRunning(self._started)
        else:
            self._awaited.addCallback(lambda _: self._started())

    def _started(self) -> None:
        """
        Report that the daemon is ready, and start the watchdog's timer.
        """
        self._notifier.ready()
        interval = self._notifier.watchdogInterval
        if interval is not None:
            self._watchdog.start(interval)

    def _kick(self) -> None:
        """
        Kick the watchdog, unless the daemon is of no use.
        """
        if self._isHealthy():
            self._notifier.kick()

    def stopService(self) -> Deferred[Any]:
        """
        Stop the services.

        @return: fires when all of them have stopped.
        """
        self._notifier.stopping()
        stopped: Deferred[Any] = MultiService.stopService(self)
        return stopped.addBoth(self._stopped)

    def _stopped(self, result: object) -> object:
        """
        Stop the watchdog's timer: the services have stopped.
        """
        if self._watchdog.running:
            self._watchdog.stop()
        return result
