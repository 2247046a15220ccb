"""Tests for L{echostamp.daemon.reflectoroptions}."""

from __future__ import annotations

from ipaddress import ip_network

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.daemon.reflectoroptions import parsePlace
from echostamp.test.daemonoptions import OptionsCase, parsed


class PlaceTests(SynchronousTestCase):
    """
    Addresses and ports to receive at.
    """

    def test_places(self) -> None:
        """A port alone means all addresses; an address alone means STAMP's port."""
        for text, places in [
            ("862", [("0.0.0.0", 862), ("::", 862)]),
            ("0", [("0.0.0.0", 0), ("::", 0)]),
            ("00862", [("0.0.0.0", 862), ("::", 862)]),
            ("192.0.2.1", [("192.0.2.1", 862)]),
            ("192.0.2.1:65535", [("192.0.2.1", 65535)]),
            ("0.0.0.0:5", [("0.0.0.0", 5)]),
            ("2001:db8::1", [("2001:db8::1", 862)]),
            ("[2001:db8::1]", [("2001:db8::1", 862)]),
            ("[2001:db8::1]:5", [("2001:db8::1", 5)]),
            ("[::]:5", [("::", 5)]),
            ("fe80::1%eth0", [("fe80::1%eth0", 862)]),
            ("[fe80::1%eth0]:5", [("fe80::1%eth0", 5)]),
        ]:
            self.assertEqual(parsePlace(text), places)

    def test_wrong(self) -> None:
        """Other texts are refused: names, which are not looked up, multicast addresses,
        and mapped ones."""
        for text in [
            *("", ":", "x", "localhost", "localhost:862", "-1", "1.5", "0x10"),
            *("65536", "9" * 9999, "192.0.2.1:65536", "192.0.2.1:", "192.0.2.1:-1"),
            *("192.0.2", "192.0.2.256", "01.2.3.4", "192.0.2.1:862:1", "192.0.2.1/24"),
            *("[192.0.2.1]:5", "[]:5", "[::1]:", "[::1", "[::1]5", "::1::2"),
            *("192.0.2.1:\u0661", "\u0661", "1\n", "192.0.2.1\n"),
            *("224.0.0.1", "239.1.2.3:862", "255.255.255.255", "ff02::1"),
            *("[ff02::1%eth0]:5", "::ffff:192.0.2.1", "[::ffff:192.0.2.1]:5"),
            *("fe80::1", "[fe80::1]:5"),
        ]:
            self.assertRaises(ValueError, parsePlace, text)

    def test_reasons(self) -> None:
        """The text says what would be right."""
        for text, why in [
            ("x", "not a port, an IP address, or both as ADDR:PORT"),
            ("192.0.2.256", "not a port, an IP address, or both as ADDR:PORT"),
            ("65536", "65536 is not a port from 0 to 65535"),
            ("192.0.2.1:65536", "65536 is not a port from 0 to 65535"),
            ("ff02::1", "ff02::1 is not the address of one machine"),
            ("::ffff:192.0.2.1", "an IPv4 address is written as 192.0.2.1"),
            ("fe80::1", "a link-local address needs its link, as fe80::1%eth0"),
        ]:
            error = self.assertRaises(ValueError, parsePlace, text)
            self.assertEqual(str(error), why)

    @given(st.text() | st.from_regex(r"\A[\[\]0-9a-f.:%]{,40}\Z"))
    def test_any(self, text: str) -> None:
        """Any text is parsed or refused."""
        try:
            places = parsePlace(text)
        except ValueError:
            places = []
        for _, number in places:
            assert 0 <= number <= 65535


class ReflectorOptionsTests(OptionsCase):
    """
    The options of the session-reflector.
    """

    def test_defaults(self) -> None:
        """By default STAMP is not answered."""
        options = parsed()
        self.assertEqual((options.reflectors, options.allowed), ([], []))
        self.assertEqual(options.answerPorts, [])
        self.assertEqual((options.perSource, options.total), (5000, 50_000))

    def test_repeatable(self) -> None:
        """C{--reflector}, C{--allow} and C{--answer-port} are repeatable. The values of
        one command line do not appear in the next."""
        options = parsed(
            *("--reflector", "192.0.2.1", "--reflector=[::1]:5", "--reflector=7"),
            *("--allow", "192.0.2.0/24", "--allow=2001:db8::/32", "--allow=192.0.2.9"),
            *("--answer-port=861", "--answer-port", "1023"),
        )
        self.assertEqual(options.answerPorts, [861, 1023])
        self.assertEqual(
            options.reflectors,
            [("192.0.2.1", 862), ("::1", 5), ("0.0.0.0", 7), ("::", 7)],
        )
        self.assertEqual(
            options.allowed,
            [
                ip_network("192.0.2.0/24"),
                ip_network("2001:db8::/32"),
                ip_network("192.0.2.9/32"),
            ],
        )
        again = parsed()
        self.assertEqual(
            (again.reflectors, again.allowed, again.answerPorts), ([],) * 3
        )

    def test_wrongValues(self) -> None:
        """Each wrong value gets one line, which names the option and the value."""
        for option, values in {
            "reflector": ["", "x", "localhost:862", "70000", "224.0.0.1", "a\nb"],
            "allow": [
                *("", "x", "192.0.2.1/24", "192.0.2.0/33", "a\nb"),
                "::ffff:10.0.0.0/104",
            ],
            "answer-port": [
                *("", "x", "0", "1024", "70000", "-1", "1.5", "\u0661", "9" * 5000)
            ],
            "max-pps": ["", "x", "0", "-1", "1.5", "10000001", "nan", "9" * 5000],
            "max-total-pps": ["", "x", "0", "-1", "1.5", "10000001", "nan"],
            "ptp-timescale": ["", "x", "TAI", "gps"],
        }.items():
            for value in values:
                line = self.refused("--reflector=7", f"--{option}={value}")
                self.assertTrue(line.startswith(f"--{option} {value!r}: "), line)

    def test_whatGoesTogether(self) -> None:
        """The reflector's options need C{--reflector}; C{--stateful} also needs
        C{--allow} or C{--reflector-key}."""
        for option in [
            *("--stateful", "--allow-dscp", "--allow=192.0.2.0/24"),
            *("--reflector-key=keys", "--max-pps=7", "--max-total-pps=8"),
            *("--ptp-timescale=utc", "--answer-port=861"),
        ]:
            line = self.refused(option)
            name = option.partition("=")[0]
            self.assertEqual(line, f"{name} goes with --reflector")
        line = self.refused("--reflector=7", "--stateful")
        self.assertEqual(line, "--stateful goes with --allow or --reflector-key")
        parsed("--reflector=7", "--stateful", "--allow=192.0.2.0/24")
        parsed("--reflector=7", "--stateful", "--reflector-key=keys")

    def test_boundsAreNamed(self) -> None:
        """The line names the bounds."""
        line = self.refused("--reflector=7", "--max-pps=0")
        self.assertTrue(line.endswith("not a whole number from 1 to 10000000"), line)
