"""Tests for L{echostamp.talk.keptterminal}."""

from __future__ import annotations

import os
import pty
import signal
import termios
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from echostamp.talk.keptterminal import KeptTerminal


class KeptTerminalTests(SynchronousTestCase):
    """
    A terminal is given back as it was found.
    """

    def setUp(self) -> None:
        """Open a terminal, and install no real signal handler."""
        self.master, self.slave = pty.openpty()
        for each in self.master, self.slave:
            self.addCleanup(os.close, each)
        self.modes = termios.tcgetattr(self.slave)
        self.handlers: dict[int, Any] = {}
        self.raised: list[int] = []
        self.patch(signal, "signal", self.handlers.__setitem__)
        self.patch(signal, "raise_signal", self.raised.append)
        self.patch(os, "_exit", lambda status: None)
        write, get, change = os.write, termios.tcgetattr, termios.tcsetattr
        self.patch(os, "write", lambda fd, data: write(self.slave, data))
        self.patch(termios, "tcgetattr", lambda fd: get(self.slave))
        self.patch(termios, "tcsetattr", lambda fd, *args: change(self.slave, *args))

    def spoil(self) -> None:
        """Change the modes."""
        modes = termios.tcgetattr(0)
        modes[3] &= ~termios.ECHO
        termios.tcsetattr(0, termios.TCSANOW, modes)

    def assertGivenBack(self) -> None:
        """Assert that the terminal is as it was found."""
        self.assertEqual(termios.tcgetattr(0), self.modes)
        self.assertEqual(os.read(self.master, 100), b"\x1b[?25h\x1b[?2004l")

    def test_end(self) -> None:
        """The end of the statement gives the terminal back, an error too."""
        with KeptTerminal():
            self.spoil()
        self.assertGivenBack()
        with self.assertRaises(KeyError), KeptTerminal():
            self.spoil()
            raise KeyError
        self.assertGivenBack()

    def test_signals(self) -> None:
        """Each signal that ends a process gives the terminal back, and then ends it
        by its default action.  Others are left alone."""
        with KeptTerminal():
            ends = set(self.handlers)
            for number in signal.SIGHUP, signal.SIGTERM, signal.SIGQUIT, signal.SIGUSR1:
                self.spoil()
                self.handlers[number](number, None)
                self.assertGivenBack()
                self.assertEqual(self.handlers[number], signal.SIG_DFL)
                self.assertEqual(self.raised.pop(), number)
        left = {signal.SIGTSTP, signal.SIGWINCH, signal.SIGCHLD, signal.SIGCONT}
        self.assertFalse(ends & left)
        self.assertLessEqual({signal.SIGINT, signal.SIGALRM, signal.SIGUSR2}, ends)

    def test_goneTerminal(self) -> None:
        """A terminal that has hung up is no error."""

        def fail(*arguments: object) -> None:
            raise termios.error(5, "Input/output error")

        with KeptTerminal():
            self.patch(termios, "tcsetattr", fail)
