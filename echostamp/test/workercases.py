"""
A supervisor of processes in memory, whose time the test sets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import EventLoggingObserver
from twisted.logger import formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from echostamp.workers.supervision import Supervisor

#: Seconds that a process takes for an answer.
SOON = 0.05


class FakeWorkerProcess:
    """
    A process that answers soon, unless the test says otherwise.

    @ivar told: what it was told: reads as tuples of indexes, all else as a word.
    @ivar isStuck: whether it does nothing, and only SIGKILL ends it.
    @ivar isMute: whether it reads and leaves without saying so.
    @ivar sessions: how many it drops at its next change of what it reads.
    @ivar hasEnded: whether it has ended.
    @ivar reads: what it reads at this moment.
    """

    def __init__(self, case: SupervisorCase, number: int, column: int) -> None:
        """
        @param case: the test.
        @param number: of the worker.
        @param column: of the shared table.
        """
        self.case = case
        self.number = number
        self.column = column
        self.pid = 101 + len(case.processes)
        self.told: list[str | tuple[int, ...]] = []
        self.isStuck = self.isMute = self.hasEnded = False
        self.sessions = 0
        self.reads: set[int] = set()

    @property
    def without(self) -> list[str | tuple[int, ...]]:
        """What it was told, without the questions whether it is alive."""
        return [each for each in self.told if each != "ask"]

    def ready(self) -> FakeWorkerProcess:
        """Say that it is ready."""
        self.case.supervisor.ready(self)
        return self

    def ends(self, why: str = "signal 9") -> None:
        """End."""
        if not self.hasEnded:
            self.hasEnded = True
            self.case.supervisor.ended(self, why)

    def read(self, indexes: Sequence[int]) -> None:
        """Read, and say so."""
        self.told.append(tuple(indexes))
        self.soon(partial(self.reading, set(indexes)))

    def reading(self, indexes: set[int]) -> None:
        """Read something else, and drop the sessions."""
        self.reads = indexes
        sessions, self.sessions = self.sessions, 0
        self.case.supervisor.reading(self, sessions)

    def ask(self) -> None:
        """Answer."""
        self.told.append("ask")
        if not self.isStuck:
            self.case.clock.callLater(SOON, self.case.supervisor.answered, self)

    def leave(self) -> None:
        """Leave, and say so."""
        self.told.append("leave")
        self.soon(partial(self.case.supervisor.left, self))

    def drain(self) -> None:
        """End soon."""
        self.told.append("drain")
        if self.case.drains:
            self.soon(partial(self.ends, "exit status 0"))

    def abort(self) -> None:
        """End soon."""
        self.told.append("abort")
        self.soon(partial(self.ends, "exit status 0"))

    def kill(self) -> None:
        """End at once, unless it is stuck."""
        self.told.append("kill")
        if not self.isStuck:
            self.case.clock.callLater(0, self.ends, "signal 6")

    def destroy(self) -> None:
        """End at once."""
        self.told.append("destroy")
        self.case.clock.callLater(0, self.ends)

    def soon(self, call: Callable[[], object]) -> None:
        """Do something soon, unless it is stuck, has ended by then or is mute."""
        if not self.isMute:
            self.case.clock.callLater(
                SOON, lambda: None if self.isStuck or self.hasEnded else call()
            )


class SupervisorCase(SynchronousTestCase):
    """
    Workers in memory.

    @ivar processes: all that have begun.
    @ivar cleared: the columns that were cleared.
    @ivar complete: how often all workers were said to read.
    @ivar drains: whether a process that drains ends soon.
    """

    def setUp(self) -> None:
        """Record the log."""
        self.log = EventLoggingObserver()
        globalLogPublisher.addObserver(self.log)
        self.addCleanup(globalLogPublisher.removeObserver, self.log)
        self.seen = 0
        self.fresh()

    def fresh(self) -> None:
        """Begin without any process, at another time."""
        self.clock = Clock()
        self.processes: list[FakeWorkerProcess] = []
        self.cleared: list[int] = []
        self.complete = self.closed = 0
        self.drains = True
        self.error: OSError | None = None

    def supervise(self, workers: int) -> None:
        """Make a supervisor, and start it."""
        self.supervisor = Supervisor(
            self.clock, workers, self.begin, self.cleared.append, self.completed
        )
        self.supervisor.start()

    def serve(self, workers: int) -> list[FakeWorkerProcess]:
        """Start workers, and give them when all read; forget the log until then."""
        self.supervise(workers)
        for each in list(self.processes):
            each.ready()
        self.advance(0.1)
        self.assertTrue(self.supervisor.isComplete)
        self.lines()
        return list(self.processes)

    def begin(self, number: int, column: int) -> FakeWorkerProcess:
        """Begin a process."""
        if self.error is not None:
            raise self.error
        columns = {each.column for each in self.processes if not each.hasEnded}
        self.assertNotIn(column, columns, "the column of another process")
        self.processes.append(FakeWorkerProcess(self, number, column))
        return self.processes[-1]

    def completed(self) -> None:
        """Note that all workers read."""
        self.complete += 1

    def close(self) -> None:
        """Note that the sockets are closed."""
        self.closed += 1

    def advance(self, seconds: float) -> None:
        """Let time pass, in small steps."""
        for _ in range(round(seconds * 100)):
            self.clock.advance(0.01)

    def lines(self) -> list[str]:
        """Give the lines of the log since the last call."""
        events = list(self.log)[self.seen :]
        self.seen += len(events)
        return [str(formatEvent(each)) for each in events]

    @property
    def last(self) -> FakeWorkerProcess:
        """The process that has begun last."""
        return self.processes[-1]

    def stop(self) -> Deferred[None]:
        """Stop the workers."""
        return self.supervisor.stop(self.close)

    def assertStopped(self, stopped: Deferred[None]) -> None:
        """Check that nothing is left."""
        self.successResultOf(stopped)
        self.assertEqual([each for each in self.processes if not each.hasEnded], [])
        self.assertEqual(self.closed, 1)
        self.advance(1)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(
            sorted(self.cleared), sorted(each.column for each in self.processes)
        )
