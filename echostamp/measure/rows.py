"""
Probes as rows of a flat array of integers: 56 octets each.
"""

from __future__ import annotations

from array import array
from operator import add, sub
from sys import byteorder

from echostamp.measure.block import UNKNOWN, VOID, Block
from echostamp.measure.hull import Bounds, Hull, hullOf
from echostamp.measure.offsetwindow import NEAR_RESOLUTION

#: The columns.  L{HEAD} holds the number of the probe and the resolution of its stamps.
#: L{WAIT} is how long after it was due the probe was sent; L{UNKNOWN} for times that
#: belong to no probe.  L{UNKNOWN} means not known.
HEAD, WAIT, T1, T2, T3, T4, RTT = range(7)

#: How many columns there are.
WIDTH = 7

#: The numbers of probes are kept in so many values.
NUMBERS = 1 << 31

_BITS = 32

#: The index of the lower half of an integer of 64 bits, in halves.
_LOW = 0 if byteorder == "little" else 1
_RESOLUTION = (1 << _BITS) - 1


def head(seq: int, resolution: int) -> int:
    """
    Give the first column of a row.

    @param seq: the number of the probe.
    @param resolution: of its stamps, in nanoseconds.
    """
    return seq % NUMBERS << _BITS | resolution


def number(head: int) -> int:
    """
    Give the number of the probe, less a multiple of L{NUMBERS}.
    """
    return head >> _BITS


def thinned(rows: array[int], every: int) -> array[int]:
    """
    Give the rows of every probe whose number is a multiple of C{every}.

    @param every: a power of two.
    """
    if every == 1:
        return rows
    kept = array("q")
    for at in range(0, len(rows), WIDTH):
        if not number(rows[at]) % every:
            kept += rows[at : at + WIDTH]
    return kept


def hullsOf(block: Block) -> tuple[Hull, Hull]:
    """
    Give the hulls of the bounds from above and of those from below that probes give.

    @param block: probes that have all four times.
    """
    upper, lower = boundsOf(block)
    return hullOf(zip(*upper, strict=True)), hullOf(zip(*lower, strict=True))


def boundsOf(block: Block) -> tuple[Bounds, Bounds]:
    """
    Give the bounds of the offset that probes give: from above, and from below as bounds
    from above of the offset's negative.

    @param block: probes that have all four times.
    """
    ends = [t4 + NEAR_RESOLUTION for t4 in block.t4]
    latest = map(add, block.t2, block.resolution)
    return (
        _inOrder(block.t1.tolist(), list(map(sub, latest, block.t1))),
        _inOrder(ends, list(map(sub, ends, block.t3))),
    )


def _inOrder(times: list[int], values: list[int]) -> Bounds:
    """
    Sort bounds by time.
    """
    if times == sorted(times):
        return times, values
    columns = sorted(zip(times, values, strict=True))
    return [time for time, _ in columns], [value for _, value in columns]


def resolution(head: int) -> int:
    """
    Give the resolution of a probe's stamps.
    """
    return head & _RESOLUTION


def rttsOf(rows: array[int]) -> tuple[array[int], array[int]]:
    """
    Give the RTTs of the rows, from when the probes were sent and from when they were
    due.
    """
    sent = rows[RTT::WIDTH]
    if UNKNOWN not in sent:
        due = array("q", map(add, sent, rows[WAIT::WIDTH]))
        return sent, due
    pairs = [
        (rtt, rtt + wait)
        for rtt, wait in zip(sent, rows[WAIT::WIDTH], strict=True)
        if rtt != UNKNOWN
    ]
    return array("q", [rtt for rtt, _ in pairs]), array("q", [due for _, due in pairs])


def ipdvOf(rows: array[int]) -> array[int]:
    """
    Give the magnitude of the difference between the RTT of each row and that of the
    probe sent before it, where both are among the rows.
    """
    numbers = array("I", rows[HEAD::WIDTH].tobytes())[1 - _LOW :: 2]
    rtts = rows[RTT::WIDTH]
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


def blockOf(rows: array[int]) -> Block:
    """
    Give the rows that have all four times, as a block.  Those that belong to no probe
    have the flag L{VOID}.
    """
    waits, t2s = rows[WAIT::WIDTH], rows[T2::WIDTH]
    block = Block()
    block.t1, block.t2, block.t3 = rows[T1::WIDTH], t2s, rows[T3::WIDTH]
    block.t4, block.rtt = rows[T4::WIDTH], rows[RTT::WIDTH]
    block.due = block.t1
    block.resolution = array("I", rows[HEAD::WIDTH].tobytes())[_LOW::2]
    if UNKNOWN in waits:
        block.flags = array("H", [VOID if wait == UNKNOWN else 0 for wait in waits])
    else:
        block.flags = array("H", bytes(2 * len(waits)))
    return block.only([t2 != UNKNOWN for t2 in t2s]) if UNKNOWN in t2s else block
