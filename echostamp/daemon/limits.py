"""
Time limits of the daemon's connections, beside their bounded log.

How many connections there may be is decided in L{echostamp.listen.gate}.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from echostamp.daemon.boundedlog import BoundedLog
from echostamp.daemon.echocounts import EchoCounts
from echostamp.line.connectionlog import ConnectionLog, LoggedConnection
from echostamp.tcpinfo import acknowledged
from echostamp.times import STOPPED


def isProxysOwn(transport: object) -> bool:
    """
    Check whether a proxy has made a connection for itself, such as a health check
    (LOCAL), or does not know the client (UNKNOWN).  L{ProxyReceiver
    <echostamp.listen.proxy.ProxyReceiver>} notes this.

    @param transport: a protocol's, of any kind.
    """
    return getattr(transport, "isProxysOwn", False) is True


class TimedConnectionLog(ConnectionLog):
    """
    Logs the connections of the daemon, and closes those that exceed a time limit.

    @ivar counts: counts the connections.
    """

    def __init__(
        self,
        reactor: Any,
        idleTimeout: float | None = None,
        maxAge: float | None = None,
        grace: float = 1.0,
        acknowledged: Callable[[Any], int] = acknowledged,
        counts: EchoCounts | None = None,
    ) -> None:
        """
        @param reactor: runs the timers: an L{IReactorTime
            <twisted.internet.interfaces.IReactorTime>}.
        @param idleTimeout: seconds after which a connection is closed that has neither
            sent a complete message nor read a reply; L{None} for no limit.
        @param maxAge: seconds after which a connection is drained; L{None} for no
            limit.
        @param grace: seconds after which a connection that is drained is aborted.
        @param acknowledged: gives the octets that a peer has acknowledged: see
            L{echostamp.tcpinfo.acknowledged}.
        @param counts: counts the connections, also those that are not logged.
        """
        self.counts = counts or EchoCounts()
        self._reactor = reactor
        self._idleTimeout = idleTimeout
        self._maxAge = maxAge
        self._grace = grace
        self._log = BoundedLog(reactor)
        self._acknowledged = acknowledged
        self._timers: dict[LoggedConnection, list[Any]] = {}
        self._taken: dict[LoggedConnection, int] = {}
        self.watchesActivity = idleTimeout is not None

    def admits(self, kind: str) -> bool:
        """Write a line, unless there are too many of its kind."""
        return self._log.admits(kind)

    def refused(self, peer: str, reason: str) -> None:
        """
        Log that a connection was refused.

        @param peer: the peer's name.
        @param reason: why.
        """
        self.write("refusals", "{peer} refused: {reason}", peer=peer, reason=reason)

    def admitted(self, peer: str, subject: str) -> None:
        """
        Log the certificate that a peer has shown.

        @param peer: the peer's name.
        @param subject: the certificate's subject.
        """
        self.write("certificates", "{peer} is {subject}", peer=peer, subject=subject)

    def connected(self, connection: LoggedConnection) -> None:
        """
        Log a new connection, and start its timers.  A proxy's own connection is not
        logged: health checks come once or twice a second.
        """
        self.counts.connected()
        if not isProxysOwn(connection.transport):
            super().connected(connection)
        if self._idleTimeout is not None:
            self._after(self._idleTimeout, connection, self._checkIdle)
        if self._maxAge is not None:
            self._after(self._maxAge, connection, self._tooOld)

    def finish(self) -> None:
        """Complete the log: no connection is left."""
        self._log.finish()

    def disconnected(self, connection: LoggedConnection) -> None:
        """Log the end of a connection, and stop its timers."""
        self.counts.disconnected(connection)
        self._taken.pop(connection, None)
        for timer in self._timers.pop(connection, ()):
            if timer.active():
                timer.cancel()
        if connection.octets or not isProxysOwn(connection.transport):
            super().disconnected(connection)

    def _after(
        self,
        seconds: float,
        connection: LoggedConnection,
        call: Callable[[LoggedConnection], None],
    ) -> None:
        """
        Call something later, unless the connection ends before.
        """
        timers = [each for each in self._timers.get(connection, ()) if each.active()]
        timers.append(self._reactor.callLater(seconds, call, connection))
        self._timers[connection] = timers

    def _checkIdle(self, connection: LoggedConnection) -> None:
        """
        Close a connection that has been idle for too long; check any other later.
        """
        assert self._idleTimeout is not None
        left = connection.lastActive + self._idleTimeout - self._reactor.seconds()
        if connection.isFull:
            # The transport has room again only when the peer has read much of what the
            # kernel holds.  The kernel knows about each octet.
            taken = self._acknowledged(connection.transport)
            before, self._taken[connection] = self._taken.get(connection, 0), taken
            if taken > before:
                left = self._idleTimeout
        elif connection.isBlocked or connection.isHolding:
            # It waits for other members of the intercom, or for the relay, so it is not
            # idle.
            left = self._idleTimeout
        if left > 0:
            self._after(left, connection, self._checkIdle)
            return
        # A message may have come while this process was stopped.  A reactor runs its
        # timers before the reads of the same turn.
        self._after(0, connection, self._endIdle)

    def _endIdle(self, connection: LoggedConnection) -> None:
        """
        Close a connection, unless one more turn of reads has found a message.
        """
        assert self._idleTimeout is not None
        left = connection.lastActive + self._idleTimeout - self._reactor.seconds()
        if left > 0:
            self._after(left, connection, self._checkIdle)
            return
        self.write("idle connections", "{peer} was idle too long", peer=connection.peer)
        connection.end()

    def _tooOld(self, connection: LoggedConnection) -> None:
        """
        Drain a connection that is too old, and abort it after the grace.
        """
        self.write(
            "old connections", "{peer} was connected too long", peer=connection.peer
        )
        connection.drain()
        self._startGrace(connection)

    def _startGrace(self, connection: LoggedConnection) -> None:
        """
        Abort a connection after the grace.  Begin the grace again where this process
        was stopped meanwhile: it has answered nothing.
        """
        due = self._reactor.seconds() + self._grace

        def over(connection: LoggedConnection) -> None:
            if self._reactor.seconds() - due > STOPPED:
                self._startGrace(connection)
            else:
                connection.abort()

        self._after(self._grace, connection, over)
