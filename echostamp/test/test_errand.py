"""
Tests for L{echostamp.intercom.errand}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from echostamp.intercom.errand import Errand
from echostamp.intercom.relay import RelayError
from echostamp.test.fakes import FakeReactor


class ErrandTests(SynchronousTestCase):
    """
    Tests for L{Errand}.
    """

    def setUp(self) -> None:
        """Make an errand, and record what it does."""
        self.reactor = FakeReactor()
        self.done: list[Any] = []
        self.errand = Errand(self.reactor, lambda: self.done.append("failed"))

    async def ask(self, *answers: Deferred[Any]) -> None:
        """Record some answers."""
        for each in answers:
            self.done.append(await self.errand.ask(each))

    async def sleep(self) -> None:
        """Record that time has passed."""
        await self.errand.sleep(1)
        self.done.append("slept")

    def test_answers(self) -> None:
        """A coroutine gets its answers one after the other."""
        first: Deferred[int] = Deferred()
        second: Deferred[int] = Deferred()
        self.errand.run(self.ask(first, second))
        second.callback(2)
        self.assertEqual(self.done, [])
        first.callback(1)
        self.assertEqual(self.done, [1, 2])

    def test_over(self) -> None:
        """What is answered after the end, or fails then, does nothing."""
        answers: list[Deferred[int]] = [Deferred() for _ in range(2)]
        for each in answers:
            self.errand.run(self.ask(each))
        self.errand.end()
        answers[0].callback(1)
        answers[1].errback(RelayError("lost"))
        self.assertEqual(self.done, [])

    def test_sleep(self) -> None:
        """A coroutine goes on after some time."""
        self.errand.run(self.sleep())
        self.reactor.advance(0.9)
        self.assertEqual(self.done, [])
        self.reactor.advance(0.1)
        self.assertEqual(self.done, ["slept"])

    def test_noSleepAfterTheEnd(self) -> None:
        """No timer is left at the end, and none begins after it."""
        self.errand.run(self.sleep())
        self.errand.end()
        self.errand.run(self.sleep())
        self.assertEqual([each for each in self.reactor.calls if each.active()], [])
        self.assertEqual(self.done, [])

    def test_failures(self) -> None:
        """The first failure is reported, the others are not."""
        answers: list[Deferred[int]] = [Deferred() for _ in range(2)]
        for each in answers:
            self.errand.run(self.ask(each))
        for each in answers:
            each.errback(RelayError("no permission"))
        self.assertEqual(self.done, ["failed"])
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_faults(self) -> None:
        """Another error is in the log, too."""
        answer: Deferred[int] = Deferred()
        self.errand.run(self.ask(answer))
        answer.errback(KeyError("a fault"))
        self.assertEqual(self.done, ["failed"])
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)
