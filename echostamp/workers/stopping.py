"""
How the workers stop: the last process that holds a socket accepts what waits at it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred

from echostamp.workers.process import SupervisedProcess
from echostamp.workers.runningtime import RunningTime

#: Seconds that the processes have to say that they are alive, and then to close the
#: sockets that they do not read.
LEAVING = 1.0

#: Seconds that they have to exit, once they were told to at once.
ABORTING = 1.0


class Stopping:
    """
    Lets each socket be closed by all but the process that reads it, which then accepts
    what waits there and drains.

    A process may have been killed a moment ago, and nobody knows it yet.  So all are
    asked first whether they are alive: of one that is not, another one gets the
    sockets, which it still has then.

    @ivar stopped: fires when all processes have ended.
    """

    def __init__(
        self,
        processes: Callable[[], Sequence[SupervisedProcess]],
        time: RunningTime,
        assign: Callable[[], object],
        closeOwn: Callable[[], object],
    ) -> None:
        """
        @param processes: gives those that have not ended.
        @param time: measures how long things take.
        @param assign: lets each socket be read, by those that live.
        @param closeOwn: closes the sockets that this process keeps.
        """
        self.stopped: Deferred[None] = Deferred()
        self._processes = processes
        self._time = time
        self._assign = assign
        self._closeOwn = closeOwn
        self._silent: set[SupervisedProcess] = set()
        self._isLeaving = self._isDraining = False

    def begin(self) -> None:
        """Ask all whether they are alive."""
        for each in self._processes():
            if each.isReady:
                self._silent.add(each)
                each.process.ask()
            else:
                # It has no connection, but all the sockets.
                each.process.destroy()
        self._limit = self._time.after(LEAVING, self._leave)
        self.check()

    def answered(self, process: SupervisedProcess) -> None:
        """Note that a process is alive."""
        self._silent.discard(process)
        self.check()

    def check(self) -> None:
        """Go on when all have answered, have left or have ended."""
        processes = self._processes()
        if not self._isLeaving:
            if self._silent.isdisjoint(processes):
                self._leave()
        elif not self._isDraining:
            if all(each.hasLeft for each in processes):
                self._drain()
        elif not processes and not self.stopped.called:
            self.stopped.callback(None)

    def abort(self) -> None:
        """End all processes: at once, or a second later."""
        for each in self._processes():
            each.process.abort()
        self._time.after(ABORTING, self._destroy)

    def _leave(self) -> None:
        """
        Let all leave the sockets that they do not read.
        """
        self._limit.cancel()
        self._isLeaving = True
        self._assign()
        for each in self._processes():
            if each.isReady:
                each.leave()
        self._limit = self._time.after(LEAVING, self._drain)
        self.check()

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
