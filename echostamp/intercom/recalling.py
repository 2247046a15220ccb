"""
Find the entries of a stream that were applied to a room; pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress

from echostamp.intercom.entries import Begin, Entry, Fields, Lose, decode


def applied(entries: Iterable[Fields], heard: Mapping[bytes, int]) -> list[Entry]:
    """
    Give those entries of a part of a stream that all daemons have applied.

    An entry before which others were missing was passed over.  It came again later,
    behind those.

    @param entries: all of that part, the oldest first.
    @param heard: of each daemon that is in the room at the end of the part: the number
        of the last line that was applied.
    """
    found = []
    for fields in entries:
        with suppress(ValueError):
            entry = decode(fields)
            if not isinstance(entry.operation, Begin):
                found.append(entry)
    # Nothing is missing before the first one of each daemon.
    reached: dict[bytes, int] = {}
    # Where a daemon has taken lines for lost, what it had written behind them has come
    # too early, and comes again.
    losses: dict[bytes, tuple[int, int]] = {}
    for place, entry in enumerate(found):
        before = reached.get(entry.daemon, entry.reached)
        reached[entry.daemon] = min(before, entry.reached)
        # Once it is heard, its repetition has no effect.
        isLoss = isinstance(entry.operation, Lose)
        if isLoss and entry.number > losses.get(entry.daemon, (0, 0))[1]:
            losses[entry.daemon] = place, entry.number
    kept = []
    for place, entry in enumerate(found):
        last = reached[entry.daemon]
        loss, lost = losses.get(entry.daemon, (0, 0))
        isNext = entry.reached <= last or isinstance(entry.operation, Lose)
        comesAgain = place < loss and entry.last > lost
        isBeyond = entry.last > heard.get(entry.daemon, entry.last)
        if isNext and not (comesAgain or isBeyond):
            reached[entry.daemon] = max(last, entry.last)
            kept.append(entry)
    return kept
