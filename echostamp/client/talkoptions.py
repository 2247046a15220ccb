"""
The options of C{echostamp talk}.
"""

from __future__ import annotations

import argparse

from echostamp.client.arguments import (
    CommandParser,
    addTarget,
    memberName,
    seconds,
    timeFormat,
)
from echostamp.exitstatus import Outcome

DESCRIPTION = """\
Send each line that is typed, and show its stamped reply. On a terminal, an empty line
or Ctrl-D ends the conversation, in an intercom Ctrl-D or /quit; with prompt_toolkit
installed, lines can be edited as in a shell. If standard input or output is not a
terminal, send every line of the input and write every reply unchanged.
"""


def addTalk(talk: CommandParser) -> None:
    """
    Add the options to the subcommand's parser.
    """
    addTarget(talk)
    talk.add_argument(
        "--name",
        type=memberName,
        metavar="NAME",
        help="ask for this name in the intercom: 1 to 32 ASCII letters, digits and "
        ".:_-[] (default: the address and port)",
    )
    talk.add_argument(
        "--reconnect",
        action=argparse.BooleanOptionalAction,
        help="on a terminal, connect again when the connection is lost, after 1 s to "
        "30 s, and ask for the same name again; lines that were not answered are "
        "shown, and not sent again (default: with --name on a terminal)",
    )
    talk.add_argument(
        "--time",
        action="store_true",
        help="put the round-trip time after each reply",
    )
    talk.add_argument(
        "--time-format",
        type=timeFormat,
        metavar="PATTERN",
        help="on a terminal, show the local time at which a line came in place of its "
        "stamp: a strftime pattern such as %%H:%%M:%%S (default: show the stamp)",
    )
    talk.add_argument(
        "--bell",
        action="store_true",
        help="on a terminal, ring when another member of the intercom says your "
        "name, at most once a second",
    )
    talk.add_argument(
        "--history-file",
        metavar="FILE",
        help="keep the last 1000 typed lines in this file for later sessions; this "
        "needs a terminal and prompt_toolkit (default: keep none)",
    )
    talk.add_argument(
        "--timeout",
        type=seconds,
        default=10.0,
        metavar="SECONDS",
        help="wait so long for the connection and, after the end of the input, for the "
        "next reply (default: 10)",
    )


def wrongTogether(options: argparse.Namespace) -> str:
    """
    Find an option that this terminal cannot serve.

    @return: what is wrong; empty for nothing.
    """
    given = {
        "--reconnect": options.reconnect,
        "--time-format": options.time_format is not None,
        "--bell": options.bell,
        "--history-file": options.history_file is not None,
    }
    option = next((name for name, isGiven in given.items() if isGiven), None)
    if option is None:
        return ""
    # Only those who give such an option need the import.
    from echostamp.talk.terminal import canEdit, isTerminal

    if not isTerminal():
        return f"{option} needs a terminal at standard input and output"
    if given["--history-file"] and not canEdit():
        return (
            "--history-file needs prompt_toolkit, and a terminal that can move its "
            "cursor"
        )
    return ""


def runTalk(options: argparse.Namespace) -> Outcome:
    """
    Run the subcommand.
    """
    # Twisted takes long to import, and --help does not need it.
    from echostamp.client.reactor import installedReactor
    from echostamp.talk.terminal import canEdit, isTerminal

    isReconnecting = options.reconnect
    if isReconnecting is None:
        isReconnecting = options.name is not None and isTerminal()
    isEditing = canEdit()
    reactor = installedReactor(isAsyncio=isEditing)
    from echostamp.connect.tls import TlsFiles
    from echostamp.talk.run import TalkOptions, talk

    return talk(
        reactor,
        TalkOptions(
            options.target,
            options.timeout,
            options.time,
            TlsFiles(options.ca, options.cert, options.key),
            options.name,
            isEditing,
            isReconnecting,
            options.time_format,
            options.bell,
            options.history_file,
        ),
    )
