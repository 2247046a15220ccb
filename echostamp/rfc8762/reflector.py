"""
The session-reflector of RFC 8762, with what RFC 8972 adds: it answers each test packet
with its own timestamps.
"""

from __future__ import annotations

import errno
import socket
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from struct import Struct
from typing import Any

from echostamp.addresses import hostKey
from echostamp.rfc8762.admission import (
    ANSWERING_PORTS,
    Allowed,
    Network,
    Rates,
    isReflected,
)
from echostamp.rfc8762.clock import FRESH, TAI, KernelClock, kernelClock
from echostamp.rfc8762.keys import Keys, keysOf
from echostamp.rfc8762.packets import (
    AUTHENTICATED,
    SHORTEST,
    UNAUTHENTICATED,
    ErrorEstimate,
    ntpTimestamp,
    packetKey,
    ptpTimestamp,
    reflectorPacket,
    writeErrorEstimate,
)
from echostamp.rfc8762.port import Port
from echostamp.rfc8762.sessions import Session, Sessions
from echostamp.rfc8762.tlvs import (
    FollowUp,
    Reflection,
    TimestampInformation,
    answerTlvs,
)

#: Packets a second that are answered, of one source and of all.
PER_SOURCE, TOTAL = 5_000, 50_000

#: The Z bit, in the first octet of an error estimate.
_Z = 0x40

#: Replies whose departure is waited for.
_MOST_LEAVING = 4096

#: RFC 8972, sections 5.4 and 5.5: how a clock is set, and how a timestamp was taken.
#: Who has told the kernel that its clock is right, it does not say; mostly it is NTP.
_NTP, _FREE_RUNNING, _SW_LOCAL = 1, 5, 2

#: What is behind the SSID in a request of unauthenticated mode.
_ZEROS = bytes(UNAUTHENTICATED - 16)

#: What is behind the number in a reply of authenticated mode.
_UNUSED = bytes(12)

#: What a request has where a reply has a time.
_NO_TIME = bytes(8)

_TIMES = Struct("!Q4xQ")
_TIMES_COVERED = Struct("!Q8xQ")


@dataclass(frozen=True)
class Policy:
    """
    Whom to answer, and how.

    @ivar allowed: the networks to answer; none for all.
    @ivar perSource: packets a second of one source.
    @ivar total: packets a second of all.
    @ivar dscp: whether replies are marked as requests are, or ask for.
    @ivar isStateful: whether replies are numbered by session.
    @ivar ptpAhead: nanoseconds that timestamps in PTP's format are ahead of UTC;
        L{None} for what TAI is, as far as the kernel knows.
    """

    allowed: Sequence[Network] = ()
    perSource: int = PER_SOURCE
    total: int = TOTAL
    dscp: bool = False
    isStateful: bool = False
    ptpAhead: int | None = None


@dataclass
class Shared:
    """
    What the ports of one session-reflector have in common.

    @ivar policy: whom to answer, and how.
    @ivar keys: those of authenticated mode; none for unauthenticated mode.
    @ivar counts: how many packets came to what end.
    """

    policy: Policy = Policy()
    keys: Keys = field(default_factory=dict)
    counts: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    def __post_init__(self) -> None:
        self.rates = Rates(self.policy.perSource, self.policy.total)
        self.allowed = Allowed(self.policy.allowed)
        self.sessions = Sessions()


