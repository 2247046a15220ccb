"""
Keeps two connections to Redis: one for commands, one that waits for new entries.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Protocol

from twisted.internet.defer import CancelledError, Deferred, TimeoutError
from twisted.internet.protocol import Factory
from twisted.internet.task import LoopingCall, deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure
from txredisapi import ResponseError

from echostamp.connect.failures import whatFailed
from echostamp.connect.target import hostEndpoint, hostTls
from echostamp.connect.tls import OptionError, TlsClientEndpoint, TlsFiles
from echostamp.daemon.redisconnection import NOT_REDIS, TICK, RedisConnection
from echostamp.daemon.redisprobes import probes
from echostamp.daemon.redisreplies import WOULD_ADD, whyRefused
from echostamp.daemon.relayplace import RelayPlace
from echostamp.intercom.relay import RelayError
from echostamp.keyfiles import DISK, Files
from echostamp.text import printable

log = Logger(namespace="echostamp")

#: Seconds for one connection, with its TLS handshake.
TIMEOUT = 10.0

#: The first and the longest wait between two attempts, in seconds.  Each is twice as
#: long as the one before; chance shortens it to no less than a half.
FIRST_DELAY, LONGEST_DELAY = 0.5, 30.0

#: Seconds that a connection has to last to make the next wait short again.
STEADY = 10.0

#: Seconds in which what was sent has to be answered at the end.
CLOSING = 1.0


class Linked(Protocol):
    """
    Uses the connections.
    """

    def linked(self, commands: RedisConnection, reading: RedisConnection) -> None:
        """Both are connected."""

    def unlinked(self, why: str) -> None:
        """
        One of them was lost, and the other one is closed, or an attempt has failed
        otherwise than the one before.
        """


class RedisLink:
    """
    Connects to Redis, and again whenever a connection is lost.
    """

    def __init__(
        self,
        reactor: Any,
        place: RelayPlace,
        password: bytes | None = None,
        ca: str | None = None,
        chance: Callable[[], float] = random.random,
        files: Files = DISK,
    ) -> None:
        """
        @param password: L{None} for a server that wants none.
        @param ca: the path of the CAs to trust; L{None} for the system's.
        @param chance: gives numbers from 0 to 1.
        @param files: reads the file of the CAs.
        @raise ValueError: the host is wrong, or the file of CAs; the text says why.
        """
        self._reactor = reactor
        self._place = place
        self._key = place.key.encode("ascii")
        self._password = password
        self._chance = chance
        self._delay = FIRST_DELAY
        self._said = ""
        self._open: set[RedisConnection] = set()
        self._commands: RedisConnection | None = None
        self._running: Deferred[None] | None = None
        self._isStopped = False
        self._lost: Deferred[str] = Deferred()
        self._closed: Deferred[None] = Deferred()
        self._endpoint = hostEndpoint(reactor, place.host, place.port, TIMEOUT)
        if place.isTls:
            try:
                tls = hostTls(place.host, TlsFiles(ca), files)
            except OptionError as error:
                raise ValueError(_named(str(error))) from None
            self._endpoint = TlsClientEndpoint(reactor, self._endpoint, tls)

    def start(self, owner: Linked) -> None:
        """
        Connect.

        @param owner: uses the connections.
        """
        self._running = Deferred.fromCoroutine(self._run(owner))
        self._running.addErrback(lambda failure: log.failure("relay", failure))

    async def stop(self) -> None:
        """
        Wait until what was sent is answered, but not for long, close the connections,
        and make no others.
        """
        self._isStopped = True
        # The user may call this while it is told something.
        await deferLater(self._reactor, 0)
        if self._commands is not None:
            # Redis answers in order.
            asked = self._commands.command(b"XLEN", self._key)
            with suppress(RelayError, TimeoutError):
                await asked.addTimeout(CLOSING, self._reactor)
        if self._running is not None:
            self._running.cancel()
        if self._open:
            await self._closed

    async def _run(self, owner: Linked) -> None:
        """
        Connect again and again, until this is cancelled.
        """
        with suppress(CancelledError):
            while True:
                why = await self._once(owner)
                if why != self._said:
                    self._said = why
                    log.warn("relay {place}: {why}", place=str(self._place), why=why)
                    owner.unlinked(why)
                wait = self._delay * (1 + self._chance()) / 2
                self._delay = min(2 * self._delay, LONGEST_DELAY)
                await deferLater(self._reactor, wait)

    async def _once(self, owner: Linked) -> str:
        """
        Connect, and wait until a connection is lost.

        @return: the reason.
        """
        self._lost = Deferred()
        ticking = LoopingCall(self._tick)
        ticking.clock = self._reactor
        ticking.start(TICK)
        try:
            commands = await self._connect()
            reading = await self._connect()
        except CancelledError:
            raise
        except Exception:
            return printable(_named(whatFailed(Failure())))
        else:
            log.info("relay {place}: connected", place=str(self._place))
            self._said = ""
            self._commands = commands
            began = self._reactor.seconds()
            owner.linked(commands, reading)
            try:
                return await self._lost
            finally:
                self._commands = None
                if self._reactor.seconds() - began >= STEADY:
                    self._delay = FIRST_DELAY
        finally:
            ticking.stop()
            for each in tuple(self._open):
                each.giveUp("this end closed the connection")

    async def _connect(self) -> RedisConnection:
        """
        Connect, and check that the relay can be used.

        @raise Exception: it cannot, or there is no connection.
        """
        factory = Factory.forProtocol(
            partial(RedisConnection, self._key, self._connectionLost)
        )
        factory.noisy = False
        connecting: Deferred[Any] = self._endpoint.connect(factory)
        # The timeout of the TCP connection does not cover the TLS handshake.
        connecting.addTimeout(TIMEOUT, self._reactor)
        made: RedisConnection = await connecting
        if not made.why:
            self._open.add(made)
        if self._password is not None:
            user = [self._place.user.encode("ascii")] if self._place.user else []
            await made.command(b"AUTH", *user, self._password)
        await made.command(b"XLEN", self._key)
        # This shows also what XADD may lack: a permission, memory, the primary's role.
        adding = b"XADD", self._key, b"0-0", b"", b""
        try:
            await made.tried(*adding)
        except ResponseError as error:
            if str(error).removeprefix("ERR ") != WOULD_ADD:
                raise RelayError(whyRefused(adding, str(error))) from None
        else:
            raise RelayError(NOT_REDIS)
        for probe in probes(self._key):
            await made.command(*probe)
        return made

    def _connectionLost(self, connection: RedisConnection) -> None:
        """
        Note that a connection was lost.
        """
        self._open.discard(connection)
        if not self._lost.called:
            self._lost.callback(connection.why)
        if self._isStopped and not (self._open or self._closed.called):
            self._closed.callback(None)

    def _tick(self) -> None:
        """
        Have the connections look whether the server is silent.
        """
        for each in tuple(self._open):
            each.tick()


def _named(text: str) -> str:
    """
    Give the option of the CAs the name that it has here.
    """
    return text.replace("--ca", "--relay-ca", 1)
