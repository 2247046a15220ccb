"""
How a daemon comes back into a room of several that has lost it.
"""

from __future__ import annotations

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from echostamp.intercom.audience import Audience
from echostamp.intercom.entries import Gone, Leave, Operation
from echostamp.intercom.saying import Saying
from echostamp.intercom.sharedroom import MOST_DAEMONS, SharedRoom

#: Seconds until a daemon tries again that is one too many.
FULL = 1.0


class ComingBack:
    """
    Lets the members of a daemon join again, under a new id of the daemon.
    """

    def __init__(
        self, reactor: IReactorTime, audience: Audience, saying: Saying
    ) -> None:
        """
        @param reactor: runs the timer.
        @param audience: the members.
        @param saying: what the daemon says.
        """
        self._reactor = reactor
        self._audience = audience
        self._saying = saying
        self._timer: IDelayedCall | None = None
        self._isStopped = False

    def now(self) -> None:
        """
        Come back: the others have lost the members of this daemon.
        """
        if self._isStopped:
            return
        # Entries under the id before may still be on their way.
        first: list[Operation] = [Gone(self._saying.daemon, self._audience.stamp())]
        first += [each.joinAgain() for each in self._audience if each.isListed]
        self._saying.renew(first)

    def ifOthers(self, shared: SharedRoom) -> None:
        """
        Come back if the members of this daemon are others in a state that it has taken.
        """
        daemon = self._saying.daemon
        waiting = (entry.operation for entry in self._saying.waiting())
        left = {each.member for each in waiting if isinstance(each, Leave)}
        there = {number for owner, number in shared.members if owner == daemon}
        if there - left != {each.number for each in self._audience if each.isListed}:
            self.now()

    def soon(self, daemons: int) -> None:
        """
        Come back: an entry of this daemon did not count.

        @param daemons: how many daemons there are.
        """
        if daemons < MOST_DAEMONS:
            self.now()
        elif self._timer is None and not self._isStopped:
            self._timer = self._reactor.callLater(FULL, self._again)

    def stop(self) -> None:
        """
        Do not come back any more.
        """
        self._isStopped = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _again(self) -> None:
        """
        Come back after some time.
        """
        self._timer = None
        self.now()
