"""
PROXY headers for tests.
"""

from __future__ import annotations

from echostamp.listen.proxyheader import MAX_BINARY, MAX_LINE, Header

CLIENT4 = Header("192.0.2.1", 4711)
CLIENT6 = Header("2001:db8::1", 4711)

SIGNATURE = bytes.fromhex("0d 0a 0d 0a 00 0d 0a 51 55 49 54 0a")


TCP4 = SIGNATURE + bytes.fromhex(
    "21"  # version 2, PROXY
    "11"  # AF_INET, STREAM
    "000c"  # 12 octets follow
    "c0000201"  # from 192.0.2.1
    "c6336402"  # to 198.51.100.2
    "1267"  # from port 4711
    "1f42"  # to port 8002
)


TCP6 = SIGNATURE + bytes.fromhex(
    "21 21 0024"  # version 2, PROXY; AF_INET6, STREAM; 36 octets follow
    "20010db8 00000000 00000000 00000001"  # from 2001:db8::1
    "20010db8 00000000 00000000 00000002"  # to 2001:db8::2
    "1267 1f42"
)


MAPPED = SIGNATURE + bytes.fromhex(
    "21 21 0024"
    "00000000 00000000 0000ffff c0000201"  # from ::ffff:192.0.2.1
    "00000000 00000000 0000ffff c6336402"
    "1267 1f42"
)


#: PP2_TYPE_NOOP with three octets, and PP2_TYPE_AUTHORITY with "a".
TLVS = bytes.fromhex("04 0003 000000 02 0001 61")


#: What HAProxy sends as a health check.
LOCAL = SIGNATURE + bytes.fromhex("20 00 0000")


UNIX = SIGNATURE + bytes.fromhex("21 31 00d8") + b"/run/client".ljust(216, b"\0")


OWN = Header()


def longer(header: bytes, more: bytes) -> bytes:
    """
    Put octets behind the addresses of a header of version 2.
    """
    length = int.from_bytes(header[14:16], "big") + len(more)
    return header[:14] + length.to_bytes(2, "big") + header[16:] + more


def shorter(header: bytes) -> bytes:
    """
    Take the last octet from a header of version 2.
    """
    length = int.from_bytes(header[14:16], "big") - 1
    return header[:14] + length.to_bytes(2, "big") + header[16:-1]


def withFamily(octet: int, header: bytes = TCP4) -> bytes:
    """
    Give a header of version 2 another family and protocol.
    """
    return header[:13] + bytes([octet]) + header[14:]


def withCommand(octet: int, header: bytes = TCP4) -> bytes:
    """
    Give a header of version 2 another version and command.
    """
    return header[:12] + bytes([octet]) + header[13:]


#: Every kind of header, and what it says.
GOOD = [
    (b"PROXY TCP4 192.0.2.1 198.51.100.2 4711 8002\r\n", CLIENT4),
    (b"PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n", Header("0.0.0.0", 0)),
    (
        b"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
        Header("255.255.255.255", 65535),
    ),
    (b"PROXY TCP6 2001:db8::1 2001:db8::2 4711 8002\r\n", CLIENT6),
    (b"PROXY TCP6 2001:DB8:0:0:0:0:0:1 :: 4711 8002\r\n", CLIENT6),
    (b"PROXY TCP6 ::1 1:2:3:4:5:6:7:8 1 2\r\n", Header("::1", 1)),
    (
        b"PROXY TCP6 1:2:3:4:5:6:7:: ::2:3:4:5:6:7:8 1 2\r\n",
        Header("1:2:3:4:5:6:7:0", 1),
    ),
    (b"PROXY TCP6 ::ffff:192.0.2.1 ::ffff:198.51.100.2 4711 8002\r\n", CLIENT4),
    (b"PROXY TCP6 ::ffff:c000:201 ::ffff:c633:6402 4711 8002\r\n", CLIENT4),
    (
        b"PROXY TCP6 "
        + b" ".join([b":".join([b"ffff"] * 8)] * 2)
        + b" 65535 65535\r\n",
        Header("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535),
    ),
    (b"PROXY UNKNOWN\r\n", OWN),
    (b"PROXY UNKNOWN \r\n", OWN),
    (b"PROXY UNKNOWN 192.0.2.1 and  \x00\n\x1b[31m\xff\r\n", OWN),
    (b"PROXY UNKNOWN " + b"f" * (MAX_LINE - 16) + b"\r\n", OWN),
    (TCP4, CLIENT4),
    (longer(TCP4, TLVS), CLIENT4),
    (longer(TCP4, bytes(MAX_BINARY - len(TCP4))), CLIENT4),
    (TCP6, CLIENT6),
    (longer(TCP6, TLVS), CLIENT6),
    (MAPPED, CLIENT4),
    (LOCAL, OWN),
    (longer(LOCAL, TLVS), OWN),
    # LOCAL: "discard the protocol block including the family which is ignored".
    (withCommand(0x20), OWN),
    (withFamily(0xFF, LOCAL), OWN),
    (withFamily(0x11, LOCAL), OWN),
    (UNIX, OWN),
    (longer(UNIX, TLVS), OWN),
    # UNSPEC, as the family, the protocol or both: addresses are not looked at.
    (withFamily(0x00), OWN),
    (withFamily(0x01), OWN),
    (withFamily(0x10), OWN),
    (withCommand(0x21, LOCAL), OWN),
]
