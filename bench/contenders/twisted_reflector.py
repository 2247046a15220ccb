"""
EchoStamp's session-reflector on Twisted's own UDP port: the same work for each packet,
limits and checks included, with the program's own timestamps.
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.internet import reactor
from twisted.internet.protocol import DatagramProtocol

from echostamp.rfc8762.policy import Policy, Shared
from echostamp.rfc8762.reflector import Reflector

HOST = "127.0.0.1"

#: Packets a second: no limit.
MOST = 10_000_000


class Plain(DatagramProtocol):
    """
    Does the work of the reflector's port, as far as a plain protocol can.
    """

    tellsHow = stampsDepartures = False

    def __init__(self, port: int) -> None:
        self.address = (HOST, port)
        self.reflector = Reflector(Shared(Policy(perSource=MOST, total=MOST)))
        self.reflector.port = self  # type: ignore[assignment]

    def datagramReceived(self, packet: bytes, peer: tuple[str, int]) -> None:
        """Give the packet to the reflector."""
        self.reflector.received(packet, peer, 0, 255, 0, None)

    def send(self, packet: bytes, peer: Any, to: bytes | None, tos: int) -> int:
        """Send the answer."""
        assert self.transport
        self.transport.write(packet, peer)
        return 0


if __name__ == "__main__":
    number = int(sys.argv[1])
    reactor.listenUDP(number, Plain(number), HOST)  # type: ignore[attr-defined]
    reactor.run()
