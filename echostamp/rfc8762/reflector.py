"""
The session-reflector of RFC 8762, with the extensions of RFC 8972: it answers each test
packet with its own timestamps.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from typing import Any

from echostamp.addresses import hostKey
from echostamp.rfc8762.admission import LEAST_PORT, isAddress, isReply
from echostamp.rfc8762.clock import FRESH, KernelClock, kernelClock
from echostamp.rfc8762.keys import keysOf
from echostamp.rfc8762.packets import (
    AUTHENTICATED,
    SHORTEST,
    UNAUTHENTICATED,
    packetKey,
    reflectorPacket,
)
from echostamp.rfc8762.policy import Shared
from echostamp.rfc8762.port import Port
from echostamp.rfc8762.sessions import Request, Session, Sessions
from echostamp.rfc8762.timestamps import (
    Z_OCTET,
    ntpTimestamp,
    ptpTimestamp,
    writeErrorEstimate,
)
from echostamp.rfc8762.tlvs import Reflection, answerTlvs
from echostamp.rfc8762.tlvvalues import FollowUp, TimestampInformation

#: Replies that wait for the kernel to report their departure.
_MOST_LEAVING = 4096

#: RFC 8972, sections 5.4 and 5.5: what sets a clock, and how a timestamp was taken.
#: The kernel does not report what synchronizes its clock; mostly it is NTP.
_NTP, _FREE_RUNNING, _SW_LOCAL = 1, 5, 2

_NO_SSID = bytes(2)

#: What follows the SSID in a request of unauthenticated mode.
_ZEROS = bytes(UNAUTHENTICATED - 16)


class Reflector:
    """
    The session-reflector at one port.

    @ivar port: sends the replies; set by the code that makes it.
    """

    port: Port

    def __init__(
        self,
        shared: Shared,
        clock: Callable[[], int] = time.time_ns,
        monotonic: Callable[[], int] = time.monotonic_ns,
        kernel: Callable[[], KernelClock] = kernelClock,
        sessions: Sessions | None = None,
    ) -> None:
        """
        @param shared: what it has in common with the reflectors at other ports.
        @param clock: gives nanoseconds since the epoch.
        @param monotonic: gives nanoseconds by a clock that is never set.
        @param kernel: reports how exact the clock is.
        @param sessions: the sessions at this port; L{None} for those of all ports.
        """
        self._shared = shared
        self._clock = clock
        self._monotonic = monotonic
        self._kernel = kernel
        self._sessions = sessions
        self._asked = -FRESH
        self._information = TimestampInformation()
        self._errors = (0, 0)
        self._ahead = 0
        self._leaving: dict[int, tuple[Session | None, int, int]] = {}

    # --- From the port ----------------------------------------------------------------

    def received(
        self, packet: bytes, peer: Any, at: int, ttl: int, tos: int, to: bytes | None
    ) -> None:
        """Answer a packet, if the rules allow it."""
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
        # Last, so that forged packets without a key do not use up a source's rate.
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
            # Most packets are of this kind, so it gets a short way.
            isPtp = bool(packet[12] & Z_OCTET)
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
        """The kernel reports when a reply left."""
        session, sequence, t3 = self._leaving.pop(number, (None, 0, 0))
        # A report from before the port lost count may come late.
        if session is not None and at >= t3:
            session.sent, session.left = sequence, at

    def refused(self, error: int, peer: Any) -> None:
        """A reply could not be sent, or the network returned it."""
        self._shared.counts[f"not sent ({errno.errorcode.get(error, error)})"] += 1

    # --- Admission --------------------------------------------------------------------

    def _whyNot(self, packet: bytes, peer: Any, to: bytes | None) -> str:
        """
        Give the reason why a packet must not be answered.

        @return: an empty string where it may be.
        """
        if len(packet) < SHORTEST:
            return "too short"
        if peer[1] < LEAST_PORT and peer[1] not in self._shared.policy.ports:
            return "from a port below 1024"
        if to == b"":
            return "to several machines"
        if peer[1] == self.port.address[1] and self._isOurs(peer[0], to):
            return "from this port"
        shared = self._shared
        if shared.policy.allowed and not shared.allowed.has(peer[0]):
            return "not allowed"
        if isReply(packet, bool(shared.keys)):
            return "a reply"
        return ""

    def _isOurs(self, host: str, to: bytes | None) -> bool:
        """
        Return whether a packet came from the very address that it was sent to.

        @param to: that address, packed; L{None} for the port's only one.
        """
        if to is None:
            return bool(host == self.port.address[0])
        return isAddress(host, to)

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

        @param now: nanoseconds, by the monotonic clock.
        @param key: the key of its HMAC; L{None} in unauthenticated mode.
        """
        shared = self._shared
        base = UNAUTHENTICATED if key is None else AUTHENTICATED
        sequence = own = int.from_bytes(packet[:4], "big")
        isPtp = bool(packet[12 if key is None else 24] & Z_OCTET)
        session = None
        if shared.policy.isStateful:
            t1 = packet[4:12] if key is None else packet[16:24]
            session = self._table.session(
                hostKey(peer[0]),
                (self.port.address, peer, to, _ssid(packet, key is not None)),
                now,
                Request(sequence, isPtp, int.from_bytes(t1, "big")),
            )
            if session is None:
                shared.counts["answered without a session: too many"] += 1
            else:
                own = session.packets & 0xFFFF_FFFF
                session.packets += 1
        wire = self._ptp if isPtp else ntpTimestamp
        reflection = Reflection(
            self._information,
            tos if self.port.tellsHow else None,
            range(64) if shared.policy.dscp else (0,),
            self._followUp(session, wire),
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
        # Before the port lost count another reply may have had this number.
        self._leaving.pop(number, None)
        if session is not None and self.port.stampsDepartures:
            self._leaving[number] = session, own, t3
            if len(self._leaving) > _MOST_LEAVING:
                del self._leaving[next(iter(self._leaving))]

    @property
    def _table(self) -> Sessions:
        """The sessions at this port, or at all ports."""
        return self._shared.sessions if self._sessions is None else self._sessions

    def _followUp(
        self, session: Session | None, wire: Callable[[int], int]
    ) -> FollowUp:
        """
        Give when the previous reply of a session left; zeros where it is not known.

        @param wire: writes a timestamp in the format of the request.
        """
        if self._leaving:
            # It may have left in this same turn of the reactor.
            self.port.readDepartures()
        if session is None or session.sent is None:
            return FollowUp()
        return FollowUp(session.sent, wire(session.left), _SW_LOCAL)

    def _send(self, reply: bytes, peer: Any, to: bytes | None, tos: int) -> int | None:
        """
        Send a reply, and count it.
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
        Ask how exact the clock is now.
        """
        self._asked = now
        kernel = self._kernel()
        self._errors = (
            writeErrorEstimate(kernel.errorEstimate(isPtp=False)),
            writeErrorEstimate(kernel.errorEstimate(isPtp=True)),
        )
        self._ahead = kernel.ptpAhead(self._shared.policy.ptpAhead)
        source = _NTP if kernel.isSynchronized else _FREE_RUNNING
        self._information = TimestampInformation(source, _SW_LOCAL, source, _SW_LOCAL)


def _ssid(packet: bytes, isAuthenticated: bool) -> bytes:
    """
    Give the SSID of a request; C{0} for none.  Where no zeros follow it, or too few,
    the octets are TWAMP's padding, which may differ from packet to packet: then there
    is no SSID.
    """
    if isAuthenticated:
        return packet[26:28]
    return packet[14:16] if packet[16:UNAUTHENTICATED] == _ZEROS else _NO_SSID
