"""
How the workers stop: the last process that holds a socket accepts what waits at it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred

from echostamp.workers.process import SupervisedProcess
from echostamp.workers.runningtime import RunningTime

#: Seconds that the processes have to close the sockets that they do not read.
LEAVING = 1.0

#: Seconds that they have to exit, once they were told to at once.
ABORTING = 1.0


class Stopping:
    """
    Lets each socket be closed by all but the process that reads it, which then accepts
    what waits there and drains.

    @ivar stopped: fires when all processes have ended.
    """

    def __init__(
        self,
        processes: Callable[[], Sequence[SupervisedProcess]],
        time: RunningTime,
        closeOwn: Callable[[], object],
    ) -> None:
        """
        @param processes: gives those that have not ended.
        @param time: measures how long things take.
        @param closeOwn: closes the sockets that this process keeps.
        """
        self.stopped: Deferred[None] = Deferred()
        self._processes = processes
        self._time = time
        self._closeOwn = closeOwn
        self._isDraining = False

    def begin(self) -> None:
        """Let all leave the sockets that they do not read."""
        for each in self._processes():
            if each.isReady:
                each.leave()
            else:
                # It has no connection, but all the sockets.
                each.process.destroy()
        self._limit = self._time.after(LEAVING, self._drain)
        self.check()

    def check(self) -> None:
        """Go on when all have left or ended."""
        processes = self._processes()
        if not self._isDraining and all(each.hasLeft for each in processes):
            self._drain()
        elif self._isDraining and not processes and not self.stopped.called:
            self.stopped.callback(None)

    def abort(self) -> None:
        """End all processes: at once, or a second later."""
        for each in self._processes():
            each.process.abort()
        self._time.after(ABORTING, self._destroy)

    def _drain(self) -> None:
        """
        Drain all processes.
        """
        self._limit.cancel()
        self._isDraining = True
        self._closeOwn()
        for each in self._processes():
            each.drain()
        self.check()

    def _destroy(self) -> None:
        """
        End those that are left.
        """
        for each in self._processes():
            each.process.destroy()
