"""Tests for L{echostamp.probe.alarms}."""

from __future__ import annotations

import ctypes
import os
import select
import time
from types import SimpleNamespace

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IReadDescriptor
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from echostamp.probe.alarms import KernelAlarm, ReactorAlarm
from echostamp.test.fakes import FakeReactor
from echostamp.times import MILLISECOND, SECOND

#: Seconds after which a timer of the kernel's is given up.
_PATIENCE = 10


class ReactorAlarmTests(SynchronousTestCase):
    """
    Tests for an alarm by a timer of the reactor.
    """

    def test_set(self) -> None:
        """The function is called at the last time that was set, each time."""
        reactor = FakeReactor()
        called: list[float] = []
        alarm = ReactorAlarm(
            reactor,
            lambda: round(reactor.seconds() * SECOND),
            lambda: called.append(reactor.seconds()),
        )
        alarm.set(5 * SECOND)
        alarm.set(2 * SECOND)
        for _ in range(7):
            reactor.advance(1)
        self.assertEqual(called, [2])
        alarm.set(SECOND)
        reactor.advance(0)
        self.assertEqual(called, [2, 7])


class KernelAlarmTests(SynchronousTestCase):
    """
    Tests for an alarm by a timer of the kernel's.
    """

    def setUp(self) -> None:
        """Make an alarm whose function sets it again, if it is told to."""
        self.reactor = FakeReactor()
        self.called: list[int] = []
        self.next: int | None = None
        self.alarm = KernelAlarm(self.reactor, self.call)
        self.addCleanup(self.alarm.connectionLost, Failure(ConnectionDone()))

    def call(self) -> None:
        """Note the time, and set the alarm again."""
        self.called.append(time.monotonic_ns())
        if self.next is not None:
            self.alarm.set(self.next)

    def isReady(self, seconds: float) -> bool:
        """Wait until the reactor would read the alarm."""
        return bool(select.select([self.alarm], [], [], seconds)[0])

    def test_set(self) -> None:
        """The reactor reads the alarm at its time, and not before; once."""
        verifyObject(IReadDescriptor, self.alarm)
        self.assertEqual(self.reactor.getReaders(), [self.alarm])
        when = time.monotonic_ns() + 20 * MILLISECOND
        self.alarm.set(when - 15 * MILLISECOND)
        self.alarm.set(when)
        self.assertTrue(self.isReady(_PATIENCE))
        self.alarm.doRead()
        self.assertGreaterEqual(self.called[0], when)
        self.assertFalse(self.isReady(0))

    def test_past(self) -> None:
        """A time that is over, be it 0, is due at once."""
        for when in 0, -5, 7:
            self.alarm.set(when)
            self.assertTrue(self.isReady(_PATIENCE))
            self.alarm.doRead()

    def test_setAgain(self) -> None:
        """If the function sets the alarm, it is not ready before that time."""
        self.next = time.monotonic_ns() + 3600 * SECOND
        self.alarm.set(0)
        self.assertTrue(self.isReady(_PATIENCE))
        self.alarm.doRead()
        self.assertFalse(self.isReady(0))

    def test_late(self) -> None:
        """A reactor that calls it after it was set to a later time does no harm."""
        self.alarm.set(time.monotonic_ns() + 3600 * SECOND)
        self.alarm.doRead()
        self.assertEqual(len(self.called), 1)

    def test_refused(self) -> None:
        """A system without such timers, or without a free descriptor, has none."""
        for library in (
            SimpleNamespace(),
            SimpleNamespace(
                timerfd_create=lambda clock, flags: -1, timerfd_settime=None
            ),
        ):
            self.patch(ctypes, "CDLL", lambda name, use_errno, found=library: found)
            with self.assertRaises(OSError):
                KernelAlarm(self.reactor, self.call)

    def test_close(self) -> None:
        """It is closed when the reactor stops."""
        alarm = KernelAlarm(self.reactor, self.call)
        number = alarm.fileno()
        alarm.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(alarm.fileno(), -1)
        self.assertRaises(OSError, os.fstat, number)
