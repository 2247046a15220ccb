"""
Shows what C{echostamp watch} finds in a live table.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any

from echostamp.client.linewriter import LineWriter
from echostamp.client.livescreen import LiveScreen, size
from echostamp.client.watchdisplays import MOST_EVENTS, MOST_RECENT
from echostamp.client.watchedrows import Rows
from echostamp.client.watchview import View
from echostamp.monitor.snapshot import PeerSnapshot
from echostamp.times import SECOND

#: How often the table is drawn, in nanoseconds.
_REFRESH = SECOND


class LiveDisplay:
    """
    Shows the table, and lets the user sort, find and scroll.
    """

    recent = MOST_RECENT
    isLive = True
    every = _REFRESH

    def __init__(
        self,
        reactor: Any,
        rows: Rows,
        view: View,
        lines: LineWriter,
        left: Callable[[], object],
    ) -> None:
        """
        @param reactor: reads the keys.
        @param rows: the rows.
        @param view: what the user sees of them.
        @param lines: writes the last table.
        @param left: called when the user wants to end.
        """
        self._rows = rows
        self._view = view
        self._lines = lines
        self._left = left
        self._events: deque[str] = deque(maxlen=MOST_EVENTS)
        self._isGone = False
        self.screen = LiveScreen(reactor, self._pressed, self._gone)

    @property
    def isClosed(self) -> bool:
        """Whether the terminal is gone."""
        return self._isGone or self._lines.isClosed

    def kept(self) -> AbstractContextManager[Any]:
        """Keep the terminal."""
        return self.screen

    def _gone(self) -> None:
        """
        End: the terminal is no longer there.
        """
        if not self._isGone:
            self._isGone = True
            self._left()

    def begin(self) -> None:
        """Show the screen."""
        self.screen.begin()

    def take(self, snapshot: PeerSnapshot) -> None:
        """Make the row of a target."""
        self._rows.take(snapshot)

    def taken(self) -> None:
        """Draw the screen."""
        self._rows.taken()
        self.draw()

    def draw(self) -> None:
        """
        Draw the screen.
        """
        columns, lines = size()
        self.screen.draw(
            self._view.screen(self._rows.all, list(self._events), columns, lines)
        )

    def happened(self, line: str) -> None:
        """Keep an event for the next screen."""
        self._events.append(line)

    def _pressed(self, keys: list[str]) -> None:
        """
        Do what the user asks for.
        """
        for each in keys:
            self._view.press(each)
        if self._view.isLeft:
            self._left()
        else:
            self.draw()

    def suspend(self) -> None:
        """Stop this process, as Ctrl-Z asks."""
        self.screen.suspend()

    def resume(self) -> None:
        """Go on."""
        self.screen.resume()
        self.draw()

    def end(self, snapshots: Iterable[PeerSnapshot]) -> None:
        """Leave the last table on the terminal."""
        for each in snapshots:
            self._rows.take(each)
        self._rows.taken()
        self.screen.end()
        if not self._isGone:
            shown = self._rows.all, list(self._events), *size()
            self._lines.write(self._view.table(*shown))


def mayBeLive() -> bool:
    """
    Say whether keys can be read, and a screen can be drawn.
    """
    return os.isatty(0) and os.isatty(1)
