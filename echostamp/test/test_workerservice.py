"""Tests for L{echostamp.daemon.workerservice}."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from echostamp.daemon.echocounts import EchoFigures
from echostamp.daemon.workerservice import Workers
from echostamp.test.fakes import FakeReactor


class FakeProcess:
    """
    A process that notes what it is told.
    """

    def __init__(self, number: int, column: int) -> None:
        self.number, self.column, self.pid = number, column, 100 + number
        self.told: list[object] = []
        self.figures: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return lambda *values: self.told.append((name, *values))


class FakeSpawning:
    """
    Starts processes in memory.
    """

    def __init__(self) -> None:
        self.cleared: list[int] = []
        self.table = SimpleNamespace(clear=self.cleared.append)
        self.processes: list[FakeProcess] = []
        self.fails = False

    def contents(self) -> dict[str, str]:
        """Give the files."""
        return {"/key": "Yg=="}

    def process(self, number: int, column: int, *others: Any) -> FakeProcess:
        """Make a process."""
        return FakeProcess(number, column)

    def spawn(self, process: FakeProcess) -> None:
        """Start it, if the system does not refuse."""
        if self.fails:
            raise OSError(11, "no more processes")
        self.processes.append(process)


class WorkersTests(SynchronousTestCase):
    """
    Tests for L{Workers}.
    """

    def setUp(self) -> None:
        """Make the workers of a daemon."""
        self.reactor: Any = FakeReactor()
        self.stops: list[None] = []
        self.patch(self.reactor, "stop", lambda: self.stops.append(None))
        self.spawning = FakeSpawning()
        self.reflected: list[str] = []
        reflector: Any = SimpleNamespace(
            logPlaces=lambda: self.reflected.append("logged"),
            close=lambda: self.reflected.append("closed"),
        )
        spawning: Any = self.spawning
        self.drained: Deferred[None] = Deferred()
        self.own: list[str] = []

        def drain() -> Deferred[None]:
            self.own.append("draining")
            return self.drained

        own: Any = SimpleNamespace(
            stopService=drain, abort=lambda: self.own.append("aborted")
        )
        self.workers: Any = Workers(self.reactor, 2, spawning, reflector, own)

    def start(self) -> list[FakeProcess]:
        """Start the workers, until all serve."""
        self.workers.startService()
        self.reactor.running = False
        self.reactor.run()
        processes = self.spawning.processes
        for each in processes:
            self.workers.ready(each)
        for each in processes:
            self.workers.reading(each, 0)
        # The reactor of the tests stops as soon as it has run.
        self.stops.clear()
        return processes

    def test_start(self) -> None:
        """The daemon is ready when all serve, and healthy from the first."""
        self.workers.startService()
        self.assertEqual(self.reflected, ["logged"])
        self.assertEqual(self.spawning.processes, [])
        self.reactor.running = False
        self.reactor.run()
        one, other = self.spawning.processes
        self.assertFalse(self.workers.isHealthy)
        self.workers.ready(one)
        self.workers.reading(one, 0)
        self.assertTrue(self.workers.isHealthy)
        self.assertNoResult(self.workers.awaited)
        self.workers.ready(other)
        self.workers.reading(other, 0)
        self.successResultOf(self.workers.awaited)
        self.assertEqual(self.workers.processes(), {101, 102})

    def test_ended(self) -> None:
        """The column of a process that has ended is cleared, and its counts are
        kept."""
        one, other = self.start()
        for each in one, other:
            each.figures = {"echo": EchoFigures(1, 2, 3, 4)._asdict()}
        self.workers.ended(one, "killed by SIGKILL")
        self.assertEqual(self.spawning.cleared, [0])
        self.assertEqual(self.workers.figures.echo(), EchoFigures(1, 4, 6, 8))
        self.assertEqual(self.spawning.processes[2].number, 1)

    def test_none(self) -> None:
        """Without a process that serves it is not healthy, unless it stops."""
        self.spawning.fails = False
        one, other = self.start()
        self.spawning.fails = True
        self.workers.ended(one, "killed by SIGKILL")
        self.workers.ended(other, "killed by SIGKILL")
        self.assertFalse(self.workers.isHealthy)
        self.assertEqual(self.workers.processes(), set())
        self.spawning.fails = False
        self.reactor.advance(0.25)
        self.assertEqual(len(self.spawning.processes), 4)
        self.workers.stopService()
        self.assertTrue(self.workers.isHealthy)

    def test_stop(self) -> None:
        """The first signal stops the reactor; then the workers leave and drain, and the
        service has stopped when they have ended, and its own connections."""
        one, other = self.start()
        self.workers.signalled("SIGTERM")
        self.assertEqual(len(self.stops), 1)
        stopped = self.workers.stopService()
        self.assertIs(self.workers.gone, stopped)
        self.assertTrue(self.workers.isStopping)
        for each in one, other:
            self.assertEqual(each.told[-1], ("ask",))
            self.workers.answered(each)
        for each in one, other:
            self.assertEqual(each.told[-1], ("leave",))
            self.workers.left(each)
        self.assertEqual(self.reflected, ["logged", "closed"])
        for each in one, other:
            self.assertNoResult(stopped)
            self.assertEqual(each.told[-1], ("drain",))
            self.workers.ended(each, "exit status 0")
        self.assertNoResult(stopped)
        self.assertEqual(self.own, ["draining"])
        self.drained.callback(None)
        self.successResultOf(stopped)
        self.assertEqual(len(self.spawning.processes), 2)

    def test_again(self) -> None:
        """The second signal aborts all connections."""
        processes = self.start()
        self.workers.signalled("SIGINT")
        self.workers.stopService()
        self.workers.signalled("SIGINT")
        self.assertEqual([each.told[-1] for each in processes], [("abort",)] * 2)
        self.assertEqual(self.own, ["draining", "aborted"])
        self.assertEqual(len(self.stops), 1)

    def test_reload(self) -> None:
        """All get the files that were read again."""
        processes = self.start()
        self.assertEqual(self.workers.reload(), "")
        for each in processes:
            self.assertEqual(each.told[-1], ("reload", {"/key": "Yg=="}))

    def report(self) -> None:
        """Ask for a report."""
        captured = capturedLogs()
        self.events = captured.__enter__()
        self.addCleanup(captured.__exit__, None, None, None)
        self.workers.report()

    def stampLines(self) -> list[str]:
        """Give the lines about STAMP since the report was asked for."""
        lines = map(formatEvent, self.events)
        return [each for each in lines if each.startswith("STAMP packets")]

    def test_report(self) -> None:
        """The counts are logged once all have said theirs; asked twice, once."""
        processes = self.start()
        self.report()
        self.workers.report()
        for number, each in enumerate(processes):
            self.assertEqual(each.told.count(("ask",)), 2)
            self.assertEqual(self.stampLines(), [])
            each.figures = {"reflected": {"answered": number + 1}}
            self.workers.answered(each)
        self.assertEqual(self.stampLines(), ["STAMP packets: 3 answered"])
        self.reactor.advance(1)
        self.assertEqual(len(self.stampLines()), 1)

    def test_reportWithout(self) -> None:
        """A process that does not answer is not waited for."""
        self.start()
        self.report()
        self.reactor.advance(1)
        self.assertEqual(self.stampLines(), ["STAMP packets: none"])
