"""Tests for L{echostamp.history.store}, and for what it writes and how that is read."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from echostamp.history import store
from echostamp.history.file import HistoryFile
from echostamp.history.interfaces import EventQuery, HistoryError, IHistory
from echostamp.history.mixture import merged
from echostamp.history.row import DAY, HOUR, MINUTE, KeptRow
from echostamp.history.steps import MOST_POINTS
from echostamp.history.store import MOST_EVENTS_DELETED, SqliteHistory
from echostamp.history.upkeep import MOST_DELETED, MOST_MERGED, Retention
from echostamp.monitor.event import Event, Kind
from echostamp.test import historycases
from echostamp.test.historycases import NOON, event, row
from echostamp.times import SECOND

ALWAYS = 0, 2**40


class SqliteTests(historycases.HistoryCases):
    """
    What every history does.
    """

    def setUp(self) -> None:
        """Make a file."""
        self.history = SqliteHistory(self.mktemp())
        self.addCleanup(self.history.close)


class StoreCase(SynchronousTestCase):
    """
    Histories in a file, and what is in their tables.
    """

    def setUp(self) -> None:
        """Choose a file."""
        self.path = str(Path(self.mktemp()).absolute())

    def opened(self, retention: Retention = Retention()) -> SqliteHistory:  # noqa: B008
        """Open the file."""
        history = SqliteHistory(self.path, retention)
        self.addCleanup(history.close)
        # The tests write much, and no power is cut.
        history._connection.execute("PRAGMA synchronous=OFF")
        return history

    def ask(self, query: str) -> list[tuple[int, ...]]:
        """Ask the file."""
        connection = sqlite3.connect(self.path)
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()

    def table(self, name: str) -> list[KeptRow]:
        """Give all rows of a table."""
        found = self.ask(f"SELECT * FROM {name} ORDER BY peer, at")
        return [KeptRow._make(each[1:]) for each in found]

    def run_(
        self, history: IHistory, began: int, minutes: int, peer: str = "a"
    ) -> list[KeptRow]:
        """Write minutes of a peer, and give them."""
        rows = [row(NOON + began + MINUTE * at) for at in range(minutes)]
        for each in rows:
            history.write({peer: each}, [])
        return rows


class MergingTests(StoreCase):
    """
    How hours and days are made.
    """

    def test_hours(self) -> None:
        """An hour is merged within the hour that follows, and the minutes stay."""
        history = self.opened()
        rows = self.run_(history, 0, 60)
        self.assertEqual(self.table("hours"), [])
        more = self.run_(history, HOUR, 60)
        self.assertEqual(self.table("hours"), [merged(rows, NOON)])
        self.assertEqual(self.table("minutes"), rows + more)

    def test_turns(self) -> None:
        """The peers have their turns at different minutes."""
        history = self.opened()
        names = [f"peer {at}" for at in range(120)]
        for at in range(60):
            history.write(dict.fromkeys(names, row(NOON + MINUTE * at)), [])
        for at in range(60):
            self.assertEqual(len(self.table("hours")), 2 * (at + 1))
            history.write({"peer 0": row(NOON + HOUR + MINUTE * at)}, [])

    def test_days(self) -> None:
        """A day is merged from its hours when all of them are there."""
        history = self.opened()
        self.run_(history, 0, 24 * 60)
        self.assertEqual(self.table("days"), [])
        self.run_(history, DAY, 60)
        hours = self.table("hours")
        self.assertEqual(len(hours), 24)
        self.assertEqual(self.table("days"), [merged(hours, NOON)])

    def test_catchingUp(self) -> None:
        """After a time without turns, a bounded number of hours is merged at a time; a
        day, when all its hours are."""
        history = self.opened()
        for at in range(MOST_MERGED + 3):
            # The turn of the only peer is another minute.
            history.write({"a": row(NOON + HOUR * at + 600)}, [])
        self.assertEqual(self.table("hours"), [])
        now = NOON + HOUR * (MOST_MERGED + 3)
        for hours in MOST_MERGED, MOST_MERGED + 4:
            history.write({"a": row(now)}, [])
            self.assertEqual(len(self.table("hours")), hours)
            self.assertEqual(len(self.table("days")), 1)
            now += HOUR

    def test_waitingHours(self) -> None:
        """A day that is over waits until all its hours are merged."""
        history = self.opened()
        rows = [row(NOON + HOUR * at + 600) for at in range(12, 52)]
        for each in rows:
            history.write({"a": each}, [])
        for at, days in (52, 1), (53, 2):
            history.write({"a": row(NOON + HOUR * at)}, [])
            self.assertEqual(len(self.table("days")), days)
        due = sum(each.due for each in rows[12:36])
        self.assertEqual(self.table("days")[1].due, due)

    def test_late(self) -> None:
        """A minute that comes after its hour and day were merged is added to them."""
        history = self.opened()
        self.run_(history, 0, 26 * 60)
        hours, days = self.table("hours"), self.table("days")
        late = row(NOON + 30, 5)._replace(stalled=2**40)
        history.write({"a": late}, [])
        first = self.table("minutes")[0]
        self.assertEqual(first, merged([row(NOON), late._replace(at=NOON)], NOON))
        for before, table in (hours[0], "hours"), (days[0], "days"):
            found = self.table(table)[0]
            self.assertEqual(found[1:8], merged([before, late], NOON)[1:8])
            self.assertEqual(found.least, min(before.least or 0, late.least or 0))
            # The stall of the minute counts once.
            stalled = before.stalled - row(NOON).stalled + late.stalled
            self.assertEqual(found.stalled, stalled)
        before = row(NOON - DAY)
        history.write({"a": before}, [])
        self.assertEqual(self.table("minutes")[0], before)
        self.assertEqual(self.table("hours")[0], before)
        self.assertEqual(self.table("days")[0], before)
        # So is the minute that follows.
        after = row(before.at + MINUTE)
        history.write({"a": after}, [])
        both = merged([before, after], before.at)
        self.assertEqual(self.table("hours")[0], both)
        self.assertEqual(self.table("days")[0], both)

    def test_lateAfterRestart(self) -> None:
        """So is one that comes after a restart."""
        history = self.opened()
        self.run_(history, 0, 120)
        due = self.table("hours")[0].due
        history.close()
        self.opened().write({"a": row(NOON, 3)}, [])
        self.assertEqual(self.table("hours")[0].due, due + row(NOON, 3).due)


class RetentionTests(StoreCase):
    """
    How long rows are kept.
    """

    def test_rows(self) -> None:
        """Each table keeps its rows for its time, at most an hour longer."""
        history = self.opened(Retention(3 * HOUR, DAY, 2 * DAY))
        self.run_(history, 0, 4 * 24 * 60)
        ended = NOON + 4 * DAY
        minutes, hours, days = map(self.table, ("minutes", "hours", "days"))
        self.assertIn(minutes[0].at - (ended - 3 * HOUR), range(-HOUR, MINUTE))
        self.assertIn(hours[0].at - (ended - DAY), range(-2 * HOUR, HOUR))
        self.assertIn(days[0].at - (ended - 2 * DAY), range(-DAY - HOUR, DAY))
        self.assertEqual((len(hours), len(days)), (24, 2))

    def test_notMergedYet(self) -> None:
        """Hours stay until their day is over, and the newest one stays after that."""
        history = self.opened(Retention(HOUR, HOUR))
        rows = self.run_(history, 0, 25 * 60)
        (day,) = self.table("days")
        self.assertEqual(day.due, sum(each.due for each in rows[: 24 * 60]))
        for at in 40, 60:
            history.write({"a": row(NOON + HOUR * at)}, [])
        self.assertEqual([each.at for each in self.table("hours")], [NOON + 40 * HOUR])

    def test_bounded(self) -> None:
        """A bounded number of rows is deleted at a time."""
        history = self.opened(Retention(30 * DAY))
        rows = self.run_(history, 0, 600)
        self.run_(history, 600 * MINUTE, 60)
        history.close()
        history = self.opened(Retention(HOUR))
        self.run_(history, 660 * MINUTE, 60)
        self.assertEqual(self.table("minutes")[0], rows[MOST_DELETED])

    def test_events(self) -> None:
        """Events are kept for their time."""
        history = self.opened(Retention(events=HOUR))
        history.write({}, [event(0), event(10), event(HOUR + 5)])
        found = history.events(EventQuery())
        self.assertEqual([each.event.leftOut for each in found], [HOUR + 5, 10])
        self.assertEqual(found[0].number, 3)
        history.write({}, [event(3 * HOUR)])
        self.assertEqual([each.number for each in history.events(EventQuery())], [4])

    def test_boundedEvents(self) -> None:
        """A bounded number of events is deleted at a time, the oldest first."""
        history = self.opened(Retention(events=HOUR))
        history.write({}, [event(at) for at in range(MOST_EVENTS_DELETED + 2)])
        history.write({}, [event(2 * HOUR)])
        found = [each.event.leftOut for each in history.events(EventQuery())]
        last = MOST_EVENTS_DELETED + 1
        self.assertEqual(found, [2 * HOUR, last, last - 1])

    def test_clockSetForward(self) -> None:
        """A minute from the future costs few rows."""
        history = self.opened()
        rows = self.run_(history, 0, 600)
        history.write({"a": row(NOON + 3000 * DAY)}, [event(3000 * DAY)])
        kept = self.table("minutes")
        self.assertGreaterEqual(len(kept), len(rows) + 1 - MOST_DELETED)
        # What comes then is kept as ever, and known.
        more = self.run_(history, 600 * MINUTE, 120)
        self.assertEqual(self.table("minutes")[-121:-1], more)
        found = history.points("a", more[0].at, more[-1].at + MINUTE)
        self.assertEqual(found.rows, more)

    def test_clockYearsAhead(self) -> None:
        """While a clock is years ahead, nothing is old soon, also after a restart; in
        time everything is that should be."""
        history = self.opened(Retention(events=10 * DAY))
        history.write({"a": row(NOON)}, [event(DAY)])
        history.close()
        history = self.opened(Retention(events=10 * DAY))
        for at in range(3):
            history.write({"a": row(NOON + 3000 * DAY + MINUTE * at)}, [])
        history.close()
        history = self.opened(Retention(events=10 * DAY))
        history.write({"a": row(NOON + MINUTE)}, [])
        self.assertEqual(len(history.events(EventQuery())), 1)
        for at in range(30):
            history.write({"a": row(NOON + 20 * DAY + MINUTE * at)}, [])
        self.assertEqual(history.events(EventQuery()), [])


class PointsTests(StoreCase):
    """
    Which rows points are made of.
    """

    def test_same(self) -> None:
        """Whatever the points are made of, nothing is missing, and nothing counts
        twice."""
        history = self.opened(Retention(4 * HOUR, DAY))
        rows = self.run_(history, 0, 2 * 24 * 60 + 77)
        due = sum(each.due for each in rows)
        for step in None, MINUTE, 300, HOUR, 5 * HOUR, DAY, 30 * DAY:
            found = history.points("a", *ALWAYS, step)
            self.assertEqual(sum(each.due for each in found.rows), due, step)
            self.assertLessEqual(len(found.rows), MOST_POINTS)
            self.assertGreaterEqual(found.step, step or 0)
            for each in found.rows:
                self.assertEqual(each.at % found.step, 0)

    def test_finest(self) -> None:
        """They are as fine as is kept since the beginning of the span."""
        history = self.opened(Retention(4 * HOUR, DAY))
        self.run_(history, 0, 3 * 24 * 60)
        ended = NOON + 3 * DAY
        for began, step in [
            (ended - 3 * HOUR, MINUTE),
            (ended - 6 * HOUR, HOUR),
            (ended - DAY, HOUR),
            (ended - 2 * DAY, DAY),
        ]:
            found = history.points("a", began, ended)
            self.assertEqual(found.step, step)
            self.assertEqual(found.rows[0].at, began // step * step)

    def test_wholeHoursDeleted(self) -> None:
        """Where the minutes of whole hours are deleted, these hours are shown."""
        history = self.opened()
        rows = self.run_(history, 0, 240)
        connection = sqlite3.connect(self.path)
        connection.execute("DELETE FROM minutes WHERE at < ?", [NOON + HOUR])
        connection.commit()
        connection.close()
        found = history.points("a", *ALWAYS).rows
        self.assertEqual(sum(each.due for each in found), sum(r.due for r in rows))

    def test_many(self) -> None:
        """A span of many minutes is read from hours, and grouped."""
        history = self.opened()
        rows = self.run_(history, 0, 2 * 24 * 60)
        ended = NOON + 2 * DAY
        self.assertEqual(history.points("a", NOON, ended).step, HOUR)
        found = history.points("a", ended - DAY, ended)
        self.assertEqual((found.step, len(found.rows)), (120, 720))
        self.assertEqual(found.rows[-1], merged(rows[-2:], rows[-2].at))

    def test_fewer(self) -> None:
        """What was measured for a short time has short points, however long the span
        is."""
        history = self.opened()
        rows = self.run_(history, 0, 30)
        self.assertEqual(history.points("a", *ALWAYS), (MINUTE, rows))

    def test_started(self) -> None:
        """What began in the middle of a day goes back to its beginning in all tables,
        in minutes too."""
        history = self.opened()
        rows = self.run_(history, 7 * HOUR + 17 * MINUTE, 24 * 60)
        found = history.points("a", *ALWAYS)
        self.assertEqual((found.step, found.rows[0].at), (120, rows[0].at - MINUTE))
        self.assertEqual(sum(each.due for each in found.rows), 24 * 60 * 60)

    def test_gone(self) -> None:
        """What is left of a peer that is gone is shown: first no minutes are left, then
        no hours."""
        history = self.opened(Retention(HOUR, DAY, 4000 * DAY))
        rows = self.run_(history, 0, 90)
        for later, step in (4 * HOUR, HOUR), (3 * DAY, DAY):
            self.run_(history, later, 60, "b")
            found = history.points("a", *ALWAYS)
            self.assertEqual(found.step, step)
            self.assertEqual(sum(each.due for each in found.rows), len(rows) * 60)

    def test_veryLong(self) -> None:
        """A span of more days than are read quickly is read from days all the same."""
        history = self.opened(Retention(days=9000 * DAY))
        for at in range(3):
            for minute in range(2):
                began = NOON + at * 2000 * DAY + minute * HOUR
                history.write({"a": row(began)}, [])
        self.run_(history, 4000 * DAY + 2 * DAY, 1)
        found = history.points("a", *ALWAYS)
        self.assertEqual(found.step, 7 * DAY)
        self.assertEqual([each.due for each in found.rows], [120, 120, 180])

    def test_known(self) -> None:
        """Rows in which nothing is known are points like any other."""
        history = self.opened()
        nothing = [KeptRow(NOON + MINUTE * at, due=60) for at in range(4)]
        for each in nothing:
            history.write({"a": each}, [])
        found = history.points("a", *ALWAYS, 240).rows
        self.assertEqual(found, [KeptRow(NOON, due=240)])


class FileTests(StoreCase):
    """
    Two connections to one file.
    """

    def test_reading(self) -> None:
        """What is written is read by another connection, which cannot write."""
        history = self.opened()
        reader = HistoryFile(self.path)
        self.addCleanup(reader.close)
        verifyObject(IHistory, reader)
        history.write({"a": row(NOON)}, [event(1)])
        self.assertEqual(reader.points("a", *ALWAYS).rows, [row(NOON)])
        self.assertEqual(reader.peers(), ["a"])
        self.assertEqual(len(reader.events(EventQuery())), 1)
        self.assertRaises(HistoryError, reader.write, {}, [])

    def test_closed(self) -> None:
        """A file that is closed is read without leaving anything behind."""
        history = self.opened()
        history.write({"a": row(NOON)}, [])
        history.close()
        before = {each.name for each in Path(self.path).parent.iterdir()}
        reader = HistoryFile(self.path)
        self.assertEqual(reader.peers(), ["a"])
        reader.close()
        after = {each.name for each in Path(self.path).parent.iterdir()}
        self.assertEqual(before, after)
        self.assertRaises(HistoryError, reader.peers)
        self.assertRaises(HistoryError, history.write, {"a": row(NOON)}, [])

    def test_moved(self) -> None:
        """What is written would be lost with a file that was deleted or replaced; with
        one that was moved and is back it is not."""
        history = self.opened()
        path = Path(self.path)
        path.rename(f"{path}-old")
        for make in (lambda: None, lambda: path.write_bytes(b"x")):
            make()
            error = self.assertRaises(HistoryError, history.write, {"a": row(NOON)}, [])
            self.assertIn("moved, deleted or replaced", str(error))
        path.unlink()
        Path(f"{path}-old").rename(path)
        history.write({"a": row(NOON)}, [])
        self.assertEqual(history.peers(), ["a"])

    def test_unreachable(self) -> None:
        """A folder that cannot be entered any more is an error of one line."""
        history = self.opened()
        folder = Path(self.path).parent
        folder.rename(f"{folder}-old")
        self.addCleanup(lambda: Path(f"{folder}-old").rename(folder))
        folder.write_bytes(b"")
        self.addCleanup(folder.unlink)
        error = self.assertRaises(HistoryError, history.write, {"a": row(NOON)}, [])
        self.assertEqual(str(error), "Not a directory")

    def test_returning(self) -> None:
        """A peer that returns goes on in its rows."""
        history = self.opened()
        history.write({"a": row(NOON), "b": row(NOON)}, [])
        history.write({"b": row(NOON + MINUTE)}, [])
        history.close()
        history = self.opened()
        history.write({"a": row(NOON + 9 * MINUTE)}, [])
        self.assertEqual(len(history.points("a", *ALWAYS).rows), 2)
        self.assertEqual(self.ask("SELECT count(*) FROM peers"), [(2,)])

    def test_forgotten(self) -> None:
        """A peer without rows that are not old is forgotten; one of its name is new."""
        history = self.opened(Retention(HOUR, 2 * HOUR, 3 * HOUR))
        history.write({"a": row(NOON)}, [])
        self.run_(history, 0, 5 * 60, "b")
        self.assertEqual(history.peers(), ["b"])
        history.write({"a": row(NOON + DAY)}, [])
        self.assertEqual(history.points("a", *ALWAYS).rows, [row(NOON + DAY)])

    def test_strangeTexts(self) -> None:
        """Names and texts that are no Unicode are kept, escaped."""
        history = self.opened()
        name = "peer \udcff"
        history.write(
            {name: row(NOON)},
            [Event(Kind.UP, name, NOON * SECOND, name, name, {"x": name})],
        )
        self.assertEqual(history.peers(), ["peer \\udcff"])
        (found,) = history.events(EventQuery(peer=name))
        self.assertEqual(found.event.text, "peer \\udcff")

    def test_newKind(self) -> None:
        """An event of a kind that only a newer version knows is left out."""
        history = self.opened()
        history.write({}, [event(1), event(2)])
        connection = sqlite3.connect(self.path)
        connection.execute("UPDATE events SET kind = 'later' WHERE number = 1")
        connection.commit()
        connection.close()
        self.assertEqual([each.number for each in history.events(EventQuery())], [2])

    def test_damagedEvent(self) -> None:
        """An event that cannot be read is an error of one line."""
        history = self.opened()
        history.write({}, [event(1)])
        connection = sqlite3.connect(self.path)
        connection.execute("UPDATE events SET \"values\" = '{'")
        connection.commit()
        connection.close()
        error = self.assertRaises(HistoryError, history.events, EventQuery())
        self.assertEqual(str(error), "it is damaged: an event cannot be read")

    def test_allOrNothing(self) -> None:
        """A write that fails changes nothing, and the next one can succeed."""
        history = self.opened()
        history.write({"a": row(NOON)}, [])
        later = {"b": row(NOON), "a": row(NOON + MINUTE)._replace(due=2**70)}
        self.assertRaises(OverflowError, history.write, later, [])
        self.assertEqual(history.peers(), ["a"])
        history.write({"b": row(NOON)}, [])
        self.assertEqual(history.peers(), ["a", "b"])

    def test_full(self) -> None:
        """A full disk is an error of one line; writing goes on when there is room."""
        history = self.opened()
        rows = self.run_(history, 0, 10)
        size = self.ask("PRAGMA page_count")[0][0]
        history._connection.execute(f"PRAGMA max_page_count = {size}")
        many = {f"peer {at}": row(NOON) for at in range(999)}
        error = self.assertRaises(HistoryError, history.write, many, [])
        self.assertEqual(str(error), "no space is left on its disk (SQLITE_FULL)")
        self.assertEqual(history.points("a", *ALWAYS).rows, rows)
        history._connection.execute("PRAGMA max_page_count = 1000000")
        history.write(many, [])
        self.assertEqual(len(history.peers()), 1000)

    def test_boundedLog(self) -> None:
        """While another program reads for long, the log grows to its limit only; then
        writing fails, and goes on when that program has ended."""
        self.patch(store, "MOST_LOG", 100_000)
        history = self.opened()
        rows = self.run_(history, 0, 2)
        reader = sqlite3.connect(self.path)
        self.addCleanup(reader.close)
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM minutes").fetchall()
        history._connection.execute("PRAGMA busy_timeout = 1")
        error = self.assertRaises(HistoryError, self.run_, history, 120, 999)
        self.assertIn("another program", str(error))
        log = Path(f"{self.path}-wal")
        self.assertIn(log.stat().st_size, range(100_000, 150_000))
        self.assertEqual(history.points("a", *ALWAYS).rows[:2], rows)
        reader.execute("COMMIT")
        self.run_(history, HOUR, 2)
        self.assertLess(log.stat().st_size, 100_000)
