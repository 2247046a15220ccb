"""
Follows the far clock by the stamps and timestamps of replies.
"""

from __future__ import annotations

from echostamp.measure.coarseclocks import AT_ONCE, TickProbes, nextTick
from echostamp.measure.farzone import FarZone
from echostamp.measure.residence import FarTimestamps, ResidenceFault
from echostamp.measure.resolution import StampResolution
from echostamp.measure.result import ZoneFound
from echostamp.probe.flights import EXTRAS_FROM, Flight
from echostamp.probe.probestore import ProbeStore
from echostamp.stamps import Reading
from echostamp.times import Moment, Times, timesOf

#: Stamps of this resolution, in nanoseconds, or a coarser one need extra probes.
COARSE = 10_000_000

#: What the digits of timestamps count in, in nanoseconds.
DIGITS = 1


class FarClock:
    """
    The far clock: its offset, its zone where its stamps do not name it, and when an
    extra probe should read it.

    @ivar isCoarse: whether its stamps are so coarse that extra probes help.
    @ivar stamped: how many replies had a stamp that could be read.
    @ivar residenceFaults: how many replies in time had a T2 and T3 that cannot be used,
        by the reason.
    @ivar step: the step in which it counts, in nanoseconds, where its times show that
        it is more than one unit of their last digit.
    """

    def __init__(self, store: ProbeStore, zone: int | None = None) -> None:
        """
        @param store: keeps the bounds of its offset.
        @param zone: nanoseconds by which its zone is ahead of UTC, for stamps that do
            not name it; L{None} to guess it.
        """
        self._store = store
        self.isCoarse = False
        self.stamped = 0
        self._zone = FarZone(zone)
        self._isZoneless = False
        self._isNew = False
        self._resolution = 0
        self._stamps: StampResolution | None = None
        self.step: int | None = None
        self._leastRtt: int | None = None
        self._ticks = TickProbes()
        self.residenceFaults: dict[ResidenceFault, int] = {}
        self._timestamps = FarTimestamps()

    @property
    def zone(self) -> ZoneFound | None:
        """The zone, where its stamps do not name one."""
        zone = self._zone
        if not self._isZoneless or zone.zone is None:
            return None
        return ZoneFound(zone.zone, zone.assumed)

    @property
    def zoneChanges(self) -> int:
        """How often summer time changed the zone."""
        return self._zone.changes

    @property
    def extraProbes(self) -> int:
        """How many extra probes were sent."""
        return self._ticks.count

    def forget(self) -> None:
        """
        Begin a new window of the offset: our own clock was set.
        """
        self._store.restart()
        self._zone.restart()
        self._leastRtt = None

    def reconnected(self) -> None:
        """
        Expect another clock: the new connection may lead to another machine.  The
        first stamp over it starts a new window of the offset.
        """
        self._isNew = True

    def roundTrip(self, rtt: int) -> None:
        """
        Note a round trip.  The times of extra probes depend on the shortest.
        """
        if self._leastRtt is None or rtt < self._leastRtt:
            self._leastRtt = rtt

    def read(
        self, flight: Flight, at: Moment, reading: Reading | None, isSet: bool
    ) -> int | None:
        """
        Read the clock by a stamp.

        @param flight: the probe that it answers.
        @param at: when the reply was read.
        @param reading: the stamp; L{None} where there is none, or it may be altered.
        @param isSet: whether our own clock was set while the probe was in flight.
        @return: the time that the stamp shows, since the UNIX epoch; L{None} where it
            is not known.
        """
        if reading is None:
            return None
        self.stamped += 1
        if self._isNew:
            self._isNew = False
            self.forget()
            self._zone.forget()
            self._stamps = None
        instant, t1, t4 = reading.time, flight.t1, at.realtime
        if not reading.zoned:
            self._isZoneless = True
            if isSet:
                # The zone must not be guessed from a step of our own clock.
                return None
            instant = self._zone.instant(instant, reading.resolution, t1, t4)
        if not isSet:
            digits = reading.resolution
            if self._stamps is None:
                self._stamps = StampResolution()
            resolution = self._stamps.observe(reading.time, digits, t1, t4)
            self._resolve(resolution, digits)
            self.isCoarse = resolution >= COARSE
            store = self._store
            if flight.seq >= EXTRAS_FROM:
                times = Times(t1, instant, instant, t4)
                store.learnExtra(at.after, times, digits)
            elif store.learns:
                times = timesOf((t1, instant, instant, t4))
                store.learn(flight.seq, times, digits)
        return instant

    def _resolve(self, resolution: int, digits: int) -> None:
        """
        Use what is known of its resolution for all of its times.

        @param digits: the unit of their last digit.
        """
        self.step = resolution if resolution > digits else None
        if resolution != self._resolution:
            self._resolution = resolution
            self._store.resolve(resolution)

    def timed(self, times: Times, isVoid: bool) -> int | None:
        """
        Note the first reply with the far end's timestamps to a probe.

        @param isVoid: whether our own times of the probe cannot be compared.
        @return: as L{resolution}.
        """
        found = self._timestamps.resolution(times)
        if not isinstance(found, ResidenceFault):
            self.stamped += 1
            self._resolve(found, DIGITS)
            return found
        if not isVoid:
            self.residenceFaults[found] = self.residenceFaults.get(found, 0) + 1
        return None

    def resolution(self, times: Times) -> int | None:
        """
        Give the resolution of the far end's timestamps, in nanoseconds; the coarser
        one of T2's and T3's.  L{None} where those of this reply cannot be used.
        """
        found = self._timestamps.resolution(times)
        if isinstance(found, ResidenceFault):
            return None
        self._resolve(found, DIGITS)
        return found

    def extraSent(self, at: Moment) -> None:
        """
        Note that an extra probe was sent.
        """
        self._ticks.sent(at.after)

    def nextExtra(self, at: Moment) -> int | None:
        """
        Give the time for the next extra probe, by the monotonic clock; L{None} if none
        would narrow the bounds of the offset.  After the first L{AT_ONCE}, there are at
        most as many extra probes as probes.
        """
        if not self.isCoarse or self._leastRtt is None:
            return None
        if self.extraProbes >= AT_ONCE + self._store.sent:
            return None
        bounds = self._store.bounds(at.after, at.realtime)
        if bounds is None:
            return None
        low, high = bounds
        if not self._ticks.isWorth(high - low, self._resolution, self._leastRtt):
            return None
        now = at.realtime + self._ticks.wait(at.after)
        # It ticks when it shows its last time, and multiples of the step from then.
        shown = 0 if self._stamps is None else self._stamps.last
        low, high = low - shown, high - shown
        tick = nextTick(now, low, high, self._resolution, self._leastRtt)
        return tick - at.realtime + at.after
