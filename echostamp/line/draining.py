"""
Drain a connection: answer what has arrived, then close without a reset.
"""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from echostamp.baresocket import isBareSocket

#: Seconds of silence after which a connection is drained: nothing more of what its peer
#: sent is on the way.
DRAINED = 0.25

#: Seconds that a far end has to close its side after our client has closed its own.
LINGER = 0.5


class DrainedConnection(Protocol):
    """
    What L{Draining} needs of a connection.

    @ivar transport: the connection's transport.
    """

    transport: Any

    @property
    def isHolding(self) -> bool:
        """Whether replies wait; the owner then calls L{Draining.wait} later."""

    def answerRest(self) -> bool:
        """
        Answer the message that has no end yet.

        @return: whether all replies are sent.
        """

    def halfClose(self) -> None:
        """Send FIN, and ignore all further input."""

    def close(self) -> None:
        """Close: all replies are sent."""


class Draining:
    """
    Close a connection once its replies are sent and nothing has arrived for L{DRAINED}
    seconds.  There is no time limit: a peer that keeps sending, or does not read, keeps
    its connection.

    Closing a socket whose input is still unread would reset the connection and destroy
    replies in flight.  So FIN is sent first.  Input is then ignored for another
    L{DRAINED} seconds before the close.

    One exists only for a connection that is being drained.
    """

    __slots__ = ("_connection", "_isHalfClosed", "_reactor", "_timer")

    def __init__(self, reactor: IReactorTime, connection: DrainedConnection) -> None:
        """
        @param reactor: runs the timer.
        @param connection: the connection to close.
        """
        self._reactor = reactor
        self._connection = connection
        self._isHalfClosed = False
        self._timer: IDelayedCall | None = None

    def wait(self) -> None:
        """
        Start the seconds of silence again, unless replies wait.
        """
        self.stop()
        if not self._connection.isHolding:
            self._timer = self._reactor.callLater(DRAINED, self._waited)

    def stop(self) -> None:
        """
        Stop the timer.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _waited(self) -> None:
        """
        Look once more, in the next turn, at what can be read.  It may have come while
        this process was stopped, and a reactor runs its timers before the reads of the
        same turn.
        """
        self._timer = self._reactor.callLater(0, self._silent)

    def _silent(self) -> None:
        """
        Send what is still owed, then FIN, then close: one step for each silence.
        """
        self._timer = None
        connection = self._connection
        if not self._isHalfClosed:
            if not connection.answerRest():
                connection.transport.pauseProducing()
                return
            if isBareSocket(connection.transport):
                self._isHalfClosed = True
                connection.halfClose()
                self.wait()
                return
        connection.close()