class Reflector:
    """
    The session-reflector at one port.

    @ivar port: sends the replies; set by whoever makes it.
    """

    port: Port

    def __init__(
        self,
        shared: Shared,
        clock: Callable[[], int] = time.time_ns,
        monotonic: Callable[[], int] = time.monotonic_ns,
        kernel: Callable[[], KernelClock] = kernelClock,
    ) -> None:
        """
        @param shared: what it has in common with those at other ports.
        @param clock: gives nanoseconds since the epoch.
        @param monotonic: gives nanoseconds that nobody sets.
        @param kernel: says how good the clock is.
        """
        self._shared = shared
        self._clock = clock
        self._monotonic = monotonic
        self._kernel = kernel
        self._asked = -FRESH
        self._information = TimestampInformation()
        self._errors = (0, 0)
        self._ahead = 0
        self._leaving: dict[int, tuple[Session | None, int, int]] = {}

    # --- What the port tells ----------------------------------------------------------

    def received(
        self, packet: bytes, peer: Any, at: int, ttl: int, tos: int, to: bytes | None
    ) -> None:
        """Answer a packet, if it is to be answered."""
        t2 = at or self._clock()
        now = self._monotonic()
        shared = self._shared
        why = self._whyNot(packet, peer, to)
        key = None
        if shared.keys and not why:
            keys = keysOf(shared.keys, int.from_bytes(packet[26:28], "big"))
            key = packetKey(packet, keys)
            if key is None:
                why = "no valid HMAC" if keys else "no key for its SSID"
        # Only then: who forges a source must not use up its rate.
        if not why and shared.rates.isOver(peer[0], now):
            why = "over the rate"
        if why:
            shared.counts[why] += 1
            return
        if now - self._asked >= FRESH:
            self._askKernel(now)
        if (
            key is None
            and len(packet) <= UNAUTHENTICATED
            and not shared.policy.isStateful
        ):
            # Most are of this kind: the way is short.
            isPtp = bool(packet[12] & _Z)
            wire = self._ptp if isPtp else ntpTimestamp
            reply = reflectorPacket(
                packet,
                int.from_bytes(packet[:4], "big"),
                wire(self._clock()),
                self._errors[isPtp],
                wire(t2),
                ttl,
            )
            self._send(reply, peer, to, tos & ~3 if shared.policy.dscp else 0)
            return
        self._answer(packet, peer, t2, ttl, tos, to, now, key)

    def transmitted(self, number: int, at: int) -> None:
        """It is known when a reply left."""
        session, sequence, t3 = self._leaving.pop(number, (None, 0, 0))
        # One that was numbered before the port began to count anew may come late.
        if session is not None and at >= t3:
            session.sent, session.left = sequence, at

    def refused(self, error: int, peer: Any) -> None:
        """A reply could not be sent, or nobody was there to take it."""
        self._shared.counts[f"not sent ({errno.errorcode.get(error, error)})"] += 1

    # --- Who is answered --------------------------------------------------------------

    def _whyNot(self, packet: bytes, peer: Any, to: bytes | None) -> str:
        """
        Say why a packet is not to be answered.

        @return: nothing, where it is.
        """
        length = len(packet)
        if length < SHORTEST:
            return "too short"
        if peer[1] in ANSWERING_PORTS:
            return "from a port that answers"
        if to == b"":
            return "to several machines"
        if peer[1] == self.port.address[1] and self._isOurs(peer[0], to):
            return "from this port"
        if not self._shared.allowed.has(peer[0]):
            return "not allowed"
        if self._isReply(packet, length):
            return "a reply"
        return ""

    def _isOurs(self, host: str, to: bytes | None) -> bool:
        """
        Say whether an address is the one of ours that it has sent to.
        """
        if to is None:
            return bool(host == self.port.address[0])
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.inet_pton(family, host.partition("%")[0]) == to

    def _isReply(self, packet: bytes, length: int) -> bool:
        """
        Say whether a packet is a session-reflector's.
        """
        if self._shared.keys or packet[4:16] == _UNUSED:
            # Of authenticated mode; the other has a time there.
            if length < AUTHENTICATED or packet[32:40] == _NO_TIME:
                return False
            sent, received = _TIMES_COVERED.unpack_from(packet, 16)
            return isReflected(received, sent, bool(packet[24] & _Z))
        if length < 24 or packet[16:24] == _NO_TIME:
            return False
        sent, received = _TIMES.unpack_from(packet, 4)
        return isReflected(received, sent, bool(packet[12] & _Z))

    # --- Answers ----------------------------------------------------------------------

    def _answer(
        self,
        packet: bytes,
        peer: Any,
        t2: int,
        ttl: int,
        tos: int,
        to: bytes | None,
        now: int,
        key: bytes | None,
    ) -> None:
        """
        Answer a packet of any kind.

        @param key: the one by which its HMAC is right.
        """
        shared = self._shared
        base = UNAUTHENTICATED if key is None else AUTHENTICATED
        sequence = own = int.from_bytes(packet[:4], "big")
        session = None
        if shared.policy.isStateful:
            name = (self.port.address, peer, to, _ssid(packet, key is not None))
            session = shared.sessions.session(hostKey(peer[0]), name, now)
            if session is None:
                shared.counts["answered without a session: too many"] += 1
            else:
                own = session.packets & 0xFFFF_FFFF
                session.packets += 1
        isPtp = bool(packet[12 if key is None else 24] & _Z)
        wire = self._ptp if isPtp else ntpTimestamp
        followUp = FollowUp()
        if self._leaving:
            # The previous reply may have left in this very turn.
            self.port.readDepartures()
        if session is not None and session.sent is not None:
            followUp = FollowUp(session.sent, wire(session.left), _SW_LOCAL)
        reflection = Reflection(
            self._information,
            tos if self.port.tellsHow else None,
            range(64) if shared.policy.dscp else (0,),
            followUp,
            () if key is None else (key,),
        )
        tail = answerTlvs(packet[base:], reflection, sequence, own)
        t3 = self._clock()
        reply = reflectorPacket(
            packet, own, wire(t3), self._errors[isPtp], wire(t2), ttl, key
        )
        dscp = tos >> 2 if tail.dscp is None else tail.dscp
        number = self._send(
            reply + tail.octets, peer, to, dscp << 2 if shared.policy.dscp else 0
        )
        if number is None:
            return
        # Another had that number before the port began to count anew.
        self._leaving.pop(number, None)
        if session is not None and self.port.stampsDepartures:
            self._leaving[number] = session, own, t3
            if len(self._leaving) > _MOST_LEAVING:
                del self._leaving[next(iter(self._leaving))]

    def _send(self, reply: bytes, peer: Any, to: bytes | None, tos: int) -> int | None:
        """
        Send a reply.
        """
        number = self.port.send(reply, peer, to, tos)
        if number is not None:
            self._shared.counts["answered"] += 1
        return number

    def _ptp(self, ns: int) -> int:
        """
        Give a time in PTP's format.
        """
        return ptpTimestamp(ns, self._ahead)

    def _askKernel(self, now: int) -> None:
        """
        See how good the clock is now.
        """
        self._asked = now
        kernel = self._kernel()
        ntp, ptp = (
            writeErrorEstimate(
                ErrorEstimate(kernel.isSynchronized, isPtp, kernel.error)
            )
            for isPtp in (False, True)
        )
        self._errors = ntp, ptp
        ahead = self._shared.policy.ptpAhead
        self._ahead = (kernel.tai or TAI) if ahead is None else ahead
        source = _NTP if kernel.isSynchronized else _FREE_RUNNING
        self._information = TimestampInformation(source, _SW_LOCAL, source, _SW_LOCAL)


def _ssid(packet: bytes, isAuthenticated: bool) -> bytes:
    """
    Give the SSID that tells a request's session from others of its sender.  What has
    no zeros behind it is TWAMP's padding, which may be another in each packet.
    """
    if isAuthenticated:
        return packet[26:28]
    return packet[14:16] if packet[16:UNAUTHENTICATED] == _ZEROS else b""
