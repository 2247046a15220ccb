"""Tests for L{echostamp.measure.quantiles}."""

import random
from array import array
from fractions import Fraction
from statistics import quantiles

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.measure import quantiles as module
from echostamp.measure.quantiles import (
    RELATIVE_ERROR,
    Histogram,
    quantile,
    ranksOf,
    selected,
)

#: Any value that a column holds.
times = st.integers(min_value=-(1 << 63) + 1, max_value=(1 << 63) - 1)


class QuantileTests(SynchronousTestCase):
    """
    Order statistics are exact, or known to be close.
    """

    @given(st.lists(times, min_size=2, max_size=40), st.integers(2, 100))
    def test_type7(self, values: list[int], n: int) -> None:
        """Quantiles are those of C{statistics.quantiles(method="inclusive")}."""
        inOrder = sorted(values)
        exact = quantiles(map(Fraction, values), n=n, method="inclusive")
        for cut, expected in enumerate(exact, 1):
            found = quantile(len(values), Fraction(cut, n), inOrder.__getitem__)
            self.assertEqual(found, float(expected))

    @given(
        st.lists(times | st.integers(-5000, 5000), min_size=1, max_size=60), st.data()
    )
    def test_selectedWithoutSorting(
        self, values: list[int], data: st.DataObject
    ) -> None:
        """What is found digit by digit is what sorting finds."""
        self.patch(module, "SORTED", 0)
        ranks = data.draw(st.sets(st.integers(0, len(values) - 1)))
        inOrder = sorted(values)
        self.assertEqual(
            selected(array("q", values), ranks), {rank: inOrder[rank] for rank in ranks}
        )

    def test_selectedAmongMany(self) -> None:
        """Of more values than are sorted the right ones are found."""
        source = random.Random(5)
        values = array("q", (int(source.expovariate(1e-7)) for _ in range(20_000)))
        ranks = ranksOf(len(values), [Fraction(p, 1000) for p in (500, 900, 990, 999)])
        inOrder = sorted(values)
        self.assertEqual(selected(values, ranks), {at: inOrder[at] for at in ranks})

    @given(st.lists(times | st.integers(-2000, 2000), min_size=1, max_size=60))
    def test_histogramsError(self, values: list[int]) -> None:
        """A value of any rank is read back within the relative error, small ones
        exactly."""
        histogram = Histogram()
        histogram.update(values)
        self.assertEqual(histogram.n, len(values))
        found = histogram.copy().selected(set(range(len(values))))
        for rank, value in enumerate(sorted(values)):
            self.assertLessEqual(abs(found[rank] - value), abs(value) * RELATIVE_ERROR)
            if abs(value) < 512:
                self.assertEqual(found[rank], value)

    def test_everyValue(self) -> None:
        """Whatever the values are, the buckets are few."""
        histogram = Histogram()
        chance = random.Random(1)
        for _ in range(40):
            histogram.update(chance.getrandbits(22) for _ in range(5000))
        # Those below 512 are exact; above are 13 powers of two.
        self.assertLessEqual(len(histogram._buckets), 512 + 13 * 256)
        self.assertGreater(len(histogram._buckets), 1000)
