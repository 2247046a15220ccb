"""
Histories of peers that were watched for months.
"""

from __future__ import annotations

import math
import random
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from echostamp.history.row import DAY, HOUR, MINUTE, KeptRow
from echostamp.history.store import SqliteHistory
from echostamp.monitor.event import Event, Kind
from echostamp.times import MILLISECOND, SECOND

#: For how many days there are rows of each table, and how long these are.
TABLES = ("minutes", MINUTE, 7), ("hours", HOUR, 100), ("days", DAY, 100)

#: How long ago the peers were down, and for how long, in seconds.
DOWN, OUTAGE = 5 * HOUR, 40 * MINUTE

#: How long ago the clocks were set, in seconds.
SET = 11 * HOUR


class Past(NamedTuple):
    """
    What a peer was like.

    @ivar name: of the peer.
    @ivar rtt: its least RTT, in nanoseconds.
    @ivar ahead: how far its clock was ahead before it was set, in nanoseconds.
    """

    name: str
    rtt: int = 20 * MILLISECOND
    ahead: int = 0


def rowsOf(past: Past, ended: int, length: int, days: int) -> Iterator[KeptRow]:
    """
    Make the rows of a peer, which was down for a while and not watched for an hour.

    @param ended: when the last one ends, in seconds since the UNIX epoch.
    @param length: how long each is, in seconds.
    @param days: for how many days there are rows.
    """
    rng = random.Random(f"{past.name} {length}")
    due = length
    for at in range((ended - days * DAY) // length * length, ended, length):
        ago = ended - at
        if 3 * HOUR >= ago > 2 * HOUR:
            continue
        if DOWN >= ago > DOWN - OUTAGE:
            yield KeptRow(at, due, due, lostUnknown=due)
            continue
        # More in the evening.
        busy = max(0.0, math.sin((at / DAY + 0.45) * 2 * math.pi))
        lost = sum(rng.random() < 0.02 * busy for _ in range(min(due, 60)))
        rtts = [past.rtt]
        for scale in 0.02, 0.03, 0.05, 0.08, 0.1, 0.4, 0.5:
            grown = rng.expovariate(1) * scale * past.rtt * (0.3 + busy)
            rtts.append(rtts[-1] + round(grown))
        offset = past.ahead if ago > SET else 0
        offset += round(past.rtt * 0.1 * math.sin(at / 5000))
        yield KeptRow._make(
            [
                *(at, due, due, due - lost, lost, 0, 0, 0, *rtts),
                *(rtts[3] // 40, rtts[6] // 20, rtts[3] // 50, rtts[6] // 30),
                *(offset - past.rtt // 4, offset, offset + past.rtt // 4, 1, 1, 1, 0),
            ]
        )


def eventsOf(past: Past, ended: int) -> Iterator[Event]:
    """
    Make the events of a peer, the oldest first.
    """

    def event(kind: Kind, ago: int, text: str) -> Event:
        return Event(kind, past.name, (ended - ago) * SECOND, "", text, {})

    if past.ahead:
        text = f"its clock was set back by {past.ahead / 1e6:g} ms"
        yield event(Kind.CLOCK_STEP, SET, text)
    yield event(Kind.DOWN, DOWN, "no reply for 8 s: No route to host")
    yield event(Kind.UP, DOWN - OUTAGE, f"down for {OUTAGE // MINUTE} min")


def fillPast(path: Path, ended: int, pasts: Iterable[Past]) -> None:
    """
    Write a history of 100 days, at once.

    @param path: of the file.
    @param ended: when it ends, in seconds since the UNIX epoch.
    @param pasts: its peers.
    """
    known = list(pasts)
    history = SqliteHistory(str(path))
    for past in known:
        history.write({past.name: KeptRow(ended // MINUTE * MINUTE)}, [])
    events = [each for past in known for each in eventsOf(past, ended)]
    history.write({}, sorted(events, key=lambda each: each.at))
    history.close()
    places = ", ".join("?" * (len(KeptRow._fields) + 1))
    with closing(sqlite3.connect(path)) as connection, connection:
        ids = dict(connection.execute("SELECT name, id FROM peers"))
        for table, length, days in TABLES:
            connection.executemany(
                f"INSERT OR REPLACE INTO {table} VALUES ({places})",
                (
                    (ids[past.name], *row)
                    for past in known
                    for row in rowsOf(past, ended, length, days)
                ),
            )
