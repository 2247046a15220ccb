"""
Rows for tests of plots.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from echostamp.history.memory import MemoryHistory
from echostamp.history.row import KeptRow
from echostamp.monitor.event import Event
from echostamp.times import MICROSECOND, MILLISECOND


def keptRow(at: int, rtt: int = 20 * MILLISECOND, offset: int = 0) -> KeptRow:
    """
    Give the row of a minute in which everything is known and nothing is lost.

    @param at: when it begins, in seconds since the UNIX epoch.
    @param rtt: the median of the RTTs.
    @param offset: the offset of the far clock.
    """
    return KeptRow(
        at,
        due=60,
        sent=60,
        received=60,
        least=rtt - 200 * MICROSECOND,
        p10=rtt - 150 * MICROSECOND,
        p25=rtt - 50 * MICROSECOND,
        median=rtt,
        p75=rtt + 100 * MICROSECOND,
        p90=rtt + 300 * MICROSECOND,
        p99=rtt + 900 * MICROSECOND,
        most=rtt + 1100 * MICROSECOND,
        pdvForward=120 * MICROSECOND,
        pdvForwardP99=800 * MICROSECOND,
        pdvBackward=80 * MICROSECOND,
        pdvBackwardP99=500 * MICROSECOND,
        offsetLow=offset - 90 * MICROSECOND,
        offset=offset,
        offsetHigh=offset + 90 * MICROSECOND,
        verdict=1,
        hopsForward=5,
        hopsBackward=6,
    )


def keptRows(began: int, ended: int, step: int = 60) -> Iterator[KeptRow]:
    """
    Give the rows of a span of time, one after the other.
    """
    for at in range(began, ended, step):
        yield keptRow(at, (20_000 + at // step % 7 * 100) * MICROSECOND)


def memoryHistory(
    name: str = "", rows: Sequence[KeptRow] = (), events: Sequence[Event] = ()
) -> MemoryHistory:
    """
    Give a history in memory.

    @param name: the peer whose rows these are.
    @param rows: its rows.
    @param events: of any peers, in order.
    """
    history = MemoryHistory(2000)
    history.write({}, events)
    for row in rows:
        history.write({name: row}, ())
    return history
