"""
The log of connections: a line when one is made, and a line when it has ended.
"""

from __future__ import annotations

from typing import Any, Protocol

from twisted.logger import Logger

from echostamp.text import counted

log = Logger(namespace="echostamp")


class LoggedConnection(Protocol):
    """
    What the log uses of a connection.  L{ConnectionLog} reads C{peer}, C{messages},
    C{octets} and C{age}; a subclass that closes connections uses the other members.

    @ivar transport: the connection's transport.
    """

    transport: Any

    @property
    def peer(self) -> str:
        """The far end's address, as text."""

    @property
    def messages(self) -> int:
        """How many messages have been stamped."""

    @property
    def octets(self) -> int:
        """How many octets have been read."""

    @property
    def age(self) -> float:
        """Seconds since the connection was made."""

    @property
    def lastActive(self) -> float:
        """When the connection was last active, in the reactor's seconds."""

    @property
    def isFull(self) -> bool:
        """Whether replies wait for the peer to read."""

    @property
    def isBlocked(self) -> bool:
        """Whether a reply would have to wait."""

    @property
    def isHolding(self) -> bool:
        """Whether replies wait."""

    def end(self) -> None:
        """Close the connection, or abort it where its peer does not read."""

    def drain(self) -> None:
        """Answer what has arrived, then close."""

    def abort(self) -> None:
        """Abort the connection."""


class ConnectionLog:
    """
    Write a line to the log when a connection is made, and when it has ended.

    @ivar watchesActivity: whether connections must keep L{LoggedConnection.lastActive}
        up to date.
    """

    watchesActivity = False

    def connected(self, connection: LoggedConnection) -> None:
        """
        Log a new connection.
        """
        if self.admits("arrivals"):
            log.info("{peer} connected", bounded="arrivals", peer=connection.peer)

    def disconnected(self, connection: LoggedConnection) -> None:
        """
        Log the end of a connection, with its counts.
        """
        if self.admits("departures"):
            log.info(
                "{peer} disconnected: {messages}, {octets}, {seconds:.3f} s",
                bounded="departures",
                peer=connection.peer,
                messages=counted(connection.messages, "message"),
                octets=counted(connection.octets, "byte"),
                seconds=connection.age,
            )

    def finish(self) -> None:
        """
        Complete the log: the last connection has ended, and no other will be made.
        """

    def write(self, kind: str, format: str, **fields: object) -> None:
        """
        Write a line.

        @param kind: see L{admits}.
        @param format: as C{Logger.info} takes it, with C{fields}.
        """
        if self.admits(kind):
            log.info(format, bounded=kind, **fields)

    def admits(self, kind: str) -> bool:
        """
        Check whether one more line is written, and count it.

        @param kind: the kind of event; a subclass may limit how many lines of each kind
            are written.
        """
        return True
