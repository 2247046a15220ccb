"""Tests for L{echostamp.listen.proxy}."""

from __future__ import annotations

import ipaddress
import itertools
from typing import Any

from hypothesis import example, given
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

from echostamp.line.protocol import TimestampEchoFactory
from echostamp.line.sending import DirectReplySender
from echostamp.line.settings import EchoSettings
from echostamp.listen.proxy import TIMEOUT, ProxyFactory, ProxyReceiver
from echostamp.listen.proxyheader import MAX_BINARY, MAX_LINE, Header, HeaderParser
from echostamp.stamps import stampFormat
from echostamp.test.fakes import FakeReactor, FakeSocketConnection, lost
from echostamp.test.proxyheaders import (
    GOOD,
    LOCAL,
    MAPPED,
    SIGNATURE,
    TCP4,
    TCP6,
    TLVS,
    UNIX,
    longer,
    shorter,
)

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

#: Beginnings of which the last octet is the first with which they cannot become a
#: header, and what is said of them.
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


def parse(pieces: list[bytes]) -> tuple[Header | None, bytes] | str:
    """
    Read a stream piece by piece, to its end: what is behind the header comes with it.

    @return: what is found, or why nothing is.
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


def octetByOctet(stream: bytes) -> list[bytes]:
    """
    Cut a stream into single octets.
    """
    return [stream[at : at + 1] for at in range(len(stream))]


class HeaderParserTests(SynchronousTestCase):
    """
    What a header says.
    """

    def test_headersAreUnderstood(self) -> None:
        """Each kind of header gives its source, and what is behind it is left."""
        for stream, header in GOOD:
            for rest in b"", b"hello\r\n", SIGNATURE:
                self.assertEqual(parse([stream + rest]), (header, rest), stream)

    def test_noHeaderIsCompleteBeforeItsLastOctet(self) -> None:
        """A header may come octet by octet, and is there with the last one."""
        for stream, header in GOOD:
            self.assertEqual(parse(octetByOctet(stream[:-1])), (None, b""), stream)
            self.assertEqual(parse(octetByOctet(stream)), (header, b""), stream)

    def test_badHeadersAreRefusedAsSoonAsTheyCanBe(self) -> None:
        """What cannot become a header any more is refused, and no sooner."""
        for stream, reason in BAD:
            self.assertEqual(parse([stream[:-1]]), (None, b""), stream)
            self.assertEqual(parse([stream]), reason, stream)

    def test_refusalDoesNotDependOnWhatFollows(self) -> None:
        """The reason is that of the first octet which is wrong."""
        for stream, reason in BAD:
            for rest in b"\r\n", b" 1\r\n", b"x" * 200, bytes(5000):
                self.assertEqual(parse([stream + rest]), reason, stream)
                self.assertEqual(parse(octetByOctet(stream + rest)), reason, stream)

    def test_nothingHasComeYet(self) -> None:
        """No octets are the beginning of a header."""
        self.assertEqual(parse([b""]), (None, b""))

    def test_prefixesOfAddressesAreNeverRefused(self) -> None:
        """Every way to write an IPv6 address can be read octet by octet."""
        for before, after in itertools.product(range(8), range(8)):
            if before + after > 7:
                continue
            groups = [*itertools.islice(itertools.cycle(["0", "ffff", "a1"]), 7)]
            left, right = groups[:before], groups[:after]
            addresses = [":".join(left) + "::" + ":".join(right)]
            if after >= 2:
                addresses.append(
                    ":".join(left) + "::" + ":".join([*right[2:], "1.20.255.0"])
                )
            for address in addresses:
                line = f"PROXY TCP6 {address} {address} 1 2\r\n".encode()
                if len(line) > MAX_LINE:
                    continue
                source = ipaddress.IPv6Address(address)
                host = str(source.ipv4_mapped or source)
                expected = (Header(host, 1), b"")
                self.assertEqual(parse(octetByOctet(line)), expected, address)

    @given(st.data())
    def test_cutsDoNotMatter(self, data: st.DataObject) -> None:
        """However a stream is cut into reads, the result is the same."""
        stream, header = data.draw(st.sampled_from(GOOD))
        rest = data.draw(st.binary(max_size=20))
        cuts = data.draw(st.lists(st.integers(0, len(stream) + len(rest)), max_size=8))
        edges = [0, *sorted(cuts), len(stream) + len(rest)]
        pieces = [(stream + rest)[a:b] for a, b in itertools.pairwise(edges)]
        self.assertEqual(parse(pieces), (header, rest))

    @given(
        st.one_of(
            st.binary(max_size=300),
            st.builds(
                bytes.__add__,
                st.sampled_from(
                    [stream[:n] for stream, _ in GOOD for n in (6, 11, 13)]
                ),
                st.binary(max_size=60),
            ),
            st.builds(
                lambda stream, at, octet: stream[:at] + octet + stream[at + 1 :],
                st.sampled_from([stream for stream, _ in GOOD]),
                st.integers(0, 60),
                st.binary(max_size=2),
            ),
            st.lists(
                st.sampled_from(
                    [
                        *(b"PROXY", b"TCP4", b"TCP6", b"UNKNOWN", b" ", b"\r\n", b"\r"),
                        *(b"1.2.3.4", b"::1", b"80", b":", b".", b"0", b"%", b"\xb2"),
                    ]
                )
            ).map(b"".join),
        )
    )
    @example(SIGNATURE + b"\x21\x11\x0f\xf1")
    def test_anyOctets(self, stream: bytes) -> None:
        """Whatever comes, it is a header, part of one or a C{ValueError} that says
        why in words of its own; in one read as octet by octet."""
        found = parse([stream])
        self.assertEqual(parse(octetByOctet(stream)), found)
        if isinstance(found, str):
            reasons = {reason for _, reason in BAD}
            reasons |= {NO_DESTINATION4.replace("v4", "v6")}
            self.assertIn(found, reasons)
        elif found[0] is not None and found[0].host is not None:
            ipaddress.ip_address(found[0].host)
            self.assertLessEqual(found[0].port, 65535)

    @given(st.ip_addresses(v=4), st.ip_addresses(v=4), st.integers(0, 65535))
    def test_version1AndVersion2AreOfOneMind(
        self,
        source: ipaddress.IPv4Address,
        destination: ipaddress.IPv4Address,
        port: int,
    ) -> None:
        """The same connection gives the same header in both versions."""
        line = f"PROXY TCP4 {source} {destination} {port} 1\r\n".encode()
        packed = source.packed + destination.packed + port.to_bytes(2, "big") + b"\0\1"
        expected = (Header(str(source), port), b"")
        self.assertEqual(parse([line]), expected)
        self.assertEqual(parse([TCP4[:16] + packed]), expected)

    @given(st.ip_addresses(v=6), st.integers(0, 65535))
    def test_sourcesOfIPv6(self, source: ipaddress.IPv6Address, port: int) -> None:
        """An IPv6 source is given in its shortest form, in both versions."""
        expected = (Header(str(source.ipv4_mapped or source), port), b"")
        for text in str(source), source.exploded, source.exploded.upper():
            line = f"PROXY TCP6 {text} ::1 {port} 1\r\n".encode()
            self.assertEqual(parse([line]), expected)
        packed = source.packed * 2 + port.to_bytes(2, "big") + b"\0\1"
        self.assertEqual(parse([TCP6[:16] + packed]), expected)


class Recorder(Protocol):
    """
    A protocol that keeps what it is told.
    """

    closesAtOnce = False

    def connectionMade(self) -> None:
        """Begin."""
        self.events: list[object] = ["made"]
        if self.closesAtOnce:
            assert self.transport is not None
            self.transport.loseConnection()

    def dataReceived(self, data: bytes) -> None:
        """Note what came."""
        self.events.append(data)

    def connectionLost(self, reason: Any = None) -> None:
        """Note the end."""
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
        """Make one, unless it is to refuse."""
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
    A bare socket whose far end has an address.
    """

    def __init__(self, reactor: FakeReactor, peer: object) -> None:
        super().__init__(reactor)
        self._peer = peer

    def getPeer(self) -> object:
        """Give the far end's address."""
        return self._peer

    def read(self, *pieces: bytes) -> None:
        """Let the kernel give octets, each piece in a read of its own."""
        for piece in pieces:
            # As tcp.Connection.doRead does.
            self._dataReceived(piece)

    def finish(self) -> None:
        """Let the reactor find the peer's FIN."""
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
        """Let somebody connect."""
        transport = Socket(self.reactor, peer)
        self.receiver = self.factory.buildProtocol(None)
        self.assertIsInstance(self.receiver, ProxyReceiver)
        transport.protocol = self.receiver
        self.receiver.makeConnection(transport)
        return transport

    def observe(self) -> EventLoggingObserver:
        """Listen to the log."""
        observer = EventLoggingObserver()
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        return observer

    def assertRefused(self, transport: Socket, *reasons: str) -> None:
        """The connection is cut, nothing is left of it, and it was said once why."""
        self.reactor.advance(0)
        self.assertTrue(transport.isClosed)
        self.assertEqual([reason for _, reason in self.refusals], list(reasons))
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.assertEqual(self.inner.made, [])


