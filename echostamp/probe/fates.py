"""
Settles the fates of probes.
"""

from __future__ import annotations

from echostamp.probe.flights import Flight
from echostamp.probe.interfaces import Fate, IProbeSink
from echostamp.probe.linkhistory import LinkHistory
from echostamp.probe.measurement import Measurement
from echostamp.probe.messages import Reply
from echostamp.probe.stalls import StallWatch
from echostamp.times import Moment


class Fates:
    """
    Settles the fates of a run's probes: adds each to the measurement, and reports it to
    the sink.
    """

    def __init__(
        self,
        measurement: Measurement,
        links: LinkHistory,
        stalls: StallWatch,
        sink: IProbeSink,
        askEach: int,
    ) -> None:
        """
        @param measurement: what has been found.
        @param links: the links of the run.
        @param stalls: knows when this process was suspended or blocked.
        @param sink: gets the fates.
        @param askEach: how often to ask the kernel for its figures of a connection, in
            nanoseconds: it has none of a lost one.
        """
        self._measurement = measurement
        self._links = links
        self._stalls = stalls
        self._sink = sink
        self._askEach = askEach
        self._lastAsked = 0

    def answered(self, flight: Flight, reply: Reply, at: Moment) -> bool:
        """
        Settle a probe in flight by its first reply.

        @param at: when the reply was read.
        @return: whether the probe has an RTT.
        """
        measurement, links = self._measurement, self._links
        link = links.link
        isPrompt = link is not None and link.isPrompt
        isStalled = not isPrompt and flight.sent < self._stalls.lastBegan
        probe = measurement.probeAnswered(flight, at, reply, isStalled)
        if not (isStalled or links.hasReply):
            links.replied(at.before - flight.sent)
        if at.after - self._lastAsked > self._askEach and link is not None:
            self._lastAsked = at.after
            link.askKernel()
        hasRtt = probe.rtt is not None
        if reply.isAltered:
            fate = Fate.ALTERED
        elif isStalled:
            fate = Fate.STALLED
        else:
            fate = Fate.ANSWERED if hasRtt else Fate.UNTIMED
        self._sink.settled(measurement.numbers.numbered(probe), fate)
        return hasRtt

    def repeated(self, seq: int, reply: Reply, at: Moment) -> None:
        """
        Read a reply to a probe that is no longer in flight: a duplicate or a late one.
        """
        probe = self._measurement.repeated(seq, at, reply.isAltered)
        if probe is not None:
            fate = Fate.DUPLICATE if probe.duplicated else Fate.LATE
            self._sink.settled(self._measurement.numbers.numbered(probe), fate)

    def lost(self, now: int, flight: Flight, fate: Fate, reason: str) -> None:
        """
        Count a probe as lost.

        @param now: by the monotonic clock.
        @param reason: why the connection was lost, if it was.
        """
        probe = self._measurement.probeLost(now, flight)
        self._sink.settled(self._measurement.numbers.numbered(probe), fate, reason)
