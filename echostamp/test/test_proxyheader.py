"""Tests for L{echostamp.listen.proxyheader}."""

from __future__ import annotations

import ipaddress
import itertools

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.listen.proxyline import Header
from echostamp.test.proxyheaders import (
    BAD,
    GOOD,
    NO_DESTINATION4,
    SIGNATURE,
    TCP4,
    TCP6,
    octetByOctet,
    parse,
)


class HeaderParserTests(SynchronousTestCase):
    """
    Headers are found at the beginning of a stream.
    """

    def test_headersAreUnderstood(self) -> None:
        """Each kind of header gives its source; what follows it is returned."""
        for stream, header in GOOD:
            for rest in b"", b"hello\r\n", SIGNATURE:
                self.assertEqual(parse([stream + rest]), (header, rest), stream)

    def test_noHeaderIsCompleteBeforeItsLastOctet(self) -> None:
        """A header may arrive octet by octet; it is complete with the last one."""
        for stream, header in GOOD:
            self.assertEqual(parse(octetByOctet(stream[:-1])), (None, b""), stream)
            self.assertEqual(parse(octetByOctet(stream)), (header, b""), stream)

    def test_badHeadersAreRefusedAsSoonAsTheyCanBe(self) -> None:
        """A stream is refused at the first octet that makes a header impossible, not
        before."""
        for stream, reason in BAD:
            self.assertEqual(parse([stream[:-1]]), (None, b""), stream)
            self.assertEqual(parse([stream]), reason, stream)

    def test_refusalDoesNotDependOnWhatFollows(self) -> None:
        """The reason is that of the first wrong octet."""
        for stream, reason in BAD:
            for rest in b"\r\n", b" 1\r\n", b"x" * 200, bytes(5000):
                self.assertEqual(parse([stream + rest]), reason, stream)
                self.assertEqual(parse(octetByOctet(stream + rest)), reason, stream)

    def test_nothingHasComeYet(self) -> None:
        """No octets are an incomplete header."""
        self.assertEqual(parse([b""]), (None, b""))

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
        """Any octets give a header, an incomplete one, or a C{ValueError} with a known
        text; the result is the same octet by octet."""
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
    def test_versionsAgree(
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
