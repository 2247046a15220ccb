"""Tests for L{echostamp.daemon.redislink} and its connections, without a server."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionRefusedError
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from echostamp.daemon.redisconnection import (
    LONGEST_REPLY,
    MOST_STRINGS,
    MOST_TICKS,
    NOT_REDIS,
    SILENT,
    TICK,
    TOO_LONG,
    RedisConnection,
)
from echostamp.daemon.redislink import RedisLink
from echostamp.daemon.redisprobes import probes
from echostamp.daemon.redisreplies import WOULD_ADD
from echostamp.daemon.relayplace import parseRelay
from echostamp.intercom.relay import RelayError


class Owner:
    """
    Keeps what a link tells.
    """

    def __init__(self) -> None:
        self.whys: list[str] = []
        self.commands: list[RedisConnection] = []

    def linked(self, commands: RedisConnection, reading: RedisConnection) -> None:
        """Keep the connection for commands."""
        self.commands.append(commands)

    def unlinked(self, why: str) -> None:
        """Keep it."""
        self.whys.append(why)


class BackoffTests(SynchronousTestCase):
    """
    How a link connects again.
    """

    def setUp(self) -> None:
        """Start a link."""
        self.reactor = MemoryReactorClock()
        self.owner = Owner()

    def start(self, chance: float) -> RedisLink:
        """Start a link."""
        place = parseRelay("redis://192.0.2.1/room")
        link = RedisLink(self.reactor, place, chance=lambda: chance)
        link.start(self.owner)
        return link

    def attempt(self) -> Any:
        """Give the factory of the present attempt."""
        *_, factory, _, _ = self.reactor.tcpClients[-1]
        return factory

    def wait(self) -> float:
        """Give the seconds up to the next attempt, and let them pass."""
        tries = len(self.reactor.tcpClients)
        [timer] = self.reactor.getDelayedCalls()
        seconds = timer.getTime() - self.reactor.seconds()
        self.assertEqual(len(self.reactor.tcpClients), tries)
        self.reactor.advance(seconds)
        self.assertEqual(len(self.reactor.tcpClients), tries + 1)
        return round(seconds, 6)

    def refuse(self) -> None:
        """Refuse the connection.  Twisted's endpoint looks only now and then whether
        there is another address."""
        self.attempt().clientConnectionFailed(None, Failure(ConnectionRefusedError()))
        self.reactor.advance(0.3)

    def waits(self, count: int) -> list[float]:
        """Refuse so many connections, and give the seconds before the next ones."""
        found = []
        for _ in range(count):
            self.refuse()
            found.append(self.wait())
        return found

    def connect(self) -> list[Any]:
        """Make both connections, with a server that allows everything."""
        made = []
        for _ in range(2):
            protocol = self.attempt().buildProtocol(None)
            protocol.makeConnection(StringTransport())
            protocol.dataReceived(b":0\r\n")
            protocol.dataReceived(b"-ERR %s\r\n" % WOULD_ADD.encode())
            for _ in probes(b"room"):
                protocol.dataReceived(b":0\r\n")
            made.append(protocol)
        return made

    def test_waits(self) -> None:
        """Each wait is twice as long as the one before, up to a limit."""
        self.start(1.0)
        self.assertEqual(self.waits(8), [0.5, 1, 2, 4, 8, 16, 30, 30])

    def test_chance(self) -> None:
        """Chance makes it no shorter than a half."""
        self.start(0.0)
        self.assertEqual(self.waits(4), [0.25, 0.5, 1, 2])

    def test_told(self) -> None:
        """What fails is told once."""
        self.start(1.0)
        self.waits(3)
        self.assertEqual(len(self.owner.whys), 1)

    def test_steady(self) -> None:
        """Only a connection that lasts makes the next wait short again."""
        self.start(1.0)
        self.assertEqual(self.waits(3), [0.5, 1, 2])
        for seconds, wait in (5, 4), (11, 0.5):
            connections = self.connect()
            self.reactor.advance(seconds)
            for each in connections:
                each.connectionLost(Failure(ConnectionDone()))
            self.assertEqual(self.owner.whys[-1], "it closed the connection")
            self.assertEqual(self.wait(), wait)
        self.assertEqual(len(self.owner.commands), 2)

    def test_stopped(self) -> None:
        """A server that is silent is given up.  Time in which this process was stopped
        does not count."""
        self.start(1.0)
        self.connect()
        [commands] = self.owner.commands
        commands.command(b"XLEN", b"room")
        self.reactor.advance(100 * TICK)
        self.assertEqual(commands.why, "")
        self.reactor.pump([TICK] * MOST_TICKS)
        self.assertEqual(commands.why, SILENT)

    def test_stopInside(self) -> None:
        """A stop may come from what is told about the connection."""
        link = self.start(1.0)
        self.owner.unlinked = lambda why: done.append(  # type: ignore[method-assign]
            Deferred.fromCoroutine(link.stop())
        )
        done: list[Deferred[None]] = []
        self.refuse()
        [stopped] = done
        self.reactor.advance(0)
        self.successResultOf(stopped)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_stop(self) -> None:
        """A stop ends the waiting, and no attempt is made."""
        link = self.start(1.0)
        self.refuse()
        stopped = Deferred.fromCoroutine(link.stop())
        self.reactor.advance(0)
        self.successResultOf(stopped)
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.assertEqual(len(self.reactor.tcpClients), 1)


class ConnectionTests(SynchronousTestCase):
    """
    Tests for L{RedisConnection}.
    """

    def setUp(self) -> None:
        """Connect."""
        self.lost: list[RedisConnection] = []
        self.connection = RedisConnection(b"room", self.lost.append)
        self.transport = StringTransport()
        self.connection.makeConnection(self.transport)

    def test_pieces(self) -> None:
        """Replies are the same, however they are cut into reads."""
        stream = (
            b"*2\r\n$3\r\na\r\n\r\n*2\r\n:1\r\n$-1\r\n$0\r\n\r\n+OK\r\n*-1\r\n*0\r\n"
        )
        expected = [[b"a\r\n", [1, None]], b"", "OK", None, []]
        for size in range(1, len(stream) + 1):
            asked = [self.connection.command(b"X", b"room") for _ in expected]
            for begin in range(0, len(stream), size):
                self.connection.dataReceived(stream[begin : begin + size])
            self.assertEqual([self.successResultOf(each) for each in asked], expected)

    def test_silence(self) -> None:
        """A server that leaves a command unanswered for too long is given up; one that
        answers slowly, or has nothing to answer, is not."""
        for _ in range(3 * MOST_TICKS):
            self.connection.tick()
        asked = self.connection.command(b"XLEN", b"room")
        for _ in range(MOST_TICKS):
            self.connection.tick()
        self.connection.dataReceived(b":")
        for _ in range(MOST_TICKS):
            self.connection.tick()
        self.assertEqual(self.connection.why, "")
        self.connection.tick()
        self.assertEqual(self.connection.why, SILENT)
        self.assertTrue(self.transport.disconnected)
        self.connection.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(self.lost, [self.connection])
        self.assertEqual(str(self.failureResultOf(asked, RelayError).value), SILENT)
        asked = self.connection.command(b"XLEN", b"room")
        self.assertEqual(str(self.failureResultOf(asked, RelayError).value), SILENT)

    def test_tooLong(self) -> None:
        """A reply that is too long is given up, and the id of its first entry kept."""
        entry = b"*1\r\n*2\r\n$3\r\n7-1\r\n*2\r\n$1\r\nt\r\n$99999999\r\n"
        for words, begin, id in (
            ((b"XRANGE", b"room"), entry, b"7-1"),
            ((b"XREAD", b"room"), b"*1\r\n*2\r\n$4\r\nroom\r\n" + entry, b"7-1"),
            ((b"GET", b"room"), b"$99999999\r\n", None),
            ((b"SRANDMEMBER", b"room"), b"*2\r\n$1\r\nx\r\n$99999999\r\n", None),
        ):
            self.setUp()
            self.connection.command(b"XLEN", b"room")
            asked = self.connection.command(*words)
            self.connection.dataReceived(b":1\r\n" + begin)
            for _ in range(LONGEST_REPLY >> 16):
                self.assertEqual(self.connection.why, "")
                self.connection.dataReceived(bytes(1 << 16))
            # What was received together with the reply before is not counted.
            self.connection.dataReceived(b"1")
            self.assertEqual(self.connection.why, TOO_LONG)
            self.assertEqual(self.connection.longId, id)
            self.assertTrue(self.transport.disconnected)
            self.connection.connectionLost(Failure(ConnectionDone()))
            self.failureResultOf(asked, RelayError)

    def test_manyStrings(self) -> None:
        """So is a reply of too many strings, each of which is short."""
        asked = self.connection.command(b"XRANGE", b"room")
        self.connection.dataReceived(b"*1\r\n*2\r\n$3\r\n7-1\r\n*999999\r\n")
        self.connection.dataReceived(b"$0\r\n\r\n" * (MOST_STRINGS - 1))
        self.assertEqual(self.connection.why, "")
        self.connection.dataReceived(b"$-1\r\n")
        self.assertEqual(self.connection.why, TOO_LONG)
        self.assertEqual(self.connection.longId, b"7-1")
        self.connection.connectionLost(Failure(ConnectionDone()))
        self.failureResultOf(asked, RelayError)

    def test_otherProtocol(self) -> None:
        """What is no reply of Redis gives up the connection."""
        for text in b"\xff\r\n", b"x" * 20_000, b"*x\r\n", b"$x\r\n":
            self.setUp()
            asked = self.connection.command(b"XLEN", b"room")
            self.connection.dataReceived(text)
            self.assertEqual(self.connection.why, NOT_REDIS, text)
            self.connection.connectionLost(Failure(ConnectionDone()))
            self.failureResultOf(asked, RelayError)
