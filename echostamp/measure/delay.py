"""
Delays and losses, from the times of the probes.

Durations are integer nanoseconds.  Means, standard deviations and quantiles lie between
integers: those are floats.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from math import sqrt
from operator import mul
from typing import NamedTuple

from echostamp.measure.block import LOST, UNKNOWN, Block
from echostamp.measure.bursts import LossBursts
from echostamp.measure.quantiles import SORTED, Histogram, ranksOf, selected
from echostamp.measure.samples import LIMIT, Run

#: Below so many values there is no 99.9th percentile.
ENOUGH_FOR_P999 = 1000

#: Which quantiles there are, in thousandths.
_PARTS = 500, 900, 990, 999
_QUANTILES = [Fraction(part, 1000) for part in _PARTS]


def roundTrip(t1: int, t2: int, t3: int, t4: int) -> int:
    """
    Return the RTT without the residence: C{(t4 - t1) - (t3 - t2)} (RFC 2681 and RFC
    8762, section 4).  If the far end gives one stamp, C{t2 == t3}.
    """
    return (t4 - t1) - (t3 - t2)


class Summary(NamedTuple):
    """
    Statistics of values in nanoseconds.

    @ivar n: how many.
    @ivar stddev: the sample standard deviation, with C{n - 1}; L{None} for one value.
    @ivar p90: the 90th percentile, by L{quantile}'s method, as C{median} is; so is
        C{p99}.
    @ivar p999: the 99.9th; L{None} below L{ENOUGH_FOR_P999} values.
    @ivar exact: whether the quantiles are exact, and not within
        L{RELATIVE_ERROR<echostamp.measure.quantiles.RELATIVE_ERROR>}.
    """

    n: int
    min: int
    mean: float
    median: float
    max: int
    stddev: float | None
    p90: float
    p99: float
    p999: float | None
    exact: bool

    @property
    def mdev(self) -> float:
        """The deviation of the whole, as C{ping(8)} of iputils computes it."""
        return (self.stddev or 0.0) * sqrt((self.n - 1) / self.n)


class _Moments:
    """
    Exact sums of values, for their mean and their standard deviation.
    """

    def __init__(self) -> None:
        self.n = self.total = self.squares = 0
        self.min: int | None = None
        self.max: int | None = None
        self.histogram = Histogram()

    def update(self, values: Sequence[int]) -> None:
        """Add values."""
        if values:
            self.n += len(values)
            self.total += sum(values)
            self.squares += sum(map(mul, values, values))
            lows = [min(values), *([] if self.min is None else [self.min])]
            highs = [max(values), *([] if self.max is None else [self.max])]
            self.min, self.max = min(lows), max(highs)


def summary(values: Iterable[int], earlier: _Moments | None = None) -> Summary | None:
    """
    Summarise values.

    @param values: nanoseconds.
    @param earlier: the values before them, which were not kept one by one.
    @return: L{None} if there is no value.
    """
    kept: Sequence[int]
    kept = values if isinstance(values, (array, list)) else array("q", values)
    if earlier is not None and earlier.n:
        return _summaryOfMany(kept, earlier)
    if not kept:
        return None
    if len(kept) > SORTED:
        low, high = min(kept), max(kept)
        ranked = selected(kept, ranksOf(len(kept), _QUANTILES), (low, high)).__getitem__
    else:
        kept = sorted(kept)
        low, high, ranked = kept[0], kept[-1], kept.__getitem__
    squares = sum(map(mul, kept, kept))
    return _summary(len(kept), sum(kept), squares, low, high, ranked, True)


def _summaryOfMany(kept: Sequence[int], earlier: _Moments) -> Summary:
    """
    Summarise values of which most are in a histogram only.
    """
    sums = _Moments()
    sums.update(kept)
    lows = [each for each in (sums.min, earlier.min) if each is not None]
    highs = [each for each in (sums.max, earlier.max) if each is not None]
    n, low, high = sums.n + earlier.n, min(lows), max(highs)
    histogram = earlier.histogram.copy()
    histogram.update(kept)
    found = histogram.selected(ranksOf(n, _QUANTILES))
    byRank = {rank: min(max(at, low), high) for rank, at in found.items()}
    total, squares = sums.total + earlier.total, sums.squares + earlier.squares
    return _summary(n, total, squares, low, high, byRank.__getitem__, False)


def _summary(
    n: int,
    total: int,
    squares: int,
    low: int,
    high: int,
    ranked: Callable[[int], int],
    exact: bool,
) -> Summary:
    """
    Make a summary from sums of the values and a function from rank to value.
    """
    spread = n * squares - total * total
    last = n - 1
    found = []
    for part in _PARTS:
        # As quantile does, without a call for each.
        rank, rest = divmod(last * part, 1000)
        value: float = ranked(rank)
        if rest:
            value = (value * 1000 + rest * (ranked(rank + 1) - value)) / 1000
        found.append(float(value))
    median, p90, p99, p999 = found
    return Summary(
        n,
        low,
        total / n,
        median,
        high,
        sqrt(spread / (n * last)) if last else None,
        p90,
        p99,
        p999 if n >= ENOUGH_FOR_P999 else None,
        exact,
    )


def rtts(blocks: Iterable[Block]) -> array[int]:
    """Return the RTTs of the probes answered in time, from when they were sent."""
    values = array("q")
    for block in blocks:
        columns = zip(block.rtt, block.flags, strict=True)
        values.extend([r for r, flags in columns if r != UNKNOWN and not flags & LOST])
    return values


def rttsFromDue(blocks: Iterable[Block]) -> array[int]:
    """Return the RTTs from when the probes were due."""
    values = array("q")
    for block in blocks:
        columns = zip(block.rtt, block.t1, block.due, block.flags, strict=True)
        values.extend(
            [
                rtt + t1 - due
                for rtt, t1, due, flags in columns
                if rtt != UNKNOWN and not flags & LOST
            ]
        )
    return values


def ipdv(blocks: Iterable[Block], before: int | None = None) -> array[int]:
    """
    Return the differences between the RTTs of consecutively sent probes, the later less
    the earlier (RFC 3393, section 2; of the round trip).  A pair of which one is lost
    has none.

    @param before: the RTT of the probe sent before the first.
    """
    values = array("q")
    last = UNKNOWN if before is None else before
    for block in blocks:
        columns = zip(block.rtt, block.flags, strict=True)
        found = [UNKNOWN if flags & LOST else rtt for rtt, flags in columns]
        values.extend(
            [
                rtt - earlier
                for rtt, earlier in zip(found, [last, *found], strict=False)
                if rtt != UNKNOWN != earlier
            ]
        )
        last = found[-1]
    return values


class Delays:
    """
    The probes of a run, and statistics of their round trips.

    @ivar run: the probes.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        """
        @param limit: how many probes are kept one by one.  Beyond it percentiles come
            from a L{Histogram}.
        """
        self.run = Run(limit, self._leave)
        self._rtt, self._due, self._ipdv = _Moments(), _Moments(), _Moments()
        self._losses = LossBursts()
        self._lastRtt: int | None = None
        self._state: tuple[int, ...] = ()
        self._found: dict[str, Summary | None] = {}

    def _leave(self, block: Block) -> None:
        values = rtts([block])
        for moments, each in (
            (self._rtt, values),
            (self._due, rttsFromDue([block])),
            (self._ipdv, _magnitudes(ipdv([block], self._lastRtt))),
        ):
            moments.update(each)
            moments.histogram.update(each)
        self._losses.update([block])
        isKnown = block.rtt[-1] != UNKNOWN and not block.flags[-1] & LOST
        self._lastRtt = values[-1] if isKnown else None

    def _once(self, name: str, find: Callable[[], Summary | None]) -> Summary | None:
        """
        Return a summary.  It is made again only if something has changed since.
        """
        run = self.run
        state = run.sent, run.received, run.lost, run.amended
        if state != self._state:
            self._state, self._found = state, {}
        if name not in self._found:
            self._found[name] = find()
        return self._found[name]

    def rtt(self) -> Summary | None:
        """Summarise the RTT from when the probes were sent."""
        return self._once("rtt", lambda: summary(rtts(self.run.blocks()), self._rtt))

    def rttFromDue(self) -> Summary | None:
        """Summarise the RTT from when the probes were due."""
        return self._once(
            "due", lambda: summary(rttsFromDue(self.run.blocks()), self._due)
        )

    def ipdv(self) -> Summary | None:
        """Summarise the magnitude of the L{ipdv}."""
        return self._once(
            "ipdv",
            lambda: summary(
                _magnitudes(ipdv(self.run.blocks(), self._lastRtt)), self._ipdv
            ),
        )

    def bursts(self) -> dict[int, int]:
        """Return the lengths of bursts of loss, and how many there were of each."""
        losses = self._losses.copy()
        losses.update(self.run.blocks())
        return losses.lengths()


def _magnitudes(values: array[int]) -> array[int]:
    # In place: of a million values a copy is 8 MB.
    for at, value in enumerate(values):
        if value < 0:
            values[at] = -value
    return values
