"""
Check promises that hold for any input: one function for each, which raises when an
input breaks it.  The inputs come from elsewhere: L{run} makes them with atheris.
"""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from ipaddress import ip_address
from typing import NamedTuple

from echostamp.client.command import parser
from echostamp.daemon.options import Options
from echostamp.line import replies as lineReplies
from echostamp.line import stamper
from echostamp.line.replies import Replies
from echostamp.listen.proxyheader import HeaderParser
from echostamp.listen.proxyline import Header
from echostamp.rfc8762.keys import Keys
from echostamp.rfc8762.packets import SenderPacket, senderPacket
from echostamp.rfc8762.policy import Policy
from echostamp.rfc8762.sendersession import SenderSession
from echostamp.rfc8762.timestamps import ntpTimestamp
from echostamp.rfc8762.tlvreading import writeTlvs
from echostamp.stamps import formatUnix, readStamp, stampFormat
from echostamp.talk.terminal import SafeText
from echostamp.test.commandlines import ended
from echostamp.test.hostiletext import HOSTILE, isSafe
from echostamp.test.programs import (
    ABORT,
    DRAIN,
    END,
    LOSE,
    READ,
    ROOM,
    VANISH,
    WAIT,
    checkConnection,
)
from echostamp.test.proxyheaders import GOOD
from echostamp.test.tlsprograms import (
    CLOSE,
    DAMAGE,
    DELIVER,
    FEED,
    FIN,
    OPEN,
    PEER,
    PEER_CLOSES,
    SEND,
    SERVER,
    checkEngine,
)
from echostamp.test.wires import EPOCH, HERE, Wire
from echostamp.times import SECOND

# Lower the limits, so that an input of a few octets reaches them.
COMPARED = lineReplies.COMPARED = 8
stamper.SLICE = 64


class Target(NamedTuple):
    """
    A function to fuzz.

    @ivar check: raises when an input breaks a promise.
    @ivar seeds: the first inputs.
    """

    check: Callable[[bytes], None]
    seeds: list[bytes]


TARGETS: dict[str, Target] = {}


def seeded(*seeds: bytes) -> Callable[[Callable[[bytes], None]], None]:
    """
    Make a function a target.

    @param seeds: its first inputs.
    """

    def register(check: Callable[[bytes], None]) -> None:
        TARGETS[check.__name__] = Target(check, list(seeds))

    return register


def reads(data: bytes) -> list[bytes]:
    """
    Cut an input into reads.  Its first octet is the size of each read.
    """
    size = 1 + (data[0] if data else 0)
    return [data[at : at + size] for at in range(1, len(data), size)]


@seeded(*[b"\x06" + header + b"hello\n" for header, _ in GOOD])
def headers(data: bytes) -> None:
    """A PROXY header gives the same answer however it is cut: an address, or a
    L{ValueError} whose text can be logged."""
    answer = readHeader(reads(data))
    assert answer == readHeader([data[1:]])
    if isinstance(answer, str):
        assert answer.isprintable()
    elif answer:
        header, _ = answer
        assert header.host is None or ip_address(header.host)
        assert 0 <= header.port <= 65535


def readHeader(pieces: list[bytes]) -> tuple[Header, bytes] | str | None:
    """
    Parse a header that arrives in pieces.

    @return: the header and the octets after it; or the error; or L{None} for a header
        that is not complete.
    """
    parser = HeaderParser()
    rest = iter(pieces)
    for piece in rest:
        try:
            header, behind = parser.feed(piece)
        except ValueError as error:
            return str(error)
        if header:
            return header, behind + b"".join(rest)
        assert not behind
    return None


@seeded(
    *[
        stampFormat(name, utc=True).stamp(ns) + b"hello\n"
        for name in ("ctime", "iso", "unix")
        for ns in (1, 1450085400 * SECOND, -62135596800 * SECOND)
    ],
    b"[2016-12-31t23:59:60.5-01:30] ",
    b"[2015-04-31T00:00:00Z] ",
)
def stamps(line: bytes) -> None:
    """Any line can be read.  A stamp is at its beginning, and its time can be formatted
    again."""
    reading = readStamp(line)
    if reading is None:
        return
    assert line[: reading.length].startswith(b"[")
    assert line[: reading.length].endswith(b"] ")
    assert 1 <= reading.resolution <= SECOND
    again = readStamp(b"[%s] " % formatUnix(reading.time))
    assert again is not None
    assert again.time == reading.time


@seeded(
    b"\x04a\nb\n\x8c[1] a\n[1] b\n",
    b"\x06a\nlast\x86[1] a\n\x84[1] \x84last",
    b"\x0flonger than eight\x93[1] longer than eight",
)
def replies(data: bytes) -> None:
    """The count of answered messages agrees with a model that keeps every octet."""
    counted, sent, received = Replies(), b"", b""
    program = BytesIO(data)
    while octet := program.read(1):
        isReceived, size = divmod(octet[0], 128)
        piece = program.read(size)
        if isReceived:
            counted.received(piece)
            received += piece
        else:
            counted.sent(piece)
            sent += piece
        lines = max(0, sent.count(b"\n") - received.count(b"\n"))
        last, back = sent.rpartition(b"\n")[2], received.rpartition(b"\n")[2]
        hasCome = len(back) >= len(last) and back.endswith(last[-COMPARED:])
        assert counted.isUnterminated == bool(last)
        assert counted.unansweredLines == lines
        assert counted.unanswered == lines + bool(last and (lines or not hasCome))


