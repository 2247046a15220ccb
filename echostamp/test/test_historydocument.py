"""Tests for L{echostamp.history.document}."""

from __future__ import annotations

import csv
import json
from io import StringIO
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.history.document import (
    CSV_COLUMNS,
    csvPieces,
    historyDocument,
    historyPieces,
    pointDocument,
)
from echostamp.history.row import KeptRow
from echostamp.measure.offsetwindow import FITS, NO_FIT
from echostamp.measure.verdicts import VERDICTS
from echostamp.test.apisites import apiValidator
from echostamp.test.histories import fullRow

SPAN = ("ams", 1_750_000_000, 1_750_086_400)


class PointTests(SynchronousTestCase):
    """
    Tests for L{pointDocument} and L{historyPieces}.
    """

    def test_full(self) -> None:
        """A point has the figures of its row."""
        self.assertEqual(
            pointDocument(fullRow(60)),
            {
                "at": 60,
                "due": 60,
                "sent": 59,
                "received": 50,
                "lost_forward": 4,
                "lost_backward": 3,
                "lost_unknown": 2,
                "late": 1,
                "rtt": {
                    "min": 901_000,
                    "p10": 902_000,
                    "p25": 903_000,
                    "median": 904_000,
                    "p75": 905_000,
                    "p90": 906_000,
                    "p99": 907_000,
                    "max": 908_000,
                },
                "forward": {"pdv": {"median": 31_000, "p99": 32_000}},
                "backward": {"pdv": {"median": 33_000, "p99": 34_000}},
                "offset": {
                    "low": -12_500_000,
                    "estimate": -12_000_001,
                    "high": -11_499_999,
                    "verdict": FITS,
                },
                "hops": {"forward": 5, "backward": 6},
                "stalled": 7_000_000,
            },
        )

    def test_verdicts(self) -> None:
        """The verdicts are those of C{ping}."""
        found = []
        for number in range(len(VERDICTS)):
            offset = pointDocument(fullRow()._replace(verdict=number))["offset"]
            found.append(offset["verdict"])
        self.assertEqual((found[0], found[1], found[3]), (None, FITS, NO_FIT))
        known, unknown = (
            pointDocument(fullRow()._replace(verdict=number))["offset"]
            for number in (1, 0)
        )
        self.assertEqual(unknown, {**known, "verdict": None})

    def test_unknown(self) -> None:
        """What is not known is null."""
        document = pointDocument(KeptRow(0, due=60))
        for name in "rtt", "forward", "backward", "offset":
            self.assertIsNone(document[name])
        self.assertEqual(document["hops"], {"forward": None, "backward": None})

    def test_valid(self) -> None:
        """Each point is valid by the schema, whatever is not known."""
        check = apiValidator("point")
        full = fullRow()
        for each in full, KeptRow(0), KeptRow(0, 60, 60, 60, least=1, most=2):
            check.validate(pointDocument(each))
        for name in KeptRow._fields[8:]:
            unknown: Any = 0 if name in ("verdict", "stalled") else None
            check.validate(pointDocument(full._replace(**{name: unknown})))

    def test_pieces(self) -> None:
        """Each point is a piece."""
        rows = [fullRow(60 * each) for each in range(9)]
        for some in rows, rows[:1], []:
            pieces = list(historyPieces(*SPAN, 60, some))
            self.assertEqual(len(pieces), len(some) + 2)
            found = json.loads("".join(pieces))
            self.assertEqual(found, historyDocument(*SPAN, 60, some))
            self.assertEqual(len(found["points"]), len(some))


class CsvTests(SynchronousTestCase):
    """
    Tests for L{csvPieces}.
    """

    def rows(self, name: str, *rows: KeptRow) -> list[dict[str, str]]:
        """Write rows, and read them."""
        text = "".join(csvPieces(name, 60, rows))
        return list(csv.DictReader(StringIO(text, newline=""), strict=True))

    def test_full(self) -> None:
        """A line has all figures of its row; the units are in the first line."""
        (found,) = self.rows("ams", fullRow(1_750_000_020))
        self.assertEqual(found["peer"], "ams")
        self.assertEqual(found["step_s"], "60")
        self.assertEqual(found["time_utc"], "2025-06-15T15:07:00Z")
        self.assertEqual(found["rtt_median_ns"], "904000")
        self.assertEqual(found["offset_low_ns"], "-12500000")
        self.assertEqual(found["verdict"], "fits")
        self.assertEqual(found["stalled_ns"], "7000000")
        self.assertEqual(len(found), len(CSV_COLUMNS))

    def test_everyField(self) -> None:
        """Each field of a row has a column, and each column another one."""
        (before,) = self.rows("ams", fullRow())
        changed = {"peer", "step_s"}
        for name in KeptRow._fields:
            row = fullRow()
            row = row._replace(**{name: getattr(row, name) ^ 1})
            (found,) = self.rows("ams", row)
            differ = [each for each in CSV_COLUMNS if found[each] != before[each]]
            self.assertTrue(differ, name)
            changed.update(differ)
        self.assertEqual(changed, set(CSV_COLUMNS))

    def test_unknown(self) -> None:
        """What is not known is empty; what is nothing is 0."""
        (found,) = self.rows("ams", KeptRow(0, due=60))
        self.assertEqual((found["rtt_min_ns"], found["late"]), ("", "0"))
        self.assertEqual((found["rtt_max_ns"], found["hops_forward"]), ("", ""))
        self.assertEqual((found["due"], found["verdict"]), ("60", "unknown"))

    @given(st.text(min_size=1, max_size=30).filter(str.isprintable))
    def test_names(self, name: str) -> None:
        """Any name is read as it was written, but for formulas."""
        (found,) = self.rows(name, KeptRow(0))
        isFormula = name.startswith(("=", "+", "-", "@"))
        self.assertEqual(found["peer"], f"'{name}" if isFormula else name)

    def test_formulas(self) -> None:
        """No name is a formula for a spreadsheet."""
        for name in "=1+1", "+1", "-1", "@x", "@SUM(A1)", '=HYPERLINK("http://x","y")':
            (found,) = self.rows(name, KeptRow(0))
            self.assertEqual(found["peer"], f"'{name}")
        for name in "ams", "a=b", "'x", "a,b", 'a"b':
            (found,) = self.rows(name, KeptRow(0))
            self.assertEqual(found["peer"], name)
