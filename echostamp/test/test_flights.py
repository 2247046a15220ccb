"""Tests for L{echostamp.probe.flights}."""

from __future__ import annotations

import sys
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.probe.flights import Flight, Flights
from echostamp.times import Moment


def at(now: int) -> Moment:
    """Give a reading of clocks that are 1,000 ns apart."""
    return Moment(now, now + 1000, now)


class FlightsTests(SynchronousTestCase):
    """
    Tests for the probes in flight.
    """

    @given(st.lists(st.integers(-1, 60), max_size=200))
    def test_asADictionary(self, steps: list[int]) -> None:
        """However probes are sent and answered, those in flight are kept like the items
        of a dictionary."""
        flights, model, sent = Flights(), dict[int, Flight](), 0
        for step in steps:
            if step < 0:
                flights.sent(7 * sent, at(sent), sent % 3)
                model[sent] = Flight(sent, 7 * sent, sent + 1000, sent, sent % 3)
                sent += 1
            else:
                self.assertEqual(flights.get(step), model.get(step))
                self.assertEqual(flights.pop(step), model.pop(step, None))
            self.assertEqual(flights.newest, max(model, default=None))
            self.assertEqual(flights.next, sent)
        self.assertEqual(list(flights), list(model.values()))
        self.assertEqual(flights.count, len(model))
        self.assertEqual(flights.oldest, min(model, default=sent))

    def test_removedMeanwhile(self) -> None:
        """Probes may be removed during an iteration."""
        flights = Flights()
        for now in range(100):
            flights.sent(now, at(now), 0)
        seen = [flights.pop(flight.seq) for flight in flights]
        self.assertEqual(len(seen), 100)
        self.assertEqual(flights.count, 0)

    def test_newestIsFoundAtOnce(self) -> None:
        """However many probes were answered since the oldest in flight, the newest one
        in flight is found with a few looks."""
        flights = Flights()
        looks: list[int] = []

        class Looks(list[int]):
            """A column that notes where it is read."""

            def __getitem__(self, place: Any) -> Any:
                """Note the place."""
                looks.append(place)
                return super().__getitem__(place)

        for now in range(3000):
            flights.sent(now, at(now), 0)
            if now:
                flights.pop(now)
        ring: Any = flights._ring
        ring.columns = (*ring.columns[:4], Looks(ring.columns[4]))
        self.assertEqual(flights.newest, 0)
        looks.clear()
        for now in range(3000, 3100):
            self.assertEqual(flights.newest, 0)
            flights.sent(now, at(now), 0)
            self.assertEqual(flights.newest, now)
            flights.pop(now)
        self.assertLess(len(looks), 1000)

    def test_memory(self) -> None:
        """A probe in flight takes at most 33 octets."""
        flights = Flights()
        for now in range(3000):
            flights.sent(now, at(now), 0)
        octets = sum(map(sys.getsizeof, flights._ring.columns))
        self.assertLess(octets, 33 * 3000 + 1000)