@seeded(
    *[b"\x01a" + piece + b"\n" for piece in HOSTILE], "\0ä\u4e2d\U0001f600".encode()
)
def text(data: bytes) -> None:
    """A stream prints as the same text however it is cut, and no character of it
    controls a terminal."""
    printed = readText(reads(data))
    assert printed == readText([data[1:]])
    assert all(map(isSafe, set(printed)))


def readText(pieces: list[bytes]) -> str:
    """
    Give the text that is printed for a stream.
    """
    safe = SafeText()
    return "".join(map(safe.feed, pieces)) + safe.feed(b"", final=True)


@seeded(
    b"-p\x008002\x00-i\x00::1\x00--utc",
    b"-e\x00unix:/s\x00--proxy-from\x0010.0.0.0/8\x00--grace=0",
    b"-f%H:%M\x00--pause\x000.5\x00--max-length=70\x00--max-connections\x007",
    b"--max-per-host=1\x00--idle-timeout=2\x00--max-age\x001e3\x00--peer-timeout=9",
    b"talk\x00--time\x00--timeout=1\x00far:8002",
    b"talk\x00--ca=a\x00--cert\x00b\x00--key=c\x00tls:far:1",
)
def options(data: bytes) -> None:
    """The daemon and the client accept a command line, or end with one printable
    line."""
    arguments = data.decode("utf-8", "surrogateescape").split("\0")
    if "--_shell-completion" in arguments:
        # An option of Twisted's for shells, which raises for other input.
        return
    end, output, errors = ended(Options().parseOptions, arguments)
    failed = end is not None and end.code
    line = str(end.code) if end and failed else "echostamp: "
    assert line.startswith("echostamp: ")
    assert line.isprintable()
    assert not errors
    assert bool(output) == (end is not None and not failed)
    end, output, errors = ended(parser().parse_args, arguments)
    failed = end is not None and end.code
    assert failed in (None, 0, False, 2)
    assert bool(errors) == bool(failed)
    assert errors.startswith("echostamp" if failed else "")
    assert errors.removesuffix("\n").isprintable()
    assert bool(output) == (end is not None and not failed)


@seeded(
    bytes([0xFF, READ | 4]) + b"a\nb\n" + bytes([END]),
    bytes([0xFC, READ | 5]) + b"hello" + bytes([WAIT | 3, WAIT, READ | 2]) + b"!\n",
    bytes([0xFD, READ | 2]) + b"he" + bytes([READ | 3]) + b"llo" + bytes([END]),
    bytes([0x04, READ | 20]) + b"\n" * 20 + bytes([ROOM | 4, WAIT | 9, ROOM | 31]),
    bytes([0xFE, READ | 9]) + b"long line" + bytes([READ | 3]) + b" on",
    bytes([0x04, READ | 2]) + b"a\n" + bytes([DRAIN, WAIT | 6, ROOM | 31, WAIT | 6]),
    bytes([0xFC, DRAIN, READ | 2]) + b"ab" + bytes([WAIT | 6, ROOM, READ | 1]) + b"c",
    bytes([0x04, READ | 2]) + b"a\n" + bytes([ABORT]),
    bytes([0x04, READ | 2]) + b"a\n" + bytes([LOSE]),
    bytes([0xFC, VANISH, READ | 2]) + b"a\n" + bytes([ROOM]),
)
def connections(data: bytes) -> None:
    """No order of events on a connection breaks a promise."""
    checkConnection(data)


@seeded(
    bytes([OPEN | SERVER, PEER | 5]) + b"hello" + bytes([DELIVER | 31, FIN]),
    bytes([OPEN, PEER | 1]) + b"a" + bytes([PEER_CLOSES, DELIVER | 31, CLOSE]),
    bytes([OPEN, CLOSE, PEER | 1]) + b"a" + bytes([DELIVER | 31]),
    bytes([OPEN, PEER | 1]) + b"a" + bytes([DAMAGE | 9, DELIVER | 31, CLOSE]),
    bytes([SERVER, PEER, DELIVER | 31, DELIVER | 31, DELIVER | 31, SEND | 1]) + b"a",
    bytes([SERVER, FEED | 7]) + b"\x15\x03\x01\x00\x02\x01\x00",
    bytes([0, FEED | 5]) + b"SSH-2" + bytes([FIN]),
)
def engine(data: bytes) -> None:
    """No octets, cuts and closes make an end of TLS raise an exception, or make data
    up."""
    checkEngine(data)


KEY = bytes(range(16))


@seeded(
    *[
        senderPacket(SenderPacket(7, ntpTimestamp(EPOCH), 0x8001), key)
        + writeTlvs(tlvs, 7, key)
        for key in (None, KEY)
        for tlvs in ([], [(3, bytes(4)), (4, bytes(4)), (7, bytes(16)), (1, b"pad")])
    ],
    bytes(14),
)
def packets(packet: bytes) -> None:
    """A reflector answers any datagram at most once, with no more than 44 octets or the
    datagram's own length, and does not answer its own answer.  A sender accepts only
    replies to its packet."""
    for valid in [], [KEY]:
        keys: Keys = {None: valid} if valid else {}
        policy = Policy(isStateful=True, dscp=True)
        wire = Wire(SenderSession(keys=valid), policy, keys)
        wire.reflector.received(packet, HERE, wire.now, 60, 0xB9, None)
        sent = [reply for reply, _ in wire.far.sent]
        assert len(sent) <= 1
        for reply in sent:
            assert len(reply) == max(len(packet), 44)
            wire.reflector.received(reply, HERE, wire.now, 60, 0, None)
        assert len(wire.far.sent) == len(sent)
        wire.there(isLost=True)
        wire.back(packet)
        request, _ = wire.near.sent[-1]
        assert len(wire.replies) <= (request[4:12] in packet)
