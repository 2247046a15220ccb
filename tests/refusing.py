"""
Command lines that the daemon refuses.
"""

from __future__ import annotations

from twisted.application.service import IServiceMaker
from twisted.plugin import getPlugins


def refusal(*options: str) -> str:
    """
    Have twistd's plugin read a wrong command line, in the process of the tests.

    @param options: the command line behind C{echostamp}.
    @return: the line with which twistd ends.
    """
    (maker,) = (
        each for each in getPlugins(IServiceMaker) if each.tapname == "echostamp"
    )
    try:
        maker.options().parseOptions(options)
    except SystemExit as ended:
        return str(ended.code)
    raise AssertionError(f"the daemon takes {options}")
