"""Tests for L{echostamp.probe.linkhistory}."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from echostamp.probe.linkhistory import LinkHistory
from echostamp.tcpinfo import TcpInfo
from echostamp.times import SetUp


class FakeLink:
    """
    A link with given figures.
    """

    def __init__(self, kernel: TcpInfo | None = None, found: object = None) -> None:
        """
        @param kernel: the kernel's figures, known once they are asked for.
        @param found: what the link finds besides round trips.
        """
        self.setUp = SetUp()
        self.kernel: TcpInfo | None = None
        self._kernel = kernel
        self._found = found

    def askKernel(self) -> None:
        """Read the kernel's figures."""
        self.kernel = self._kernel

    def details(self) -> object:
        """Give what the link found."""
        return self._found


class LinkHistoryTests(SynchronousTestCase):
    """
    Tests for the set-up times and last figures of links.
    """

    def setUp(self) -> None:
        """Begin without a link."""
        self.history = LinkHistory(5)

    def open(self, *figures: Any) -> Any:
        """Open a link."""
        link: Any = FakeLink(*figures)
        self.history.opened(link)
        return link

    def test_firstReply(self) -> None:
        """Only the first reply over a link is part of its set-up."""
        for first in 5, 7:
            link = self.open()
            self.history.replied(first)
            self.history.replied(1)
            self.history.closed(link)
        replies = [each.firstReply for each in self.history.setUps]
        self.assertEqual(replies, [5, 7])

    def test_manyLinks(self) -> None:
        """The set-up times of the last links are kept."""
        for _ in range(8):
            last = self.open()
            self.history.closed(last)
        self.assertEqual(len(self.history.setUps), 5)
        self.assertIs(self.history.setUps[-1], last.setUp)

    def test_kernel(self) -> None:
        """The RTT is that of the last link, the retransmissions are those of all."""
        self.assertIsNone(self.history.kernel())
        first = self.open(TcpInfo(7000, 2))
        self.assertEqual(self.history.kernel(), TcpInfo(7000, 2))
        self.history.closed(first)
        self.assertEqual(self.history.kernel(), TcpInfo(7000, 2))
        second = self.open(TcpInfo(9000, 3))
        self.assertEqual(self.history.kernel(), TcpInfo(9000, 5))
        self.history.closed(second)
        self.assertEqual(self.history.kernel(), TcpInfo(9000, 5))
        self.open()
        self.assertEqual(self.history.kernel(), TcpInfo(9000, 5))

    def test_details(self) -> None:
        """The findings are those of the present link, or else of the last one."""
        self.assertIsNone(self.history.details)
        link = self.open(None, "first")
        self.assertEqual(self.history.details, "first")
        self.history.closed(link)
        self.assertIsNone(self.history.link)
        self.assertEqual(self.history.details, "first")
        self.open(None, "second")
        self.assertEqual(self.history.details, "second")
