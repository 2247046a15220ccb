"""
A history of many peers as it is after a year.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from echostamp.history.row import DAY, HOUR, MINUTE, KeptRow
from echostamp.history.store import SqliteHistory
from echostamp.history.storedevents import writeEvents
from echostamp.monitor.event import Event, Kind
from echostamp.times import MICROSECOND, MILLISECOND, SECOND

#: When the year ends: at the beginning of a day.
ENDED = 20_500 * DAY

#: How many peers there are, for how many days minutes and all else are kept, and how
#: many events each peer has a day.
PEERS, MINUTES_KEPT, KEPT, EVENTS = 200, 7, 365, 4

#: How many rows of each peer are made; they return later.
_DIFFERENT = 97


class Path(NamedTuple):
    """
    What a peer is like, in nanoseconds.
    """

    least: int
    spread: int
    offset: int


def pathsOf(count: int) -> Mapping[str, Path]:
    """
    Make peers, by name: some near, some far, some with clocks that are wrong.
    """
    rng = random.Random(5)
    return {
        f"host-{at:03}.site-{at % 20}.example.net": Path(
            round(rng.lognormvariate(16.5, 1)),
            round(rng.lognormvariate(12, 1)),
            round(rng.gauss(0, 1) * rng.choice([MICROSECOND, MILLISECOND, SECOND])),
        )
        for at in range(count)
    }


def rowsOf(path: Path, seed: int) -> Sequence[KeptRow]:
    """
    Make rows as such a peer has them.
    """
    rng = random.Random(seed)

    def some(scale: float) -> int:
        return round(rng.expovariate(1 / (path.spread * scale)))

    def make() -> KeptRow:
        lost = rng.random() < 0.05
        rtts = [path.least + some(0.1)]
        for scale in 0.2, 0.2, 0.3, 0.3, 0.6, 2, 2:
            rtts.append(rtts[-1] + some(scale))
        low = path.offset - path.least // 2 + some(1)
        forward, backward = some(1), some(1)
        return KeptRow._make(
            [
                *(0, 60, 60, 60 - lost, 0, int(lost), 0, 0, *rtts),
                *(forward, forward + some(2), backward, backward + some(2)),
                *(low, low + path.least // 2, low + path.least, 1, 11, 12),
                some(1) if rng.random() < 0.01 else 0,
            ]
        )

    return [make() for _ in range(_DIFFERENT)]


def eventsOf(names: Sequence[str]) -> Iterator[Event]:
    """
    Make the events of the year, in the order of time.
    """
    rng = random.Random(9)
    count = EVENTS * len(names) * KEPT
    kinds = [
        *(Kind.DOWN, Kind.UP, Kind.LOSS_HIGH, Kind.LOSS_OK),
        *(Kind.RTT_HIGH, Kind.RTT_OK, Kind.ADDRESS, Kind.CLOCK_STEP),
    ]
    for number in range(count):
        at = ENDED - KEPT * DAY + KEPT * DAY * number // count
        yield Event(
            *(rng.choice(kinds), rng.choice(names), at * SECOND, "max_loss"),
            "12.5 % of the probes of the last 60 s were lost, more than 5 %",
            {"loss_percent": 12.5, "limit": 5.0, "window": 60_000_000_000},
        )


def fillYear(path: str) -> None:
    """
    Write a year of rows and events at once, row by row as time goes by: the peers in
    turns, so that the pages are as full as those of a daemon.
    """
    SqliteHistory(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("PRAGMA cache_size=-100000")
    paths = pathsOf(PEERS)
    connection.executemany(
        "INSERT INTO peers (name) VALUES (?)", [(name,) for name in paths]
    )
    pools = [rowsOf(each, number) for number, each in enumerate(paths.values(), 1)]
    places = ", ".join("?" * (len(KeptRow._fields) + 1))
    for table, length, days in [
        ("minutes", MINUTE, MINUTES_KEPT),
        ("hours", HOUR, KEPT),
        ("days", DAY, KEPT),
    ]:
        connection.executemany(
            f"INSERT INTO {table} VALUES ({places})",
            (
                (number, at, *pool[(at // length + number) % _DIFFERENT][1:])
                for at in range(ENDED - days * DAY, ENDED, length)
                for number, pool in enumerate(pools, 1)
            ),
        )
    writeEvents(connection, eventsOf(list(paths)))
    connection.commit()
    connection.close()
