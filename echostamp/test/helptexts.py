"""
The options that help texts list.
"""

from __future__ import annotations

import re
from contextlib import redirect_stdout
from io import StringIO

from echostamp.client.command import parser


def helped(text: str) -> set[str]:
    """
    Find the options of a help text's list.
    """
    lists = re.findall(r"^ {1,6}(-.*?)(?:  |$)", text, re.MULTILINE)
    return {option for options in lists for option in _names(options)}


def firstHelped(text: str) -> set[str]:
    """
    Find the first name of every option of a help text's list.
    """
    lists = re.findall(r"^ {1,6}(-.*?)(?:  |$)", text, re.MULTILINE)
    return {_names(options)[0] for options in lists}


def _names(options: str) -> list[str]:
    """
    Find the names of an option: C{-c N, --count N}, or from Python 3.13 on C{-c,
    --count N}.
    """
    return re.findall(r"(?:^|, )(--?[\w-]+)", options)


def clientHelp(*command: str) -> str:
    """
    Give the client's help text.

    @param command: the subcommand, if any.
    """
    printed = StringIO()
    try:
        with redirect_stdout(printed):
            parser().parse_args([*command, "--help"])
    except SystemExit:
        pass
    return printed.getvalue()
