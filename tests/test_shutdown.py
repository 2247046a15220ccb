"""SIGTERM and SIGINT: the daemon answers what has arrived, and ends in time."""

from __future__ import annotations

import signal
import socket
import time
from contextlib import ExitStack

from twisted.trial.unittest import SynchronousTestCase

from tests.filling import Filler, fill, fillAll
from tests.harness import (
    DEADLINE,
    STAMP,
    Daemon,
    figure,
    readAll,
    readLines,
    until,
    withoutStamps,
)

#: How many peers do not read.
PEERS = 50

LINES = (b"x" * 999 + b"\n") * 256

#: Seconds by which a busy machine may make the daemon late.
LATE = 20.0


class ShutdownTests(SynchronousTestCase):
    """
    SIGTERM and SIGINT.
    """

    def assertStops(self, daemon: Daemon, number: int, within: float) -> None:
        """Assert that a signal ends the daemon with status 0 in time."""
        began = time.monotonic()
        self.assertEqual(daemon.stop(number), 0, daemon.log())
        self.assertLess(time.monotonic() - began, within)

    def test_nobodyThere(self) -> None:
        """Without connections the daemon ends long before the grace is over."""
        for number in signal.SIGTERM, signal.SIGINT:
            self.assertStops(Daemon(self, "-p0", "--grace=60"), number, within=30)

    def test_whatHasArrivedIsAnswered(self) -> None:
        """An idle connection gets a FIN.  A message without its newline is answered, as
        at the end of the input.  Both come long before the grace is over."""
        daemon = Daemon(self, "-p0", "--grace=60")
        with ExitStack() as stack:
            idle, talked, amid = (
                stack.enter_context(daemon.connect()) for _ in range(3)
            )
            talked.sendall(b"hello\n")
            readLines(talked, 1)
            amid.sendall(b"a\nlast")
            readLines(amid, 1)
            self.assertStops(daemon, signal.SIGTERM, within=30)
            self.assertEqual((idle.recv(1), talked.recv(1)), (b"", b""))
            self.assertRegex(readAll(amid), b"^" + STAMP + b"last$")

    def test_peerThatReadsAtLastGetsEveryLine(self) -> None:
        """A peer sends all that fits and reads nothing before SIGTERM.  Then it reads:
        every line is answered, and the daemon ends in time."""
        daemon = Daemon(self, "-p0", "--grace=60")
        lines = b"".join(b"%07d\n" % n for n in range(2_000_000))
        with ExitStack() as stack:
            sent: dict[socket.socket, int] = {}
            # One is enough where the kernel has the usual buffers.
            while sum(sent.values()) < 5_000_000:
                peer = stack.enter_context(daemon.connect())
                sent[peer] = fill(peer, lines, daemon.process.pid)
            began = time.monotonic()
            daemon.process.send_signal(signal.SIGTERM)
            until(lambda: "SIGTERM: stopping" in daemon.log())
            answered = {peer: withoutStamps(readAll(peer)) for peer in sent}
            self.assertEqual(daemon.process.wait(DEADLINE), 0)
            elapsed = time.monotonic() - began
        octets = sum(map(len, answered.values()))
        figure(
            f"after SIGTERM {octets} of {sum(sent.values())} octets of {len(sent)} "
            f"peers answered, ended after {elapsed:.1f} s (grace 60 s)"
        )
        self.assertLess(elapsed, 61)
        for peer, answer in answered.items():
            self.assertEqual(answer, lines[: sent[peer]])

    def test_connectionsNotYetAccepted(self) -> None:
        """400 connections that the kernel has made and the daemon has not seen yet are
        answered, over TCP, and with a PROXY header in front."""
        for endpoint, header in [
            ("tcp:0", b""),
            ("proxy:tcp:0", b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 8002\r\n"),
        ]:
            daemon = Daemon(
                self, "-e", endpoint, "--proxy-from=127.0.0.0/8", "--grace=60"
            )
            daemon.process.send_signal(signal.SIGSTOP)
            with ExitStack() as stack:
                peers = [stack.enter_context(daemon.connect()) for _ in range(400)]
                for peer in peers:
                    peer.sendall(header + b"hello\nworld")
                daemon.process.send_signal(signal.SIGTERM)
                daemon.process.send_signal(signal.SIGCONT)
                answers = [readAll(peer) for peer in peers]
            self.assertEqual(daemon.process.wait(DEADLINE), 0)
            count = sum(withoutStamps(each) == b"hello\nworld" for each in answers)
            figure(f"{count} of 400 that waited at {endpoint} answered after SIGTERM")
            self.assertEqual(count, 400)

    def test_peersThatDoNotRead(self) -> None:
        """Peers that do not read hold the daemon up for the grace and no longer."""
        daemon = Daemon(self, "-p0", "--grace=1")
        with ExitStack() as stack:
            peers = [stack.enter_context(daemon.connect()) for _ in range(PEERS)]
            fillers = [Filler(peer, lambda: LINES) for peer in peers]
            fillAll(fillers, daemon.process.pid)
            self.assertTrue(all(filler.sent for filler in fillers))
            began = time.monotonic()
            self.assertStops(daemon, signal.SIGTERM, within=1 + LATE)
            elapsed = time.monotonic() - began
        figure(f"SIGTERM, {PEERS} peers that do not read, grace 1 s: {elapsed:.2f} s")
        self.assertGreater(elapsed, 0.9)
        self.assertIn("connections not drained within 1 s", daemon.log())

    def test_secondSignal(self) -> None:
        """The daemon stops listening at the first signal, and ends at once at a second
        one, however much is unread."""
        daemon = Daemon(self, "-p0", "--grace=60")
        with daemon.connect() as peer:
            fill(peer, LINES, daemon.process.pid)
            daemon.process.send_signal(signal.SIGTERM)
            until(lambda: "SIGTERM: stopping" in daemon.log())
            self.assertRaises(ConnectionRefusedError, daemon.connect)
            self.assertIsNone(daemon.process.poll())
            self.assertStops(daemon, signal.SIGTERM, within=30)
        self.assertNotIn("Traceback", daemon.log())

    def test_portIsFreeAtOnce(self) -> None:
        """After kill -9 in mid-stream it starts again on the same port at once."""
        daemon = Daemon(self)
        with daemon.connect() as peer:
            peer.sendall(b"hello\n")
            readLines(peer, 1)
            daemon.stop(signal.SIGKILL)
            began = time.monotonic()
            again = Daemon(self, "-p", str(daemon.port))
            elapsed = time.monotonic() - began
            figure(f"after kill -9 it listens again within {elapsed:.2f} s")
            with again.connect() as other:
                other.sendall(b"hello\n")
                self.assertRegex(readLines(other, 1), STAMP + b"hello\n$")
