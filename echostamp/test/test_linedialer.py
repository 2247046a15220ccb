"""Tests for L{echostamp.probe.linedialer}."""

from __future__ import annotations

from twisted.internet.error import ConnectionLost, ConnectionRefusedError
from twisted.trial.unittest import SynchronousTestCase

from echostamp.probe.plan import Plan
from echostamp.test.farends import MS, Far
from echostamp.times import SECOND


class StopTests(SynchronousTestCase):
    """
    Tests for a dialer that is stopped.
    """

    def test_neverStarted(self) -> None:
        """A run that was never started can be stopped."""
        far = Far(Plan())
        far.prober.stop()
        far.run(1)
        self.assertTrue(far.isOver)
        self.assertEqual(far.attempts, 0)

    def test_whileConnecting(self) -> None:
        """A stop cancels the attempt that goes on; the run gets no failure."""
        far = Far(Plan(waits=True))
        far.prober.start()
        far.prober.stop()
        far.run(60)
        self.assertTrue(far.isOver)
        self.assertEqual(far.attempts, 1)
        self.assertEqual(far.sink.events, [])
        self.assertTrue(far.reactor.connectors[0].stoppedConnecting)

    def test_connectedTooLate(self) -> None:
        """A connection that is made just after the stop is closed."""
        far = Far(Plan())
        far.prober.start()
        far.prober.stop()
        transport = far.accept()
        far.run(1)
        self.assertTrue(transport.isLost)
        far.run(60)
        self.assertEqual(far.attempts, 1)


class PatientTests(SynchronousTestCase):
    """
    Tests for attempts to connect, and their backoff.
    """

    def attemptsWithin(self, far: Far, seconds: float) -> int:
        """Refuse each attempt, and count them."""
        before = far.attempts
        far.refuse(ConnectionRefusedError(111))
        end = far.reactor.rightNow + seconds
        while far.reactor.rightNow < end:
            tried = far.attempts
            far.run(0.1)
            if far.attempts > tried:
                far.refuse(ConnectionRefusedError(111))
        return far.attempts - before

    def test_notThereAtFirst(self) -> None:
        """A patient run retries until its far end accepts.  Its schedule begins with
        the first failure."""
        far = Far(Plan(interval=SECOND, isPatient=True))
        far.prober.start()
        self.assertTrue(3 <= self.attemptsWithin(far, 10) <= 12)
        self.assertFalse(far.isOver)
        self.assertIsNone(far.prober.failure)
        before = far.attempts
        while far.attempts == before:
            far.run(0.1)
        far.accept()
        far.run(5)
        figures = far.prober.result().figures
        self.assertGreaterEqual(figures.skipped, 10)
        self.assertEqual((figures.sent, figures.received), (5, 5))

    def test_backoff(self) -> None:
        """The time between attempts grows to about 15 s.  A stop ends them."""
        far = Far(Plan(isPatient=True))
        far.prober.start()
        self.attemptsWithin(far, 120)
        self.assertLessEqual(self.attemptsWithin(far, 100), 12)
        far.prober.stop()
        far.run(1)
        self.assertEqual(self.attemptsWithin(far, 60), 0)

    def attemptsClosed(self, far: Far, seconds: float, isEcho: bool) -> int:
        """Accept each attempt, answer it or not, close it, and count them."""
        before = far.attempts
        end = far.reactor.rightNow + seconds
        while far.reactor.rightNow < end:
            tried = far.attempts
            far.run(0.1)
            if far.attempts > tried:
                transport = far.accept()
                if isEcho:
                    far.run(0.3)
                transport.lose(ConnectionLost())
        return far.attempts - before

    def test_closedAtOnce(self) -> None:
        """The time between attempts grows, too, if the far end closes each connection
        before it answers.  If it answers, the wait stays short."""
        far = Far(Plan(interval=100 * MS, isPatient=True))
        far.start()
        far.transports[0].lose(ConnectionLost())
        self.attemptsClosed(far, 120, isEcho=False)
        self.assertLessEqual(self.attemptsClosed(far, 100, isEcho=False), 12)
        self.attemptsClosed(far, 20, isEcho=True)
        self.assertGreaterEqual(self.attemptsClosed(far, 100, isEcho=True), 40)

    def test_why(self) -> None:
        """An outage names the reason why the last attempt failed."""
        far = Far(Plan(interval=100 * MS, isPatient=True))
        far.start()
        far.run(0.5)
        far.transports[-1].lose(ConnectionLost())
        before = far.attempts
        while far.attempts == before:
            far.run(0.1)
        far.refuse(ConnectionRefusedError(111))
        (outage,) = far.prober.result().outages
        self.assertEqual(outage.reason, "the connection was lost")
        self.assertEqual(outage.error, "Connection refused")

    def test_redial(self) -> None:
        """Another connection takes the place of the present one, without an outage.
        Replies by the old one still count, and then it is closed."""
        far = Far(Plan(interval=SECOND, isPatient=True, timeout=SECOND))
        far.start()
        far.delay = lambda seq: 0.4
        far.run(2.2)
        far.prober.redial()
        new = far.accept()
        far.run(0.5)
        self.assertFalse(far.transports[0].isLost)
        far.run(1.5)
        self.assertTrue(far.transports[0].isLost)
        self.assertEqual(len(new.lines), 2)
        far.run(2)
        self.assertFalse(new.isLost)
        result = far.prober.result()
        self.assertEqual(result.outageCount, 0)
        self.assertEqual(result.figures.lost + result.figures.skipped, 0)
        self.assertEqual(far.attempts, 2)
        new.lose(ConnectionLost())
        far.run(2)
        self.assertEqual(far.attempts, 3)

    def test_lostWhileRedialing(self) -> None:
        """A connection that is lost while another attempt goes on begins no second
        one, and no attempt is left when the run is stopped."""
        for isAccepted in False, True:
            far = Far(Plan(interval=SECOND, isPatient=True, timeout=SECOND))
            far.start()
            far.run(2.2)
            far.prober.redial()
            far.transports[0].lose(ConnectionLost())
            if isAccepted:
                far.run(5)
                self.assertEqual(far.attempts, 2)
                far.accept()
            else:
                far.refuse(ConnectionRefusedError(111))
            far.prober.stop()
            far.run(60)
            self.assertEqual(far.attempts, 2)
            self.assertEqual(far.reactor.getDelayedCalls(), [])
