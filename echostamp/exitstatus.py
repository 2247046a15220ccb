"""
The exit statuses of the C{echostamp} command, and the line on standard error that
explains one; a leaf.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from echostamp.text import printable

#: Exit statuses: done; the far end is not there or did not answer (C{talk} in a pipe:
#: everything, C{ping}: at all); this end is at fault; a threshold was not met.
DONE, FAR_END_FAILED, NEAR_END_FAILED, THRESHOLD_FAILED = 0, 1, 2, 3

#: The status with which a shell shows that SIGPIPE ended a process.
PIPE_CLOSED = 128 + signal.SIGPIPE


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
    Write the outcome's line to standard error.  Where the reader of standard output is
    gone, end this process as SIGPIPE does.

    @return: the exit status.
    """
    if outcome.status == PIPE_CLOSED:
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGPIPE)
    if outcome.line:
        complain(printable(f"echostamp: {outcome.line}"))
    return outcome.status


def outputFailed(status: int) -> Outcome:
    """
    Say how a command ends if standard output cannot be written.

    @param status: the exit status, unless the reader of a pipe is gone.
    """
    poll = select.poll()
    poll.register(1, 0)
    if dict(poll.poll(0)).get(1, 0) & select.POLLERR:
        return Outcome(PIPE_CLOSED)
    return Outcome(status, "standard output was closed, or is full")


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
