"""
What happened to probes, counted.
"""

from __future__ import annotations

from array import array

from echostamp.measure.block import ALTERED, DUPLICATED, LATE, LOST, REORDERED

#: More flags, beside those of a block: a probe that was due and was not sent, times
#: that belong to no probe, and a reply in time without an RTT.
SKIPPED, EXTRA, UNTIMED = (1 << bit for bit in range(8, 11))

#: How many duplicates came is kept in the flags, from this bit on.
_REPEATS = 16

_MOST_REPEATS = (1 << 15) - 1

#: The columns of counts, in a flat array.
(
    C_RECEIVED,
    C_LOST,
    C_SKIPPED,
    C_LATE,
    C_DUPLICATES,
    C_REORDERED,
    C_ALTERED,
    C_UNTIMED,
) = range(8)

#: How many columns there are.
COUNTS = 8


def repeated(flags: int) -> int:
    """
    Return the flags of a probe that was answered once more.
    """
    if flags >> _REPEATS == _MOST_REPEATS:
        return flags
    return (flags | DUPLICATED) + (1 << _REPEATS)


def tally(counts: array[int] | list[int], first: int, flags: int) -> None:
    """
    Count a probe.

    @param counts: L{COUNTS} columns, from the index C{first} on.
    @param flags: what happened to the probe.
    """
    if not flags:
        counts[first] += 1
    elif flags & SKIPPED:
        counts[first + C_SKIPPED] += 1
    elif not flags & EXTRA:
        counts[first + (C_LOST if flags & LOST else C_RECEIVED)] += 1
        counts[first + C_DUPLICATES] += flags >> _REPEATS
        tallyReply(counts, first, flags)
        counts[first + C_UNTIMED] += flags & UNTIMED > 0


def tallyReply(counts: array[int] | list[int], first: int, flags: int) -> None:
    """
    Count what is known of a reply, as L{tally} does.
    """
    counts[first + C_LATE] += flags & LATE > 0
    counts[first + C_REORDERED] += flags & REORDERED > 0
    counts[first + C_ALTERED] += flags & ALTERED > 0
