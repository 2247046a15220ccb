"""
What is known of a peer's probes in a span of time, as plain data; pure.
"""

from __future__ import annotations

from typing import NamedTuple

from echostamp.measure.result import Figures


class RttQuantiles(NamedTuple):
    """
    Quantiles of the RTT that its summary does not have, in nanoseconds.

    @ivar p10: the 10th percentile, and so on.
    """

    p10: float
    p25: float
    p75: float


class SpanFigures(NamedTuple):
    """
    The probes of a peer in a span of time that ends now.

    @ivar figures: their figures.
    @ivar quantiles: more quantiles of the RTT; L{None} where no RTT is known.
    @ivar hopsForward: how many routers the last packet passed on the way there;
        L{None} where that is not known.
    @ivar hopsBackward: on the way back, likewise.
    """

    figures: Figures = Figures()
    quantiles: RttQuantiles | None = None
    hopsForward: int | None = None
    hopsBackward: int | None = None
