"""
The options of C{echostamp ping}.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from echostamp.client.arguments import (
    CommandParser,
    addTarget,
    duration,
    percentage,
    sourceAddress,
    wholeNumber,
    zone,
)
from echostamp.client.stampoptions import addStamp
from echostamp.probe.messages import LARGEST, SMALLEST, USUAL
from echostamp.times import MILLISECOND, SECOND

if TYPE_CHECKING:
    from echostamp.exitstatus import Outcome

DESCRIPTION = """\
Send probes and measure how long their stamped replies take, how many are lost, and how
much the far clock differs, with bounds for each figure. Without --count and --deadline
it goes on until Ctrl-C. Ctrl-\\ shows the figures so far. A TIME is in seconds, or ends
in d, h, m, s, ms, us or ns.
"""

_HOUR = 3600 * SECOND
_YEAR = 366 * 24 * _HOUR


def addPing(ping: CommandParser) -> None:
    """
    Add the options to the subcommand's parser.
    """
    addTarget(ping, "stamp:HOST[:PORT], ")
    _addProbes(ping)
    _addRoute(ping)
    addStamp(ping)
    _addClock(ping)
    _addOutput(ping)
    _addThresholds(ping)


def _addProbes(ping: CommandParser) -> None:
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
    add(
        *("-i", "--interval"),
        type=duration(MILLISECOND, _HOUR, orNone=True),
        default=SECOND,
        metavar="TIME",
        help="time from one probe to the next, at least 1ms; 0: send each probe when "
        "the previous one is answered (default: 1s)",
    )
    add(
        *("-w", "--deadline"),
        type=duration(MILLISECOND, _YEAR),
        metavar="TIME",
        help="stop after this time",
    )
    add(
        "--wait",
        action="store_true",
        help="if the far end is not there yet, keep trying until --deadline",
    )
    add(
        *("-W", "--timeout"),
        type=duration(MILLISECOND, _HOUR),
        default=3 * SECOND,
        metavar="TIME",
        help="wait so long for each reply (default: 3s)",
    )
    add(
        *("-s", "--size"),
        type=wholeNumber(SMALLEST, LARGEST),
        default=0,
        metavar="N",
        help=f"octets of each message, {SMALLEST} to {LARGEST} (default: {USUAL}); "
        "over STAMP, of each packet, 44 or more, 112 with a key (default: the least)",
    )
    add(
        "--no-jitter",
        dest="jitter",
        action="store_false",
        help="send probes on time, not delayed at random by up to a tenth of the "
        "interval",
    )


def _addRoute(ping: CommandParser) -> None:
    """
    Add the options of the addresses.
    """
    add = ping.group("addresses")
    add("-4", dest="only4", action="store_true", help="IPv4 only")
    add("-6", dest="only6", action="store_true", help="IPv6 only")
    add(
        "--source",
        type=sourceAddress,
        default=(None, 0),
        metavar="ADDR[:PORT]",
        help="send from this address and, over STAMP, this port",
    )


def _addClock(ping: CommandParser) -> None:
    """
    Add the options of the far clock.
    """
    add = ping.group("the far clock")
    add(
        "--zone",
        type=zone,
        metavar="ZONE",
        help="the zone of stamps without a zone: UTC, +01:00 or Europe/Berlin "
        "(default: guessed)",
    )


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


def _addThresholds(ping: CommandParser) -> None:
    """
    Add the thresholds.
    """
    add = ping.group(
        "thresholds",
        "Each one that is not met or cannot be judged is named; the exit status is 3.",
    )
    anyTime = duration(1, _YEAR)
    add(
        "--max-rtt",
        type=anyTime,
        metavar="TIME",
        help="for each RTT",
    )
    add(
        "--max-loss",
        type=percentage,
        metavar="PERCENT",
        help="of the probes",
    )
    add(
        "--max-offset",
        type=anyTime,
        metavar="TIME",
        help="between the clocks; all of the interval that bounds the offset must be "
        "within it",
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
    from echostamp.connect.tls import TlsFiles
    from echostamp.measure.thresholds import Thresholds
    from echostamp.probe.dialers import Wish
    from echostamp.probe.plan import Plan, StampPlan
    from echostamp.probe.route import Route

    wish = Wish(
        options.target,
        Plan(
            options.count,
            options.interval,
            options.deadline,
            options.timeout,
            options.size,
            options.jitter,
            waits=options.wait,
        ),
        Route(options.only4, options.only6, *options.source),
        StampPlan(
            options.ssid,
            options.dscp,
            tuple(dict.fromkeys(options.tlv)),
            options.ptp,
            options.ttl,
            options.strict_ssid,
        ),
        TlsFiles(options.ca, options.cert, options.key),
    )
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
