"""Tests for L{echostamp.daemon.optionvalues}."""

from __future__ import annotations

from typing import Any

from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from echostamp.daemon.optionvalues import number, optionalNumber


class NumberTests(SynchronousTestCase):
    """
    Numbers of the command line.
    """

    def test_bounds(self) -> None:
        """A number outside its bounds is refused; the text names the bounds, without
        exponents."""
        options: Any = {"x": "0"}
        for least, most, text in [
            (0.1, 31_536_000.0, "from 0.1 to 31536000"),
            (0.5, 3600, "from 0.5 to 3600"),
        ]:
            error: object = self.assertRaises(
                UsageError, number, options, "x", float, least, most
            )
            self.assertTrue(str(error).endswith(text), error)

    def test_missing(self) -> None:
        """An option without a text has no number."""
        options: Any = {"x": None, "y": "7"}
        self.assertIsNone(optionalNumber(options, "x", int, 1, 9))
        self.assertEqual(optionalNumber(options, "y", int, 1, 9), 7)
