"""
The processes of one worker, one after the other: the present one, at a reload its
successor, and those that drain.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.logger import Logger

from echostamp.workers.process import SupervisedProcess, WorkerProcess
from echostamp.workers.restarts import RARELY, WINDOW, Restarts
from echostamp.workers.runningtime import Limit, RunningTime

log = Logger(namespace="echostamp")


class Succession:
    """
    Begins the processes of one worker, and begins another when the present one dies.

    @ivar number: of the worker, from 1.
    @ivar index: of the sockets that it reads.
    @ivar current: the present process, which may not be ready; L{None} between two.
    @ivar successor: the process that is to take its place at a reload.
    @ivar older: those that drain, and successors that have failed.
    """

    def __init__(
        self,
        number: int,
        workers: int,
        begin: Callable[[int, int], WorkerProcess],
        time: RunningTime,
        lost: Callable[[SupervisedProcess], object],
        wanted: Callable[[Succession], object],
    ) -> None:
        """
        @param number: of the worker, from 1.
        @param workers: how many there are.
        @param begin: begins a process of this number, with this column.
        @param time: measures how long things take.
        @param lost: called when a process reads nothing any more.
        @param wanted: called when it is time to L{begin} a process.
        """
        self.number = number
        self.index = number - 1
        self.current: SupervisedProcess | None = None
        self.successor: SupervisedProcess | None = None
        self.older: list[SupervisedProcess] = []
        self._columns = (number - 1, workers + number - 1)
        self._begin = begin
        self._time = time
        self._lost = lost
        self._wanted = partial(wanted, self)
        self._restarts = Restarts()
        self._restart: Limit | None = None
        self._refusal = ""
        self._isStopping = False

    @property
    def processes(self) -> list[SupervisedProcess]:
        """All processes that have not ended; the present one first."""
        present = [each for each in (self.current, self.successor) if each is not None]
        return present + self.older

    def begin(self) -> None:
        """Begin a process that is to be the present one."""
        self._cancelRestart()
        try:
            self.current = self._begun()
        except OSError as error:
            self._died("worker {number} cannot be started: {why}", str(error))

    def prepare(self) -> SupervisedProcess:
        """
        Begin the successor of the present process.

        @raise OSError: it cannot be started.
        """
        self.successor = self._begun()
        return self.successor

    def giveUp(self, successor: SupervisedProcess) -> None:
        """Let the present process stay, and wait for the end of a successor."""
        if self.successor is successor:
            self.successor = None
            self.older.append(successor)

    def replace(self, successor: SupervisedProcess) -> None:
        """Let the successor be the present process, and the other one drain."""
        old = self.current
        if self.successor is successor and old is not None:
            self.current, self.successor = successor, None
            self.older.append(old)
            # It holds the sockets of the other workers as well.
            old.leave()
            old.drain()

    def refused(self, process: SupervisedProcess, why: str) -> None:
        """
        End a process that cannot start.

        @param why: why not.
        """
        process.refused(f"{why}: restart the daemon")
        if process is self.current and process.why != self._refusal:
            self._refusal = process.why
            log.error(
                "{process} cannot start: {why}; trying it every {seconds:g} s",
                process=process,
                why=process.why,
                seconds=RARELY,
            )

    def draining(self, process: SupervisedProcess) -> None:
        """Note that a process drains by itself."""
        process.isDraining = True
        process.reads = frozenset()
        self._lost(process)

    def late(self, process: SupervisedProcess, what: str) -> None:
        """
        Log that a process is being ended.  The reload itself tells of a successor.

        @param what: what it has not done in time.
        """
        self._lost(process)
        if process is self.current or process.isDraining:
            log.error("{process} {what}: ending it", process=process, what=what)

    def ended(self, process: SupervisedProcess, why: str) -> None:
        """
        Begin the next process, if it was the present one that has ended.

        @param why: why it has ended.
        """
        wasCurrent = process is self.current
        if wasCurrent:
            self.current, self.successor = self.successor, None
        elif process is self.successor:
            self.successor = None
        else:
            self.older.remove(process)
        self._lost(process)
        if wasCurrent and not self._isStopping:
            self._follow(process, why)
        process.ended(why)

    def stop(self) -> None:
        """Begin no process any more."""
        self._isStopping = True
        self._cancelRestart()

    def _begun(self) -> SupervisedProcess:
        """
        Begin a process, with a column that no other has.
        """
        taken = {each.process.column for each in self.processes}
        column = next(each for each in self._columns if each not in taken)
        return SupervisedProcess(
            self._begin(self.number, column), self._time, self.late
        )

    def _follow(self, process: SupervisedProcess, why: str) -> None:
        """
        Let a process follow the present one, which has ended.
        """
        if process.why and process.why == self._refusal:
            self._restart = self._time.after(RARELY, self._wanted)
            return
        self._refusal = ""
        if self.current is None:
            self._died("{process} has ended: {why}", why, process)
            return
        self._restarts.died(self._time.seconds())
        log.error(
            "{process} has ended: {why}; process {pid} takes its place",
            process=process,
            why=why,
            pid=self.current.process.pid,
        )

    def _died(self, what: str, why: str, process: Any = None) -> None:
        """
        Begin a process again, at once or later.

        @param what: the line about what has happened.
        """
        wasRare = self._restarts.isRare
        delay = self._restarts.died(self._time.seconds())
        log.error(
            what + "; {when}",
            number=self.number,
            process=process,
            why=why,
            when=f"again in {delay:g} s" if delay else "starting it again",
        )
        if self._restarts.isRare and not wasRare:
            log.error(
                "worker {number} has ended more than 5 times in {window:g} s; trying "
                "it every {rarely:g} s",
                number=self.number,
                window=WINDOW,
                rarely=RARELY,
            )
        if delay:
            self._restart = self._time.after(delay, self._wanted)
        else:
            self._wanted()

    def _cancelRestart(self) -> None:
        """
        Do not begin a process later.
        """
        if self._restart is not None:
            self._restart.cancel()
            self._restart = None
