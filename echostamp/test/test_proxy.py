"""Tests for L{echostamp.listen.proxy}."""

from __future__ import annotations

import ipaddress
import itertools
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import EventLoggingObserver
from twisted.logger import formatEvent, globalLogPublisher
from twisted.protocols.policies import WrappingFactory
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from echostamp.daemon.limits import isProxysOwn
from echostamp.line.protocol import TimestampEchoFactory
from echostamp.line.sending import DirectReplySender
from echostamp.line.settings import EchoSettings
from echostamp.listen.proxy import TIMEOUT, ProxyFactory, ProxyReceiver
from echostamp.listen.watchedprotocol import WatchedProtocol
from echostamp.stamps import stampFormat
from echostamp.test.fakes import FakeReactor, FakeSocketConnection, lost
from echostamp.test.proxyheaders import (
    BAD,
    GOOD,
    LOCAL,
    MAPPED,
    NO_HEADER,
    SIGNATURE,
    TCP4,
    TCP6,
    TLVS,
    UNIX,
    longer,
    octetByOctet,
)
from echostamp.tls.handshakes import logRefused


class Recorder(Protocol):
    """
    A protocol that records what it gets.
    """

    closesAtOnce = False

    def connectionMade(self) -> None:
        """Record the connection."""
        self.events: list[object] = ["made"]
        if self.closesAtOnce:
            assert self.transport is not None
            self.transport.loseConnection()

    def dataReceived(self, data: bytes) -> None:
        """Record the data."""
        self.events.append(data)

    def connectionLost(self, reason: Any = None) -> None:
        """Record the end."""
        self.events.append("lost")


class RecorderFactory(Factory):
    """
    Makes L{Recorder}s.
    """

    noisy = False
    starts = 0
    refuses = False
    closesAtOnce = False

    def __init__(self) -> None:
        self.addresses: list[object] = []
        self.made: list[Recorder] = []

    def startFactory(self) -> None:
        """Count a start."""
        self.starts += 1

    def stopFactory(self) -> None:
        """Count a stop."""
        self.starts -= 1

    def buildProtocol(self, addr: object) -> Recorder | None:
        """Make a protocol, unless this refuses."""
        self.addresses.append(addr)
        if self.refuses:
            return None
        recorder = Recorder()
        recorder.closesAtOnce = self.closesAtOnce
        self.made.append(recorder)
        return recorder


PROXY4 = IPv4Address("TCP", "10.1.2.3", 4444)


class Socket(FakeSocketConnection):
    """
    A bare socket whose peer has an address.
    """

    def __init__(self, reactor: FakeReactor, peer: object) -> None:
        super().__init__(reactor)
        self._peer = peer

    def getPeer(self) -> object:
        """Give the peer's address."""
        return self._peer

    def read(self, *pieces: bytes) -> None:
        """Have the kernel deliver octets, each piece in a read of its own."""
        for piece in pieces:
            # As tcp.Connection.doRead does.
            self._dataReceived(piece)

    def finish(self) -> None:
        """Have the reactor find the peer's FIN."""
        self.readConnectionLost(Failure(ConnectionDone()))


class ProxyCase(SynchronousTestCase):
    """
    A port that a proxy connects to.
    """

    def setUp(self) -> None:
        """Make the factories."""
        self.reactor = FakeReactor()
        self.inner = RecorderFactory()
        self.refusals: list[tuple[str, str]] = []
        self.receiver: Any = None
        self.factory = self.proxy(self.inner)

    def proxy(self, inner: Any, **options: Any) -> ProxyFactory:
        """Put a factory behind a PROXY header."""
        options = {
            "trusted": [
                ipaddress.ip_network("10.0.0.0/8"),
                ipaddress.ip_network("fd00::/8"),
            ],
            "refused": lambda *refusal: self.refusals.append(refusal),
            **options,
        }
        return ProxyFactory(self.reactor, inner, **options)

    def connect(self, peer: object = PROXY4) -> Socket:
        """Connect a peer."""
        transport = Socket(self.reactor, peer)
        self.receiver = self.factory.buildProtocol(None)
        self.assertIsInstance(self.receiver, ProxyReceiver)
        transport.protocol = self.receiver
        self.receiver.makeConnection(transport)
        return transport

    def observe(self) -> EventLoggingObserver:
        """Record the log."""
        observer = EventLoggingObserver()
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        return observer

    def assertRefused(self, transport: Socket, *reasons: str) -> None:
        """Assert that a connection is closed, leaves no timer, and that the reason is
        reported once."""
        self.reactor.advance(0)
        transport.turn()
        self.assertEqual((transport.isClosed, transport.isAborted), (True, False))
        self.assertEqual([reason for _, reason in self.refusals], list(reasons))
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.assertEqual(self.inner.made, [])


