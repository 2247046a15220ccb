"""Tests for L{echostamp.client.reactor}."""

from __future__ import annotations

import errno
import os
import sys
import time
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import twisted.internet
from twisted.internet import main
from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.base import ReactorBase
from twisted.internet.selectreactor import SelectReactor
from twisted.trial.unittest import SynchronousTestCase

from echostamp.client import reactor as reactorModule
from echostamp.client.epoll import QuickEPollReactor
from echostamp.client.reactor import (
    installedReactor,
    monotonic,
    unusableDescriptors,
)
from echostamp.test.fakes import osError


class TimersTests(SynchronousTestCase):
    """
    The timers of the client's reactor.
    """

    def timeouts(self, kind: Any, timeOfDay: list[float]) -> tuple[float, float]:
        """
        Set the time of day back by an hour while a timer of five seconds runs.

        @param kind: the reactor's class.
        @param timeOfDay: the time of day, in seconds.
        @return: the seconds that were left of the timer before and after it.
        """
        reactor = kind()
        reactor.callLater(5, lambda: None)
        before = reactor.timeout()
        timeOfDay[0] -= 3600
        return before, reactor.timeout()

    def test_clockIsSet(self) -> None:
        """Setting the time of day does not move a timer, as it does in Twisted."""
        timeOfDay = [1e9]

        class TimeOfDayReactor(ReactorBase):
            seconds = staticmethod(lambda: timeOfDay[0])

            def installWaker(self) -> None:
                """Use no descriptor."""

        _, after = self.timeouts(TimeOfDayReactor, timeOfDay)
        self.assertEqual(after, 3605)
        before, after = self.timeouts(monotonic(TimeOfDayReactor), timeOfDay)
        self.assertTrue(0 < after <= before <= 5)

    def test_clock(self) -> None:
        """The clock of every kind of reactor is the monotonic one."""
        for kind in SelectReactor, AsyncioSelectorReactor:
            self.assertIs(monotonic(kind).seconds, time.monotonic)
            self.assertTrue(issubclass(monotonic(kind), kind))


class InstalledReactorTests(SynchronousTestCase):
    """
    The reactor that the client installs.
    """

    def setUp(self) -> None:
        """Make no real reactor, and install none."""
        self.installed: list[object] = []
        self.patch(main, "installReactor", self.installed.append)
        # The module has no such name as long as no reactor is installed.
        there = patch.object(
            twisted.internet, "reactor", "the process's reactor", create=True
        )
        there.start()
        self.addCleanup(there.stop)
        self.patch(reactorModule, "monotonic", lambda kind: lambda: kind)

    def test_kinds(self) -> None:
        """The reactor uses epoll where there is one; line editing needs asyncio's."""
        for isAsyncio, hasEpoll, kind in (
            (False, True, QuickEPollReactor),
            (True, True, AsyncioSelectorReactor),
            (False, False, SelectReactor),
        ):
            with patch.dict(sys.modules):
                if not hasEpoll:
                    self.patch(reactorModule, "select", object())
                sys.modules.pop("twisted.internet.reactor", None)
                reactor = installedReactor(isAsyncio)
            self.assertEqual(reactor, "the process's reactor")
            self.assertIs(self.installed.pop(), kind)

    def test_oneIsInstalled(self) -> None:
        """A reactor that the process already has is used."""
        modules: Any = {"twisted.internet.reactor": object()}
        with patch.dict(sys.modules, modules):
            self.assertEqual(installedReactor(), "the process's reactor")
        self.assertEqual(self.installed, [])


class DescriptorsTests(SynchronousTestCase):
    """
    The descriptors that are free.
    """

    def check_(self, free: list[int]) -> str:
        """Check some free descriptors; opening more of them fails."""
        left = list(free)
        closed: list[int] = []

        def opened(path: str, flags: int) -> int:
            if not left:
                raise osError(errno.EMFILE)
            return left.pop(0)

        with patch.object(os, "open", opened), patch.object(os, "close", closed.append):
            said = unusableDescriptors()
        self.assertEqual(sorted(closed), free[: len(closed)])
        self.assertEqual(len(left) + len(closed), len(free))
        return said

    def test_free(self) -> None:
        """Without epoll, enough descriptors below 1,024 must be free, unless the limit
        is below."""
        self.patch(reactorModule, "select", object())
        self.assertEqual(self.check_([*range(3, 99)]), "")
        self.assertEqual(self.check_([*range(992, 1024)]), "")
        self.assertEqual(self.check_([3, 4, 5]), "")
        said = "too many open descriptors: 32 below 1024 must be free"
        for free in [*range(993, 1100)], [3, 4, 5, *range(1024, 1100)]:
            self.assertEqual(self.check_(free), said)

    def test_epoll(self) -> None:
        """C{epoll} takes all descriptors."""
        self.patch(reactorModule, "select", SimpleNamespace(epoll=None))
        self.assertEqual(self.check_([*range(5000, 5100)]), "")
