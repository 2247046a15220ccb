"""
A run of probes: when each is sent, what became of it, and what it comes to.
"""

from __future__ import annotations

from collections import deque

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from echostamp.connect.failures import whatFailed
from echostamp.measure.distribution import distribution
from echostamp.measure.result import Outage, Result
from echostamp.probe.extraprobes import EXTRA, ExtraProbes
from echostamp.probe.flights import DEAF, SILENCE, Flight, Flights
from echostamp.probe.interfaces import Dialer, Fate, IProbeSink, Link
from echostamp.probe.measurement import Measurement
from echostamp.probe.messages import Reply
from echostamp.probe.plan import Plan
from echostamp.probe.schedule import Schedule
from echostamp.probe.surroundings import Surroundings
from echostamp.tcpinfo import TcpInfo
from echostamp.times import SECOND, Moment, SetUp, Times

#: The most connections whose set-up times are remembered.
MOST_SET_UPS = 1000

#: Probes that a link may remember although they are not in flight any more.
FORGOTTEN = 64


class Prober:
    """
    A run of probes: sends them when they are due, follows those in flight, and reports
    to a sink.  It ends when its plan is done, or when it is stopped.

    @ivar done: fires with L{None} when the run is over.
    @ivar measurement: what has been found.
    @ivar failure: why the far end could not be reached at first; L{None} if it could.
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
        self.measurement = Measurement(zone, plan.kept)
        self.failure: Failure | None = None
        self._dialer = dialer
        self._plan = plan
        self._sink = sink
        self._clocks = surroundings.clocks
        self._stalls = surroundings.stalls
        self._timers = surroundings.timers()
        self._schedule = Schedule(plan, surroundings.chance)
        self._flights = Flights()
        self._extras = ExtraProbes(
            self.measurement, self._timers, surroundings, plan.timeout
        )
        self._link: Link | None = None
        self._began: Moment | None = None
        self._ended: Moment | None = None
        self._setUps: deque[SetUp] = deque(maxlen=MOST_SET_UPS)
        self._isFirst = True
        self._lastAsked = self._lastHeard = self._timeouts = self._forgotten = 0
        # What the kernel knew of the connections that are gone.
        self._smoothedRtt: int | None = None
        self._retransmissions = 0
        self._details: object | None = None

    # --- The run ----------------------------------------------------------------------

    def start(self) -> None:
        """
        Dial, and begin when there is a link.
        """
        if self._plan.deadline is not None:
            self._timers.set(self._clocks().after + self._plan.deadline, self.stop)
        self._dialer.start(self)

    def stop(self) -> None:
        """
        End the run.  Probes in flight are not counted as lost.
        """
        if self._ended is not None:
            return
        self._ended = self._clocks()
        self._timers.stop()
        self._dialer.stop()
        if self._link is not None:
            self._details = self._link.details()
            self._link.askKernel()
            self._link.abort("")
        self.done.callback(None)

    @property
    def hasBegun(self) -> bool:
        """Whether there has been a link."""
        return self._began is not None

    def inFlight(self) -> list[Flight]:
        """
        Give the probes whose fate is not known yet.
        """
        return list(self._flights)

    def result(self, rows: int = 0) -> Result:
        """
        Give what was found so far.

        @param rows: rows of L{Result.distribution}; 0 for none.
        """
        found, now = self.measurement, self._ended or self._clocks()
        began = now if self._began is None else self._began
        figures = found.figures(began.after, now.after)
        waits = [now.after - flight.sent for flight in self._flights]
        longest = 0 if figures.rtt is None else figures.rtt.max
        return Result(
            figures,
            None if self._began is None else self._began.realtime,
            now.after - began.after,
            max(waits, default=0),
            sum(wait > longest for wait in waits),
            stamped=found.far.stamped,
            extraProbes=found.far.extraProbes,
            strange=found.strange,
            stalls=found.stalls,
            stalledFor=found.stalledFor,
            clockSteps=found.steps,
            zone=found.far.zone,
            zoneChanges=found.far.zoneChanges,
            setUps=tuple(self._setUps),
            outages=tuple(found.outages),
            outageCount=found.outageCount,
            outageLength=found.outageLength,
            kernel=self._kernel(),
            session=self._details if self._link is None else self._link.details(),
            distribution=distribution(found.delays.run.blocks(), figures.rtt, rows),
        )

    def _kernel(self) -> TcpInfo | None:
        """
        Give what the kernel knows: the RTT of the last connection, and the
        retransmissions of all.
        """
        if self._link is not None:
            self._link.askKernel()
            if (now := self._link.kernel) is not None:
                again = self._retransmissions + now.retransmissions
                return TcpInfo(now.smoothedRtt, again)
        if self._smoothedRtt is None:
            return None
        return TcpInfo(self._smoothedRtt, self._retransmissions)

    # --- The link ---------------------------------------------------------------------

    def dialFailed(self, failure: Failure) -> None:
        """The far end could not be reached: at first, that may end the run."""
        if self._ended is not None:
            return
        self.measurement.dialFailed(whatFailed(failure))
        if self._began is None and not self._plan.isPatient:
            self.failure = failure
            self.stop()

    def linkUp(self, link: Link) -> None:
        """There is a link: begin, or go on."""
        now = self._clocks()
        self._link = link
        self._extras.begin(link)
        self._isFirst = True
        self._timeouts = 0
        self._lastHeard = now.after
        self._setUps.append(link.setUp)
        if self._began is None:
            self._began = now
            self._schedule.begin(now.after)
        else:
            self.measurement.reconnected(now)
        self._sink.connected(link)
        self._tick()

    def linkReady(self) -> None:
        """The link takes probes again."""
        self._tick()

    def linkDown(self, link: Link, reason: str) -> None:
        """The link is gone, and with it the probes in flight."""
        if link.kernel is not None:
            self._smoothedRtt = link.kernel.smoothedRtt
            self._retransmissions += link.kernel.retransmissions
        self._details = link.details()
        self._link = None
        self._extras.begin(None)
        if self._ended is not None:
            return
        now = self._clocks()
        outage = Outage(now.realtime, now.after, reason, self._flights.count)
        self.measurement.disconnected(outage)
        for flight in self._flights:
            self._lose(flight, Fate.DISCONNECTED, reason)
        self._sink.disconnected(outage)
        self._lookForEnd()
        # While the link was blocked the schedule was not looked at.
        self._tick()

    # --- Probes on their way out ------------------------------------------------------

    def _tick(self) -> None:
        """
        Send what is due, and wait for what is not.
        """
        schedule = self._schedule
        while not (self._ended is not None or schedule.isOver):
            now = self._clocks().after
            if self._plan.interval:
                wake = schedule.wake(now)
                if wake is not None:
                    self._timers.set(wake, self._tick)
                    return
            elif self._flights.count:
                return
            else:
                schedule.due = now
            if self._link is None or now - schedule.due > self._plan.timeout:
                if not self._plan.interval:
                    return
                self.measurement.probeSkipped(self._link is None)
                schedule.advance()
                self._lookForEnd()
            elif self._link.isBlocked:
                return
            else:
                self._send(self._link)
                schedule.advance()

    def _send(self, link: Link) -> None:
        """
        Send a probe.
        """
        flights, found = self._flights, self.measurement
        if flights.newest is not None:
            self._sink.outstanding(flights.newest)
        at = link.send(found.sent)
        due, steps = found.probeSent(self._schedule.due, at)
        flights.sent(due, at, steps)
        if not self._timers.isSet(self._timeIsOver):
            self._waitForOldest()
        if not link.isPrompt:
            self._stalls.watch(self)

    # --- Probes that are lost ---------------------------------------------------------

    def _waitForOldest(self) -> None:
        """
        Set the timer for the timeout of the oldest probe in flight.  If that one is
        answered, the timer still serves for those that were sent after it.
        """
        for flight in self._flights:
            self._timers.set(flight.sent + self._plan.timeout, self._timeIsOver)
            break

    def _timeIsOver(self) -> None:
        """
        The timeout of a probe may be over; but its reply may wait to be read, if this
        process was busy.  One more turn of the reactor reads it.
        """
        self._timers.set(0, self._timedOut)

    def _timedOut(self) -> None:
        """
        The timeout of a probe may be over, and all that had come was read.
        """
        now = self._clocks().after
        for flight in self._flights:
            if flight.sent + self._plan.timeout > now:
                break
            if self._link is not None:
                self._link.settle(flight.seq)
            if self._flights.get(flight.seq) is not None:
                self._timeouts += 1
                self._lose(flight, Fate.TIMED_OUT)
        if self._link is not None:
            self._forget(self._link)
        self._waitForOldest()
        self._lookForEnd()
        link = self._link
        if link is not None and link.isConnection and self._isDeaf(now):
            link.abort(f"{self._timeouts} probes in a row timed out")
        elif not self._plan.interval:
            self._tick()

    def _forget(self, link: Link) -> None:
        """
        Let the link forget the probes that are not in flight any more.
        """
        self._forgotten = self._flights.oldest
        link.forget(self._forgotten)

    def _isDeaf(self, now: int) -> bool:
        """
        Say whether the connection seems to be dead.
        """
        if self._ended is not None:
            return False
        silence = max(self._plan.timeout, SILENCE)
        return self._timeouts >= DEAF and now - self._lastHeard >= silence

    def _lose(self, flight: Flight, fate: Fate, reason: str = "") -> None:
        """
        Count a probe as lost.
        """
        self._flights.pop(flight.seq)
        self._sink.settled(self.measurement.probeLost(flight), fate, reason)

    # --- Replies ----------------------------------------------------------------------

    def answered(self, reply: Reply, at: Moment) -> None:
        """A reply has come, perhaps not the first one to its probe."""
        seq = reply.seq
        if self._ended is not None or seq is None:
            return
        self._lastHeard = at.after
        self._stalls.heard(at)
        if seq >= EXTRA:
            self._extras.answered(reply, at)
            return
        if seq >= self.measurement.sent:
            self.strange(1)
            return
        self._timeouts = 0
        flight = self._flights.pop(seq)
        if flight is None:
            self._repeated(seq, reply, at)
        else:
            self._settled(flight, reply, at)

    def _repeated(self, seq: int, reply: Reply, at: Moment) -> None:
        """
        A probe was answered once more, or too late.
        """
        probe = self.measurement.repeated(seq, at, reply.isAltered)
        if probe is not None:
            self._sink.settled(probe, Fate.DUPLICATE if probe.duplicated else Fate.LATE)

    def _settled(self, flight: Flight, reply: Reply, at: Moment) -> None:
        """
        A probe in flight was answered.
        """
        link = self._link
        isPrompt = link is not None and link.isPrompt
        isStalled = not isPrompt and flight.sent < self._stalls.lastBegan
        probe = self.measurement.probeAnswered(flight, at, reply, isStalled)
        if self._isFirst and not isStalled:
            self._isFirst = False
            self._setUps[-1].firstReply = at.before - flight.sent
        if link is not None and at.after - self._lastAsked > SECOND:
            # Once the connection is lost it is too late.
            self._lastAsked = at.after
            link.askKernel()
        if link is not None and self._flights.oldest - self._forgotten >= FORGOTTEN:
            self._forget(link)
        fate = Fate.STALLED if isStalled else Fate.ANSWERED
        self._sink.settled(probe, Fate.ALTERED if reply.isAltered else fate)
        if not self._schedule.isOver:
            self._extras.plan()
        self._lookForEnd()
        if not self._plan.interval:
            self._tick()

    def corrected(self, seq: int, times: Times) -> None:
        """The times of a probe that was answered are known better now."""
        if self._ended is None:
            self.measurement.corrected(seq, times)

    def strange(self, count: int) -> None:
        """Lines have come that answer nothing."""
        self.measurement.strange += count

    # --- Stalls -----------------------------------------------------------------------

    @property
    def hasFlights(self) -> bool:
        """Whether a stall of this process would matter now."""
        link = self._link
        return bool(self._flights.count) and link is not None and not link.isPrompt

    def stalled(self, late: int) -> None:
        """This process was suspended or blocked while probes were in flight."""
        self.measurement.stalled(late)

    # --- The end ----------------------------------------------------------------------

    def _lookForEnd(self) -> None:
        """
        End the run when no probe is due any more and none is in flight.
        """
        isOver = self._schedule.isOver and not self._flights.count
        if self._ended is not None or not isOver or self._timers.isSet(self.closed):
            return
        if self._link is not None and self._link.close():
            self._timers.set(self._clocks().after + self._plan.timeout, self.closed)
        else:
            self.stop()

    def closed(self) -> None:
        """All that was still to come has come, or its time is over."""
        self.stop()
