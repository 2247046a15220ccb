"""
Keeps the set-up times and the last figures of a run's links.
"""

from __future__ import annotations

from echostamp.probe.interfaces import Link
from echostamp.tcpinfo import TcpInfo
from echostamp.times import SetUp


class LinkHistory:
    """
    The links of a run; there is at most one at a time.

    @ivar link: the present one; L{None} while there is none.
    @ivar hasReply: whether it has delivered a reply to a probe.
    """

    def __init__(self, most: int) -> None:
        """
        @param most: of how many of the last links to keep the set-up times.
        """
        self._most = most
        self.link: Link | None = None
        self._setUps: list[SetUp] = []
        self.hasReply = False
        self._replaced: Link | None = None
        self._details: object | None = None
        # The kernel's figures of the connections before the present one.
        self._smoothedRtt: int | None = None
        self._retransmissions = 0

    def opened(self, link: Link) -> bool:
        """
        Add a link.  One that it replaces remains open, for replies to probes that were
        sent by it.

        @return: whether it replaces one.
        """
        self.closeReplaced()
        replaced = self.link
        if replaced is not None:
            self.closed(replaced)
            self._replaced = replaced
        self.link = link
        self.hasReply = False
        self._setUps.append(link.setUp)
        del self._setUps[: -self._most]
        return replaced is not None

    def closeReplaced(self) -> None:
        """
        Close the link that was replaced, if there is one.
        """
        link, self._replaced = self._replaced, None
        if link is not None:
            link.finish()

    def closed(self, link: Link) -> None:
        """
        Keep the last figures of a link that was lost.
        """
        if link.kernel is not None:
            self._smoothedRtt = link.kernel.smoothedRtt
            self._retransmissions += link.kernel.retransmissions
        self._details = link.details()
        self.link = None

    def replied(self, wait: int) -> None:
        """
        Note a reply to a probe.  The first one over a link is part of its set-up.

        @param wait: nanoseconds from the probe to the reply.
        """
        if not self.hasReply:
            self.hasReply = True
            self._setUps[-1].firstReply = wait

    @property
    def setUps(self) -> tuple[SetUp, ...]:
        """How long it took to make each of the last links."""
        return tuple(self._setUps)

    @property
    def details(self) -> object | None:
        """The findings of the present or else the last link, besides round trips."""
        return self._details if self.link is None else self.link.details()

    def kernel(self) -> TcpInfo | None:
        """
        Give the kernel's figures: the RTT of the last connection, and the
        retransmissions of all; L{None} if it has none.
        """
        if self.link is not None:
            self.link.askKernel()
            if (now := self.link.kernel) is not None:
                again = self._retransmissions + now.retransmissions
                return TcpInfo(now.smoothedRtt, again)
        if self._smoothedRtt is None:
            return None
        return TcpInfo(self._smoothedRtt, self._retransmissions)
