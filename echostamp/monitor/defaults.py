"""
Defaults of the monitor's options; pure.
"""

from __future__ import annotations

from echostamp.times import MICROSECOND

#: The most probes a second, of all peers.
MAX_PROBES = 2000

#: The upper bounds of the histogram's buckets in nanoseconds: 10 us to 10 s in steps of
#: 1, 2 and 5.  What is longer is in one more bucket.
BUCKETS = (
    *(base * 10**power * MICROSECOND for power in range(1, 7) for base in (1, 2, 5)),
    10**7 * MICROSECOND,
)
