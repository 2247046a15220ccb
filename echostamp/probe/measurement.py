"""
What a run of probes has shown so far.

This joins the parts of L{echostamp.measure}, which know numbers only, with the stamps
that the far end writes and with the fate of the connection.
"""

from __future__ import annotations

from collections import deque

from echostamp.measure.block import Probe
from echostamp.measure.delay import Delays, roundTrip
from echostamp.measure.oneway import oneWays
from echostamp.measure.ownclock import OwnClock
from echostamp.measure.result import Figures, Outage
from echostamp.measure.samples import LIMIT
from echostamp.probe.farclock import FarClock
from echostamp.probe.flights import Flight
from echostamp.probe.messages import Reply
from echostamp.times import Moment, Times

#: The most outages that are remembered one by one.
MOST_OUTAGES = 1000


class Measurement:
    """
    The probes of a run, and all that is known from them.

    @ivar delays: round trips and losses.
    @ivar far: the far clock.
    @ivar outages: the times without a connection; the last L{MOST_OUTAGES}.
    @ivar outageCount: how many there were.
    @ivar outageLength: how long those took that are over, in nanoseconds.
    @ivar skipped: how many probes could not be sent in their time.
    @ivar strange: how many lines answered nothing.
    @ivar stalls: how often this process was suspended or blocked while a probe was in
        flight.
    @ivar stalledFor: for how long in all, in nanoseconds.
    @ivar isApart: whether the far end gives T2 and T3 apart.
    """

    def __init__(self, zone: int | None = None, kept: int = LIMIT) -> None:
        """
        @param zone: nanoseconds by which the far clock's zone is ahead of UTC, for
            stamps that do not name it; L{None} to guess it.
        @param kept: how many of the last probes to keep one by one.
        """
        self.delays = Delays(kept)
        self.far = FarClock(zone)
        self.outages: deque[Outage] = deque(maxlen=MOST_OUTAGES)
        self.outageCount = self.outageLength = 0
        self.skipped = self.strange = 0
        self.stalls = self.stalledFor = 0
        self.isApart = False
        self._ownClock = OwnClock()

    # --- Our own clock ----------------------------------------------------------------

    def observe(self, at: Moment) -> int:
        """
        See whether our own clock was set.  What is known of the far one is void then.

        @return: how often ours was set.
        """
        before = self._ownClock.steps
        steps = self._ownClock.observe(*at)
        if steps != before:
            self.far.forget()
        return steps

    @property
    def steps(self) -> int:
        """How often our own clock was set."""
        return self._ownClock.steps

    def stalled(self, late: int) -> None:
        """
        This process was suspended or blocked while a probe was in flight.

        @param late: for how many nanoseconds.
        """
        self.stalls += 1
        self.stalledFor += late

    # --- The connection ---------------------------------------------------------------

    def disconnected(self, outage: Outage) -> None:
        """
        The connection was lost.
        """
        self.outages.append(outage)
        self.outageCount += 1

    def reconnected(self, at: Moment) -> None:
        """
        There is a connection again.
        """
        length = at.after - self.outages[-1].began
        self.outages[-1] = self.outages[-1]._replace(length=length)
        self.outageLength += length
        self.far.reconnected()

    def dialFailed(self, error: str) -> None:
        """
        An attempt to connect again has failed.

        @param error: why.
        """
        if self.outages and self.outages[-1].length is None:
            self.outages[-1] = self.outages[-1]._replace(error=error)

    # --- Probes -----------------------------------------------------------------------

    @property
    def sent(self) -> int:
        """How many probes were sent; the number of the next one."""
        return self.delays.run.sent

    def probeSkipped(self, isOutage: bool) -> None:
        """
        A probe could not be sent in its time.

        @param isOutage: whether for want of a connection.
        """
        self.skipped += 1
        if isOutage:
            outage = self.outages[-1]
            self.outages[-1] = outage._replace(skipped=outage.skipped + 1)

    def probeSent(self, due: int, at: Moment) -> tuple[int, int]:
        """
        A probe was sent.

        @param due: when it was due, by the monotonic clock.
        @return: when it was due, since the UNIX epoch, and how often our own clock has
            been set.
        """
        steps = self.observe(at)
        due = at.realtime - (at.after - due)
        run = self.delays.run
        first = run.first
        run.send(due, at.realtime)
        if run.first != first:
            self.far.offset.prune(run.first)
        return due, steps

    def probeAnswered(
        self, flight: Flight, at: Moment, reply: Reply, isStalled: bool
    ) -> Probe:
        """
        A reply to a probe in flight has come.

        @param at: when it was read.
        @param isStalled: whether it may have waited to be read: its RTT is not known.
        @return: what is known of the probe.
        """
        isSet = self.observe(at) != flight.steps
        if reply.times is None:
            self._stamped(flight, at, reply, isSet, isStalled)
        else:
            self._timed(flight, reply.times, isSet or isStalled)
        return self.delays.run[flight.seq]

    def _stamped(
        self, flight: Flight, at: Moment, reply: Reply, isSet: bool, isStalled: bool
    ) -> None:
        """
        Take a reply whose stamp is all that the far end says.
        """
        rtt = at.before - flight.sent
        self.far.roundTrip(rtt)
        reading = reply.reading
        t2 = None
        if not reply.isAltered:
            t2 = self.far.read(flight.seq, flight.t1, at.realtime, reading, isSet)
        self.delays.run.reply(
            flight.seq,
            at.realtime,
            None if isStalled else rtt,
            t2,
            resolution=1 if reading is None else reading.resolution,
            altered=reply.isAltered,
            void=isSet or isStalled,
        )

    def _timed(self, flight: Flight, times: Times, void: bool) -> None:
        """
        Take a reply that tells all four times.

        @param void: whether they cannot be compared, or T4 was taken late.
        """
        rtt = None if void else roundTrip(*times)
        self.isApart = True
        resolution = self.far.timed(times)
        self.delays.run.reply(
            *(flight.seq, times.t4, rtt, times.t2, times.t3),
            resolution=resolution,
            void=void,
        )
        if rtt is not None:
            self._amend(flight.seq, times, rtt)

    def corrected(self, seq: int, times: Times) -> None:
        """
        The times of a probe that was answered in time are known better now.
        """
        run = self.delays.run
        if run.first <= seq < run.sent:
            probe = run[seq]
            if probe.rttInTime is not None and not probe.void:
                self._amend(seq, times, roundTrip(*times))

    def _amend(self, seq: int, times: Times, rtt: int) -> None:
        """
        Take the times of a probe, which may be known better than before.  What the
        earlier ones said of the clocks holds, too.
        """
        self.delays.run.amend(seq, times.t1, times.t3, rtt)
        self.far.offset.add(seq, *times, self.far.resolution(times))

    def repeated(self, seq: int, at: Moment, isAltered: bool) -> Probe | None:
        """
        A reply to a probe has come that is not in flight any more: another one, or the
        first one, too late.

        @return: what is known of the probe; L{None} if it is too old to be known.
        """
        run = self.delays.run
        if not run.first <= seq < run.sent:
            return None
        run.reply(seq, at.realtime, None, altered=isAltered)
        return run[seq]

    def probeLost(self, flight: Flight) -> Probe:
        """
        No reply has come in time.
        """
        run = self.delays.run
        run.lose(flight.seq)
        return run[flight.seq]

    # --- Extra probes -----------------------------------------------------------------

    def extraSent(self, seq: int, at: Moment) -> Flight:
        """
        An extra probe was sent.

        @param seq: its number.
        """
        self.far.extraSent(at)
        return Flight(seq, at.realtime, at.realtime, at.after, self.observe(at))

    def extraAnswered(self, flight: Flight, at: Moment, reply: Reply) -> None:
        """
        A reply to an extra probe has come.
        """
        void = self.observe(at) != flight.steps
        reading = None if reply.isAltered else reply.reading
        self.far.read(self.delays.run.sent, flight.t1, at.realtime, reading, void)

    def nextExtra(self, at: Moment) -> int | None:
        """
        Give the time for an extra probe, by the monotonic clock; L{None} if none would
        help.
        """
        return self.far.nextExtra(at, self.delays.run.sent)

    # --- What it comes to -------------------------------------------------------------

    def figures(self, began: int, ended: int) -> Figures:
        """
        Give the figures of the whole run.

        @param began: its beginning, by the monotonic clock.
        @param ended: its end, by the monotonic clock.
        """
        run, delays = self.delays.run, self.delays
        ways = oneWays(run, self.far.offset)
        return Figures(
            began=began,
            ended=ended,
            sent=run.sent,
            received=run.received,
            lost=run.lost,
            skipped=self.skipped,
            late=run.late,
            duplicates=run.duplicates,
            reordered=run.reordered,
            altered=run.altered,
            bursts=delays.bursts(),
            rtt=delays.rtt(),
            rttFromDue=delays.rttFromDue(),
            ipdv=delays.ipdv(),
            forward=ways and ways[0],
            backward=ways and ways[1],
            offset=self.far.offset.report(),
            isApart=self.isApart,
        )
