"""Tests for L{echostamp.daemon.workerfigures}."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from echostamp.daemon.echocounts import EchoFigures
from echostamp.daemon.workerfigures import WorkerFigures


class Process:
    """
    A process that counts.
    """

    def __init__(self) -> None:
        self.figures: dict[str, Any] = {}

    def count(self, *echo: int, **reflected: int) -> None:
        """Say what it has counted."""
        self.figures = {
            "echo": EchoFigures(*echo)._asdict(),
            "refused": {"limit": echo[0], "tls": 1, "proxy": 0},
            "reflected": reflected,
        }


class WorkerFiguresTests(SynchronousTestCase):
    """
    Tests for L{WorkerFigures}.
    """

    def setUp(self) -> None:
        """Begin two processes."""
        self.one, self.other = Process(), Process()
        self.processes = {self.one, self.other}
        self.figures = WorkerFigures(self.processes)

    def end(self, process: Process) -> None:
        """End a process."""
        self.processes.discard(process)
        self.figures.keep(process)

    def test_nothing(self) -> None:
        """Processes that have said nothing have counted nothing."""
        self.assertEqual(self.figures.echo(), EchoFigures(0, 0, 0, 0))
        self.assertEqual(self.figures.refused(), {"limit": 0, "tls": 0, "proxy": 0})
        self.assertEqual(self.figures.reflected(), {})

    def test_sums(self) -> None:
        """Each figure is the sum of all processes."""
        self.one.count(1, 2, 3, 4, answered=5, no=6)
        self.other.count(10, 20, 30, 40, answered=50)
        self.assertEqual(self.figures.echo(), EchoFigures(11, 22, 33, 44))
        self.assertEqual(self.figures.refused(), {"limit": 11, "tls": 2, "proxy": 0})
        self.assertEqual(self.figures.reflected(), {"answered": 55, "no": 6})

    def test_ended(self) -> None:
        """What a process has counted stays when it has ended, but not its connections;
        its successor counts from zero."""
        self.one.count(1, 2, 3, 4, answered=5)
        self.other.count(10, 20, 30, 40, answered=50)
        self.end(self.one)
        self.assertEqual(self.figures.echo(), EchoFigures(10, 22, 33, 44))
        self.assertEqual(self.figures.refused(), {"limit": 11, "tls": 2, "proxy": 0})
        self.assertEqual(self.figures.reflected(), {"answered": 55})
        successor = Process()
        self.processes.add(successor)
        successor.count(100, 200, 300, 400)
        self.assertEqual(self.figures.echo(), EchoFigures(110, 222, 333, 444))
        self.end(successor)
        self.end(self.other)
        self.assertEqual(self.figures.echo(), EchoFigures(0, 222, 333, 444))

    def test_endedInSilence(self) -> None:
        """A process that ends before it has said anything changes nothing."""
        self.end(self.one)
        self.assertEqual(self.figures.echo(), EchoFigures(0, 0, 0, 0))
