"""
Makes the rows of the table of C{echostamp watch} from snapshots.
"""

from __future__ import annotations

from collections.abc import Callable

from echostamp.client.watchrow import LossWindow, OffsetBounds, Row, TargetState
from echostamp.measure.offsetwindow import NO_FIT
from echostamp.measure.result import Figures
from echostamp.monitor.snapshot import PeerSnapshot
from echostamp.monitor.tally import Direction
from echostamp.text import printable


def stateOf(snapshot: PeerSnapshot) -> TargetState:
    """
    Give the state of a target.
    """
    if snapshot.peer.isPaused:
        return TargetState.PAUSED
    if snapshot.isUp is None:
        return TargetState.NEW if snapshot.isResolved else TargetState.NO_ADDRESS
    if not snapshot.isUp:
        return TargetState.DOWN
    return TargetState.OVER if snapshot.exceeded else TargetState.UP


class Rows:
    """
    Makes rows, and keeps the last one of each target that is watched.
    """

    def __init__(self, window: int, now: Callable[[], int]) -> None:
        """
        @param window: the length of the window, in nanoseconds.
        @param now: gives nanoseconds by the monotonic clock.  Counters begin now.
        """
        self._window = window
        self._now = now
        self._began = now()
        self._rows: dict[str, Row] = {}
        self._losses: dict[str, LossWindow] = {}
        self._places = 0
        self._taken: set[str] = set()

    @property
    def all(self) -> list[Row]:
        """The rows."""
        return list(self._rows.values())

    def take(self, snapshot: PeerSnapshot) -> None:
        """
        Make a target's row.
        """
        name = snapshot.peer.name
        self._taken.add(name)
        if name in self._rows:
            place = self._rows[name].place
        else:
            place = self._places
            self._places += 1
        figures = None if snapshot.window is None else snapshot.window.figures
        forward, backward = self._shares(snapshot, figures)
        rtt = None if figures is None else figures.rtt
        self._rows[name] = Row(
            name=printable(name),
            place=place,
            state=stateOf(snapshot),
            last=snapshot.lastRtt,
            median=None if rtt is None else rtt.median,
            p99=None if rtt is None else rtt.p99,
            missing=None if figures is None else missingShare(figures),
            forward=forward,
            backward=backward,
            offset=None if figures is None else _offset(figures),
            exceeded=frozenset(name for name, _ in snapshot.exceeded),
            recent=snapshot.recent,
        )

    def taken(self) -> None:
        """
        Forget the targets of which no snapshot was taken since the last call: they are
        watched no more.
        """
        for name in self._rows.keys() - self._taken:
            del self._rows[name], self._losses[name]
        self._taken.clear()

    def _shares(
        self, snapshot: PeerSnapshot, figures: Figures | None
    ) -> tuple[float | None, float | None]:
        """
        Give the share of probes that were lost in each direction; L{None} where that is
        not known.
        """
        name = snapshot.peer.name
        counts = tuple(snapshot.tally.lost[each] for each in Direction)
        if name not in self._losses:
            nothing = (0,) * len(counts)
            self._losses[name] = LossWindow(self._window, self._began, nothing)
        forward, backward, _ = self._losses[name].add(self._now(), counts)
        known = 0 if figures is None else _known(figures)
        if figures is None or not known:
            return None, None
        if figures.lost and not (forward or backward):
            # They are lost in an unknown direction, or in one that is not known yet.
            return None, None
        # The beginnings of both windows may differ by a probe.
        return min(100.0, 100 * forward / known), min(100.0, 100 * backward / known)


def _known(figures: Figures) -> int:
    """
    Count the probes whose fate is known.
    """
    return figures.received + figures.lost + figures.skipped


def missingShare(figures: Figures) -> float | None:
    """
    Give the share of probes that were lost or could not be sent, in percent.
    """
    known = _known(figures)
    return 100 * (figures.lost + figures.skipped) / known if known else None


def _offset(figures: Figures) -> OffsetBounds | None:
    """
    Give the bounds of the offset.
    """
    found = figures.offset
    if found is None:
        return None
    isMisfit = found.verdict == NO_FIT
    return OffsetBounds(found.estimate, found.low, found.high, isMisfit)
