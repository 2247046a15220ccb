"""
The options of C{echostamp watch}.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from echostamp.client.arguments import CommandParser, addTarget, duration
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
from echostamp.times import SECOND

if TYPE_CHECKING:
    from echostamp.exitstatus import Outcome

DESCRIPTION = """\
Measure many targets at the same time. On a terminal, show a live table with a row for
each target; elsewhere, write a line of JSON for each target and window. A TIME is in
seconds, or ends in d, h, m, s, ms, us or ns.
"""

KEYS = """\
Keys: w, n, m, l and o sort by the worst, the name, the median, the loss or the offset;
the same key again reverses the order. / finds targets by a part of their name, until
Escape. b shows only bad ones: those that are down, above a threshold, or with losses.
Arrows, Page Up, Page Down, Home, End, Space, j, k, g and G scroll. q and Ctrl-C end.
"""

_MINUTE = 60 * SECOND
_DAY = 24 * 60 * _MINUTE


def addWatch(watch: CommandParser) -> None:
    """
    Add the options to the subcommand's parser.
    """
    watch.epilog = KEYS
    addTarget(watch, "stamp:HOST[:PORT], ", areMany=True)
    _addPeers(watch)
    add = watch.group("probes")
    addInterval(add)
    addDeadline(add)
    addProbes(add)
    addRoute(watch)
    addStamp(watch)
    addClock(watch)
    _addOutput(watch)
    addThresholds(
        watch,
        "For each target, of the window or, if that is longer, of the last 20 probes. "
        "One that is exceeded at the end is named; the exit status is 3.",
        "for the median of the RTTs",
        "of the probes that were due",
        "between the clocks; exceeded when all of the interval that bounds the offset "
        "is outside",
    )


def _addPeers(watch: CommandParser) -> None:
    """
    Add the options of the files of peers.
    """
    add = watch.group(
        "files of peers",
        "Options of probes and thresholds are for TARGETs only: a file has its own.",
    )
    add(
        "--peers",
        action="append",
        default=[],
        metavar="FILE",
        help="watch the peers in this file, too; TOML, or Prometheus' file_sd in JSON; "
        "repeatable",
    )
    add(
        "--self",
        metavar="NAME",
        help="the peer that is this host, which is left out (default: the host's name)",
    )
    add(
        "--check",
        action="store_true",
        help="read the options and the files, print what there is to watch or what is "
        "wrong, and exit",
    )


def _addOutput(watch: CommandParser) -> None:
    """
    Add the options of the output.
    """
    add = watch.group("output")
    add(
        "--window",
        type=duration(SECOND, _DAY),
        default=_MINUTE,
        metavar="TIME",
        help="show the figures of the last TIME, at least 1s (default: 60s)",
    )
    add(
        "--jsonl",
        action="store_true",
        help="on a terminal, too, write a line of JSON for each target and window",
    )
    add(
        "--json-strings",
        action="store_true",
        help="the same as --jsonl, with integers as strings where they can exceed 2^53",
    )


def wrongTogether(options: argparse.Namespace) -> str:
    """
    Find targets that exclude each other.

    @return: the error; empty if there is none.
    """
    targets = options.targets
    if not (targets or options.peers):
        return "TARGET or --peers is missing"
    if options.self is not None and not options.peers:
        return "--self goes with --peers"
    twice = next((each for each in targets if targets.count(each) > 1), None)
    return "" if twice is None else f"TARGET {twice!r} is given twice"


def runWatch(options: argparse.Namespace) -> Outcome:
    """
    Run the subcommand.
    """
    # Twisted takes long to import, and --help does not need it.
    from echostamp.client.reactor import installedReactor

    reactor = installedReactor()
    from echostamp.client.peerfiles import allPeers, checked, refused
    from echostamp.client.watch import WatchOptions, watch
    from echostamp.monitor.mistakes import PeersError
    from echostamp.monitor.peer import Limits, Peer
    from echostamp.probe.plan import Plan

    plan = Plan(
        interval=options.interval,
        timeout=options.timeout,
        size=options.size,
        jitter=options.jitter,
    )
    limits = Limits(options.max_rtt, None, options.max_loss, options.max_offset)
    peers = tuple(
        Peer(target, wishFrom(options, target, plan), limits, zone=options.zone)
        for target in options.targets
    )
    try:
        peers = allPeers(reactor, peers, options.peers, options.self)
    except PeersError as error:
        return refused(error)
    if options.check:
        return checked(peers)
    asked = WatchOptions(
        peers,
        options.window,
        options.deadline,
        options.jsonl or options.json_strings,
        options.json_strings,
    )
    return watch(reactor, asked)
