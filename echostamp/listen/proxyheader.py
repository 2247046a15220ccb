"""
The header of HAProxy's PROXY protocol: octets in, a client's address out.  Pure:
nothing here knows a transport or a reactor.

This finds the header in a stream, and reads version 2, which is binary; version 1 is in
L{echostamp.listen.proxyline}.  The source is the specification, "The PROXY protocol,
Versions 1 & 2", HAProxy's C{doc/proxy-protocol.txt}; comments name its sections.
"""

from __future__ import annotations

import ipaddress

from echostamp.addresses import unmapped
from echostamp.listen.proxyline import INCOMPLETE, NO_HEADER, Header, lineHeader

#: Octets that a header of version 2 may have in all.  The specification names no
#: limit below 65551; addresses take at most 232, and this leaves room for every TLV
#: that HAProxy sends.
MAX_BINARY = 4096


class HeaderParser:
    """
    Finds the header at the beginning of a stream, however the stream is cut.

    It holds less than L{MAX_BINARY} octets between two calls.
    """

    def __init__(self) -> None:
        self._octets = b""

    def feed(self, data: bytes) -> tuple[Header | None, bytes]:
        """
        Read more of the header.  Do not call it again after it has returned the header
        or raised an error.

        @param data: the octets that have been received.
        @return: the header, or L{None} while it is not complete, and the octets after
            it.
        @raise ValueError: this is not a header, or not one that is understood.  It is
            raised at the first octet that makes a header impossible.  The text says
            why, and contains nothing of C{data}.
        """
        self._octets += data
        # Section 2.2: the first octets distinguish the versions.
        isBinary = self._octets.startswith(_SIGNATURE[:1])
        parse = _binaryHeader if isBinary else lineHeader
        header, length = parse(self._octets)
        if header is None:
            return None, b""
        rest, self._octets = self._octets[length:], b""
        return header, rest


# Version 2: section 2.2.

_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"

#: How many octets are before the addresses: signature, command, family and length.
_FIXED = 16

_LOCAL, _PROXY = 0x20, 0x21

#: The greatest family (AF_UNIX) and transport protocol (DGRAM).
_MAX_FAMILY, _MAX_PROTOCOL, _DGRAM = 3, 2, 2

_TCP4, _TCP6, _UNIX_STREAM = 0x11, 0x21, 0x31

#: How many octets the addresses and ports take.
_ADDRESS_LENGTHS = {_TCP4: 12, _TCP6: 36, _UNIX_STREAM: 216}


def _binaryHeader(octets: bytes) -> tuple[Header | None, int]:
    """
    Read a header of version 2.  Its checks are ordered as those of L{lineHeader}.

    TLVs are skipped, which the specification allows for all of them; so a CRC-32C is
    not checked.

    @return: the header and its length, or L{INCOMPLETE}.
    @raise ValueError: the header is wrong.
    """
    if not _SIGNATURE.startswith(octets[: len(_SIGNATURE)]):
        raise ValueError(NO_HEADER)
    if len(octets) > 12:
        _checkCommand(octets[12])
    # For a connection that the proxy makes for itself "the family [...] is ignored".
    isProxied = octets[12:13] == bytes([_PROXY])
    if isProxied and len(octets) > 13:
        _checkFamily(octets[13])
    if len(octets) < _FIXED:
        return INCOMPLETE
    length = _FIXED + int.from_bytes(octets[14:16], "big")
    if length > MAX_BINARY:
        raise ValueError(f"PROXY header of more than {MAX_BINARY} octets")
    family = octets[13] if isProxied else 0
    if length < _FIXED + _ADDRESS_LENGTHS.get(family, 0):
        raise ValueError("PROXY header too short for its addresses")
    if len(octets) < length:
        return INCOMPLETE
    return _binarySource(family, octets[_FIXED:length]), length


def _checkCommand(octet: int) -> None:
    """
    Check the octet that has the version and the command.

    @raise ValueError: it is wrong.
    """
    if octet & 0xF0 != _LOCAL & 0xF0:
        raise ValueError("PROXY header of a version that is not 1 or 2")
    if octet not in (_LOCAL, _PROXY):
        raise ValueError("PROXY header whose command is not LOCAL or PROXY")


def _checkFamily(octet: int) -> None:
    """
    Check the octet that has the address family and the transport protocol.

    @raise ValueError: it is wrong, or names datagrams.  The specification leaves the
        receiver free to reject those, and no stream carries them.
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
    return Header(isUnix=family == _UNIX_STREAM)


def _port16(octets: bytes) -> int:
    """
    Read the port at the beginning of some octets.
    """
    return int.from_bytes(octets[:2], "big")
