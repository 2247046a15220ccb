#!/usr/bin/env python3
"""
Draw the pictures of terminals: C{python docs/draw_terminal.py} writes C{docs/ping.svg}
and C{docs/intercom.svg}.

Real programs run in tmux, in network namespaces, and the screens of tmux are drawn.  It
needs root, Debian's packages tmux, iproute2 and netcat-openbsd, and the extra C{test}.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from html import escape
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from drawing import DOCS, Drawing

from echostamp.columns import columnsOf
from tests.clocks import Clock
from tests.harness import Daemon, run, script, tool, until
from tests.namespaces import ROUTER, Routed
from tests.panes import Pane

COLUMNS = 80

#: Sizes in pixels: of a character, and of the room around the text.
WIDTH, HEIGHT, MARGIN, FONT = 8.4, 18, 12, 14

#: On this background the text has a contrast of 7 to 1 or more, whatever the page has.
BACKGROUND, FRAME, PLAIN = "#1d1f21", "#6b7078", "#d8d8d8"

#: The colours that programs ask for, by their numbers in SGR sequences.
COLOURS = {31: "#ff9d96", 32: "#98c379", 33: "#e5c07b", 36: "#56c8d8"}

#: The far host's name, and how far its clock is ahead, in seconds.
FAR, AHEAD = "ams.example.net", 3

#: A shell that shows nothing of this machine.
SHELL = "PS1='$ ' exec bash --norc"


class Cell(NamedTuple):
    """
    A character on a screen, and how it looks.
    """

    column: int
    text: str
    colour: str
    isBold: bool


def cells(screen: str) -> Iterator[list[Cell]]:
    """
    Read the lines of a screen.

    @param screen: with SGR sequences, as C{tmux capture-pane -e} prints it.
    """
    colour, isBold = PLAIN, False
    for line in screen.split("\n"):
        found: list[Cell] = []
        column = 0
        for text in re.split(r"(\x1b\[[\d;]*m)", line):
            if not text.startswith("\x1b"):
                for character in text:
                    found.append(Cell(column, character, colour, isBold))
                    column += columnsOf(character)
                continue
            for number in map(int, re.findall(r"\d+", text) or "0"):
                colour = COLOURS.get(number, PLAIN if number in (0, 39) else colour)
                isBold = number == 1 or (isBold and number not in (0, 22))
        yield found


def svg(screen: str) -> str:
    """
    Draw a screen.

    @param screen: see L{cells}.
    """
    lines = list(cells(screen))
    right, bottom = COLUMNS * WIDTH + 2 * MARGIN, len(lines) * HEIGHT + 2 * MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{right:g}" height="{bottom}"'
        f' viewBox="0 0 {right:g} {bottom}" font-size="{FONT}"'
        ' font-family="DejaVu Sans Mono, Menlo, Consolas, monospace">',
        f'<rect x="0.5" y="0.5" width="{right - 1:g}" height="{bottom - 1}" rx="6"'
        f' fill="{BACKGROUND}" stroke="{FRAME}"/>',
    ]
    for row, line in enumerate(lines):
        for (colour, isBold), group in groupby(line, lambda cell: cell[2:]):
            same = list(group)
            text = "".join(cell.text for cell in same)
            if not text.strip():
                continue
            width = columnsOf(text) * WIDTH
            weight = ' font-weight="bold"' if isBold else ""
            parts.append(
                f'<text x="{MARGIN + same[0].column * WIDTH:.1f}"'
                f' y="{MARGIN + (row + 0.75) * HEIGHT:g}" fill="{colour}"{weight}'
                f' xml:space="preserve" textLength="{width:.1f}"'
                f' lengthAdjust="spacingAndGlyphs">{escape(text)}</text>'
            )
    return "\n".join([*parts, "</svg>\n"])


class Terminals:
    """
    Terminals of a host, and hosts around it with daemons.
    """

    def __init__(self, drawing: Drawing) -> None:
        self._drawing = drawing
        self._net = Routed(drawing, "far")
        self._hosts = Path(drawing.mktemp())
        self._hosts.write_text(
            f"127.0.0.1 localhost\n{self._net.addresses['far']} {FAR}\n"
        )

    def daemon(self, host: str, *options: str, **env: str) -> Daemon:
        """
        Start a daemon at port 8002.

        @param host: its namespace.
        @param env: see L{Daemon}.
        """
        command = *self._net.commands[host], "twistd", "-n", "--pidfile="
        return Daemon(self._drawing, "--port=8002", *options, command=command, env=env)

    def open(self, command: str, lines: int) -> Pane:
        """Run a shell's command on a terminal of the host in the middle."""
        path = f"{Path(script('echostamp')).parent}:{os.environ['PATH']}"
        inside = f"mount --bind {self._hosts} /etc/hosts; PATH={path}; {command}"
        prefix = " ".join(self._net.commands[ROUTER])
        return Pane(
            self._drawing, f'{prefix} bash -c "{inside}"', columns=COLUMNS, lines=lines
        )


