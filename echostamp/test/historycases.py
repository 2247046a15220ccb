"""
Rows and events for tests of histories, and what every history does.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from hypothesis import strategies
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from echostamp.history.interfaces import EventQuery, IHistory
from echostamp.history.mixture import merged
from echostamp.history.row import MINUTE, KeptRow
from echostamp.measure.verdicts import FITS, VERDICTS
from echostamp.monitor.event import Event, Kind
from echostamp.times import SECOND

#: A time at which an hour, a day and a week of the UNIX epoch begin.
NOON = 2800 * 7 * 86_400

_NANOSECONDS = strategies.integers(0, 2**40)


def row(at: int, seed: int = 0, received: int = 60) -> KeptRow:
    """
    Make a minute as a peer of 10 ms has it.

    @param seed: chooses among such rows.
    """
    rng = random.Random(f"{at} {seed}")
    rtts = sorted(10_000_000 + round(rng.expovariate(1e-5)) for _ in range(8))
    pdvs = [sorted(rng.randrange(1_000_000) for _ in range(2)) for _ in range(2)]
    low = -rng.randrange(5_000_000)
    return KeptRow._make(
        [
            *(at, 60, 60, received, 0, 60 - received, 0, 0),
            *rtts,
            *pdvs[0],
            *pdvs[1],
            *(low, low + 3_000_000, low + 6_000_000, VERDICTS.index(FITS), 7, 9),
            rng.randrange(20_000_000),
        ]
    )


@strategies.composite
def rows(draw: strategies.DrawFn, at: int | None = None) -> KeptRow:
    """
    Make any row that may be kept.

    @param at: when it begins; L{None} for any time.
    """
    counts = draw(strategies.lists(strategies.integers(0, 999), min_size=7, max_size=7))
    rtts = draw(_some(8))
    low, estimate, high = draw(_some(3))
    hops = strategies.none() | strategies.integers(0, 255)
    return KeptRow._make(
        [
            draw(strategies.integers(0, 2**31)) if at is None else at,
            *counts,
            *(rtts if counts[2] else [None] * 8),
            *draw(_some(2)),
            *draw(_some(2)),
            *(low, estimate, high, draw(strategies.integers(0, 3))),
            *(draw(hops), draw(hops), draw(_NANOSECONDS)),
        ]
    )


@strategies.composite
def _some(draw: strategies.DrawFn, count: int) -> Sequence[int | None]:
    """
    Make so many values in rising order, or none.
    """
    if draw(strategies.booleans()):
        return [None] * count
    return sorted(draw(strategies.lists(_NANOSECONDS, min_size=count, max_size=count)))


def event(number: int, peer: str = "a", kind: Kind = Kind.DOWN) -> Event:
    """
    Make an event; each number is a second later.
    """
    at = (NOON + number) * SECOND
    return Event(kind, peer, at, "x", f"text {number}", {"n": number, "f": 0.5}, number)


class HistoryCases(SynchronousTestCase):
    """
    What every history does.  A subclass makes one in C{setUp}.
    """

    history: IHistory

    def test_interface(self) -> None:
        """It is a history."""
        verifyObject(IHistory, self.history)

    def test_empty(self) -> None:
        """It knows nothing at first, of any span."""
        self.assertEqual(self.history.peers(), [])
        self.assertEqual(self.history.events(EventQuery()), [])
        for span in (0, 2**40), (5, 5), (9, 3):
            self.assertEqual(self.history.points("a", *span).rows, [])

    def test_points(self) -> None:
        """It gives the rows of a span, without its end, the oldest first."""
        minutes = [row(NOON + MINUTE * at) for at in range(5)]
        for each in minutes:
            self.history.write({"a": each, "b": each._replace(due=7)}, [])
        found = self.history.points("a", NOON + MINUTE, NOON + 4 * MINUTE)
        self.assertEqual((found.step, found.rows), (MINUTE, minutes[1:4]))
        self.assertEqual(self.history.points("b", 0, 2**40).rows[0].due, 7)
        self.assertEqual(self.history.points("c", 0, 2**40).rows, [])

    def test_peers(self) -> None:
        """It names the peers that have rows, whatever their names are."""
        names = ["", "a'; DROP TABLE peers", "a/b", "ä\0\n", "\N{GRINNING FACE}"]
        for name in reversed(names):
            self.history.write({name: row(NOON)}, [])
        self.assertEqual(self.history.peers(), names)
        for name in names:
            self.assertEqual(self.history.points(name, 0, 2**40).rows, [row(NOON)])

    def test_again(self) -> None:
        """A second row of the same minute is merged with the first."""
        first, second = row(NOON + 7), row(NOON, 2)
        self.history.write({"a": first}, [])
        self.history.write({"a": second}, [])
        both = merged([first._replace(at=NOON), second], NOON)
        self.assertEqual(self.history.points("a", NOON, NOON + 1).rows, [both])

    def test_steps(self) -> None:
        """Points are as long as they are asked for, from a multiple of that on."""
        minutes = [row(NOON + MINUTE * at) for at in range(20)]
        for each in minutes:
            self.history.write({"a": each}, [])
        found = self.history.points("a", NOON + 120, NOON + 1200, 290)
        self.assertEqual(found.step, 300)
        self.assertEqual(
            found.rows,
            [
                merged(minutes[at : at + 5], NOON + MINUTE * at)
                for at in range(0, 20, 5)
            ],
        )

    def test_gap(self) -> None:
        """There is no point where there is no row."""
        for at in 0, 1, 7:
            self.history.write({"a": row(NOON + MINUTE * at)}, [])
        found = self.history.points("a", NOON, NOON + 3600, 120)
        self.assertEqual([each.at - NOON for each in found.rows], [0, 360])

    def test_events(self) -> None:
        """It gives events as they were, the newest first, as many as are asked for."""
        events = [event(at) for at in range(9)]
        self.history.write({}, events[:4])
        self.history.write({}, events[4:])
        found = self.history.events(EventQuery())
        self.assertEqual([each.event for each in found], events[::-1])
        self.assertEqual(self.history.events(EventQuery(most=3)), found[:3])
        self.assertEqual(self.history.events(EventQuery(most=0)), [])
        self.assertEqual(
            self.history.events(EventQuery(before=found[2].number)), found[3:]
        )
        self.assertEqual(self.history.events(EventQuery(since=events[6].at)), found[:3])

    def test_filters(self) -> None:
        """It gives the events of a peer, of the daemon, of a kind, or of both."""
        events = [
            event(1),
            event(2, kind=Kind.UP),
            event(3, "b"),
            event(4, "", Kind.STALL),
        ]
        self.history.write({}, events)
        for query, numbers in [
            (EventQuery(peer="a"), [2, 1]),
            (EventQuery(peer=""), [4]),
            (EventQuery(kind=Kind.DOWN), [3, 1]),
            (EventQuery(peer="a", kind=Kind.UP), [2]),
            (EventQuery(peer="b", kind=Kind.UP), []),
            (EventQuery(peer="a", since=events[1].at), [2]),
        ]:
            found = self.history.events(query)
            self.assertEqual([each.event.leftOut for each in found], numbers, query)

    def test_wildQuestions(self) -> None:
        """Whatever is asked, there is an answer."""
        self.history.write({"a": row(NOON)}, [event(1)])
        far = 10**30
        for span in (-far, far), (far, -far), (NOON, far), (-far, NOON + 1):
            for step in None, -far, 0, 1, far:
                found = self.history.points("a", *span, step)
                self.assertEqual(len(found.rows), span[0] < span[1], (span, step))
        self.assertEqual(self.history.points("\udcff", -far, far).rows, [])
        for query, count in [
            (EventQuery(since=-far, before=far, most=far), 1),
            (EventQuery(since=far), 0),
            (EventQuery(before=-far), 0),
            (EventQuery(most=-far), 0),
            (EventQuery(peer="\udcff"), 0),
        ]:
            self.assertEqual(len(self.history.events(query)), count)

    def test_clockSetBack(self) -> None:
        """Events are in the order in which they were written, whatever the clock
        said."""
        self.history.write({}, [event(5)])
        self.history.write({}, [event(1), event(6)])
        found = self.history.events(EventQuery())
        self.assertEqual([each.event.leftOut for each in found], [6, 1, 5])
        found = self.history.events(EventQuery(since=event(5).at))
        self.assertEqual([each.event.leftOut for each in found], [6, 5])
