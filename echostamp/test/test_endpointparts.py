"""Tests for L{echostamp.endpointparts}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from echostamp.endpointparts import parseDescription, partsOf, portNumber


class ParseTests(SynchronousTestCase):
    """
    A description is split into its parts.
    """

    def test_parts(self) -> None:
        """Parts have a name or none; a backslash takes a character as it is."""
        for text, expected in [
            ("", ("", [], {})),
            ("tcp", ("tcp", [], {})),
            ("tcp:", ("tcp", [""], {})),
            (r"tcp:80:interface=\:\:1", ("tcp", ["80"], {"interface": "::1"})),
            (r"unix:a\:b:mode=6=6", ("unix", ["a:b"], {"mode": "6=6"})),
            (r"unix:a\=b:a\=b=c", ("unix", ["a=b"], {"a=b": "c"})),
            (r"unix:a\\:b\\=c", ("unix", ["a\\"], {"b\\": "c"})),
        ]:
            self.assertEqual(tuple(parseDescription(text)), expected)

    def test_twice(self) -> None:
        """A name is given once."""
        error = self.assertRaises(ValueError, parseDescription, "tcp:port=1:port=2")
        self.assertEqual(str(error), "port= is given twice")

    def test_lastBackslash(self) -> None:
        """A backslash has a character behind it."""
        for text in "tcp:80\\", "tcp\\", "\\", "tcp:a\\\\\\":
            error = self.assertRaises(ValueError, parseDescription, text)
            self.assertEqual(str(error), "nothing follows its last backslash")
        self.assertEqual(parseDescription("tcp:a\\\\").words, ["a\\"])

    def test_partsOf(self) -> None:
        """Parts without a name have the names of their places."""
        for text, expected in [
            ("tcp:far:7", {"host": "far", "port": "7"}),
            ("tcp:port=7:far", {"host": "far", "port": "7"}),
            ("tcp", {}),
        ]:
            found = partsOf(parseDescription(text), ("host", "port"))
            self.assertEqual(found, expected)
        for text, why in [
            ("tcp:far:host=near", "host= is given twice"),
            ("tcp:1:2:3", "one part too many: '3'"),
            ("tcp:nonsense=1", "unknown parameter 'nonsense'"),
        ]:
            description = parseDescription(text)
            error = self.assertRaises(
                ValueError, partsOf, description, ("host", "port")
            )
            self.assertEqual(str(error), why)

    def test_portNumber(self) -> None:
        """A port is a number from 0, or from 1, to 65535; one of thousands of digits is
        none."""
        self.assertEqual((portNumber("0"), portNumber("65535", 1)), (0, 65535))
        for text in "1" * 5000, "\u0661", "65536", "x", "":
            self.assertRaises(ValueError, portNumber, text)
        error = self.assertRaises(ValueError, portNumber, "0", 1)
        self.assertEqual(str(error), "'0' is not a port from 1 to 65535")
