"""
Makes room for many open files.
"""

from __future__ import annotations

import resource
from contextlib import suppress
from typing import Any

from twisted.internet.selectreactor import SelectReactor

#: Descriptors that a flow of a target takes, with those of its timestamps, and that the
#: rest of the program may take.
_EACH, _REST = 2, 64

#: How many descriptors C{select} takes.
_MOST_OF_SELECT = 1024


def makeRoom(reactor: Any, targets: int, flows: int) -> str:
    """
    Raise this process's limit of open files as far as some targets need.

    @param reactor: takes the descriptors.
    @param flows: how many flows they have at most, at all their addresses.
    @return: what is wrong; empty if nothing is.
    """
    needed = _EACH * flows + _REST
    counted = f"{targets} targets" if targets == flows else f"{flows} flows"
    if isinstance(reactor, SelectReactor) and needed > _MOST_OF_SELECT:
        most = (_MOST_OF_SELECT - _REST) // _EACH
        return f"{counted} are too many without epoll: at most {most}"
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if _isBelow(hard, needed):
        return (
            f"{counted} need {needed} open files, and the limit is {hard} (ulimit -Hn)"
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
