"""
What must hold for a run to count as good.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from echostamp.measure.offsetwindow import NO_FIT
from echostamp.probe.prober import Pinger
from echostamp.report.summary import offsetBounds
from echostamp.units import readable


@dataclass(frozen=True)
class Thresholds:
    """
    What must hold; L{None} for no matter what.

    @ivar rtt: the longest that a round trip may take, in nanoseconds.
    @ivar loss: the greatest share of probes that were not answered, or could not be
        sent, in percent.
    @ivar offset: how far the far clock may be from ours, in nanoseconds: all of the
        interval in which it is known to be.
    """

    rtt: int | None = None
    loss: float | None = None
    offset: int | None = None

    def failed(self, pinger: Pinger) -> list[str]:
        """
        Say what does not hold, or cannot be told.

        @param pinger: a run that is over.
        @return: a line for each, which begins with its option.
        """
        return [
            *self._failedRtt(pinger),
            *self._failedLoss(pinger),
            *self._failedOffset(pinger),
        ]

    def _failedRtt(self, pinger: Pinger) -> Iterator[str]:
        """
        See how long round trips took, or have taken so far.
        """
        if self.rtt is None:
            return
        option = f"--max-rtt {readable(self.rtt)}"
        rtt = pinger.measurement.delays.rtt()
        wait = max(pinger.waits, default=0)
        if rtt is not None and rtt.max > self.rtt:
            yield f"{option}: one took {readable(rtt.max)}"
        elif wait > self.rtt:
            yield f"{option}: one has not been answered for {readable(wait)}"

    def _failedLoss(self, pinger: Pinger) -> Iterator[str]:
        """
        See what was not answered.  What could not be sent counts as well; what has been
        under way for longer than any reply took may.
        """
        if self.loss is None:
            return
        option = f"--max-loss {self.loss:g}"
        rtt = pinger.measurement.delays.rtt()
        longest = 0 if rtt is None else rtt.max
        doubtful = sum(wait > longest for wait in pinger.waits)
        run = pinger.measurement.delays.run
        missing = run.lost + pinger.measurement.skipped
        known = missing + run.received
        if known and 100 * missing / known > self.loss:
            percent = 100 * missing / known
            yield f"{option}: {percent:.3g} % were not answered, or could not be sent"
        elif doubtful and 100 * (missing + doubtful) / (known + doubtful) > self.loss:
            yield f"{option}: cannot be told, {doubtful} may still be answered"

    def _failedOffset(self, pinger: Pinger) -> Iterator[str]:
        """
        See where the far clock is.
        """
        if self.offset is None:
            return
        option = f"--max-offset {readable(self.offset)}"
        found = pinger.measurement.offset.report()
        if found is None:
            yield f"{option}: the far clock cannot be told"
        elif found.verdict == NO_FIT:
            yield f"{option}: the far clock cannot be told ({found.verdict})"
        elif max(-found.low, found.high) > self.offset:
            yield f"{option}: the offset is {offsetBounds(found)}"
