"""
Session-reflectors in memory, for tests.
"""

from __future__ import annotations

from typing import Any, cast

from echostamp.rfc8762.clock import KernelClock
from echostamp.rfc8762.keys import Keys
from echostamp.rfc8762.packets import SenderPacket, senderPacket
from echostamp.rfc8762.policy import Policy, Shared
from echostamp.rfc8762.reflector import Reflector
from echostamp.rfc8762.tlvreading import writeTlvs
from echostamp.times import SECOND

#: 2023.
EPOCH = 1_700_000_000 * SECOND

#: Its second in NTP's format, and in PTP's when TAI is 37 s ahead.
NTP_SECOND = (1_700_000_000 + 2_208_988_800).to_bytes(4, "big")
PTP_SECOND = (1_700_000_037).to_bytes(4, "big")

HERE, PEER = ("192.0.2.1", 862), ("192.0.2.9", 4711)

ONE, TWO = bytes([1] * 16), bytes([2] * 16)

#: Error estimates of a clock that is synchronized within 5 ms: 164 * 2^(17 - 32) s, in
#: NTP's format and in PTP's; and of a clock of which nothing is known.
FIVE_MS, FIVE_MS_PTP, UNKNOWN = b"\x91\xa4", b"\xd1\xa4", b"\x3f\xff"

T1 = bytes.fromhex("0123456789abcdef")


class FakePort:
    """
    A port that keeps what is sent.

    @ivar sent: octets, the peer, the address that they are from, and their class.
    @ivar departures: numbers and times that the kernel reports next.
    @ivar refusal: the error that the next call of L{send} meets.
    """

    stampsArrivals = True
    stampsDepartures = False
    tellsHow = True

    def __init__(self, address: tuple[Any, ...] = HERE) -> None:
        self.address = address
        self.isWildcard = address[0] in ("0.0.0.0", "::")
        self.sent: list[tuple[bytes, Any, bytes | None, int]] = []
        self.departures: list[tuple[int, int]] = []
        self.reflector: Reflector | None = None
        self.refusal: int | None = None

    def send(
        self, packet: bytes, peer: Any, to: bytes | None = None, tos: int = 0
    ) -> int | None:
        """Send, and give the number."""
        if self.refusal is not None:
            assert self.reflector is not None
            self.reflector.refused(self.refusal, peer)
            return None
        self.sent.append((packet, peer, to, tos))
        return len(self.sent) - 1

    def readDepartures(self) -> bool:
        """Report the departures."""
        assert self.reflector is not None
        told, self.departures = self.departures, []
        for number, at in told:
            self.reflector.transmitted(number, at)
        return bool(told)


class End:
    """
    A session-reflector whose clock the test sets.

    @ivar now: the time of its clock, in nanoseconds since the epoch.
    @ivar asked: how often the kernel was asked about its clock.
    """

    def __init__(
        self,
        policy: Policy | None = None,
        keys: Keys | None = None,
        address: tuple[Any, ...] = HERE,
        shared: Shared | None = None,
    ) -> None:
        self.now = EPOCH + SECOND // 2
        self.kernel = KernelClock(True, 5_000_000, None)
        self.asked = 0
        self.shared = shared or Shared(policy or Policy(), keys or {})
        self.counts = self.shared.counts
        self.port = FakePort(address)
        self.reflector = Reflector(
            self.shared, lambda: self.now, lambda: self.now - EPOCH, self._kernel
        )
        self.reflector.port = cast(Any, self.port)
        self.port.reflector = self.reflector

    def _kernel(self) -> KernelClock:
        self.asked += 1
        return self.kernel

    def receive(
        self,
        packet: bytes,
        peer: Any = PEER,
        at: int = 0,
        ttl: int = 64,
        tos: int = 0,
        to: bytes | None = None,
    ) -> bytes | None:
        """Receive a packet, and give the reply, if any."""
        before = len(self.port.sent)
        self.reflector.received(packet, peer, at, ttl, tos, to)
        replies = self.port.sent[before:]
        assert len(replies) <= 1
        assert all(reply[1:3] == (peer, to) for reply in replies)
        return replies[0][0] if replies else None

    def answer(self, packet: bytes, *arguments: Any, **named: Any) -> bytes:
        """Receive a packet, and give the reply, which there has to be."""
        reply = self.receive(packet, *arguments, **named)
        assert reply is not None, self.counts
        return reply


def request(
    number: int = 5,
    ssid: int = 0,
    key: bytes | None = None,
    tlvs: list[tuple[int, bytes]] | None = None,
    isPtp: bool = False,
    t1: bytes = T1,
) -> bytes:
    """Make a request."""
    estimate = 0x4001 if isPtp else 1
    fields = SenderPacket(number, int.from_bytes(t1, "big"), estimate, ssid)
    return senderPacket(fields, key) + writeTlvs(
        tlvs or [], number, key if tlvs else None
    )
