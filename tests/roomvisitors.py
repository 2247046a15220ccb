"""
Visitors of a room: a real browser, and programs with pipes.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

from tests.browsers import Browser
from tests.harness import Owner, start, until

#: What the lines of the page say, each as its class, its speaker and its text.
LINES = """
return Array.from(document.querySelectorAll("#lines .line"), (each) => [
  each.classList[1], each.querySelector(".speaker").textContent,
  each.querySelector(".text").textContent])
"""


class Room:
    """
    A browser in the room.

    @ivar browser: the browser.
    """

    def __init__(self, owner: Owner, port: int, name: str, **how: Any) -> None:
        """
        @param owner: closes it at its end.
        @param port: of the web site.
        @param name: that it asks for.
        @param how: see L{Browser.look}.
        """
        self.browser = Browser(owner)
        self.browser.look(**how)
        self.browser.get(f"http://127.0.0.1:{port}/room")
        self.join(name)

    def join(self, name: str) -> None:
        """Ask for a name."""
        field = self.browser.find_element("id", "name")
        field.clear()
        field.send_keys(name, "\n")
        until(lambda: self.status.startswith("Joined"))

    @property
    def status(self) -> str:
        """What is said of the connection."""
        return self.browser.texts("#live")[0]

    def lines(self) -> list[tuple[str, ...]]:
        """Give the lines: the kind, the speaker, the text."""
        return [tuple(each) for each in self.browser.execute_script(LINES)]

    def type(self, text: str) -> None:
        """Type at the line."""
        self.browser.find_element("id", "line").send_keys(text)

    def hears(self, *line: str) -> None:
        """Wait for a line."""
        until(lambda: line in self.lines())


class Program:
    """
    A program with pipes.
    """

    def __init__(self, owner: Owner, *command: str) -> None:
        """
        @param owner: ends it.
        @param command: its command line.
        """
        self._output = Path(owner.mktemp())
        with self._output.open("wb") as file:
            pipe = subprocess.PIPE
            self._process = start(owner, *command, stdin=pipe, stdout=file)

    def type(self, text: str) -> None:
        """Type a text."""
        assert self._process.stdin is not None
        self._process.stdin.write(text.encode())
        self._process.stdin.flush()

    def hears(self, text: str) -> None:
        """Wait for a line, without its stamp."""
        pattern = re.compile(rb"(?m)^\[[^]]*\] " + re.escape(text.encode()) + b"$")
        until(lambda: pattern.search(self._output.read_bytes()))
