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
    return {name for names in _listed(text) for name in names}


def firstHelped(text: str) -> set[str]:
    """
    Find the first name of every option of a help text's list.
    """
    return {names[0] for names in _listed(text)}


def _listed(text: str) -> list[list[str]]:
    """
    Find the names of each option of a help text's list: C{-c N, --count N}, or from
    Python 3.13 on C{-c, --count N}.
    """
    lists = re.findall(r"^ {1,6}(-.*?)(?:  |$)", text, re.MULTILINE)
    return [re.findall(r"(?:^|, )(--?[\w-]+)", options) for options in lists]


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
