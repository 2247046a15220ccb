"""
A terminal for programs, whose screen a test can read.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from tests.harness import Owner, run, tool, until


class Pane:
    """
    A terminal whose screen can be read: tmux with one window.
    """

    def __init__(
        self,
        case: Owner,
        command: str,
        columns: int = 70,
        lines: int = 24,
    ) -> None:
        """
        Start a program.  At its end the screen shows its exit status.

        @param case: ends it at its end.
        @param command: a shell's.
        """
        self._tmux = tool("tmux", "tmux")
        folder = Path(case.mktemp())
        folder.mkdir(parents=True)
        # The name of a UNIX socket may have about 100 octets.
        self._socket = os.path.relpath(folder / "tmux")
        self._do(
            *("new-session", "-d", f"-x{columns}", f"-y{lines}"),
            f"{command}; echo status $?; exec cat",
        )
        case.addCleanup(self._do, "kill-server")

    def _do(self, *command: str) -> str:
        done = run(self._tmux, "-u", "-S", self._socket, "-f/dev/null", *command)
        assert done.returncode == 0, done.stderr
        return done.stdout.decode()

    def type(self, text: str, *keys: str) -> None:
        """Type a text, and then keys by their names in tmux."""
        if text:
            self._do("send-keys", "-l", text)
        if keys:
            self._do("send-keys", *keys)

    def paste(self, text: str) -> None:
        """Paste a text, as a bracketed paste if the program has asked for that."""
        self._do("set-buffer", text)
        self._do("paste-buffer", "-p", "-r")

    def resize(self, columns: int, lines: int) -> None:
        """Give the window another size."""
        self._do("resize-window", f"-x{columns}", f"-y{lines}")

    def screen(self, *options: str) -> str:
        """
        Give the text on the screen, without spaces at the ends of lines.

        @param options: of tmux's C{capture-pane}: C{-e} for colours, C{-S-} for what
            has left the screen, too, C{-J} for lines as they were before they were
            wrapped.
        """
        return "\n".join(
            line.rstrip()
            for line in self._do("capture-pane", "-p", *options).rstrip().split("\n")
        )

    def shows(self, text: str) -> None:
        """Wait until a text is there."""
        self.until(lambda screen: text in screen)

    def until(self, condition: Callable[[str], object], *options: str) -> str:
        """
        Wait until the screen fulfils a condition.

        @param options: see L{screen}.
        @return: the screen.
        """
        screens = [""]

        def isRight() -> object:
            screens[:] = [self.screen(*options)]
            return condition(screens[0])

        try:
            until(isRight)
        except AssertionError:
            raise AssertionError(f"the screen stays at\n{screens[0]}") from None
        return screens[0]
