"""Tests for L{echostamp.client.arguments}."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from echostamp.client.arguments import (
    duration,
    memberName,
    percentage,
    seconds,
    sourceAddress,
    wholeNumber,
    zone,
)


class ReaderTests(SynchronousTestCase):
    """
    Values of options are read.
    """

    def test_right(self) -> None:
        """A right value is turned into a number, an address or a name."""
        cases: list[tuple[Callable[[str], Any], str, Any]] = [
            (seconds, "0.5", 0.5),
            (seconds, "86400", 86400.0),
            (duration(1000, 5000), "5us", 5000),
            (duration(1000, 5000, orNone=True), "0", 0),
            (wholeNumber(1, 9), "9", 9),
            (percentage, "2.5", 2.5),
            (percentage, "100%", 100.0),
            (memberName, "ann-2", "ann-2"),
            (zone, "-00:30", -1_800_000_000_000),
            (sourceAddress, "192.0.2.1", ("192.0.2.1", 0)),
            (sourceAddress, "192.0.2.1:7", ("192.0.2.1", 7)),
            (sourceAddress, "::1", ("::1", 0)),
            (sourceAddress, "[fe80::1%lo]:65535", ("fe80::1%lo", 65535)),
        ]
        for read, text, value in cases:
            self.assertEqual(read(text), value, text)

    def test_wrong(self) -> None:
        """A wrong value is refused, and the text says why."""
        cases: list[tuple[Callable[[str], Any], str, str]] = [
            (seconds, "0", "'0' is not a number of seconds above 0, at most 86400"),
            (duration(1000, 5000), "6us", "'6us' is not from 1.000 µs to 5.000 µs"),
            (duration(1000, 5000), "x", "'x' is not a duration such as 1, 0.5, 200ms"),
            (duration(0, 5000, orNone=True), "6us", "to 5.000 µs, or 0"),
            (wholeNumber(1, 9), "10", "'10' is not a whole number from 1 to 9"),
            (wholeNumber(1, 9), "9" * 5000, "is not a whole number from 1 to 9"),
            (percentage, "nan", "'nan' is not a percentage"),
            (memberName, "a b", "'a b' is not a name: 1 to 32 letters"),
            (zone, "Nowhere", "'Nowhere' is not a zone such as UTC"),
            (sourceAddress, "far", "'far' is not an IP address"),
            (sourceAddress, "far:x", "'far:x' is not an IP address"),
            (sourceAddress, "::1:65536x", "is not an IP address"),
            (sourceAddress, "fe80::1", "a link-local address needs its link"),
            (sourceAddress, "fe80::1%nosuchlink", "there is no link 'nosuchlink'"),
            (sourceAddress, "[::1]:65536", "65536 is not a port from 0 to 65535"),
        ]
        for read, text, why in cases:
            error = self.assertRaises(ArgumentTypeError, read, text)
            self.assertIn(why, str(error))
