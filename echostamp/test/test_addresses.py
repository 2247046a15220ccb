"""Tests for L{echostamp.addresses}."""

from __future__ import annotations

import socket
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.addresses import (
    addressName,
    aLabels,
    checkLink,
    checkOwn,
    hostKey,
    hostKeyName,
    isIPv6,
    parseHostPort,
    peerName,
    socketName,
    unmapped,
    unmappedText,
)


class ParseHostPortTests(SynchronousTestCase):
    """
    Hosts and ports are read.
    """

    def test_forms(self) -> None:
        """A port is optional; an IPv6 address needs brackets before a port."""
        for text, pair in [
            ("far", ("far", 9)),
            ("far:7", ("far", 7)),
            ("192.0.2.1:65535", ("192.0.2.1", 65535)),
            ("::1", ("::1", 9)),
            ("[::1]", ("::1", 9)),
            ("[::1]:7", ("::1", 7)),
            ("fe80::1%eth0", ("fe80::1%eth0", 9)),
            ("[fe80::1%eth0]:1", ("fe80::1%eth0", 1)),
        ]:
            self.assertEqual(parseHostPort(text, 9), pair, text)

    def test_otherForms(self) -> None:
        """Text of any other form is left to another reader."""
        for text in "far:http", "far:80:90", "[::1]x", "unix:/s", "::1:x", "far:\u0667":
            self.assertIsNone(parseHostPort(text, 9), text)

    def test_wrong(self) -> None:
        """A wrong host or port is refused, and the text says why."""
        for text, why in [
            ("", "no host"),
            (":7", "no host"),
            ("[]:7", "no host"),
            ("far:", "no port behind the colon"),
            ("[far]:7", "'far' is not an IPv6 address"),
            ("[192.0.2.1]:7", "'192.0.2.1' is not an IPv6 address"),
            ("[::1]:", "no port behind the colon"),
            ("[::1]:abc", "port 'abc' is no number"),
            ("192.0.2.1:abc", "port 'abc' is no number"),
            ("far:0", "0 is not a port from 1 to 65535"),
            ("far:65536", "65536 is not a port from 1 to 65535"),
        ]:
            error = self.assertRaises(ValueError, parseHostPort, text, 9)
            self.assertEqual(str(error), why)

    def test_smallestPort(self) -> None:
        """The caller may allow port 0."""
        self.assertEqual(parseHostPort("far:0", 9, least=0), ("far", 0))

    @given(st.ip_addresses(), st.integers(1, 65535))
    def test_thereAndBack(self, address: object, port: int) -> None:
        """What L{addressName} writes is read back."""
        host = str(address)
        self.assertEqual(parseHostPort(addressName(host, port), 9), (host, port))

    @given(st.text())
    def test_anyText(self, text: str) -> None:
        """Any text is read, left, or refused."""
        try:
            pair = parseHostPort(text, 9)
        except ValueError:
            return
        if pair is not None:
            self.assertTrue(pair[0] and 1 <= pair[1] <= 65535)


