"""
Probes as rows of a flat array of integers: 48 octets each.
"""

from __future__ import annotations

from array import array
from operator import add, sub
from sys import byteorder

from echostamp.measure.block import UNKNOWN
from echostamp.measure.hull import Hull, hullOf
from echostamp.measure.timedprobes import TimedProbes

#: The columns.  L{HEAD} holds the number of the probe and the resolution of its stamps.
#: L{WAIT} is how long after it was due the probe was sent; L{UNKNOWN} for times that
#: belong to no probe.  L{UNKNOWN} means not known.  T3 has no column: where the far end
#: gives T2 and T3 apart it follows from the others, and elsewhere it is T2.
HEAD, WAIT, T1, T2, T4, RTT = range(6)

#: How many columns there are.
WIDTH = 6

#: The numbers of probes are kept in so many values.
NUMBERS = 1 << 31

_BITS = 32

#: The index of the lower half of an integer of 64 bits, in halves.
_LOW = 0 if byteorder == "little" else 1
_RESOLUTION = (1 << _BITS) - 1


def head(seq: int, resolution: int) -> int:
    """
    Return the first column of a row.

    @param seq: the number of the probe.
    @param resolution: of its stamps, in nanoseconds.
    """
    return seq % NUMBERS << _BITS | resolution


def number(head: int) -> int:
    """
    Return the number of the probe, less a multiple of L{NUMBERS}.
    """
    return head >> _BITS


def thinned(rows: array[int], every: int) -> array[int]:
    """
    Return the rows of every probe whose number is a multiple of C{every}.

    @param every: a power of two.
    """
    if every == 1:
        return rows
    kept = array("q")
    for at in range(0, len(rows), WIDTH):
        if not number(rows[at]) % every:
            kept += rows[at : at + WIDTH]
    return kept


def hullsOf(probes: TimedProbes) -> tuple[Hull, Hull]:
    """
    Return the hulls of the bounds of the offset: from above, and from below.
    """
    upper, lower = probes.bounds()
    return hullOf(upper), hullOf(lower)


def resolution(head: int) -> int:
    """
    Return the resolution of a probe's stamps.
    """
    return head & _RESOLUTION


def rttsOf(rows: array[int]) -> tuple[list[int], list[int]]:
    """
    Return the RTTs of the rows, from when the probes were sent and from when they were
    due.
    """
    sent = rows[RTT::WIDTH].tolist()
    if UNKNOWN not in sent:
        return sent, list(map(add, sent, rows[WAIT::WIDTH]))
    pairs = [
        (rtt, rtt + wait)
        for rtt, wait in zip(sent, rows[WAIT::WIDTH], strict=True)
        if rtt != UNKNOWN
    ]
    return [rtt for rtt, _ in pairs], [due for _, due in pairs]


def residencesOf(rows: array[int]) -> list[int]:
    """
    Return how long the far end had the probe of each row that has all four times.  The
    far end gives T2 and T3 apart: the RTT is without the time between them.
    """
    columns = (rows[column::WIDTH] for column in (T1, T2, T4, RTT))
    return [
        max(t4 - t1 - rtt, 0)
        for t1, t2, t4, rtt in zip(*columns, strict=True)
        if t2 != UNKNOWN != rtt
    ]


def ipdvOf(rows: array[int]) -> array[int]:
    """
    Return the magnitude of the difference between the RTT of each row and that of the
    probe sent before it, where both are among the rows.
    """
    numbers = array("I", rows[HEAD::WIDTH].tobytes())[1 - _LOW :: 2]
    rtts = rows[RTT::WIDTH].tolist()
    if numbers and UNKNOWN not in rtts:
        first = numbers[0]
        if numbers == array("I", range(first, first + len(numbers))):
            return array("q", map(abs, map(sub, rtts[1:], rtts)))
    known = dict(zip(numbers, rtts, strict=True))
    found = array("q")
    for seq, rtt in known.items():
        before = known.get((seq - 1) % NUMBERS, UNKNOWN)
        if UNKNOWN not in (rtt, before):
            found.append(abs(rtt - before))
    return found


def timedOf(rows: array[int], isApart: bool, least: int = 1) -> TimedProbes:
    """
    Return the rows that have all four times.

    @param isApart: whether the far end gives T2 and T3 apart.  The RTT is then without
        the time between them.
    @param least: the stamps are no finer than this.
    """
    t1, t2, t4 = rows[T1::WIDTH], rows[T2::WIDTH], rows[T4::WIDTH]
    resolutions = array("I", rows[HEAD::WIDTH].tobytes())[_LOW::2]
    forward = list(map(sub, t2, t1))
    backward = map(sub, rows[RTT::WIDTH], forward) if isApart else map(sub, t4, t2)
    coarse = resolutions.tolist()
    if least > 1:
        coarse = [max(each, least) for each in coarse]
    found = TimedProbes(t1.tolist(), t4.tolist(), forward, list(backward), coarse)
    return found.only(map(UNKNOWN.__ne__, t2)) if UNKNOWN in t2 else found


def areProbes(rows: array[int]) -> list[bool] | None:
    """
    Check of each row that has all four times whether it is one of a probe.

    @return: L{None} where all are.
    """
    waits = rows[WAIT::WIDTH]
    if UNKNOWN not in waits:
        return None
    pairs = zip(waits, rows[T2::WIDTH], strict=True)
    return [wait != UNKNOWN for wait, t2 in pairs if t2 != UNKNOWN]
