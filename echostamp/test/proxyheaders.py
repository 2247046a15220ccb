"""
PROXY headers for tests.
"""

from __future__ import annotations

from echostamp.listen.proxyheader import MAX_BINARY, HeaderParser
from echostamp.listen.proxyline import MAX_LINE, Header

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


OWN, UNIX_CLIENT = Header(), Header(isUnix=True)


def longer(header: bytes, more: bytes) -> bytes:
    """
    Add octets after the addresses of a header of version 2.
    """
    length = int.from_bytes(header[14:16], "big") + len(more)
    return header[:14] + length.to_bytes(2, "big") + header[16:] + more


def shorter(header: bytes) -> bytes:
    """
    Remove the last octet of a header of version 2.
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


#: Every kind of header, with its result.
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
    (UNIX, UNIX_CLIENT),
    (longer(UNIX, TLVS), UNIX_CLIENT),
    # UNSPEC, as the family, the protocol or both: addresses are ignored.
    (withFamily(0x00), OWN),
    (withFamily(0x01), OWN),
    (withFamily(0x10), OWN),
    (withCommand(0x21, LOCAL), OWN),
]

NO_HEADER = "no PROXY header"
NO_PROTOCOL = "PROXY header of a protocol that is not TCP4, TCP6 or UNKNOWN"
NO_SOURCE4 = "PROXY header whose source is no IPv4 address"
NO_SOURCE6 = "PROXY header whose source is no IPv6 address"
NO_DESTINATION4 = "PROXY header whose destination is no IPv4 address"
NO_PORT = "PROXY header whose source port is no port"
NO_DESTINATION_PORT = "PROXY header whose destination port is no port"
TOO_FEW = "PROXY header with too few fields"
TOO_MANY = "PROXY header with too many fields"
TOO_LONG = "PROXY header of more than 107 octets"
NO_CRLF = "PROXY header whose line does not end with CR LF"
TOO_SHORT = "PROXY header too short for its addresses"
UNKNOWN_FAMILY = "PROXY header of an unknown family or protocol"
DATAGRAMS = "PROXY header of datagrams"

#: Beginnings whose last octet is the first that makes a header impossible, each with
#: its reason.
BAD = [
    (b"\x00", NO_HEADER),
    (b" ", NO_HEADER),
    (b"\n", NO_HEADER),
    (b"p", NO_HEADER),
    (b"G", NO_HEADER),
    (b"PROXYY", NO_HEADER),
    (b"PROXY\t", NO_HEADER),
    (b"PROXY\n", NO_HEADER),
    (b"PROXY\r", TOO_FEW),
    (b"PROXY  ", NO_PROTOCOL),
    (b"PROXY \r", NO_PROTOCOL),
    (b"PROXY t", NO_PROTOCOL),
    (b"PROXY TCP5", NO_PROTOCOL),
    (b"PROXY TCP ", NO_PROTOCOL),
    (b"PROXY TCP\r", NO_PROTOCOL),
    (b"PROXY TCP44", NO_PROTOCOL),
    (b"PROXY D", NO_PROTOCOL),
    (b"PROXY UNKNOWNX", NO_PROTOCOL),
    (b"PROXY UNKNOWN\n", NO_PROTOCOL),
    (b"PROXY UNKNOWN\r\r", NO_CRLF),
    (b"PROXY UNKNOWN x\ry", NO_CRLF),
    (b"PROXY UNKNOWN " + b"x" * (MAX_LINE - 14), TOO_LONG),
    (b"PROXY UNKNOWN " + b"x" * (MAX_LINE - 15) + b"\r", TOO_LONG),
    (b"PROXY TCP4\r", TOO_FEW),
    (b"PROXY TCP4  ", NO_SOURCE4),
    (b"PROXY TCP4 \r", NO_SOURCE4),
    (b"PROXY TCP4 x", NO_SOURCE4),
    (b"PROXY TCP4 \x1b", NO_SOURCE4),
    (b"PROXY TCP4 \x9b", NO_SOURCE4),
    (b"PROXY TCP4 :", NO_SOURCE4),
    (b"PROXY TCP4 256", NO_SOURCE4),
    (b"PROXY TCP4 01", NO_SOURCE4),
    (b"PROXY TCP4 1..", NO_SOURCE4),
    (b"PROXY TCP4 1.2.3 ", NO_SOURCE4),
    (b"PROXY TCP4 1.2.3.4.", NO_SOURCE4),
    (b"PROXY TCP4 1.2.3.4\r", TOO_FEW),
    (b"PROXY TCP4 1.2.3.4/", NO_SOURCE4),
    (b"PROXY TCP4 1.2.3.4  ", NO_DESTINATION4),
    (b"PROXY TCP4 1.2.3.4 h", NO_DESTINATION4),
    (b"PROXY TCP4 1.2.3.4 5.6.7.8\r", TOO_FEW),
    (b"PROXY TCP4 1.2.3.4 5.6.7.8  ", NO_PORT),
    (b"PROXY TCP4 1.2.3.4 5.6.7.8 -", NO_PORT),
    (b"PROXY TCP4 1.2.3.4 5.6.7.8 +", NO_PORT),
    (b"PROXY TCP4 1.2.3.4 5.6.7.8 00", NO_PORT),
    (b"PROXY TCP4 1.2.3.4 5.6.7.8 1_", NO_PORT),
    (b"PROXY TCP4 1.2.3.4 5.6.7.8 65536", NO_PORT),
    (b"PROXY TCP4 1.2.3.4 5.6.7.8 99999", NO_PORT),
    (b"PROXY TCP4 1.2.3.4 5.6.7.8 1\r", TOO_FEW),
    (b"PROXY TCP4 1.2.3.4 5.6.7.8 1 \r", NO_DESTINATION_PORT),
    (b"PROXY TCP4 1.2.3.4 5.6.7.8 1 02", NO_DESTINATION_PORT),
    (b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n", NO_DESTINATION_PORT),
    (b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2 ", TOO_MANY),
    (b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\rx", NO_CRLF),
    (b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\r", NO_CRLF),
    (b"PROXY TCP6 1.", NO_SOURCE6),
    (b"PROXY TCP6 g", NO_SOURCE6),
    (b"PROXY TCP6 %", NO_SOURCE6),
    (b"PROXY TCP6 :1", NO_SOURCE6),
    (b"PROXY TCP6 :::", NO_SOURCE6),
    (b"PROXY TCP6 1::2::", NO_SOURCE6),
    (b"PROXY TCP6 12345", NO_SOURCE6),
    (b"PROXY TCP6 1:2 ", NO_SOURCE6),
    (b"PROXY TCP6 1:2:3:4:5:6:7:8:", NO_SOURCE6),
    (b"PROXY TCP6 fe80::1%", NO_SOURCE6),
    (b"PROXY TCP6 ::ffff:1.2.3.256", NO_SOURCE6),
    (SIGNATURE[:4] + b"\x01", NO_HEADER),
    (SIGNATURE[:11] + b"\r", NO_HEADER),
    (SIGNATURE + b"\x11", "PROXY header of a version that is not 1 or 2"),
    (SIGNATURE + b"\x31", "PROXY header of a version that is not 1 or 2"),
    (SIGNATURE + b"\x22", "PROXY header whose command is not LOCAL or PROXY"),
    (SIGNATURE + b"\x2f", "PROXY header whose command is not LOCAL or PROXY"),
    (SIGNATURE + b"\x21\x41", UNKNOWN_FAMILY),
    (SIGNATURE + b"\x21\xf0", UNKNOWN_FAMILY),
    (SIGNATURE + b"\x21\x13", UNKNOWN_FAMILY),
    (SIGNATURE + b"\x21\x02", DATAGRAMS),
    (SIGNATURE + b"\x21\x12", DATAGRAMS),
    (SIGNATURE + b"\x21\x22", DATAGRAMS),
    (SIGNATURE + b"\x21\x32", DATAGRAMS),
    (shorter(TCP4)[:16], TOO_SHORT),
    (shorter(TCP6)[:16], TOO_SHORT),
    (shorter(UNIX)[:16], TOO_SHORT),
    (
        longer(LOCAL, bytes(MAX_BINARY - 15))[:16],
        "PROXY header of more than 4096 octets",
    ),
    (SIGNATURE + b"\x21\x11\xff\xff", "PROXY header of more than 4096 octets"),
]


def octetByOctet(stream: bytes) -> list[bytes]:
    """
    Cut a stream into single octets.
    """
    return [stream[at : at + 1] for at in range(len(stream))]


def parse(pieces: list[bytes]) -> tuple[Header | None, bytes] | str:
    """
    Parse a stream piece by piece, to its end.

    @return: the header and the octets after it, or the reason why there is none.
    """
    parser = HeaderParser()
    remaining = iter(pieces)
    for piece in remaining:
        try:
            header, rest = parser.feed(piece)
        except ValueError as error:
            return str(error)
        if header is not None:
            return header, rest + b"".join(remaining)
        assert rest == b""
    return None, b""
