"""
A terminal that shows screens and sends keys.
"""

from __future__ import annotations

import os
import signal
import sys
import termios
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from twisted.internet.interfaces import IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from echostamp.client.keys import Keys
from echostamp.client.linewriter import OutputEncoding
from echostamp.talk.keptterminal import KeptTerminal
from echostamp.talk.terminal import privateDescriptor

#: Shows another screen without a cursor, on which long lines are cut; and what ends
#: that.
_ENTER, _LEAVE = b"\x1b[?1049h\x1b[?25l\x1b[?7l", b"\x1b[?7h\x1b[?25h\x1b[?1049l"

#: Goes to the beginning of the screen, clears the rest of a line, and of the screen.
_HOME, _CLEAR_LINE, _CLEAR_BELOW = "\x1b[H", "\x1b[K", "\x1b[J"

#: Seconds after which the Escape character is the key.
_ESCAPE_WAIT = 0.1

#: The most octets of one read.
_MOST = 4096

#: The size of a terminal that does not say its own.
_USUAL = os.terminal_size((80, 24))


def size() -> os.terminal_size:
    """
    Give the columns and lines of the terminal at standard output.
    """
    try:
        found = os.get_terminal_size(1)
    except OSError:
        return _USUAL
    return found if found.columns and found.lines else _USUAL


@implementer(IReadDescriptor)
class LiveScreen:
    """
    Shows screens on the terminal at standard output, and reads the keys of the one at
    standard input.  A terminal that takes no more skips screens: nothing waits for it.

    Use it in a C{with} statement: at its end, and before a signal ends the process, the
    terminal is as it was.
    """

    def __init__(
        self,
        reactor: Any,
        pressed: Callable[[list[str]], object],
        gone: Callable[[], object],
    ) -> None:
        """
        @param reactor: reads the keys.
        @param pressed: gets the keys, as L{Keys} gives them.
        @param gone: called when the terminal is no longer there.
        """
        self._reactor = reactor
        self._pressed = pressed
        self._gone = gone
        self._keys = Keys()
        self._flushing: Any = None
        self._encoding = OutputEncoding(sys.stdout)
        self._kept = KeptTerminal(lambda: _LEAVE if self._isShown else b"")
        self._isBegun = self._isShown = False
        self._rest = b""
        self._input, self._output = 0, 1

    def __enter__(self) -> LiveScreen:
        """Handle each signal that would end the process."""
        self._kept.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        """Give the terminal back."""
        self._kept.__exit__(*error)

    def giveBack(self) -> None:
        """
        Give the terminal back, before a signal ends the process.
        """
        self._kept.giveBack()

    # --- From begin to end ------------------------------------------------------------

    def begin(self) -> None:
        """
        Show an empty screen, and read keys.
        """
        self._input = privateDescriptor(0, os.O_RDONLY)
        self._output = privateDescriptor(1, os.O_WRONLY)
        self._isBegun = True
        self._show()

    def end(self) -> None:
        """
        Give the terminal back: the screen is as it was before.
        """
        self._isBegun = False
        if self._isShown:
            self._hide()
        if self._flushing is not None and self._flushing.active():
            self._flushing.cancel()

    def _show(self) -> None:
        """
        Show an empty screen, and set modes in which each key is read at once.  Ctrl-C
        and Ctrl-Z are signals; Ctrl-\\ and Ctrl-S, which would end or stop the run, are
        keys.
        """
        modes = termios.tcgetattr(0)
        modes[0] &= ~termios.IXON
        modes[3] &= ~(termios.ICANON | termios.ECHO)
        modes[6][termios.VMIN], modes[6][termios.VTIME] = 1, 0
        modes[6][termios.VQUIT] = bytes([os.fpathconf(0, "PC_VDISABLE")])
        # To wait until the terminal has taken all would be to wait for the terminal.
        termios.tcsetattr(0, termios.TCSANOW, modes)
        self._isShown = True
        self._rest = _ENTER
        self._flush()
        self._reactor.addReader(self)

    def _hide(self) -> None:
        """
        Give the terminal back for now.
        """
        self._rest = b""
        self._reactor.removeReader(self)
        # What was typed is not for the shell.
        with suppress(termios.error):
            termios.tcflush(0, termios.TCIFLUSH)
        self._kept.giveBack()
        self._isShown = False

    def suspend(self) -> None:
        """
        Stop this process, as Ctrl-Z asks.
        """
        if self._isShown:
            self._hide()
        os.kill(os.getpid(), signal.SIGSTOP)

    def resume(self) -> None:
        """
        Show the screen again when it is next drawn: this process goes on after it was
        stopped, and the terminal may have other modes.
        """
        self._isShown = False
        # In the background, reading would stop it.
        self._reactor.removeReader(self)

    # --- Screens ----------------------------------------------------------------------

    def draw(self, lines: Sequence[str]) -> None:
        """
        Show a screen.

        @param lines: at least one, no more than it has, and none is wider.
        """
        if not (self._isBegun and isForeground()):
            return
        if not self._isShown:
            self._show()
        if not self._flush():
            return
        # Cleared first: behind the last column, the character in it would be cleared.
        *above, last = lines
        cleared = [*(_CLEAR_LINE + line for line in above), _CLEAR_BELOW + last]
        text = _HOME + "\r\n".join(cleared)
        self._rest = self._encoding.octets(text)
        self._flush()

    def _flush(self) -> bool:
        """
        Write what is left of the last screen.

        @return: whether nothing is left.
        """
        try:
            while self._rest:
                written = os.write(self._output, self._rest)
                self._rest = self._rest[written:]
        except BlockingIOError:
            return False
        except OSError:
            self._gone()
            return False
        return True

    # --- Keys -------------------------------------------------------------------------

    def fileno(self) -> int:
        """Give the descriptor of the terminal."""
        return self._input

    def logPrefix(self) -> str:
        """Name it in the log."""
        return "terminal"

    def doRead(self) -> None:
        """Read keys."""
        try:
            data = os.read(self._input, _MOST)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._reactor.removeReader(self)
            self._gone()
            return
        found = self._keys.feed(data)
        if self._flushing is not None and self._flushing.active():
            self._flushing.cancel()
        if self._keys.isWaiting:
            self._flushing = self._reactor.callLater(_ESCAPE_WAIT, self._flushKeys)
        if found:
            self._pressed(found)

    def _flushKeys(self) -> None:
        """
        Take the Escape character for the key.
        """
        self._pressed(self._keys.flush())

    def connectionLost(self, reason: Failure) -> None:
        """The reactor stops reading."""
        self._gone()


def isForeground() -> bool:
    """
    Say whether this process may use its terminal: the shell has not put it into the
    background.
    """
    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        # It is not the terminal that controls this process.
        return True
