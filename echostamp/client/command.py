"""
The C{echostamp} command: its subcommands and options.
"""

from __future__ import annotations

import argparse
import math
import signal
import sys
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, NoReturn, cast

from echostamp import __version__
from echostamp.intercom.naming import NAMES, isName
from echostamp.probe.messages import LARGEST, SMALLEST, USUAL
from echostamp.text import printable
from echostamp.times import SECOND
from echostamp.units import parseDuration, parseZone, readable

if TYPE_CHECKING:
    from echostamp.exitstatus import Outcome

#: The exit status for a wrong command line.
USAGE = 2


class _Parser(argparse.ArgumentParser):
    """
    A parser whose errors are one line each.
    """

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the command line, and end."""
        line = printable(f"{self.prog}: {message} (see {self.prog} --help)")
        self.exit(USAGE, f"{line}\n")


def _seconds(text: str) -> float:
    """
    Read a number of seconds above zero.

    @raise argparse.ArgumentTypeError: it is none.
    """
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= 86_400:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a number of seconds above 0, at most 86400"
        )
    return seconds


def _duration(least: int, most: int, orNone: bool = False) -> Callable[[str], int]:
    """
    Make a reader of durations.

    @param least: nanoseconds.
    @param most: nanoseconds.
    @param orNone: whether 0 will do, too.
    @return: from text to nanoseconds; it raises L{argparse.ArgumentTypeError}.
    """

    def read(text: str) -> int:
        try:
            duration = parseDuration(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
        if not (least <= duration <= most or (orNone and not duration)):
            bounds = f"from {readable(least)} to {readable(most)}"
            also = ", or 0" if orNone else ""
            raise argparse.ArgumentTypeError(f"{text!r} is not {bounds}{also}")
        return duration

    return read


def _whole(least: int, most: int) -> Callable[[str], int]:
    """
    Make a reader of whole numbers.

    @return: from text to number; it raises L{argparse.ArgumentTypeError}.
    """

    def read(text: str) -> int:
        isNumber = text.isdecimal() and len(text) <= 19
        if not (isNumber and least <= int(text) <= most):
            raise argparse.ArgumentTypeError(
                f"{text!r} is not a whole number from {least} to {most}"
            )
        return int(text)

    return read


def _percent(text: str) -> float:
    """
    Read a share in percent.

    @raise argparse.ArgumentTypeError: it is none.
    """
    try:
        percent = float(text.removesuffix("%"))
    except ValueError:
        percent = math.nan
    if not 0 <= percent <= 100:
        raise argparse.ArgumentTypeError(f"{text!r} is not a percentage")
    return percent


def _name(text: str) -> str:
    """
    Read a name for the intercom.

    @raise argparse.ArgumentTypeError: it is none.
    """
    if not isName(text.encode("utf-8", "surrogateescape")):
        raise argparse.ArgumentTypeError(f"{text!r} is no name: {NAMES}")
    return text


def _zone(text: str) -> int:
    """
    Read a zone.

    @raise argparse.ArgumentTypeError: it is none.
    """
    try:
        return parseZone(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def parser() -> argparse.ArgumentParser:
    """
    Give the parser of the command line.
    """
    top = _Parser(
        prog="echostamp",
        description="Talk to a timestamp echo daemon. Alone, the same as "
        "'echostamp talk'.",
    )
    top.add_argument("--version", action="version", version=f"EchoStamp {__version__}")
    commands = top.add_subparsers(metavar="COMMAND", dest="command")
    _addTalk(
        commands.add_parser(
            "talk",
            help="type a line, see it come back stamped",
            description="Send each line that is typed, and show the stamped reply. On "
            "a terminal, an empty line or Ctrl-D ends it. With standard input or "
            "output elsewhere, every line of the input is sent and every reply "
            "written as it came.",
        )
    )
    _addPing(
        commands.add_parser(
            "ping",
            help="measure how far away it is, and what its clock says",
            description="Send probes, and tell from the stamped replies how long they "
            "take, which are lost, and by how much the far clock differs, with the "
            "bounds of each figure. Without --count and --deadline it goes on until "
            "Ctrl-C; Ctrl-\\ shows the figures so far. Durations are seconds, or end "
            "in ms, us or s.",
        )
    )
    return top


def _addTarget(command: argparse.ArgumentParser, also: str = "") -> None:
    """
    Add what says where to.

    @param also: what else it may be.
    """
    command.add_argument(
        "target",
        nargs="?",
        default="localhost:8002",
        metavar="TARGET",
        help=f"HOST, HOST:PORT, [V6]:PORT, the same behind tls:, {also}or a Twisted "
        "client endpoint such as unix:/run/echostamp.sock (default: %(default)s)",
    )
    for option, what in [
        ("--ca", "over TLS, trust the CAs in this PEM file instead of the system's"),
        ("--cert", "over TLS, show the certificate in this PEM file"),
        ("--key", "its private key's PEM file (default: the certificate's)"),
    ]:
        command.add_argument(option, metavar="FILE", help=what)


def _addTalk(talk: argparse.ArgumentParser) -> None:
    """
    Add the options of C{echostamp talk}.
    """
    _addTarget(talk)
    talk.add_argument(
        "--name",
        type=_name,
        metavar="NAME",
        help="what to be called in the intercom (default: the address and port)",
    )
    talk.add_argument(
        "--time",
        action="store_true",
        help="put the round-trip time after each reply",
    )
    talk.add_argument(
        "--timeout",
        type=_seconds,
        default=10.0,
        metavar="SECONDS",
        help="how long to wait for the connection, and for replies still owed once "
        "the input has ended (default: 10)",
    )


def _addPing(ping: argparse.ArgumentParser) -> None:
    """
    Add the options of C{echostamp ping}.
    """
    _addTarget(ping, "stamp:HOST[:PORT], ")
    add = ping.add_argument_group("probes").add_argument
    add(
        *("-c", "--count"),
        type=_whole(1, 10**9),
        metavar="N",
        help="stop after so many probes",
    )
    add(
        *("-i", "--interval"),
        type=_duration(1_000_000, 3600 * SECOND, orNone=True),
        default=SECOND,
        metavar="TIME",
        help="from one probe to the next, at least 1ms; 0: as fast as replies come "
        "(default: 1)",
    )
    add(
        *("-w", "--deadline"),
        type=_duration(1_000_000, 366 * 86_400 * SECOND),
        metavar="TIME",
        help="stop after this time",
    )
    add(
        *("-W", "--timeout"),
        type=_duration(1_000_000, 3600 * SECOND),
        default=3 * SECOND,
        metavar="TIME",
        help="how long to wait for each reply (default: 3)",
    )
    add(
        *("-s", "--size"),
        type=_whole(SMALLEST, LARGEST),
        default=0,
        metavar="N",
        help=f"octets of a message, from {SMALLEST} to {LARGEST} (default: {USUAL}); "
        "over STAMP of a packet, at least 44, or 112 with a key (default: the least)",
    )
    add(
        "--no-jitter",
        dest="jitter",
        action="store_false",
        help="send each probe at its turn, and not up to a tenth of the interval later",
    )
    add = ping.add_argument_group("addresses").add_argument
    add("-4", dest="only4", action="store_true", help="IPv4 only")
    add("-6", dest="only6", action="store_true", help="IPv6 only")
    add(
        "--source",
        type=_source,
        default=(None, 0),
        metavar="ADDR[:PORT]",
        help="come from this address; over STAMP, and from this port",
    )
    add = ping.add_argument_group(
        "STAMP (RFC 8762)", "For stamp:HOST[:PORT]; --key names a file with its key."
    ).add_argument
    add(
        "--ssid",
        type=_whole(0, 65535),
        default=0,
        metavar="N",
        help="the session's identifier (default: 0, none)",
    )
    add(
        "--dscp",
        type=_whole(0, 63),
        default=0,
        metavar="N",
        help="mark packets so (default: 0)",
    )
    add(
        "--tlv",
        action="append",
        choices=("padding", "timestamp", "cos", "follow-up"),
        default=[],
        help="send this TLV of RFC 8972; repeatable",
    )
    add("--ptp", action="store_true", help="send timestamps in PTP's format")
    add(
        "--ttl",
        type=_whole(1, 255),
        default=255,
        metavar="N",
        help="time to live or hop limit (default: 255)",
    )
    add = ping.add_argument_group("the far clock").add_argument
    add(
        "--zone",
        type=_zone,
        metavar="ZONE",
        help="the zone of stamps that name none: UTC, +01:00 or Europe/Berlin "
        "(default: guessed)",
    )
    output = ping.add_argument_group("output")
    add = output.add_argument
    add("-q", "--quiet", action="store_true", help="only the summary")
    add("-D", dest="times", action="store_true", help="put the time before each line")
    add(
        "-O",
        dest="outstanding",
        action="store_true",
        help="say which probe is outstanding when the next one is sent",
    )
    add(
        *("-n", "--numeric"),
        action="store_true",
        help="call the far end by its address alone",
    )
    add("--histogram", action="store_true", help="draw how long the round trips were")
    forms = output.add_mutually_exclusive_group()
    forms.add_argument("--json", action="store_true", help="one JSON document")
    forms.add_argument(
        "--jsonl", action="store_true", help="a line of JSON a probe, then the summary"
    )
    add = ping.add_argument_group(
        "thresholds", "What does not hold, or cannot be told, is named; status 3."
    ).add_argument
    anyTime = _duration(1, 366 * 86_400 * SECOND)
    add("--max-rtt", type=anyTime, metavar="TIME", help="for every round trip")
    add("--max-loss", type=_percent, metavar="PERCENT", help="of the probes")
    add(
        "--max-offset",
        type=anyTime,
        metavar="TIME",
        help="between the clocks, for all of the interval in which it is known to be",
    )


def _source(text: str) -> tuple[str, int]:
    """
    Read an IP address, perhaps with a port.

    @return: both; 0 for no port.
    @raise argparse.ArgumentTypeError: it is none.
    """
    host, port = text, "0"
    if text.count(":") == 1 or "]:" in text:
        host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    try:
        ip_address(host)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not an IP address") from None
    return host, _whole(0, 65535)(port)


def main(argv: Sequence[str] | None = None) -> int:
    """
    Run the command.

    @param argv: the command line behind the command's name, or L{None} for the
        process's own.
    @return: the exit status: 0 done, 1 the far end is not there or did not answer
        everything, 2 this end is at fault, 3 a threshold was not met.
    """
    if argv is None:
        # Ctrl-C while modules are imported ends us without a traceback.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    arguments = list(sys.argv[1:] if argv is None else argv) or ["talk"]
    reader = parser()
    if arguments[0] not in COMMANDS and not arguments[0].startswith("-"):
        reader.error(f"{arguments[0]!r} is no command; try 'echostamp talk TARGET'")
    options = reader.parse_args(arguments)
    if options.command is None:
        reader.error("no command")
    isJson = getattr(options, "json", False) or getattr(options, "jsonl", False)
    if isJson and (options.times or options.outstanding or options.histogram):
        reader.error("ping: -D, -O and --histogram do not go with --json or --jsonl")
    from echostamp.exitstatus import NEAR_END_FAILED, Outcome, said
    from echostamp.talk.terminal import unusableStandardIO

    if unusable := unusableStandardIO():
        return said(Outcome(NEAR_END_FAILED, unusable))
    return said(COMMANDS[options.command](options))


def _talk(options: argparse.Namespace) -> Outcome:
    """
    Run C{echostamp talk}.
    """
    from echostamp.talk.terminal import canEdit

    isEditing = canEdit()
    reactor = _reactor("asyncio" if isEditing else "")
    from echostamp.connect.tls import TlsFiles
    from echostamp.talk.run import talk

    files = TlsFiles(options.ca, options.cert, options.key)
    return talk(
        reactor,
        options.target,
        options.timeout,
        options.time,
        files,
        options.name,
        isEditing,
    )


def _ping(options: argparse.Namespace) -> Outcome:
    """
    Run C{echostamp ping}.
    """
    reactor = _reactor("select")
    from echostamp.client.output import OutputOptions
    from echostamp.client.ping import PingOptions, ping
    from echostamp.connect.tls import TlsFiles
    from echostamp.measure.thresholds import Thresholds
    from echostamp.probe.dialers import Wish
    from echostamp.probe.plan import Plan, Route, StampPlan

    wish = Wish(
        options.target,
        Plan(
            options.count,
            options.interval,
            options.deadline,
            options.timeout,
            options.size,
            options.jitter,
        ),
        Route(options.only4, options.only6, *options.source),
        StampPlan(
            options.ssid,
            options.dscp,
            tuple(dict.fromkeys(options.tlv)),
            options.ptp,
            options.ttl,
        ),
        TlsFiles(options.ca, options.cert, options.key),
    )
    output = OutputOptions(
        "json" if options.json else "jsonl" if options.jsonl else "text",
        options.quiet,
        options.times,
        options.outstanding,
        options.numeric,
        options.histogram,
    )
    thresholds = Thresholds(options.max_rtt, options.max_loss, options.max_offset)
    return ping(reactor, PingOptions(wish, output, thresholds, options.zone))


COMMANDS = {"talk": _talk, "ping": _ping}


def _reactor(kind: str = "") -> Any:
    """
    Give the reactor.

    @param kind: C{"select"} has the most exact timers, it counts microseconds where
        epoll counts milliseconds; C{"asyncio"} runs asyncio's libraries, too. The
        default is Twisted's choice.
    """
    if kind and "twisted.internet.reactor" not in sys.modules:
        import_module(f"twisted.internet.{kind}reactor").install()
    from twisted.internet import reactor

    # Twisted's timers go by the time of day, which may be set.
    cast(Any, reactor).seconds = time.monotonic
    return reactor
