"""
Shows what C{echostamp watch} finds: live, as tables one after the other, or as lines of
JSON.
"""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol, TextIO

from echostamp.client.linewriter import LineWriter
from echostamp.client.livescreen import LiveScreen, size
from echostamp.client.watchdocument import document
from echostamp.client.watchedrows import Rows
from echostamp.client.watchview import View
from echostamp.monitor.snapshot import PeerSnapshot
from echostamp.report.document import withStrings
from echostamp.report.screen import COLUMNS
from echostamp.times import SECOND
from echostamp.units import asTyped

#: How many of the last RTTs are shown, and how many of the last events.
MOST_RECENT, MOST_EVENTS = 60, 2

#: How often the live table is drawn, in nanoseconds.
_REFRESH = SECOND


class Display(Protocol):
    """
    Shows what is found.

    @ivar every: how often L{take} and L{taken} are to be called, in nanoseconds.
    @ivar isLive: whether they are called at the beginning, too.
    @ivar recent: how many of the last RTTs of each target are shown.
    @ivar isClosed: whether writing has failed.
    """

    @property
    def every(self) -> int: ...
    @property
    def isLive(self) -> bool: ...
    @property
    def recent(self) -> int: ...
    @property
    def isClosed(self) -> bool: ...

    def kept(self) -> AbstractContextManager[Any]:
        """Give what has to surround the run."""

    def begin(self) -> None:
        """The run begins."""

    def take(self, snapshot: PeerSnapshot) -> None:
        """Take what is known of a target."""

    def taken(self) -> None:
        """Each target's was taken."""

    def happened(self, line: str) -> None:
        """Something has happened."""

    def end(self, snapshots: Iterable[PeerSnapshot]) -> None:
        """The run ends."""


class JsonDisplay:
    """
    Writes a line of JSON for each target and window.
    """

    recent = 0
    isLive = False

    def __init__(
        self,
        window: int,
        hasStrings: bool,
        output: TextIO,
        closed: Callable[[], object],
    ) -> None:
        """
        @param window: the length of the window, in nanoseconds.
        @param hasStrings: as for C{--json-strings}.
        @param output: where to write.
        @param closed: called when writing has failed.
        """
        self.every = window
        self._hasStrings = hasStrings
        self._lines = LineWriter(output, False, closed)

    @property
    def isClosed(self) -> bool:
        """Whether writing has failed."""
        return self._lines.isClosed

    def kept(self) -> AbstractContextManager[Any]:
        """Keep nothing."""
        return nullcontext()

    def begin(self) -> None:
        """Do nothing: there are no figures yet."""

    def take(self, snapshot: PeerSnapshot) -> None:
        """Write the line of a window."""
        self._write([snapshot], isLast=False)

    def _write(self, snapshots: Iterable[PeerSnapshot], isLast: bool) -> None:
        """
        Write lines.
        """
        documents = (document(each, self.every, isLast) for each in snapshots)
        if self._hasStrings:
            documents = (withStrings(each) for each in documents)
        self._lines.write(map(json.dumps, documents))

    def taken(self) -> None:
        """Do nothing: the lines are written."""

    def happened(self, line: str) -> None:
        """Do nothing: events are not of a window."""

    def end(self, snapshots: Iterable[PeerSnapshot]) -> None:
        """Write the lines of the end."""
        self._write(snapshots, isLast=True)


class TableDisplay:
    """
    Writes the table after each window: for a terminal that can only print.
    """

    recent = MOST_RECENT
    isLive = False

    def __init__(
        self,
        window: int,
        now: Callable[[], int],
        output: TextIO,
        isColoured: bool,
        closed: Callable[[], object],
    ) -> None:
        """
        @param window: the length of the window, in nanoseconds.
        @param now: gives nanoseconds by the monotonic clock.
        @param output: where to write.
        @param isColoured: whether to use colours.
        @param closed: called when writing has failed.
        """
        self.every = window
        self._rows = Rows(window, now)
        self._view = View(asTyped(window), isColoured, self.recent)
        self._events: deque[str] = deque(maxlen=MOST_EVENTS)
        self._lines = LineWriter(output, isColoured, closed)

    @property
    def isClosed(self) -> bool:
        """Whether writing has failed."""
        return self._lines.isClosed

    def kept(self) -> AbstractContextManager[Any]:
        """Keep nothing."""
        return nullcontext()

    def begin(self) -> None:
        """Do nothing: there are no figures yet."""

    def take(self, snapshot: PeerSnapshot) -> None:
        """Make the row of a target."""
        self._rows.take(snapshot)

    def taken(self) -> None:
        """Write the table."""
        # A terminal that can only print may not cut what is wider.
        columns = min(size().columns, COLUMNS)
        rows = self._rows.all
        table = self._view.table(rows, list(self._events), columns, len(rows) + 9)
        self._lines.write([*table, ""])

    def happened(self, line: str) -> None:
        """Keep an event for the next table."""
        self._events.append(line)

    def end(self, snapshots: Iterable[PeerSnapshot]) -> None:
        """Write the last table."""
        for each in snapshots:
            self._rows.take(each)
        self.taken()


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
        self.screen.end()
        if not self._isGone:
            shown = self._rows.all, list(self._events), *size()
            self._lines.write(self._view.table(*shown))


def mayBeLive() -> bool:
    """
    Say whether keys can be read, and a screen can be drawn.
    """
    return os.isatty(0) and os.isatty(1)
