"""
A daemon that answers STAMP, sockets that ask it, and packets to ask with.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import signal
import socket
import struct
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from twisted.trial.unittest import SynchronousTestCase

from tests.harness import DEADLINE, Daemon, Owner, until

#: From NTP's epoch to UNIX's, in seconds.
NTP_EPOCH = 2_208_988_800

#: Nanoseconds by which the resolution of NTP's format can put a timestamp off.
ROUNDING = 1

#: Of Linux, where Python has no name for it.
IP_RECVTTL = 12

#: The bit of an error estimate that means PTP's format.
Z = 0x4000

#: Two keys.
ONE, TWO = bytes(range(1, 17)), bytes(range(101, 133))

#: A timestamp as a sender may write it.
T1 = bytes.fromhex("0123456789abcdef")

#: A request for tests that need any answer.
PLAIN = b"\0\0\0\5" + T1 + b"\0\1" + bytes(30)


class Reflecting(Daemon):
    """
    A daemon that answers STAMP on loopback, on ports that the system picked.

    @ivar places: addresses and ports.
    """

    def __init__(
        self,
        owner: Owner,
        *options: str,
        places: Sequence[str] = ("127.0.0.1:0",),
        command: tuple[str, ...] = ("twistd", "-n", "--pidfile="),
    ) -> None:
        """
        Start it, and wait until it answers.

        @param owner: stops the daemon at its end: the test.
        @param options: the command line behind C{echostamp}.
        @param places: the values of C{--reflector}.
        @param command: the command line before C{echostamp}.
        """
        self._before: Counter[str] = Counter()
        reflectors = [f"--reflector={place}" for place in places]
        super().__init__(owner, "--port=0", *reflectors, *options, command=command)
        # Each socket has a line in the log.  All addresses are a socket of either
        # family.
        sockets = sum(2 if place.partition(":")[0] == "0" else 1 for place in places)
        found = until(lambda: self._answering(sockets))
        self.places = [(host.strip("[]"), int(port)) for host, port in found]

    def _answering(self, sockets: int) -> list[tuple[str, str]] | None:
        if self.process.poll() is not None:
            raise AssertionError(self.log())
        found = re.findall(
            r"answering STAMP at (\S+):(\d+), .*by the kernel,.*\n", self.log()
        )
        return found if len(found) == sockets else None

    @property
    def place(self) -> tuple[str, int]:
        """The first address and port where it answers."""
        return self.places[0]

    def begin(self) -> None:
        """Begin a test of those that share the daemon: count packets from here."""
        super().begin()
        self._before = Counter()
        self._before = self.counts()

    def counts(self) -> Counter[str]:
        """Ask the daemon how many packets had which fate since the test began."""
        before = self.log().count("STAMP packets: ")
        self.process.send_signal(signal.SIGUSR1)
        until(lambda: self.log().count("STAMP packets: ") > before)
        return self.counted()

    def counted(self) -> Counter[str]:
        """Read the daemon's last line about packets."""
        line = until(
            lambda: re.findall(r"STAMP packets: (.*)\n", self.log()),
        )[-1]
        counts: Counter[str] = Counter()
        for each in [] if line == "none" else line.split(", "):
            count, _, what = each.partition(" ")
            counts[what] = int(count)
        return counts - self._before


class Heard(NamedTuple):
    """
    A datagram that was received.

    @ivar octets: its payload.
    @ivar ttl: its TTL or hop limit.
    @ivar tos: its traffic class.
    @ivar peer: its source address.
    """

    octets: bytes
    ttl: int
    tos: int
    peer: Any


class Asker(socket.socket):
    """
    A UDP socket that asks, and fails its test at the deadline.
    """

    def __init__(
        self, host: str = "127.0.0.1", port: int = 0, ttl: int = 64, tos: int = 0
    ) -> None:
        """
        @param host: its own address.
        @param port: its own port; 0 for any.
        @param ttl: the TTL or hop limit of its datagrams.
        @param tos: the traffic class of its datagrams.
        """
        is6 = ":" in host
        super().__init__(socket.AF_INET6 if is6 else socket.AF_INET, socket.SOCK_DGRAM)
        self.settimeout(DEADLINE)
        if is6:
            level = socket.IPPROTO_IPV6
            self.setsockopt(level, socket.IPV6_UNICAST_HOPS, ttl)
            self.setsockopt(level, socket.IPV6_TCLASS, tos)
            self.setsockopt(level, socket.IPV6_RECVHOPLIMIT, 1)
            self.setsockopt(level, socket.IPV6_RECVTCLASS, 1)
        else:
            level = socket.IPPROTO_IP
            self.setsockopt(level, socket.IP_TTL, ttl)
            self.setsockopt(level, socket.IP_TOS, tos)
            self.setsockopt(level, IP_RECVTTL, 1)
            self.setsockopt(level, socket.IP_RECVTOS, 1)
        self.bind((host, port))

    def heard(self) -> Heard:
        """Wait for a datagram."""
        octets, ancillary, _, peer = self.recvmsg(65_535, 512)
        values = {
            kind: int.from_bytes(value[:4], sys.byteorder)
            for _, kind, value in ancillary
        }
        if self.family == socket.AF_INET6:
            ttl, tos = values[socket.IPV6_HOPLIMIT], values[socket.IPV6_TCLASS]
        else:
            ttl, tos = values[socket.IP_TTL], values[socket.IP_TOS]
        return Heard(octets, ttl, tos, peer)

    def ask(self, request: bytes, place: Any) -> Heard:
        """Send a request, and wait for a datagram."""
        self.sendto(request, place)
        return self.heard()

    def hasNothing(self) -> bool:
        """Check that no datagram waits."""
        self.setblocking(False)
        try:
            self.recv(65_535)
        except BlockingIOError:
            return True
        finally:
            self.settimeout(DEADLINE)
        return False


def ntp(octets: bytes) -> int:
    """Read a time in NTP's format, in nanoseconds since the epoch."""
    units = int.from_bytes(octets, "big") - (NTP_EPOCH << 32)
    return (units * 10**9 + (1 << 31)) >> 32


def ptp(octets: bytes) -> int:
    """Read a time in PTP's format, of TAI, in nanoseconds since the epoch."""
    seconds, nanoseconds = (
        int.from_bytes(each, "big") for each in (octets[:4], octets[4:])
    )
    return (seconds - 37) * 10**9 + nanoseconds


def sealed(octets: bytes, key: bytes) -> bytes:
    """Put the HMAC of authenticated mode behind octets."""
    return octets + hmac.new(key, octets, hashlib.sha256).digest()[:16]


def authenticated(number: int, key: bytes, ssid: int = 0, estimate: int = 1) -> bytes:
    """Make a request of authenticated mode."""
    fields = struct.pack("!I12x8sHH68x", number, T1, estimate, ssid)
    return sealed(fields, key)


def tlv(kind: int, value: bytes, flags: int = 0x80) -> bytes:
    """Make a TLV."""
    return struct.pack("!BBH", flags, kind, len(value)) + value


def keyFile(case: SynchronousTestCase, text: str, mode: int = 0o600) -> Path:
    """Make a key file."""
    path = Path(case.mktemp()).absolute()
    path.write_text(text)
    path.chmod(mode)
    return path
