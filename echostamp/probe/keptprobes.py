"""
Keeps the last probes of a run one by one.
"""

from __future__ import annotations

from collections.abc import Iterator

from echostamp.measure.block import Probe
from echostamp.measure.delay import Delays
from echostamp.measure.distribution import Distribution, distribution
from echostamp.measure.offset import OffsetTracker
from echostamp.measure.result import Figures
from echostamp.measure.runfigures import figuresOfRun
from echostamp.measure.windowspec import WindowSpec
from echostamp.probe.flights import Flight
from echostamp.probe.probestore import FirstReply
from echostamp.times import Times


class KeptProbes:
    """
    Keeps the last probes one by one, and gives figures of the whole run.

    @ivar delays: round trips and losses.
    @ivar offset: the offset of the far clock.
    """

    learns = True

    def __init__(self, kept: int) -> None:
        """
        @param kept: how many probes to keep.
        """
        self.delays = Delays(kept)
        self.offset = OffsetTracker()
        self._skipped = 0

    @property
    def sent(self) -> int:
        """How many probes were sent."""
        return self.delays.run.sent

    @property
    def received(self) -> int:
        """How many were answered in time."""
        return self.delays.run.received

    @property
    def lost(self) -> int:
        """How many were lost."""
        return self.delays.run.lost

    @property
    def oldest(self) -> int:
        """The number of the oldest probe that is kept."""
        return self.delays.run.first

    def send(self, due: int, t1: int) -> None:
        """Add a probe that was sent."""
        run = self.delays.run
        first = run.first
        run.send(due, t1)
        if run.first != first:
            self.offset.prune(run.first)

    def skip(self, now: int, isStall: bool) -> None:
        """Count a probe that was due and could not be sent."""
        self._skipped += 1

    def answer(self, now: int, flight: Flight, answer: FirstReply) -> Probe:
        """Add the first reply to a probe in flight."""
        t4, rtt, t2, t3, resolution, isAltered, isVoid = answer
        run = self.delays.run
        run.reply(flight.seq, t4, rtt, t2, t3, resolution, isAltered, isVoid)
        return run[flight.seq]

    def amend(self, seq: int, times: Times, rtt: int, resolution: int) -> None:
        """Add more exact times of an answered probe."""
        run = self.delays.run
        if run.first <= seq and run.amend(seq, times.t1, times.t3, rtt):
            self.offset.add(seq, *times, resolution)

    def repeat(self, seq: int, t4: int, isAltered: bool) -> Probe | None:
        """Add a reply to a probe that is no longer in flight."""
        run = self.delays.run
        if not run.first <= seq < run.sent:
            return None
        run.reply(seq, t4, None, altered=isAltered)
        return run[seq]

    def lose(self, now: int, flight: Flight) -> Probe:
        """Count a probe in flight as lost."""
        run = self.delays.run
        run.lose(flight.seq)
        return run[flight.seq]

    def learn(self, seq: int, times: Times, resolution: int) -> None:
        """Read the far clock from a probe's times."""
        self.offset.add(seq, *times, resolution)

    def learnExtra(self, now: int, times: Times, resolution: int) -> None:
        """Read the far clock from an extra probe's times."""
        self.offset.add(self.sent, *times, resolution)

    def resolve(self, resolution: int) -> None:
        """Take the far end's stamps to be no finer than a resolution."""
        self.offset.resolve(resolution)

    def restart(self) -> None:
        """Begin a new window of the offset."""
        self.offset.restart()

    def bounds(self, now: int, at: int) -> tuple[int, int] | None:
        """Give the bounds of the offset at a time of our clock."""
        return self.offset.bounds(at)

    def residence(self, now: int, window: WindowSpec) -> None:
        """Give nothing: there are no windows."""

    def farOffset(self, now: int, isApart: bool, window: WindowSpec) -> None:
        """Give nothing: there are no windows."""

    def figures(
        self, began: int, ended: int, isApart: bool, window: WindowSpec | None
    ) -> Figures:
        """
        Give the figures of the whole run.

        @raise ValueError: a window is named; there is none.
        """
        if window is not None:
            raise ValueError(f"no window {window.name!r}")
        return figuresOfRun(
            self.delays,
            self.offset,
            began=began,
            ended=ended,
            skipped=self._skipped,
            isApart=isApart,
        )

    def distribution(self, figures: Figures, rows: int) -> Distribution | None:
        """Count the round trips by length."""
        return distribution(self.delays.run.blocks(), figures.rtt, rows)

    def __iter__(self) -> Iterator[Probe]:
        """Give the probes that are kept, the oldest first."""
        return iter(self.delays.run)
