"""Tests for L{echostamp.rfc8762.settledlosses}."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.rfc8762.settledlosses import SettledLosses, TokenLosses

FORWARD, BACKWARD = "forward", "backward"


@dataclass
class Reflector:
    """
    A stateful reflector behind a path that loses packets.

    @ivar number: its next number.
    """

    number: int = 0

    def numberOf(self) -> int:
        """Number a packet."""
        self.number += 1
        return (self.number - 1) % (1 << 32)


def run(fates: list[str], timeout: int, first: int = 0) -> SettledLosses:
    """
    Send packets one after the other.  A packet is lost when so many others were sent
    after it.
    """
    losses, reflector = SettledLosses(first), Reflector()
    for packet, fate in enumerate(fates + ["ok"] * (timeout + 1), first):
        if fate != FORWARD:
            number = reflector.numberOf()
            if fate != BACKWARD:
                losses.answered(packet, number)
        losses.settle(packet + 1 - timeout)
    return losses


class SettledLossesTests(SynchronousTestCase):
    """
    Each packet that is lost counts once, in its direction.
    """

    def assertCounts(
        self, losses: SettledLosses, forward: int, backward: int, unknown: int = 0
    ) -> None:
        """Compare all counts."""
        self.assertEqual(
            (losses.forward, losses.backward, losses.unknown),
            (forward, backward, unknown),
        )

    @given(
        st.lists(st.sampled_from(["ok", "ok", FORWARD, BACKWARD]), max_size=60),
        st.integers(1, 20),
        st.sampled_from([0, (1 << 32) - 20]),
    )
    def test_countsAreExact(self, fates: list[str], timeout: int, first: int) -> None:
        """On a path that only loses, each loss after the first reply is exact."""
        fates = [FORWARD, "ok", *fates]
        losses = run(fates, timeout, first)
        self.assertCounts(losses, fates.count(FORWARD) - 1, fates.count(BACKWARD), 1)

    def test_packetsInFlightAreNotCounted(self) -> None:
        """A packet between two answered ones is only counted when it is lost."""
        losses = SettledLosses()
        losses.answered(0, 7)
        losses.answered(2, 8)
        self.assertCounts(losses, 0, 0)
        losses.settle(2)
        self.assertCounts(losses, 1, 0)

    def test_answeredAfterTheNextOne(self) -> None:
        """A packet that is only overtaken is not lost; one beside it is."""
        losses = SettledLosses()
        losses.answered(0, 7)
        losses.answered(3, 9)
        losses.answered(2, 10)
        losses.settle(4)
        # One of the numbers 8 and 9 is that of packet 1: it came there.
        self.assertCounts(losses, 0, 1)

    def test_answeredLate(self) -> None:
        """A packet that is answered after it was lost was lost nowhere."""
        losses = SettledLosses()
        losses.answered(0, 7)
        losses.settle(2)
        losses.answered(1, 8)
        losses.answered(2, 9)
        losses.settle(4)
        losses.answered(4, 10)
        losses.answered(3, 11)
        self.assertCounts(losses, 1, 0, 1)

    def test_answeredLateInAGap(self) -> None:
        """Beside a packet that is answered late, the others count as they should."""
        losses = SettledLosses()
        losses.answered(0, 7)
        losses.answered(3, 9)
        losses.settle(2)
        losses.answered(1, 8)
        losses.settle(3)
        self.assertCounts(losses, 1, 0, 1)

    def test_doubledOnTheWayThere(self) -> None:
        """The number of a packet's second reply is not that of a lost packet."""
        losses = SettledLosses()
        losses.answered(0, 7)
        losses.repeated(8)
        losses.answered(2, 9)
        losses.settle(2)
        self.assertCounts(losses, 1, 0)

    def test_doubledReplyComesLater(self) -> None:
        """The same where that reply is overtaken by the next one."""
        losses = SettledLosses()
        losses.answered(0, 7)
        losses.answered(2, 9)
        losses.repeated(8)
        losses.settle(2)
        self.assertCounts(losses, 1, 0)

    def test_restart(self) -> None:
        """Around a restart of the reflector nothing is known."""
        losses = SettledLosses()
        losses.answered(0, 7)
        losses.settle(2)
        losses.answered(2, 0)
        losses.settle(4)
        losses.answered(4, 1)
        self.assertCounts(losses, 1, 0, 1)

    def test_statelessReflector(self) -> None:
        """A reflector that repeats our numbers shows nothing."""
        losses = SettledLosses()
        losses.answered(0, 0)
        losses.settle(2)
        losses.answered(2, 2)
        self.assertCounts(losses, 0, 0, 1)

    def test_beforeTheFirstReply(self) -> None:
        """Packets before the first reply are not known, however many."""
        losses = SettledLosses()
        for packet in range(5):
            losses.settle(packet + 1)
        self.assertCounts(losses, 0, 0)
        losses.answered(6, 3)
        losses.settle(6)
        self.assertCounts(losses, 0, 0, 6)


class TokenLossesTests(SynchronousTestCase):
    """
    Only packets with tokens of 0 or more are counted.
    """

    def test_firstPacketIsNotCounted(self) -> None:
        """A packet that is not a probe is not counted.  The number of its reply shows
        what was lost behind it."""
        losses = TokenLosses()
        losses.sent(-1, 0)
        losses.replied(-1, 0, 7, True)
        self.assertEqual(losses.counts, (0, 0, 0))
        for token in 100, 101, 102:
            losses.sent(token, token - 99)
        losses.replied(102, 3, 9, True)
        losses.settle(103)
        self.assertEqual(losses.counts, (1, 1, 0))

    def test_numbersAreTheirs(self) -> None:
        """Numbers that are ours, too, may be known to be the reflector's own, from
        before the first probe or later."""
        for known in -1, 0:
            losses = TokenLosses()
            for token in -1, 0, 1, 2:
                losses.sent(token, token + 1)
                if token != 1:
                    losses.replied(token, token + 1, token + 1, True)
                if token == known:
                    losses.numbersAreTheirs()
            losses.settle(3)
            self.assertEqual(losses.counts, (0, 1, 0))

    def test_lateReplyToTheFirstPacket(self) -> None:
        """Its number is not that of a lost packet."""
        losses = TokenLosses()
        losses.sent(-1, 0)
        for token in 0, 1, 2:
            losses.sent(token, token + 1)
        losses.replied(0, 1, 5, True)
        losses.replied(-1, 0, 6, True)
        losses.replied(2, 3, 7, True)
        losses.settle(3)
        self.assertEqual(losses.counts, (1, 0, 0))
