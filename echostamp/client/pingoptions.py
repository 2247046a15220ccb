"""
The options of C{echostamp ping}.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from echostamp.client.arguments import CommandParser, addTarget, wholeNumber
from echostamp.client.probeoptions import (
    addClock,
    addDeadline,
    addInterval,
    addProbes,
    addRoute,
    addThresholds,
    wishFrom,
)
from echostamp.client.stampoptions import addStamp

if TYPE_CHECKING:
    from echostamp.exitstatus import Outcome

DESCRIPTION = """\
Send probes and measure how long their stamped replies take, how many are lost, and the
least and the greatest offset that the far clock can have. Without --count and
--deadline it goes on until Ctrl-C. Ctrl-\\ shows the figures so far. A TIME is in
seconds, or ends in d, h, m, s, ms, us or ns.
"""


def addPing(ping: CommandParser) -> None:
    """
    Add the options to the subcommand's parser.
    """
    addTarget(ping, "stamp:HOST[:PORT], ")
    _addRun(ping)
    addRoute(ping)
    addStamp(ping)
    addClock(ping)
    _addOutput(ping)
    addThresholds(
        ping,
        "Each one that is not met or cannot be judged is named; the exit status is 3.",
        "for each RTT",
        "of the probes",
        "between the clocks; all of the interval that bounds the offset must be "
        "within it",
    )


def _addRun(ping: CommandParser) -> None:
    """
    Add the options of the probes.
    """
    add = ping.group("probes")
    add(
        *("-c", "--count"),
        type=wholeNumber(1, 10**9),
        metavar="N",
        help="stop after this number of probes",
    )
    addInterval(add, "; 0: send each probe when the previous one is answered")
    addDeadline(add)
    add(
        "--wait",
        action="store_true",
        help="if the far end is not there yet, keep trying until --deadline",
    )
    addProbes(add)


def _addOutput(ping: CommandParser) -> None:
    """
    Add the options of the output.
    """
    output = ping.add_argument_group("output")
    add = output.add_argument
    add(
        *("-q", "--quiet"),
        action="store_true",
        help="print only the summary, in at most four lines",
    )
    add(
        *("-v", "--verbose"),
        action="store_true",
        help="print all figures in the summary",
    )
    add("-D", dest="times", action="store_true", help="print the time before each line")
    add(
        "-O",
        dest="outstanding",
        action="store_true",
        help="when a probe is sent, report the previous one if it is unanswered",
    )
    add(
        *("-n", "--numeric"),
        action="store_true",
        help="print the far end's address without its name",
    )
    add(
        "--histogram",
        action="store_true",
        help="draw a histogram of the RTTs",
    )
    forms = output.add_mutually_exclusive_group()
    forms.add_argument("--json", action="store_true", help="write one JSON document")
    forms.add_argument(
        "--jsonl",
        action="store_true",
        help="write a line of JSON for each probe, then the summary",
    )
    add(
        "--json-strings",
        action="store_true",
        help="in JSON, write integers as strings where they can exceed 2^53; without "
        "--jsonl, the same as --json, too",
    )


def wrongTogether(options: argparse.Namespace) -> str:
    """
    Find options that exclude each other.

    @return: the error; empty if there is none.
    """
    isJson = options.json or options.jsonl or options.json_strings
    if isJson and (options.times or options.outstanding or options.histogram):
        return "-D, -O and --histogram do not go with --json or --jsonl"
    return ""


def formOf(options: argparse.Namespace) -> str:
    """
    Name the form of the output.
    """
    if options.jsonl:
        return "jsonl"
    return "json" if options.json or options.json_strings else "text"


def runPing(options: argparse.Namespace) -> Outcome:
    """
    Run the subcommand.
    """
    # Twisted takes long to import, and --help does not need it.
    from echostamp.client.reactor import installedReactor

    reactor = installedReactor()
    from echostamp.client.output import OutputOptions
    from echostamp.client.ping import PingOptions, ping
    from echostamp.measure.thresholds import Thresholds
    from echostamp.probe.plan import Plan

    plan = Plan(
        options.count,
        options.interval,
        options.deadline,
        options.timeout,
        options.size,
        options.jitter,
        waits=options.wait,
    )
    wish = wishFrom(options, options.target, plan)
    output = OutputOptions(
        formOf(options),
        options.quiet,
        options.verbose,
        options.times,
        options.outstanding,
        options.numeric,
        options.histogram,
        options.json_strings,
    )
    thresholds = Thresholds(options.max_rtt, options.max_loss, options.max_offset)
    return ping(reactor, PingOptions(wish, output, thresholds, options.zone))
