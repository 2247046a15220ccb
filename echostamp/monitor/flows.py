"""
The flows of a peer: each has a prober with a source port of its own, and their figures
are joined.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from twisted.internet.defer import Deferred, DeferredList

from echostamp.measure.counts import C_LOST, C_RECEIVED
from echostamp.measure.delay import Summary, summary
from echostamp.measure.offsetwindow import OffsetReport
from echostamp.measure.result import Figures, Result
from echostamp.measure.selection import Selection
from echostamp.measure.windowclock import offsetFrom
from echostamp.measure.windowfigures import figuresOf, rttQuantiles
from echostamp.measure.windowspec import PARTS, WindowSpec
from echostamp.monitor.flow import Counters, Flow, FlowOwner, LastRtts
from echostamp.monitor.flowlosses import FlowCounts
from echostamp.monitor.spanfigures import RttQuantiles, SpanFigures
from echostamp.monitor.tally import Tally
from echostamp.monitor.watch import Watch
from echostamp.probe.dialers import Dialed
from echostamp.probe.interfaces import Link
from echostamp.probe.prober import Prober
from echostamp.probe.sessiondetails import sessionDetails

#: The quantiles of the RTT that L{SpanFigures} has.
_QUANTILES = Fraction(1, 10), Fraction(1, 4), Fraction(3, 4)


class Flows:
    """
    The flows of a peer.

    @ivar rtts: the last RTTs.
    """

    def __init__(
        self,
        dialed: Sequence[Dialed],
        owner: FlowOwner,
        tally: Tally,
        watch: Watch,
        zone: int | None,
    ) -> None:
        """
        @param dialed: the far end, dialed once for each flow.
        @param owner: told what happens to the probes.
        @param tally: where to count.
        @param watch: what all peers share.
        @param zone: as for L{Prober}.
        """
        around = watch.surroundings
        self.rtts = LastRtts(watch.kept.recent)
        self._flows: list[Flow] = []
        self._probers: list[Prober] = []
        for index, (_, dialer, plan, *_) in enumerate(dialed):
            own = tally.flow(index)
            counters = Counters(tally, own, self.rtts, watch.lateness)
            flow = Flow(owner, counters, plan.interval, around.now)
            prober = Prober(dialer, plan, flow, around, zone)
            prober.done.addCallback(_ended, flow, prober)
            self._flows.append(flow)
            self._probers.append(prober)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._flows)

    # --- From begin to end ------------------------------------------------------------

    def start(self, index: int) -> None:
        """
        Begin to probe in one flow.
        """
        self._probers[index].start()

    def finish(self) -> None:
        """
        Send no more probes, and wait for the replies to those in flight.
        """
        for each in self._probers:
            each.finish()

    def stop(self) -> Deferred[Any]:
        """
        End at once.

        @return: fires when all connections are closed.
        """
        for each in self._probers:
            each.stop()
        return DeferredList([each.parted for each in self._probers])

    def redial(self) -> bool:
        """
        Use another address in the flows that have a link.

        @return: whether one has.
        """
        linked = [each for each in self._probers if each.link is not None]
        for each in linked:
            each.redial()
        return bool(linked)

    # --- Links ------------------------------------------------------------------------

    @property
    def link(self) -> Link | None:
        """The link of the first flow that has one."""
        links = (each.link for each in self._probers)
        return next((each for each in links if each is not None), None)

    def source(self, index: int) -> str:
        """
        Give the address and port that a flow is sent from; empty where it has no link.
        """
        link = self._probers[index].link
        return "" if link is None else link.source

    @property
    def outage(self) -> str:
        """Why there is no link; empty where there is one, or where it is not known."""
        outages = self._probers[0].measurement.outages
        if self.link is not None or not outages:
            return ""
        return outages[-1].error or outages[-1].reason

    @property
    def restarts(self) -> int:
        """How often the reflector began to count again; it is one for all flows."""
        links = (each.link for each in self._probers)
        found = [sessionDetails(each.details()) for each in links if each is not None]
        return max((each.restarts for each in found), default=0)

    # --- Figures ----------------------------------------------------------------------

    @property
    def hasBegun(self) -> bool:
        """Whether probes are due."""
        return any(each.hasBegun for each in self._probers)

    def refresh(self) -> None:
        """
        Bring the counters up to date.
        """
        for flow, prober in zip(self._flows, self._probers, strict=True):
            flow.refresh(prober.measurement.strange)

    def figures(self, window: WindowSpec) -> Figures:
        """
        Give the figures of a window.
        """
        return self.result(window).figures

    def offset(self, window: WindowSpec) -> OffsetReport | None:
        """
        Give the offset of a window's figures, in less time than L{figures}.
        """
        return offsetFrom(self._select(window))

    def result(self, window: WindowSpec) -> Result:
        """
        Give what is known of a window.
        """
        found = self._probers[0].result(window=window)
        if len(self) == 1:
            return found
        return found._replace(figures=figuresOf(self._select(window)))

    def counts(self, window: WindowSpec) -> list[FlowCounts]:
        """
        Count the probes of a window, for each flow.
        """
        return [
            FlowCounts(each.counts[C_LOST], each.counts[C_RECEIVED])
            for each in self._select(window)
        ]

    def residence(self, window: WindowSpec) -> Summary | None:
        """
        Summarise how long the far end had the probes of a window; L{None} where it does
        not say so.
        """
        return summary(
            [value for each in self._select(window) for value in each.residences()]
        )

    def span(self, length: int) -> SpanFigures:
        """
        Give the figures of the probes whose fates became known in a span of time that
        ends now.  Where its beginning is known to a part only, it begins a little
        earlier, so that none is left out.

        @param length: nanoseconds; at most as long as the windows that are kept.
        """
        found = self._select(WindowSpec("span", length=length + length // PARTS))
        if not found:
            return SpanFigures()
        rtts = rttQuantiles(found, _QUANTILES)
        link = self.link
        session = sessionDetails(None if link is None else link.details())
        return SpanFigures(
            figuresOf(found),
            RttQuantiles(*rtts) if rtts else None,
            session.hopsForward,
            session.hopsBackward,
        )

    def _select(self, window: WindowSpec) -> list[Selection]:
        """
        Give what is kept of a window's probes, for each flow.
        """
        found = [each.select(window) for each in self._probers]
        return [each for each in found if each is not None]


def _ended(ignored: None, flow: Flow, prober: Prober) -> None:
    """
    Tell a flow that its prober has ended.
    """
    flow.ended(prober.measurement.strange)
