"""
Installs the client's reactor, whose timers go by the monotonic clock.
"""

from __future__ import annotations

import sys
import time
from typing import Any


def monotonic(kind: type) -> Any:
    """
    Derive a reactor class whose timers go by the monotonic clock.

    Twisted's timers go by the time of day.  When that clock is set, they would be late
    or early.

    @param kind: a class of reactors.
    """
    methods = {"seconds": staticmethod(time.monotonic)}
    return type(f"Monotonic{kind.__name__}", (kind,), methods)


def installedReactor(isAsyncio: bool = False) -> Any:
    """
    Install a reactor whose timers go by the monotonic clock, unless there is a reactor.

    @param isAsyncio: whether the reactor must run asyncio's libraries.  If not, it uses
        C{select}, whose timeouts have microseconds where C{epoll} has milliseconds.
    @return: the process's reactor.
    """
    # These imports are here because a reactor is chosen only when one is needed.
    if "twisted.internet.reactor" not in sys.modules:
        from twisted.internet.main import installReactor

        kind: type
        if isAsyncio:
            from twisted.internet.asyncioreactor import AsyncioSelectorReactor as kind
        else:
            from twisted.internet.selectreactor import SelectReactor as kind
        installReactor(monotonic(kind)())
    from twisted.internet import reactor

    return reactor
