"""Tests for L{echostamp.report.screen}."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.report.screen import COLUMNS, fitted, joined, percent, titled

#: Words that fit below a label.
WORDS = st.lists(st.text("abc-", min_size=1, max_size=40), max_size=30)


class ScreenTests(SynchronousTestCase):
    """
    Tests for lines that fit a terminal.
    """

    @given(WORDS)
    def test_fitted(self, words: list[str]) -> None:
        """No word is lost, no line is too long, and a label stays alone in its
        column."""
        lines = list(fitted(f"{'label':<14}{' '.join(words)}"))
        self.assertEqual(" ".join(lines).split(), ["label", *words])
        for line in lines:
            self.assertLessEqual(len(line.rstrip()), COLUMNS)
        for line in lines[1:]:
            self.assertEqual(line[:14], " " * 14)

    def test_longName(self) -> None:
        """A name that fits only without an indent gets none."""
        for size in 75, 76, 79, 80:
            lines = list(fitted(f"PING {'x' * size}: 32 bytes a message"))
            indent = 0 if size in (76, 79) else 4
            self.assertEqual(lines[1][: indent + 1], " " * indent + "x")

    @given(WORDS)
    def test_joined(self, words: list[str]) -> None:
        """Parts are separated by commas, and no part is broken."""
        lines = list(joined(words))
        self.assertEqual(" ".join(lines), ", ".join(words))
        for line in lines:
            self.assertLessEqual(len(line), COLUMNS)

    def test_titled(self) -> None:
        """A title has the address where it fits, and where it differs."""
        self.assertEqual(titled("far:7", "far:7"), "--- far:7 ---")
        self.assertEqual(titled("far", "192.0.2.1"), "--- far (192.0.2.1) ---")
        self.assertEqual(titled("f" * 70, "192.0.2.1"), f"--- {'f' * 70} ---")
        self.assertEqual(titled("f" * 75, "192.0.2.1"), "f" * 75)

    def test_percent(self) -> None:
        """Only all is 100 %."""
        for share, text in [
            (0, "0 %"),
            (100, "100 %"),
            (100 * 999_999 / 1_000_000, "99.9999 %"),
            (99.99999999, "99.9999 %"),
            (100 / 3, "33.3 %"),
            (1e-4, "0.0001 %"),
        ]:
            self.assertEqual(percent(share), text)
