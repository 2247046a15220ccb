"""Tests for the end of a run of L{echostamp.probe.prober} by its sink or its owner."""

from __future__ import annotations

import gc
import weakref
from typing import Any

from twisted.internet.error import ConnectionLost
from twisted.trial.unittest import SynchronousTestCase

from echostamp.probe.interfaces import Fate, Link
from echostamp.probe.memorysink import MemorySink
from echostamp.probe.plan import Plan
from echostamp.rfc8762.sendersession import SenderSession
from echostamp.test.farends import MS, Far
from echostamp.test.proberruns import Silence
from echostamp.test.stampruns import FarPort, StampCase
from echostamp.times import SECOND


class Stopper(MemorySink):
    """
    A sink that stops its prober at the first event of one name.
    """

    def __init__(self, event: str) -> None:
        super().__init__()
        self.far: Any = None
        self._event = event

    def _look(self) -> None:
        """Stop the prober, if it is time."""
        if self.events[-1][0] == self._event:
            self.far.prober.stop()

    def connected(self, link: Link) -> None:
        """Keep a link."""
        super().connected(link)
        self._look()

    def outstanding(self, seq: int) -> None:
        """Keep the number of a probe."""
        self.events.append(("outstanding", seq))
        self._look()

    def settled(self, probe: Any, fate: Fate, reason: str = "") -> None:
        """Keep a probe."""
        super().settled(probe, fate, reason)
        self._look()

    def disconnected(self, outage: Any) -> None:
        """Keep an outage."""
        super().disconnected(outage)
        self._look()


class SinkTests(SynchronousTestCase):
    """
    A sink may stop the run at any event; nothing follows.
    """

    def begin(self, event: str, **plan: Any) -> Far:
        """Begin a run whose sink stops it at an event."""
        self.sink = Stopper(event)
        self.far = self.sink.far = Far(Plan(**plan), self.sink)
        self.far.delay = lambda seq: None
        self.far.start()
        return self.far

    def checkLast(self, event: str) -> None:
        """Check that the last event is the one at which the run was stopped."""
        self.assertTrue(self.far.isOver)
        sent = len(self.far.sent())
        self.far.run(60)
        self.assertEqual(self.sink.events[-1][0], event)
        self.assertEqual([each for each, _ in self.sink.events].count(event), 1)
        self.assertEqual(len(self.far.sent()), sent)
        self.assertEqual(self.far.reactor.getDelayedCalls(), [])

    def test_timedOut(self) -> None:
        """No other probe times out after the run was stopped at one."""
        far = self.begin("timed out", interval=500 * MS)
        far.reactor.rightNow += 2  # several are over their timeout at once
        far.run(30)
        self.checkLast("timed out")
        self.assertEqual(far.prober.measurement.store.lost, 1)

    def test_disconnected(self) -> None:
        """The run may be stopped while probes are lost with their connection."""
        far = self.begin("disconnected", interval=500 * MS)
        far.run(1.2)
        far.transports[-1].lose(ConnectionLost())
        self.checkLast("disconnected")

    def test_outstanding(self) -> None:
        """No probe is sent after the run was stopped because one is outstanding."""
        far = self.begin("outstanding", interval=500 * MS)
        far.run(30)
        self.checkLast("outstanding")
        self.assertEqual(len(far.sent()), 1)

    def test_connected(self) -> None:
        """No probe is sent after the run was stopped at its connection."""
        far = self.begin("connected")
        self.checkLast("connected")
        self.assertEqual(far.sent(), [])
        self.assertTrue(far.transports[-1].isLost)

    def test_outage(self) -> None:
        """The run may be stopped at an outage."""
        far = self.begin("outage", interval=500 * MS)
        far.run(1.2)
        far.transports[-1].lose(ConnectionLost())
        self.checkLast("outage")


class OwnerTests(SynchronousTestCase):
    """
    The owner may stop the run at any time.
    """

    def test_connectedMeanwhile(self) -> None:
        """A connection that completes in the turn of the stop is closed."""
        sink = MemorySink()
        far = Far(Plan(), sink)
        far.prober.start()
        far.prober.stop()
        far.accept()
        far.run(1)
        self.assertTrue(far.transports[-1].isLost)
        self.assertEqual((sink.events, far.prober.hasBegun), ([], False))
        self.assertEqual(far.reactor.getDelayedCalls(), [])


class StampTests(StampCase):
    """
    Over STAMP, where replies may be timed when they are read.
    """

    def test_nothingIsLeft(self) -> None:
        """After the end no timer runs on, and nothing of the process keeps the
        prober."""
        self.patch(FarPort, "stampsArrivals", False)
        self.sink: Any = Silence()
        self.fate = lambda number: "lost there" if number > 5 else ""
        self.begin(Plan(interval=SECOND, size=44, kept=0), SenderSession())
        self.run_(10.1)
        self.assertTrue(self.prober.hasFlights)
        stalls = self.prober._stalls
        self.prober.stop()
        self.assertFalse(self.prober.hasFlights)
        self.run_(4)
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        prober = weakref.ref(self.prober)
        del self.prober, self.dialer, self.sender
        gc.collect()
        self.assertIsNone(prober())
        self.assertEqual(stalls._watched, {})