class RefusalTests(ProxyCase):
    """
    Who is not let in.
    """

    def test_malformed(self) -> None:
        """A malformed header cuts the connection at the octet that is wrong."""
        for stream, reason in BAD:
            self.refusals.clear()
            transport = self.connect()
            transport.read(*octetByOctet(stream))
            self.assertRefused(transport, reason)
            self.assertEqual(self.refusals[0][0], "10.1.2.3:4444")

    def test_moreFromWhoWasRefused(self) -> None:
        """What comes after a refusal is thrown away."""
        transport = self.connect()
        transport.read(b"GET", b" / HTTP/1.1\r\n")
        self.assertRefused(transport, NO_HEADER)

    def test_timeout(self) -> None:
        """The time limit is for the whole header, however it drips in."""
        transport = self.connect()
        for octet in octetByOctet(b"PROXY"):
            self.reactor.advance(TIMEOUT / 5 - 0.001)
            transport.read(octet)
        self.assertEqual(self.refusals, [])
        self.reactor.advance(0.005)
        self.assertRefused(transport, "no whole PROXY header within 5 s")

    def test_timeoutOfASilentPeer(self) -> None:
        """Who sends nothing is cut at the limit too."""
        self.factory = self.proxy(self.inner, timeout=0.25)
        transport = self.connect()
        self.reactor.advance(0.24)
        self.assertFalse(transport.isClosed)
        self.reactor.advance(0.01)
        self.assertRefused(transport, "no whole PROXY header within 0.25 s")

    def test_endWithinTheHeader(self) -> None:
        """A FIN or a reset within the header gets a line, and no timer is left."""
        for end in Socket.finish, lost:
            self.refusals.clear()
            transport = self.connect()
            transport.read(b"PROXY TCP4 1")
            end(transport)
            self.assertRefused(
                transport, "the connection ended within its PROXY header"
            )

    def test_endBeforeTheHeader(self) -> None:
        """A health check that only connects gets no line, and no timer is left."""
        for end in Socket.finish, lost:
            transport = self.connect()
            end(transport)
            self.assertRefused(transport)

    def test_untrusted(self) -> None:
        """A header is believed only from the proxies' networks."""
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
        """The proxies' networks are trusted, and who may connect to a UNIX socket."""
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
        """By default a refusal is one line, which holds nothing of the header."""
        observer = self.observe()
        self.factory = ProxyFactory(
            self.reactor, self.inner, [ipaddress.ip_network("10.0.0.0/8")]
        )
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
    What happens behind a header.
    """

    def test_clientsAddress(self) -> None:
        """The client's address is the connection's, for all who ask."""
        unix = UNIXAddress(None)
        for stream, peer, address in [
            (GOOD[0][0], PROXY4, IPv4Address("TCP", "192.0.2.1", 4711)),
            (TCP4, PROXY4, IPv4Address("TCP", "192.0.2.1", 4711)),
            (TCP4, unix, IPv4Address("TCP", "192.0.2.1", 4711)),
            (TCP6, PROXY4, IPv6Address("TCP", "2001:db8::1", 4711)),
            (MAPPED, PROXY4, IPv4Address("TCP", "192.0.2.1", 4711)),
            (LOCAL, PROXY4, PROXY4),
            (LOCAL, unix, unix),
            (UNIX, PROXY4, PROXY4),
            (b"PROXY UNKNOWN\r\n", PROXY4, PROXY4),
        ]:
            transport = self.connect(peer)
            transport.read(stream)
            self.assertEqual(self.inner.addresses.pop(), address)
            self.assertEqual(transport.getPeer(), address)
            self.assertIs(transport.protocol, self.inner.made[-1])
            self.assertIs(self.inner.made[-1].transport, transport)
            self.assertEqual(self.inner.made[-1].events, ["made"])

    def test_restOfTheRead(self) -> None:
        """What came behind the header in one read is the first that is received."""
        transport = self.connect()
        transport.read(TCP4[:7], TCP4[7:] + b"one\n", b"two\n")
        self.assertEqual(self.inner.made[0].events, ["made", b"one\n", b"two\n"])

    def test_wrappersSeeTheHeaderGone(self) -> None:
        """A factory that wraps its protocols, as TLS does, may stand behind: the
        first octets that it gets are those behind the header."""
        self.factory = self.proxy(WrappingFactory(self.inner))
        transport = self.connect()
        transport.read(TCP6[:20], TCP6[20:] + b"one\n", b"two\n")
        recorder = self.inner.made[0]
        self.assertEqual(recorder.events, ["made", b"one\n", b"two\n"])
        wrapper: Any = recorder.transport
        self.assertIs(transport.protocol, wrapper)
        client = IPv6Address("TCP", "2001:db8::1", 4711)
        self.assertEqual(wrapper.getPeer(), client)
        self.assertEqual(self.inner.addresses, [client])
        lost(transport)
        self.assertEqual(recorder.events[-1], "lost")

    def test_noTimerIsLeft(self) -> None:
        """Behind the header no time limit runs."""
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
        """Where the factory makes no protocol, the connection is cut, and said why
        by who did not want it."""
        self.inner.refuses = True
        transport = self.connect()
        transport.read(TCP4 + b"one\n")
        self.assertRefused(transport)
        self.assertEqual(self.inner.addresses, [IPv4Address("TCP", "192.0.2.1", 4711)])

    def test_endIsToldOnBothSides(self) -> None:
        """Who counts the connections of this factory hears of their end, once, after
        the protocol behind."""
        for hasHeader in True, False:
            transport = self.connect()
            events: list[object] = []
            connectionLost = self.receiver.connectionLost

            def counted(
                *reason: Any, own: Any = connectionLost, events: Any = events
            ) -> None:
                inner = [recorder.events for recorder in self.inner.made]
                events.append(inner)
                own(*reason)

            self.receiver.connectionLost = counted
            if hasHeader:
                transport.read(TCP4)
            lost(transport)
            self.assertEqual(events, [[["made", "lost"]]] if hasHeader else [[]])
            self.inner.made.clear()
            self.assertEqual(self.refusals, [])

    def test_endIsToldThoughTheProtocolBehindFails(self) -> None:
        """The count stays right when the protocol behind raises."""
        transport = self.connect()
        transport.read(TCP4)
        ends: list[object] = []
        self.receiver.connectionLost = ends.append
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
    The echo behind a header is as fast and as true as without.
    """

    def setUp(self) -> None:
        """Put an echo behind."""
        super().setUp()
        self.factory = self.proxy(
            TimestampEchoFactory(
                self.reactor,
                EchoSettings(stampFormat("%M:%S", utc=True)),
                clock=lambda: 0,
            )
        )

    def test_repliesGoTheDirectWay(self) -> None:
        """A line's reply is in the kernel before the read is over."""
        transport = self.connect()
        transport.read(TCP4 + b"one\n")
        self.assertEqual(transport.sent, b"[00:00] one\n")
        transport.read(b"two\n")
        self.assertEqual(transport.sent, b"[00:00] one\n[00:00] two\n")
        self.assertIsInstance(transport.protocol._sender, DirectReplySender)
        self.assertTrue(IHalfCloseableProtocol.providedBy(transport.protocol))

    def test_halfClose(self) -> None:
        """Header, lines and FIN in one segment: every line is answered, then comes
        FIN; also where the kernel takes the replies one octet at a time."""
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
        self.assertIn("[2001:db8::1]:4711 disconnected: 1 messages", lines[1])

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
