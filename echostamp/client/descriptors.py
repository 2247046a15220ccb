"""
Makes room for many open files.
"""

from __future__ import annotations

import resource
from contextlib import suppress
from typing import Any

from twisted.internet.selectreactor import SelectReactor

from echostamp.text import counted

#: Descriptors that the rest of the program may take.
_REST = 64

#: How many descriptors C{select} takes.
_MOST_OF_SELECT = 1024


def makeRoom(reactor: Any, targets: int, descriptors: int) -> str:
    """
    Raise this process's limit of open files as far as some targets need.

    @param reactor: takes the descriptors.
    @param descriptors: how many descriptors the targets need at most.
    @return: what is wrong; empty if nothing is.
    """
    needed, who = descriptors + _REST, counted(targets, "target")
    if isinstance(reactor, SelectReactor) and needed > _MOST_OF_SELECT:
        return (
            f"{who} are too many without epoll: they may need {needed} descriptors, "
            f"and there are {_MOST_OF_SELECT} at most"
        )
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if _isBelow(hard, needed):
        return (
            f"{who} may need {needed} open files, and the limit is {hard} (ulimit -Hn)"
        )
    if _isBelow(soft, needed):
        # Where that fails, those targets say so that get no descriptor.
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    return ""


def _isBelow(limit: int, needed: int) -> bool:
    """
    Tell whether a limit is too low.
    """
    return limit != resource.RLIM_INFINITY and limit < needed
