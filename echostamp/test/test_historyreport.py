"""Tests for L{echostamp.client.historyreport} and L{echostamp.client.reporttable}."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path
from typing import Any

from hypothesis import given, strategies
from twisted.trial.unittest import SynchronousTestCase

from echostamp.client import historyreport
from echostamp.client.historyreport import ReportOptions, report
from echostamp.client.reporttable import ReportSpan, pointLines, totalLines
from echostamp.columns import columnsOf
from echostamp.exitstatus import PIPE_CLOSED, Outcome
from echostamp.history.document import CSV_COLUMNS, pointDocument
from echostamp.history.mixture import merged
from echostamp.history.row import MINUTE, KeptRow
from echostamp.history.store import SqliteHistory
from echostamp.measure.verdicts import NO_FIT, VERDICTS
from echostamp.test.historycases import NOON, row, rows

SPAN = ReportSpan(NOON, NOON + 3600)

#: A row in which everything is known.
FULL = KeptRow(
    *(NOON, 60, 58, 50, 3, 2, 1, 1),
    *(9_000_000, 9_100_000, 9_200_000, 9_300_000, 9_400_000, 9_500_000),
    *(19_600_000, 209_700_000, 11, 12, 21, 22),
    *(-2_000_000, 1_000_000, 4_000_000, VERDICTS.index(NO_FIT), 7, 8, 999),
)


class ReportCase(SynchronousTestCase):
    """
    A history of two peers, the first of which has ten minutes, the second one.
    """

    def setUp(self) -> None:
        """Write it."""
        self.path = str(Path(self.mktemp()).absolute())
        self.minutes = [row(NOON + MINUTE * at) for at in range(10)]
        history = SqliteHistory(self.path)
        self.addCleanup(history.close)
        for each in self.minutes:
            history.write({"far": each}, [])
        history.write({"b,c\n": FULL}, [])
        self.output = io.StringIO()

    def run_(self, *peers: str, **more: Any) -> Outcome:
        """Report the last hour, ten minutes after noon."""
        options = ReportOptions(self.path, peers, **{"since": 3600, **more})
        return report(options, self.output, lambda: NOON + 600.9)

    def written(self) -> str:
        """Give what was written."""
        return self.output.getvalue()


class OutcomeTests(ReportCase):
    """
    How the command ends.
    """

    def test_known(self) -> None:
        """It is done if something is known of each peer that was named."""
        self.assertEqual(self.run_("far", "b,c\n"), Outcome(0))
        self.assertEqual(self.run_(), Outcome(0))

    def test_unknown(self) -> None:
        """A peer of which nothing is known is named; the others are shown."""
        outcome = self.run_("nobody", "far", "x")
        text = "nothing is known of --peer 'nobody', 'x' in this time"
        self.assertEqual(outcome, Outcome(1, text))
        self.assertIn("\nfar ", self.written())

    def test_nothing(self) -> None:
        """In a time in which nothing was measured, there is nothing to show."""
        options = ReportOptions(self.path)
        outcome = report(options, self.output, lambda: NOON + 86_400 * 9)
        text = "nothing is known of any peer in this time"
        self.assertEqual(outcome, Outcome(1, text))
        self.assertEqual(self.written(), "")

    def test_wrongFile(self) -> None:
        """A file that cannot be read is this end's fault."""
        outcome = report(ReportOptions("/nowhere/file"), self.output)
        text = "--history '/nowhere/file': No such file or directory"
        self.assertEqual(outcome, Outcome(2, text))

    def test_closedOutput(self) -> None:
        """The end of the reader of a pipe is the end of the command."""
        ends = os.pipe()
        os.close(ends[0])
        self.patch(historyreport, "outputFailed", lambda status: Outcome(PIPE_CLOSED))
        with os.fdopen(ends[1], "w") as self.output:  # type: ignore[assignment]
            self.assertEqual(self.run_().status, PIPE_CLOSED)


class FormTests(ReportCase):
    """
    The forms of the output.
    """

    def test_table(self) -> None:
        """A table has a row for each peer, in the order of their names."""
        self.run_()
        lines = self.written().splitlines()
        self.assertEqual(lines[0], "2 peers, 2023-08-30 23:10 to 2023-08-31 00:10 UTC")
        self.assertEqual(
            lines[2:4],
            [
                "peer                 due loss  fwd  bwd median    p90    p99    max"
                "       offset",
                "b,c\\n                 60 13.7  5.1  3.4  9.300  9.500 19.600 209.70"
                "  +1.00±3.00?",
            ],
        )
        self.assertEqual(len(lines), 5)

    def test_points(self) -> None:
        """With a step, each peer has a table with a row for each point."""
        self.run_("far", step=300)
        lines = self.written().splitlines()
        self.assertEqual(lines[2:4], ["", "far"])
        self.assertEqual(
            [line.split()[:3] for line in lines[5:]],
            [["2023-08-31", "00:00", "300"], ["2023-08-31", "00:05", "300"]],
        )

    def test_json(self) -> None:
        """JSON has an object for each peer, with its points."""
        self.run_(form="json", step=300)
        other, far = json.loads(self.written())["peers"]
        self.assertEqual(other["points"], [pointDocument(FULL)])
        self.assertEqual(
            far,
            {
                "peer": "far",
                "from": NOON - 3000,
                "to": NOON + 600,
                "step": 300,
                "points": [
                    pointDocument(merged(self.minutes[at : at + 5], NOON + 60 * at))
                    for at in (0, 5)
                ],
            },
        )

    def test_total(self) -> None:
        """Without a step there is one point, of the whole time."""
        self.run_("far", form="json")
        (far,) = json.loads(self.written())["peers"]
        self.assertEqual(far["step"], 3600)
        self.assertEqual(far["points"], [pointDocument(merged(self.minutes, NOON))])

    def test_nothing(self) -> None:
        """JSON is a document even if nothing is known."""
        self.assertEqual(self.run_("x", form="json").status, 1)
        self.assertEqual(json.loads(self.written()), {"peers": []})

    def test_csv(self) -> None:
        """CSV names its columns with their units, and quotes what needs it."""
        self.run_(form="csv", step=60)
        head, first, *rest = csv.reader(io.StringIO(self.written(), newline=""))
        self.assertEqual(head, list(CSV_COLUMNS))
        found = dict(zip(head, first, strict=True))
        self.assertEqual(
            (found["peer"], found["step_s"], found["time_utc"], found["time_s"]),
            ("b,c\n", "60", "2023-08-31T00:00:00Z", str(NOON)),
        )
        self.assertEqual(
            (found["rtt_max_ns"], found["verdict"], found["hops_backward"]),
            ("209700000", "no_fit", "8"),
        )
        self.assertEqual(len(rest), 10)


class TableTests(SynchronousTestCase):
    """
    Tables of any rows.
    """

    @given(rows(NOON), strategies.text())
    def test_width(self, one: KeptRow, name: str) -> None:
        """No line is wider than a terminal, and none is broken."""
        for lines in totalLines(SPAN, {name: one}), pointLines(SPAN, {name: [one]}):
            *_, last = lines
            self.assertEqual(columnsOf(last), 80)
            self.assertNotIn("\n", last)

    def test_unknown(self) -> None:
        """What is not known is a dash."""
        *_, last = totalLines(SPAN, {"far": KeptRow(NOON)})
        self.assertEqual(last.split(), ["far", "0", *"--------"])

    def test_many(self) -> None:
        """Many probes are counted in thousands."""
        *_, last = totalLines(SPAN, {"far": FULL._replace(due=31_536_000)})
        self.assertEqual(last.split()[1], "31536k")
