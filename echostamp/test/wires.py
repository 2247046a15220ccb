"""
A wire in memory between a session-sender and a session-reflector.
"""

from __future__ import annotations

from typing import Any

from echostamp.measure.residence import residenceFault
from echostamp.rfc8762.clock import KernelClock
from echostamp.rfc8762.keys import Keys
from echostamp.rfc8762.policy import Policy, Shared
from echostamp.rfc8762.reflector import Reflector
from echostamp.rfc8762.sender import SessionSender
from echostamp.rfc8762.sendersession import SenderSession
from echostamp.times import Times

EPOCH = 1_700_000_000_000_000_000

US = 1000
MS = 1000 * US

HERE, THERE = ("192.0.2.1", 4711), ("192.0.2.2", 862)

KEYS = [bytes(range(16)), bytes(range(16, 32))]


class WirePort:
    """
    A port whose datagrams the test carries.

    @ivar sent: the datagrams, and their classes.
    """

    isWildcard = False
    tellsHow = True
    stampsArrivals = stampsDepartures = True

    def __init__(self, address: tuple[str, int]) -> None:
        self.address = address
        self.sent: list[tuple[bytes, int]] = []

    def send(
        self, packet: bytes, peer: Any, to: bytes | None = None, tos: int = 0
    ) -> int | None:
        """Send, and give the number."""
        self.sent.append((packet, tos))
        return len(self.sent) - 1

    def readDepartures(self, most: int) -> None:
        """The test reports departures itself."""


class Wire:
    """
    Both ends, and the wire between them.

    The near clock shows C{now}, the far one is C{ahead} of it.  A program takes 50 us
    from its own timestamp to the kernel's and back.

    @ivar replies: the calls of L{replied}: tokens and times.
    @ivar corrections: the calls of L{corrected}.
    """

    def __init__(
        self,
        session: SenderSession,
        policy: Policy | None = None,
        keys: Keys | None = None,
    ) -> None:
        self.now = EPOCH
        self.ahead = 0
        self.kernel = KernelClock(True, 5 * MS, None)
        self.replies: list[tuple[int, Times]] = []
        self.corrections: list[tuple[int, Times]] = []
        self.near, self.far = WirePort(HERE), WirePort(THERE)
        self.session = session
        self.shared = Shared(policy or Policy(), keys or {})
        self.sender = SessionSender(
            THERE, session, self, lambda: self.now, lambda: self.kernel, bytes
        )
        self.sender.port = self.near  # type: ignore[assignment]
        self.reflector = Reflector(
            self.shared,
            lambda: self.now + self.ahead,
            lambda: self.now,
            lambda: self.kernel,
        )
        self.reflector.port = self.far  # type: ignore[assignment]

    def replied(self, token: int, times: Times) -> bool:
        """A reply came."""
        self.replies.append((token, times))
        return token >= 0

    def corrected(self, token: int, times: Times) -> bool:
        """Times are known more exactly."""
        if residenceFault(times, resolution=1) is not None:
            return False
        self.corrections.append((token, times))
        return True

    def there(self, token: int = 0, isLost: bool = False) -> int:
        """
        Send a packet there, in 1 ms.

        @return: when it left, by the kernel.
        """
        self.sender.send(token)
        self.now += 50 * US
        left = self.now
        self.sender.transmitted(len(self.near.sent) - 1, left)
        if not isLost:
            packet, tos = self.near.sent[-1]
            self.now += MS
            at = self.now + self.ahead
            self.now += 50 * US
            self.reflector.received(packet, HERE, at, 60, tos, None)
            self.now += 50 * US
            number = len(self.far.sent) - 1
            self.reflector.transmitted(number, self.now + self.ahead)
        return left

    def back(self, packet: bytes | None = None, peer: Any = THERE) -> None:
        """Bring a reply back, in 2 ms; by default the last one."""
        self.now += 2 * MS
        at = self.now
        self.now += 50 * US
        packet = self.far.sent[-1][0] if packet is None else packet
        self.sender.received(packet, peer, at, 250, 0, None)
