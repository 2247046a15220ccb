"""
Where the probes of a run are kept: one by one, or as rolling windows.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from echostamp.measure.block import Probe, isStorable
from echostamp.measure.delay import Delays
from echostamp.measure.distribution import Distribution, distribution
from echostamp.measure.offset import OffsetTracker
from echostamp.measure.oneway import oneWays
from echostamp.measure.result import Figures
from echostamp.measure.windows import Rolling
from echostamp.measure.windowspec import WindowSpec
from echostamp.probe.flights import Flight
from echostamp.probe.plan import Plan
from echostamp.times import Times

#: The parts per million by which two clocks may part: see L{MOST_DRIFT
#: <echostamp.measure.envelope.MOST_DRIFT>}.
_MOST_PPM = 500

#: Probes whose fate is remembered, so that a late reply is told from a second one.
_REMEMBERED = 256

_ANSWERED, _LOST = 1, 2


class Answer(NamedTuple):
    """
    The first reply to a probe in flight.  Times are nanoseconds since the UNIX epoch.

    @ivar t4: when it was received.
    @ivar rtt: the round trip in nanoseconds; L{None} where it is not known.
    @ivar t2: when the probe was received there; L{None} where that is not known.
    @ivar t3: when the reply was sent there; L{None} where that is not known.
    @ivar resolution: of C{t2} and C{t3}, in nanoseconds.
    @ivar isAltered: whether it is something else than what was sent.
    @ivar isVoid: whether its times cannot be compared: our own clock was set, or the
        reply waited to be read.
    """

    t4: int
    rtt: int | None
    t2: int | None = None
    t3: int | None = None
    resolution: int = 1
    isAltered: bool = False
    isVoid: bool = False


def probeInFlight(flight: Flight) -> Probe:
    """
    Give what is known of a probe whose fate is not.
    """
    return Probe(
        *(flight.seq, flight.due, flight.t1, None, None, None, None, None),
        *(False, False, False, False, False, False),
    )


class ProbeStore(Protocol):
    """
    Keeps the probes of a run, and what they say of the far clock.

    @ivar sent: how many probes were sent; the number of the next one.
    @ivar received: how many were answered in time.
    @ivar lost: how many were not.
    """

    @property
    def sent(self) -> int: ...
    @property
    def received(self) -> int: ...
    @property
    def lost(self) -> int: ...

    # --- Probes ---

    def send(self, due: int, t1: int) -> None:
        """
        A probe was sent.

        @param due: when it was due, since the UNIX epoch.
        @param t1: when it was sent, since the UNIX epoch.
        """

    def skip(self, now: int) -> None:
        """
        A probe was due and could not be sent.

        @param now: by the monotonic clock, here and below.
        """

    def answer(self, now: int, flight: Flight, answer: Answer) -> Probe:
        """
        A probe in flight was answered.

        @return: what is known of it.
        """

    def amend(self, seq: int, times: Times, rtt: int, resolution: int) -> None:
        """
        The times of an answered probe are known better; the earlier ones hold, too.
        """

    def repeat(self, seq: int, t4: int, isAltered: bool) -> Probe | None:
        """
        A probe that is not in flight any more was answered.

        @return: what is known of it; L{None} if it is too old to be known.
        """

    def lose(self, now: int, flight: Flight) -> Probe:
        """
        A probe in flight is lost.

        @return: what is known of it.
        """

    # --- The far clock ---

    def learn(self, seq: int, times: Times, resolution: int) -> None:
        """
        A stamp of a probe says this of the far clock.
        """

    def learnExtra(self, now: int, times: Times, resolution: int) -> None:
        """
        A stamp of an extra probe says this of the far clock.
        """

    def restart(self) -> None:
        """
        Begin a new window of the offset: our own clock was set, or it may be another
        machine's clock.
        """

    def bounds(self, now: int, at: int) -> tuple[int, int] | None:
        """
        Give the bounds of the offset at a time of our clock, in nanoseconds.

        @param at: since the UNIX epoch.
        """

    # --- What they come to ---

    def figures(
        self, began: int, ended: int, isApart: bool, window: WindowSpec | None
    ) -> Figures:
        """
        Give the figures.

        @param began: when the run began, by the monotonic clock.
        @param ended: the end of the run so far, by the monotonic clock.
        @param isApart: whether the far end gives T2 and T3 apart.
        @param window: which window; L{None} for as much as is kept.
        """

    def distribution(self, figures: Figures, rows: int) -> Distribution | None:
        """
        Give how many round trips were how long.
        """

    def __iter__(self) -> Iterator[Probe]:
        """Give the probes that are kept one by one."""


class KeptProbes:
    """
    Keeps the last probes one by one, for the figures of the whole run.

    @ivar delays: round trips and losses.
    @ivar offset: the offset of the far clock.
    """

    def __init__(self, kept: int) -> None:
        """
        @param kept: how many probes to keep.
        """
        self.delays = Delays(kept)
        self.offset = OffsetTracker()
        self._skipped = self._untimed = 0

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
        """How many were not."""
        return self.delays.run.lost

    def send(self, due: int, t1: int) -> None:
        """A probe was sent."""
        run = self.delays.run
        first = run.first
        run.send(due, t1)
        if run.first != first:
            self.offset.prune(run.first)

    def skip(self, now: int) -> None:
        """A probe was due and could not be sent."""
        self._skipped += 1

    def answer(self, now: int, flight: Flight, answer: Answer) -> Probe:
        """A probe in flight was answered."""
        t4, rtt, t2, t3, resolution, isAltered, isVoid = answer
        run = self.delays.run
        self._untimed += rtt is None
        run.reply(flight.seq, t4, rtt, t2, t3, resolution, isAltered, isVoid)
        return run[flight.seq]

    def amend(self, seq: int, times: Times, rtt: int, resolution: int) -> None:
        """The times of an answered probe are known better."""
        run = self.delays.run
        if run.first <= seq:
            probe = run[seq]
            if probe.rttInTime is not None and not probe.void:
                run.amend(seq, times.t1, times.t3, rtt)
                self.offset.add(seq, *times, resolution)

    def repeat(self, seq: int, t4: int, isAltered: bool) -> Probe | None:
        """A probe that is not in flight any more was answered."""
        run = self.delays.run
        if not run.first <= seq < run.sent:
            return None
        run.reply(seq, t4, None, altered=isAltered)
        return run[seq]

    def lose(self, now: int, flight: Flight) -> Probe:
        """A probe in flight is lost."""
        run = self.delays.run
        run.lose(flight.seq)
        return run[flight.seq]

    def learn(self, seq: int, times: Times, resolution: int) -> None:
        """A stamp of a probe says this of the far clock."""
        self.offset.add(seq, *times, resolution)

    def learnExtra(self, now: int, times: Times, resolution: int) -> None:
        """A stamp of an extra probe says this of the far clock."""
        self.offset.add(self.sent, *times, resolution)

    def restart(self) -> None:
        """Begin a new window of the offset."""
        self.offset.restart()

    def bounds(self, now: int, at: int) -> tuple[int, int] | None:
        """Give the bounds of the offset at a time of our clock."""
        return self.offset.bounds(at)

    def figures(
        self, began: int, ended: int, isApart: bool, window: WindowSpec | None
    ) -> Figures:
        """Give the figures of the whole run."""
        run, delays = self.delays.run, self.delays
        ways = oneWays(run, self.offset)
        return Figures(
            began=began,
            ended=ended,
            sent=run.sent,
            received=run.received,
            lost=run.lost,
            skipped=self._skipped,
            late=run.late,
            duplicates=run.duplicates,
            reordered=run.reordered,
            altered=run.altered,
            untimed=self._untimed,
            bursts=delays.bursts(),
            rtt=delays.rtt(),
            rttFromDue=delays.rttFromDue(),
            ipdv=delays.ipdv(),
            forward=ways and ways[0],
            backward=ways and ways[1],
            offset=self.offset.report(),
            isApart=isApart,
        )

    def distribution(self, figures: Figures, rows: int) -> Distribution | None:
        """Give how many round trips were how long."""
        return distribution(self.delays.run.blocks(), figures.rtt, rows)

    def __iter__(self) -> Iterator[Probe]:
        """Give the probes that are kept."""
        return iter(self.delays.run)


class WindowedProbes:
    """
    Keeps rolling windows only, in memory that does not grow with the run.

    @ivar sent: how many probes were sent.
    @ivar received: how many were answered in time.
    @ivar lost: how many were not.
    """

    def __init__(self, windows: Sequence[WindowSpec]) -> None:
        """
        @param windows: the windows whose figures will be asked for.
        """
        self._rolling = Rolling(windows)
        self._longest = max(windows, key=lambda window: window.length or 0)
        self.sent = self.received = self.lost = 0
        self._greatest = -1
        # The numbers of the last probes whose fate is known, and their fates.
        self._settled = array("q", [-1]) * _REMEMBERED
        self._fates = bytearray(_REMEMBERED)

    def send(self, due: int, t1: int) -> None:
        """A probe was sent."""
        self.sent += 1
        self._rolling.sent()

    def skip(self, now: int) -> None:
        """A probe was due and could not be sent."""
        self._rolling.skipped(now)

    def answer(self, now: int, flight: Flight, answer: Answer) -> Probe:
        """A probe in flight was answered."""
        t4, rtt, t2, t3, resolution, isAltered, isVoid = answer
        seq, t1 = flight.seq, flight.t1
        known: tuple[int, int, int] | tuple[None, None, None] = None, None, None
        if t2 is not None:
            t3 = t2 if t3 is None else t3
            if isStorable(t1, t2, t3, t4, resolution):
                known = t2, t3, resolution
        isReordered = seq < self._greatest
        self._greatest = max(self._greatest, seq)
        probe = Probe(
            *(seq, flight.due, t1, known[0], known[1], t4, rtt, known[2]),
            *(False, False, isAltered, False, isReordered, isVoid),
        )
        self.received += 1
        self._settle(seq, _ANSWERED)
        self._rolling.add(now, probe)
        return probe

    def _settle(self, seq: int, fate: int) -> None:
        """
        Remember the fate of a probe.
        """
        place = seq % _REMEMBERED
        self._settled[place], self._fates[place] = seq, fate

    def amend(self, seq: int, times: Times, rtt: int, resolution: int) -> None:
        """The times of an answered probe are known better."""
        place = seq % _REMEMBERED
        if self._settled[place] == seq and self._fates[place] == _ANSWERED:
            self._rolling.amend(seq, times.t1, times.t3, rtt)

    def repeat(self, seq: int, t4: int, isAltered: bool) -> Probe | None:
        """A probe that is not in flight any more was answered."""
        place = seq % _REMEMBERED
        if self._settled[place] != seq:
            return None
        isLate = self._fates[place] == _LOST
        self._fates[place] = _ANSWERED
        if isLate:
            self._rolling.late(seq)
        else:
            self._rolling.repeated(seq)
        return Probe(
            *(seq, 0, 0, None, None, t4, None, None),
            *(isLate, isLate, isAltered, not isLate, False, False),
        )

    def lose(self, now: int, flight: Flight) -> Probe:
        """A probe in flight is lost."""
        probe = probeInFlight(flight)._replace(lost=True)
        self.lost += 1
        self._settle(flight.seq, _LOST)
        self._rolling.add(now, probe)
        return probe

    def learn(self, seq: int, times: Times, resolution: int) -> None:
        """A stamp of a probe: it is kept with the probe."""

    def learnExtra(self, now: int, times: Times, resolution: int) -> None:
        """A stamp of an extra probe says this of the far clock."""
        self._rolling.extra(now, *times, resolution)

    def restart(self) -> None:
        """Begin a new window of the offset."""
        self._rolling.restart()

    def bounds(self, now: int, at: int) -> tuple[int, int] | None:
        """Give the bounds of the offset at a time of our clock."""
        report = self._rolling.over(now, self._longest).offset
        if report is None:
            return None
        more = abs(at - report.at) * _MOST_PPM // 1_000_000 + 1
        return report.low - more, report.high + more

    def figures(
        self, began: int, ended: int, isApart: bool, window: WindowSpec | None
    ) -> Figures:
        """Give the figures of a window; of the longest one where none is named."""
        self._rolling.isApart = isApart
        return self._rolling.over(ended, window or self._longest)

    def distribution(self, figures: Figures, rows: int) -> None:
        """Windows do not keep how many round trips were how long."""

    def __iter__(self) -> Iterator[Probe]:
        """No probe is kept one by one."""
        return iter(())


def probeStore(plan: Plan) -> ProbeStore:
    """
    Make the store that a plan asks for.
    """
    return KeptProbes(plan.kept) if plan.kept else WindowedProbes(plan.windows)
