"""
Captures of STAMP's packets, read apart from the program.
"""

from __future__ import annotations

import socket
import struct

from twisted.trial.unittest import SynchronousTestCase

from tests.forging import inside

# Of Linux, where Python has no names for them.
ETH_P_ALL = 3
SO_RCVBUFFORCE = 33
SO_TIMESTAMPNS = 35
SOL_PACKET, PACKET_STATISTICS = 263, 6

#: Octets for packets that were not read yet.
_BUFFER = 32 << 20

#: Where the fields of a packet are, in its UDP payload (RFC 8762, section 4).
_SEQUENCE, _SENDER_SEQUENCE = slice(0, 4), slice(24, 28)


class Capture:
    """
    The test packets to a reflector and its replies, as they pass one end of a link.

    Times are nanoseconds since the epoch, by the kernel.

    @ivar probes: when each test packet passed first, by its sequence number.
    @ivar replies: when the first reply to each passed, by the number of the packet.
    """

    def __init__(
        self,
        case: SynchronousTestCase,
        namespace: tuple[str, ...],
        link: str,
        port: int = 862,
    ) -> None:
        """
        @param case: ends it.
        @param namespace: the beginning of a command line that runs something there.
        @param link: the name of the link.
        @param port: the reflector's.
        """
        self.probes: dict[int, int] = {}
        self.replies: dict[int, int] = {}
        self._port = port
        with inside(namespace):
            # Without the header of Ethernet.
            self._socket = socket.socket(
                socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL)
            )
        case.addCleanup(self._socket.close)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, _BUFFER)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._socket.bind((link, ETH_P_ALL))
        self._socket.setblocking(False)

    def read(self) -> None:
        """Read what has passed by now; fail if anything was missed."""
        while True:
            try:
                packet, beside, _, _ = self._socket.recvmsg(2048, 64)
            except BlockingIOError:
                break
            [(_, _, octets)] = beside
            seconds, rest = struct.unpack("@ll", octets)
            self._look(packet, seconds * 10**9 + rest)
        counts = self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)
        _, missed = struct.unpack("@II", counts)
        assert not missed, f"{missed} packets were missed"

    def _look(self, packet: bytes, at: int) -> None:
        """
        Note a packet of IPv4, if it is one of STAMP's.
        """
        if packet[0] >> 4 != 4 or packet[9] != socket.IPPROTO_UDP:
            return
        datagram = packet[(packet[0] & 15) * 4 :]
        source, target = struct.unpack("!HH", datagram[:4])
        payload = datagram[8:]
        if target == self._port:
            number = int.from_bytes(payload[_SEQUENCE], "big")
            self.probes.setdefault(number, at)
        elif source == self._port:
            number = int.from_bytes(payload[_SENDER_SEQUENCE], "big")
            self.replies.setdefault(number, at)

    def waits(self, count: int) -> dict[int, int | None]:
        """
        Give how long each of the first probes waited for its reply.  The first packet
        of a session is no probe: the reply to it is discarded.

        @param count: how many of them.
        @return: by their numbers, nanoseconds; L{None} where there was no reply.
        """
        return {
            number: self.replies[number] - self.probes[number]
            if number in self.replies
            else None
            for number in range(1, count + 1)
        }
