"""
Counts the connections of the echo.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from echostamp.line.connectionlog import LoggedConnection

#: Why a connection is refused: the limits of connections, its TLS handshake, or its
#: PROXY header.
LIMIT, TLS, PROXY = "limit", "tls", "proxy"


class EchoFigures(NamedTuple):
    """
    The figures of the echo.

    @ivar connections: how many connections there are.
    @ivar made: how many there were.
    @ivar messages: how many messages were answered.
    @ivar octets: how many octets were received.
    """

    connections: int
    made: int
    messages: int
    octets: int

    def plus(self, other: EchoFigures) -> EchoFigures:
        """
        Add the figures of another process.
        """
        return EchoFigures(*map(sum, zip(self, other, strict=True)))


class EchoCounts:
    """
    Counts the connections that were made and refused.

    @ivar refused: how many were refused, by the reason.
    """

    def __init__(self) -> None:
        self.refused = dict.fromkeys((LIMIT, TLS, PROXY), 0)
        self._made = self._messages = self._octets = 0

    def refusing(
        self, reason: str, report: Callable[[str, str], None]
    ) -> Callable[[str, str], None]:
        """
        Make a function that counts a refused connection, and reports it.

        @param reason: L{LIMIT}, L{TLS} or L{PROXY}.
        @param report: called with the peer's name and the reason in words.
        """

        def refused(peer: str, why: str) -> None:
            self.refused[reason] += 1
            report(peer, why)

        return refused

    def connected(self) -> None:
        """
        A connection was made.
        """
        self._made += 1

    def disconnected(self, connection: LoggedConnection) -> None:
        """
        A connection has ended.
        """
        self._messages += connection.messages
        self._octets += connection.octets

    def figures(self, connections: Iterable[LoggedConnection]) -> EchoFigures:
        """
        Give the figures so far.

        @param connections: the present ones.
        """
        messages, octets, count = self._messages, self._octets, 0
        for each in connections:
            messages += each.messages
            octets += each.octets
            count += 1
        return EchoFigures(count, self._made, messages, octets)
