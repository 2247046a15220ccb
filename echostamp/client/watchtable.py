"""
Writes the table of C{echostamp watch}: rows in, lines out; pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import floor

from echostamp.client.watchrow import OffsetBounds, Row, TargetState
from echostamp.columns import columnsOf, fitted
from echostamp.times import MILLISECOND, SECOND

#: The least columns of a name, and the most that it may take from other columns.
_LEAST_NAME, _MOST_NAME = 8, 20

#: What marks a figure that is above its threshold.
MARK = "!"

_DAY = 86_400 * SECOND

#: The units of an offset in nanoseconds, its decimals, and its name.
_OFFSET_UNITS = (
    *((MILLISECOND // 10**places, places, "") for places in (3, 2, 1, 0)),
    (SECOND, 0, "s"),
    (_DAY, 0, "d"),
)

_BARS = "▁▂▃▄▅▆▇█"
_NO_REPLY = "x"

#: Escape sequences.
_RED, _YELLOW, _BOLD, _PLAIN = "\x1b[31m", "\x1b[33m", "\x1b[1m", "\x1b[m"

_COLOURS = {
    TargetState.DOWN: _RED,
    TargetState.NO_ADDRESS: _RED,
    TargetState.OVER: _YELLOW,
}


def milliseconds(ns: float | None) -> str:
    """
    Write an RTT in milliseconds, without the unit, in at most six characters.  The last
    digit is worth at least 100 ns.
    """
    if ns is None:
        return "-"
    ms = ns / MILLISECOND
    for places in 4, 3, 2, 1, 0:
        text = f"{ms:.{places}f}"
        if len(text) <= 6 and (places < 4 or ms < 1):
            return text
    return f"{ns / SECOND:.0f}s"


def share(percent: float | None) -> str:
    """
    Write a percentage in at most four characters.  It is 0 or 100 only if it is so
    exactly.
    """
    if percent is None:
        return "-"
    if 0 < percent < 0.1:
        return "<0.1"
    return f"{floor(percent * 10 + 1e-9) / 10:g}"


def bounded(offset: OffsetBounds | None, columns: int) -> str:
    """
    Write an offset and its greatest error in milliseconds, without the unit, or in
    seconds or days if that is too long.  The error is rounded up, and includes what the
    rounding of the offset adds.  A question mark says that no constant rates fit.

    @param columns: how many there are.
    """
    if offset is None:
        return "-"
    middle = offset.estimate
    error = max(offset.high - middle, middle - offset.low)
    doubt = "?" if offset.isMisfit else ""
    for unit, places, name in _OFFSET_UNITS:
        # All in whole numbers: a rounded quotient could lose a bound.
        count = (2 * middle + unit) // (2 * unit)
        most = -(-(error + abs(middle - count * unit)) // unit)
        sign = "-" if count < 0 else "+"
        values = (_decimal(abs(count), places), _decimal(most, places))
        text = f"{sign}{values[0]}±{values[1]}{name}{doubt}"
        if len(text) <= columns:
            return text
    return "-"


def _decimal(count: int, places: int) -> str:
    """
    Write a number of units, each of which is a power of ten.

    @param places: how many decimals.
    """
    whole, rest = divmod(count, 10**places)
    return f"{whole}.{rest:0{places}}" if places else str(whole)


def strip(recent: Sequence[int | None], columns: int) -> str:
    """
    Draw the last RTTs, the newest last.  The least one is the lowest bar; the highest
    stands for the greatest one, or for twice the least if that is more.  A cross is a
    probe without an RTT.
    """
    shown = recent[-columns:]
    known = [each for each in shown if each is not None]
    if not known:
        return _NO_REPLY * len(shown)
    low = min(known)
    step = max(max(known) - low, low, 1) / len(_BARS)
    return "".join(
        _NO_REPLY
        if each is None
        else _BARS[min(int((each - low) / step), len(_BARS) - 1)]
        for each in shown
    )


@dataclass(frozen=True)
class _Column:
    """
    A column.

    @ivar head: its heading.
    @ivar width: its columns, without the space before it.
    @ivar write: writes its cell.
    @ivar threshold: the threshold of its figure.
    @ivar rank: those with the greatest one are left out first on a narrow terminal.
    @ivar isWord: whether its cells are words, which begin on the left.
    """

    head: str
    width: int
    write: Callable[[Row], str]
    threshold: str = ""
    rank: int = 0
    isWord: bool = False

    def cell(self, text: str) -> str:
        """
        Make a text as wide as the column.
        """
        return text.ljust(self.width) if self.isWord else text.rjust(self.width)


_OFFSET = 12

_COLUMNS = (
    _Column("state", 5, lambda row: row.state.value, isWord=True),
    _Column("last", 6, lambda row: milliseconds(row.last), rank=3),
    _Column("median", 6, lambda row: milliseconds(row.median), "max-rtt"),
    _Column("p99", 6, lambda row: milliseconds(row.p99), "max-rtt-p99", rank=4),
    _Column("loss", 4, lambda row: share(row.missing), "max-loss"),
    _Column("fwd", 4, lambda row: share(row.forward), rank=5),
    _Column("bwd", 4, lambda row: share(row.backward), rank=5),
    _Column(
        "offset", _OFFSET, lambda row: bounded(row.offset, _OFFSET), "max-offset", 2
    ),
)

#: The heading of the strips, their least columns and rank.
_STRIP, _LEAST_STRIP, _STRIP_RANK = "RTTs", 4, 6


class Layout:
    """
    Which columns of the table there are, and how wide they are.
    """

    def __init__(self, names: Iterable[str], columns: int, mostStrip: int) -> None:
        """
        @param names: of all rows.
        @param columns: those of the terminal.
        @param mostStrip: the most columns of a strip.
        """
        longest = max([columnsOf("target"), *map(columnsOf, names)])
        least = max(_LEAST_NAME, min(longest, _MOST_NAME))
        rank = _STRIP_RANK
        while True:
            self._columns = [each for each in _COLUMNS if each.rank <= rank]
            used = sum(each.width + 1 for each in self._columns)
            hasStrip = rank >= _STRIP_RANK
            rest = columns - used - (_LEAST_STRIP + 1 if hasStrip else 0)
            if rest >= least or not rank:
                break
            rank -= 1
        self._name = max(1, min(longest, rest))
        left = rest - self._name
        self._strip = min(_LEAST_STRIP + left, mostStrip) if hasStrip else 0

    def head(self, isColoured: bool) -> str:
        """
        Write the headings.
        """
        cells = [fitted("target", self._name)]
        for each in self._columns:
            cells.append(" " + each.cell(each.head))
        if self._strip:
            cells.append(f" {_STRIP[: self._strip]}")
        return _coloured("".join(cells).rstrip(), _BOLD if isColoured else "")

    def line(self, row: Row, isColoured: bool) -> str:
        """
        Write a row.
        """
        cells = [fitted(row.name, self._name)]
        for each in self._columns:
            mark = MARK if each.threshold in row.exceeded else " "
            cells.append(mark + each.cell(each.write(row)))
        if self._strip:
            cells.append(f" {strip(row.recent, self._strip)}")
        colour = _COLOURS.get(row.state, "") if isColoured else ""
        return _coloured("".join(cells).rstrip(), colour)


def _coloured(line: str, colour: str) -> str:
    """
    Give a line a colour.
    """
    return f"{colour}{line}{_PLAIN}" if colour else line


#: The units of the figures.
UNITS = "RTTs, offset in ms, loss in %"


def title(rows: Sequence[Row]) -> str:
    """
    Count the targets by their state.
    """
    count = len(rows)
    parts = [f"{count} target{'' if count == 1 else 's'}"]
    for state in TargetState:
        number = sum(row.state is state for row in rows)
        if number and state is not TargetState.UP:
            parts.append(f"{number} {state.value}")
    return ", ".join(parts)
