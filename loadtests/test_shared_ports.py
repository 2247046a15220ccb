"""A port that many senders share loses nothing while this process does not read."""

from __future__ import annotations

import socket
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from echostamp.rfc8762.sharedports import (
    MOST_RATE,
    MOST_SIZE,
    PortKind,
    SenderPort,
    SharedPorts,
)
from tests.harness import DEADLINE

KIND = PortKind("0.0.0.0", 255, 0)


class NoReactor:
    """
    A reactor that reads when the test does.
    """

    def __init__(self) -> None:
        self.readers: list[Any] = []

    def addReader(self, reader: Any) -> None:
        """Keep it."""
        self.readers.append(reader)

    def removeReader(self, reader: Any) -> None:
        """Forget it."""
        if reader in self.readers:
            self.readers.remove(reader)


class Sender:
    """
    Counts what it gets.

    @ivar stamped: replies with a timestamp of the kernel.
    @ivar departed: packets whose departure is known.
    """

    def __init__(self) -> None:
        self.stamped = self.departed = 0

    def received(self, packet: bytes, peer: Any, at: int, *how: Any) -> None:
        """Count it."""
        self.stamped += bool(at)

    def transmitted(self, number: int, at: int) -> None:
        """Count it."""
        self.departed += 1

    def refused(self, error: int, peer: Any) -> None:
        """Fail."""
        raise AssertionError(f"refused: {error}")


class SharedPortsTests(SynchronousTestCase):
    """
    As many senders as share a port, at one packet a second each.
    """

    def test_nothingIsLost(self) -> None:
        """When the packets of a whole second and their replies wait to be read, all are
        there, each with its timestamps, though they are as long as may be."""
        reactor = NoReactor()
        ports = SharedPorts(reactor)
        far: list[socket.socket] = []
        senders: list[tuple[Any, SenderPort, Any]] = []
        for number in range(MOST_RATE):
            end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.addCleanup(end.close)
            end.settimeout(DEADLINE)
            end.bind((f"127.0.9.{number + 1}", 0))
            far.append(end)
            sender: Any = Sender()
            peer = end.getsockname()
            port = ports.take(1, KIND, peer)(sender)
            self.addCleanup(port.close)
            port.startReading()
            senders.append((sender, port, peer))
        (shared,) = reactor.readers
        for _, port, peer in senders:
            self.assertIsNotNone(port.send(bytes(MOST_SIZE), peer))
        for end in far:
            end.sendto(*end.recvfrom(MOST_SIZE))
        for _ in range(MOST_RATE):
            shared.doRead()
        for sender, _, _ in senders:
            self.assertEqual((sender.stamped, sender.departed), (1, 1))
