"""Behind a proxy: the client's address, and a restart that loses nothing."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests import silence
from tests.filling import fill
from tests.harness import (
    DEADLINE,
    HOSTILE,
    STAMP,
    Daemon,
    accepts,
    figure,
    freePort,
    readAll,
    readLines,
    sendWithFin,
    tool,
    until,
    withoutStamps,
)
from tests.silence import PROXIED

CONFIGURATION = Path(__file__).parent.parent / "deploy" / "haproxy" / "echostamp.cfg"

#: What a header of version 2 begins with.
SIGNATURE = bytes.fromhex("0d0a0d0a000d0a515549540a")


class HeaderTests(SynchronousTestCase):
    """
    PROXY headers, from a proxy that the test plays.
    """

    def setUp(self) -> None:
        """Share a daemon."""
        self.daemon = Daemon.shared(self, *PROXIED)

    def assertIsServed(self, *parts: bytes, name: str) -> None:
        """Assert that lines behind a header are answered, and the client is logged."""
        with self.daemon.connect() as peer:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for part in parts:
                peer.sendall(part)
            peer.sendall(b"one\ntwo\n")
            peer.shutdown(socket.SHUT_WR)
            self.assertEqual(withoutStamps(readAll(peer)), b"one\ntwo\n")
        self.untilLogged(f" {name} connected")

    def untilLogged(self, text: str) -> None:
        """Wait until a text is in the log."""
        until(lambda: text in self.daemon.log())

    def assertClosed(self, peer: socket.socket) -> None:
        """Assert that a connection is closed without an octet."""
        with contextlib.suppress(ConnectionError):
            self.assertEqual(peer.recv(100), b"")

    def test_client(self) -> None:
        """The log has the client's address."""
        self.assertIsServed(
            b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 8002\r\n", name="192.0.2.7:4711"
        )
        header = SIGNATURE + bytes.fromhex("21 11 000c")
        addresses = bytes([192, 0, 2, 8, 192, 0, 2, 1, 0x12, 0x67, 0x1F, 0x42])
        self.assertIsServed(header + addresses, name="192.0.2.8:4711")

    def test_fragments(self) -> None:
        """A header that arrives octet by octet is read."""
        header = b"PROXY TCP6 2001:db8::7 2001:db8::1 4711 8002\r\n"
        self.assertIsServed(
            *(header[n : n + 1] for n in range(len(header))), name="[2001:db8::7]:4711"
        )

    def test_unknownAndLocal(self) -> None:
        """UNKNOWN and LOCAL keep the connection's own address.  A connection with one
        of them that sends nothing, as a health check does, leaves no line."""
        local = SIGNATURE + bytes.fromhex("20 00 0000")
        for header in b"PROXY UNKNOWN\r\n", local:
            with self.daemon.connect() as peer:
                name = f" 127.0.0.1:{peer.getsockname()[1]} "
                peer.sendall(header + b"a\n")
                readLines(peer, 1)
            self.untilLogged(f"{name}disconnected: 1 message,")
            with self.daemon.connect() as check:
                silent = f"127.0.0.1:{check.getsockname()[1]}"
                check.sendall(header)
                check.shutdown(socket.SHUT_WR)
                self.assertEqual(readAll(check), b"")
            self.assertNotIn(silent, self.daemon.log())

    def test_malformed(self) -> None:
        """A malformed header is refused, with one printable line in the log: at its
        first octet, within a field, or at its end, after every octet was read between
        UNKNOWN and CR or within the addresses of version 2."""
        headers = {
            b"GET / HTTP/1.0\r\n": "no PROXY header",
            HOSTILE: "no PROXY header",
            b"\r" + HOSTILE: "no PROXY header",
            b"PROXY TCP4 " + HOSTILE: "PROXY header whose source is no IPv4 address",
            b"PROXY TCP4 1.2.3.4 1.2.3.5 1 2\r" + HOSTILE: (
                "PROXY header whose line does not end with CR LF"
            ),
            SIGNATURE + b"\x21\x11\x0f\xf0" + HOSTILE: (
                "the connection ended within its PROXY header"
            ),
        }
        # A line of version 1 has no room for all of them.
        octets = HOSTILE.replace(b"\r", b"")
        for start in range(0, len(octets), 80):
            header = b"PROXY UNKNOWN " + octets[start : start + 80] + b"\r\x85"
            headers[header] = "PROXY header whose line does not end with CR LF"
        # Its log is read line by line: no other test may add to it.
        daemon = Daemon(self, *PROXIED)
        before = len(daemon.lines())
        expected = []
        for header, reason in headers.items():
            with daemon.connect() as peer:
                expected.append(f"127.0.0.1:{peer.getsockname()[1]} refused: {reason}")
                peer.sendall(header)
                with contextlib.suppress(OSError):
                    peer.shutdown(socket.SHUT_WR)
                self.assertClosed(peer)
        until(lambda: len(daemon.lines()) >= before + len(expected))
        lines = daemon.lines()[before:]
        figure(
            f"{len(expected)} malformed PROXY headers with every octet, C1 controls "
            f"and bidirectional overrides: {len(lines)} lines of the log, "
            f"{len(daemon.unprintable())} unprintable"
        )
        self.assertEqual(daemon.unprintable(), [])
        self.assertEqual([line.partition("] ")[2] for line in lines], expected)

    def test_unusedParts(self) -> None:
        """Text behind UNKNOWN, paths of UNIX sockets, and TLVs reach neither the log
        nor the echo."""
        paths = HOSTILE[:216]
        headers = [
            SIGNATURE + b"\x21\x31" + len(paths).to_bytes(2, "big") + paths,
            SIGNATURE + b"\x20\x00" + len(HOSTILE).to_bytes(2, "big") + HOSTILE,
        ]
        octets = HOSTILE.replace(b"\r", b"")
        for start in range(0, len(octets), 80):
            headers.append(b"PROXY UNKNOWN " + octets[start : start + 80] + b"\r\n")
        daemon = Daemon(self, *PROXIED)
        before = len(daemon.lines())
        for header in headers:
            with daemon.connect() as peer:
                isUnix = header is headers[0]
                name = "local" if isUnix else f"127.0.0.1:{peer.getsockname()[1]}"
                peer.sendall(header + b"one\n")
                self.assertEqual(withoutStamps(readLines(peer, 1)), b"one\n")
            last = f" {name} disconnected: 1 message, 4 bytes"
            until(lambda: last in daemon.log())  # noqa: B023
        # There is no second line for a peer that named no other client, but for the
        # client that came through the proxy's UNIX socket.
        self.assertEqual(len(daemon.lines()), before + len(headers) + 1)
        self.assertEqual(daemon.log().count(" local connected\n"), 1)
        self.assertEqual(daemon.unprintable(), [])

    def test_nobodyElseIsBelieved(self) -> None:
        """A header from outside C{--proxy-from} is refused."""
        daemon = Daemon(self, *PROXIED[:2], "--proxy-from=192.0.2.0/24")
        # The daemon may have closed the connection before it is made, or before the
        # header is sent.
        with contextlib.suppress(ConnectionError), daemon.connect() as peer:
            peer.sendall(b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 8002\r\n")
            self.assertEqual(peer.recv(100), b"")
        until(lambda: "--proxy-from" in daemon.log())
        self.assertNotIn("192.0.2.7", daemon.log())

    def test_hostsAreTheClients(self) -> None:
        """C{--max-per-host} counts clients, not the proxy."""
        daemon = Daemon(self, *PROXIED, "--max-per-host=1")
        kept = []
        for client, isServed in ("7", True), ("7", False), ("8", True):
            peer = daemon.connect()
            self.addCleanup(peer.close)
            kept.append(peer)
            header = f"PROXY TCP4 192.0.2.{client} 192.0.2.1 4711 8002\r\n"
            try:
                peer.sendall(header.encode() + b"a\n")
                reply = peer.recv(100)
            except ConnectionError:
                reply = b""
            self.assertEqual(bool(reply), isServed)


class TimeTests(silence.HeaderCase):
    """
    PROXY headers that do not come, on a machine that may be busy.
    """

    late = 10.0


class Talkers:
    """
    Threads that connect, write 50 lines one by one, and leave, all the time.

    @ivar connections: how many connections have ended.
    @ivar lines: how many lines were answered.
    @ivar failures: replies that are wrong, and errors.
    """

    def __init__(self, connect: Callable[[], socket.socket], count: int) -> None:
        """
        @param connect: makes a connection.
        @param count: how many threads.
        """
        self.connections = self.lines = 0
        self.failures: list[object] = []
        self._connect = connect
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._talk) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the threads."""
        self._over.set()
        for thread in self._threads:
            thread.join(DEADLINE)

    def _talk(self) -> None:
        """
        Talk until it is over.
        """
        while not self._over.is_set():
            try:
                with self._connect() as peer:
                    for number in range(50):
                        peer.sendall(b"%d\n" % number)
                        reply = readLines(peer, 1)
                        if not re.fullmatch(STAMP + b"%d\n" % number, reply):
                            self.failures.append(reply)
                        self.lines += 1
                        # As fast as it can be is no better, but costs seconds.
                        time.sleep(0.001)
                    self.connections += 1
            except (AssertionError, OSError) as error:
                self.failures.append(error)


class HaproxyTests(SynchronousTestCase):
    """
    With the real HAProxy and the configuration of deploy/.
    """

    def setUp(self) -> None:
        """Start two daemons, and HAProxy before them."""
        haproxy = tool("haproxy", "haproxy")
        self.daemons = [Daemon(self, *PROXIED, "--grace=60") for _ in "12"]
        # The name of a UNIX socket has to be short.
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        self.stats = f"{folder}/s"
        self.port = freePort()
        self.haproxy = subprocess.Popen(
            [haproxy, "-db", "-f", str(CONFIGURATION)],
            env={
                **os.environ,
                "BIND": f"127.0.0.1:{self.port}",
                "ONE": f"127.0.0.1:{self.daemons[0].port}",
                "TWO": f"127.0.0.1:{self.daemons[1].port}",
                "STATS_SOCKET": self.stats,
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.addCleanup(self.haproxy.wait, DEADLINE)
        self.addCleanup(self.haproxy.kill)
        until(lambda: accepts(self.port))

    def connect(self) -> socket.socket:
        """Connect to HAProxy."""
        return socket.create_connection(("127.0.0.1", self.port), DEADLINE)

    def order(self, words: str) -> str:
        """Send HAProxy a command, and give its answer."""
        with socket.socket(socket.AF_UNIX) as stats:
            stats.settimeout(DEADLINE)
            stats.connect(self.stats)
            stats.sendall(words.encode() + b"\n")
            return readAll(stats).decode()

    def test_twoLinesAndAFin(self) -> None:
        """300 connections that send two lines and a FIN in one segment: 300 get both
        replies.  The log names the clients, by both versions of the header.

        HAProxy makes three segments of the client's one, as a capture showed: the
        header, the lines, and the FIN."""
        answered = 0
        names = []
        for _ in range(300):
            with self.connect() as peer:
                names.append(f"127.0.0.1:{peer.getsockname()[1]} connected")
                sendWithFin(peer, b"one\ntwo\n")
                answered += withoutStamps(readAll(peer)) == b"one\ntwo\n"
        figure(f"through haproxy {answered} answered of 300")
        self.assertEqual(answered, 300)
        logs = [daemon.log() for daemon in self.daemons]
        # The log takes 50 lines a second: the first are there for sure.
        self.assertTrue(all(any(name in log for log in logs) for name in names[:20]))
        self.assertTrue(all(any(name in log for name in names) for log in logs))

    def test_restartUnderLoad(self) -> None:
        """One daemon is drained, stopped and started while clients connect and leave:
        no line of any connection is lost.  Neither are those of connections that are
        open at SIGTERM, with as much in flight in both directions as fits."""
        one = self.daemons[0]
        # Before the others connect: the log takes 50 lines a second.
        standing = self.standing(one, 2)
        talkers = Talkers(self.connect, 2)
        try:
            until(lambda: one.log().count("disconnected") > 8)
            lines = b"".join(b"%0999d\n" % number for number in range(1000))
            sent = [fill(peer, lines) for peer in standing]
            self.order("set server daemons/one state drain")
            until(lambda: _current(self.order("show stat")) == len(standing))
            one.process.send_signal(signal.SIGTERM)
            until(lambda: "SIGTERM: stopping" in one.log())
            owed = answered = 0
            for peer, count in zip(standing, sent, strict=True):
                text = withoutStamps(readAll(peer))
                owed += count
                answered += len(text)
                self.assertEqual(text, (lines * (count // len(lines) + 1))[:count])
            self.assertEqual(one.process.wait(DEADLINE), 0)
            before = talkers.connections
            until(lambda: talkers.connections > before + 8)
            again = Daemon(
                self,
                *("-e", f"proxy:tcp:{one.port}:interface=127.0.0.1", PROXIED[2]),
            )
            self.order("set server daemons/one state ready")
            until(lambda: again.log().count(" disconnected: 50 messages") > 8)
        finally:
            talkers.stop()
        figure(
            f"{talkers.lines} lines answered of {talkers.connections} connections, "
            "a restart amid"
        )
        figure(
            f"{len(standing)} connections through haproxy that were open at SIGTERM: "
            f"{answered} octets answered of {owed}, then EOF"
        )
        self.assertEqual(talkers.failures, [])

    def standing(self, daemon: Daemon, count: int) -> list[socket.socket]:
        """Make connections that HAProxy gives to one daemon."""
        found: list[socket.socket] = []
        while len(found) < count:
            peer = self.connect()
            self.addCleanup(peer.close)
            if self.taker(peer) is daemon:
                found.append(peer)
        return found

    def taker(self, peer: socket.socket) -> Daemon:
        """Wait until a connection has reached a daemon, and give the daemon."""
        name = f" 127.0.0.1:{peer.getsockname()[1]} connected"
        [daemon] = until(lambda: [each for each in self.daemons if name in each.log()])
        return daemon


def _current(statistics: str) -> int:
    """
    Read how many connections the first daemon has, of HAProxy's statistics.
    """
    names, *rows = [line.split(",") for line in statistics.splitlines() if line]
    [row] = [row for row in rows if row[:2] == ["daemons", "one"]]
    return int(row[names.index("scur")])
