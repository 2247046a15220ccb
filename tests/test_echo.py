"""The line protocol over real sockets: many lines, long lines, slow peers."""

from __future__ import annotations

import os
import re
import signal
import socket
import threading
import time
from contextlib import ExitStack

from twisted.trial.unittest import SynchronousTestCase

from echostamp.daemon.options import LONGEST_MAX_LENGTH
from echostamp.test.zones import writeZone
from tests.filling import Filler, fill, fillAll
from tests.harness import (
    DEADLINE,
    STAMP,
    Daemon,
    figure,
    memory,
    readAll,
    readLines,
    sendWithFin,
    until,
    withoutStamps,
)

MEGABYTE = 1_000_000


class EchoTests(SynchronousTestCase):
    """
    Replies to messages of all kinds.
    """

    def setUp(self) -> None:
        """Share a daemon."""
        self.daemon = Daemon.shared(self)

    def test_plainClient(self) -> None:
        """C{send} and C{recv} without newlines work, again and again."""
        with self.daemon.connect() as peer:
            for text in b"hello", b"again", b"and again":
                peer.sendall(text)
                self.assertRegex(peer.recv(1024), b"^" + STAMP + text + b"$")

    def test_lines(self) -> None:
        """Lines come back in order, each behind its stamp."""
        with self.daemon.connect() as peer:
            peer.sendall(b"one\n\ntwo\r\n")
            replies = readLines(peer, 3)
        self.assertEqual(withoutStamps(replies), b"one\n\ntwo\r\n")

    def test_splitLine(self) -> None:
        """After the first newline a line may come in pieces, however slowly."""
        with self.daemon.connect() as peer:
            peer.sendall(b"first\n")
            readLines(peer, 1)
            peer.sendall(b"sec")
            # Longer than the pause that would end a first line.
            peer.settimeout(0.3)
            self.assertRaises(TimeoutError, peer.recv, 1)
            peer.settimeout(DEADLINE)
            peer.sendall(b"ond\n")
            self.assertRegex(peer.recv(1024), b"^" + STAMP + b"second\n$")

    def test_everyOctet(self) -> None:
        """Lines of every octet value come back as they went."""
        octets = bytes(n for n in range(256) if n != ord("\n"))
        lines = b"".join(bytes([n]) * 3 + b"\n" for n in octets) + octets + b"\n"
        self.assertEqual(withoutStamps(self.exchange(lines)), lines)

    def test_urgentData(self) -> None:
        """An octet of urgent data comes back in its place."""
        with self.daemon.connect() as peer:
            peer.sendall(b"\nab")
            peer.send(b"!", socket.MSG_OOB)
            peer.sendall(b"cd\n")
            replies = readLines(peer, 2)
        self.assertEqual(withoutStamps(replies), b"\nab!cd\n")

    def exchange(self, data: bytes) -> bytes:
        """
        Send everything and a FIN, reading at the same time.

        @return: all that came back.
        """
        with self.daemon.connect() as peer:
            sender = threading.Thread(target=_sendAndShutdown, args=(peer, data))
            sender.start()
            received = readAll(peer)
            sender.join(DEADLINE)
        return received

    def test_tenMegabytesAndAFin(self) -> None:
        """10 MB of lines with a FIN right behind are all answered, in order."""
        lines = b"".join(b"%d some text of a line\n" % n for n in range(380_000))
        self.assertGreater(len(lines), 10 * MEGABYTE)
        answered = withoutStamps(self.exchange(lines))
        figure(
            f"{len(lines)} octets and a FIN over TCP: {answered.count(10)} lines "
            "answered of 380000"
        )
        self.assertEqual(answered, lines)

    def test_twoLinesAndAFinInOneSegment(self) -> None:
        """300 connections that send two lines and a FIN: 300 get both replies."""
        answered = 0
        for _ in range(300):
            with self.daemon.connect() as peer:
                sendWithFin(peer, b"one\ntwo\n")
                answered += withoutStamps(readAll(peer)) == b"one\ntwo\n"
        figure(f"two lines and a FIN in one segment over TCP: {answered} of 300")
        self.assertEqual(answered, 300)

    def test_fiftyMegabytesInOneLine(self) -> None:
        """A line of any length is stamped once and comes back whole."""
        line = bytes(range(11, 251)) * (50 * MEGABYTE // 240)
        before = self.daemon.memory()
        received = self.exchange(b"short\n" + line + b"\nlast")
        first, long, last = received.split(b"\n")
        self.assertRegex(first, b"^" + STAMP + b"short$")
        self.assertRegex(last, b"^" + STAMP + b"last$")
        self.assertRegex(long[:30], b"^" + STAMP)
        self.assertTrue(long.endswith(line))
        self.assertLess(len(long) - len(line), 65)
        self.assertLess(self.daemon.memory() - before, 5 * MEGABYTE)

    def test_hugeFirstLineWithoutPause(self) -> None:
        """A first line that keeps coming is one message too."""
        line = b"x" * (5 * MEGABYTE)
        received = self.exchange(line)
        self.assertEqual(len(re.findall(STAMP, received)), 1)
        self.assertTrue(received.endswith(line))


def _sendAndShutdown(peer: socket.socket, data: bytes) -> None:
    """
    Send everything, then a FIN.
    """
    peer.sendall(data)
    peer.shutdown(socket.SHUT_WR)


class ZoneTests(SynchronousTestCase):
    """
    The local time zone.
    """

    def test_replaced(self) -> None:
        """The stamps follow a zone whose file was replaced, from SIGHUP on."""
        path = os.path.abspath(self.mktemp())
        writeZone(path, "ONE", 3600)
        daemon = Daemon(self, "--format=%H %Z %s", env={"TZ": f":{path}"})
        with daemon.connect() as peer:
            for name, ahead in ("ONE", 1), ("TWO", 2):
                writeZone(path, name, ahead * 3600)
                if ahead > 1:
                    daemon.process.send_signal(signal.SIGHUP)
                    until(lambda: "time zone reloaded" in daemon.log())
                before = int(time.time())
                peer.sendall(b"\n")
                stamp = readLines(peer, 1).decode()
                hour, found, seconds = stamp.strip("[] \n").split()
                self.assertEqual(found, name)
                self.assertIn(int(seconds), range(before, int(time.time()) + 1))
                self.assertEqual(int(hour), (int(seconds) // 3600 + ahead) % 24)


class DeafPeerTests(SynchronousTestCase):
    """
    Peers that send and never read.
    """

    def growth(self, peers: int, data: bytes, *options: str) -> int:
        """
        Let peers send all that fits without reading.

        @return: by how many octets the daemon's memory grew at most.
        """
        daemon = Daemon(self, "-p0", *options)
        # One connection that is served warms everything up that is made once.
        with daemon.connect() as peer:
            peer.sendall(data[:65_536] + b"\n")
            peer.shutdown(socket.SHUT_WR)
            readAll(peer)
        before = daemon.memory()
        with ExitStack() as stack:
            fillers = [
                Filler(stack.enter_context(daemon.connect()), lambda: data)
                for _ in range(peers)
            ]
            fillAll(fillers, daemon.process.pid)
            # It still serves others.
            with daemon.connect() as peer:
                peer.sendall(b"hello\n")
                self.assertRegex(peer.recv(1024), STAMP + b"hello\n$")
        sent = sum(filler.sent for filler in fillers)
        self.assertGreater(sent, peers * MEGABYTE)
        most = memory(daemon.process.pid, "VmHWM")
        figure(f"{peers} deaf peers, {sent} octets sent: {most - before} octets more")
        return most - before

    def test_longLines(self) -> None:
        """The daemon holds next to nothing of megabytes of long lines."""
        self.assertLess(self.growth(1, (b"x" * 9_999 + b"\n") * 100), 5 * MEGABYTE)

    def test_bareNewlines(self) -> None:
        """The daemon holds next to nothing of bare newlines, which make 28 times as
        many octets of replies."""
        self.assertLess(self.growth(1, b"\n" * MEGABYTE), 5 * MEGABYTE)

    def test_fiftyPeersOfBareNewlines(self) -> None:
        """Fifty peers that send bare newlines cost 300 KB each at most."""
        self.assertLess(self.growth(50, b"\n" * MEGABYTE), 50 * 300_000)

    def test_fiftyPeersOfLongLines(self) -> None:
        """Fifty peers whose lines are as long as a message may be by default cost
        300 KB each at most."""
        self.assertLess(self.growth(50, (b"x" * 65_535 + b"\n") * 10), 50 * 300_000)

    def test_fiftyPeersOfTheLongestMessages(self) -> None:
        """Fifty peers with the longest messages that an option allows cost 300 KB each
        at most."""
        option = f"--max-length={LONGEST_MAX_LENGTH}"
        line = b"x" * (LONGEST_MAX_LENGTH - 1) + b"\n"
        self.assertLess(self.growth(50, line * 10, option), 50 * 300_000)

    def test_aPeerThatReadsAtLast(self) -> None:
        """A peer that reads late gets every reply."""
        daemon = Daemon.shared(self)
        with daemon.connect() as peer:
            sent = fill(peer, b"0123456\n" * 8192, daemon.process.pid)
            peer.shutdown(socket.SHUT_WR)
            received = readAll(peer)
        text = withoutStamps(received)
        self.assertEqual(len(text), sent)
        self.assertEqual(text, (b"0123456\n" * (sent // 8 + 1))[:sent])
