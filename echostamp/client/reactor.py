"""
Installs the client's reactor, whose timers go by the monotonic clock.
"""

from __future__ import annotations

import os
import select
import sys
import time
from contextlib import ExitStack
from typing import Any

#: The greatest descriptor that C{select} takes, and how many a command may need: for
#: connections to several addresses, and for the reactor itself.
_GREATEST, _NEEDED = 1023, 32


def monotonic(kind: type) -> Any:
    """
    Derive a reactor class whose timers go by the monotonic clock.

    Twisted's timers go by the time of day.  When that clock is set, they would be late
    or early.

    @param kind: a class of reactors.
    """
    methods = {"seconds": staticmethod(time.monotonic)}
    return type(f"Monotonic{kind.__name__}", (kind,), methods)


def unusableDescriptors() -> str:
    """
    Check that C{select} can take the descriptors that will be opened, where the system
    has no C{epoll}, which takes all.

    @return: what is wrong; empty if nothing is.
    """
    if hasattr(select, "epoll"):
        return ""
    with ExitStack() as stack:
        for _ in range(_NEEDED):
            try:
                descriptor = os.open(os.devnull, os.O_RDONLY)
            except OSError:
                # The limit of open files is below: so are all descriptors.
                return ""
            stack.callback(os.close, descriptor)
            if descriptor > _GREATEST:
                return (
                    f"too many open descriptors: {_NEEDED} below {_GREATEST + 1} "
                    "must be free"
                )
    return ""


def installedReactor(isAsyncio: bool = False) -> Any:
    """
    Install a reactor whose timers go by the monotonic clock, unless there is a reactor.

    @param isAsyncio: whether the reactor must run asyncio's libraries.
    @return: the process's reactor.
    """
    # These imports are here because a reactor is chosen only when one is needed.
    if "twisted.internet.reactor" not in sys.modules:
        from twisted.internet.main import installReactor

        kind: type
        if isAsyncio:
            from twisted.internet.asyncioreactor import AsyncioSelectorReactor as kind
        elif hasattr(select, "epoll"):
            from echostamp.client.epoll import QuickEPollReactor as kind
        else:
            from twisted.internet.selectreactor import SelectReactor as kind
        installReactor(monotonic(kind)())
    from twisted.internet import reactor

    return reactor
