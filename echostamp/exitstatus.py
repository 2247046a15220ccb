"""
The exit statuses of the C{echostamp} command, and the line on standard error that
explains one; a leaf.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from echostamp.text import printable

#: Exit statuses: done; the far end is not there or did not answer (C{talk} in a pipe:
#: everything, C{ping}: at all); this end is at fault; a threshold was not met.
DONE, FAR_END_FAILED, NEAR_END_FAILED, THRESHOLD_FAILED = 0, 1, 2, 3


class Outcome(NamedTuple):
    """
    How a command ended.

    @ivar status: the exit status.
    @ivar line: the line for standard error; empty for none.
    """

    status: int
    line: str = ""


def said(outcome: Outcome) -> int:
    """
    Write the outcome's line to standard error.

    @return: the exit status.
    """
    if outcome.line:
        complain(printable(f"echostamp: {outcome.line}"))
    return outcome.status


def complain(line: str) -> None:
    """
    Write a line to standard error, where that is possible.
    """
    if sys.stderr is not None:
        with contextlib.suppress(OSError):
            print(line, file=sys.stderr, flush=True)


def deadly(before: Callable[[], object] | None = None) -> Any:
    """
    Give a handler for a signal that has to end this process at once.

    That is the default action, but for process 1 of a container: there the kernel drops
    a signal without a handler.

    @param before: called before the process ends.
    """
    isFirst = os.getpid() == 1
    if before is None and not isFirst:
        return signal.SIG_DFL

    def end(number: int, frame: object) -> None:
        if before is not None:
            before()
        if not isFirst:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        os._exit(128 + number)

    return end
