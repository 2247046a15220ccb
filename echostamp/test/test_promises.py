"""Tests that what was promised holds: see C{docs/stability.rst}."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from echostamp import __version__
from echostamp.history.file import HistoryFile
from echostamp.history.interfaces import EventQuery, IHistory
from echostamp.history.row import DAY, HOUR, MINUTE, KeptRow
from echostamp.history.store import SqliteHistory
from echostamp.measure.verdicts import FITS, VERDICTS
from echostamp.monitor.event import Event, Kind
from echostamp.test.docscripts import DOCS
from echostamp.test.promises import fields, promised, today
from echostamp.times import SECOND

#: Each version whose history had another format than the one before.
HISTORIES = ("1.0.0",)

#: When those histories begin, in seconds since the UNIX epoch.
BEGAN = 1_795_651_200

#: The first minute of the peer ams.
FIRST = KeptRow(
    *(BEGAN, 60, 60, 60, 0, 0, 0, 0, 10_003_202, 10_005_388, 10_019_548, 10_025_571),
    *(10_032_807, 10_041_139, 10_058_536, 10_144_101, 95_193, 400_525, 384_337),
    *(657_415, -780_836, 2_219_164, 5_219_164, VERDICTS.index(FITS), 7, 9, 10_004_681),
)

#: The events, the newest first.
EVENTS = [
    Event(
        Kind.STALL,
        "",
        (BEGAN + 99) * SECOND,
        text="this process stood still for 1.2 s",
        values={"stalled": 1_200_000_000},
    ),
    Event(
        Kind.LOSS_HIGH,
        "ams",
        (BEGAN + 70) * SECOND,
        "max-loss",
        "loss 2.5 %, above 2 %",
        {"loss": 0.025, "probes": 120, "limit": 0.02},
        2,
    ),
    Event(
        Kind.DOWN,
        "fra/4",
        (BEGAN + 5) * SECOND + 123_456_789,
        text="no reply for 3.657 s: Connection refused",
        values={"silence": 3_657_000_000},
    ),
]


class PromisesTests(SynchronousTestCase):
    """
    Options, exit statuses, metrics, the API, keys of the peers file, fields of JSON.
    """

    def test_kept(self) -> None:
        """Nothing that was promised is gone or has another type."""
        if not DOCS.exists():
            raise SkipTest("no schemas here")
        self.assertGreater(len(promised()), 900)
        self.assertEqual(promised() - today(), set())

    def test_fields(self) -> None:
        """The fields of a schema are found wherever they are."""
        text = {"type": "string"}
        whole = {"$defs": {"one": {"type": ["integer", "null"]}}}
        schema = {
            "anyOf": [
                {"properties": {"a": {"$ref": "#/$defs/one"}}, "required": ["a"]}
            ],
            "properties": {
                "b": {"type": "array", "items": text},
                "c": {"prefixItems": [text, text], "items": False},
                "d": {"additionalProperties": text},
                "e": {"enum": ["x", None]},
            },
        }
        self.assertEqual(
            list(fields(schema, whole)),
            [
                ".a integer or null",
                ".b? array",
                ".b?[] string",
                ".c?[0] string",
                ".c?[1] string",
                ".d?.* string",
                '.e? = "x"',
                ".e? = null",
            ],
        )


class NotesTests(SynchronousTestCase):
    """
    The notes of the releases.
    """

    def test_version(self) -> None:
        """The newest notes are those of this version, with a day."""
        if not (changes := DOCS.parent / "CHANGES.rst").exists():
            raise SkipTest("no notes here")
        _, _, notes = changes.read_text("utf-8").partition("release notes start\n\n")
        title = f"EchoStamp {re.escape(__version__)} \\(\\d{{4}}-\\d\\d-\\d\\d\\)\n===="
        self.assertRegex(notes, f"\\A{title}")


class HistoriesTests(SynchronousTestCase):
    """
    Files that earlier versions made.
    """

    def history(self, version: str) -> str:
        """
        Make the file of a version.
        """
        path = str(Path(self.mktemp()).absolute())
        source = Path(__file__).with_name(f"history-{version}.sql")
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(source.read_text("utf-8"))
        return path

    def assertKnown(self, history: IHistory) -> None:
        """Check that nothing of a file is missing."""
        self.assertEqual(history.peers(), ["ams", "fra/4"])
        lost, more = history.points("fra/4", BEGAN, BEGAN + DAY).rows
        self.assertEqual((lost.received, lost.lostUnknown, lost.median), (0, 60, None))
        self.assertEqual(more.at, BEGAN + 20 * MINUTE)
        for step, span, count in (MINUTE, HOUR, 2), (HOUR, DAY, 24), (DAY, 2 * DAY, 2):
            found = history.points("ams", BEGAN, BEGAN + span, step)
            self.assertEqual((found.step, len(found.rows)), (step, count))
        (first,) = history.points("ams", BEGAN, BEGAN + MINUTE).rows
        self.assertEqual(first, FIRST)
        events = [each.event for each in history.events(EventQuery())]
        self.assertEqual(events, EVENTS)

    def test_converted(self) -> None:
        """A daemon can go on with the file of each version, and then it can be read."""
        for version in HISTORIES:
            path = self.history(version)
            with closing(SqliteHistory(path)) as history:
                self.assertKnown(history)
                history.write({"new": KeptRow(BEGAN + 2 * DAY)}, [])
            with closing(HistoryFile(path)) as read:
                self.assertEqual(read.peers(), ["ams", "fra/4", "new"])

    def test_newest(self) -> None:
        """The file of the newest of them can be read as it is."""
        with closing(HistoryFile(self.history(HISTORIES[-1]))) as history:
            self.assertKnown(history)
