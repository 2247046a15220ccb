"""Acceptance tests of a room of several daemons whose daemons have workers."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections import Counter
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.harness import DEADLINE, Daemon, figure, freePort, until
from tests.redisservers import LASTING, RedisServer
from tests.roomclients import (
    Connection,
    LineClient,
    hears,
    linesOf,
    ownOf,
    present,
    saidBy,
)
from tests.scraping import Samples, samplesOf
from tests.timelimits import isServed
from tests.websites import readPage
from tests.websockets import RoomClient
from tests.workers import LOOPBACK, Workers

#: Seconds within which a room knows that a daemon was killed.
GONE = 20

#: What a member says, and how it comes back.
LINES = "".join(f"line {each}\n" for each in range(500))
SAID = LINES.encode().split(b"\n")[:-1]


def metrics(web: int) -> Samples:
    """
    Read the metrics of a daemon.
    """
    return samplesOf(readPage(web, "/metrics")[1].decode())


class RoomCase(SynchronousTestCase):
    """
    A Redis server, and daemons of one room.
    """

    def setUp(self) -> None:
        """Start a Redis server that loses nothing."""
        self.redis = RedisServer(self, *LASTING)

    def begin(self, *options: str, **how: Any) -> Workers:
        """
        Start a daemon with two workers and a web site.

        @param how: the keyword arguments of L{Workers}.
        """
        self.web = freePort()
        self.daemon = Workers(
            self,
            f"-e{LOOPBACK}",
            "--intercom",
            f"--relay={self.redis.url()}",
            f"--web=127.0.0.1:{self.web}",
            *options,
            **how,
        )
        until(lambda: self.daemon.log().count(": connected") >= 3)
        return self.daemon

    def connect(self, worker: int = 0) -> LineClient:
        """
        Connect for the line protocol.

        @param worker: the process that is to serve the connection; 0 for any.
        """
        while True:
            client = LineClient(self.daemon.connect())
            self.addCleanup(client.socket.close)
            if not worker or worker == until(
                lambda: self.daemon.server(client.socket)  # noqa: B023
            ):
                return client
            client.socket.close()

    def join(self, name: str, worker: int = 0) -> LineClient:
        """
        Join by the line protocol.

        @param worker: see L{connect}.
        """
        client = self.connect(worker)
        client.say(f"/name {name}\n")
        hears(client, f"/name {name}")
        return client

    def browse(self, name: str) -> RoomClient:
        """Join as a browser does."""
        peer = socket.create_connection(("127.0.0.1", self.web), DEADLINE)
        self.addCleanup(peer.close)
        client = RoomClient(peer)
        self.assertEqual(client.status, 101, client.body)
        client.say(f"/name {name}\n")
        hears(client, f"/name {name}")
        return client


class RoomTests(RoomCase):
    """
    The members of all processes are in one room.
    """

    def everybody(self, *options: str) -> list[Connection]:
        """Start a daemon, and join with a member of each of its processes."""
        one, other = self.begin(*options).alive().values()
        ann = self.join("ann", one)
        ben = self.join("ben", other)
        cat = self.browse("cat")
        hears(ann, "* cat joined")
        return [ann, ben, cat]

    def test_oneRoom(self) -> None:
        """What a client of a worker or a browser says reaches all of them, in one
        order, and each is told who joins; the metrics count all connections."""
        ann, ben, cat = self.everybody()
        for number, each in enumerate((ann, ben, cat) * 10):
            each.say(f"line {number}\n")
        orders = []
        for each in ann, ben, cat:
            hears(each, "line 27" if each is ann else "<ann> line 27")
            hears(each, "line 28" if each is ben else "<ben> line 28")
            hears(each, "line 29" if each is cat else "<cat> line 29")
            said = [line for line in linesOf(each) if b"line " in line]
            orders.append([line.rpartition(b" ")[2] for line in said])
        self.assertEqual(len(orders[0]), 30)
        self.assertEqual(orders, [orders[0]] * 3)
        self.assertEqual(present(ann), {b"ann", b"ben", b"cat"})
        self.assertIn(b"* cat joined", linesOf(ben))
        self.assertNotIn(b"* ann joined", linesOf(cat))

        # The names of all, 30 lines and two commands.
        names = "echostamp_connections", "echostamp_messages_total"
        until(lambda: [metrics(self.web)[each][()] for each in names] == [3, 35])

    def test_killed(self) -> None:
        """When a worker is killed, its members leave within 20 s; the others stay, and
        the name is free for a member of its successor."""
        _, ben, cat = self.everybody()
        before = self.daemon.alive()
        os.kill(before[1], signal.SIGKILL)
        began = time.monotonic()
        for each in ben, cat:
            hears(each, "* ann left")
        seconds = time.monotonic() - began
        figure(f"a worker is killed: its members leave after {seconds:.1f} s")
        self.assertLess(seconds, GONE)
        after = self.daemon.replaced(before, 1)
        again = self.join("ann", after[1])
        again.say("hello\n")
        for each in ben, cat:
            hears(each, "* ann joined", "<ann> hello")
            self.assertEqual(present(each), {b"ann", b"ben", b"cat"})
        self.assertNotIn(b"* cat left", linesOf(ben))
        self.assertNotIn(b"* ben left", linesOf(cat))

    def test_reload(self) -> None:
        """SIGHUP leaves the room as it is."""
        ann, ben, cat = self.everybody()
        self.daemon.process.send_signal(signal.SIGHUP)
        until(lambda: "reloaded" in self.daemon.log())
        ann.say("hello\n")
        for each in ben, cat:
            hears(each, "<ann> hello")
            self.assertEqual(present(each), {b"ann", b"ben", b"cat"})

    def test_replaced(self) -> None:
        """SIGUSR2 replaces the workers: what was said to the old ones is answered, and
        heard by all; then their members leave, and others join the new ones."""
        ann, ben, cat = self.everybody()
        before = self.daemon.alive()
        ann.say(LINES)
        ben.say(LINES)
        self.daemon.process.send_signal(signal.SIGUSR2)
        for each in ann, ben:
            self.assertEqual(ownOf(each.rest()), SAID)
        hears(cat, "* ann left", "* ben left")
        for name in b"ann", b"ben":
            self.assertEqual(saidBy(name, cat), SAID)
        after = self.daemon.replaced(before)
        self.join("ann", after[1]).say("hello\n")
        hears(cat, "<ann> hello")
        self.assertEqual(present(cat), {b"ann", b"cat"})

    def test_stopped(self) -> None:
        """At SIGTERM what was said is answered, in all processes.  Then all daemons
        have left the room."""
        members = self.everybody("--grace=50")
        for each in members:
            each.say(LINES)
        self.daemon.process.send_signal(signal.SIGTERM)
        for each in members:
            self.assertEqual(ownOf(each.rest()), SAID)
        self.assertEqual(self.daemon.process.wait(DEADLINE), 0)
        self.assertEqual(self.redis.command("SMEMBERS", "room:daemons"), b"")
        self.assertNotIn("Traceback", self.daemon.log())
        self.assertNotIn("not drained", self.daemon.log())

    def test_stoppedWithoutRedis(self) -> None:
        """At a stop with Redis away the connections of all processes are waited for,
        but not longer than C{--grace}.  The log counts the lines that are lost."""
        members = self.everybody("--grace=2")
        self.redis.freeze()
        for each in members:
            each.say("1\n2\n")
        self.daemon.process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        self.assertEqual(self.daemon.process.wait(DEADLINE), 0)
        seconds = time.monotonic() - began
        figure(f"a stop with a grace of 2 s, Redis away: {seconds:.1f} s")
        self.assertTrue(2 <= seconds < 12, seconds)
        log = self.daemon.log()
        self.assertEqual(log.count("1 connection not drained within 2 s"), 3, log)
        self.assertEqual(log.count("2 lines not answered: the relay is away"), 3, log)
        self.assertNotIn("Traceback", log)

    def test_stoppedAtOnce(self) -> None:
        """A second SIGTERM ends all connections at once."""
        members = self.everybody("--grace=3600")
        self.redis.freeze()
        for each in members:
            each.say("hello\n")
        self.daemon.process.send_signal(signal.SIGTERM)
        until(lambda: ": stopping" in self.daemon.log())
        with self.assertRaises(subprocess.TimeoutExpired):
            self.daemon.process.wait(1)
        began = time.monotonic()
        self.daemon.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.daemon.process.wait(DEADLINE), 0)
        seconds = time.monotonic() - began
        figure(f"a second SIGTERM: {seconds:.1f} s")
        self.assertLess(seconds, 20)

    def test_limits(self) -> None:
        """C{--max-connections} counts the browsers apart from the clients of the
        workers.  The metrics count the refused ones."""
        self.begin("--max-connections=2")
        members: list[Connection] = [self.join("ann"), self.join("ben")]
        members += [self.browse("cat"), self.browse("dan")]
        peer = socket.create_connection(("127.0.0.1", self.web), DEADLINE)
        self.addCleanup(peer.close)
        self.assertEqual(RoomClient(peer).status, 503)
        with self.daemon.connect() as refused:
            self.assertFalse(isServed(refused))
        for each in members:
            self.assertEqual(present(each), {b"ann", b"ben", b"cat", b"dan"})
        name = "echostamp_connections_refused_total"
        until(lambda: metrics(self.web)[name]["limit",] == 2)

    def test_time(self) -> None:
        """Limits of time hold for browsers, too."""
        daemon = self.begin("--max-age=2")
        peer = socket.create_connection(("127.0.0.1", self.web), DEADLINE)
        self.addCleanup(peer.close)
        for client in RoomClient(peer), self.connect():
            self.assertEqual(ownOf(client.rest()), [])
        until(lambda: daemon.log().count("was connected too long") == 2)

    def test_descriptors(self) -> None:
        """The parent has as many browsers as its open files allow, and refuses the
        rest; the workers have their own."""
        limited = "prlimit", "--nofile=320", "twistd", "-n", "--pidfile="
        self.begin(command=limited)
        found = Counter[int]()
        for _ in range(100):
            peer = socket.create_connection(("127.0.0.1", self.web), DEADLINE)
            self.addCleanup(peer.close)
            found[RoomClient(peer).status] += 1
        figure(f"browsers of a parent with 320 descriptors: {dict(found)}")
        self.assertEqual(set(found), {101, 503})
        self.join("ann")
        self.assertEqual(readPage(self.web, "/healthz")[0], 200)
        log = self.daemon.log()
        self.assertNotIn("Too many open files", log)
        self.assertNotIn("Traceback", log)

    def test_parentKilled(self) -> None:
        """When the parent is killed, the workers answer what was said, and leave with
        their members; those of the parent leave within 20 s."""
        ann, ben, _ = self.everybody()
        relay = f"--relay={self.redis.url()}"
        other = Daemon(self, f"-e{LOOPBACK}", "--intercom", relay)
        dan = LineClient(other.connect())
        self.addCleanup(dan.socket.close)
        dan.say("/name dan\n")
        hears(dan, "/name dan")
        self.assertEqual(present(dan), {b"ann", b"ben", b"cat", b"dan"})
        for each in ann, ben:
            each.say(LINES)
        self.daemon.process.kill()
        began = time.monotonic()
        for each in ann, ben:
            self.assertEqual(ownOf(each.rest()), SAID)
        hears(dan, "* ann left", "* ben left")
        for name in b"ann", b"ben":
            self.assertEqual(saidBy(name, dan), SAID)
        hears(dan, "* cat left")
        seconds = time.monotonic() - began
        figure(f"a parent is killed: its members leave after {seconds:.1f} s")
        self.assertLess(seconds, GONE)
        self.assertEqual(present(dan), {b"dan"})

    def test_replacedWithoutRedis(self) -> None:
        """SIGUSR2 replaces the workers also while Redis is away.  What is said to the
        new ones is answered when it is back."""
        *_, cat = self.everybody("--grace=1")
        self.redis.freeze()
        before = self.daemon.alive()
        self.daemon.process.send_signal(signal.SIGUSR2)
        after = self.daemon.replaced(before)
        # An old worker may still accept, and would not wait for Redis.
        new = self.connect(after[2])
        new.say("/name dan\nhello\n")
        cat.say("hello\n")
        self.redis.thaw()
        hears(new, "hello", "<cat> hello")
        hears(cat, "hello", "<dan> hello")
        self.assertNotIn("Traceback", self.daemon.log())

    def test_redisKilled(self) -> None:
        """When Redis is killed and comes back, everything is heard once, in one order,
        by the members of all processes."""
        members = self.everybody()
        for each in members:
            each.say(LINES)
        self.redis.kill()
        for each in members:
            each.say("last\n")
        until(lambda: self.daemon.log().count("refused") >= 3)
        self.redis.start()
        names = b"ann", b"ben", b"cat"
        orders = []
        for own, each in zip(names, members, strict=True):
            others = [name for name in names if name != own]
            hears(each, "last", *(f"<{name.decode()}> last" for name in others))
            for name in others:
                self.assertEqual(saidBy(name, each), [*SAID, b"last"])
            said = [*SAID, b"last"]
            self.assertEqual([line for line in linesOf(each) if line in said], said)
            # Its own lines have no name; those of a notice begin with a star.
            order = [
                line if line.startswith(b"<") else b"<%s> %s" % (own, line)
                for line in linesOf(each)
                if line.startswith((b"<", b"l"))
            ]
            orders.append(order)
        self.assertEqual(orders, [orders[0]] * 3)
        self.assertNotIn("Traceback", self.daemon.log())
