"""
One connection to Redis.

This module imports txredisapi, which is an optional dependency, and imports the
reactor: so it is imported only where a relay is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure
from txredisapi import BaseRedisProtocol, RedisError, ResponseError

from echostamp.connect.failures import whatFailed
from echostamp.daemon.redisreplies import isPossible, whyRefused
from echostamp.intercom.relay import RelayError

#: The most octets of a reply: 32 entries of the longest text, and what goes with them.
LONGEST_REPLY = 1 << 24

#: The most strings of a reply: an entry of many small ones would take long to read.
MOST_STRINGS = 1 << 14

#: How often the owner calls L{RedisConnection.tick}, in seconds, and how many ticks the
#: server may leave a command unanswered.
TICK, MOST_TICKS = 1.0, 10

TOO_LONG = f"it sent more than {LONGEST_REPLY >> 20} MiB or {MOST_STRINGS} strings"
NOT_REDIS = "it does not speak Redis' protocol"
SILENT = f"it did not answer for {TICK * MOST_TICKS:g} s"


class RedisConnection(BaseRedisProtocol):  # type: ignore[misc]
    """
    Sends commands to Redis, and gives up the connection on any error, on a reply that
    is too long, and on silence.

    @ivar why: why the connection was given up or lost; empty while it is open.
    @ivar longId: the id of the first entry in the reply that was too long; L{None}
        where there is none.
    """

    def __init__(self, key: bytes, lost: Callable[[RedisConnection], object]) -> None:
        """
        @param key: the key of the stream.
        @param lost: is called with this connection when it is lost.
        """
        super().__init__(charset=None, convertNumbers=False)
        self.why = ""
        self.longId: bytes | None = None
        self._key = key
        self._lost = lost
        self._octets = self._strings = self._silent = 0
        self._first: list[bytes] = []
        self._rest = b""

    def command(self, *words: bytes) -> Deferred[Any]:
        """
        Send a command.

        @return: fires with the reply, or fails with L{RelayError}.
        """
        return self.tried(*words).addErrback(self._refused, words)

    def tried(self, *words: bytes) -> Deferred[Any]:
        """
        Send a command, and leave Redis' own error to the caller.

        @return: fires with the reply; fails with C{ResponseError} where Redis refuses
            the command, else with L{RelayError}.
        """
        if self.why or not self.connected:
            return fail(RelayError(self.why or "it is not connected"))
        sent: Deferred[Any] = self.execute_command(*words)
        return sent.addErrback(self._failed)

    def _failed(self, failure: Failure) -> Failure:
        """
        Keep an error of Redis, and explain a lost connection.
        """
        if failure.check(RedisError) and not failure.check(ResponseError):
            self.giveUp(NOT_REDIS)
            raise RelayError(self.why) from None
        return failure

    def _refused(self, failure: Failure, words: tuple[bytes, ...]) -> None:
        """
        Give up the connection: what Redis refuses once, it refuses again.
        """
        if failure.check(ResponseError):
            self.giveUp(whyRefused(words, str(failure.value)))
            raise RelayError(self.why) from None
        failure.raiseException()

    def giveUp(self, why: str) -> None:
        """
        Abort the connection.

        @param why: the reason; the first one is kept.
        """
        self.why = self.why or why
        self.transport.abortConnection()

    def tick(self) -> None:
        """
        Give up the connection if a command was not answered for L{MOST_TICKS} ticks.

        A process that was stopped misses the ticks of that time, so it does not count.
        """
        self._silent += 1
        if not self.replyQueue.waiting:
            self._silent = 0
        elif self._silent > MOST_TICKS:
            self.giveUp(SILENT)

    def dataReceived(self, data: bytes, unpause: bool = False) -> None:
        """
        Read replies.

        txredisapi would take a turn of the reactor for each string of a reply, and
        pause the transport meanwhile: so that is done here, in a loop.
        """
        self._silent = 0
        self._octets += len(data)
        if self._octets > LONGEST_REPLY:
            self._giveUpLong()
        while data and not self.why:
            self._rest = b""
            try:
                super().dataReceived(data)
            except UnicodeDecodeError:
                self.giveUp(NOT_REDIS)
            data = self._rest

    def setLineMode(self, extra: bytes = b"") -> None:
        """Read lines again, and keep what was received behind a string."""
        self.line_mode = 1
        self._rest = extra

    def lineLengthExceeded(self, line: bytes) -> None:
        """Give up a server of another protocol."""
        self.giveUp(NOT_REDIS)

    def bulkDataReceived(self, data: bytes | None) -> None:
        """Keep the first two strings of a reply: one of them is the id of its first
        entry.  Count all."""
        self._strings += 1
        if self._strings > MOST_STRINGS:
            self._giveUpLong()
            return
        if data is not None and len(self._first) < 2:
            self._first.append(data)
        super().bulkDataReceived(data)

    def replyReceived(self, reply: object) -> None:
        """Count the next reply from its beginning."""
        self._octets = self._strings = 0
        self._first = []
        super().replyReceived(reply)

    def _giveUpLong(self) -> None:
        """
        Note the id of the entry that is too long, and give up the connection.
        """
        # The reply of XREAD has the key of the stream before it.
        named = self._first[1:] if self._first[:1] == [self._key] else self._first
        if named and isPossible(named[0]):
            self.longId = named[0]
        self.giveUp(TOO_LONG)

    def connectionLost(self, reason: Failure) -> None:
        """Fail all commands that were not answered, then tell the owner."""
        if not self.why:
            isClosed = reason.check(ConnectionDone)
            closed = "it closed the connection"
            self.why = closed if isClosed else whatFailed(reason)
        super().connectionLost(reason)
        self._lost(self)
