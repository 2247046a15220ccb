"""
Sums up the paths of a source or of a target; pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from echostamp.text import counted
from echostamp.web.cells import SIGNS, WORDS, Cell, Level, missing
from echostamp.web.celltexts import NONE, duration, share
from echostamp.web.judgedrow import CLASSES, PLACES
from echostamp.web.matrixfilter import Figure
from echostamp.web.rowdata import PeerFigures

_ORDER = (Level.DOWN, Level.BAD, Level.WARN, Level.GOOD, Level.UNKNOWN, Level.PAUSED)


class Total:
    """
    Sums up paths.

    @ivar levels: how many paths have each level.
    """

    def __init__(
        self,
        cells: Sequence[Cell | None],
        peers: Iterable[PeerFigures | None],
        figure: Figure,
    ) -> None:
        """
        @param cells: what is said of the paths; L{None} where nobody measures.
        @param peers: their figures.  L{None} is left out.
        @param figure: by which figure they are judged.
        """
        place = PLACES[figure]
        levels = [cell.levels[place] for cell in cells if cell is not None]
        self.levels = [levels.count(each) for each in Level]
        known = [
            peer
            for peer, cell in zip(peers, cells, strict=True)
            if peer is not None and cell is not None
        ]
        lossy = [missing(peer) or 0 for peer in known if peer.lost or peer.skipped]
        if not lossy and any(peer.received for peer in known):
            lossy = [0]
        #: The worst loss in percent, and the median of the median RTTs; L{None} for
        #: none.
        self.worst = max(lossy, default=None)
        medians = sorted([each.median for each in known if each.median is not None])
        self.median = medians[len(medians) // 2] if medians else None

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
        return share(self.worst)

    @property
    def rtt(self) -> str:
        """The median of the paths' median RTTs."""
        return NONE if self.median is None else duration(self.median)

    def html(self) -> str:
        """
        Write it for a cell.
        """
        level = self.level
        return (
            f'<i class="{CLASSES[level]}"><b>{SIGNS[level]}</b> '
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
        found = ", ".join(counts) or "all good"
        return (
            f"of {counted(self.count, 'path')}: {found}; worst loss {self.loss}; "
            f"median RTT {self.rtt}"
        )
