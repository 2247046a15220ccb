"""
The header of HAProxy's PROXY protocol, versions 1 and 2: octets in, a client's address
out.  Nothing here knows a transport or a reactor.

The source is the specification, "The PROXY protocol, Versions 1 & 2", HAProxy's
C{doc/proxy-protocol.txt}; sections are named where they apply.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from echostamp.addresses import unmapped

#: Octets that a header of version 1 may have, its CR LF included: section 2.1.
MAX_LINE = 107

#: Octets that a header of version 2 may have in all.  The specification names no
#: limit below 65551; addresses take at most 232, and this leaves room for every TLV
#: that HAProxy sends.
MAX_BINARY = 4096


@dataclass(frozen=True)
class Header:
    """
    What a header says of the connection behind it.

    @ivar host: the source's address: of IPv4, also where the header has it mapped to
        IPv6, or of IPv6; L{None} where the connection's own address stays, as for
        C{LOCAL}, C{UNKNOWN} and families that are not IP's.
    @ivar port: the source's port; 0 where C{host} is L{None}.
    """

    host: str | None = None
    port: int = 0


class HeaderParser:
    """
    Find the header at the beginning of a stream, however the stream is cut.

    It holds less than L{MAX_BINARY} octets between two calls.
    """

    def __init__(self) -> None:
        self._octets = b""

    def feed(self, data: bytes) -> tuple[Header | None, bytes]:
        """
        Read on.  Nothing may be fed when the header is there or was refused.

        @param data: the octets that have come.
        @return: the header, or L{None} while it is not complete, and the octets behind
            it.
        @raise ValueError: this is no header, or none that is understood: raised for
            the first octet with which it cannot become one.  The text says why and
            holds nothing of C{data}.
        """
        self._octets += data
        # Section 2.2: the first octets tell the versions apart.
        isBinary = self._octets.startswith(_SIGNATURE[:1])
        parse = _binaryHeader if isBinary else _lineHeader
        header, length = parse(self._octets)
        return header, b"" if header is None else self._octets[length:]


#: What has been read is no whole header yet.
_INCOMPLETE = (None, 0)

_NO_HEADER = "no PROXY header"


# Version 1: section 2.1.


class _Field:
    """
    A field of the line.
    """

    def __init__(
        self,
        reason: str,
        isValid: Callable[[bytes], bool],
        ends: Sequence[bytes],
    ) -> None:
        """
        @param reason: what to say of a field that is wrong.
        @param isValid: whether this is such a field.
        @param ends: what can be added to the beginning of any such field to make it
            whole: one of them is enough.
        """
        self._reason = reason
        self._isValid = isValid
        self._ends = ends

    def check(self, text: bytes, isWhole: bool) -> None:
        """
        Look at a field.

        @param isWhole: whether it has ended; otherwise more of it may come.
        @raise ValueError: it is wrong, or will be.
        """
        ends = (b"",) if isWhole else self._ends
        if not any(self._isValid(text + end) for end in ends):
            raise ValueError(self._reason)


def _keyword(reason: str, *words: bytes) -> _Field:
    """
    Make a field that is one of some words.
    """
    ends = [word[length:] for word in words for length in range(len(word) + 1)]
    return _Field(reason, words.__contains__, ends)


def _address(
    which: str, kind: type[ipaddress.IPv4Address] | type[ipaddress.IPv6Address]
) -> _Field:
    """
    Make a field that is an address.  L{ipaddress} is as strict as the specification,
    but for the link that it lets an IPv6 address name.  It also reads IPv4 addresses
    at the end of IPv6 ones, which the specification does not mention and HAProxy
    writes.
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
    Make a field that is a port.
    """

    def isPort(text: bytes) -> bool:
        return text.isdigit() and text == b"%d" % int(text) and int(text) <= 0xFFFF

    return _Field(f"PROXY header whose {which} is no port", isPort, [b"", b"0"])


def _addresses(
    kind: type[ipaddress.IPv4Address] | type[ipaddress.IPv6Address],
) -> list[_Field]:
    """
    Make the fields that tell where a connection comes from and goes to.
    """
    return [
        _address("source", kind),
        _address("destination", kind),
        _port("source port"),
        _port("destination port"),
    ]


_BEGINNING = [
    _keyword(_NO_HEADER, b"PROXY"),
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


def _lineHeader(octets: bytes) -> tuple[Header | None, int]:
    """
    Read a header of version 1.

    Every check depends on nothing behind the octet that decides it, and they are made
    in the order of these octets: so the answer does not depend on how much has come.

    @return: the header and its length, or L{_INCOMPLETE}.
    @raise ValueError: it is wrong.
    """
    line, end, behind = octets[:MAX_LINE].partition(b"\r")
    words = line.split(b" ")
    _checkWords(words, bool(end))
    if not behind:
        if len(octets) >= MAX_LINE:
            raise ValueError(f"PROXY header of more than {MAX_LINE} octets")
        return _INCOMPLETE
    if not behind.startswith(b"\n"):
        raise ValueError("PROXY header whose line does not end with CR LF")
    header = Header()
    if words[1] in _FIELDS:
        source = ipaddress.ip_address(words[2].decode("ascii"))
        header = Header(str(unmapped(source)), int(words[4]))
    return header, len(line) + 2


def _checkWords(words: list[bytes], isWhole: bool) -> None:
    """
    Look at the words of a line.

    @param isWhole: whether the line has ended.
    @raise ValueError: one is wrong, missing or too many.
    """
    fields = _BEGINNING
    for index, word in enumerate(words):
        if index == len(fields):
            raise ValueError("PROXY header with too many fields")
        fieldIsWhole = isWhole or index < len(words) - 1
        fields[index].check(word, fieldIsWhole)
        if index == 1 and fieldIsWhole:
            if word not in _FIELDS:
                # What follows UNKNOWN "the receiver must ignore".
                return
            fields = _FIELDS[word]
    if isWhole and len(words) < len(fields):
        raise ValueError("PROXY header with too few fields")


# Version 2: section 2.2.

_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"

#: The octets before the addresses: signature, command, family and length.
_FIXED = 16

_LOCAL, _PROXY = 0x20, 0x21

#: The least and the greatest family (AF_UNSPEC, AF_UNIX), and transport protocols.
_MAX_FAMILY, _MAX_PROTOCOL, _DGRAM = 3, 2, 2

_TCP4, _TCP6, _UNIX_STREAM = 0x11, 0x21, 0x31

#: The octets of addresses and ports.
_ADDRESS_LENGTHS = {_TCP4: 12, _TCP6: 36, _UNIX_STREAM: 216}


def _binaryHeader(octets: bytes) -> tuple[Header | None, int]:
    """
    Read a header of version 2.  Its checks are in order as those of L{_lineHeader}.

    TLVs are skipped, which the specification allows for all of them; so a CRC-32C is
    not looked at.

    @return: the header and its length, or L{_INCOMPLETE}.
    @raise ValueError: it is wrong.
    """
    if not _SIGNATURE.startswith(octets[: len(_SIGNATURE)]):
        raise ValueError(_NO_HEADER)
    if len(octets) > 12:
        _checkCommand(octets[12])
    # Of a connection of the proxy's own "the family [...] is ignored".
    isProxied = octets[12:13] == bytes([_PROXY])
    if isProxied and len(octets) > 13:
        _checkFamily(octets[13])
    if len(octets) < _FIXED:
        return _INCOMPLETE
    length = _FIXED + int.from_bytes(octets[14:16], "big")
    if length > MAX_BINARY:
        raise ValueError(f"PROXY header of more than {MAX_BINARY} octets")
    family = octets[13] if isProxied else 0
    if length < _FIXED + _ADDRESS_LENGTHS.get(family, 0):
        raise ValueError("PROXY header too short for its addresses")
    if len(octets) < length:
        return _INCOMPLETE
    return _binarySource(family, octets[_FIXED:length]), length


def _checkCommand(octet: int) -> None:
    """
    Look at the octet that has the version and the command.

    @raise ValueError: it is wrong.
    """
    if octet & 0xF0 != _LOCAL & 0xF0:
        raise ValueError("PROXY header of a version that is not 1 or 2")
    if octet not in (_LOCAL, _PROXY):
        raise ValueError("PROXY header whose command is not LOCAL or PROXY")


def _checkFamily(octet: int) -> None:
    """
    Look at the octet that has the address family and the transport protocol.

    @raise ValueError: it is wrong, or tells of datagrams.  The specification leaves
        the receiver free to reject those, and no stream carries them.
    """
    family, protocol = divmod(octet, 16)
    if family > _MAX_FAMILY or protocol > _MAX_PROTOCOL:
        raise ValueError("PROXY header of an unknown family or protocol")
    if protocol == _DGRAM:
        raise ValueError("PROXY header of datagrams")


def _binarySource(family: int, block: bytes) -> Header:
    """
    Read the source from the addresses of a header.
    """
    if family == _TCP4:
        return Header(str(ipaddress.IPv4Address(block[:4])), _port16(block[8:]))
    if family == _TCP6:
        source = unmapped(ipaddress.IPv6Address(block[:16]))
        return Header(str(source), _port16(block[32:]))
    return Header()


def _port16(octets: bytes) -> int:
    """
    Read the port at the beginning of some octets.
    """
    return int.from_bytes(octets[:2], "big")
