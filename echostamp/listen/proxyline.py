"""
Version 1 of the PROXY header, a line of text: octets in, a client's address out.  Pure:
nothing here knows a transport or a reactor.

The source is section 2.1 of the specification: see L{echostamp.listen.proxyheader}.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from echostamp.addresses import unmapped

#: Octets that a header of version 1 may have, its CR LF included: section 2.1.
MAX_LINE = 107


@dataclass(frozen=True)
class Header:
    """
    The source of a connection, as its header gives it.

    @ivar host: the source's address, IPv4 or IPv6; an IPv4-mapped IPv6 address is given
        as IPv4.  L{None} where the connection keeps its own address: for C{LOCAL},
        C{UNKNOWN} and families other than IPv4 and IPv6.
    @ivar port: the source's port; 0 where C{host} is L{None}.
    @ivar isUnix: whether the source is the peer of a UNIX socket of the proxy.
    """

    host: str | None = None
    port: int = 0
    isUnix: bool = False


#: The result for a header that is not complete yet.
INCOMPLETE = (None, 0)

NO_HEADER = "no PROXY header"


class _Field:
    """
    Checks one field of the line, also before it is complete.
    """

    def __init__(
        self,
        reason: str,
        isValid: Callable[[bytes], bool],
        ends: Sequence[bytes],
    ) -> None:
        """
        @param reason: the text of the error for a wrong field.
        @param isValid: whether a complete field is right.
        @param ends: texts to try behind an incomplete field.  If none of them makes it
            valid, it cannot become valid.
        """
        self._reason = reason
        self._isValid = isValid
        self._ends = ends

    def check(self, text: bytes, isWhole: bool) -> None:
        """
        Check a field.

        @param isWhole: whether it is complete; otherwise more of it may follow.
        @raise ValueError: it is wrong, or cannot become right.
        """
        ends = (b"",) if isWhole else self._ends
        if not any(self._isValid(text + end) for end in ends):
            raise ValueError(self._reason)


def _keyword(reason: str, *words: bytes) -> _Field:
    """
    Make the check of a field that is one of some words.
    """
    ends = [word[length:] for word in words for length in range(len(word) + 1)]
    return _Field(reason, words.__contains__, ends)


def _address(
    which: str, kind: type[ipaddress.IPv4Address] | type[ipaddress.IPv6Address]
) -> _Field:
    """
    Make the check of a field that is an address.  C{ipaddress} is as strict as the
    specification, except that it accepts an IPv6 address with a link.  It also accepts
    IPv6 addresses that end in an IPv4 address; the specification does not mention them,
    and HAProxy writes them.
    """

    def isAddress(text: bytes) -> bool:
        try:
            kind(text.decode("ascii"))
        except ValueError:
            return False
        return b"%" not in text

    ends = [b"", b":", b"::", b"0", b".0", b"0.0", b".0.0", b"0.0.0", b".0.0.0"]
    reason = f"PROXY header whose {which} is no IPv{kind(0).version} address"
    return _Field(reason, isAddress, [*ends, b"0.0.0.0"])


def _port(which: str) -> _Field:
    """
    Make the check of a field that is a port.
    """

    def isPort(text: bytes) -> bool:
        return text.isdigit() and text == b"%d" % int(text) and int(text) <= 0xFFFF

    return _Field(f"PROXY header whose {which} is no port", isPort, [b"", b"0"])


def _addresses(
    kind: type[ipaddress.IPv4Address] | type[ipaddress.IPv6Address],
) -> list[_Field]:
    """
    Make the checks of the source and the destination of a connection.
    """
    return [
        _address("source", kind),
        _address("destination", kind),
        _port("source port"),
        _port("destination port"),
    ]


_BEGINNING = [
    _keyword(NO_HEADER, b"PROXY"),
    _keyword(
        "PROXY header of a protocol that is not TCP4, TCP6 or UNKNOWN",
        b"TCP4",
        b"TCP6",
        b"UNKNOWN",
    ),
]

_FIELDS = {
    b"TCP4": _BEGINNING + _addresses(ipaddress.IPv4Address),
    b"TCP6": _BEGINNING + _addresses(ipaddress.IPv6Address),
}


def lineHeader(octets: bytes) -> tuple[Header | None, int]:
    """
    Read a header of version 1.

    Each check depends only on the octets up to the one that decides it, and the checks
    are made in the order of those octets.  So the result does not depend on how much
    has been received.

    @return: the header and its length, or L{INCOMPLETE}.
    @raise ValueError: the header is wrong.
    """
    line, end, behind = octets[:MAX_LINE].partition(b"\r")
    words = line.split(b" ")
    _checkWords(words, bool(end))
    if not behind:
        if len(octets) >= MAX_LINE:
            raise ValueError(f"PROXY header of more than {MAX_LINE} octets")
        return INCOMPLETE
    if not behind.startswith(b"\n"):
        raise ValueError("PROXY header whose line does not end with CR LF")
    header = Header()
    if words[1] in _FIELDS:
        source = ipaddress.ip_address(words[2].decode("ascii"))
        header = Header(str(unmapped(source)), int(words[4]))
    return header, len(line) + 2


def _checkWords(words: list[bytes], isWhole: bool) -> None:
    """
    Check the words of a line.

    @param isWhole: whether the line is complete.
    @raise ValueError: a word is wrong, or there are too few or too many.
    """
    fields = _BEGINNING
    for index, word in enumerate(words):
        if index == len(fields):
            raise ValueError("PROXY header with too many fields")
        fieldIsWhole = isWhole or index < len(words) - 1
        fields[index].check(word, fieldIsWhole)
        if index == 1 and fieldIsWhole:
            if word not in _FIELDS:
                # "The receiver must ignore" what follows UNKNOWN.
                return
            fields = _FIELDS[word]
    if isWhole and len(words) < len(fields):
        raise ValueError("PROXY header with too few fields")