class AddressTests(SynchronousTestCase):
    """
    Addresses are recognised, and unmapped.
    """

    def test_isIPv6(self) -> None:
        """An IPv6 address may name its link."""
        for text in "::", "2001:db8::1", "fe80::1%eth0", "::ffff:192.0.2.1":
            self.assertTrue(isIPv6(text), text)
        for text in "", "far", "192.0.2.1", ":::", "[::1]", "1::2::3", "%eth0":
            self.assertFalse(isIPv6(text), text)

    def test_unmapped(self) -> None:
        """Only an IPv4-mapped address changes."""
        for text, address in [
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("192.0.2.1", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::1"),
        ]:
            self.assertEqual(unmappedText(text), address)
            self.assertEqual(unmapped(ip_address(text)), ip_address(address))
        self.assertIsInstance(unmapped(ip_address("::ffff:0:1")), IPv4Address)


class LabelTests(SynchronousTestCase):
    """
    Host names outside ASCII.
    """

    def test_aLabels(self) -> None:
        """A name is written by IDNA 2008, in which a sharp s is no ss; what is ASCII
        stays as it is."""
        for host, labels in [
            ("straße.example", "xn--strae-oqa.example"),
            ("BU\u0308CHER.example", "xn--bcher-kva.example"),
            ("Far_Host.example", "Far_Host.example"),
            ("192.0.2.1", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ]:
            self.assertEqual(aLabels(host), labels)

    def test_wrong(self) -> None:
        """What cannot be a host name is an error that shows it."""
        for host in "\u2026.example", "\u2603", "ä" * 99, "a..ä":
            error = self.assertRaises(ValueError, aLabels, host)
            self.assertEqual(str(error), f"{host!r} is not a host name")


class LinkTests(SynchronousTestCase):
    """
    The links of addresses that are valid on one link only.
    """

    def setUp(self) -> None:
        """Have one link."""
        links = {"eth0": 7}
        names = {number: name for name, number in links.items()}

        def found(table: dict[Any, Any]) -> Callable[[Any], Any]:
            def find(key: Any) -> Any:
                if key not in table:
                    raise OSError
                return table[key]

            return find

        self.patch(socket, "if_nametoindex", found(links))
        self.patch(socket, "if_indextoname", found(names))

    def test_checkLink(self) -> None:
        """A link-local address needs a link that is there."""
        for host in (
            *("fe80::1%eth0", "fe80::1%7", "2001:db8::1", "::1"),
            *("ff02::1%eth0", "ff05::2", "ff0e::1"),
        ):
            checkLink(host)
        for host, why in [
            ("fe80::1", "a link-local address needs its link, as fe80::1%eth0"),
            ("fe80::1%", "a link-local address needs its link, as fe80::1%eth0"),
            ("ff02::1", "a link-local address needs its link, as ff02::1%eth0"),
            ("ff11::1", "a link-local address needs its link, as ff11::1%eth0"),
            ("fe80::1%nope", "there is no link 'nope'"),
            ("::1%", "there is no link ''"),
            ("fe80::1%8", "there is no link '8'"),
        ]:
            error = self.assertRaises(ValueError, checkLink, host)
            self.assertEqual(str(error), why)

    def test_checkOwn(self) -> None:
        """An address to listen on is that of one machine, and names its link."""
        for host in "127.0.0.1", "0.0.0.0", "169.254.1.1", "::", "fe80::1%eth9":
            checkOwn(host)
        noMachine = "is not the address of one machine"
        for host, why in [
            *((each, noMachine) for each in ("224.0.0.1", "255.255.255.255")),
            *((each, noMachine) for each in ("ff02::1", "ff02::1%eth0")),
            ("fe80::1", "a link-local address needs its link, as fe80::1%eth0"),
        ]:
            self.assertIn(why, str(self.assertRaises(ValueError, checkOwn, host)))

    def test_names(self) -> None:
        """The link of an address is written; its number where it has gone."""
        for address, name in [
            (("192.0.2.1", 9), "192.0.2.1:9"),
            (("2001:db8::1", 9, 0, 0), "[2001:db8::1]:9"),
            (("fe80::1", 9, 0, 7), "[fe80::1%eth0]:9"),
            (("fe80::1%eth0", 9, 0, 7), "[fe80::1%eth0]:9"),
            (("fe80::1", 9, 0, 8), "[fe80::1%8]:9"),
        ]:
            self.assertEqual(socketName(address), name)
            host, port, *rest = address
            scope = rest[-1] if rest else 0
            peer = SimpleNamespace(host=host, port=port, scopeID=scope)
            self.assertEqual(peerName(peer), name)


class HostKeyTests(SynchronousTestCase):
    """
    What counts as one host.
    """

    def test_hosts(self) -> None:
        """A host is an IPv4 address, mapped or not, or an IPv6 /64 network."""
        for host, name in [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("::ffff:c000:201", "192.0.2.1"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2::", "2001:db8:1:2::/64"),
            ("fe80::1%eth0", "fe80::/64"),
            ("::1", "::/64"),
        ]:
            self.assertEqual(hostKeyName(hostKey(host)), name)

    @given(st.ip_addresses(v=6), st.ip_addresses(v=6))
    def test_networks(self, one: IPv6Address, other: IPv6Address) -> None:
        """Two IPv6 addresses have one key where they have one /64."""
        if one.ipv4_mapped is None and other.ipv4_mapped is None:
            isOne = one.packed[:8] == other.packed[:8]
            self.assertEqual(hostKey(str(one)) == hostKey(str(other)), isOne)
        self.assertEqual(
            hostKeyName(hostKey(str(IPv6Address(one.packed[:8] + b"\1" * 8)))),
            f"{IPv6Address(one.packed[:8] + bytes(8))}/64",
        )
