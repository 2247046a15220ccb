"""
Who is answered: what keeps a session-reflector from being half of a loop, an amplifier,
or busy with one source alone.  Pure: no Twisted, no clock, no I/O.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address

from echostamp.addresses import hostKey
from echostamp.times import SECOND

Network = IPv4Network | IPv6Network

#: Ports at which something may answer whatever it gets: none, echo, discard, daytime,
#: quote of the day, chargen, time.
ANSWERING_PORTS = frozenset({0, 7, 9, 13, 17, 19, 37})

#: Sources that are told apart in a second.  All beyond them count as one.
MOST_SOURCES = 2048

#: Sources of which it is remembered whether they are allowed.
_MOST_REMEMBERED = 2048


#: In each time format a second is 2^32 units, or less.
SECOND_ON_THE_WIRE = 1 << 32


class Rates:
    """
    How many packets are answered in a second: of one source, and of all.

    In each second of the clock the first L{MOST_SOURCES} sources are counted on their
    own; those that come after share one source's rate.
    """

    def __init__(self, perSource: int, total: int) -> None:
        """
        @param perSource: packets a second of one source.
        @param total: packets a second of all.
        """
        self._perSource = perSource
        self._total = total
        self._left = total
        self._until = 0
        self._counts: dict[str | bytes, int] = {}

    def isOver(self, host: str, now: int) -> bool:
        """
        Count a packet, and say whether it is one too many.

        @param host: the address that it came from.
        @param now: nanoseconds.
        """
        if not 0 < self._until - now <= SECOND:
            # Also where the clock was set.
            self._until = now + SECOND
            self._left = self._total
            self._counts.clear()
        # Where the address itself is the source, a call less.
        source = hostKey(host) if ":" in host else host
        counts = self._counts
        count = counts.get(source)
        if count is None:
            if len(counts) >= MOST_SOURCES:
                source = ""
            count = counts.get(source, 0)
        if count >= self._perSource or self._left <= 0:
            return True
        counts[source] = count + 1
        self._left -= 1
        return False


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
        Say whether an address is in one of them.
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


def isReflected(received: int, sent: int, isPtp: bool) -> bool:
    """
    Say whether two times on the wire are a session-reflector's own T2 and T3, at most a
    second apart, where a session-sender has zeros.  Two session-reflectors that
    answered each other's replies would never end (CVE-2024-2169).

    @param received: T2, 64 bits.
    @param sent: T3, 64 bits.
    @param isPtp: whether they are in PTPv2's format, and not in NTP's.
    """
    second = SECOND_ON_THE_WIRE
    if isPtp:
        second = SECOND
        received, sent = (
            (time >> 32) * SECOND + (time & 0xFFFF_FFFF) for time in (received, sent)
        )
    # The eras of either format follow each other without a gap.
    era = second << 32
    return (sent - received + second) % era <= 2 * second
