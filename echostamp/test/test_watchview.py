"""Tests for L{echostamp.client.watchview}."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.client import keys
from echostamp.client.watchoptions import KEYS as HELP
from echostamp.client.watchrow import ORDERS, Row, TargetState
from echostamp.client.watchview import KEYS, ORDER_KEYS, View
from echostamp.columns import columnsOf
from echostamp.test.watchrows import row

MANY = [row(f"name{number:02}", number, median=1.0) for number in range(30)]


class ViewTests(SynchronousTestCase):
    """
    Tests for what keys do, and what is shown.
    """

    def setUp(self) -> None:
        """Look at a table."""
        self.view = View("60s", False, 60)

    def press(self, *pressed: str) -> None:
        """Press keys."""
        for each in pressed:
            self.view.press(each)

    def names(self, rows: list[Row] = MANY, lines: int = 13) -> list[str]:
        """Give the names on the screen."""
        screen = self.view.screen(rows, [], 80, lines)
        return [line.split()[0] for line in screen[2:-1] if line]

    def test_screen(self) -> None:
        """A screen has a title, headings, rows, the last events, and the keys."""
        screen = self.view.screen(MANY[:3], ["one", "two"], 80, 12)
        self.assertEqual(len(screen), 12)
        self.assertTrue(screen[0].startswith("3 targets; "))
        self.assertTrue(screen[1].startswith("target"))
        self.assertTrue(screen[2].startswith("name00"))
        self.assertEqual(screen[-3:], ["one", "two", KEYS])
        self.assertLessEqual(len(KEYS), 80)

    def test_sort(self) -> None:
        """A key sorts; the same key again reverses the order."""
        rows = [row("b", 0, median=1.0), row("a", 1, median=2.0)]
        self.assertEqual(self.names(rows), ["a", "b"])
        for key, names in [("n", "ab"), ("n", "ba"), ("m", "ab"), ("M", "ba")]:
            self.press(key)
            self.assertEqual(self.names(rows), list(names))
        self.assertIn("by median, reversed", self.view.screen(rows, [], 120, 9)[0])
        self.press("w")
        self.assertNotIn("by ", self.view.screen(rows, [], 120, 9)[0])

    def test_orders(self) -> None:
        """There is a key for each order, and the help and the last line name it."""
        self.assertEqual(set(ORDER_KEYS.values()), set(ORDERS))
        for key, order in ORDER_KEYS.items():
            self.assertEqual(order[0], key)
            self.assertIn(order.capitalize(), KEYS)
            self.assertIn(order, HELP)

    def test_scroll(self) -> None:
        """Keys scroll, and not beyond the ends."""
        self.assertEqual(self.names()[0], "name00")
        self.assertEqual(len(self.names()), 10)
        for key, first in [
            (keys.DOWN, 1),
            ("j", 2),
            ("k", 1),
            (keys.UP, 0),
            (keys.UP, 0),
            (keys.PAGE_DOWN, 10),
            (" ", 20),
            (keys.PAGE_DOWN, 20),
            (keys.PAGE_UP, 10),
            (keys.END, 20),
            (keys.HOME, 0),
            ("G", 20),
            ("g", 0),
        ]:
            self.press(key)
            self.assertEqual(self.names()[0], f"name{first:02}", key)

    def test_find(self) -> None:
        """The text that is typed finds rows; Enter keeps it, Escape leaves it."""
        self.press("/", *"NAME1")
        self.assertEqual(len(self.names(lines=40)), 10)
        self.assertEqual(self.view.screen(MANY, [], 80, 9)[-1], "find: NAME1_")
        self.assertIn("shown: 10", self.view.screen(MANY, [], 120, 9)[0])
        self.press("x", keys.BACKSPACE, keys.ENTER)
        self.press("q")
        self.assertTrue(self.view.isLeft)
        self.assertEqual(len(self.names(lines=40)), 10)
        self.press(keys.ESCAPE)
        self.assertEqual(len(self.names(lines=40)), 30)
        self.press("/", "q", keys.CLEAR, keys.ESCAPE)
        self.assertFalse(self.view.isFinding)

    def test_lettersWhileFinding(self) -> None:
        """While a text is typed, letters are only text."""
        self.press("/", "q", "n")
        self.assertFalse(self.view.isLeft)
        self.assertEqual((self.view.text, self.view.order), ("qn", "worst"))

    def test_bad(self) -> None:
        """A key leaves out the rows that are as they should be, and shows them
        again."""
        rows = [row("a"), row("b", 1, TargetState.DOWN)]
        self.press("b")
        self.assertEqual(self.names(rows), ["b"])
        self.assertIn("shown: bad, 1", self.view.screen(rows, [], 120, 9)[0])
        self.press("b")
        self.assertEqual(self.names(rows), ["b", "a"])

    def test_fewerRows(self) -> None:
        """If there are fewer rows than before, the last ones are shown."""
        self.press(keys.END)
        self.names()
        self.press(keys.END)
        self.assertEqual(self.names()[0], "name20")
        self.assertEqual(self.names(MANY[:12])[0], "name02")

    def test_table(self) -> None:
        """The table that stays has no keys, and says how many rows it leaves out."""
        table = self.view.table(MANY, ["one"], 80, 13)
        self.assertEqual(len(table), 2 + 8 + 1 + 1)
        self.assertEqual(table[-2:], ["... and 22 more", "one"])
        self.assertNotIn(KEYS, table)
        self.assertEqual(len(self.view.table(MANY, [], 80, 100)), 32)

    @given(
        st.lists(st.sampled_from([*"qwnmlob/xyz日 jkgG", "up", "end", "enter"])),
        st.integers(26, 120),
        st.integers(1, 30),
    )
    def test_anySize(self, pressed: list[str], columns: int, lines: int) -> None:
        """Whatever was pressed, a screen fits its terminal."""
        self.view = View("60s", False, 60)
        self.press(*pressed)
        screen = self.view.screen(MANY, ["event " * 30], columns, lines)
        self.assertTrue(1 <= len(screen) <= lines)
        for line in screen:
            self.assertLessEqual(columnsOf(line), columns)
