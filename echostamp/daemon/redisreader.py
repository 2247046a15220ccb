"""
Reads the entries of a stream of Redis, one at a time and in order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from echostamp.daemon.redisconnection import RedisConnection
from echostamp.daemon.redisreplies import entriesOf, idAfter, idBefore
from echostamp.intercom.entries import Fields
from echostamp.intercom.relay import BEGINNING, IRelayUser, orderOf

log = Logger(namespace="echostamp")

#: How many entries are read at a time, and how many milliseconds Redis waits for one:
#: with a stop of 5 s it still answers before the connection is given up.
COUNT, BLOCK = 32, 4000

#: The most octets that L{entriesBefore} gives.
LONGEST_BEFORE = 1 << 24


class LongEntries:
    """
    The entries of a stream that are too long to be read.  They are passed over.

    Redis gives the ids of entries with their content only.  So a reply that is too long
    is given up, and is asked for again with one entry at a time, until the one that
    alone is too long has shown its id.

    @ivar count: how many entries are asked for at a time.
    @ivar ids: the ids of the long ones, as numbers, in order.
    """

    #: So many are remembered; then the oldest are forgotten, and found again.
    most = 1000

    def __init__(self) -> None:
        self.count = COUNT
        self.ids: list[tuple[int, int]] = []
        self._singles = 0

    def found(self, id: bytes | None) -> bool:
        """
        Note that a reply was too long.

        @param id: the id of its first entry.
        @return: whether that entry alone is too long.
        """
        if self.count > 1 or id is None:
            self.count, self._singles = 1, COUNT
            return False
        self.count = COUNT
        self.ids = sorted({*self.ids, orderOf(id)})[-self.most :]
        return True

    def read(self) -> None:
        """
        Note that a reply was not too long.  After so many single entries the long one
        must have been trimmed.
        """
        self._singles -= 1
        if self._singles <= 0:
            self.count = COUNT

    def __contains__(self, id: bytes) -> bool:
        return orderOf(id) in self.ids

    def after(self, id: bytes) -> bytes | None:
        """
        Give the first one behind an id.
        """
        behind = [each for each in self.ids if each > orderOf(id)]
        return b"%d-%d" % behind[0] if behind else None

    def before(self, id: bytes) -> bytes | None:
        """
        Give the last one before an id.
        """
        ahead = [each for each in self.ids if each < orderOf(id)]
        return b"%d-%d" % ahead[-1] if ahead else None


async def entriesBefore(
    command: Callable[..., Deferred[Any]],
    key: bytes,
    long: LongEntries,
    id: bytes,
    count: int,
) -> list[tuple[bytes, Fields]]:
    """
    Read the last entries up to an id, at most L{LONGEST_BEFORE} octets.

    @param command: sends a command.
    @param key: the key of the stream.
    @param long: the entries to pass over.
    @param id: the last entry that may be given.
    @param count: the most entries.
    @return: the oldest first.
    """
    found: deque[tuple[bytes, Fields]] = deque()
    octets = 0
    while id != BEGINNING and len(found) < count:
        if id in long:
            id = idBefore(id)
            continue
        bound = long.before(id)
        asked = b"%d" % min(long.count, count - len(found))
        first = idAfter(bound) if bound else b"-"
        entries = entriesOf(
            await command(b"XREVRANGE", key, id, first, b"COUNT", asked)
        )
        for entry in entries:
            octets += sum(len(one) + len(other) for one, other in entry[1])
            if octets > LONGEST_BEFORE:
                return list(found)
            found.appendleft(entry)
        if entries:
            id = idBefore(entries[-1][0])
        elif bound is None:
            break
        else:
            id = bound
    return list(found)


class RedisReader:
    """
    Gives the user one entry after the other.
    """

    def __init__(
        self, reactor: Any, key: bytes, user: IRelayUser, long: LongEntries
    ) -> None:
        """
        @param reactor: has a turn between L{resume} and the next entry.
        @param key: the key of the stream.
        @param long: the entries to pass over.
        """
        self._reactor = reactor
        self._key = key
        self._user = user
        self._long = long
        self._connection: RedisConnection | None = None
        self._after: bytes | None = None
        self._entries: deque[tuple[bytes, Fields]] = deque()
        self._isPaused = self._isAsking = self._isDue = False

    def begin(self, connection: RedisConnection) -> None:
        """
        Use a new connection.  What to read is said by L{read}.
        """
        self._connection = connection

    def end(self) -> None:
        """
        Read no more: the connection was lost.
        """
        self._connection = self._after = None
        self._isAsking = False
        self._entries.clear()

    def read(self, after: bytes) -> None:
        """
        Read the entries behind an id.  This replaces an earlier one.
        """
        self._after = after
        self._entries.clear()
        self._soon()

    def pause(self) -> None:
        """
        Give no entry until L{resume}.
        """
        self._isPaused = True

    def resume(self) -> None:
        """
        Give entries again, from another turn of the reactor on.
        """
        self._isPaused = False
        self._soon()

    def _soon(self) -> None:
        """
        Go on in another turn of the reactor.
        """
        if not self._isDue:
            self._isDue = True
            self._reactor.callLater(0, self._turn)

    def _turn(self) -> None:
        """
        Give what was read, then ask for more.
        """
        self._isDue = False
        while self._entries and not self._isPaused:
            id, fields = self._entries.popleft()
            self._after = id
            try:
                self._user.received(id, fields)
            except Exception:
                # One entry must not end the reading.
                log.failure("relay: entry {id}", id=repr(id))
        if not (self._entries or self._isPaused or self._isAsking):
            self._ask()

    def _ask(self) -> None:
        """
        Ask for entries.
        """
        if self._connection is None or self._after is None:
            return
        self._isAsking = True
        count = b"%d" % self._long.count
        long = self._long.after(self._after)
        if long is None:
            block = b"BLOCK", b"%d" % BLOCK, b"STREAMS", self._key, self._after
            asked = self._connection.command(b"XREAD", b"COUNT", count, *block)
            asked.addCallback(lambda reply: reply and reply[0][1])
        else:
            between = idAfter(self._after), idBefore(long)
            asked = self._connection.command(
                b"XRANGE", self._key, *between, b"COUNT", count
            )
        # The connection tells its owner why it fails.
        asked.addCallbacks(
            self._answered, lambda failure: None, callbackArgs=(self._after, long)
        )

    def _answered(self, reply: Any, after: bytes, long: bytes | None) -> None:
        """
        Keep what was read, unless it is wanted no more.
        """
        entries = entriesOf(reply)
        isFull = len(entries) >= self._long.count
        self._long.read()
        isExpected = self._connection is not None and after == self._after
        if not (isFull and isExpected) or after == BEGINNING or after in self._long:
            self._checked(True, after, long, entries)
            return
        assert self._connection is not None
        # Only where so much follows may Redis have trimmed what comes first: then
        # nothing is left up to the place.
        checked = self._connection.command(
            b"XREVRANGE", self._key, after, b"-", b"COUNT", b"1"
        )
        checked.addCallbacks(
            self._checked, lambda failure: None, callbackArgs=(after, long, entries)
        )

    def _checked(
        self,
        isThere: object,
        after: bytes,
        long: bytes | None,
        entries: list[tuple[bytes, Fields]],
    ) -> None:
        """
        Keep what was read, and give it.

        @param isThere: false if entries before these have been trimmed.
        """
        self._isAsking = False
        if after == self._after and not isThere:
            self._after = None
            self._user.trimmed()
        elif after == self._after:
            self._entries.extend(entries)
            if long is not None and not entries:
                self._after = long
        self._turn()
