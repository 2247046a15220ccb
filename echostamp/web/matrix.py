"""
The matrix of sources and targets as HTML; pure.

Strings are joined, in small steps: a mesh of 100 hosts has 10,000 cells.  Each text
from elsewhere goes through L{asHtml <echostamp.markup.asHtml>}.

Each line is a whole element that begins with C{data-key}, or holds such lines together.
C{static/page.js} replaces the lines that have changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from operator import add
from typing import NamedTuple

from echostamp.markup import asHtml
from echostamp.web.cells import Level
from echostamp.web.celltexts import age, moment
from echostamp.web.judgedrow import (
    BLANK,
    PLACES,
    UNHEARD,
    CellView,
    JudgedRow,
)
from echostamp.web.matrixfilter import Figure, MatrixFilter
from echostamp.web.totals import Total

#: Up to so many columns have figures: with all of them, and with one.
MOST_WITH_FIGURES, MOST_WITH_FIGURE = 6, 12

#: Names the figures of the cells below.
_NAMED = '<small class="named"><i>loss</i><i>RTT</i><i>clock</i></small>'


class Axis(NamedTuple):
    """
    The name of a row or a column.

    @ivar name: of a source or a target.
    @ivar note: what has to be said of a source, such as that it is silent; empty for
        nothing.
    @ivar why: the same with the reason.
    @ivar total: sums it up.
    """

    name: str
    note: str
    why: str
    total: Total


class Matrix:
    """
    The part of the matrix that a filter shows.

    @ivar sources: the rows of the sources.
    @ivar targets: the names of the targets.
    @ivar isTurned: whether the targets are the rows of the table, because there are
        more of them.
    @ivar levels: how many paths have each level.  Those of a source that is silent
        are unknown.
    """

    def __init__(
        self, rows: Sequence[JudgedRow], wanted: MatrixFilter, now: int
    ) -> None:
        """
        @param rows: what is said of all sources.
        @param wanted: what is shown.
        @param now: nanoseconds since the UNIX epoch.
        """
        self._wanted = wanted
        self._now = now
        byRow = {id(each.row): each for each in rows}
        found = wanted.sources(each.row for each in rows)
        self.sources = [byRow[id(each)] for each in found]
        self.targets = wanted.targets(found)
        if wanted.onlyBad:
            self._keepBad()
        self.isTurned = len(self.targets) > len(self.sources)
        columns = len(self.sources) if self.isTurned else len(self.targets)
        most = MOST_WITH_FIGURES if wanted.figure is Figure.ALL else MOST_WITH_FIGURE
        self._hasFigures = columns <= most
        self.levels = [0] * len(Level)
        self._bySource: list[Total] = []
        self._byTarget: list[Total] = []

    def _keepBad(self) -> None:
        """
        Leave out sources and targets whose paths are all good.  A source that is silent
        stays.
        """
        place = PLACES[self._wanted.figure]
        shown = set(self.targets)
        bad: set[str] = set()
        sources = []
        for each in self.sources:
            found = {
                name
                for name, cell in each.judged.items()
                if cell.levels[place] >= Level.WARN and name in shown
            }
            if found or each.isStale(self._now):
                sources.append(each)
            bad |= found
        self.sources = sources
        self.targets = [each for each in self.targets if each in bad]

    def count(self) -> Iterator[None]:
        """
        Count all paths and write their cells, in steps.  It has to be done before
        L{lines}.
        """
        figure, targets = self._wanted.figure, self.targets
        levels: list[list[Level | None]] = []
        shares: list[list[float | None]] = []
        medians: list[list[int | None]] = []
        for each in self.sources:
            row = (
                [*map(each.levels(figure).get, targets)],
                [*map(each.shares.get, targets)],
                [*map(each.medians.get, targets)],
            )
            total = Total(*row)
            self._bySource.append(total)
            if each.isStale(self._now):
                # What was says nothing of the targets.
                self.levels[Level.UNKNOWN] += sum(total.levels)
            else:
                self.levels = [*map(add, self.levels, total.levels)]
                levels.append(row[0])
                shares.append(row[1])
                medians.append(row[2])
            yield
            each.cells(self._viewOf(each))
            yield
        columns = (zip(*each, strict=True) for each in (levels, shares, medians))
        for column in zip(*columns, strict=True):
            self._byTarget.append(Total(*column))
            yield
        if not levels:
            self._byTarget = [Total((), (), ()) for _ in targets]

    def lines(self) -> Iterator[str]:
        """
        Write the table, a line a step.
        """
        kind = "figures" if self._hasFigures else "signs"
        sources = [
            self._axis(*each) for each in zip(self.sources, self._bySource, strict=True)
        ]
        targets = [
            Axis(name, "", "", total)
            for name, total in zip(self.targets, self._byTarget, strict=True)
        ]
        rows, columns = (targets, sources) if self.isTurned else (sources, targets)
        yield (
            '<div class="scroll" tabindex="0" role="region" aria-label="Matrix">'
            f'<table role="table" class="matrix {kind} {self._wanted.figure.value} '
            f'n{min(len(columns), MOST_WITH_FIGURE + 1)}">\n'
        )
        yield "<caption>Each path in the last minute: sources and targets</caption>\n"
        yield self._head(columns)
        yield '<tbody role="rowgroup">\n'
        writers = self._turned if self.isTurned else self._straight
        for row, cells in zip(rows, writers(), strict=True):
            yield self._row(row, cells, len(columns) > 1)
        yield "</tbody></table></div>\n"

    def _axis(self, source: JudgedRow, total: Total) -> Axis:
        """
        Say what has to be said of a source.
        """
        row = source.row
        note = why = ""
        if not source.isStale(self._now):
            pass
        elif row.silentSince is not None:
            note = f"silent {age(self._now - row.silentSince)}"
            why = f"silent since {moment(row.silentSince)}: {row.why}"
        elif row.at is None:
            note = why = "not read yet"
        elif row.why:
            note, why = "other name", row.why
        else:
            # Nobody has looked, or others are asked first.
            note = f"{age(self._now - row.at)} old"
            why = f"last read at {moment(row.at)}"
        return Axis(source.name, note, why, total)

    def _head(self, columns: Sequence[Axis]) -> str:
        """
        Write the headings.
        """
        down, across = ("target", "source") if self.isTurned else ("source", "target")
        cells = [
            '<thead data-key="head" role="rowgroup"><tr role="row">'
            f'<th role="columnheader" class="corner" scope="col">{down} ↓ '
            f"<small>{across} →</small></th>"
        ]
        if len(columns) > 1:
            cells.append(
                '<th role="columnheader" class="total" scope="col">in all</th>'
            )
        isEach = self._hasFigures and self._wanted.figure is Figure.ALL
        named = _NAMED if isEach else ""
        for name, note, why, total in columns:
            shown = asHtml(name)
            title = f"{shown}: {asHtml(why) + '; ' if why else ''}{total.words()}"
            silent = _silence(note)
            cells.append(
                f'<th role="columnheader" scope="col" title="{title}">'
                f"<b>{shown}</b>{silent}<small>{total.html(bool(note))}</small>{named}</th>"
            )
        cells.append("</tr></thead>\n")
        return "".join(cells)

    def _row(self, row: Axis, cells: str, hasTotal: bool) -> str:
        """
        Write a row.

        @param hasTotal: whether it is summed up.
        """
        name, note, why, total = row
        shown = asHtml(name)
        title = f"{shown}: {asHtml(why)}" if why else shown
        silent = _silence(note)
        summed = ""
        if hasTotal:
            summed = (
                f'<td role="cell" class="total" title="{total.words()}">'
                f"{total.html(bool(note))}</td>"
            )
        return (
            f'<tr data-key="row {shown}" role="row">'
            f'<th role="rowheader" scope="row" title="{title}"><b>{shown}</b>{silent}'
            f"</th>{summed}{cells}</tr>\n"
        )

    def _straight(self) -> Iterator[str]:
        """
        Write the cells of each source.
        """
        for each, written in zip(self.sources, self._written(), strict=True):
            blank = UNHEARD if each.row.at is None else BLANK
            yield "".join([written.get(name, blank) for name in self.targets])

    def _turned(self) -> Iterator[str]:
        """
        Write the cells of each target.
        """
        columns = [
            (written.get, UNHEARD if each.row.at is None else BLANK)
            for each, written in zip(self.sources, self._written(), strict=True)
        ]
        for name in self.targets:
            yield "".join([get(name, blank) for get, blank in columns])

    def _written(self) -> Iterator[Mapping[str, str]]:
        """
        Write the cells of each source, by target.
        """
        return (each.cells(self._viewOf(each)) for each in self.sources)

    def _viewOf(self, source: JudgedRow) -> CellView:
        """
        Tell how the cells of a source are written.
        """
        isStale = source.isStale(self._now)
        return CellView(self._wanted.figure, self._hasFigures, isStale)


def _silence(note: str) -> str:
    """
    Write what has to be said of a source.  A line may break behind the first word, but
    not within a time.
    """
    first, _, time = asHtml(note).partition(" ")
    time = time.replace(" ", "&nbsp;")
    return f'<em class="silent">{first} {time}</em>' if note else ""
