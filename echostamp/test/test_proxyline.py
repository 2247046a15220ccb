"""Tests for L{echostamp.listen.proxyline}."""

from __future__ import annotations

import ipaddress
import itertools

from twisted.trial.unittest import SynchronousTestCase

from echostamp.listen.proxyline import INCOMPLETE, MAX_LINE, Header, lineHeader
from echostamp.test.proxyheaders import BAD, GOOD, SIGNATURE, octetByOctet, parse


class LineHeaderTests(SynchronousTestCase):
    """
    Headers of version 1.
    """

    def test_headers(self) -> None:
        """A complete header gives its source and its length, whatever follows it."""
        for stream, header in GOOD:
            if not stream.startswith(SIGNATURE[:1]):
                for rest in b"", b"\r\n":
                    result = lineHeader(stream + rest)
                    self.assertEqual(result, (header, len(stream)), stream)
                self.assertIs(lineHeader(stream[:-1]), INCOMPLETE)

    def test_wrongHeaders(self) -> None:
        """A wrong header is refused at its first wrong octet."""
        for stream, reason in BAD:
            if not stream.startswith(SIGNATURE[:1]):
                self.assertIs(lineHeader(stream[:-1]), INCOMPLETE, stream)
                error = self.assertRaises(ValueError, lineHeader, stream)
                self.assertEqual(str(error), reason, stream)

    def test_prefixesOfAddressesAreNeverRefused(self) -> None:
        """Every form of an IPv6 address can be read octet by octet."""
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
