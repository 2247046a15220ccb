"""
The cells of a row of the matrix, judged and written once; pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple

from echostamp.markup import asHtml
from echostamp.times import SECOND
from echostamp.web.cells import SIGNS, Cell, Level, cellOf, missing
from echostamp.web.celltexts import clockText, lossText, rttText, words
from echostamp.web.links import asPath, pageOf
from echostamp.web.matrixfilter import Figure
from echostamp.web.rowdata import PeerFigures, PeerState, SourceRow

#: A row is stale after so many nanoseconds.
STALE = 30 * SECOND

#: The letter of a class of the style sheet, by level.
CLASSES = {
    Level.GOOD: "g",
    Level.PAUSED: "p",
    Level.UNKNOWN: "u",
    Level.WARN: "w",
    Level.BAD: "b",
    Level.DOWN: "d",
}

#: What this daemon is called where it is none of its peers.
NAMELESS = "this daemon"

#: Where a cell has the level of a figure.
PLACES = {Figure.ALL: 0, Figure.LOSS: 1, Figure.RTT: 2, Figure.CLOCK: 3}

#: Letters of the signs of one figure: a warning, and bad.
_LETTERS = {Figure.LOSS: "lL", Figure.RTT: "rR", Figure.CLOCK: "cC"}

#: A cell of a path that nobody measures, and one of which nothing was heard.
BLANK = '<td role="cell" class="o"></td>'
UNHEARD = '<td role="cell" class="u s">?</td>'

#: What cells say of a state, but for its name.
_STATES = {PeerState.UNRESOLVED: "no address", PeerState.NEW: "no answer yet"}

#: Writes each figure.
_TEXTS: Mapping[Figure, Callable[[PeerFigures], str]] = {
    Figure.LOSS: lossText,
    Figure.RTT: rttText,
    Figure.CLOCK: clockText,
}


class CellView(NamedTuple):
    """
    How cells are written.

    @ivar figure: the figures that they show.
    @ivar hasFigures: whether there is room for figures, and not for a sign only.
    @ivar isStale: whether they show what was, and not what is.
    """

    figure: Figure = Figure.ALL
    hasFigures: bool = False
    isStale: bool = False


class JudgedRow:
    """
    What is said of the paths of a source.

    @ivar row: the row.
    @ivar name: what its source is called.
    @ivar judged: its paths by the name of the target, without the one to itself.
    @ivar shares: their losses in percent, L{None} where these are not known.
    @ivar medians: their median RTTs in nanoseconds, likewise.
    """

    def __init__(self, row: SourceRow) -> None:
        """
        @param row: the row.
        """
        self.row = row
        self.name = row.source or NAMELESS
        peers = {**row.peers}
        peers.pop(row.source, None)
        self.judged = {name: cellOf(peer) for name, peer in peers.items()}
        self.shares = {name: missing(peer) for name, peer in peers.items()}
        self.medians = {name: peer.median for name, peer in peers.items()}
        self._levels: dict[Figure, dict[str, Level]] = {}
        self._written: dict[CellView, dict[str, str]] = {}

    def levels(self, figure: Figure) -> Mapping[str, Level]:
        """
        Give the levels of the paths, or of one of their figures.  They are kept.
        """
        found = self._levels.get(figure)
        if found is None:
            place = PLACES[figure]
            found = {name: cell.levels[place] for name, cell in self.judged.items()}
            self._levels[figure] = found
        return found

    def isStale(self, now: int) -> bool:
        """
        Tell whether the row is what was, and not what is.

        @param now: nanoseconds since the UNIX epoch.
        """
        row = self.row
        return bool(row.why) or row.at is None or now - row.at > STALE

    def cells(self, view: CellView) -> Mapping[str, str]:
        """
        Give the HTML of the cells by the name of the target.  It is kept.
        """
        found = self._written.get(view)
        if found is None:
            found = self._written[view] = self._write(view)
        return found

    def _write(self, view: CellView) -> dict[str, str]:
        """
        Write the cells.
        """
        # The same for all targets; empty for a place that is none of the web.
        base = pageOf(self.row.url, "")
        tag, quote = (f'a href="{base}', '"') if base else ("span", "")
        parts = _Parts(view, tag)
        title = f'{quote} title="{asHtml(self.name)} → '
        end = "</a></td>" if base else "</span></td>"
        peers = self.row.peers
        found = {}
        for name, cell in self.judged.items():
            target, path = _name(name)
            peer = peers[name]
            head, sign = parts.get(id(cell)) or parts.of(cell)
            found[name] = (
                f'{head}{path if base else ""}{title}{target}: {words(peer)}">'
                f"{sign or _figures(cell, peer, view.figure)}{end}"
            )
        return found


class _Parts(dict[int, tuple[str, str]]):
    """
    What cells of the same kind have in common, by the identity of what is said of them:
    the beginning, and the sign; that is empty where there are figures.
    """

    def __init__(self, view: CellView, tag: str) -> None:
        """
        @param tag: the beginning of what is in a cell.
        """
        super().__init__()
        self._view = view
        self._tag = tag

    def of(self, cell: Cell) -> tuple[str, str]:
        """
        Write the parts.
        """
        view = self._view
        stale = " s" if view.isStale else ""
        level = _CLASSES[cell.levels[PLACES[view.figure]]]
        head = f'<td role="cell" class="{level}{stale}"><{self._tag}'
        sign = "" if view.hasFigures else signOf(cell, view.figure)
        parts = self[id(cell)] = head, sign
        return parts


#: A sign before a figure, by the number of the level.
_MARKS = ["" if each is Level.GOOD else f"<b>{SIGNS[each]}</b> " for each in Level]

#: As L{CLASSES}, by number.
_CLASSES = [CLASSES[each] for each in Level]


@lru_cache(4096)
def _name(name: str) -> tuple[str, str]:
    """
    Write a name for HTML, and for a path.
    """
    return asHtml(name), asPath(name)


def signOf(cell: Cell, figure: Figure) -> str:
    """
    Give the sign of a cell, or of one of its figures: a letter if it is no good.
    """
    letters = _LETTERS.get(figure)
    if letters is None or cell.isWhole:
        return cell.sign
    level = cell.levels[PLACES[figure]]
    if level is Level.WARN:
        return letters[0]
    return letters[1] if level is Level.BAD else SIGNS[level]


def _figures(cell: Cell, peer: PeerFigures, figure: Figure) -> str:
    """
    Write the figures of a path, each with a sign.
    """
    if cell.isWhole:
        word = _STATES.get(peer.state, peer.state.value)
        return f'<i class="{CLASSES[cell.level]}"><b>{cell.sign}</b> {word}</i>'
    shown = _TEXTS if figure is Figure.ALL else (figure,)
    return "".join(
        [
            f'<i class="{_CLASSES[cell.levels[PLACES[each]]]}">'
            f"{_MARKS[cell.levels[PLACES[each]]]}{_TEXTS[each](peer)}</i>"
            for each in shown
        ]
    )
