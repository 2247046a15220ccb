"""
A loop around C{select.epoll} that probes many targets over STAMP, with the timestamps
of the kernel: the least CPU time that pure Python needs.  It keeps the sum of the round
trips and nothing else.  At SIGINT it prints how many probes of each target were sent
and answered, as fping does.
"""

from __future__ import annotations

import heapq
import select
import signal
import socket
import struct
import sys
import time
from contextlib import suppress

from echostamp.rfc8762.ancillary import (
    COUNTED,
    SO_TIMESTAMPING,
    SO_TIMESTAMPNS,
    TIMESPEC,
)

SECOND = 1_000_000_000

#: From the UNIX epoch to that of NTP, in seconds.
NTP = 2_208_988_800

#: Sequence number, T1 in NTP's format, error estimate, and zeros up to 44 octets.
PACKET = struct.Struct("!IIIHH28x")

#: Of a reply: T3, T2 and the sender's sequence number.
REPLY = struct.Struct("!4xQ4xQI")


def ntp(at: int) -> tuple[int, int]:
    """
    Give a time in NTP's format.

    @param at: nanoseconds since the UNIX epoch.
    """
    seconds, rest = divmod(at, SECOND)
    return seconds + NTP & 0xFFFF_FFFF, (rest << 32) // SECOND


def unix(wire: int) -> int:
    """
    Give a time of NTP's format in nanoseconds since the UNIX epoch.
    """
    return ((wire >> 32) - NTP) * SECOND + ((wire & 0xFFFF_FFFF) * SECOND >> 32)


def timestamp(beside: list[tuple[int, int, bytes]], kind: int) -> int:
    """
    Find a timestamp of the kernel in ancillary data; 0 where there is none.
    """
    for _, each, octets in beside:
        if each == kind:
            seconds, rest = TIMESPEC.unpack_from(octets)
            return int(seconds * SECOND + rest)
    return 0


class Target:
    """
    One target, and a socket for it.

    @ivar sent: how many probes were sent since that was last printed.
    @ivar answered: how many were answered since then.
    @ivar sum: the sum of the round trips, in nanoseconds.
    """

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.sent = self.answered = self.sum = self._seq = 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.connect((host, port))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING, COUNTED)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._t1: dict[int, int] = {}

    def send(self) -> None:
        """
        Send a probe.
        """
        t1 = time.time_ns()
        self._seq += 1
        self._t1[self._seq] = t1
        self.socket.send(PACKET.pack(self._seq, *ntp(t1), 0, 0))
        self.sent += 1

    def readDeparture(self) -> None:
        """
        Read when the last probe left.
        """
        with suppress(BlockingIOError):
            _, beside, _, _ = self.socket.recvmsg(0, 512, socket.MSG_ERRQUEUE)
            self._t1[self._seq] = timestamp(beside, SO_TIMESTAMPING)

    def readReply(self) -> None:
        """
        Read a reply.
        """
        with suppress(BlockingIOError):
            packet, beside, _, _ = self.socket.recvmsg(512, 512)
            t4 = timestamp(beside, SO_TIMESTAMPNS)
            t3, t2, seq = REPLY.unpack_from(packet)
            t1 = self._t1.pop(seq, 0)
            if t1:
                self.answered += 1
                self.sum += (t4 - t1) - (unix(t3) - unix(t2))


def main() -> None:
    """
    Run until a signal: C{epoll_prober.py PORT INTERVAL HOST...}, with the interval in
    nanoseconds.
    """
    port, interval, hosts = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    targets = [Target(host, port) for host in hosts]
    poller = select.epoll()
    byNumber = {each.socket.fileno(): each for each in targets}
    for number in byNumber:
        poller.register(number, select.EPOLLIN)
    began = time.monotonic_ns()
    due = [
        (began + i * interval // len(targets), i, each)
        for i, each in enumerate(targets)
    ]

    def show(*_: object) -> None:
        for each in targets:
            print(f"{each.host} : xmt/rcv = {each.sent}/{each.answered}", flush=True)
            each.sent = each.answered = 0

    signal.signal(signal.SIGQUIT, show)
    while True:
        now = time.monotonic_ns()
        while due[0][0] <= now:
            when, i, target = due[0]
            heapq.heapreplace(due, (when + interval, i, target))
            target.send()
            target.readDeparture()
        wait = (due[0][0] - time.monotonic_ns()) / SECOND
        for number, event in poller.poll(max(wait, 0)):
            if event & select.EPOLLERR:
                byNumber[number].readDeparture()
            if event & select.EPOLLIN:
                byNumber[number].readReply()


if __name__ == "__main__":
    main()
