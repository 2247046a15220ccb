"""
The numbers of what was due.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right

from echostamp.measure.block import Probe


class DueNumbers:
    """
    Numbers what was due, from 0: the probes that were sent and those that were skipped.
    The stores and the wire number only what was sent.

    It keeps 16 octets for each time that sending went on after skipped probes, as long
    as a probe before that may be asked for.
    """

    __slots__ = ("_skips",)

    def __init__(self) -> None:
        # From which number of a sent probe on how many had been skipped; L{None} as
        # long as none was, as in most runs.
        self._skips: tuple[array[int], array[int]] | None = None

    @property
    def skipped(self) -> int:
        """How many probes were skipped."""
        return self._skips[1][-1] if self._skips else 0

    def skip(self, sent: int, oldest: int) -> int:
        """
        Skip a probe.

        @param sent: how many were sent before it.
        @param oldest: the least number of a sent probe that will be asked for.
        @return: the number of the skipped probe.
        """
        skipped = self.skipped + 1
        if self._skips is None:
            self._skips = array("q"), array("q")
        firsts, before = self._skips
        if firsts and firsts[-1] == sent:
            before[-1] = skipped
            return sent + skipped - 1
        useless = bisect_right(firsts, oldest) - 1
        # Not each time: what is behind has to move.
        if useless > len(firsts) // 2:
            del firsts[:useless], before[:useless]
        firsts.append(sent)
        before.append(skipped)
        return sent + skipped - 1

    def of(self, seq: int) -> int:
        """
        Give the number of a sent probe among all that were due.

        @param seq: its number among those that were sent.
        """
        if self._skips is None:
            return seq
        firsts, before = self._skips
        place = bisect_right(firsts, seq) - 1
        return seq + (before[place] if place >= 0 else 0)

    def numbered(self, probe: Probe) -> Probe:
        """
        Number a probe among all that were due.
        """
        return probe._replace(seq=self.of(probe.seq)) if self._skips else probe
