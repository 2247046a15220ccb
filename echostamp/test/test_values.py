"""Tests for L{echostamp.values}."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis.strategies import integers, sampled_from, text
from twisted.trial.unittest import SynchronousTestCase

from echostamp.times import MILLISECOND, SECOND
from echostamp.values import (
    durationReader,
    numberReader,
    readDscp,
    readPercentage,
    readSeconds,
    readSource,
)

READERS: list[Callable[[str], Any]] = [
    readSeconds,
    durationReader(1, SECOND),
    numberReader(0, 9),
    readDscp,
    readPercentage,
    readSource,
]


class ValueTests(SynchronousTestCase):
    """
    Values are read, or refused in one line.
    """

    def test_right(self) -> None:
        """A right value is turned into what it means."""
        cases: list[tuple[Callable[[str], Any], str, Any]] = [
            (readSeconds, "0.5", 0.5),
            (durationReader(1, SECOND), "5us", 5000),
            (numberReader(0, 9), "9", 9),
            (readDscp, "af41", 34),
            (readPercentage, "2.5%", 2.5),
            (readSource, "[::1]:7", ("::1", 7)),
        ]
        for read, word, value in cases:
            self.assertEqual(read(word), value)

    def test_wrong(self) -> None:
        """A wrong value raises C{ValueError} with a text that quotes the value."""
        for read in READERS:
            error = self.assertRaises(ValueError, read, "wrong")
            self.assertIn("'wrong'", str(error))

    @given(sampled_from(READERS), text())
    def test_anyText(self, read: Callable[[str], Any], text: str) -> None:
        """Any text is a value or raises C{ValueError}, and the error is one line."""
        try:
            read(text)
        except ValueError as error:
            self.assertEqual(len(str(error).splitlines()), 1)

    @given(integers(0, 5000))
    def test_durations(self, ms: int) -> None:
        """A duration is read exactly, and accepted within its bounds only; 0 where it
        is wanted."""
        read = durationReader(10 * MILLISECOND, 2 * SECOND, orNone=True)
        if ms == 0 or 10 <= ms <= 2000:
            self.assertEqual(read(f"{ms}ms"), ms * MILLISECOND)
        else:
            error = self.assertRaises(ValueError, read, f"{ms}ms")
            self.assertIn("is not from 10ms to 2s, or 0", str(error))
