"""
Reports when no peer answers any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from echostamp.monitor.event import Event, Kind, Report
from echostamp.monitor.watchedpeer import WatchedPeer


class AllDown:
    """
    Whether all peers are down.  One event says so before those of the peers.
    """

    def __init__(
        self,
        peers: Callable[[], Iterable[WatchedPeer]],
        now: Callable[[], int],
        report: Report,
    ) -> None:
        """
        @param peers: gives the peers.
        @param now: gives nanoseconds by the monotonic clock.
        @param report: reports an event without a peer.
        """
        self._peers = peers
        self._now = now
        self._report = report
        self._areAllDown = False

    def _areSilent(self, least: int) -> int:
        """
        Count the peers that are watched, if none of them is answered.

        @param least: how many it must be at least.
        @return: 0 if one is answered, or they are fewer.
        """
        watched = [each for each in self._peers() if not each.peer.isPaused]
        now = self._now()
        areSilent = all(each.contact.isSilent(now) for each in watched)
        return len(watched) if areSilent and len(watched) >= least else 0

    def happens(self, event: Event, isUp: bool) -> None:
        """
        Look at an event of a peer before it is reported.

        @param isUp: whether the peer answers.
        """
        if event.kind is Kind.DOWN and not self._areAllDown:
            count = self._areSilent(2)
            if count:
                self._areAllDown = True
                text = f"none of the {count} peers answers"
                self._report(Kind.DOWN, text, peers=count)
        elif event.kind is Kind.UP and isUp and self._areAllDown:
            self._areAllDown = False
            self._report(Kind.UP, "peers answer again")

    def changed(self) -> None:
        """
        Look whether the peers that are watched now are all down.
        """
        if self._areAllDown and not self._areSilent(1):
            self._areAllDown = False
            self._report(Kind.UP, "the peers have changed")
