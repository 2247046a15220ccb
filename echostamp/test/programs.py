"""
Programs of what may happen to a connection, and what must hold for each.

A program is octets, so that whoever makes inputs at random can make one: hypothesis
does in the tests, a fuzzer in C{fuzz/}.
"""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any

from echostamp.line.connectionlog import Visitors
from echostamp.line.protocol import DRAINED, TimestampEcho, TimestampEchoFactory
from echostamp.stamps import StampFormat
from echostamp.test.fakes import FakeReactor, FakeSocketConnection, lost
from echostamp.times import SECOND

# The upper three bits of an octet of a connection's program.  The lower five are its
# number: of octets to read, of twentieths of a second, of eight octets of room.
READ, END, WAIT, ROOM, DRAIN, ABORT, LOSE, VANISH = range(0, 256, 32)

#: A stamp, or what has been sent of it when a connection is lost.
STAMP = re.compile(rb"\[(\d*)\]? ?")


class Unlogged(Visitors):
    """
    Visitors whose activity is watched, and of whom nothing is said.
    """

    watchesActivity = True

    def say(self, kind: str, format: str, **fields: object) -> None:
        """Say nothing, but what would be said has to be there."""
        format.format(**fields)


def checkConnection(data: bytes) -> None:
    """Whatever happens to a connection: nothing is raised, the replies without their
    stamps are what was read, up to where the connection was lost; there is a stamp
    for each message, with the time of a read; and no timer is left."""
    settings = data[0] if data else 0
    reactor = FakeReactor()
    factory = TimestampEchoFactory(
        reactor,
        StampFormat(lambda ns: b"%d" % ns, 1),
        pause=0 if settings & 1 else 0.1,
        maxLength=8 if settings & 2 else 65536,
        clock=lambda: round(reactor.seconds() * SECOND),
        visitors=Unlogged(),
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
    Do to a connection what a program says, as far as its transport allows it, and
    then end it.  One that is lost is left without room.

    @return: what was read and not thrown away, and when, as stamps have it.
    """
    read, times, heard = b"", set(), 0.0
    echo: TimestampEcho = transport.protocol
    while (octet := program.read(1)) and not transport.isClosed:
        step, number = octet[0] & 0xE0, octet[0] & 0x1F
        if step == READ:
            # No octet of a message is taken for the beginning of a stamp.
            piece = program.read(number).replace(b"[", b"(")
            if piece and transport.isRead:
                if echo._outputEnded:
                    # A drained connection throws it away: behind its last reply, and
                    # when nothing had come for long enough.
                    assert STAMP.sub(b"", transport.sent) == read
                    assert reactor.seconds() - heard > DRAINED - 1e-6
                else:
                    heard = reactor.seconds()
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
    Let the peer's FIN come.
    """
    transport.stopReading()
    transport.protocol.readConnectionLost()
