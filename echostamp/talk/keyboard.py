"""
The keys that are typed during line editing.  This needs the extra C{terminal}, which is
prompt_toolkit.
"""

from __future__ import annotations

import os
import re
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from prompt_toolkit.input.vt100 import Vt100Input
from prompt_toolkit.input.vt100_parser import Vt100Parser
from prompt_toolkit.key_binding import KeyPress
from prompt_toolkit.keys import Keys

#: What a terminal sends before and behind pasted text.
_BEGIN, _END = "\x1b[200~", "\x1b[201~"

#: Ctrl-C and Ctrl-D, which no terminal should paste.
_STOPS = re.compile("[\x03\x04]")


class Keyboard(Vt100Input):
    """
    Reads keys, and never gets stuck in a paste.

    Ctrl-C is a signal, as without line editing, so it works while the program is busy.
    A paste that has not ended half a second after Ctrl-C or Ctrl-D ends before it.
    """

    def __init__(self, stdin: TextIO) -> None:
        """
        @param stdin: the terminal.
        """
        super().__init__(stdin)
        self._modes = termios.tcgetattr(stdin.fileno())
        self._keys: list[KeyPress] = []
        self._parser = Vt100Parser(self._keys.append)
        self._pasted: list[str] | None = None
        # What may be the beginning of a mark.
        self._held = ""

    def read_keys(self) -> list[KeyPress]:
        """Give the keys that were typed."""
        self._feed(self.stdin_reader.read())
        return self._taken()

    def flush_keys(self) -> list[KeyPress]:
        """Give the keys that waited for more: nothing came for half a second."""
        if self._pasted is None:
            held, self._held = self._held, ""
            self._parser.feed(held)
        else:
            pasted = "".join([*self._pasted, self._held])
            if stop := _STOPS.search(pasted):
                self._held = ""
                self._paste(pasted[: stop.start()])
                self._feed(pasted[stop.start() :])
        self._parser.flush()
        return self._taken()

    def _feed(self, data: str) -> None:
        """
        Separate pasted text from keys.
        """
        text = self._held + data
        while True:
            mark = _BEGIN if self._pasted is None else _END
            before, found, text = text.partition(mark)
            if not found:
                size = _begun(before, mark)
                self._held = before[len(before) - size :]
                before = before[: len(before) - size]
            if self._pasted is None:
                # The end of a paste that has ended already is no key.
                self._parser.feed(before.replace(_END, ""))
            else:
                self._pasted.append(before)
            if not found:
                return
            if self._pasted is None:
                self._pasted = []
            else:
                self._paste("".join(self._pasted))

    def _paste(self, text: str) -> None:
        """
        End a paste.
        """
        self._pasted = None
        self._keys.append(KeyPress(Keys.BracketedPaste, text))

    def _taken(self) -> list[KeyPress]:
        """
        Take the keys.
        """
        keys = self._keys[:]
        self._keys.clear()
        return keys

    @contextmanager
    def raw_mode(self) -> Iterator[None]:
        """Set modes in which each key is read at once, and Ctrl-C is a signal."""
        with super().raw_mode():
            self._setInterrupt()
            yield

    @contextmanager
    def cooked_mode(self) -> Iterator[None]:
        """Set the modes that the terminal had at first."""
        fd = self.fileno()
        modes = termios.tcgetattr(fd)
        termios.tcsetattr(fd, termios.TCSANOW, self._modes)
        try:
            yield
        finally:
            termios.tcsetattr(fd, termios.TCSANOW, modes)

    def _setInterrupt(self) -> None:
        """
        Let the terminal send SIGINT at Ctrl-C, where this process would get it.
        """
        fd = self.fileno()
        try:
            isOurs = os.tcgetpgrp(fd) == os.getpgrp()
        except OSError:
            # It is not the terminal that controls this process.
            return
        if isOurs:
            modes = termios.tcgetattr(fd)
            modes[3] |= termios.ISIG | termios.NOFLSH
            disabled = bytes([os.fpathconf(fd, "PC_VDISABLE")])
            modes[6][termios.VQUIT] = modes[6][termios.VSUSP] = disabled
            termios.tcsetattr(fd, termios.TCSANOW, modes)


def _begun(text: str, mark: str) -> int:
    """
    Count the characters at the end of a text that may be the beginning of a mark.
    """
    most = min(len(mark) - 1, len(text))
    return next((n for n in range(most, 0, -1) if text.endswith(mark[:n])), 0)
