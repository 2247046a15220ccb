"""
Tests for L{echostamp.intercom.keptstate}.
"""

from __future__ import annotations

from hypothesis import example, given
from hypothesis.strategies import binary
from twisted.trial.unittest import SynchronousTestCase

from echostamp.intercom.keptstate import KeptState, newestFirst, readState


class KeptStateTests(SynchronousTestCase):
    """
    Tests for L{KeptState}.
    """

    @given(binary())
    @example(b" with spaces ")
    def test_roundTrip(self, snapshot: bytes) -> None:
        """A state is read as it was written, whatever the snapshot."""
        state = KeptState(b"5-0", b"10-2", snapshot)
        self.assertEqual(readState(state.written()), state)

    @given(binary(max_size=30))
    @example(b"6-0 5-0 place before the order")
    @example(b"5-0 10-2")
    @example(b"5-0 10 x")
    @example(b"-1-0 10-2 x")
    @example(b"5-0  10-2 x")
    def test_hostile(self, value: bytes) -> None:
        """Anything else is not a state."""
        state = readState(value)
        if state is not None:
            self.assertEqual(state.written(), value)
            order, place = state.age
            self.assertLessEqual(order, place)
        else:
            self.assertEqual(newestFirst({b"x": value}), [])

    def test_newestFirst(self) -> None:
        """Of states those of the newest order are first, and of these the one with the
        latest place.  What is not a state is left out."""
        written = [
            b"5-0 9-0 c",
            b"10-0 11-9 b",
            b"nothing",
            b"10-0 11-10 a",
            b"1-0 99-0 d",
        ]
        states = newestFirst({b"%d" % n: each for n, each in enumerate(written)})
        self.assertEqual([each.snapshot for each in states], [b"a", b"b", b"c", b"d"])
