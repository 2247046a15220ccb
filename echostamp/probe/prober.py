"""
What C{echostamp ping} does: L{Pinger} says when each probe is due, follows those that
are under way, and keeps the connection up.  How a probe travels is its L{Link
<echostamp.probe.interfaces.Link>}'s affair; what comes of it is L{Measurement
<echostamp.probe.measurement.Measurement>}'s.
"""

from __future__ import annotations

import errno
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectBindError
from twisted.python.failure import Failure

from echostamp.connect.failures import whatFailed
from echostamp.exitstatus import DONE, FAR_END_FAILED, NEAR_END_FAILED, Outcome
from echostamp.measure.samples import Probe
from echostamp.probe.extraprobes import EXTRA, Extras
from echostamp.probe.interfaces import Link, Way
from echostamp.probe.measurement import Measurement, Outage, Sent
from echostamp.probe.messages import Reply
from echostamp.probe.stalls import HoldUps
from echostamp.probe.timers import Timers
from echostamp.tcpinfo import TcpInfo
from echostamp.times import SECOND, Moment, SetUp, moment

if TYPE_CHECKING:
    from echostamp.times import Times

#: Probes in a row that time out on a connection before it is given up, and nanoseconds
#: for which nothing must have come, however short the time of a probe is.
DEAF, SILENCE = 3, SECOND

#: The part of the interval by which a probe may be due after its turn.
JITTER = 0.1

#: The longest wait, in nanoseconds, that Linux ends in time (C{select(2)} of it has the
#: greater of 50 microseconds and a thousandth to spare).
EXACT = 10_000_000

#: Connections of which is remembered how long they took to make.
_MOST_SET_UPS = 1000


@dataclass(frozen=True)
class Plan:
    """
    What to send, and when.  Durations are nanoseconds.

    @ivar count: how many probes; L{None} for any number.
    @ivar interval: from one to the next; 0 to send each when the one before it has been
        answered.
    @ivar deadline: how long the whole run may take; L{None} for ever.
    @ivar timeout: how long a probe may take.
    @ivar size: octets of a message.
    @ivar jitter: whether each probe is due a little after its turn, by chance.
    """

    count: int | None = None
    interval: int = SECOND
    deadline: int | None = None
    timeout: int = 3 * SECOND
    size: int = 32
    jitter: bool = True


class Listener(Protocol):
    """
    Who is told what happens, as it happens.
    """

    def connected(self, link: Link) -> None:
        """There is a connection, or there is one again."""

    def outstanding(self, seq: int) -> None:
        """The next probe is due, and this one has not been answered."""

    def settled(self, probe: Probe, note: str) -> None:
        """
        It is known what became of a probe.

        @param note: what is odd about it, if anything.
        """

    def disconnected(self, outage: Outage) -> None:
        """The connection is gone."""


def _isOurFault(error: object) -> bool:
    """
    Say whether a connection could not even be tried, for want of an address of ours.
    """
    return isinstance(error, ConnectBindError) and error.osError != errno.EAFNOSUPPORT


