"""
Reaps processes that this one has inherited: the process with the PID 1, as in a
container, inherits those whose parent has ended.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Container
from typing import Any

from twisted.application.service import Service
from twisted.internet.task import LoopingCall

#: Seconds between two looks for such processes, where they have to be looked for.
_PERIOD = 1.0


class OrphanService(Service):
    """
    Sees to it that inherited processes do not stay zombies, where this one has the PID
    1.

    Mostly it ignores SIGCHLD: then the kernel reaps them.  But a process that has
    workers would not see any more how those end.  It looks for the others from time to
    time.
    """

    name = "orphans"

    def __init__(
        self,
        reactor: Any,
        own: Callable[[], Container[int]] | None = None,
        setHandler: Callable[[int, Any], object] = signal.signal,
        processId: Callable[[], int] = os.getpid,
    ) -> None:
        """
        @param reactor: the reactor: an L{IReactorCore
            <twisted.internet.interfaces.IReactorCore>} with timers.
        @param own: gives the processes that this one has started and waits for; L{None}
            where it starts none.
        @param setHandler: installs the handler of a signal.
        @param processId: gives the PID of this process.
        """
        self._reactor = reactor
        self._own = own
        self._setHandler = setHandler
        self._processId = processId
        self._looking: LoopingCall = LoopingCall(self._look)
        self._looking.clock = reactor

    def startService(self) -> None:
        """Begin when the reactor runs: it installs a handler of its own."""
        Service.startService(self)
        self._reactor.callWhenRunning(self._begin)

    def _begin(self) -> None:
        """
        Ignore SIGCHLD, or begin to look for orphans.
        """
        if self._processId() != 1:
            return
        if self._own is None:
            self._setHandler(signal.SIGCHLD, signal.SIG_IGN)
        else:
            self._looking.start(_PERIOD)

    def _look(self) -> None:
        """
        Reap what has ended.
        """
        assert self._own is not None
        reapOrphans(self._own())

    def stopService(self) -> None:
        """Stop looking."""
        Service.stopService(self)
        if self._looking.running:
            self._looking.stop()


def reapOrphans(own: Container[int]) -> None:
    """
    Reap the processes that have ended and were started by others.

    @param own: the processes that this one has started and waits for itself.
    """
    while True:
        try:
            found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if found is None or found.si_pid in own:
            # It is reaped soon; those behind it are found then.
            return
        os.waitpid(found.si_pid, 0)
