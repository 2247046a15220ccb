"""
Writes tables and histograms of durations, as text.
"""

from __future__ import annotations

from collections.abc import Iterator

from echostamp.measure.delay import Summary
from echostamp.measure.distribution import Distribution
from echostamp.units import readable

#: The rows of a histogram, and the length of its longest bar in characters.
ROWS, WIDTH = 16, 50

#: The units of tables, in nanoseconds.
_UNITS = ((1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs"))

#: The characters of a column, and of the longest figure.
_COLUMN, _FIGURE = 8, 7

_BLOCKS = " ▏▎▍▌▋▊▉█"


def table(rows: list[tuple[str, Summary | None]], isFine: bool) -> Iterator[str]:
    """
    Write summaries as the rows of a table of 79 columns, all in one unit: the largest
    that does not exceed the first row's median, if the longest figures fit.

    @param rows: the title of each row, and its summary; the first row has one.
    @param isFine: whether the values are exact to a nanosecond.
    """
    shown = [
        (title, row)
        for title, row in rows
        if row is not None and not row.n < 2 <= len(title.split())
    ]
    greatest = max((row.max for _, row in shown), default=0)
    typical = shown[0][1].median if shown else 0
    unit, name = next(
        (
            each
            for each in _UNITS
            if typical >= each[0]
            # In the next smaller unit it would be too long, once rounded.
            or greatest + each[0] // 2000 >= each[0] * 10**_FIGURE // 1000
        ),
        _UNITS[-1],
    )
    names = ("min", "mean", "median", "p90", "p99", "p99.9", "max", "stddev")
    yield f"{name:<15}" + "".join(f"{each:>{_COLUMN}}" for each in names)
    for title, row in shown:
        values = (
            *(row.min, row.mean, row.median, row.p90),
            *(row.p99, row.p999, row.max, row.stddev),
        )
        cells = "".join(f"{_cell(each, unit, isFine):>{_COLUMN}}" for each in values)
        yield f"{title:<15}{cells}"


def _cell(ns: float | None, unit: int, isFine: bool) -> str:
    """
    Write a value in as many characters as a column has.  Its last digit is worth at
    least 100 ns, or 1 ns where the values are exact.
    """
    if ns is None:
        return "-"
    places = len(str(unit)) - (1 if isFine else 3)
    text = f"{ns / unit:.{places}f}"
    while places and len(text) > _FIGURE:
        places -= 1
        text = f"{ns / unit:.{places}f}"
    return text


def histogram(found: Distribution) -> Iterator[str]:
    """
    Draw the distribution of round trips, with a bar for each row.
    """
    last, most = len(found.counts) - 1, max(found.counts)
    for row, (edge, count) in enumerate(zip(found.edges, found.counts, strict=True)):
        start = ("≥ " if row == last else "") + readable(edge)
        eighths = max(round(count * WIDTH * 8 / most), 1) if count else 0
        bar = "█" * (eighths // 8) + _BLOCKS[eighths % 8].strip()
        yield f"{start:>12} {bar} {count}" if count else f"{start:>12}"
