"""
Runs the workers of a daemon.
"""

from __future__ import annotations

from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import Logger

from echostamp.daemon.boundedlog import BoundedLog
from echostamp.daemon.reflectorrules import logPackets
from echostamp.daemon.reflectorworkers import KeptReflector
from echostamp.daemon.shutdown import StoppingService
from echostamp.daemon.spawning import Spawning
from echostamp.daemon.workerfigures import WorkerFigures
from echostamp.daemon.workerprocess import SpawnedWorker
from echostamp.workers.supervision import Supervisor

log = Logger(namespace="echostamp")

#: Seconds that workers may take to say what they have counted.
_REPORT = 1.0


class Workers(StoppingService):
    """
    Runs the workers of a daemon, and drains their connections and its own when it
    stops.

    @ivar figures: what they have counted.
    @ivar awaited: fires when all of them serve.
    """

    name = "workers"

    def __init__(
        self,
        reactor: Any,
        workers: int,
        spawning: Spawning,
        reflector: KeptReflector | None,
        own: StoppingService,
    ) -> None:
        """
        @param reactor: runs the timers.
        @param workers: how many there are.
        @param spawning: starts their processes.
        @param reflector: has the sockets of the reflector; L{None} without one.
        @param own: drains the connections of this process; nobody else stops it.
        """
        super().__init__(reactor)
        self._workers = workers
        self._spawning = spawning
        self._reflector = reflector
        self._own = own
        self._lines = BoundedLog(reactor)
        self._processes: set[SpawnedWorker] = set()
        self.figures = WorkerFigures(self._processes)
        self._asked: set[SpawnedWorker] = set()
        self._reporting: Any = None
        self.awaited: Deferred[None] = Deferred()
        self._supervisor = Supervisor(
            reactor, workers, self._begin, spawning.table.clear, self._allReading
        )

    # --- For the daemon ---------------------------------------------------------------

    @property
    def isServing(self) -> bool:
        """Whether some worker serves."""
        return self._supervisor.isHealthy

    @property
    def isHealthy(self) -> bool:
        """Whether some worker serves, or the daemon stops."""
        return self.isStopping or self.isServing

    def startService(self) -> None:
        """Start the workers when the reactor runs."""
        Service.startService(self)
        if self._reflector is not None:
            self._reflector.logPlaces()
        self._reactor.callWhenRunning(self._supervisor.start)

    def processes(self) -> set[int]:
        """Give the PIDs of the processes that have not ended."""
        return {each.pid for each in self._processes}

    def abort(self) -> None:
        """Have the workers abort their connections, and end; abort its own."""
        self._own.abort()
        self._supervisor.abort()

    def stopService(self) -> Deferred[None]:
        """
        Have the workers drain their connections, and end; drain its own.

        @return: fires when they have ended, and no connection is left.
        """
        Service.stopService(self)
        self.isStopping = True
        gone: Deferred[None] = Deferred()
        self.gone = gone
        ended = self._supervisor.stop(self._closeOwn).addBoth(self._stopped)
        gatherResults([ended, self._own.stopService()]).addBoth(
            lambda result: gone.callback(None)
        )
        return gone

    def _closeOwn(self) -> None:
        """
        Close the sockets of the reflector.  Those of the echo are closed already.
        """
        if self._reflector is not None:
            self._reflector.close()

    def _stopped(self, result: object) -> None:
        """
        Report that all workers have ended.
        """
        if self._reflector is not None:
            logPackets(self.figures.reflected())
        self._lines.finish()

    def replace(self) -> None:
        """
        Replace the workers by processes of the installed version, one at a time.
        """
        self._supervisor.reload()

    def reload(self) -> str:
        """
        Have the workers take the files that were read again.

        @return: nothing that is worth a line.
        """
        files = self._spawning.contents()
        for each in self._processes:
            each.reload(files)
        return ""

    def report(self) -> None:
        """
        Log how many packets of STAMP had each fate, when the workers have said it.
        """
        if self._reporting is not None:
            return
        self._reporting = self._reactor.callLater(_REPORT, self._logCounts)
        self._asked = set(self._processes)
        for each in self._asked:
            each.ask()

    def _logCounts(self) -> None:
        """
        Log how many packets of STAMP had each fate.
        """
        if self._reporting.active():
            self._reporting.cancel()
        self._reporting = None
        logPackets(self.figures.reflected())

    # --- For the supervisor -----------------------------------------------------------

    def _begin(self, number: int, column: int) -> SpawnedWorker:
        """
        Start a process.

        @raise OSError: the system refuses.
        """
        process = self._spawning.process(number, column, self, self._lines.admits)
        self._spawning.spawn(process)
        self._processes.add(process)
        return process

    def _allReading(self) -> None:
        """
        All workers serve.
        """
        log.info("all {count} workers serve", count=self._workers)
        if not self.awaited.called:
            self.awaited.callback(None)

    # --- From the processes -----------------------------------------------------------

    def ready(self, process: SpawnedWorker) -> None:
        """A process can serve."""
        self._supervisor.ready(process)

    def reading(self, process: SpawnedWorker, sessions: int) -> None:
        """A process reads what it was last asked to."""
        self._supervisor.reading(process, sessions)

    def answered(self, process: SpawnedWorker) -> None:
        """A process is not stuck, and has said what it has counted."""
        self._supervisor.answered(process)
        self._asked.discard(process)
        if self._reporting is not None and not self._asked:
            self._logCounts()

    def left(self, process: SpawnedWorker) -> None:
        """A process has closed the sockets that it does not read."""
        self._supervisor.left(process)

    def leaving(self, process: SpawnedWorker) -> None:
        """A process was asked to end, and will soon do so."""
        self._supervisor.leaving(process)

    def draining(self, process: SpawnedWorker) -> None:
        """A process drains without having been told to."""
        self._supervisor.draining(process)

    def refused(self, process: SpawnedWorker, why: str) -> None:
        """A process cannot serve."""
        self._supervisor.refused(process, why)

    def ended(self, process: SpawnedWorker, why: str) -> None:
        """A process has ended."""
        self._processes.discard(process)
        self.figures.keep(process)
        self._supervisor.ended(process, why)
