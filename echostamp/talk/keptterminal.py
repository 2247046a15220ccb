"""
Gives the terminal back as it was found, however the process ends.
"""

from __future__ import annotations

import os
import select
import signal
import termios
from collections.abc import Callable
from contextlib import suppress

from echostamp.exitstatus import deadly

#: Signals whose default action does not end the process, or that it cannot handle.
#: Behind a handler of Python's the signal of a fault comes again and again.
_LEFT = {
    *(signal.SIGCHLD, signal.SIGCONT, signal.SIGURG, signal.SIGWINCH),
    *(signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGKILL),
    *(signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGSEGV),
}

#: Shows the cursor, and ends bracketed paste.
PLAIN = b"\x1b[?25h\x1b[?2004l"


class KeptTerminal:
    """
    Keeps the modes of the terminal at standard input, and restores them at the end of a
    C{with} statement, and before a signal ends the process.
    """

    def __init__(self, plain: Callable[[], bytes] = lambda: PLAIN) -> None:
        """
        @param plain: gives what to write so that the terminal is as it was.
        """
        self._modes = termios.tcgetattr(0)
        self._plain = plain

    def __enter__(self) -> KeptTerminal:
        """Handle each signal that would end the process."""
        handler = deadly(self.giveBack)
        for number in signal.valid_signals() - _LEFT:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, handler)
        return self

    def __exit__(self, *error: object) -> None:
        """Give the terminal back."""
        self.giveBack()

    def giveBack(self) -> None:
        """
        Restore the modes, show the cursor, and end bracketed paste, or what else was
        changed.  This never waits for the terminal.
        """
        # A process in the background would be suspended.
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        with suppress(OSError, termios.error):
            termios.tcsetattr(0, termios.TCSANOW, self._modes)
            plain = self._plain()
            if plain and select.select([], [1], [], 0)[1]:
                os.write(1, plain)
