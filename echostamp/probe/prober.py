"""
Sends the probes of a run, and follows each until it is answered or lost.
"""

from __future__ import annotations

from collections.abc import Iterator

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from echostamp.connect.failures import whatFailed
from echostamp.measure.block import Probe
from echostamp.measure.result import Outage, Result
from echostamp.measure.selection import Selection
from echostamp.measure.windowspec import WindowSpec
from echostamp.probe.agenda import Timers
from echostamp.probe.extraprobes import ExtraProbes
from echostamp.probe.fates import Fates
from echostamp.probe.flights import EXTRAS_FROM, Flight, Flights, Span
from echostamp.probe.interfaces import Dialer, Fate, IProbeSink, Link
from echostamp.probe.keptprobes import KeptProbes
from echostamp.probe.linkhistory import LinkHistory
from echostamp.probe.measurement import Measurement
from echostamp.probe.messages import Reply
from echostamp.probe.plan import Plan
from echostamp.probe.probestore import ProbeStore, probeInFlight
from echostamp.probe.schedule import Schedule
from echostamp.probe.surroundings import Surroundings
from echostamp.probe.timeouts import Timeouts
from echostamp.times import SECOND, Moment, Times


class Prober:
    """
    A run of probes: sends them when they are due, follows those in flight, and reports
    to a sink.  It ends when its plan is done, or when it is stopped.

    @ivar done: fires with L{None} when the run is over.
    @ivar parted: fires with L{None} when the link is closed, too.
    @ivar measurement: what has been found.
    @ivar failure: why the far end could not be reached at first; L{None} if it could,
        or was not tried yet.
    """

    def __init__(
        self,
        dialer: Dialer,
        plan: Plan,
        sink: IProbeSink,
        surroundings: Surroundings,
        zone: int | None = None,
    ) -> None:
        """
        @param dialer: makes the links that carry the probes.
        @param plan: what to send, and when.
        @param sink: gets what is found, as it happens.
        @param surroundings: what all probers of the process share.
        @param zone: nanoseconds by which the far clock's zone is ahead of UTC, for
            stamps that do not name it; L{None} to guess it.
        """
        self.done: Deferred[None] = Deferred()
        self.parted: Deferred[None] = Deferred()
        self.measurement = Measurement(probeStore(plan), plan.mostLinks, zone)
        self.failure: Failure | None = None
        self._dialer = dialer
        self._plan = plan
        self._mostLateness = plan.mostLateness
        self._sink = sink
        self._clocks = surroundings.clocks
        self._now = surroundings.now
        self._stalls = surroundings.stalls
        self._timers = Timers(surroundings.agenda)
        self._schedule = Schedule(plan, surroundings.chance, surroundings.slots)
        self._flights = Flights()
        self._extras = ExtraProbes(self.measurement, self._timers, plan.timeout)
        self._links = LinkHistory(plan.mostLinks)
        self._timeouts = Timeouts(
            self._flights,
            plan.timeout,
            self._timers,
            self._now,
            self,
            plan.mostLate,
        )
        self._began: Moment | None = None
        self._ended: Moment | None = None
        # Rolling windows are for runs without end, where figures of the kernel that are
        # some seconds old will do when a connection is lost.
        self._fates = Fates(
            self.measurement,
            self._links,
            self._stalls,
            sink,
            SECOND if plan.kept else 10 * SECOND,
        )

    # --- The run ----------------------------------------------------------------------

    def start(self) -> None:
        """
        Dial, and begin when there is a link.
        """
        if self._plan.deadline is not None:
            self._timers.set(self._now() + self._plan.deadline, self.stop)
        self._dialer.start(self)

    def finish(self) -> None:
        """
        Send no more probes.  The run ends when those in flight are answered or lost.
        """
        self._schedule.isOver = True
        if self._began is None:
            self.stop()
        else:
            self._lookForEnd()

    def stop(self) -> None:
        """
        End the run.  Probes in flight are not counted as lost.
        """
        if self._ended is not None:
            return
        self._ended = self._clocks()
        self._schedule.end()
        self._timers.stop()
        self._links.closeReplaced()
        self._stalls.forget(self)
        if (link := self.link) is not None:
            link.askKernel()
        if link is None or not link.finish():
            self._part()
        self.done.callback(None)

    def _part(self) -> None:
        """
        Stop dialing: the last link is closed.

        Dialer, link and timeouts have this object, and from now on it has none of them.
        So it is freed at once where nothing else has it, without a collection of
        garbage.
        """
        if not self.parted.called:
            self._dialer.stop()
            if (link := self.link) is not None:
                self._links.closed(link)
            self._extras.begin(None)
            self._timeouts.end()
            del self._dialer
            self.parted.callback(None)

    @property
    def hasBegun(self) -> bool:
        """Whether there has been a link, or the plan goes on without."""
        return self._began is not None

    @property
    def link(self) -> Link | None:
        """The present link."""
        return self._links.link

    def inFlight(self) -> list[Probe]:
        """
        Give the probes whose fate is not known yet.
        """
        numbered = self.measurement.numbers.numbered
        return [numbered(probeInFlight(each)) for each in self._flights]

    def kept(self) -> Iterator[Probe]:
        """
        Give the probes that are kept one by one.
        """
        return map(self.measurement.numbers.numbered, self.measurement.store)

    def result(self, rows: int = 0, window: WindowSpec | None = None) -> Result:
        """
        Give what was found so far.

        @param rows: rows of L{Result.distribution}; 0 for none.
        @param window: which window of the plan; L{None} for the whole run, or for the
            longest window where no probe is kept one by one.
        """
        now = self._ended or self._clocks()
        return self.measurement.result(
            Span(self._began, now, tuple(self._flights)), self._links, rows, window
        )

    def select(self, window: WindowSpec) -> Selection | None:
        """
        Give what is kept of a window's probes; L{None} where single probes are kept.

        @param window: which window of the plan.
        """
        now, found = self._ended or self._clocks(), self.measurement
        began = now if self._began is None else self._began
        return found.store.select(began.after, now.after, found.isApart, window)

    # --- The link ---------------------------------------------------------------------

    def dialing(self) -> None:
        """Note when the attempt began."""
        self.measurement.amendOutage(attempted=self._clocks().realtime)

    def dialFailed(self, failure: Failure) -> None:
        """Note the failure.  The first of all ends the run, or begins it."""
        if self._ended is not None:
            return
        if self._began is None and not self._plan.isPatient:
            self.failure = failure
            if self._plan.waits:
                self._sink.waiting(whatFailed(failure))
            else:
                self.stop()
            return
        why = whatFailed(failure)
        if self._began is None:
            # Probes are due from now on, and count as not sent.
            now = self._clocks()
            self._begin(now)
            self._outage(now, why)
        else:
            self.measurement.amendOutage(error=why)

    def linkUp(self, link: Link) -> None:
        """Begin, or go on after an outage."""
        if self._ended is not None:
            # The dialer, which has been stopped, closes it.
            return
        now = self._clocks()
        isReplacement = self._links.opened(link)
        self._extras.begin(link)
        self._timeouts.begin(now.after)
        if self._began is None:
            self.failure = None
            self._begin(now)
        elif isReplacement:
            self.measurement.far.reconnected()
            until = now.after + self._plan.timeout
            self._timers.set(until, self._links.closeReplaced)
        else:
            self.measurement.reconnected(now)
        self._sink.connected(link)
        self._tick()

    def redial(self) -> None:
        """
        Use another link, to one of the addresses that the name has now.  That is no
        outage.
        """
        if self._ended is None:
            self._dialer.redial()

    def _begin(self, now: Moment) -> None:
        """
        Make the first probe due.
        """
        self._began = now
        self._schedule.begin(now.after)

    def linkReady(self) -> None:
        """Send what has become due while the link was blocked."""
        self._tick()

    def linkDown(self, link: Link, reason: str) -> None:
        """Begin an outage; all probes in flight are lost."""
        if link is not self._links.link:
            # It was replaced.
            return
        self._links.closed(link)
        self._extras.begin(None)
        if self._ended is not None:
            self._part()
            return
        self._outage(self._clocks(), reason)

    def _outage(self, now: Moment, reason: str) -> None:
        """
        Begin a time without a link.
        """
        outage = Outage(now.realtime, now.after, reason, self._flights.count)
        self.measurement.disconnected(outage)
        for flight in self._flights:
            self._lose(flight, Fate.DISCONNECTED, reason)
        if self._ended is not None:
            return
        self._sink.disconnected(outage)
        self._lookForEnd()
        # A blocked link has stopped the schedule.
        self._tick()

    # --- Probes on their way out ------------------------------------------------------

    def _tick(self) -> None:
        """
        Send the probes that are due, and set the timer for the next one.
        """
        schedule, timeout = self._schedule, self._plan.timeout
        lateness = self._mostLateness
        if self._flights.count:
            self._timeouts.arm()
        now, link = self._now(), self._links.link
        while not (self._ended is not None or schedule.isOver):
            if self._plan.interval:
                if schedule.due > now:
                    self._timers.set(schedule.due, self._tick)
                    return
            elif self._flights.count:
                return
            else:
                schedule.due = now
            late = now - schedule.due
            isStall = late > lateness and self._stalls.covers(schedule.due)
            if link is None or isStall or late > timeout:
                if not self._plan.interval:
                    return
                self._skip(now, link is None, isStall)
                schedule.advance()
                self._lookForEnd()
            elif link.isBlocked:
                return
            else:
                now = self._send(link)
                schedule.advance()
                if schedule.isOver or not 0 < schedule.due - now <= timeout:
                    # No later call of this method sets the timer early enough.
                    self._timeouts.arm()

    def _skip(self, now: int, isOutage: bool, isStall: bool) -> None:
        """
        Count a probe that cannot be sent in its time.
        """
        found = self.measurement
        if isStall and self._plan.isPunctual:
            # With a link it would not have been sent, either.
            isOutage = False
        isStall = isStall and not isOutage
        seq = found.probeSkipped(now, isOutage, isStall, self._flights.oldest)
        outage = found.outages[-1] if isOutage else None
        self._sink.skipped(seq, outage, isStall)

    def _send(self, link: Link) -> int:
        """
        Send a probe.

        @return: when it was sent, by the monotonic clock.
        """
        flights, found = self._flights, self.measurement
        if flights.count:
            newest = flights.newest
            assert newest is not None
            self._sink.outstanding(found.numbers.of(newest))
            if self._ended is not None:
                return self._now()
        at = link.send(found.store.sent)
        self._sink.sent(at.after - self._schedule.due)
        due, steps = found.probeSent(self._schedule.due, at)
        flights.sent(due, at, steps)
        if not link.isPrompt:
            self._stalls.watch(self, at.after)
        return at.after

    # --- Probes that are lost ---------------------------------------------------------

    def timedOut(self, flight: Flight) -> None:
        """Count a probe as lost: its timeout is over."""
        self._lose(flight, Fate.TIMED_OUT)

    def lookedThrough(self, isDead: bool) -> None:
        """Look for the end, after all timeouts; abort a dead link."""
        self._lookForEnd()
        link = None if self._ended is not None else self.link
        if isDead and link is not None and link.isConnection:
            link.abort(f"{self._timeouts.inARow} probes in a row timed out")
        elif not self._plan.interval:
            self._tick()

    def _lose(self, flight: Flight, fate: Fate, reason: str = "") -> None:
        """
        Count a probe as lost, unless the sink has stopped the run meanwhile.
        """
        if self._ended is None:
            self._flights.pop(flight.seq)
            self._fates.lost(self._now(), flight, fate, reason)

    # --- Replies ----------------------------------------------------------------------

    def answered(self, reply: Reply, at: Moment) -> bool:
        """Read a reply: the first to its probe, a duplicate or a late one."""
        seq = reply.seq
        if self._ended is not None or seq is None:
            return False
        self._timeouts.lastHeard = at.after
        self._stalls.heard(at)
        if seq >= EXTRAS_FROM:
            self._extras.answered(reply, at)
            return False
        if seq >= self.measurement.store.sent:
            self.strange(1)
            return False
        flight = self._flights.pop(seq)
        self._timeouts.answered(self._links.link)
        if flight is None:
            self._fates.repeated(seq, reply, at)
            return False
        isOver = self._schedule.isOver
        hasRtt = self._fates.answered(flight, reply, at)
        if isOver:
            self._lookForEnd()
        elif self.measurement.far.isCoarse:
            self._extras.plan(at)
        if not self._plan.interval:
            self._tick()
        return hasRtt

    def corrected(self, seq: int, times: Times) -> bool:
        """Take more exact times of a probe that has an RTT."""
        return self._ended is not None or self.measurement.corrected(seq, times)

    def strange(self, count: int) -> None:
        """Count lines that are no replies to probes."""
        self.measurement.strange += count

    # --- Stalls -----------------------------------------------------------------------

    @property
    def hasFlights(self) -> bool:
        """Whether a stall of this process would matter now."""
        link = self._links.link
        if self._ended is not None or link is None:
            return False
        return bool(self._flights.count) and not link.isPrompt

    def stalled(self, late: int) -> None:
        """Count a stall of this process."""
        self.measurement.stalled(late)

    # --- The end ----------------------------------------------------------------------

    def _lookForEnd(self) -> None:
        """
        End the run if no more probes are due and none is in flight.
        """
        isOver = self._schedule.isOver and not self._flights.count
        if self._ended is not None or not isOver or self._timers.isSet(self.closed):
            return
        if self.link is not None and self.link.close():
            self._timers.set(self._now() + self._plan.timeout, self.closed)
        else:
            self.stop()

    def closed(self) -> None:
        """End the run: the link has received what it waited for, or waited too long."""
        self.stop()


def probeStore(plan: Plan) -> ProbeStore:
    """
    Make the store that a plan asks for.
    """
    if plan.kept:
        return KeptProbes(plan.kept)
    # A run that keeps its probes starts faster without the windows.
    from echostamp.probe.windowedprobes import WindowedProbes

    return WindowedProbes(plan.windows)
