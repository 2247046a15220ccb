"""
Who comes and goes: the log of connections.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.logger import Logger

if TYPE_CHECKING:
    from echostamp.line.protocol import TimestampEcho

log = Logger(namespace="echostamp")


class Visitors:
    """
    Who is told of connections as they come and go.  This writes the log.

    @ivar watchesActivity: whether L{TimestampEcho.lastActive} is asked for.
    """

    watchesActivity = False

    def arrived(self, echo: TimestampEcho) -> None:
        """
        A connection has been made.
        """
        self.say("arrivals", "{peer} connected", peer=echo.peer)

    def left(self, echo: TimestampEcho) -> None:
        """
        A connection is gone.
        """
        self.say(
            "departures",
            "{peer} disconnected: {messages} messages, {octets} bytes, {seconds:.3f} s",
            peer=echo.peer,
            messages=echo.messages,
            octets=echo.octets,
            seconds=echo.age,
        )

    def finished(self) -> None:
        """
        Nobody is left, and nobody will come.
        """

    def say(self, kind: str, format: str, **fields: object) -> None:
        """
        Write a line.

        @param kind: what it is about.
        @param format: as L{Logger.info} takes it, with C{fields}.
        """
        log.info(format, **fields)
