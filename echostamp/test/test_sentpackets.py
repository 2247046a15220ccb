"""Tests for L{echostamp.rfc8762.sentpackets}."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.rfc8762.sentpackets import KEPT, SentPackets
from echostamp.test.sizes import heldBy


class SentPacketsTests(SynchronousTestCase):
    """
    What a session-sender remembers of its packets.
    """

    def make(self, count: int, first: int = 0) -> SentPackets:
        """Remember packets with the tokens from 0 up, sent a second apart."""
        sent = SentPackets(first)
        for token in range(count):
            sent.add(token, 10**9 * token, token << 32)
        return sent

    def test_find(self) -> None:
        """A packet is found by its sequence number."""
        sent = self.make(3)
        self.assertEqual([sent.find(each) for each in range(3)], [0, 1, 2])
        self.assertIsNone(sent.find(3))
        self.assertEqual(sent.wire(2), 2 << 32)
        self.assertEqual(sent.look(2), (2, 2 * 10**9, False))
        sent.answer(2)
        self.assertEqual(sent.look(2), (2, 2 * 10**9, True))

    def test_sentBefore(self) -> None:
        """The time of the packet before one is found by its sequence number, beyond
        2^32, too."""
        sent = SentPackets((1 << 32) - 1)
        for each in range(3):
            sent.add(each, 100 + each, 0)
        self.assertIsNone(sent.sentBefore((1 << 32) - 1))
        self.assertEqual([sent.sentBefore(0), sent.sentBefore(1)], [100, 101])

    def test_unanswered(self) -> None:
        """The packets that were not answered are counted, also when they are given
        up."""
        sent = SentPackets()
        for each in range(3):
            sent.add(each, 0, 0)
        sent.answer(1)
        sent.settle(3)
        self.assertEqual(sent.unanswered, 2)

    def test_nothing(self) -> None:
        """Before the first packet nothing is found."""
        sent = SentPackets()
        self.assertIsNone(sent.find(0))
        self.assertIsNone(sent.departing(0, 0))

    def test_sequenceNumbersHave32Bits(self) -> None:
        """Sequence numbers start again at 0 after 2^32 packets; all are found."""
        sent = self.make(0, (1 << 32) - 2)
        sequences = []
        for token in range(4):
            sequences.append(sent.sequence)
            packet = sent.add(token, 0, token)
            self.assertEqual(sent.find(sequences[-1]), packet)
        self.assertEqual(sequences, [(1 << 32) - 2, (1 << 32) - 1, 0, 1])

    @given(st.lists(st.sampled_from(["send", "extra", "answer", "settle"])))
    def test_inFlight(self, steps: list[str]) -> None:
        """A packet that is not answered and not given up is never forgotten; of those
        before, the last are known."""
        sent, token = SentPackets(), 0
        inFlight: dict[int, int] = {}
        for step in steps:
            for _ in range(40):
                if step in ("send", "extra"):
                    name = token if step == "send" else -1
                    token += step == "send"
                    inFlight[sent.add(name, 0, 0)] = name
                elif step == "answer" and inFlight:
                    packet, _ = inFlight.popitem()
                    sent.answer(packet)
            if step == "settle":
                sent.settle(token - 20)
                inFlight = {n: t for n, t in inFlight.items() if t >= token - 20}
        self.assertTrue(all(packet in sent for packet in inFlight))
        oldest = min(inFlight, default=0)
        self.assertTrue(all(n in sent for n in range(max(0, oldest - KEPT), oldest)))

    def test_memory(self) -> None:
        """Each packet in flight takes 25 octets, and an eighth for room to grow."""
        for count in 1000, 10_000:
            self.assertLess(heldBy(self.make(count)), 25 * count * 9 / 8 + 2000)
        sent = self.make(10_000)
        sent.settle(10_000)
        self.assertEqual(len(sent), KEPT)
        self.assertLess(heldBy(sent), 25 * (KEPT * 9 / 8 + 32) + 1000)

    # --- Departures -------------------------------------------------------------------

    def test_departures(self) -> None:
        """A departure sets T1 once."""
        sent = self.make(0)
        for token in range(3):
            sent.count(sent.add(token, 100, 0), token)
        self.assertEqual(sent.departing(1, 105), 1)
        sent.depart(1, 105)
        self.assertEqual(sent.look(1), (1, 105, False))
        self.assertIsNone(sent.departing(1, 109))
        self.assertIsNone(sent.departing(3, 105))

    def test_departureBeforeSending(self) -> None:
        """A departure before T1 is that of another packet; the right one still
        counts."""
        sent = self.make(0)
        sent.count(sent.add(0, 100, 0), 0)
        self.assertIsNone(sent.departing(0, 99))
        self.assertEqual(sent.departing(0, 100), 0)

    def test_portLosesCount(self) -> None:
        """When the port counts from 0 again, the numbers mean the packets from then
        on."""
        sent = self.make(0)
        for token, number in enumerate([0, 1, 2, 0, 1]):
            sent.count(sent.add(token, 100, 0), number)
        self.assertEqual([sent.departing(each, 100) for each in range(3)], [3, 4, None])

    def test_departuresHave32Bits(self) -> None:
        """The port's numbers start again at 0 after 2^32 datagrams."""
        sent = self.make(0)
        for token, number in enumerate([(1 << 32) - 1, 0, 1]):
            sent.count(sent.add(token, 100, 0), number)
        found = [sent.departing(each, 100) for each in ((1 << 32) - 1, 0, 1)]
        self.assertEqual(found, [0, 1, 2])
