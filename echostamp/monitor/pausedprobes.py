"""
Counts the probes that are not sent because a peer is paused; pure.
"""

from __future__ import annotations

from echostamp.monitor.tally import Skip, Tally


class PausedProbes:
    """
    Counts the probes that would have been due since a peer was paused.
    """

    def __init__(self, interval: int, began: int) -> None:
        """
        @param interval: from one probe to the next, in nanoseconds.
        @param began: when it was paused, by the monotonic clock.
        """
        self._interval = interval
        self._began = began

    def count(self, now: int, flows: int, tally: Tally) -> None:
        """
        Count those that became due since the last call.

        @param now: by the monotonic clock.
        @param flows: how many flows the peer has.
        @param tally: where to count.
        """
        due = (now - self._began) // self._interval
        self._began += due * self._interval
        tally.skipped[Skip.PAUSED] += due * flows
