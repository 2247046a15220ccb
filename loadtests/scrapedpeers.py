"""
A web site with the figures of peers that are watched, in a process of its own.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

from echostamp.daemon.options import Options
from echostamp.daemon.watching import monitoringService
from echostamp.daemon.website import WebSource, eventsOf
from echostamp.listen.endpoints import preparedPorts
from echostamp.listen.preparing import PreparingReactor
from echostamp.web.request import WebRequest
from echostamp.web.site import WebSite, webPages


class TimedTurns:
    """
    A reactor that measures the CPU time of the turns that it is asked for.

    @ivar longest: the longest one, in seconds.
    """

    def __init__(self, reactor: Any) -> None:
        """
        @param reactor: the real one.
        """
        self._reactor = reactor
        self.longest = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def callLater(
        self, delay: float, call: Callable[..., object], *args: Any, **named: Any
    ) -> Any:
        """Call a function later, and measure it."""

        def measured() -> None:
            began = time.thread_time()
            call(*args, **named)
            self.longest = max(self.longest, time.thread_time() - began)

        return self._reactor.callLater(delay, measured)

    def answer(self, request: WebRequest) -> None:
        """Give the longest time, and forget it."""
        request.answer(200, str(self.longest))
        self.longest = 0.0


def serve(path: str) -> None:
    """
    Watch the peers of a file as a daemon does, and serve their figures.  The port is
    printed.
    """
    from twisted.internet import reactor as installed

    reactor: Any = installed
    options = Options()
    options.parseOptions([f"--peers={path}"])
    monitoring = monitoringService(reactor, options)
    monitoring.startService()
    source = WebSource(monitoring, None, {}, dict, lambda: True, eventsOf(monitoring))
    turns: Any = TimedTurns(reactor)
    pages = {**webPages(turns, source), b"/held": turns.answer}
    site = WebSite(reactor, pages, True)
    (prepared,) = preparedPorts(
        PreparingReactor(reactor), "tcp:0:interface=127.0.0.1", site
    )
    listening: Any = prepared.listen()
    print(json.dumps(listening.getHost().port), flush=True)
    reactor.run()


if __name__ == "__main__":
    serve(sys.argv[1])
