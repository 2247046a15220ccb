"""
Clocks, stamps and probes for tests of measurements.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from echostamp.measure.samples import LIMIT
from echostamp.probe.flights import Flight
from echostamp.probe.keptprobes import KeptProbes
from echostamp.probe.measurement import Measurement
from echostamp.probe.messages import Reply
from echostamp.stamps import Reading, readStamp, stampFormat
from echostamp.test.farends import EPOCH, MS
from echostamp.times import SECOND, Moment

HOUR = 3600 * SECOND

#: How far the far clock is ahead.
AHEAD = 12_345 * MS


def at(ms: float, step: int = 0) -> Moment:
    """
    Give the reading of our clocks at a time.

    @param ms: the time since the beginning, in milliseconds.
    @param step: nanoseconds by which the time of day has been set forward.
    """
    now = round(ms * MS)
    return Moment(now, EPOCH + now + step, now)


def stamp(ms: float, form: str = "iso", ahead: int = AHEAD) -> Reading | None:
    """Give the far clock's stamp at a time, as it is read."""
    stamped = stampFormat(form, utc=True).stamp(EPOCH + round(ms * MS) + ahead)
    return readStamp(stamped)


class MeasurementCase(SynchronousTestCase):
    """
    A test of what probes and their replies find.
    """

    def setUp(self) -> None:
        """Make a measurement."""
        self.begin()

    def begin(self, zone: int | None = None, kept: int = LIMIT) -> None:
        """Make a measurement without probes."""
        self.store = KeptProbes(kept)
        self.found = Measurement(self.store, 1000, zone)

    def probe(
        self, ms: float, rtt: float = 20, form: str = "iso", ahead: int = AHEAD
    ) -> Flight:
        """Send a probe, and answer it."""
        sent = self.send(round(ms * MS), at(ms))
        reading = stamp(ms + rtt / 2, form, ahead)
        self.answer(sent, at(ms + rtt), reading, False)
        return sent

    def send(self, due: int, at: Moment) -> Flight:
        """Send a probe."""
        seq = self.found.sent
        when, steps = self.found.probeSent(due, at)
        return Flight(seq, when, at.realtime, at.after, steps)

    def answer(
        self, flight: Flight, at: Moment, reading: Reading | None, isAltered: bool
    ) -> None:
        """Answer a probe."""
        reply = Reply(flight.seq, reading, isAltered)
        self.found.probeAnswered(flight, at, reply, False)

    def extra(self, flight: Flight, at: Moment, reading: Reading | None) -> None:
        """Answer an extra probe."""
        self.found.extraAnswered(flight, at, Reply(flight.seq, reading, False))

    def zone(self) -> tuple[int, bool] | None:
        """Give the far clock's zone, and whether it was assumed."""
        return self.found.far.zone

    def assertOffset(self, truth: int = AHEAD) -> None:
        """Assert that the offset is within its bounds."""
        report = self.store.offset.report()
        assert report is not None
        self.assertLessEqual(report.low, truth)
        self.assertGreaterEqual(report.high, truth)
