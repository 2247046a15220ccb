"""Tests for L{echostamp.probe.flights}."""

from __future__ import annotations

import sys

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
                flight = flights.sent(7 * sent, at(sent), sent % 3)
                self.assertEqual(
                    flight, Flight(sent, 7 * sent, sent + 1000, sent, sent % 3)
                )
                model[sent] = flight
                sent += 1
            else:
                self.assertEqual(flights.get(step), model.get(step))
                self.assertEqual(flights.pop(step), model.pop(step, None))
        self.assertEqual(list(flights), list(model.values()))
        self.assertEqual(flights.count, len(model))
        self.assertEqual(flights.oldest, min(model, default=sent))
        self.assertEqual(flights.newest, max(model, default=None))

    def test_removedMeanwhile(self) -> None:
        """Probes may be removed during an iteration."""
        flights = Flights()
        for now in range(100):
            flights.sent(now, at(now), 0)
        seen = [flights.pop(flight.seq) for flight in flights]
        self.assertEqual(len(seen), 100)
        self.assertEqual(flights.count, 0)

    def test_memory(self) -> None:
        """A probe in flight takes at most 33 octets."""
        flights = Flights()
        for now in range(3000):
            flights.sent(now, at(now), 0)
        octets = sum(map(sys.getsizeof, flights._ring.columns))
        self.assertLess(octets, 33 * 3000 + 1000)
