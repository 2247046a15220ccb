"""
Datagrams with a forged source address, and sockets in a network namespace.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from twisted.trial.unittest import SynchronousTestCase

from tests.harness import lack

#: Of Linux, where Python has no name for it.
CLONE_NEWNET = 0x4000_0000


@contextmanager
def inside(namespace: tuple[str, ...]) -> Iterator[None]:
    """
    Make sockets in a network namespace.

    @param namespace: the beginning of a command line that runs something in it.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    with (
        open("/proc/thread-self/ns/net") as ours,
        open(f"/run/netns/{namespace[-1]}") as theirs,
    ):
        if libc.setns(theirs.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
        try:
            yield
        finally:
            libc.setns(ours.fileno(), CLONE_NEWNET)


class Forger:
    """
    Sends UDP datagrams with any source address.
    """

    def __init__(self, case: SynchronousTestCase) -> None:
        """
        @param case: closes the sockets; it is skipped without root.
        """
        if os.geteuid():
            lack("root")
        kind = socket.SOCK_RAW
        self._socket = socket.socket(socket.AF_INET, kind, socket.IPPROTO_RAW)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        case.addCleanup(self._socket.close)
        self._socket6 = socket.socket(socket.AF_INET6, kind, socket.IPPROTO_RAW)
        case.addCleanup(self._socket6.close)

    def send(
        self, packet: bytes, peer: tuple[str, int], place: tuple[str, int]
    ) -> None:
        """
        Send a datagram.

        @param peer: its source address and port.
        @param place: its destination.
        """
        if ":" in place[0]:
            self._send6(packet, peer, place)
            return
        length = 28 + len(packet)
        # The kernel fills in the fields that are 0, except UDP's checksum, which may
        # be 0.
        header = struct.pack(
            "!BBHHHBBH4s4sHHHH",
            *(0x45, 0, length, 0, 0, 64, socket.IPPROTO_UDP, 0),
            *(socket.inet_aton(peer[0]), socket.inet_aton(place[0])),
            *(peer[1], place[1], length - 20, 0),
        )
        self._socket.sendto(header + packet, (place[0], 0))

    def _send6(
        self, packet: bytes, peer: tuple[str, int], place: tuple[str, int]
    ) -> None:
        """
        Send a datagram over IPv6, where UDP's checksum has to be right.
        """
        ends = b"".join(
            socket.inet_pton(socket.AF_INET6, host) for host in (peer[0], place[0])
        )
        length = 8 + len(packet)
        ports = struct.pack("!HHH", peer[1], place[1], length)
        covered = ends + struct.pack("!II", length, socket.IPPROTO_UDP)
        covered += ports + bytes(2) + packet + bytes(len(packet) % 2)
        words = struct.unpack(f"!{len(covered) // 2}H", covered)
        # The complement of a sum of ones' complement is sent, but never as 0.
        check = 0xFFFF - sum(words) % 0xFFFF
        header = struct.pack("!IHBB", 6 << 28, length, socket.IPPROTO_UDP, 64) + ends
        datagram = header + ports + struct.pack("!H", check) + packet
        self._socket6.sendto(datagram, (place[0], 0))
