"""Tests for L{echostamp.report.document}."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.error import ConnectionLost
from twisted.trial.unittest import SynchronousTestCase

import echostamp
from echostamp.exitstatus import DONE, Outcome
from echostamp.probe.plan import Plan
from echostamp.report import document
from echostamp.test.documents import CONFIG, validator
from echostamp.test.fakes import FakeTcpSocket
from echostamp.test.farends import CTIME, EPOCH, ISO, MS, Far
from echostamp.times import SECOND

AHEAD = 12_345 * MS


def integers(value: Any) -> Iterator[int]:
    """
    Give all integers in a document.
    """
    if isinstance(value, int):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from integers(each)


class DocumentCase(SynchronousTestCase):
    """
    A test of the documents of runs.
    """

    def setUp(self) -> None:
        """Read the schema."""
        self.validator = validator()

    def document(self, far: Far, seconds: float = 60) -> Any:
        """Run to the end, validate the whole document, and give it."""
        if not far.transports:
            far.start()
        far.run(seconds)
        far.prober.stop()
        found = self.whole(far)
        self.validator.validate(found)
        return found

    def whole(self, far: Far) -> Any:
        """Give the whole document of a run."""
        head = document.document(far.prober.result(), CONFIG, Outcome(DONE))
        run = far.store.delays.run
        return json.loads("".join(document.pieces(head, run)))

    def far(self, **plan: Any) -> Far:
        """Prepare a run with round trips of 20 ms."""
        far = Far(Plan(**{"interval": SECOND, "count": 5, **plan}))
        far.ahead = AHEAD
        return far


class DocumentTests(DocumentCase):
    """
    Tests for documents, each of which the schema validates.
    """

    def test_usual(self) -> None:
        """Times and durations are integer nanoseconds."""
        found = self.document(self.far())
        self.assertEqual(found["version"], echostamp.__version__)
        self.assertEqual(found["config"], {**CONFIG, "began": EPOCH})
        stats = found["stats"]
        self.assertEqual(
            stats["rtt"],
            {
                "n": 5,
                **dict.fromkeys(("min", "mean", "median", "max"), 20 * MS),
                **dict.fromkeys(("p90", "p99"), 20 * MS),
                "stddev": 0,
                "p999": None,
            },
        )
        self.assertEqual(stats["rtt_from_due"], stats["rtt"])
        self.assertEqual((stats["sent"], stats["received"], stats["lost"]), (5, 5, 0))
        self.assertEqual(stats["duration"], 4020 * MS)
        self.assertEqual(stats["bursts"], {})
        offset = stats["offset"]
        self.assertLessEqual(offset["low"], AHEAD)
        self.assertGreaterEqual(offset["high"], AHEAD)
        self.assertIsNone(offset["zone_assumed"])
        self.assertEqual(offset["verdict"], "constant rates fit")
        low, high = stats["forward"]["range"]["median"]
        self.assertLessEqual(low, 10 * MS)
        self.assertGreaterEqual(high, 10 * MS)
        self.assertEqual(
            found["probes"][1],
            {
                "seq": 1,
                "due": EPOCH + SECOND,
                "t1": EPOCH + SECOND,
                "t2": EPOCH + SECOND + 10 * MS + AHEAD,
                "t3": EPOCH + SECOND + 10 * MS + AHEAD,
                "t4": EPOCH + SECOND + 20 * MS,
                "rtt": 20 * MS,
                "lost": False,
                "late": False,
                "altered": False,
                "duplicated": False,
                "reordered": False,
            },
        )

    def test_withoutProbes(self) -> None:
        """The last line of C{--jsonl}, a document without probes, is valid, too."""
        far = self.far()
        self.document(far)
        found = document.document(far.prober.result(), CONFIG, Outcome(DONE))
        self.validator.validate(found)
        self.assertNotIn("probes", found)

    def test_nothingHappened(self) -> None:
        """There is a document, too, if there was no connection."""
        far = self.far()
        found = self.whole(far)
        self.validator.validate(found)
        self.assertEqual(found["probes"], [])
        self.assertIsNone(found["config"]["began"])
        self.assertIsNone(found["stats"]["rtt"])
        self.assertIsNone(found["stats"]["loss_percent"])

    def test_noStamps(self) -> None:
        """Figures that are not known are null."""
        far = self.far()
        far.stamp = lambda ns: b""
        found = self.document(far)
        for key in "offset", "forward", "backward":
            self.assertIsNone(found["stats"][key])
        self.assertIsNone(found["probes"][0]["t2"])

    def test_zoneAssumed(self) -> None:
        """The document has the zone that was assumed."""
        far = self.far()
        far.stamp = CTIME
        offset = self.document(far)["stats"]["offset"]
        self.assertEqual(offset["zone_assumed"], "+00:00")
        self.assertEqual(offset["resolution"], SECOND)

    def test_losses(self) -> None:
        """The document has losses, bursts, outages, set-up times and the kernel's
        figures."""
        far = self.far(interval=100 * MS, count=40, timeout=150 * MS)
        far.delay = lambda seq: None if seq in (3, 7, 8) else 0.02
        far.start()
        transport: Any = far.transports[0]
        transport.socket = FakeTcpSocket()
        far.run(1.51)
        far.transports[-1].lose(ConnectionLost())
        far.run(1.99)
        far.accept()
        stats = self.document(far)["stats"]
        self.assertEqual(stats["bursts"], {"1": 2, "2": 1})
        self.assertEqual(
            stats["outages"],
            [
                {
                    "start": EPOCH + 1510 * MS,
                    "length": 1990 * MS,
                    "so_far": None,
                    "last_attempt": stats["outages"][0]["last_attempt"],
                    "reason": "the connection was lost",
                    "error": None,
                    "lost": 1,
                    "skipped": 19,
                }
            ],
        )
        self.assertEqual(stats["skipped"], 19)
        self.assertEqual(len(stats["setup"]), 2)
        self.assertEqual(stats["kernel"], {"smoothed_rtt": 0, "retransmissions": 0})

    def test_openOutage(self) -> None:
        """An outage at the end has no length, but the time so far."""
        far = self.far(interval=100 * MS, count=40)
        far.start()
        far.run(1)
        far.transports[-1].lose(ConnectionLost())
        [outage] = self.document(far)["stats"]["outages"]
        self.assertIsNone(outage["length"])
        self.assertEqual(outage["start"], EPOCH + SECOND)
        self.assertEqual(outage["so_far"], 2900 * MS)
        self.assertGreater(outage["last_attempt"], EPOCH + SECOND)

    def test_strings(self) -> None:
        """With strings, exactly the integers that the schema names are strings,
        whatever their value."""
        far = self.far(interval=100 * MS, count=20, deadline=SECOND)
        far.delay = lambda seq: None if seq == 3 else 0.02
        far.start()
        far.run(0.5)
        far.transports[-1].lose(ConnectionLost())
        plain = self.document(far)
        kind = type(self.validator)
        text = json.dumps(self.validator.schema)
        both = '["integer", "string", "null"]'
        strings = document.withStrings(plain)
        self.validator.validate(strings)
        kind(json.loads(text.replace(both, '["integer", "null"]'))).validate(plain)
        kind(json.loads(text.replace(both, '["string", "null"]'))).validate(strings)
        self.assertEqual(strings["probes"][0]["t1"], str(plain["probes"][0]["t1"]))
        self.assertEqual(strings["stats"]["rtt"]["n"], plain["stats"]["rtt"]["n"])
        for each in integers(strings):
            self.assertLess(abs(each), 2**53)

    @settings(max_examples=30, deadline=None)
    @given(
        st.lists(st.none() | st.floats(0.0001, 0.9), min_size=1, max_size=12),
        st.sampled_from([ISO, CTIME, lambda ns: b""]),
        st.floats(0, 12),
    )
    def test_any(self, delays: list[float | None], stamp: Any, seconds: float) -> None:
        """The document of any run is valid, and its counts add up."""
        far = self.far(count=len(delays), timeout=500 * MS)
        far.delay = lambda seq: delays[seq] if seq < len(delays) else 0.02
        far.stamp = stamp
        stats = self.document(far, seconds)["stats"]
        self.assertEqual(
            stats["sent"], stats["received"] + stats["lost"] + stats["under_way"]
        )
