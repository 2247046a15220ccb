"""
Makes lines of text that fit a terminal.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from math import floor

#: The columns of a terminal.
COLUMNS = 80

#: The columns of the label at the beginning of a line of figures.
LABEL = 14


def fitted(line: str) -> Iterator[str]:
    """
    Break a line that is longer than a terminal is wide.  The rest goes below the text
    that follows a label.
    """
    if len(line) <= COLUMNS:
        yield line
        return
    isLabelled = line[LABEL - 1] == " " and not line.startswith("PING ")
    start = LABEL if isLabelled else 0
    # A name that fits only without an indent gets none.
    longest = max(map(len, line[start:].split()))
    indent = LABEL if isLabelled else 4
    if COLUMNS - indent < longest <= COLUMNS:
        indent = 0
    yield from textwrap.wrap(
        line[start:],
        COLUMNS,
        initial_indent=line[:start],
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def joined(parts: Iterable[str], most: int = COLUMNS) -> Iterator[str]:
    """
    Join parts of a sentence by commas, and break the line between two of them where it
    gets too long.

    @param most: columns of a line.
    """
    line = ""
    for part in parts:
        longer = f"{line}, {part}" if line else part
        if line and len(longer) >= most:
            yield f"{line},"
            longer = part
        line = longer
    yield line


def titled(target: str, address: str) -> str:
    """
    Name the far end in a title: by its address, too, where that fits.

    @param target: as the user typed it.
    @param address: its address and port; the same as C{target} for none.
    """
    titles = [f"--- {target} ({address}) ---", f"--- {target} ---", target]
    if address == target:
        del titles[0]
    return next((each for each in titles if len(each) <= COLUMNS), target)


def percent(share: float) -> str:
    """
    Write a percentage with three digits.  It is 100 only where nothing is missing.
    """
    if share < 99:
        return f"{share:.3g} %"
    return f"{floor(share * 10_000) / 10_000:g} %"


def times(count: int) -> str:
    """
    Write how often something happened.
    """
    return "once" if count == 1 else f"{count} times"


def milliseconds(ns: float, digits: int = 3) -> str:
    """
    Write a duration in milliseconds.

    @param digits: how many decimals.
    """
    return f"{ns / 1e6:.{digits}f} ms"
