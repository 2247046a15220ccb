"""
Collects what the probes of a run have found so far.

L{echostamp.measure} computes with plain numbers.  This module gets them from replies,
from the far end's stamps and from the connection.
"""

from __future__ import annotations

from typing import Any

from echostamp.measure.block import Probe
from echostamp.measure.ownclock import OwnClock
from echostamp.measure.residence import roundTripWithin
from echostamp.measure.result import Outage, Result
from echostamp.measure.windowspec import WindowSpec
from echostamp.probe.duenumbers import DueNumbers
from echostamp.probe.farclock import DIGITS, FarClock
from echostamp.probe.flights import Flight, Span, flightOf
from echostamp.probe.linkhistory import LinkHistory
from echostamp.probe.messages import Reply
from echostamp.probe.probestore import ProbeStore, firstReply
from echostamp.times import Moment, Times


class Measurement:
    """
    What the probes of a run have found so far.

    @ivar store: keeps the probes.
    @ivar numbers: the numbers of probes among all that were due.
    @ivar far: the far clock.
    @ivar outages: the last times without a connection.
    @ivar outageCount: how many there were.
    @ivar outageLength: how long the finished ones took in all, in nanoseconds.
    @ivar strange: how many lines were no replies to probes.
    @ivar stalls: how often this process was suspended or blocked while a probe was in
        flight.
    @ivar stalledFor: for how long in all, in nanoseconds.
    @ivar isApart: whether the far end gives T2 and T3 apart.
    @ivar longestUntimed: the longest that a reply in time without an RTT can have
        taken, in nanoseconds.
    """

    def __init__(self, store: ProbeStore, most: int, zone: int | None = None) -> None:
        """
        @param store: keeps the probes.
        @param most: how many of the last outages to keep.
        @param zone: nanoseconds by which the far clock's zone is ahead of UTC, for
            stamps that do not name it; L{None} to guess it.
        """
        self.store = store
        self.numbers = DueNumbers()
        self.far = FarClock(store, zone)
        self._most = most
        self.outages: list[Outage] = []
        self.outageCount = self.outageLength = self.strange = 0
        self.stalls = self.stalledFor = self.longestUntimed = 0
        self.isApart = False
        self._ownClock = OwnClock(stepped=self.far.forget)

    # --- Our own clock ----------------------------------------------------------------

    @property
    def steps(self) -> int:
        """How often our own clock was set."""
        return self._ownClock.steps

    def stalled(self, late: int) -> None:
        """
        Count a stall of this process while a probe was in flight.

        @param late: for how many nanoseconds.
        """
        self.stalls += 1
        self.stalledFor += late

    # --- The connection ---------------------------------------------------------------

    def disconnected(self, outage: Outage) -> None:
        """
        Note that the connection was lost.
        """
        self.outages.append(outage)
        del self.outages[: -self._most]
        self.outageCount += 1

    def reconnected(self, at: Moment) -> None:
        """
        Note that there is a connection again.
        """
        length = at.after - self.outages[-1].began
        self.outages[-1] = self.outages[-1]._replace(length=length)
        self.outageLength += length
        self.far.reconnected()

    def amendOutage(self, **changes: Any) -> None:
        """
        Change fields of the present L{Outage}; without one, do nothing.
        """
        if self.outages and self.outages[-1].length is None:
            self.outages[-1] = self.outages[-1]._replace(**changes)

    # --- Probes -----------------------------------------------------------------------

    @property
    def sent(self) -> int:
        """How many probes were sent; the number of the next one."""
        return self.store.sent

    def probeSkipped(self, now: int, isOutage: bool, isStall: bool, oldest: int) -> int:
        """
        Count a probe that could not be sent in its time.

        @param now: by the monotonic clock.
        @param isOutage: whether the reason is that there was no connection.
        @param isStall: whether it is that this process was suspended or blocked.
        @param oldest: the number of the oldest probe in flight, or of the next one.
        @return: its number among all that were due.
        """
        self.store.skip(now, isStall)
        if isOutage:
            self.amendOutage(skipped=self.outages[-1].skipped + 1)
        return self.numbers.skip(self.sent, min(oldest, self.store.oldest))

    def probeSent(self, due: int, at: Moment) -> tuple[int, int]:
        """
        Add a probe that was sent.

        @param due: when it was due, by the monotonic clock.
        @return: when it was due, since the UNIX epoch, and how often our own clock has
            been set.
        """
        steps = self._ownClock.observe(*at)
        due = at.realtime - (at.after - due)
        self.store.send(due, at.realtime)
        return due, steps

    def probeAnswered(
        self, flight: Flight, at: Moment, reply: Reply, isStalled: bool
    ) -> Probe:
        """
        Add the first reply to a probe in flight.

        @param at: when it was read.
        @param isStalled: whether this process may have read it late.
        @return: what is known of the probe.
        """
        isSet = self._ownClock.observe(*at) != flight.steps
        if (times := reply.times) is None:
            probe = self._stamped(flight, at, reply, isSet, isStalled)
        else:
            probe = self._timed(flight, at, times, isSet or isStalled)
        if probe.rtt is None:
            most = at.before - flight.sent
            if times is not None and not probe.void:
                most = times.t4 - times.t1
            self.longestUntimed = max(self.longestUntimed, most)
        return probe

    def _stamped(
        self, flight: Flight, at: Moment, reply: Reply, isSet: bool, isStalled: bool
    ) -> Probe:
        """
        Add a reply with a stamp, or with no time of the far end at all.

        @param isSet: whether our own clock was set while the probe was in flight.
        """
        took = at.before - flight.sent
        self.far.roundTrip(took)
        reading, t2, resolution = reply.reading, None, 1
        if reading is not None:
            resolution = reading.resolution
            if not reply.isAltered:
                t2 = self.far.read(flight, at, reading, isSet)
        rtt, isVoid = None if isStalled else took, isSet or isStalled
        answer = at.realtime, rtt, t2, t2, resolution, reply.isAltered, isVoid
        return self.store.answer(at.after, flight, firstReply(answer))

    def _timed(self, flight: Flight, at: Moment, times: Times, isVoid: bool) -> Probe:
        """
        Add a reply with all four times.

        @param isVoid: whether the times cannot be compared, or T4 was taken late.
        """
        t1, t2, t3, t4 = times
        self.isApart = True
        store, resolution = self.store, self.far.timed(times, isVoid)
        known = (None, None, 1) if resolution is None else (t2, t3, resolution)
        rtt = None if isVoid or resolution is None else roundTripWithin(times)
        answer = firstReply((t4, rtt, *known, False, isVoid))
        if rtt is None:
            return store.answer(at.after, flight, answer)
        # T1 may be the kernel's now.
        flight = flightOf((*flight[:2], t1, *flight[3:]))
        probe = store.answer(at.after, flight, answer)
        if not store.learns:
            return probe
        store.amend(flight.seq, times, rtt, DIGITS)
        # The same as C{_replace}, in less time.
        return tuple.__new__(Probe, (*probe[:2], t1, *probe[3:]))

    def corrected(self, seq: int, times: Times) -> bool:
        """
        Add more exact times of a probe that was answered in time.

        @return: whether they can be true.
        """
        resolution = self.far.resolution(times)
        if resolution is not None:
            self.store.amend(seq, times, roundTripWithin(times), DIGITS)
        return resolution is not None

    def repeated(self, seq: int, at: Moment, isAltered: bool) -> Probe | None:
        """
        Add a reply to a probe that is no longer in flight: a duplicate or a late one.

        @return: what is known of the probe; L{None} if it is too old to be known.
        """
        return self.store.repeat(seq, at.realtime, isAltered)

    def probeLost(self, now: int, flight: Flight) -> Probe:
        """
        Count a probe as lost.

        @param now: by the monotonic clock.
        """
        return self.store.lose(now, flight)

    # --- Extra probes -----------------------------------------------------------------

    def extraSent(self, seq: int, at: Moment) -> Flight:
        """
        Note that an extra probe was sent.

        @param seq: its number.
        """
        self.far.extraSent(at)
        steps = self._ownClock.observe(*at)
        return Flight(seq, at.realtime, at.realtime, at.after, steps)

    def extraAnswered(self, flight: Flight, at: Moment, reply: Reply) -> None:
        """
        Read the reply to an extra probe.
        """
        isSet = self._ownClock.observe(*at) != flight.steps
        reading = None if reply.isAltered else reply.reading
        self.far.read(flight, at, reading, isSet)

    def nextExtra(self, at: Moment) -> int | None:
        """
        Give the time for the next extra probe, by the monotonic clock; L{None} if none
        helps.
        """
        return self.far.nextExtra(at)

    # --- The result -------------------------------------------------------------------

    def result(
        self, span: Span, links: LinkHistory, rows: int, window: WindowSpec | None
    ) -> Result:
        """
        Give what was found so far.

        @param span: the time of the run.
        @param links: the links of the run.
        @param rows: rows of L{Result.distribution}; 0 for none.
        @param window: which window; L{None} for as much as is kept.
        """
        now = span.now.after
        began = span.now if span.began is None else span.began
        figures = self.store.figures(began.after, now, self.isApart, window)
        waits = [now - flight.sent for flight in span.flights]
        longest = 0 if figures.rtt is None else figures.rtt.max
        return Result(
            figures,
            None if span.began is None else began.realtime,
            figures.ended - figures.began,
            max(waits, default=0),
            sum(wait > longest for wait in waits),
            self.longestUntimed,
            tuple(self.far.residenceFaults.items()),
            stamped=self.far.stamped,
            extraProbes=self.far.extraProbes,
            strange=self.strange,
            stalls=self.stalls,
            stalledFor=self.stalledFor,
            clockSteps=self.steps,
            zone=self.far.zone,
            zoneChanges=self.far.zoneChanges,
            farStep=self.far.step,
            setUps=links.setUps,
            outages=tuple(self.outages),
            outageCount=self.outageCount,
            outageLength=self.outageLength,
            kernel=links.kernel(),
            session=links.details,
            distribution=self.store.distribution(figures, rows) if rows else None,
        )
