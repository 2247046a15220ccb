"""
Play random events on a connection, and check the promises of the line protocol.

A program is a string of octets, so any source of random octets can make one: hypothesis
in the tests, a fuzzer in C{fuzz/}.
"""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any

from echostamp.line.connectionlog import ConnectionLog
from echostamp.line.draining import DRAINED
from echostamp.line.protocol import TimestampEcho, TimestampEchoFactory
from echostamp.line.settings import EchoSettings
from echostamp.stamps import StampFormat
from echostamp.test.fakes import FakeReactor, FakeSocketConnection, lost
from echostamp.times import SECOND

# The upper three bits of an octet are a step of the program.  The lower five are its
# number: octets to read, twentieths of a second to wait, or 8 octets of room each.
READ, END, WAIT, ROOM, DRAIN, ABORT, LOSE, VANISH = range(0, 256, 32)

#: A stamp, or the part of it that was sent before the connection was lost.
STAMP = re.compile(rb"\[(\d*)\]? ?")


class Unlogged(ConnectionLog):
    """
    A log that watches activity, and writes nothing.
    """

    watchesActivity = True

    def write(self, kind: str, format: str, **fields: object) -> None:
        """Format the line, to prove that all its fields are there."""
        format.format(**fields)


def checkConnection(data: bytes) -> None:
    """
    Play a program, and check the promises.

    No exception is raised.  The replies without their stamps are the input, up to where
    the connection was lost.  Each message has a stamp with the time of a read.  In the
    end no timer is left.
    """
    settings = data[0] if data else 0
    reactor = FakeReactor()
    factory = TimestampEchoFactory(
        reactor,
        EchoSettings(
            StampFormat(lambda ns: b"%d" % ns, 1),
            pause=0 if settings & 1 else 0.1,
            maxLength=8 if settings & 2 else 65536,
        ),
        clock=lambda: round(reactor.seconds() * SECOND),
        connectionLog=Unlogged(),
    )
    transport = FakeSocketConnection(reactor, room=settings // 4 * 8)
    echo = transport.protocol = factory.buildProtocol(None)
    assert isinstance(echo, TimestampEcho)
    echo.makeConnection(transport)
    read, times = play(transport, reactor, BytesIO(data[1:]))

    stamped = STAMP.findall(transport.sent)
    replied = STAMP.sub(b"", transport.sent)
    if transport.isAborted or transport.room < 0:
        assert read.startswith(replied)
    else:
        assert replied == read
        assert len(stamped) == echo.messages
        assert times.issuperset(stamped)
        assert stamped == sorted(stamped, key=int)
    assert transport.isClosed
    assert not factory.connections
    assert not reactor.getDelayedCalls()
    assert not reactor.readers | reactor.writers


def play(
    transport: FakeSocketConnection, reactor: FakeReactor, program: BytesIO
) -> tuple[bytes, set[bytes]]:
    """
    Play a program on a connection, as far as its transport allows it, and then end the
    connection.  A lost one has no room.

    @return: the octets that were read and not ignored, and the times of these reads as
        stamps have them.
    """
    read, times, readAt = b"", set(), 0.0
    echo: TimestampEcho = transport.protocol
    while (octet := program.read(1)) and not transport.isClosed:
        step, number = octet[0] & 0xE0, octet[0] & 0x1F
        if step == READ:
            # No octet of a message may look like the beginning of a stamp.
            piece = program.read(number).replace(b"[", b"(")
            if piece and transport.isRead:
                if echo._outputEnded:
                    # A drained connection ignores input, but only after its last reply
                    # and a long enough silence.
                    assert STAMP.sub(b"", transport.sent) == read
                    assert reactor.seconds() - readAt > DRAINED - 1e-6
                else:
                    readAt = reactor.seconds()
                    read += piece
                    times.add(b"%d" % round(reactor.seconds() * SECOND))
                echo.dataReceived(piece)
        elif step == END and transport.isRead:
            endInput(transport)
        elif step == WAIT:
            reactor.advance(number / 20)
        elif step == ROOM:
            transport.turn(number * 8 if transport.room >= 0 else 0)
        elif step == DRAIN:
            echo.drain()
        elif step == ABORT:
            echo.abort()
        elif step in (LOSE, VANISH):
            transport.room = -1
            if step == LOSE:
                lost(transport)
    if not transport.isClosed:
        transport.turn(1 << 20 if transport.room >= 0 else 0)
    if transport.isRead:
        endInput(transport)
        transport.turn()
    return read, times


def endInput(transport: Any) -> None:
    """
    Let the peer send FIN.
    """
    transport.stopReading()
    transport.protocol.readConnectionLost()
