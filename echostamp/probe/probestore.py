"""
The interface of the stores that keep the probes of a run.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple, Protocol

from echostamp.measure.block import Probe
from echostamp.measure.distribution import Distribution
from echostamp.measure.result import Figures
from echostamp.measure.selection import Selection
from echostamp.measure.windowspec import WindowSpec
from echostamp.probe.flights import Flight
from echostamp.times import Times


class FirstReply(NamedTuple):
    """
    The first reply to a probe in flight.  Times are nanoseconds since the UNIX epoch.

    @ivar t4: when it was received.
    @ivar rtt: the round trip in nanoseconds; L{None} where it is not known.
    @ivar t2: when the probe was received there; L{None} where that is not known.
    @ivar t3: when the reply was sent there; L{None} where that is not known.
    @ivar resolution: of C{t2} and C{t3}, in nanoseconds.
    @ivar isAltered: whether it differs from what was sent.
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
    Give what is known of a probe in flight.
    """
    return Probe(
        *(flight.seq, flight.due, flight.t1, None, None, None, None, None),
        *(False, False, False, False, False, False),
    )


#: The same as L{FirstReply} with all its items, in half the time.
firstReply = partial(tuple.__new__, FirstReply)


class ProbeStore(Protocol):
    """
    Keeps the probes of a run, and what they show of the far clock.
    """

    @property
    def learns(self) -> bool:
        """Whether L{learn} does anything."""

    @property
    def sent(self) -> int:
        """How many probes were sent; the number of the next one."""

    @property
    def received(self) -> int:
        """How many were answered in time."""

    @property
    def lost(self) -> int:
        """How many were lost."""

    @property
    def oldest(self) -> int:
        """The least number of a probe that L{repeat} may know, or that is kept."""

    # --- Probes ---

    def send(self, due: int, t1: int) -> None:
        """
        Add a probe that was sent.

        @param due: when it was due, since the UNIX epoch.
        @param t1: when it was sent, since the UNIX epoch.
        """

    def skip(self, now: int, isStall: bool) -> None:
        """
        Count a probe that was due and could not be sent.

        @param now: by the monotonic clock, here and below.
        @param isStall: whether this process was suspended or blocked when it was due.
            Windows then leave it out: they are about the path and the far end.
        """

    def answer(self, now: int, flight: Flight, answer: FirstReply) -> Probe:
        """
        Add the first reply to a probe in flight.

        @param flight: the probe.  A store that learns goes by T1 as L{send} got it, and
            by L{amend}.
        @return: what is known of it.
        """

    def amend(self, seq: int, times: Times, rtt: int, resolution: int) -> None:
        """
        Add more exact times of an answered probe.  Those from before are still true.
        """

    def repeat(self, seq: int, t4: int, isAltered: bool) -> Probe | None:
        """
        Add a reply to a probe that is no longer in flight.

        @return: what is known of it; L{None} if it is too old to be known.
        """

    def lose(self, now: int, flight: Flight) -> Probe:
        """
        Count a probe in flight as lost.

        @return: what is known of it.
        """

    # --- The far clock ---

    def learn(self, seq: int, times: Times, resolution: int) -> None:
        """
        Read the far clock from a probe's times.

        @param resolution: of the far end's times, in nanoseconds.
        """

    def learnExtra(self, now: int, times: Times, resolution: int) -> None:
        """
        Read the far clock from an extra probe's times.

        @param resolution: of the far end's times, in nanoseconds.
        """

    def resolve(self, resolution: int) -> None:
        """
        Take the far end's stamps to be no finer than a resolution: those to come, and
        as many as possible since the last restart.

        @param resolution: in nanoseconds.
        """

    def restart(self) -> None:
        """
        Begin a new window of the offset: our own clock was set, or the far clock may
        be another machine's.
        """

    def bounds(self, now: int, at: int) -> tuple[int, int] | None:
        """
        Give the bounds of the offset at a time of our clock, in nanoseconds.

        @param at: since the UNIX epoch.
        """

    # --- Figures ---

    def select(
        self, began: int, ended: int, isApart: bool, window: WindowSpec
    ) -> Selection | None:
        """
        Give what is kept of a window's probes; L{None} where single probes are kept.

        @param began: as for L{figures}, and so are the others.
        """

    def figures(
        self, began: int, ended: int, isApart: bool, window: WindowSpec | None
    ) -> Figures:
        """
        Give the figures.

        @param began: when the run began, by the monotonic clock.
        @param ended: the end of the run so far, by the monotonic clock.
        @param isApart: whether the far end gives T2 and T3 apart.
        @param window: which window; L{None} for as much as is kept.
        @raise ValueError: the store has no such window.
        """

    def distribution(self, figures: Figures, rows: int) -> Distribution | None:
        """
        Count the round trips by length.

        @param rows: the most rows; one more holds the longest round trips.
        """

    def __iter__(self) -> Iterator[Probe]:
        """Give the probes that are kept one by one, the oldest first."""
