"""
A web site with the figures of peers that are watched, in a process of its own.
"""

from __future__ import annotations

import gc
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
    @ivar own: the longest one without Python's collections of garbage, which any turn
        may have.
    @ivar total: all of them.
    """

    def __init__(self, reactor: Any) -> None:
        """
        @param reactor: the real one.
        """
        self._reactor = reactor
        self._garbage = self._began = 0.0
        gc.callbacks.append(self._collect)
        self._forget()

    def _forget(self) -> None:
        """Begin to measure."""
        self.longest = self.own = self.total = 0.0

    def _collect(self, phase: str, found: object) -> None:
        """Measure a collection of garbage."""
        now = time.thread_time()
        if phase == "start":
            self._began = now
        else:
            self._garbage += now - self._began

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def callLater(
        self, delay: float, call: Callable[..., object], *args: Any, **named: Any
    ) -> Any:
        """Call a function later, and measure it."""

        def measured() -> None:
            began, garbage = time.thread_time(), self._garbage
            call(*args, **named)
            took = time.thread_time() - began
            self.longest = max(self.longest, took)
            self.own = max(self.own, took - (self._garbage - garbage))
            self.total += took

        return self._reactor.callLater(delay, measured)

    def answer(self, request: WebRequest) -> None:
        """Give what was measured, and forget it."""
        request.answer(200, json.dumps([self.longest, self.own, self.total]))
        self._forget()


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
    source = WebSource(monitoring, None, dict, dict, lambda: True, eventsOf(monitoring))
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
