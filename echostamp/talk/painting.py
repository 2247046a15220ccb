"""
Makes the painter that the command line asks for.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

from echostamp.stamps import StampFormat
from echostamp.talk.bell import Bell
from echostamp.talk.members import Members
from echostamp.talk.terminal import Painter, terminalColumns


def painterFor(
    members: Members,
    timeFormat: StampFormat | None,
    hasBell: bool,
    clock: Callable[[], int] = time.time_ns,
) -> Painter:
    """
    Make a painter for the terminal at standard output.

    @param members: knows the client's name, and whether this is an intercom.
    @param timeFormat: how to write the local times that take the place of stamps;
        L{None} for the stamps.
    @param hasBell: whether the client's name rings.
    @param clock: gives nanoseconds since the epoch.
    """

    def timeText() -> str:
        assert timeFormat is not None
        return timeFormat.text(clock()).decode()

    return Painter(
        os.environ,
        terminalColumns,
        sys.stdout.encoding or "utf-8",
        None if timeFormat is None else timeText,
        members,
        Bell() if hasBell else None,
    )
