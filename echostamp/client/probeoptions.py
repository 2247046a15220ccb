"""
The options of the commands that send probes.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from echostamp.client.arguments import (
    CommandParser,
    duration,
    percentage,
    sourceAddress,
    wholeNumber,
    zone,
)
from echostamp.probe.messages import LARGEST, SMALLEST, USUAL
from echostamp.times import MILLISECOND, SECOND

if TYPE_CHECKING:
    from echostamp.probe.dialers import Wish
    from echostamp.probe.plan import Plan

_HOUR = 3600 * SECOND
_YEAR = 366 * 24 * _HOUR

Add = Callable[..., argparse.Action]


def addInterval(add: Add, also: str = "") -> None:
    """
    Add the option of the interval.

    @param also: what an interval of 0 does, for the help text; empty if that is
        refused.
    """
    add(
        *("-i", "--interval"),
        type=duration(MILLISECOND, _HOUR, orNone=bool(also)),
        default=SECOND,
        metavar="TIME",
        help=f"time from one probe to the next, at least 1ms{also} (default: 1s)",
    )


def addDeadline(add: Add) -> None:
    """
    Add the option of the deadline.
    """
    add(
        *("-w", "--deadline"),
        type=duration(MILLISECOND, _YEAR),
        metavar="TIME",
        help="stop after this time",
    )


def addProbes(add: Add) -> None:
    """
    Add what single probes are like.
    """
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


def addRoute(command: CommandParser) -> None:
    """
    Add the options of the addresses.
    """
    add = command.group("addresses")
    add("-4", dest="only4", action="store_true", help="IPv4 only")
    add("-6", dest="only6", action="store_true", help="IPv6 only")
    add(
        "--source",
        type=sourceAddress,
        default=(None, 0),
        metavar="ADDR[:PORT]",
        help="send from this address and, over STAMP, this port",
    )


def addClock(command: CommandParser) -> None:
    """
    Add the options of the far clock.
    """
    add = command.group("the far clock")
    add(
        "--zone",
        type=zone,
        metavar="ZONE",
        help="the zone of stamps without a zone: UTC, +01:00 or Europe/Berlin "
        "(default: guessed)",
    )


def addThresholds(command: CommandParser, description: str, *helps: str) -> None:
    """
    Add the thresholds.

    @param description: what they do.
    @param helps: the help texts of C{--max-rtt}, C{--max-loss} and C{--max-offset}.
    """
    add = command.group("thresholds", description)
    rtt, loss, offset = helps
    add("--max-rtt", type=duration(1, _YEAR), metavar="TIME", help=rtt)
    add("--max-loss", type=percentage, metavar="PERCENT", help=loss)
    add("--max-offset", type=duration(1, _YEAR), metavar="TIME", help=offset)


def wishFrom(options: argparse.Namespace, target: str, plan: Plan) -> Wish:
    """
    Give what to ask a dialer for.

    @param target: the far end.
    @param plan: what to send, and when.
    """
    # Twisted takes long to import, and --help does not need it.
    from echostamp.connect.tls import TlsFiles
    from echostamp.probe.dialers import Wish
    from echostamp.probe.plan import StampPlan
    from echostamp.probe.route import Route

    return Wish(
        target,
        plan,
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
