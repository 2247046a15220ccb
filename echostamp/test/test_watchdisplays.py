"""Tests for L{echostamp.client.watchdisplays} and L{echostamp.client.livedisplay}."""

from __future__ import annotations

import errno
import io
import json
import os
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from echostamp.client import livedisplay, watchdisplays
from echostamp.client.linewriter import LineWriter
from echostamp.client.livedisplay import LiveDisplay
from echostamp.client.watchdisplays import JsonDisplay, TableDisplay
from echostamp.client.watchedrows import Rows
from echostamp.client.watchview import View
from echostamp.test.fakes import osError
from echostamp.test.snapshots import fullPeer, newPeer
from echostamp.times import SECOND


class Full(io.StringIO):
    """
    An output that takes nothing.
    """

    def write(self, text: str) -> int:
        """Fail."""
        raise osError(errno.ENOSPC)


class FakeScreen:
    """
    A terminal in memory.
    """

    def __init__(self) -> None:
        self.screens: list[list[str]] = []
        self.calls: list[str] = []

    def draw(self, lines: list[str]) -> None:
        """Note a screen."""
        self.screens.append(lines)

    def __getattr__(self, name: str) -> Any:
        return lambda: self.calls.append(name)


class DisplayCase(SynchronousTestCase):
    """
    A display with an output.
    """

    def setUp(self) -> None:
        """Prepare an output."""
        self.output = io.StringIO()
        self.ends = 0
        size = os.terminal_size((80, 20))
        for module in watchdisplays, livedisplay:
            self.patch(module, "size", lambda: size)

    def end(self) -> None:
        """Note that the display asks for the end."""
        self.ends += 1

    def lines(self) -> list[str]:
        """Give the lines that were written."""
        return self.output.getvalue().splitlines()


class JsonTests(DisplayCase):
    """
    Tests for lines of JSON.
    """

    def test_lines(self) -> None:
        """Each target has a line for each window, and one at the end."""
        display = JsonDisplay(10 * SECOND, False, self.output, self.end)
        display.begin()
        display.take(fullPeer("a"))
        display.take(newPeer("b"))
        display.taken()
        display.happened("something")
        display.end([fullPeer("a")])
        found = [json.loads(line) for line in self.lines()]
        self.assertEqual(
            [(each["target"], each["last"], each["window"]) for each in found],
            [
                (name, last, 10 * SECOND)
                for name, last in (("a", False), ("b", False), ("a", True))
            ],
        )

    def test_strings(self) -> None:
        """Integers that can exceed 2^53 can be strings."""
        display = JsonDisplay(10 * SECOND, True, self.output, self.end)
        display.take(fullPeer("a"))
        found = json.loads(self.output.getvalue())
        self.assertIsInstance(found["time"], str)
        self.assertIsInstance(found["downs"], int)

    def test_full(self) -> None:
        """An output that cannot be written ends the run once."""
        display = JsonDisplay(10 * SECOND, False, Full(), self.end)
        display.take(fullPeer("a"))
        display.take(fullPeer("b"))
        self.assertEqual((self.ends, display.isClosed), (1, True))


class TableTests(DisplayCase):
    """
    Tests for tables one after the other.
    """

    def test_tables(self) -> None:
        """There is a table after each window and at the end, with the rows of all
        targets that are watched."""
        display = TableDisplay(10 * SECOND, lambda: 0, self.output, False, self.end)
        for number in range(40):
            display.take(newPeer(f"p{number}"))
        display.happened("something")
        display.taken()
        self.assertEqual(len(self.lines()), 2 + 40 + 1 + 1)
        self.assertIn("something", self.lines())
        display.end([fullPeer(f"p{number}") for number in range(30)])
        self.assertEqual(len(self.lines()), 2 * (2 + 40 + 1 + 1) - 10)
        self.assertNotIn("\x1b", self.output.getvalue())


class LiveTests(DisplayCase):
    """
    Tests for the live table.
    """

    def setUp(self) -> None:
        """Replace the terminal."""
        super().setUp()
        self.screen = FakeScreen()
        self.patch(livedisplay, "LiveScreen", self.make)
        self.display = LiveDisplay(
            None,
            Rows(10 * SECOND, lambda: 0),
            View("10s", False, 60),
            LineWriter(self.output, False, self.end),
            self.end,
        )

    def make(self, reactor: Any, pressed: Any, gone: Any) -> FakeScreen:
        """Make the terminal."""
        self.press, self.gone = pressed, gone
        return self.screen

    def test_draws(self) -> None:
        """Each round and each key draws a screen."""
        self.display.begin()
        self.display.take(newPeer("a"))
        self.assertEqual(self.screen.screens, [])
        self.display.happened("something")
        self.display.taken()
        self.press(["/", "x"])
        first, second = self.screen.screens
        self.assertEqual((len(first), first[-2]), (20, "something"))
        self.assertTrue(second[-1].startswith("find: x"))

    def test_fewer(self) -> None:
        """A target that is watched no more is not drawn."""
        self.display.take(newPeer("a"))
        self.display.take(newPeer("b"))
        self.display.taken()
        self.display.take(newPeer("b"))
        self.display.taken()
        self.assertEqual(
            [screen[0].partition(",")[0] for screen in self.screen.screens],
            ["2 targets", "1 target"],
        )

    def test_quit(self) -> None:
        """The key q ends the run, and leaves the last table."""
        self.display.take(newPeer("a"))
        self.press(["q"])
        self.assertEqual(self.ends, 1)
        self.display.end([fullPeer("a")])
        self.assertEqual(self.screen.calls, ["end"])
        self.assertTrue(self.lines()[0].startswith("1 target; "))
        self.assertTrue(self.lines()[2].startswith("a "))

    def test_gone(self) -> None:
        """A terminal that is gone ends the run once, and nothing is written."""
        self.gone()
        self.gone()
        self.assertEqual((self.ends, self.display.isClosed), (1, True))
        self.display.end([fullPeer("a")])
        self.assertEqual(self.lines(), [])

    def test_resume(self) -> None:
        """After a stop the screen is drawn at once."""
        self.display.suspend()
        self.display.resume()
        self.assertEqual(self.screen.calls, ["suspend", "resume"])
        self.assertEqual(len(self.screen.screens), 1)
