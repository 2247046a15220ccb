"""
The C{echostamp} command: its subcommands.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence

from echostamp import __version__
from echostamp.client import pingoptions, reportoptions, talkoptions, watchoptions
from echostamp.client.arguments import CommandParser
from echostamp.client.reactor import unusableDescriptors
from echostamp.client.standardio import unusableStandardIO
from echostamp.exitstatus import NEAR_END_FAILED, Outcome, deadly, said

COMMANDS = {
    "talk": talkoptions.runTalk,
    "ping": pingoptions.runPing,
    "watch": watchoptions.runWatch,
    "report": reportoptions.runReport,
}

#: What finds options that exclude each other, or that the terminal cannot serve.
_CHECKS = {
    "talk": talkoptions.wrongTogether,
    "ping": pingoptions.wrongTogether,
    "watch": watchoptions.wrongTogether,
    "report": reportoptions.wrongTogether,
}


def parser() -> CommandParser:
    """
    Make the parser of the command line.
    """
    top = CommandParser(
        prog="echostamp",
        description="Talk to a timestamp echo daemon, or measure with it. Without a "
        "command, it does the same as 'echostamp talk'.",
    )
    top.add_argument("--version", action="version", version=f"EchoStamp {__version__}")
    commands = top.add_subparsers(metavar="COMMAND", dest="command")
    talk = commands.add_parser(
        "talk",
        help="send lines, and show their stamped replies",
        description=talkoptions.DESCRIPTION,
    )
    talkoptions.addTalk(talk)
    ping = commands.add_parser(
        "ping",
        help="measure round-trip times, loss and the clock offset",
        description=pingoptions.DESCRIPTION,
    )
    pingoptions.addPing(ping)
    watch = commands.add_parser(
        "watch",
        help="measure many targets, and show them in a live table",
        description=watchoptions.DESCRIPTION,
    )
    watchoptions.addWatch(watch)
    report = commands.add_parser(
        "report",
        help="show what a daemon has measured",
        description=reportoptions.DESCRIPTION,
    )
    reportoptions.addReport(report)
    top.commands = {"talk": talk, "ping": ping, "watch": watch, "report": report}
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """
    Run the command.

    @param argv: the command line without the command's own name; L{None} for the
        process's command line.
    @return: the exit status: 0 done, 1 the far end is not there or did not answer
        everything, 2 this end is at fault, 3 a threshold was not met.
    """
    if argv is None:
        # These signals end the process without a traceback until the command runs.
        for number in signal.SIGINT, signal.SIGTERM:
            signal.signal(number, deadly())
    arguments = list(sys.argv[1:] if argv is None else argv) or ["talk"]
    top, name = parser(), arguments[0]
    if name not in top.commands:
        if not name.startswith("-"):
            top.error(f"{name!r} is not a command; try 'echostamp talk TARGET'")
        top.parse_args(arguments)
        top.error("no command")
    # The command's own parser refers to its own help.
    reader = top.commands[name]
    options = reader.parse_args(arguments[1:])
    if name in _CHECKS and (wrong := _CHECKS[name](options)):
        reader.error(wrong)
    if unusable := unusableStandardIO() or unusableDescriptors():
        return said(Outcome(NEAR_END_FAILED, unusable))
    return said(COMMANDS[name](options))
