"""
Writes what C{echostamp watch} finds: tables one after the other, or lines of JSON.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol, TextIO

from echostamp.client.linewriter import LineWriter
from echostamp.client.livescreen import size
from echostamp.client.watchdocument import document
from echostamp.client.watchedrows import Rows
from echostamp.client.watchview import View
from echostamp.monitor.snapshot import PeerSnapshot
from echostamp.report.document import withStrings
from echostamp.report.screen import COLUMNS
from echostamp.units import asTyped

#: How many of the last RTTs are shown, and how many of the last events.
MOST_RECENT, MOST_EVENTS = 60, 2


class Display(Protocol):
    """
    Shows what is found.
    """

    @property
    def every(self) -> int:
        """How often L{take} and L{taken} are to be called, in nanoseconds."""

    @property
    def isLive(self) -> bool:
        """Whether L{take} and L{taken} are called at the beginning, too."""

    @property
    def recent(self) -> int:
        """How many of the last RTTs of each target are shown."""

    @property
    def isClosed(self) -> bool:
        """Whether writing has failed."""

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


class _Lines:
    """
    Writes lines, one below the other.

    @ivar isLive: as for L{Display}.
    """

    isLive = False

    def __init__(
        self, output: TextIO, isColoured: bool, closed: Callable[[], object]
    ) -> None:
        """
        @param output: where to write.
        @param isColoured: whether to use colours.
        @param closed: called when writing has failed.
        """
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


class JsonDisplay(_Lines):
    """
    Writes a line of JSON for each target and window.
    """

    recent = 0

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
        super().__init__(output, False, closed)
        self.every = window
        self._hasStrings = hasStrings

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


class TableDisplay(_Lines):
    """
    Writes the table after each window: for a terminal that can only print.
    """

    recent = MOST_RECENT

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
        super().__init__(output, isColoured, closed)
        self.every = window
        self._rows = Rows(window, now)
        self._view = View(asTyped(window), isColoured, self.recent)
        self._events: deque[str] = deque(maxlen=MOST_EVENTS)

    def take(self, snapshot: PeerSnapshot) -> None:
        """Make the row of a target."""
        self._rows.take(snapshot)

    def taken(self) -> None:
        """Write the table."""
        self._rows.taken()
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
