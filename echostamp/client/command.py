"""
The C{echostamp} command: its subcommands and options.
"""

from __future__ import annotations

import argparse
import math
import signal
import sys
import time
from collections.abc import Sequence
from typing import Any, NoReturn, cast

from echostamp import __version__
from echostamp.text import printable

COMMANDS = ("talk",)

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
    talk = commands.add_parser(
        "talk",
        help="type a line, see it come back stamped",
        description="Send each line that is typed, and show the stamped reply. On a "
        "terminal, an empty line or Ctrl-D ends it. With standard input or output "
        "elsewhere, every line of the input is sent and every reply written as it "
        "came.",
    )
    talk.add_argument(
        "target",
        nargs="?",
        default="localhost:8002",
        metavar="TARGET",
        help="HOST, HOST:PORT, [V6]:PORT, the same behind tls:, or a Twisted client "
        "endpoint such as unix:/run/echostamp.sock (default: %(default)s)",
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
    for option, what in [
        ("--ca", "over TLS, trust the CAs in this PEM file instead of the system's"),
        ("--cert", "over TLS, show the certificate in this PEM file"),
        ("--key", "its private key's PEM file (default: the certificate's)"),
    ]:
        talk.add_argument(option, metavar="FILE", help=what)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """
    Run the command.

    @param argv: the command line behind the command's name, or L{None} for the
        process's own.
    @return: the exit status: 0 done, 1 the far end is not there or did not answer
        everything, 2 this end is at fault.
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
    from echostamp.client.outcome import NEAR_END_FAILED, Outcome, said
    from echostamp.client.terminal import unusableStandardIO

    if unusable := unusableStandardIO():
        return said(Outcome(NEAR_END_FAILED, unusable))

    from twisted.internet import reactor

    from echostamp.client.talk import talk
    from echostamp.client.tls import TlsFiles

    # Twisted's timers go by the time of day, which may be set.
    cast(Any, reactor).seconds = time.monotonic
    files = TlsFiles(options.ca, options.cert, options.key)
    return said(talk(reactor, options.target, options.timeout, options.time, files))
