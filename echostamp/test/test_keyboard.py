"""Tests for L{echostamp.talk.keyboard}."""

from __future__ import annotations

import os
import pty
import termios

from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.keys import Keys
from twisted.trial.unittest import SynchronousTestCase

from echostamp.talk.keyboard import Keyboard

#: A pasted text, and what begins and ends it.
PASTE = "\x1b[200~one\rtwo\x1b[201~"


class KeyboardTests(SynchronousTestCase):
    """
    A keyboard at a terminal.
    """

    def setUp(self) -> None:
        """Open a terminal that sends nothing by itself."""
        self.master, slave = pty.openpty()
        self.addCleanup(os.close, self.master)
        self.stdin = os.fdopen(slave, encoding="utf-8")
        self.addCleanup(self.stdin.close)
        self.before = termios.tcgetattr(slave)
        self.keyboard = Keyboard(self.stdin)

    def type(self, *pieces: str, isFlushed: bool = True) -> list[tuple[str, str]]:
        """
        Type something.

        @param pieces: each is read alone.
        @param isFlushed: whether half a second passes afterwards.
        @return: the keys and the text of each.
        """
        found = []
        with self.keyboard.raw_mode():
            for piece in pieces:
                os.write(self.master, piece.encode())
                found += self.keyboard.read_keys()
            if isFlushed:
                found += self.keyboard.flush_keys()
        return [(str(each.key), each.data) for each in found]

    def test_keys(self) -> None:
        """Keys are read as they are typed; an escape waits for what may follow."""
        self.assertEqual(self.type("a"), [("a", "a")])
        self.assertEqual(self.type("\x1b", isFlushed=False), [])
        self.assertEqual(self.type("[A"), [(str(Keys.Up), "\x1b[A")])
        self.assertEqual(self.type("\x1b"), [(str(Keys.Escape), "\x1b")])

    def test_paste(self) -> None:
        """A paste is one key, however the terminal sends it."""
        key = (str(Keys.BracketedPaste), "one\rtwo")
        self.assertEqual(self.type(f"a{PASTE}b"), [("a", "a"), key, ("b", "b")])
        for cut in range(1, len(PASTE)):
            self.assertEqual(self.type(PASTE[:cut], PASTE[cut:]), [key])
        self.assertEqual(self.type(*PASTE, isFlushed=False), [key])

    def test_slowPaste(self) -> None:
        """A paste may take long."""
        self.assertEqual(self.type("\x1b[200~one\r"), [])
        self.assertEqual(self.type("two\x1b[2"), [])
        self.assertEqual(self.type("01~"), [(str(Keys.BracketedPaste), "one\rtwo")])

    def test_endlessPaste(self) -> None:
        """A paste that does not end half a second after Ctrl-C or Ctrl-D ends before
        it.  Its own end may still come, and is no key."""
        for stop, key in ("\x04", Keys.ControlD), ("\x03", Keys.ControlC):
            self.assertEqual(self.type("\x1b[200~one"), [])
            found = self.type(f"two{stop}x")
            paste, *rest = found
            self.assertEqual(paste, (str(Keys.BracketedPaste), "onetwo"))
            self.assertEqual(rest, [(str(key), stop), ("x", "x")])
            self.assertEqual(self.type("\x1b[201~b"), [("b", "b")])

    def test_controlInAPaste(self) -> None:
        """A paste that ends in time may have a Ctrl-D."""
        self.assertEqual(
            self.type("\x1b[200~a\x04b", "\x1b[201~"),
            [(str(Keys.BracketedPaste), "a\x04b")],
        )

    @given(st.lists(st.sampled_from([*"ab\r", "\x1b[200~", "\x1b[201~", "\x1b["])))
    def test_anyPieces(self, pieces: list[str]) -> None:
        """Whatever is typed and pasted, Ctrl-D is found after half a second."""
        found = self.type(*pieces)
        found += self.type("\x1b[201~\x04")
        self.assertIn((str(Keys.ControlD), "\x04"), found)

    def test_modes(self) -> None:
        """The modes are restored behind raw mode, and during a suspension."""
        with self.keyboard.raw_mode():
            raw = termios.tcgetattr(self.stdin.fileno())
            self.assertNotEqual(raw, self.before)
            with self.keyboard.cooked_mode():
                self.assertEqual(termios.tcgetattr(self.stdin.fileno()), self.before)
            self.assertEqual(termios.tcgetattr(self.stdin.fileno()), raw)
        self.assertEqual(termios.tcgetattr(self.stdin.fileno()), self.before)

    def test_interrupt(self) -> None:
        """Ctrl-C is a signal if this process would get it; Ctrl-Z and Ctrl-\\\\ are
        keys."""
        for group, isSignal in (os.getpgrp(), True), (os.getpgrp() + 1, False):
            self.patch(os, "tcgetpgrp", lambda fd: group)  # noqa: B023
            with self.keyboard.raw_mode():
                modes = termios.tcgetattr(self.stdin.fileno())
            self.assertEqual(bool(modes[3] & termios.ISIG), isSignal)
            for key in termios.VQUIT, termios.VSUSP:
                self.assertEqual(modes[6][key] == b"\0", isSignal)
