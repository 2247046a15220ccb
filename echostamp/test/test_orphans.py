"""Tests for L{echostamp.daemon.orphans}."""

from __future__ import annotations

import os
import signal
from types import SimpleNamespace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from echostamp.daemon import orphans
from echostamp.daemon.orphans import OrphanService, reapOrphans
from echostamp.test.fakes import FakeReactor


class ReapOrphansTests(SynchronousTestCase):
    """
    Tests for L{reapOrphans}.
    """

    def setUp(self) -> None:
        """Have processes that have ended."""
        self.ended = [7, 8, 9]
        self.hasOthers = True
        self.patch(os, "waitid", self.waitid)
        self.patch(os, "waitpid", lambda pid, how: self.ended.remove(pid))

    def waitid(self, kind: int, which: int, how: int) -> Any:
        """Find one that has ended, and leave it as it is."""
        self.assertEqual(how, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if self.ended:
            return SimpleNamespace(si_pid=self.ended[0])
        if self.hasOthers:
            return None
        raise ChildProcessError

    def test_all(self) -> None:
        """All that others have started are reaped."""
        reapOrphans(())
        self.assertEqual(self.ended, [])

    def test_noProcess(self) -> None:
        """A process that has no other has none to reap."""
        self.hasOthers = False
        reapOrphans(())
        self.assertEqual(self.ended, [])

    def test_own(self) -> None:
        """What this process has started is left to its owner, and so is, for now, what
        lies behind it."""
        reapOrphans({8})
        self.assertEqual(self.ended, [8, 9])


class OrphanServiceTests(SynchronousTestCase):
    """
    Tests for L{OrphanService}.
    """

    def setUp(self) -> None:
        """Note what is done."""
        self.reactor: Any = FakeReactor()
        self.reactor.running = False
        self.handlers: dict[int, Any] = {}
        self.reaped: list[object] = []
        self.patch(orphans, "reapOrphans", self.reaped.append)

    def begin(self, process: int, own: Any = None) -> OrphanService:
        """Start the service in a process with this PID."""
        service = OrphanService(
            self.reactor, own, self.handlers.__setitem__, lambda: process
        )
        service.startService()
        self.assertEqual((self.handlers, self.reaped), ({}, []))
        self.reactor.run()
        return service

    def test_alone(self) -> None:
        """With the PID 1 it ignores SIGCHLD: then the kernel reaps orphans that end."""
        self.begin(1)
        self.assertEqual(self.handlers, {signal.SIGCHLD: signal.SIG_IGN})
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_withWorkers(self) -> None:
        """One with workers looks for orphans, until it stops."""
        own = {7}
        service = self.begin(1, lambda: own)
        self.assertEqual(self.handlers, {})
        self.reactor.advance(1)
        self.assertEqual(self.reaped, [own, own])
        service.stopService()
        self.reactor.advance(10)
        self.assertEqual(len(self.reaped), 2)

    def test_others(self) -> None:
        """Other processes inherit none."""
        for own in None, lambda: {7}:
            self.begin(2, own)
            self.assertEqual((self.handlers, self.reaped), ({}, []))
            self.assertEqual(self.reactor.getDelayedCalls(), [])
