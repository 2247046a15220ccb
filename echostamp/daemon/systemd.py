"""
What the daemon tells systemd, and the UNIX sockets that it gets from it.

The protocol is sd_notify(3)'s: each message is one datagram to a UNIX socket that the
environment names.  Where it names none, nothing is said.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, MutableMapping
from typing import Any

from twisted.application.service import MultiService
from twisted.internet import tcp, unix
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

log = Logger(namespace="echostamp")


class Notifier:
    """
    Tell systemd how the daemon is.

    The socket is opened once and early: what has run out of file descriptors, changed
    its root or dropped its privileges since then is still alive, and says so.
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
            C{WATCHDOG_PID} are taken out of it: no other process is to speak for
            this one.
        @param makeSocket: makes a socket of an address family and a type.
        @param getPid: gives this process's number.
        @param monotonic: gives CLOCK_MONOTONIC in nanoseconds.
        """
        self._getPid = getPid
        self._monotonic = monotonic
        self._address = environ.pop("NOTIFY_SOCKET", "")
        self._watchdogTime = environ.pop("WATCHDOG_USEC", "")
        self._watchdogPid = environ.pop("WATCHDOG_PID", "")
        self._hasFailed = False
        self._socket: socket.socket | None = None
        if self._address:
            self._connect(makeSocket)

    def _connect(self, makeSocket: Callable[[int, int], socket.socket]) -> None:
        """
        Open the socket.
        """
        path = os.fsencode(self._address)
        if path.startswith(b"@"):
            # No file, but a name in the kernel's abstract namespace.
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
        Seconds between two calls of L{kick}: half of what systemd waits for one; or
        L{None} where it waits for none, or for another process's.
        """
        isOurs = self._watchdogPid in ("", str(self._getPid()))
        if self._socket is None or not isOurs or not self._watchdogTime.isdecimal():
            return None
        return int(self._watchdogTime) / 2e6 or None

    def ready(self) -> None:
        """
        Say that the daemon listens, or that it has reloaded.
        """
        self._send("READY=1", "STATUS=Listening")

    def reloading(self) -> None:
        """
        Say that the daemon reloads; L{ready} says when that is done.
        """
        now = self._monotonic() // 1000
        self._send("RELOADING=1", f"MONOTONIC_USEC={now}", "STATUS=Reloading")

    def stopping(self) -> None:
        """
        Say that the daemon was told to stop.
        """
        self._send("STOPPING=1", "STATUS=Draining connections")

    def kick(self) -> None:
        """
        Say that the daemon is not stuck.
        """
        self._send("WATCHDOG=1")

    def _send(self, *assignments: str) -> None:
        """
        Send a datagram, if there is somebody to read it.
        """
        if self._socket is None:
            return
        try:
            self._socket.send("\n".join(assignments).encode())
        except OSError as error:
            self._failed(error)

    def _failed(self, error: OSError) -> None:
        """
        Log that systemd cannot be told, the first time.
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
    Run the daemon's services, and tell systemd about it.

    It is ready when all of them have started and the reactor runs, so that a signal
    finds its handlers; it is stopping before the first of them stops.  The watchdog is
    kicked by the reactor, so that a reactor that is stuck does not; and until the last
    of them has stopped, as that may take longer than the watchdog waits.
    """

    def __init__(self, reactor: Any, notifier: Notifier) -> None:
        """
        @param reactor: what runs: an L{IReactorCore
            <twisted.internet.interfaces.IReactorCore>} with timers.
        @param notifier: tells systemd.
        """
        MultiService.__init__(self)
        self._reactor = reactor
        self._notifier = notifier
        self._watchdog: LoopingCall = LoopingCall(notifier.kick)
        self._watchdog.clock = reactor

    def startService(self) -> None:
        """
        Start the services; when the reactor runs, the daemon is ready.
        """
        MultiService.startService(self)
        self._reactor.callWhenRunning(self._started)

    def _started(self) -> None:
        """
        The reactor runs.
        """
        self._notifier.ready()
        interval = self._notifier.watchdogInterval
        if interval is not None:
            self._watchdog.start(interval)

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
        The services have stopped.
        """
        if self._watchdog.running:
            self._watchdog.stop()
        return result


class AdoptedUnixPort(unix.Port):
    """
    A UNIX socket that somebody else has bound, and keeps.

    Twisted's own takes such a socket for its property: it makes the file writable for
    everyone, shortens the backlog, and at the end shuts the socket down and deletes
    the file, after which systemd waits for ever on a socket that nobody can reach.
    """

    def __init__(
        self, reactor: Any, listening: socket.socket, factory: IProtocolFactory
    ) -> None:
        """
        @param reactor: what reads: an L{IReactorFDSet
            <twisted.internet.interfaces.IReactorFDSet>}.
        @param listening: a stream socket that listens and does not block.  It is
            closed when the port stops to listen.
        @param factory: makes the protocols of the connections.
        """
        path = os.fsencode(listening.getsockname())
        unix.Port.__init__(self, path, factory, reactor=reactor)
        self._shouldShutdown = False
        self._adopted = listening

    def startListening(self) -> None:
        """
        Accept connections.
        """
        # With this one in reserve Twisted can refuse who comes when there are no file
        # descriptors left.
        tcp._reservedFD.reserve()
        # What follows is what Twisted's own does, which is not annotated.
        port: Any = self
        port.factory.doStart()
        port.connected = True
        port.socket = self._adopted
        port.fileno = self._adopted.fileno
        port.numberAccepts = 100
        port.startReading()

    def connectionLost(self, reason: Failure) -> None:
        """
        Accept no more, and leave the file to its owner.
        """
        tcp.Port.connectionLost(self, reason)


def adoptUnixPort(
    reactor: Any, fileDescriptor: int, factory: IProtocolFactory
) -> IListeningPort:
    """
    Listen on a UNIX socket that somebody else has bound, and keeps.

    @param reactor: what reads: an L{IReactorFDSet
        <twisted.internet.interfaces.IReactorFDSet>}.
    @param fileDescriptor: a stream socket that listens.  It stays the caller's to
        close.
    @param factory: makes the protocols of the connections.
    """
    listening = socket.socket(fileno=os.dup(fileDescriptor))
    listening.setblocking(False)
    port = AdoptedUnixPort(reactor, listening, factory)
    port.startListening()
    return port