class Pinger:
    """
    A run of probes.

    @ivar done: fires with the L{Outcome} when it is over; with status 0 where replies
        came.
    @ivar measurement: what has been found.
    @ivar way: makes what carries the probes.
    @ivar began: when it began, by our clocks; L{None} before there is a connection.
    @ivar setUps: how long it took to make each connection; of the last thousand.
    @ivar failure: why there was no connection to begin with, if there was none.
    """

    def __init__(
        self,
        reactor: Any,
        way: Way,
        name: str,
        plan: Plan,
        measurement: Measurement,
        listener: Listener,
        clocks: Callable[[], Moment] = moment,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """
        @param reactor: runs the timers.
        @param way: makes what carries the probes.
        @param name: what messages call the far end.
        @param plan: what to send, and when.
        @param measurement: takes what comes of it.
        @param listener: is told what happens.
        @param clocks: reads our clocks.
        @param chance: gives numbers from 0 to 1.
        """
        self.done: Deferred[Outcome] = Deferred()
        self.measurement = measurement
        self.began: Moment | None = None
        self.failure: BaseException | None = None
        self.setUps: deque[SetUp] = deque(maxlen=_MOST_SET_UPS)
        self.way = way
        self._name = name
        self._plan = plan
        self._listener = listener
        self._clocks = clocks
        self._chance = chance
        self._link: Link | None = None
        self._turn = 0
        self._due = 0
        self._isLast = False
        self._isOver = False
        self._ended: Moment | None = None
        self._isFirst = True
        self._lastAsked = 0
        self._lastHeard = 0
        self._deafness = 0
        self._again = 0
        self._smoothedRtt: int | None = None
        self._underWay: dict[int, Sent] = {}
        self._timers = Timers(reactor, lambda: clocks().after)
        self._holdUps = HoldUps(
            self._underWay, self._timers, clocks, measurement.heldUp
        )
        self._extras = Extras(measurement, self._timers, clocks, plan.timeout)

    @property
    def kernel(self) -> TcpInfo | None:
        """
        What the kernel knows: of the last connection its RTT, and of all of them how
        often it had to send again.
        """
        if self._link is not None:
            self._link.askKernel()
            if (now := self._link.kernel) is not None:
                again = self._again + now.retransmissions
                return TcpInfo(now.smoothedRtt, again)
        if self._smoothedRtt is None:
            return None
        return TcpInfo(self._smoothedRtt, self._again)

    @property
    def underWay(self) -> list[Probe]:
        """The probes of which nothing is known yet."""
        return [self.measurement.delays.run[seq] for seq in self._underWay]

    @property
    def waits(self) -> list[int]:
        """For how long each of them has been under way, in nanoseconds."""
        now = (self._ended or self._clocks()).after
        return [now - sent.moment.after for sent in self._underWay.values()]

    @property
    def elapsed(self) -> int:
        """For how long it has gone on, or went on, in nanoseconds."""
        if self.began is None:
            return 0
        return (self._ended or self._clocks()).after - self.began.after

    def start(self) -> None:
        """
        Connect, and begin.
        """
        if self._plan.deadline is not None:
            self._timers.set(self._clocks().after + self._plan.deadline, self.stop)
        self.way.start(self).addErrback(self._notConnected)

    def _notConnected(self, failure: Failure) -> None:
        """
        There was nobody there to begin with.
        """
        self.failure = failure.value
        status = NEAR_END_FAILED if _isOurFault(failure.value) else FAR_END_FAILED
        outcome = Outcome(status, f"{self._name}: {whatFailed(failure)}")
        self._finish(outcome)

    def stop(self) -> None:
        """
        End the run: what has not been answered by now is not counted as lost, unless
        its time is over.
        """
        if self.measurement.delays.run.received:
            self._finish(Outcome(DONE))
        else:
            self._finish(Outcome(FAR_END_FAILED, f"{self._name}: {self._whyNone()}"))

    def _whyNone(self) -> str:
        """
        Say why no reply has come.
        """
        if self.began is None:
            return "there was no connection in time"
        if self.measurement.strange:
            return "it answers, but not with what was sent: is it an echo?"
        late = self.measurement.delays.run.late
        if late:
            return f"{self._noReply} ({late} came late)"
        return "no reply"

    @property
    def _noReply(self) -> str:
        """What is said of a probe whose time is over."""
        return f"no reply within {self._plan.timeout / SECOND:g} s"

    def _finish(self, outcome: Outcome) -> None:
        """
        It is over.
        """
        if self._isOver:
            return
        self._isOver = True
        self._ended = self._clocks()
        self._timers.stop()
        if self.measurement.outages and self.measurement.outages[-1].length is None:
            self.measurement.outages[-1].error = self.way.whyNot
        self.way.stop()
        if self._link is not None:
            self._link.askKernel()
            self._link.abort("")
        self.done.callback(outcome)

    # --- The connection ---------------------------------------------------------------

    def linkUp(self, link: Link) -> None:
        """There is a connection: begin, or go on."""
        now = self._clocks()
        self._link = link
        self._extras.begin(link)
        self._isFirst = True
        self._deafness = 0
        self._lastHeard = now.after
        self.setUps.append(self.way.setUp)
        if self.began is None:
            self.began = now
            self._setDue()
        else:
            self.measurement.reconnected(now, self.way.whyNot)
        self._listener.connected(link)
        self._tick()

    def linkReady(self) -> None:
        """The connection takes probes again."""
        self._tick()

    def linkDown(self, link: Link, reason: str) -> None:
        """The connection is gone, and with it what was under way."""
        if link.kernel is not None:
            self._smoothedRtt = link.kernel.smoothedRtt
            self._again += link.kernel.retransmissions
        self._link = None
        self._extras.begin(None)
        if self._isOver:
            return
        now = self._clocks()
        lost = list(self._underWay)
        outage = Outage(now.realtime, now.after, reason, len(lost))
        self.measurement.disconnected(outage)
        for seq in lost:
            self._lose(seq, reason)
        self.way.whyNot = ""
        self._listener.disconnected(outage)
        self._lookForEnd()
        # Where it was blocked, nobody has looked at the schedule.
        self._tick()

    # --- Probes -----------------------------------------------------------------------

    def _setDue(self) -> None:
        """
        Say when the next probe is due: each by its turn, so that nothing adds up.
        """
        assert self.began is not None
        interval = self._plan.interval
        late = JITTER * interval * self._chance() if self._plan.jitter else 0
        self._due = self.began.after + self._turn * interval + round(late)

    def _tick(self) -> None:
        """
        Send what is due, and wait for what is not.
        """
        while not (self._isOver or self._isLast):
            now = self._clocks().after
            if self._plan.interval:
                left = self._due - now
                if left > 0:
                    # The kernel may be late by a thousandth of what it is asked to
                    # wait, so a long wait has two parts.
                    early = left // 200 if left > EXACT else 0
                    self._timers.set(self._due - early, self._tick)
                    return
            elif self._underWay:
                return
            else:
                self._due = now
            if self._link is None or now - self._due > self._plan.timeout:
                if not self._skip():
                    return
            elif self._link.isBlocked:
                return
            else:
                self._send(self._link)
            self._turn += 1
            self._isLast = self._turn == self._plan.count
            self._setDue()

    def _skip(self) -> bool:
        """
        A probe could not be sent in its time.

        @return: whether the next one may be looked at: not where there is no schedule.
        """
        if not self._plan.interval:
            return False
        self.measurement.skipped += 1
        if self._link is None:
            self.measurement.outages[-1].skipped += 1
        if self._turn + 1 == self._plan.count:
            self._isLast = True
            self._lookForEnd()
        return True

    def _send(self, link: Link) -> None:
        """
        Send a probe.
        """
        if self._underWay:
            self._listener.outstanding(next(reversed(self._underWay)))
        at = link.send(self.measurement.delays.run.sent)
        sent = self.measurement.probeSent(self._due, at)
        self._underWay[sent.seq] = sent
        if not self._timers.isSet(self._timeIsOver):
            self._watch()
        if not link.isPrompt:
            self._holdUps.sent(at)

    def _watch(self) -> None:
        """
        Wait for the time of the oldest probe that is under way to be over.  When that
        one has been answered, the timer still serves for those that have left since.
        """
        for sent in self._underWay.values():
            self._timers.set(sent.moment.after + self._plan.timeout, self._timeIsOver)
            break

    def _timeIsOver(self) -> None:
        """
        The time of a probe may be over; but its reply may wait to be read, because this
        end was busy.
        """
        self._timers.set(0, self._timedOut)

    def _timedOut(self) -> None:
        """
        The time of a probe may be over, and what has come has been read.
        """
        now = self._clocks().after
        reason = self._noReply
        for seq, sent in list(self._underWay.items()):
            if sent.moment.after + self._plan.timeout > now:
                break
            if self._link is not None:
                self._link.settle(seq)
            if seq in self._underWay:
                self._deafness += 1
                self._lose(seq, reason)
        self._watch()
        self._lookForEnd()
        silence = max(self._plan.timeout, SILENCE)
        isDeaf = self._deafness >= DEAF and now - self._lastHeard >= silence
        link = None if self._isOver else self._link
        if isDeaf and link is not None and link.isConnection:
            link.abort(f"{self._deafness} probes in a row timed out")
        elif not self._plan.interval:
            self._tick()

    def _lose(self, seq: int, reason: str) -> None:
        """
        Give a probe up.
        """
        del self._underWay[seq]
        self._holdUps.settled(seq)
        self._listener.settled(self.measurement.probeLost(seq), reason)

    # --- Replies ----------------------------------------------------------------------

    def strange(self, count: int) -> None:
        """Lines have come that answer nothing."""
        self.measurement.strange += count

    def corrected(self, seq: int, times: Times) -> None:
        """The times of a probe that has been answered are known better now."""
        if not self._isOver:
            self.measurement.corrected(seq, times)

    def answered(self, reply: Reply, at: Moment) -> None:
        """A probe has been answered, perhaps not for the first time."""
        seq = reply.seq
        if self._isOver or seq is None:
            return
        self._lastHeard = at.after
        self._holdUps.heard(at)
        if seq >= EXTRA:
            self._extras.answered(reply, at)
            return
        if seq >= self.measurement.delays.run.sent:
            self.strange(1)
            return
        self._deafness = 0
        sent = self._underWay.pop(seq, None)
        if sent is None:
            run = self.measurement.delays.run
            if seq < run.first:
                return
            self.measurement.repeated(seq, at, reply.isAltered)
            probe = run[seq]
            self._listener.settled(probe, "duplicate" if probe.duplicated else "late")
            return
        isHeldUp = self._holdUps.settled(seq)
        reading, isAltered = reply.reading, reply.isAltered
        if reply.times is None:
            self.measurement.probeAnswered(sent, at, reading, isAltered, isHeldUp)
        else:
            self.measurement.probeTimed(sent, at, reply.times, isHeldUp)
        if self._isFirst and not isHeldUp:
            self._isFirst = False
            self.setUps[-1].firstReply = at.before - sent.moment.after
        if self._link is not None and at.after - self._lastAsked > SECOND:
            # When the connection is lost it is too late.
            self._lastAsked = at.after
            self._link.askKernel()
        note = "altered" if isAltered else "this end was held up" if isHeldUp else ""
        self._listener.settled(self.measurement.delays.run[seq], note)
        if not self._isLast:
            self._extras.plan()
        self._lookForEnd()
        if not self._plan.interval:
            self._tick()

    def _lookForEnd(self) -> None:
        """
        It is over when nothing more will be sent, and nothing is under way.
        """
        if not self._isLast or self._underWay or self._timers.isSet(self.closed):
            return
        if self._link is not None and self._link.close():
            self._timers.set(self._clocks().after + self._plan.timeout, self.closed)
        else:
            self.stop()

    def closed(self) -> None:
        """What there still was to come has come, or its time is over."""
        self.stop()
