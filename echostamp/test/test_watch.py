"""Tests for L{echostamp.client.watch}."""

from __future__ import annotations

import gc
import io
import json
import os
import signal
import sys
from dataclasses import replace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from echostamp.client import watch as module
from echostamp.client.watch import WatchOptions, watch
from echostamp.exitstatus import Outcome
from echostamp.monitor.peer import Peer
from echostamp.probe.dialers import Wish
from echostamp.probe.plan import Plan, StampPlan
from echostamp.probe.route import Route
from echostamp.probe.surroundings import Surroundings, surroundings
from echostamp.test.fakes import FakeReactor
from echostamp.test.farends import EPOCH
from echostamp.times import SECOND, Moment


def peer(target: str, **wish: Any) -> Peer:
    """Give a peer."""
    return Peer(target, Wish(target, **{"plan": Plan(size=0), **wish}))


class RunningReactor(FakeReactor):
    """
    A reactor that runs for some seconds.
    """

    seconds_ = 30

    def run(self, installSignalHandlers: bool = True) -> None:
        """Let time pass, from timer to timer."""
        super().run()
        self.fromTimerToTimer(self.seconds_)


class WatchTests(SynchronousTestCase):
    """
    Tests for a run of the command.
    """

    def setUp(self) -> None:
        """Install no signal handler, and end no process."""
        self.reactor = RunningReactor()
        self.output, self.errors = io.StringIO(), io.StringIO()
        self.handlers: dict[int, Any] = {}
        self.exits: list[int] = []
        self.patch(sys, "stdout", self.output)
        self.patch(sys, "stderr", self.errors)
        self.patch(signal, "signal", self.handlers.__setitem__)
        self.patch(signal, "raise_signal", lambda number: None)
        self.patch(os, "_exit", self.exit)
        self.patch(module, "makeRoom", lambda reactor, *counts: "")
        self.patch(module, "surroundings", self.surroundings)
        self.addCleanup(gc.unfreeze)

    def surroundings(self, reactor: Any, isExact: bool) -> Surroundings:
        """Give timers and clocks that go by the reactor's time."""

        def clocks() -> Moment:
            now = round(reactor.seconds() * 1e9)
            return Moment(now, EPOCH + now, now)

        return surroundings(reactor, clocks)

    def exit(self, status: int) -> None:
        """Note the exit status."""
        self.exits.append(status)

    def test_refused(self) -> None:
        """What cannot be watched is refused in one line before the reactor runs."""
        for wrong, why in [
            (peer("far:0"), "TARGET 'far:0': 0 is not a port from 1 to 65535"),
            (
                peer("far", route=Route(True, True)),
                "far: -4, -6 and --source exclude each other",
            ),
            (peer("unix:/s", route=Route(True)), "unix:/s: -4, -6 and --source go"),
            (peer("far", stamp=StampPlan(dscp=46)), "far: --ssid, --strict-ssid, "),
        ]:
            outcome = watch(self.reactor, WatchOptions((peer("a"), wrong), SECOND))
            self.assertEqual(outcome.status, 2)
            self.assertTrue(outcome.line.startswith(why), outcome.line)
        self.assertFalse(self.reactor.hasRun)

    def test_noSource(self) -> None:
        """An address that is not this machine's is refused."""
        found = peer("far", route=Route(source="203.0.113.77"))
        outcome = watch(self.reactor, WatchOptions((found,), SECOND))
        self.assertEqual(outcome.status, 2)
        self.assertIn("--source 203.0.113.77: ", outcome.line)
        near = peer("far:0", route=Route(source="127.0.0.1"))
        outcome = watch(self.reactor, WatchOptions((near,), SECOND))
        self.assertIn("is not a port", outcome.line)

    def test_noRoom(self) -> None:
        """Too many targets are refused: each flow at each address takes two
        descriptors."""
        self.patch(module, "makeRoom", lambda reactor, *counts: f"no: {counts}")
        peers = peer("a"), replace(peer("b"), flows=8, isEachAddress=True)
        outcome = watch(self.reactor, WatchOptions(peers, SECOND))
        self.assertEqual(outcome, Outcome(2, f"no: (2, {2 * 129})"))

    def ran(self, deadline: int | None) -> int:
        """Run it to its end, and give its exit status."""
        options = WatchOptions((peer("192.0.2.1"),), 10 * SECOND, deadline)
        watch(self.reactor, options)
        (status,) = self.exits
        self.exits.clear()
        return status

    def test_deadline(self) -> None:
        """At the deadline the run ends.  A target that never answered is named."""
        self.assertEqual(self.ran(25 * SECOND), 1)
        found = [json.loads(line) for line in self.output.getvalue().splitlines()]
        self.assertEqual([each["last"] for each in found], [False, False, True])
        self.assertTrue(self.errors.getvalue().startswith("echostamp: 192.0.2.1: "))

    def test_signals(self) -> None:
        """SIGINT and SIGTERM end it with their own statuses, after the last lines."""
        for number in signal.SIGINT, signal.SIGTERM:
            self.reactor = RunningReactor()
            self.output.truncate(0)
            self.output.seek(0)
            self.reactor.callLater(5, lambda n: self.handlers[n](n, None), number)
            self.assertEqual(self.ran(None), 128 + number)
            self.assertTrue(json.loads(self.output.getvalue())["last"])
            self.assertEqual(self.errors.getvalue(), "")
