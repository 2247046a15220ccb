"""
The options of C{echostamp report}.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from echostamp.client.arguments import CommandParser, duration
from echostamp.times import SECOND

if TYPE_CHECKING:
    from echostamp.exitstatus import Outcome

DESCRIPTION = """\
Show what a daemon with --history has measured: a table with a row for each peer, JSON,
or CSV. The daemon may go on meanwhile. A TIME is in seconds, or ends in d, h, m or s.
"""

_MINUTE = 60 * SECOND
_DAY = 24 * 60 * _MINUTE
_LONGEST = 36_500 * _DAY


def addReport(report: CommandParser) -> None:
    """
    Add the options to the subcommand's parser.
    """
    add = report.group("what was measured")
    add(
        "--history",
        required=True,
        metavar="FILE",
        help="the daemon's file",
    )
    add(
        "--peer",
        action="append",
        default=[],
        metavar="NAME",
        help="show only this peer; repeatable",
    )
    add(
        "--since",
        type=duration(_MINUTE, _LONGEST),
        default=_DAY,
        metavar="TIME",
        help="show the last TIME, at least 1m (default: 1 day)",
    )
    add(
        "--step",
        type=duration(_MINUTE, _LONGEST),
        metavar="TIME",
        help="show a row for each TIME, at least 1m; longer where there would be more "
        "than 1000, or where only longer ones are kept (default: one row for all)",
    )
    add = report.group("output")
    add("--json", action="store_true", help="write a document of JSON")
    add(
        "--csv", action="store_true", help="write CSV, with the units in its first line"
    )


def wrongTogether(options: argparse.Namespace) -> str:
    """
    Find options that exclude each other.

    @return: the error; empty if there is none.
    """
    return "--json and --csv exclude each other" if options.json and options.csv else ""


def runReport(options: argparse.Namespace) -> Outcome:
    """
    Run the subcommand.
    """
    # Twisted takes long to import, and --help does not need it.
    from echostamp.client.historyreport import ReportOptions, report

    step = options.step
    return report(
        ReportOptions(
            options.history,
            options.peer,
            options.since // SECOND,
            None if step is None else step // SECOND,
            "json" if options.json else "csv" if options.csv else "text",
        )
    )
