"""
The links of a run: how long each took to make, and what they left behind.
"""

from __future__ import annotations

from collections import deque

from echostamp.probe.interfaces import Link
from echostamp.tcpinfo import TcpInfo
from echostamp.times import SetUp

#: The most links whose set-up times are remembered.
MOST_SET_UPS = 1000


class LinkHistory:
    """
    The links of a run, one after the other.

    @ivar link: the present one; L{None} if there is none.
    """

    def __init__(self) -> None:
        self.link: Link | None = None
        self._setUps: deque[SetUp] = deque(maxlen=MOST_SET_UPS)
        self._hasReply = False
        self._details: object | None = None
        # What the kernel knew of the connections that are gone.
        self._smoothedRtt: int | None = None
        self._retransmissions = 0

    def opened(self, link: Link) -> None:
        """
        There is a link.
        """
        self.link = link
        self._hasReply = False
        self._setUps.append(link.setUp)

    def closed(self, link: Link) -> None:
        """
        The link is gone.
        """
        if link.kernel is not None:
            self._smoothedRtt = link.kernel.smoothedRtt
            self._retransmissions += link.kernel.retransmissions
        self._details = link.details()
        self.link = None

    def replied(self, wait: int) -> None:
        """
        A probe was answered: the first reply belongs to the set-up.

        @param wait: nanoseconds from the probe to the reply.
        """
        if not self._hasReply:
            self._hasReply = True
            self._setUps[-1].firstReply = wait

    @property
    def setUps(self) -> tuple[SetUp, ...]:
        """How long each link took to make; of the last ones."""
        return tuple(self._setUps)

    @property
    def details(self) -> object | None:
        """What the present link, or else the last one, found beside round trips."""
        return self._details if self.link is None else self.link.details()

    def kernel(self) -> TcpInfo | None:
        """
        Give what the kernel knows: the RTT of the last connection, and the
        retransmissions of all.
        """
        if self.link is not None:
            self.link.askKernel()
            if (now := self.link.kernel) is not None:
                again = self._retransmissions + now.retransmissions
                return TcpInfo(now.smoothedRtt, again)
        if self._smoothedRtt is None:
            return None
        return TcpInfo(self._smoothedRtt, self._retransmissions)
