"""Tests for L{echostamp.web.apihistory}."""

from __future__ import annotations

import csv
import json
import re
import time
from io import StringIO
from typing import Any

from echostamp.history.interfaces import EventQuery, KeptEvent
from echostamp.history.row import HOUR, KeptRow
from echostamp.monitor.event import Event, Kind
from echostamp.monitor.eventlog import eventJson
from echostamp.test.apisites import SiteCase
from echostamp.test.histories import fullRow
from echostamp.test.snapshots import NOW

EVENTS = [
    Event(Kind.UP, "ams", NOW, text="was down for 5 s", values={"down": 5}),
    Event(Kind.LOSS_HIGH, "ams", NOW - 1, "max-loss", "5 %", {"loss": 0.05}, 3),
    Event(Kind.STALL, "", NOW - 2, text="stood still", values={"length": 10**9}),
]


class EventsTests(SiteCase):
    """
    Tests for C{/api/v1/events}.
    """

    def setUp(self) -> None:
        """Have events."""
        super().setUp()
        self.source.kept.found = [
            KeptEvent(len(EVENTS) - number, event)
            for number, event in enumerate(EVENTS)
        ]

    def query(self, parameters: str) -> object:
        """Give what the history was asked."""
        self.json(f"/api/v1/events?{parameters}", "events")
        return self.source.kept.asked.pop()

    def test_events(self) -> None:
        """The answer has the events as the file of events has them, and their
        numbers."""
        found = self.json("/api/v1/events", "events")["events"]
        self.assertEqual([each.pop("number") for each in found], [3, 2, 1])
        self.assertEqual(found, [json.loads(eventJson(each)) for each in EVENTS])

    def test_none(self) -> None:
        """There may be none."""
        self.source.kept.found = []
        self.assertEqual(self.json("/api/v1/events", "events"), {"events": []})

    def test_withoutRows(self) -> None:
        """There are events where no rows are kept, too."""
        self.source.hasHistory = False
        self.assertEqual(len(self.json("/api/v1/events", "events")["events"]), 3)

    def test_query(self) -> None:
        """The parameters say which events."""
        self.assertEqual(self.query(""), EventQuery())
        query = "since=1750000000000000001&before=7&peer=a%2Fb&kind=loss_ok&most=1000"
        expected = EventQuery(NOW + 1, 7, "a/b", Kind.LOSS_OK, 1000)
        self.assertEqual(self.query(query), expected)
        self.assertEqual(self.query("peer="), EventQuery(peer=""))

    def test_wrong(self) -> None:
        """A wrong parameter is named in a line."""
        for query, why in (
            ("kind=dwn", "kind: 'dwn' is not known; did you mean 'down'?"),
            ("most=0", "most: 0 is not from 1 to 1000"),
            ("most=1001", "most: 1001 is not from 1 to 1000"),
            ("kinds=up", "there is no parameter 'kinds'; did you mean 'kind'?"),
            ("peer=a&peer=b", "the parameter peer is given twice"),
        ):
            self.assertRefused(f"/api/v1/events?{query}", 400, why)
        for query in "since=-1", "since=1.5", "before=x", "since=99999999999999999999":
            self.assertEqual(self.get(f"/api/v1/events?{query}").status, 400)
        self.assertEqual(self.source.kept.asked, [])

    def test_unreadable(self) -> None:
        """What cannot be read is an error of the server, in a line."""
        self.source.kept.error = "history.db: the disk is gone\n"
        why = r"history.db: the disk is gone\n"
        self.assertRefused("/api/v1/events", 503, why)
        self.source.kept.error = ""
        self.assertEqual(self.get("/api/v1/events").status, 200)

    def test_slow(self) -> None:
        """A slow history keeps nobody else waiting, and a client may go meanwhile."""
        waiting = self.source.history.hold()
        gone, stays = self.client(), self.client()
        for client in gone, stays:
            client.get("/api/v1/events")
        gone.leave()
        self.assertEqual(self.get("/api/v1/peers").status, 200)
        for answer in waiting:
            answer()
        self.turns(stays)
        self.assertEqual(stays.answer().status, 200)

    def test_goneAndUnreadable(self) -> None:
        """A client that has gone gets no error."""
        waiting = self.source.history.hold()
        client = self.client()
        client.get("/api/v1/events")
        client.leave()
        self.source.kept.error = "locked"
        waiting.pop()()
        self.turns()


