"""
A session-reflector as a plain DatagramProtocol: the same packets, with the program's
own timestamps, without limits and TLVs.
"""

from __future__ import annotations

import sys
import time

from twisted.internet import reactor
from twisted.internet.protocol import DatagramProtocol

from echostamp.rfc8762.packets import reflectorPacket
from echostamp.rfc8762.timestamps import ntpTimestamp

#: An error estimate that claims nothing about the clock.
ERROR_ESTIMATE = 0x3FFF


class Reflector(DatagramProtocol):
    """
    Answers every packet.
    """

    def datagramReceived(self, packet: bytes, peer: tuple[str, int]) -> None:
        """Send it back with both times."""
        received = ntpTimestamp(time.time_ns())
        reply = reflectorPacket(
            packet,
            int.from_bytes(packet[:4], "big"),
            ntpTimestamp(time.time_ns()),
            ERROR_ESTIMATE,
            received,
            255,
        )
        assert self.transport
        self.transport.write(reply, peer)


if __name__ == "__main__":
    reactor.listenUDP(int(sys.argv[1]), Reflector(), "127.0.0.1")  # type: ignore[attr-defined]
    reactor.run()
