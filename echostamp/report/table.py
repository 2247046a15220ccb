"""
Tables and histograms of durations, as text.
"""

from __future__ import annotations

from collections.abc import Iterator

from echostamp.measure.delay import Summary
from echostamp.measure.distribution import Distribution
from echostamp.units import readable

#: Rows of a histogram, and the characters of its longest bar.
ROWS, WIDTH = 16, 50

#: Decimals of a table's figures, by unit.
_PLACES = {1_000: 1, 1_000_000: 4, 1_000_000_000: 6}

#: Units of a table's rows, in nanoseconds.
_UNITS = ((1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs"))

_BLOCKS = " ▏▎▍▌▋▊▉█"


def table(rows: list[tuple[str, Summary | None]], isFine: bool) -> Iterator[str]:
    """
    Write summaries as the rows of a table of 79 columns.  The unit of a row is the one
    in which its greatest value is short.

    @param rows: the title of each row, and its summary.
    @param isFine: whether a nanosecond means something.
    """
    names = ("min", "mean", "median", "p90", "p99", "p99.9", "max", "stddev")
    yield " " * 15 + "".join(f"{name:>8}" for name in names)
    for title, row in rows:
        if row is None or row.n < 2 <= len(title.split()):
            continue
        values = (
            *(row.min, row.mean, row.median, row.p90),
            *(row.p99, row.p999, row.max, row.stddev),
        )
        greatest = max(abs(each) for each in values if each is not None)
        unit, name = next((unit for unit in _UNITS if greatest >= unit[0]), _UNITS[-1])
        cells = "".join(f"{_cell(each, unit, isFine):>8}" for each in values)
        yield f"{title:<12}{name:>3}{cells}"


def _cell(ns: float | None, unit: int, isFine: bool) -> str:
    """
    Write a value in at most seven characters.  The last digit is worth at least a
    hundred nanoseconds, or one where that means something.
    """
    if ns is None:
        return "-"
    places = 3 if unit == 1_000 and isFine else _PLACES[unit]
    text = f"{ns / unit:.{places}f}"
    while places and len(text) > 7:
        places -= 1
        text = f"{ns / unit:.{places}f}"
    return text


def histogram(found: Distribution) -> Iterator[str]:
    """
    Draw how many round trips were how long, a bar for each row.
    """
    last, most = len(found.counts) - 1, max(found.counts)
    for row, (edge, count) in enumerate(zip(found.edges, found.counts, strict=True)):
        start = ("≥ " if row == last else "") + readable(edge)
        eighths = max(round(count * WIDTH * 8 / most), 1) if count else 0
        bar = "█" * (eighths // 8) + _BLOCKS[eighths % 8].strip()
        yield f"{start:>12} {bar} {count}" if count else f"{start:>12}"