class RefusalTests(ProxyCase):
    """
    Connections are refused.
    """

    def test_malformed(self) -> None:
        """A malformed header ends the connection at its first wrong octet."""
        for stream, reason in BAD:
            self.refusals.clear()
            transport = self.connect()
            transport.read(*octetByOctet(stream))
            self.assertRefused(transport, reason)
            self.assertEqual(self.refusals[0][0], "10.1.2.3:4444")

    def test_inputAfterARefusal(self) -> None:
        """Input after a refusal is discarded."""
        transport = self.connect()
        transport.read(b"GET", b" / HTTP/1.1\r\n")
        self.assertRefused(transport, NO_HEADER)

    def test_timeout(self) -> None:
        """The time limit is for the complete header, even if it arrives octet by
        octet."""
        transport = self.connect()
        for octet in octetByOctet(b"PROXY"):
            self.reactor.advance(TIMEOUT / 5 - 0.001)
            transport.read(octet)
        self.assertEqual(self.refusals, [])
        self.reactor.advance(0.005)
        self.assertRefused(transport, "no whole PROXY header within 5 s")

    def test_stoppedProcess(self) -> None:
        """A header that came while the process was stopped is read before the timeout
        counts."""
        transport = self.connect()
        self.reactor.advance(60)
        transport.read(b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 8002\r\na\n")
        self.reactor.advance(0)
        self.assertEqual(self.refusals, [])
        self.assertFalse(transport.isClosed)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_timeoutOfASilentPeer(self) -> None:
        """A silent peer is disconnected at the limit, too."""
        self.factory = self.proxy(self.inner, timeout=0.25)
        transport = self.connect()
        self.reactor.advance(0.24)
        self.assertFalse(transport.isClosed)
        self.reactor.advance(0.01)
        self.assertRefused(transport, "no whole PROXY header within 0.25 s")

    def test_endWithinTheHeader(self) -> None:
        """A FIN or a reset within the header is logged, and leaves no timer."""
        for end in Socket.finish, lost:
            self.refusals.clear()
            transport = self.connect()
            transport.read(b"PROXY TCP4 1")
            end(transport)
            self.assertRefused(
                transport, "the connection ended within its PROXY header"
            )

    def test_endBeforeTheHeader(self) -> None:
        """A health check that only connects is not logged, and leaves no timer."""
        for end in Socket.finish, lost:
            transport = self.connect()
            end(transport)
            self.assertRefused(transport)

    def test_untrusted(self) -> None:
        """Headers are accepted only from the proxies' networks."""
        for peer, name in [
            (IPv4Address("TCP", "192.0.2.1", 1), "192.0.2.1:1"),
            (IPv6Address("TCP", "::ffff:192.0.2.1", 1), "192.0.2.1:1"),
            (IPv6Address("TCP", "2001:db8::1", 1), "[2001:db8::1]:1"),
            (IPv4Address("TCP", "no address", 1), "no address:1"),
            (None, "local"),
        ]:
            self.refusals.clear()
            transport = self.connect(peer)
            reason = "PROXY headers are not taken from there (see --proxy-from)"
            self.assertEqual(self.refusals, [(name, reason)])
            transport.read(GOOD[0][0])
            self.assertRefused(transport, reason)

    def test_nobodyIsTrusted(self) -> None:
        """Without networks no host is trusted."""
        self.factory = self.proxy(self.inner, trusted=[])
        self.assertFalse(self.factory.trusts(PROXY4))

    def test_trusted(self) -> None:
        """The proxies' networks are trusted, and the peers of UNIX sockets."""
        for peer in [
            PROXY4,
            IPv6Address("TCP", "::ffff:10.1.2.3", 1),
            IPv6Address("TCP", "fd00::1", 1),
            IPv6Address("TCP", "fd00::1%eth0", 1),
            UNIXAddress(None),
            UNIXAddress("/run/haproxy.sock"),
        ]:
            self.assertTrue(self.factory.trusts(peer))

    def test_log(self) -> None:
        """In the log a refusal is one line, which contains nothing of the header."""
        observer = self.observe()
        self.factory = self.proxy(self.inner, refused=logRefused)
        for octet in range(256):
            evil = bytes([octet]) + "\x1b[31m\u202e\r\n{peer}".encode()
            self.connect().read(evil)
            self.connect().read(b"PROXY TCP4 1.2.3." + evil)
            self.connect().read(SIGNATURE + evil)
        lines = [formatEvent(event) for event in observer]
        self.assertEqual(len(lines), 3 * 256)
        for line in lines:
            self.assertRegex(line, r"\A10\.1\.2\.3:4444 refused: [A-Za-z0-9 ,-]+\Z")


class HandOverTests(ProxyCase):
    """
    The connection is handed over after its header.
    """

    def test_clientsAddress(self) -> None:
        """The transport's peer is the client from then on."""
        unix = UNIXAddress(None)
        for stream, peer, address in [
            (GOOD[0][0], PROXY4, IPv4Address("TCP", "192.0.2.1", 4711)),
            (TCP4, PROXY4, IPv4Address("TCP", "192.0.2.1", 4711)),
            (TCP4, unix, IPv4Address("TCP", "192.0.2.1", 4711)),
            (TCP6, PROXY4, IPv6Address("TCP", "2001:db8::1", 4711)),
            (MAPPED, PROXY4, IPv4Address("TCP", "192.0.2.1", 4711)),
            (LOCAL, PROXY4, PROXY4),
            (LOCAL, unix, unix),
            (UNIX, PROXY4, unix),
            (b"PROXY UNKNOWN\r\n", PROXY4, PROXY4),
        ]:
            transport = self.connect(peer)
            transport.read(stream)
            self.assertEqual(self.inner.addresses.pop(), address)
            self.assertEqual(transport.getPeer(), address)
            isOwn = stream.startswith((LOCAL[:13], b"PROXY UNKNOWN"))
            self.assertEqual(isProxysOwn(transport), isOwn)
            self.assertIs(transport.protocol.protocol, self.inner.made[-1])
            self.assertIs(self.inner.made[-1].transport, transport)
            self.assertEqual(self.inner.made[-1].events, ["made"])

    def test_restOfTheRead(self) -> None:
        """Data after the header in the same read is received first."""
        transport = self.connect()
        transport.read(TCP4[:7], TCP4[7:] + b"one\n", b"two\n")
        self.assertEqual(self.inner.made[0].events, ["made", b"one\n", b"two\n"])

    def test_wrappersSeeTheHeaderGone(self) -> None:
        """A factory that wraps protocols, as TLS does, gets the octets after the
        header."""
        self.factory = self.proxy(WrappingFactory(self.inner))
        transport = self.connect()
        transport.read(TCP6[:20], TCP6[20:] + b"one\n", b"two\n")
        recorder = self.inner.made[0]
        self.assertEqual(recorder.events, ["made", b"one\n", b"two\n"])
        wrapper: Any = recorder.transport
        self.assertIs(transport.protocol.protocol, wrapper)
        client = IPv6Address("TCP", "2001:db8::1", 4711)
        self.assertEqual(wrapper.getPeer(), client)
        self.assertEqual(self.inner.addresses, [client])
        lost(transport)
        self.assertEqual(recorder.events[-1], "lost")

    def test_noTimerIsLeft(self) -> None:
        """After the header there is no time limit."""
        transport = self.connect()
        transport.read(TCP4)
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.reactor.advance(3600)
        self.assertFalse(transport.isClosed)
        self.assertEqual(self.refusals, [])

    def test_closedAtOnce(self) -> None:
        """A protocol that closes when it is connected receives nothing."""
        self.inner.closesAtOnce = True
        transport = self.connect()
        transport.read(TCP4 + b"one\n")
        transport.turn()
        self.assertEqual(self.inner.made[0].events, ["made", "lost"])

    def test_noProtocol(self) -> None:
        """Where the factory makes no protocol, the connection is closed; the factory
        reports why."""
        self.inner.refuses = True
        transport = self.connect()
        transport.read(TCP4 + b"one\n")
        self.assertRefused(transport)
        self.assertEqual(self.inner.addresses, [IPv4Address("TCP", "192.0.2.1", 4711)])

    def test_endIsToldOnBothSides(self) -> None:
        """A stand-in of the receiver learns of the end once, after the protocol behind
        the header."""
        made = self.inner.made
        for hasHeader in True, False:
            transport = self.connect()
            events: list[object] = []

            class Counted(WatchedProtocol):
                def ended(
                    self, reason: object, events: Any = events, made: Any = made
                ) -> None:
                    events.append([recorder.events for recorder in made])

            transport.protocol = Counted(self.receiver)
            if hasHeader:
                transport.read(TCP4)
            lost(transport)
            self.assertEqual(events, [[["made", "lost"]]] if hasHeader else [[]])
            self.inner.made.clear()
            self.assertEqual(self.refusals, [])

    def test_endIsToldThoughTheProtocolBehindFails(self) -> None:
        """It learns of the end also when that protocol raises an exception."""
        transport = self.connect()
        ends: list[object] = []

        class Counted(WatchedProtocol):
            def ended(self, reason: object) -> None:
                ends.append(reason)

        transport.protocol = Counted(self.receiver)
        transport.read(TCP4)
        self.inner.made[0].events = None  # type: ignore[assignment]
        with self.assertRaises(AttributeError):
            lost(transport)
        self.assertEqual(len(ends), 1)

    def test_startAndStop(self) -> None:
        """The factory behind is started and stopped with the port."""
        self.factory.doStart()
        self.assertEqual(self.inner.starts, 1)
        self.factory.doStop()
        self.assertEqual(self.inner.starts, 0)


class EchoTests(ProxyCase):
    """
    The echo works behind a header as without one.
    """

    def setUp(self) -> None:
        """Put an echo behind the header."""
        super().setUp()
        self.factory = self.proxy(
            TimestampEchoFactory(
                self.reactor,
                EchoSettings(stampFormat("%M:%S", utc=True)),
                clock=lambda: 0,
            )
        )

    def test_repliesGoTheDirectWay(self) -> None:
        """A line's reply is sent to the kernel within the read."""
        transport = self.connect()
        transport.read(TCP4 + b"one\n")
        self.assertEqual(transport.sent, b"[00:00] one\n")
        transport.read(b"two\n")
        self.assertEqual(transport.sent, b"[00:00] one\n[00:00] two\n")
        echo = transport.protocol.protocol
        self.assertIsInstance(echo._sender, DirectReplySender)
        self.assertTrue(IHalfCloseableProtocol.providedBy(transport.protocol))

    def test_halfClose(self) -> None:
        """Header, lines and FIN arrive in one segment: every line is answered, then
        comes a FIN. This also holds where the kernel takes the replies octet by
        octet."""
        for stream, _ in GOOD:
            for room in 1 << 30, 0:
                transport = self.connect()
                transport.room = room
                transport.read(stream + b"one\ntwo\nrest")
                transport.finish()
                for _ in range(100):
                    transport.turn(1)
                self.assertEqual(
                    transport.sent, b"[00:00] one\n[00:00] two\n[00:00] rest"
                )
                self.assertTrue(transport.isClosed)

    def test_log(self) -> None:
        """The log names the client."""
        observer = self.observe()
        transport = self.connect()
        transport.read(TCP6 + b"one\n")
        transport.finish()
        transport.turn()
        lines = [formatEvent(event) for event in observer]
        self.assertEqual(lines[0], "[2001:db8::1]:4711 connected")
        self.assertIn("[2001:db8::1]:4711 disconnected: 1 message,", lines[1])

    @given(st.lists(st.integers(1, 12), max_size=30))
    def test_cutsDoNotMatter(self, cuts: list[int]) -> None:
        """However header and lines are cut into reads, every line is answered."""
        stream = longer(TCP4, TLVS) + b"one\ntwo\n"
        edges = [0, *(at for at in itertools.accumulate(cuts) if at < len(stream))]
        transport = self.connect()
        transport.read(*(stream[a:b] for a, b in itertools.pairwise(edges)))
        transport.read(stream[edges[-1] :])
        transport.finish()
        transport.turn()
        self.assertEqual(transport.sent, b"[00:00] one\n[00:00] two\n")
        self.assertTrue(transport.isClosed)
        self.assertEqual(self.refusals, [])