def drawPing(drawing: Drawing) -> None:
    """
    Draw C{echostamp ping} and a clock that is wrong.
    """
    clock = Clock(drawing)
    clock.set(AHEAD)
    terminals = Terminals(drawing)
    terminals.daemon("far", "--format=iso", **clock.env)
    pane = terminals.open(SHELL, 24)
    pane.shows("$")
    pane.type(f"echostamp ping -c 5 {FAR}", "Enter")
    pane.shows("mdev")
    shown = pane.until(lambda screen: screen.endswith("\n$"), "-e")
    (DOCS / "ping.svg").write_text(svg(shown.removesuffix("\n$")))


def drawIntercom(drawing: Drawing) -> None:
    """
    Draw three terminals of an intercom, one of them with C{nc}.
    """
    tmux = tool("tmux", "tmux")
    tool("nc", "netcat-openbsd")
    settings = Path(drawing.mktemp())
    settings.write_text(
        f"""set -g status off
set -g destroy-unattached on
set -g default-command "{SHELL}"
new-session
split-window -v
split-window -v
select-layout even-vertical
"""
    )
    terminals = Terminals(drawing)
    daemon = terminals.daemon(ROUTER, "--intercom")
    socket = drawing.mktemp()
    drawing.addCleanup(run, tmux, "-S", socket, "kill-server")
    pane = terminals.open(f"TMUX= exec tmux -u -S {socket} -f {settings} attach", 35)

    def say(where: str, text: str, seen: str) -> None:
        """
        Type a line into one of the terminals.

        @param where: the key that leads there, if it is another one.
        @param seen: what appears then.
        """
        if where:
            pane.type("", "C-b", where)
        pane.type(text, *["Enter"] * bool(seen))
        pane.shows(seen or text)

    pane.until(lambda screen: screen.count("$") == 3)
    say("Down", "echostamp talk --name ann", "\n>")
    say("Down", "echostamp talk --name bob --time-format %H:%M:%S", "* bob joined")
    logged = daemon.log()
    say("Down", "nc localhost 8002", "nc localhost 8002")
    # A client that sends its name within a second joins under it.
    until(lambda: daemon.log() != logged)
    say("", "/name carol", "* carol joined")
    say("Up", "Is your clock right? Mine says that all the others are late.", "<bob>")
    say("Up", "No: 3 s ahead, says echostamp ping.", "<ann> No")
    say("", "I shall set", "")
    say("Down", "/who", "* carol since")
    say("Down", "I have only nc, and see you both.", "<carol> I have only nc")
    (DOCS / "intercom.svg").write_text(svg(pane.screen("-e")))


def main() -> None:
    """
    Draw the pictures.
    """
    for draw in drawPing, drawIntercom:
        with Drawing() as drawing:
            draw(drawing)


if __name__ == "__main__":
    main()
