"""Tests for L{echostamp.client.reportoptions}."""

from __future__ import annotations

from echostamp.client import historyreport
from echostamp.client.command import main
from echostamp.client.historyreport import ReportOptions
from echostamp.exitstatus import Outcome
from echostamp.test.commands import CommandCase


class ReportOptionsTests(CommandCase):
    """
    C{echostamp report} and its options.
    """

    def setUp(self) -> None:
        """Note what would be reported."""
        super().setUp()
        self.reports: list[ReportOptions] = []
        self.patch(historyreport, "report", self.report)

    def report(self, options: ReportOptions) -> Outcome:
        """Note the call, and give a status that nothing else has."""
        self.reports.append(options)
        return Outcome(45, "the end")

    def reported(self, *arguments: str) -> ReportOptions:
        """Run it, and give what would be reported."""
        self.assertEqual(main(["report", *arguments]), 45)
        return self.reports.pop()

    def test_defaults(self) -> None:
        """By default it is a table of all peers, and of the last day."""
        found = self.reported("--history=x")
        self.assertEqual(found, ReportOptions("x", [], 86_400, None, "text"))

    def test_options(self) -> None:
        """Options become peers, times in seconds, and the form."""
        options = "--history x --peer a --peer=-b --since 7d --step=90s --csv"
        self.assertEqual(
            self.reported(*options.split()),
            ReportOptions("x", ["a", "-b"], 7 * 86_400, 90, "csv"),
        )
        self.assertEqual(self.reported("--history=x", "--json").form, "json")

    def test_wrong(self) -> None:
        """What is wrong with the options is said in one line."""
        for arguments, text in [
            ([], "--history"),
            (["--history=x", "--json", "--csv"], "exclude each other"),
            (["--history=x", "--since=59s"], "is not from 60s to"),
            (["--history=x", "--step=0"], "is not from 60s to"),
            (["--history=x", "peer"], "unrecognized arguments: peer"),
        ]:
            self.assertEqual(self.ended("report", *arguments), 2)
            said = self.said()
            self.assertEqual(said.count("\n"), 1)
            self.assertIn(text, said)
