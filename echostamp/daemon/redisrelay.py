"""
The relay of the intercom on Redis: a stream, and a key for each daemon.

C{KEY} is the stream, C{KEY:daemons} the set of the daemons, C{KEY:daemon:ID} the state
of one, which expires, and C{KEY:claim:WHAT} a claim.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, FirstError, fail, gatherResults
from twisted.internet.task import deferLater
from twisted.logger import Logger
from zope.interface import implementer

from echostamp.daemon.redisconnection import TOO_LONG, RedisConnection
from echostamp.daemon.redislink import RedisLink
from echostamp.daemon.redisreader import LongEntries, RedisReader, entriesBefore
from echostamp.daemon.redisreplies import isPossible
from echostamp.daemon.relayplace import RelayPlace
from echostamp.intercom.entries import Fields
from echostamp.intercom.relay import PRESENT, IRelay, IRelayUser, RelayError
from echostamp.keyfiles import DISK, Files

log = Logger(namespace="echostamp")

#: How many entries the stream keeps at least.
KEEPS = 10_000

#: The most daemons of one key, the most octets of the state of one, and of all that are
#: read together.
MOST_DAEMONS, LONGEST_STATE, LONGEST_STATES = 1000, 1 << 22, 1 << 26


@implementer(IRelay)
class RedisRelay:
    """
    A relay on Redis.

    @ivar long: the entries that were passed over.
    """

    keeps = KEEPS

    def __init__(
        self,
        reactor: Any,
        place: RelayPlace,
        password: bytes | None = None,
        ca: str | None = None,
        files: Files = DISK,
    ) -> None:
        """
        @param reactor: connects, and runs the timers.
        @param place: where Redis is, and the key.
        @param password: L{None} for a server that wants none.
        @param ca: the path of the CAs to trust; L{None} for the system's.
        @param files: reads the file of the CAs.
        @raise ValueError: the host or the file of CAs is wrong; the text says why.
        """
        self._reactor = reactor
        self._key = place.key.encode("ascii")
        self._link = RedisLink(reactor, place, password, ca, files=files)
        self.long = LongEntries()
        self._isStopped = False
        self._commands: RedisConnection | None = None
        self._connections: tuple[RedisConnection, ...] = ()

    def start(self, user: object) -> None:
        """Connect."""
        self._user = IRelayUser(user)
        self._reader = RedisReader(self._reactor, self._key, self._user, self.long)
        self._link.start(self)

    def stop(self) -> Deferred[None]:
        """Close the connections, and make no others."""
        self._isStopped = True
        self._reader.end()
        return Deferred.fromCoroutine(self._link.stop())

    def linked(self, commands: RedisConnection, reading: RedisConnection) -> None:
        """Tell the user that Redis can be reached."""
        if self._isStopped:
            return
        self._commands = commands
        self._connections = commands, reading
        self._reader.begin(reading)
        self._user.connected()

    def unlinked(self, why: str) -> None:
        """Tell the user that Redis cannot be reached."""
        self._commands = None
        self._reader.end()
        for each in self._connections:
            if each.why == TOO_LONG and self.long.found(each.longId):
                log.warn(
                    "relay: entry {id} is passed over", id=ascii(each.longId)[2:-1]
                )
        self._connections = ()
        if not self._isStopped:
            self._user.disconnected(why)

    def read(self, after: bytes) -> None:
        """Give the entries behind an id."""
        self._reader.read(after)

    def pause(self) -> None:
        """Give no entry until L{resume}."""
        self._reader.pause()

    def resume(self) -> None:
        """Give entries again."""
        self._reader.resume()

    def append(self, fields: Fields) -> None:
        """Add an entry.  It is lost where there is no connection."""
        # An error ends the connection, and so the user hears of it.
        self.appended(fields).addErrback(lambda failure: None)

    def appended(self, fields: Fields) -> Deferred[bytes]:
        """Add an entry, and give its id."""
        words = [word for pair in fields for word in pair]
        most = b"MAXLEN", b"~", b"%d" % KEEPS
        return self._command(b"XADD", self._key, *most, b"*", *words)

    def has(self, id: bytes) -> Deferred[bool]:
        """Say whether the stream has an entry."""
        return Deferred.fromCoroutine(self._has(id))

    async def _has(self, id: bytes) -> bool:
        """
        Say whether the stream has an entry, and it is not too long.
        """
        if not isPossible(id) or id in self.long:
            return await deferLater(self._reactor, 0, lambda: False)
        return bool(await self._command(b"XRANGE", self._key, id, id, b"COUNT", b"1"))

    def length(self) -> Deferred[int]:
        """Give how many entries the stream has."""
        return self._command(b"XLEN", self._key)

    def before(self, id: bytes, count: int) -> Deferred[list[tuple[bytes, Fields]]]:
        """Give the last entries up to an id."""
        return Deferred.fromCoroutine(
            entriesBefore(self._command, self._key, self.long, id, count)
        )

    def keep(self, daemon: bytes, state: bytes | None) -> Deferred[bool]:
        """Renew the presence of a daemon, and its state."""
        return Deferred.fromCoroutine(self._keep(daemon, state))

    async def _keep(self, daemon: bytes, state: bytes | None) -> bool:
        """
        Renew the key; with a state, list the daemon, too.
        """
        expiry = b"%d" % (PRESENT * 1000)
        if state is None:
            return bool(await self._command(b"PEXPIRE", self._of(daemon), expiry))
        await self._together(
            (b"SET", self._of(daemon), state, b"PX", expiry),
            (b"SADD", self._key + b":daemons", daemon),
        )
        return True

    def present(self) -> Deferred[set[bytes]]:
        """Give the daemons whose keys have not expired."""
        return Deferred.fromCoroutine(self._present())

    async def _present(self) -> set[bytes]:
        """
        Look for the keys of all that are listed.
        """
        listed = await self._listed()
        found = await self._together(*((b"EXISTS", self._of(each)) for each in listed))
        there = {each for each, exists in zip(listed, found, strict=True) if exists}
        if gone := set(listed) - there:
            # Nobody knew them who could forget them.
            await self._command(b"SREM", self._key + b":daemons", *gone)
        return there

    async def _listed(self) -> list[bytes]:
        """
        Give the daemons that are listed.
        """
        most = b"%d" % MOST_DAEMONS
        found: list[bytes] = await self._command(
            b"SRANDMEMBER", self._key + b":daemons", most
        )
        return found

    def states(self) -> Deferred[dict[bytes, bytes]]:
        """Give the states of the daemons whose keys have not expired."""
        return Deferred.fromCoroutine(self._states())

    async def _states(self) -> dict[bytes, bytes]:
        """
        Read one state after the other.
        """
        found: dict[bytes, bytes] = {}
        octets = 0
        most = b"%d" % (LONGEST_STATE - 1)
        for each in await self._listed():
            state = await self._command(b"GETRANGE", self._of(each), b"0", most)
            octets += len(state)
            if state and octets <= LONGEST_STATES:
                found[each] = state
        return found

    def forget(self, daemon: bytes) -> Deferred[None]:
        """Remove a daemon."""
        return Deferred.fromCoroutine(self._forget(daemon))

    async def _forget(self, daemon: bytes) -> None:
        """
        Remove its key, then its name.
        """
        await self._together(
            (b"DEL", self._of(daemon)), (b"SREM", self._key + b":daemons", daemon)
        )

    def claim(self, what: bytes, seconds: float) -> Deferred[bool]:
        """Claim something for a while, unless somebody has it."""
        expiry = b"%d" % round(seconds * 1000)
        key = self._key + b":claim:" + what
        claimed = self._command(b"SET", key, b"1", b"NX", b"PX", expiry)
        return claimed.addCallback(lambda reply: reply is not None)

    def _of(self, daemon: bytes) -> bytes:
        """
        Give the key of a daemon.
        """
        return self._key + b":daemon:" + daemon

    async def _together(self, *commands: tuple[bytes, ...]) -> list[Any]:
        """
        Send commands, all of them before what is called next.

        @return: the replies.
        @raise RelayError: one of them fails.
        """
        try:
            return await gatherResults(
                [self._command(*each) for each in commands], consumeErrors=True
            )
        except FirstError as error:
            return error.subFailure.raiseException()

    def _command(self, *words: bytes) -> Deferred[Any]:
        """
        Send a command.

        @return: fires with the reply, or fails with L{RelayError}.
        """
        if self._commands is not None and not self._commands.why:
            return self._commands.command(*words)
        return fail(RelayError("there is no connection"))
