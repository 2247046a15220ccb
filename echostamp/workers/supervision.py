"""
The supervision of the workers: what the daemon's parent process decides.

It has no I/O.  Something else starts the processes, passes on what they say and what
they are told.  L{Succession} begins the processes of one worker, L{Assignment} says who
reads which sockets, L{RollingReload} replaces them, L{Stopping} ends them.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from echostamp.workers.assignment import Assignment, inBackground
from echostamp.workers.process import SupervisedProcess, WorkerProcess
from echostamp.workers.rolling import RollingReload
from echostamp.workers.runningtime import RunningTime
from echostamp.workers.stopping import Stopping
from echostamp.workers.succession import Succession

#: Processes that are prepared at the same time, when the daemon starts or many have
#: died: more on few cores would all be late.
AT_ONCE = 8


class Supervisor:
    """
    Keeps a number of workers running.

    What a process says about itself after its end is ignored.

    @ivar isStopping: whether the workers are stopping.
    """

    def __init__(
        self,
        clock: IReactorTime,
        workers: int,
        begin: Callable[[int, int], WorkerProcess],
        cleared: Callable[[int], object],
        allReading: Callable[[], object],
    ) -> None:
        """
        @param clock: runs the timers.
        @param workers: how many there are.
        @param begin: starts a process, of a worker's number from 1, with a column of
            the shared table, of twice as many as workers.  May raise C{OSError}.
        @param cleared: called with the column of each process that has ended.
        @param allReading: called once: when all workers read for the first time.
        """
        self.isStopping = False
        self._cleared = cleared
        self._allReading: Callable[[], object] | None = allReading
        self._time = RunningTime(clock)
        self._assignment = Assignment(self._time)
        self._successions = [
            Succession(
                number, workers, begin, self._time, self._assignment.lost, self._wanted
            )
            for number in range(1, workers + 1)
        ]
        self._assignment.begin(self._successions)
        self._reload = RollingReload(self._successions, self._assignment)
        self._stopping: Stopping | None = None
        self._isAborting = False
        # Workers of which a process is to begin.
        self._waiting: list[Succession] = []

    @property
    def isHealthy(self) -> bool:
        """Whether some process reads."""
        return any(each.reads and not each.why for each in self._processes())

    @property
    def isComplete(self) -> bool:
        """Whether each worker reads what is its own."""
        return all(
            any(own.index in each.reads and not each.why for each in own.processes)
            for own in self._successions
        )

    def start(self) -> None:
        """Begin all workers."""
        self._waiting = list(self._successions)
        self._beginMore()

    def ready(self, process: WorkerProcess) -> None:
        """
        Let a process read, which is prepared.
        """
        if found := self._find(process):
            own, known = found
            isCurrent = known is own.current
            known.ready()
            if isCurrent and known.isUsable and not self.isStopping:
                inBackground(self._assignment.give(known, {own.index}))
            self._beginMore()

    def reading(self, process: WorkerProcess, sessions: int) -> None:
        """
        Note that a process reads what it was last told to.

        @param sessions: how many stateful sessions of STAMP it has dropped with the
            sockets that it has left.
        """
        if found := self._find(process):
            found[1].reading(sessions)
            self._readingChanged()

    def answered(self, process: WorkerProcess) -> None:
        """Note that a process is alive."""
        if found := self._find(process):
            found[1].answered()
            if self._stopping is not None:
                self._stopping.answered(found[1])

    def left(self, process: WorkerProcess) -> None:
        """Note that a process has closed the sockets that it does not read."""
        if found := self._find(process):
            found[1].hasLeft = True
            self._checkStop()

    def leaving(self, process: WorkerProcess) -> None:
        """
        Replace a process that somebody else has asked to end.
        """
        found = self._find(process)
        if found and not self.isStopping:
            self._reload.leaving(*found)

    def draining(self, process: WorkerProcess) -> None:
        """
        Note that a process drains without having been told to: others may read for it.
        """
        if found := self._find(process):
            found[0].draining(found[1])

    def refused(self, process: WorkerProcess, why: str) -> None:
        """
        End a process that cannot start.

        @param why: why not, without what to do: the log asks for a restart.
        """
        found = self._find(process)
        if found and not found[1].isReady and not found[1].why:
            found[0].refused(found[1], why)

    def ended(self, process: WorkerProcess, why: str) -> None:
        """
        Clear the column of a process that has ended, and let another one follow.

        @param why: why it has ended.
        """
        if found := self._find(process):
            self._cleared(process.column)
            found[0].ended(found[1], why)
            self._beginMore()
            self._checkStop()

    def reload(self) -> None:
        """Replace the workers one by one; behind a reload that goes on, once more."""
        if not self.isStopping:
            self._reload.start()

    def stop(self, closeOwn: Callable[[], object]) -> Deferred[None]:
        """
        Drain all workers, and begin none any more.

        @param closeOwn: closes the sockets that this process keeps.
        @return: fires when all processes have ended.
        """
        self.isStopping = True
        self._allReading = None
        self._waiting.clear()
        for each in self._successions:
            each.stop()
        self._assignment.close()
        self._stopping = Stopping(
            self._processes, self._time, self._assignment.complete, closeOwn
        )
        self._stopping.begin()
        if self._isAborting:
            self._stopping.abort()
        return self._stopping.stopped

    def abort(self) -> None:
        """End all workers at once; before L{stop}, as soon as that is called."""
        self._isAborting = True
        if self._stopping is not None:
            self._stopping.abort()

    def _readingChanged(self) -> None:
        """
        Let those that read help others; say once that all read.
        """
        self._assignment.help()
        if self._allReading is not None and self.isComplete:
            allReading, self._allReading = self._allReading, None
            allReading()

    def _wanted(self, worker: Succession) -> None:
        """
        Begin a worker again: as the next one, and not with too many others.
        """
        self._waiting.insert(0, worker)
        self._beginMore()

    def _beginMore(self) -> None:
        """
        Begin further workers, while few processes are being prepared.
        """
        while self._waiting:
            if sum(not each.isReady for each in self._processes()) >= AT_ONCE:
                return
            following = self._waiting.pop(0)
            # A reload may have begun it.
            if following.current is None:
                following.begin()

    def _processes(self) -> list[SupervisedProcess]:
        """
        Give all processes that have not ended.
        """
        return [each for own in self._successions for each in own.processes]

    def _find(
        self, process: WorkerProcess
    ) -> tuple[Succession, SupervisedProcess] | None:
        """
        Find what is known about a process; L{None} if it has ended.
        """
        own = self._successions[process.number - 1]
        for each in own.processes:
            if each.process is process:
                return own, each
        return None

    def _checkStop(self) -> None:
        """
        Let the stop go on, if there is one.
        """
        if self._stopping is not None:
            self._stopping.check()
