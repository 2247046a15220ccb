"""Tests for L{echostamp.probe.retries}."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from echostamp.probe.retries import FIRST_DELAY, JITTER, LONGEST_DELAY, Retries


class RetriesTests(SynchronousTestCase):
    """
    Tests for the waits between attempts.
    """

    def setUp(self) -> None:
        """Note the times of the attempts."""
        self.clock = Clock()
        self.times: list[float] = []
        self.chances = [0.0]
        self.retries = Retries(self.clock, lambda: self.chances[0])

    def retry(self) -> None:
        """Wait for another attempt, if there is no wait yet."""
        self.retries.retry(lambda: self.times.append(self.clock.seconds()))

    def wait(self) -> float:
        """Give the wait for the next attempt."""
        began, before = self.clock.seconds(), len(self.times)
        self.retry()
        while len(self.times) == before:
            self.clock.advance(0.125)
        return self.times[-1] - began

    def test_backoff(self) -> None:
        """Each wait is longer than the one before, up to the longest."""
        waits = [self.wait() for _ in range(20)]
        self.assertEqual(waits[0], FIRST_DELAY)
        self.assertEqual(waits, sorted(waits))
        self.assertEqual(waits[-1], LONGEST_DELAY)

    def test_success(self) -> None:
        """After a success the waits begin again with the shortest one."""
        self.wait()
        self.assertGreater(self.wait(), FIRST_DELAY)
        self.retries.succeeded()
        self.assertEqual(self.wait(), FIRST_DELAY)

    def test_chance(self) -> None:
        """Chance makes each wait longer."""
        self.chances = [0.5]
        self.assertEqual(self.wait(), FIRST_DELAY + JITTER / 2)

    def test_oneWait(self) -> None:
        """There is one wait at a time, and none after a success."""
        self.retry()
        self.retry()
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.retries.succeeded()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stop(self) -> None:
        """A stop ends the wait, and no other one begins."""
        self.retry()
        self.retries.stop()
        self.retry()
        self.clock.advance(100)
        self.assertEqual(self.times, [])
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertTrue(self.retries.isStopped)
