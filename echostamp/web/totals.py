"""
Sums up the paths of a source or of a target; pure.
"""

from __future__ import annotations

from collections.abc import Iterable

from echostamp.text import counted
from echostamp.web.cells import SIGNS, WORDS, Level
from echostamp.web.celltexts import NONE, duration, share
from echostamp.web.judgedrow import CLASSES

_ORDER = (Level.DOWN, Level.BAD, Level.WARN, Level.GOOD, Level.UNKNOWN, Level.PAUSED)


class Total:
    """
    Sums up paths.

    @ivar levels: how many paths have each level.
    """

    def __init__(
        self,
        levels: Iterable[Level | None],
        shares: Iterable[float | None],
        medians: Iterable[int | None],
    ) -> None:
        """
        @param levels: those of the paths; L{None} where nobody measures.
        @param shares: their losses in percent, likewise where these are not known.
        @param medians: their median RTTs in nanoseconds, likewise.
        """
        found = [each for each in levels if each is not None]
        self.levels = [found.count(each) for each in Level]
        self._loss = max([each for each in shares if each is not None], default=None)
        known = sorted([each for each in medians if each is not None])
        self._rtt = known[len(known) // 2] if known else None

    @property
    def count(self) -> int:
        """How many paths are measured."""
        return sum(self.levels) - self.levels[Level.PAUSED]

    @property
    def troubled(self) -> int:
        """How many are no good."""
        return sum(self.levels[Level.WARN :])

    @property
    def level(self) -> Level:
        """The worst level; only where there is nothing else that of no figures."""
        for each in _ORDER:
            if self.levels[each]:
                return each
        return Level.UNKNOWN

    @property
    def loss(self) -> str:
        """The worst loss."""
        return share(self._loss)

    @property
    def rtt(self) -> str:
        """The median of the paths' median RTTs."""
        return NONE if self._rtt is None else duration(self._rtt)

    def html(self, isStale: bool = False) -> str:
        """
        Write it for a cell.

        @param isStale: whether this is what was, and not what is.
        """
        level = self.level
        stale = " s" if isStale else ""
        return (
            f'<i class="{CLASSES[level]}{stale}"><b>{SIGNS[level]}</b> '
            f"{self.troubled}/{self.count}</i>"
            f"<span>{self.loss}</span><span>{self.rtt}</span>"
        )

    def words(self) -> str:
        """
        Write it in words.
        """
        counts = [
            f"{self.levels[each]} {WORDS[each]}"
            for each in (Level.DOWN, Level.BAD, Level.WARN, Level.UNKNOWN)
            if self.levels[each]
        ]
        if not self.count:
            return "no path is measured"
        found = ", ".join(counts) or "all good"
        return (
            f"of {counted(self.count, 'path')}: {found}; worst loss {self.loss}; "
            f"median RTT {self.rtt}"
        )
