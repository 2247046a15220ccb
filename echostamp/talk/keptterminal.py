"""
Gives the terminal back as it was found, however the process ends.
"""

from __future__ import annotations

import os
import select
import signal
import termios
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
_PLAIN = b"\x1b[?25h\x1b[?2004l"


class KeptTerminal:
    """
    Keeps the modes of the terminal at standard input, and restores them at the end of a
    C{with} statement, and before a signal ends the process.
    """

    def __init__(self) -> None:
        self._modes = termios.tcgetattr(0)

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
        Restore the modes, show the cursor, and end bracketed paste.  This never waits
        for the terminal.
        """
        # A process in the background would be suspended.
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        with suppress(OSError, termios.error):
            termios.tcsetattr(0, termios.TCSANOW, self._modes)
            if select.select([], [1], [], 0)[1]:
                os.write(1, _PLAIN)
