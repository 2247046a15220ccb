"""The history of 200 peers after a year: its size, its log, and its queries."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from statistics import median

from twisted.trial.unittest import SynchronousTestCase

from echostamp.history.file import HistoryFile
from echostamp.history.interfaces import EventQuery, IHistory
from echostamp.history.row import DAY, HOUR, MINUTE, KeptRow
from echostamp.history.steps import MOST_POINTS
from echostamp.history.store import SqliteHistory
from echostamp.monitor.event import Event, Kind
from echostamp.times import SECOND
from loadtests.yearofhistory import ENDED, PEERS, fillYear, pathsOf, rowsOf
from tests.harness import figure

#: The most octets of the file, and of the log for a minute.
MOST_FILE, MOST_LOG = 500_000_000, 2_000_000

#: Seconds of a processor that a query may take: other programs may have it meanwhile.
MOST_QUERY = 0.1

#: For how many minutes the daemon goes on: hours are merged, and old rows are deleted.
MINUTES = 200

#: The minute in which each peer has an event; in the others, each twentieth one has.
STORM = 100


class YearTests(SynchronousTestCase):
    """
    What a daemon does with the file of a year, and what a browser asks.
    """

    def test_year(self) -> None:
        """The file and its log are small enough, and each query is quick enough."""
        path = self.mktemp()
        began = time.monotonic()
        fillYear(path)
        figure(
            f"a year of {PEERS} peers was written in {time.monotonic() - began:.0f} s"
        )
        self.rowSizes(path)
        began = time.monotonic()
        history = SqliteHistory(path)
        self.addCleanup(history.close)
        figure(f"the file was opened in {(time.monotonic() - began) * 1000:.1f} ms")
        self.goOn(history, Path(f"{path}-wal"))
        size = os.stat(path).st_size
        figure(f"the file has {size:,} octets")
        self.assertLess(size, MOST_FILE)
        reader = HistoryFile(path)
        self.addCleanup(reader.close)
        self.ask(reader)

    def rowSizes(self, path: str) -> None:
        """Report the octets of a row of each table, with its part of the pages."""
        connection = sqlite3.connect(path)
        for table in "minutes", "hours", "days", "events":
            (size,) = connection.execute(
                "SELECT sum(pgsize) FROM dbstat WHERE name GLOB ?", [f"{table}*"]
            ).fetchone()
            (count,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
            figure(f"{table}: {count:,} rows of {size / count:.1f} octets")
        connection.close()

    def goOn(self, history: IHistory, log: Path) -> None:
        """Write minutes as a daemon does, each with events."""
        checkpoints = sqlite3.connect(str(log).removesuffix("-wal"))
        self.addCleanup(checkpoints.close)
        paths = pathsOf(PEERS)
        pools = {
            name: rowsOf(each, number)
            for number, (name, each) in enumerate(paths.items(), 1)
        }
        sizes, times = [], []
        for minute in range(MINUTES):
            at = ENDED + minute * MINUTE
            rows: Mapping[str, KeptRow] = {
                name: pool[minute % len(pool)]._replace(at=at)
                for name, pool in pools.items()
            }
            down = [
                Event(Kind.DOWN, name, at * SECOND, "", "no reply for 3.6 s")
                for name in list(paths)[minute % 20 :: 1 if minute == STORM else 20]
            ]
            checkpoints.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            began = time.monotonic()
            history.write(rows, down)
            times.append(time.monotonic() - began)
            sizes.append(log.stat().st_size)
        figure(
            f"a minute of {PEERS} peers with {len(down)} events: "
            f"{median(sizes):,.0f} octets to the log, {max(sizes):,} at most (with "
            f"{PEERS} events {sizes[STORM]:,}), in "
            f"{median(times) * 1000:.0f} ms, {max(times) * 1000:.0f} ms at most"
        )
        self.assertLess(max(sizes), MOST_LOG)

    def ask(self, reader: IHistory) -> None:
        """Ask what the pages ask, of peers whose pages are not in memory."""
        names = iter(reader.peers())
        ended = ENDED + MINUTES * MINUTE
        for what, span in [
            *(("1 h", HOUR), ("24 h", DAY), ("7 d", 7 * DAY)),
            *(("40 h", 40 * HOUR), ("90 d", 90 * DAY), ("a year", 365 * DAY)),
        ]:
            for step in None, span // 7:
                began, name = ended - span, next(names)
                self.assertQuick(
                    f"{what}, step {step}",
                    partial(self.points, reader, name, began, ended, step),
                )
        (newest,) = reader.events(EventQuery(most=1))
        for what, query in {
            "all": EventQuery(),
            "of a day": EventQuery(since=(ended - DAY) * SECOND),
            "of a year": EventQuery(since=(ended - 364 * DAY) * SECOND),
            "of a peer": EventQuery(peer=next(names)),
            "of a kind": EventQuery(kind=Kind.CLOCK_STEP),
            "of a kind, of a day": EventQuery(
                since=(ended - DAY) * SECOND, kind=Kind.CLOCK_STEP
            ),
            "of a peer and a kind": EventQuery(peer=next(names), kind=Kind.UP),
            "of a rare kind": EventQuery(kind=Kind.STALL),
            "of nobody": EventQuery(peer="nobody"),
            "before many": EventQuery(before=newest.number // 2, peer=next(names)),
            "of a peer, of a year": EventQuery(
                since=(ended - 364 * DAY) * SECOND, peer=next(names)
            ),
            "of the future": EventQuery(since=2 * ended * SECOND),
        }.items():
            self.assertQuick(f"events {what}", partial(self.events, reader, query))
        self.assertQuick("the peers", lambda: len(reader.peers()))

    def events(self, reader: IHistory, query: EventQuery) -> int:
        """Count the events that a query finds."""
        return len(reader.events(query))

    def points(
        self, reader: IHistory, name: str, began: int, ended: int, step: int | None
    ) -> int:
        """Count the points of a span."""
        found = reader.points(name, began, ended, step)
        self.assertIn(len(found.rows), range(1, MOST_POINTS + 1))
        return len(found.rows)

    def assertQuick(self, what: str, ask: Callable[[], int]) -> None:
        """Assert that a query is answered in time."""
        times, processor = [], []
        for _ in range(5):
            began, before = time.monotonic(), time.process_time()
            count = ask()
            processor.append(time.process_time() - before)
            times.append(time.monotonic() - began)
        figure(
            f"{what}: {count} in {median(times) * 1000:.1f} ms, "
            f"{max(times) * 1000:.1f} ms at most, "
            f"{median(processor) * 1000:.1f} ms of a processor"
        )
        self.assertLess(median(processor), MOST_QUERY, what)
