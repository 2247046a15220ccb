"""
Which packets a session-reflector answers.  These rules keep it from being half of a
loop, an amplifier, or busy with one source alone.  Pure: no Twisted, no clock, no I/O.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from struct import Struct

from echostamp.addresses import hostKey
from echostamp.rfc8762.packets import AUTHENTICATED
from echostamp.rfc8762.timestamps import NTP_SECOND, Z_OCTET, ptpNanoseconds
from echostamp.times import SECOND

Network = IPv4Network | IPv6Network

#: The least port that any packet is answered to.  Below it are ports of services.  Some
#: answer whatever they get: echo (7), active users (11), daytime (13), quote of the day
#: (17), chargen (19), time (37).  Others answer what they do not understand with an
#: error: DNS (53), TFTP (69), NTP (123).  With any of them one forged packet would
#: begin an endless exchange (CVE-2024-2169).
LEAST_PORT = 1024

#: Sources that are counted on their own in a second.  All others share one count.
MOST_SOURCES = 2048

#: Sources for which it is remembered whether they are allowed.
_MOST_REMEMBERED = 2048

#: What is left once a second's total is used up by all processes.
_NOTHING = -1

#: What a reply of authenticated mode has behind its number; a request of the other mode
#: has a time there.
_UNUSED = bytes(12)

#: What a request has where a reply has a time.
_NO_TIME = bytes(8)

_TIMES = Struct("!Q4xQ")
_TIMES_AUTHENTICATED = Struct("!Q8xQ")


class Rates:
    """
    Limits how many packets are answered in a second: of one source, and of all.

    In each second of the clock the first L{MOST_SOURCES} sources are counted on their
    own.  Those that come later share the rate of one source.

    Where several processes answer, the total is that of all of them.  Each takes a
    share of it, and a further one when the last is used up.  The seconds of all begin
    together: their clock is the system's monotonic clock.
    """

    def __init__(
        self, perSource: int, total: int, grant: Callable[[int], int] | None = None
    ) -> None:
        """
        @param perSource: packets a second of one source.
        @param total: packets a second of all sources.
        @param grant: gives a further share of what all processes may answer in a
            second, by the second's number; 0 if there is nothing left.  L{None} where
            this process alone answers.
        """
        self._perSource = perSource
        self._total = total
        self._grant = grant
        self._left = total
        self._until = 0
        self._counts: dict[str | bytes, int] = {}

    def isOver(self, host: str, now: int) -> bool:
        """
        Count a packet.

        @param host: the address that it came from.
        @param now: nanoseconds.
        @return: whether it is over a limit.
        """
        if not 0 < self._until - now <= SECOND:
            # A new second, or the clock was set.
            self._begin(now)
        # An IPv4 address is its own source: this saves a call.
        source = hostKey(host) if ":" in host else host
        counts = self._counts
        count = counts.get(source)
        if count is None:
            if len(counts) >= MOST_SOURCES:
                source = ""
            count = counts.get(source, 0)
        if count >= self._perSource:
            return True
        if self._left <= 0 and (self._left < 0 or self._isUsedUp()):
            return True
        counts[source] = count + 1
        self._left -= 1
        return False

    def _begin(self, now: int) -> None:
        """
        Begin a second.

        @param now: nanoseconds.
        """
        self._counts.clear()
        if self._grant is None:
            self._until = now + SECOND
            self._left = self._total
        else:
            self._until = now - now % SECOND + SECOND
            self._left = 0

    def _isUsedUp(self) -> bool:
        """
        Take a further share, and return whether there is none: then none is asked for
        until the next second.
        """
        share = 0
        if self._grant is not None:
            share = self._grant(self._until // SECOND - 1)
        self._left = share or _NOTHING
        return not share


class Allowed:
    """
    The networks whose packets are answered.
    """

    def __init__(self, networks: Sequence[Network] = ()) -> None:
        """
        @param networks: none for all.
        """
        self._networks = networks
        self._known: dict[str, bool] = {}

    def has(self, host: str) -> bool:
        """
        Return whether an address is in one of them.
        """
        if not self._networks:
            return True
        isIn = self._known.get(host)
        if isIn is None:
            address = ip_address(host.partition("%")[0])
            isIn = any(address in network for network in self._networks)
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            self._known[host] = isIn
        return isIn


def isReply(packet: bytes, hasKeys: bool) -> bool:
    """
    Return whether a packet looks like a session-reflector's reply.

    @param packet: at least L{SHORTEST <echostamp.rfc8762.packets.SHORTEST>} octets.
    @param hasKeys: whether this end is in authenticated mode.
    """
    if hasKeys or packet[4:16] == _UNUSED:
        # It may be one of authenticated mode.
        if len(packet) < AUTHENTICATED or packet[32:40] == _NO_TIME:
            return False
        sent, received = _TIMES_AUTHENTICATED.unpack_from(packet, 16)
        return isReflected(received, sent, bool(packet[24] & Z_OCTET))
    if len(packet) < 24 or packet[16:24] == _NO_TIME:
        return False
    sent, received = _TIMES.unpack_from(packet, 4)
    return isReflected(received, sent, bool(packet[12] & Z_OCTET))


def isReflected(received: int, sent: int, isPtp: bool) -> bool:
    """
    Return whether two timestamps are a session-reflector's own T2 and T3: at most a
    second apart.  A session-sender has zeros in place of T2.  Two session-reflectors
    that answered each other's replies would go on without end (CVE-2024-2169).

    @param received: T2, 64 bits.
    @param sent: T3, 64 bits.
    @param isPtp: whether they have PTPv2's format instead of NTP's.
    """
    second = NTP_SECOND
    if isPtp:
        second = SECOND
        received, sent = ptpNanoseconds(received), ptpNanoseconds(sent)
    # The eras of either format follow each other without a gap.
    era = second << 32
    return (sent - received + second) % era <= 2 * second


def isAddress(host: str, packed: bytes) -> bool:
    """
    Return whether an address in text, with its link if it has one, is a packed one.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.inet_pton(family, host.partition("%")[0]) == packed
