"""
Echo servers in memory, for unit tests.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.line.connectionlog import ConnectionLog
from echostamp.line.protocol import TimestampEcho, TimestampEchoFactory
from echostamp.line.settings import EchoSettings
from echostamp.stamps import stampFormat
from echostamp.test.fakes import FakeReactor, FakeSocketConnection
from echostamp.times import SECOND

#: When the reactor begins: 2015-12-14 09:30:00 UTC, in nanoseconds since the epoch.
BEGIN = 1450085400 * SECOND


#: What may happen to a connection: a read, seconds without input, octets of room for
#: replies.
actions = st.lists(
    st.one_of(
        st.text("ab\n", min_size=1, max_size=30).map(str.encode),
        st.just(b"\n" * 20_000),
        st.floats(0.01, 0.3),
        st.integers(0, 5000),
    ),
    max_size=20,
)


class EchoCase(SynchronousTestCase):
    """
    A server whose clock is the reactor's.  Its stamps show minutes and seconds, in UTC.
    """

    def setUp(self) -> None:
        """Make a reactor."""
        self.reactor = FakeReactor()

    def clock(self) -> int:
        """Give the reactor's time, in nanoseconds since the epoch."""
        return BEGIN + round(self.reactor.seconds() * SECOND)

    def connect(
        self,
        transport: Any,
        connectionLog: ConnectionLog | None = None,
        **settings: Any,
    ) -> TimestampEcho:
        """Connect a protocol with these settings to a transport."""
        factory = TimestampEchoFactory(
            self.reactor,
            EchoSettings(stampFormat("%M:%S", utc=True), **settings),
            self.clock,
            connectionLog,
        )
        echo = factory.buildProtocol(None)
        assert isinstance(echo, TimestampEcho)
        transport.protocol = echo
        echo.makeConnection(transport)
        return echo

    def socket(self, room: int = 1 << 30, **settings: Any) -> FakeSocketConnection:
        """Connect a protocol to a bare socket."""
        transport = FakeSocketConnection(self.reactor, room)
        self.connect(transport, **settings)
        return transport

    def advance(self, seconds: float) -> None:
        """Advance the time, in turns of a millisecond."""
        for _ in range(round(seconds * 1000)):
            self.reactor.advance(0.001)
