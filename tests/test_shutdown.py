"""The daemon is told to stop: what has arrived is answered, and it does stop."""

from __future__ import annotations

import signal
import socket
import time
from contextlib import ExitStack

from twisted.trial.unittest import SynchronousTestCase

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


def fill(peer: socket.socket, data: bytes, quiet: float = 0.5) -> int:
    """
    Send until nothing more fits for a while.

    @param data: what to send, again and again, a whole number of lines.
    @param quiet: seconds.
    @return: how many octets were sent.
    """
    peer.setblocking(False)
    sent, last = 0, time.monotonic()
    while time.monotonic() - last < quiet:
        try:
            sent += peer.send(data[sent % len(data) :])
            last = time.monotonic()
        except BlockingIOError:
            time.sleep(0.005)
    peer.settimeout(DEADLINE)
    return sent


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
        """Without connections it ends at once, with status 0."""
        for number in signal.SIGTERM, signal.SIGINT:
            self.assertStops(Daemon(self), number, within=2)

    def test_idleConnectionsGetAFin(self) -> None:
        """Who has nothing on the way is closed cleanly, well before the grace."""
        daemon = Daemon(self, "-p0", "--grace=20")
        with daemon.connect() as idle, daemon.connect() as talked:
            talked.sendall(b"hello\n")
            readLines(talked, 1)
            self.assertStops(daemon, signal.SIGTERM, within=5)
            self.assertEqual((idle.recv(1), talked.recv(1)), (b"", b""))

    def test_unterminatedMessageIsAnswered(self) -> None:
        """What has arrived of a message is answered, as at the end of the input."""
        daemon = Daemon(self)
        with daemon.connect() as peer:
            peer.sendall(b"a\nlast")
            readLines(peer, 1)
            self.assertStops(daemon, signal.SIGTERM, within=4)
            self.assertRegex(readAll(peer), b"^" + STAMP + b"last$")

    def test_peerThatReadsAtLastGetsEveryLine(self) -> None:
        """SIGTERM after a peer has sent all that fits and read nothing; then it
        reads: every line is answered, and the daemon ends in time."""
        daemon = Daemon(self, "-p0", "--grace=10")
        lines = b"".join(b"%07d\n" % n for n in range(2_000_000))
        with ExitStack() as stack:
            sent: dict[socket.socket, int] = {}
            # One is enough where the kernel has the usual buffers.
            while sum(sent.values()) < 5_000_000:
                peer = stack.enter_context(daemon.connect())
                sent[peer] = fill(peer, lines)
            began = time.monotonic()
            daemon.process.send_signal(signal.SIGTERM)
            until(lambda: "SIGTERM: stopping" in daemon.log())
            answered = {peer: withoutStamps(readAll(peer)) for peer in sent}
            self.assertEqual(daemon.process.wait(DEADLINE), 0)
            elapsed = time.monotonic() - began
        octets = sum(map(len, answered.values()))
        figure(
            f"after SIGTERM {octets} of {sum(sent.values())} octets of {len(sent)} "
            f"peers answered, ended after {elapsed:.1f} s (grace 10 s)"
        )
        self.assertLess(elapsed, 11)
        for peer, answer in answered.items():
            self.assertEqual(answer, lines[: sent[peer]])

    def test_whoWaitsToBeAccepted(self) -> None:
        """400 connections that the kernel has made and the daemon has not seen yet are
        answered, over TCP, and with a PROXY header in front."""
        for endpoint, header in [
            ("tcp:0", b""),
            ("proxy:tcp:0", b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 8002\r\n"),
        ]:
            daemon = Daemon(self, "-e", endpoint, "--proxy-from=127.0.0.0/8")
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

    def test_hundredPeersThatDoNotRead(self) -> None:
        """SIGTERM with 100 peers that do not read: it ends within the grace and a
        second."""
        daemon = Daemon(self, "-p0", "--grace=1")
        with ExitStack() as stack:
            for _ in range(100):
                peer = stack.enter_context(daemon.connect())
                fill(peer, b"x" * 1000 + b"\n", quiet=0.02)
            began = time.monotonic()
            self.assertStops(daemon, signal.SIGTERM, within=2)
            elapsed = time.monotonic() - began
        figure(f"SIGTERM, 100 peers that do not read, grace 1 s: {elapsed:.2f} s")
        self.assertIn("connections not drained within 1 s", daemon.log())

    def test_secondSignal(self) -> None:
        """A second signal ends it at once."""
        daemon = Daemon(self, "-p0", "--grace=60")
        with daemon.connect() as peer:
            fill(peer, b"x" * 1000 + b"\n")
            daemon.process.send_signal(signal.SIGTERM)
            until(lambda: "SIGTERM: stopping" in daemon.log())
            self.assertIsNone(daemon.process.poll())
            self.assertStops(daemon, signal.SIGTERM, within=2)
        self.assertNotIn("Traceback", daemon.log())

    def test_nobodyComesInWhileItStops(self) -> None:
        """It stops to listen at once."""
        daemon = Daemon(self, "-p0", "--grace=60")
        with daemon.connect() as peer:
            fill(peer, b"x" * 1000 + b"\n")
            daemon.process.send_signal(signal.SIGTERM)
            until(lambda: "SIGTERM: stopping" in daemon.log())
            self.assertRaises(ConnectionRefusedError, daemon.connect)
            daemon.stop(signal.SIGKILL)

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