class HistoryTests(SiteCase):
    """
    Tests for C{/api/v1/history}.
    """

    def setUp(self) -> None:
        """Have rows."""
        super().setUp()
        self.row = fullRow()
        self.source.kept.rows = {"ams": [self.row, KeptRow(self.row.at + 60, due=60)]}

    def asked(self, parameters: str) -> Any:
        """Give what the history was asked."""
        self.json(f"/api/v1/history?{parameters}", "history")
        return self.source.kept.asked.pop()

    def test_points(self) -> None:
        """The answer has the span, the step and the points."""
        found = self.json("/api/v1/history?peer=ams&from=5&to=9999&step=1h", "history")
        full, empty = found.pop("points")
        expected = {"peer": "ams", "from": 5, "to": 9999, "step": HOUR}
        self.assertEqual(found, expected)
        self.assertEqual(full["at"], self.row.at)
        for name in "rtt", "forward", "backward", "offset":
            self.assertIsNone(empty[name])

    def test_span(self) -> None:
        """The span ends now, and begins a day before."""
        now = int(time.time())
        name, began, ended, step = self.asked("peer=ams")
        self.assertEqual((name, step), ("ams", None))
        self.assertEqual(ended - began, 86400)
        self.assertTrue(now <= ended <= time.time())
        self.assertEqual(
            self.asked("peer=ams&to=2025-06-15T15:06:40Z"),
            ("ams", NOW // 10**9 - 86400, NOW // 10**9, None),
        )
        self.assertEqual(self.asked("peer=ams&to=100"), ("ams", 0, 100, None))
        found = self.asked("peer=ams&from=0&to=1.5&step=90")
        self.assertEqual(found, ("ams", 0, 1, 90))

    def test_wrong(self) -> None:
        """A wrong parameter is named in a line."""
        for query, why in (
            ("", "the parameter peer is missing"),
            ("peer=ams&from=9&to=9", "from 9 is not before to 9"),
            ("peer=ams&form=9", "there is no parameter 'form'; did you mean 'format'?"),
            ("peer=ams&format=xml", "format: 'xml' is not json or csv"),
            ("peer=ams&step=0", "step: 0 is less than a second"),
        ):
            self.assertRefused(f"/api/v1/history?{query}", 400, why)
        self.assertEqual(self.source.kept.asked, [])

    def test_unknownPeer(self) -> None:
        """A name that no peer has, and that has no rows, is an error; a peer that has
        no rows yet is none, nor is one that has rows and is watched no more, also
        where these are not in the span."""
        for kind in "json", "csv":
            path = f"/api/v1/history?peer=none&format={kind}"
            self.assertRefused(path, 404, "there is no peer 'none'")
        found = self.json("/api/v1/history?peer=fra", "history")
        self.assertEqual(found["points"], [])
        del self.source.peers["ams"]
        found = self.json("/api/v1/history?peer=ams", "history")
        self.assertEqual(len(found["points"]), 2)
        self.source.kept.rows["ams"] = []
        found = self.json("/api/v1/history?peer=ams", "history")
        self.assertEqual(found["points"], [])

    def test_withoutRows(self) -> None:
        """Where no rows are kept, the line says so."""
        self.source.hasHistory = False
        self.assertRefused(
            "/api/v1/history?peer=ams",
            404,
            "this daemon keeps no history: start it with --history FILE",
        )

    def test_unreadable(self) -> None:
        """What cannot be read is an error of the server, in a line of text."""
        self.source.kept.error = "the disk is gone"
        for kind in "json", "csv":
            path = f"/api/v1/history?peer=ams&format={kind}"
            self.assertRefused(path, 503, "the disk is gone")

    def test_csv(self) -> None:
        """CSV is a file with a line for each point."""
        found = self.get("/api/v1/history?peer=ams&format=csv")
        self.assertEqual(
            found.headers["content-type"], "text/csv; charset=utf-8; header=present"
        )
        self.assertEqual(
            found.headers["content-disposition"], 'attachment; filename="ams.csv"'
        )
        rows = list(csv.DictReader(StringIO(found.text)))
        self.assertEqual(
            [each["time_s"] for each in rows], ["1750000020", "1750000080"]
        )
        self.assertEqual(rows[0]["rtt_p99_ns"], str(self.row.p99))
        self.assertEqual(rows[1]["rtt_p99_ns"], "")

    def test_fileName(self) -> None:
        """The name of the file has no character that means something."""
        name = 'a"b\\c/../d;e=é\n%0A'
        self.source.kept.rows = {name: [self.row]}
        found = self.get(
            "/api/v1/history?format=csv&peer=a%22b%5Cc%2F..%2Fd%3Be%3D%C3%A9%0A%250A"
        )
        self.assertEqual(found.status, 200)
        value = found.headers["content-disposition"]
        match = re.fullmatch(r'attachment; filename="([A-Za-z0-9._-]+)"', value)
        assert match is not None, value
        self.assertNotIn("/", match[1])

    def test_long(self) -> None:
        """1,000 points are sent as they are, and compressed."""
        self.source.kept.rows["ams"] = [fullRow(each * 60) for each in range(1000)]
        plain = self.get("/api/v1/history?peer=ams")
        self.assertEqual(len(json.loads(plain.text)["points"]), 1000)
        zipped = self.get("/api/v1/history?peer=ams", "Accept-Encoding: gzip")
        points = json.loads(zipped.text)["points"]
        self.assertEqual(points, json.loads(plain.text)["points"])

    def test_head(self) -> None:
        """HEAD asks for nothing, and says what is wrong with the parameters."""
        for kind in "json", "csv":
            path = f"/api/v1/history?peer=ams&format={kind}"
            expected = dict(self.get(path).headers)
            found = self.get(path, method="HEAD")
            self.assertEqual((found.status, found.body), (200, b""))
            expected.pop("transfer-encoding")
            self.assertEqual(found.headers, {**expected, "date": found.headers["date"]})
        self.assertEqual(self.get("/api/v1/history", method="HEAD").status, 400)
        self.assertEqual(len(self.source.kept.asked), 2)
