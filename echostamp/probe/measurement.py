"""
What a run of probes has shown so far.

This joins the parts of L{echostamp.measure}, which know numbers alone, with the stamps
that the far end writes and with what happened to the connection.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from echostamp.measure.block import Probe
from echostamp.measure.coarseclocks import AT_ONCE, TickProbes, nextTick
from echostamp.measure.delay import Delays, roundTrip
from echostamp.measure.farzone import FarZone
from echostamp.measure.offset import OffsetTracker
from echostamp.measure.ownclock import OwnClock
from echostamp.measure.resolution import ObservedResolution
from echostamp.stamps import Reading
from echostamp.times import Moment

if TYPE_CHECKING:
    from echostamp.times import Times

#: The resolution, in nanoseconds, from which on stamps are coarse: extra probes help.
COARSE = 10_000_000


#: Outages that are remembered.
MOST_OUTAGES = 1000


class Sent(NamedTuple):
    """
    A probe that is under way.

    @ivar seq: its number.
    @ivar moment: when it left.
    @ivar steps: how often our clock had been set by then.
    """

    seq: int
    moment: Moment
    steps: int


@dataclass
class Outage:
    """
    A time without a connection.

    @ivar start: when it was lost, in nanoseconds since the epoch.
    @ivar began: the same by the monotonic clock.
    @ivar reason: why.
    @ivar lost: how many probes were under way.
    @ivar length: nanoseconds; L{None} while it lasts.
    @ivar skipped: how many probes were due meanwhile, and not sent.
    @ivar error: why the last attempt to connect again failed, if one did.
    """

    start: int
    began: int
    reason: str
    lost: int
    length: int | None = None
    skipped: int = 0
    error: str = ""


class Measurement:
    """
    The probes of a run, and all that is known from them.

    @ivar delays: round trips and losses.
    @ivar offset: the far clock.
    @ivar zone: what the far clock's zone is, where its stamps do not say.
    @ivar outages: the times without a connection; the last L{MOST_OUTAGES}.
    @ivar outageCount: how many there were.
    @ivar outageLength: nanoseconds of all that are over.
    @ivar stamped: how many replies had a stamp that could be read.
    @ivar zoneless: whether the stamps name no zone.
    @ivar skipped: how many probes could not be sent within their time.
    @ivar strange: how many lines came that answer nothing.
    @ivar holdUps: how often this end was held up while a probe was under way.
    @ivar heldUpFor: for how long in all, in nanoseconds.
    @ivar isApart: whether the far end tells T2 and T3 apart.
    """

    def __init__(self, zone: int | None = None) -> None:
        """
        @param zone: nanoseconds by which the far clock's zone is ahead of UTC, for
            stamps that do not say it; L{None} to guess it.
        """
        self.delays = Delays()
        self.offset = OffsetTracker()
        self.zone = FarZone(zone)
        self.outages: deque[Outage] = deque(maxlen=MOST_OUTAGES)
        self.outageCount = self.outageLength = 0
        self.stamped = self.skipped = self.strange = 0
        self.holdUps = self.heldUpFor = 0
        self.zoneless = False
        self._resolution = 0
        self._leastRtt: int | None = None
        self._isNew = self.isApart = False
        self._ownClock = OwnClock()
        self._turns = TickProbes()
        self._grains = ObservedResolution(), ObservedResolution()

    def _observe(self, at: Moment) -> int:
        """
        See whether our own clock was set: what was known of the other is void then.

        @return: how often it was.
        """
        before = self._ownClock.steps
        steps = self._ownClock.observe(*at)
        if steps != before:
            self.forget()
        return steps

    @property
    def steps(self) -> int:
        """How often our own clock was set."""
        return self._ownClock.steps

    def forget(self) -> None:
        """
        Forget the far clock: ours was set, or it is another machine's.
        """
        self.offset.restart()
        self.zone.restart()
        self._leastRtt = None

    def disconnected(self, outage: Outage) -> None:
        """
        The connection was lost.
        """
        self.outages.append(outage)
        self.outageCount += 1

    def reconnected(self, at: Moment, error: str) -> None:
        """
        There is a connection again, perhaps to another machine: its clock is another
        one.  What was known of the one before holds until there is a stamp.

        @param error: why it was not made earlier, if that is known.
        """
        outage = self.outages[-1]
        outage.length, outage.error = at.after - outage.began, error
        self.outageLength += outage.length
        self._isNew = True

    def probeSent(self, due: int, at: Moment) -> Sent:
        """
        A probe leaves.

        @param due: when it was to leave, by the monotonic clock.
        """
        steps = self._observe(at)
        run = self.delays.run
        first = run.first
        seq = run.send(at.realtime - (at.after - due), at.realtime)
        if run.first != first:
            self.offset.prune(run.first)
        return Sent(seq, at, steps)

    def extraSent(self, number: int, at: Moment) -> Sent:
        """
        A probe leaves that only the far clock is asked with.
        """
        self._turns.sent(at.after)
        return Sent(number, at, self._observe(at))

    @property
    def extras(self) -> int:
        """How many probes were sent that only the far clock was asked with."""
        return self._turns.count

    def probeAnswered(
        self,
        sent: Sent,
        at: Moment,
        reading: Reading | None,
        isAltered: bool,
        isHeldUp: bool = False,
    ) -> None:
        """
        A reply to a probe has come in time.

        @param at: when it was read.
        @param reading: what its stamp says, if there is one.
        @param isAltered: whether it is not what was sent.
        @param isHeldUp: whether it may have waited to be read: its RTT is not known.
        """
        steps = self._observe(at)
        rtt = at.before - sent.moment.after
        void = steps != sent.steps
        if self._leastRtt is None or rtt < self._leastRtt:
            self._leastRtt = rtt
        t2 = None if isAltered else self._instant(sent, at, reading, void)
        self.delays.run.reply(
            sent.seq,
            at.realtime,
            None if isHeldUp else rtt,
            t2,
            resolution=1 if reading is None else reading.resolution,
            altered=isAltered,
            void=void or isHeldUp,
        )

    def probeTimed(
        self, sent: Sent, at: Moment, times: Times, isHeldUp: bool = False
    ) -> None:
        """
        A reply to a probe has come in time, with all four times.

        @param at: when it was read.
        @param isHeldUp: whether it may have waited to be read, by which T4 was taken.
        """
        void = self._observe(at) != sent.steps or isHeldUp
        rtt = None if void else roundTrip(*times)
        self.isApart = True
        self.stamped += 1
        self.delays.run.reply(
            *(sent.seq, times.t4, rtt, times.t2, times.t3),
            resolution=self._grain(times),
            void=void,
        )
        if rtt is not None:
            self._amend(sent.seq, times, rtt)

    def corrected(self, seq: int, times: Times) -> None:
        """
        The times of a probe that was answered in time are known better.
        """
        run = self.delays.run
        if run.first <= seq < run.sent:
            probe = run[seq]
            if probe.rttInTime is not None and not probe.void:
                self._amend(seq, times, roundTrip(*times))

    def _amend(self, seq: int, times: Times, rtt: int) -> None:
        """
        Take the times of a probe, which may be known better than before: what they say
        of the clocks holds beside what the earlier ones said.
        """
        self.delays.run.amend(seq, times.t1, times.t3, rtt)
        self.offset.add(seq, *times, self._grain(times))

    def _grain(self, times: Times) -> int:
        """
        Say how finely the far end takes its times: it may take the one otherwise than
        the other.
        """
        received, sent = self._grains
        return max(received.observe(times.t2), sent.observe(times.t3))

    def extraAnswered(self, sent: Sent, at: Moment, reading: Reading | None) -> None:
        """
        A reply to an extra probe has come.

        @param reading: what its stamp says; L{None} if that is not to be relied on.
        """
        void = self._observe(at) != sent.steps
        self._instant(sent._replace(seq=self.delays.run.sent), at, reading, void)

    def _instant(
        self, sent: Sent, at: Moment, reading: Reading | None, void: bool
    ) -> int | None:
        """
        Read the far clock.

        @return: the instant that the stamp tells, if it tells one.
        """
        if reading is None:
            return None
        self.stamped += 1
        if self._isNew:
            self._isNew = False
            self.forget()
            self.zone.forget()
        t1, t4 = sent.moment.realtime, at.realtime
        instant = reading.time
        if not reading.zoned:
            self.zoneless = True
            if void:
                # What it seems to be off by is not the zone's doing.
                return None
            instant = self.zone.instant(instant, reading.resolution, t1, t4)
        if not void:
            self._resolution = reading.resolution
            self.offset.add(sent.seq, t1, instant, instant, t4, reading.resolution)
        return instant

    def heldUp(self, late: int) -> None:
        """
        This end was held up while a probe was under way.

        @param late: for how many nanoseconds.
        """
        self.holdUps += 1
        self.heldUpFor += late

    def repeated(self, seq: int, at: Moment, isAltered: bool) -> None:
        """
        Another reply to a probe has come, or one that had been called lost is answered.
        """
        run = self.delays.run
        if run.first <= seq < run.sent:
            run.reply(seq, at.realtime, None, altered=isAltered)

    def probeLost(self, seq: int) -> Probe:
        """
        No reply has come in time.
        """
        run = self.delays.run
        run.lose(seq)
        return run[seq]

    def nextExtra(self, at: Moment) -> int | None:
        """
        Say when to send an extra probe, by the monotonic clock, so that it narrows the
        bounds of the offset; L{None} if it would not.
        """
        if self._resolution < COARSE or self._leastRtt is None:
            return None
        bounds = self.offset.bounds(at.realtime)
        if bounds is None:
            return None
        low, high = bounds
        if self.extras >= AT_ONCE + self.delays.run.sent:
            # At long intervals they would be more than the probes.
            return None
        if not self._turns.isWorth(high - low, self._resolution, self._leastRtt):
            return None
        now = at.realtime + self._turns.wait(at.after)
        turn = nextTick(now, low, high, self._resolution, self._leastRtt)
        return turn - at.realtime + at.after
