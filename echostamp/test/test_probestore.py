"""Tests for L{echostamp.probe.probestore} and both stores."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.measure.windowspec import WindowSpec
from echostamp.probe.flights import Flight
from echostamp.probe.keptprobes import KeptProbes
from echostamp.probe.plan import Plan
from echostamp.probe.prober import probeStore
from echostamp.probe.probestore import FirstReply, ProbeStore, probeInFlight
from echostamp.probe.windowedprobes import WindowedProbes
from echostamp.times import MILLISECOND, SECOND, Times

EPOCH = 1_700_000_000 * SECOND
ALL = WindowSpec("all", count=600)

#: What may become of a probe.  The reply to a "later" one comes when the fate of the
#: next one is known, and is altered.
FATES = [
    *("lost", "answered", "twice", "late", "later", "altered", "untimed", "skipped")
]


def flight(seq: int) -> Flight:
    """Give a probe in flight: one is sent each second."""
    now = seq * SECOND
    return Flight(seq, EPOCH + now, EPOCH + now, now, 0)


def answer(seq: int, rtt: int = 20 * MILLISECOND) -> FirstReply:
    """Answer a probe, with stamps of a clock that agrees with ours."""
    t1 = EPOCH + seq * SECOND
    return FirstReply(t1 + rtt, rtt, t1 + rtt // 2, t1 + rtt // 2)


class StoreTests(SynchronousTestCase):
    """
    Tests for both stores, and that they agree.
    """

    def play(self, store: ProbeStore, fates: list[str]) -> None:
        """Send a probe each second, and let each have its fate."""
        before = None
        for turn, fate in enumerate(fates):
            now = turn * SECOND
            if fate == "skipped":
                store.skip(now, False)
                continue
            seq = store.sent
            sent = flight(turn)._replace(seq=seq)
            store.send(sent.due, sent.t1)
            reply = answer(turn)
            if fate in ("lost", "late", "later"):
                probe = store.lose(now + SECOND, sent)
                self.assertTrue(probe.lost)
            else:
                reply = reply._replace(isAltered=fate == "altered")
                if fate == "untimed":
                    reply = reply._replace(rtt=None, isVoid=True)
                probe = store.answer(now + 20 * MILLISECOND, sent, reply)
                self.assertEqual(probe.altered, fate == "altered")
                self.assertEqual(probe.rtt, reply.rtt)
            self.assertEqual((probe.seq, probe.t1), (seq, sent.t1))
            if fate in ("late", "twice"):
                again = store.repeat(seq, sent.t1 + 2 * SECOND, False)
                assert again
                self.assertEqual(
                    (again.late, again.duplicated), (fate == "late", fate == "twice")
                )
            if before is not None:
                again = store.repeat(before, sent.t1 + 2 * SECOND, True)
                assert again
                self.assertTrue(again.late and again.altered)
                isAnswered = fate not in ("lost", "later")
                self.assertEqual(again.reordered, isAnswered)
            before = seq if fate == "later" else None

    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.sampled_from(FATES), max_size=30))
    def test_agree(self, fates: list[str]) -> None:
        """For any fates of the probes, both stores give the same figures."""
        kept, windowed = KeptProbes(4096), WindowedProbes([ALL])
        self.play(kept, fates)
        self.play(windowed, fates)
        end = len(fates) * SECOND
        one, other = (each.figures(0, end, False, None) for each in (kept, windowed))
        for name in (
            *("sent", "received", "lost", "skipped", "late", "duplicates"),
            *("reordered", "altered", "untimed", "bursts", "every"),
            *("rtt", "rttFromDue", "ipdv"),
        ):
            self.assertEqual(getattr(one, name), getattr(other, name), name)
        self.assertEqual(
            (kept.sent, kept.received, kept.lost),
            (windowed.sent, windowed.received, windowed.lost),
        )
        if one.offset is not None and other.offset is not None:
            self.assertEqual(
                (one.offset.low, one.offset.high), (other.offset.low, other.offset.high)
            )

    def stores(self) -> list[ProbeStore]:
        """Make a store of each kind."""
        return [KeptProbes(4096), WindowedProbes([ALL])]

    def test_amended(self) -> None:
        """More exact times change the round trip of an answered probe.  Those of a lost
        probe are ignored."""
        for store in self.stores():
            self.play(store, ["answered", "lost"])
            for seq in 0, 1:
                t1, t2, t3, t4 = (
                    EPOCH + seq * SECOND + n for n in (5, 1000, 2000, 9000)
                )
                store.amend(seq, Times(t1, t2, t3, t4), 7, 1)
            rtt = store.figures(0, 2 * SECOND, False, None).rtt
            assert rtt
            self.assertEqual((rtt.n, rtt.max), (1, 7))

    def test_unknown(self) -> None:
        """A reply to an unknown probe is ignored."""
        for store in self.stores():
            self.assertIsNone(store.repeat(0, EPOCH, False))

    def test_bounds(self) -> None:
        """The bounds of the offset are wider at times that are further away."""
        for store in self.stores():
            self.assertIsNone(store.bounds(0, EPOCH))
            self.play(store, ["answered"] * 5)
            for seq in range(5):
                t1, _, t2, _, *_ = flight(seq).t1, 0, answer(seq).t2, 0
                assert t2
                store.learn(seq, Times(t1, t2, t2, t1 + 20 * MILLISECOND), 1)
            near = store.bounds(5 * SECOND, EPOCH + 2 * SECOND)
            far = store.bounds(5 * SECOND, EPOCH + 100 * SECOND)
            assert near
            assert far
            self.assertTrue(far[0] < near[0] <= 0 <= near[1] < far[1])

    def test_extra(self) -> None:
        """An extra probe narrows the bounds, and is not counted.  A restart forgets the
        bounds."""
        for store in self.stores():
            self.play(store, ["answered"])
            t1 = EPOCH
            store.learn(0, Times(t1, t1 + 10**7, t1 + 10**7, t1 + 2 * 10**7), 1)
            wide = store.bounds(SECOND, EPOCH)
            t1 += 10**8
            store.learnExtra(SECOND, Times(t1, t1 + 500, t1 + 500, t1 + 1000), 1)
            narrow = store.bounds(SECOND, EPOCH)
            assert wide
            assert narrow
            self.assertLess(narrow[1] - narrow[0], (wide[1] - wide[0]) // 10)
            self.assertEqual(store.sent, 1)
            store.restart()
            self.assertIsNone(store.bounds(SECOND, EPOCH))

    def test_strangeTimes(self) -> None:
        """Stamps that are too far from our clock are not kept."""
        for store in self.stores():
            store.send(EPOCH, EPOCH)
            reply = answer(0)._replace(t2=-(1 << 63), t3=-(1 << 63))
            probe = store.answer(SECOND, flight(0), reply)
            self.assertEqual((probe.t2, probe.t3), (None, None))

    def test_oneByOne(self) -> None:
        """Only one kind of store keeps the probes one by one."""
        kept, windowed = self.stores()
        for store in kept, windowed:
            self.play(store, ["answered", "lost"])
        self.assertEqual([probe.lost for probe in kept], [False, True])
        self.assertEqual(list(windowed), [])
        figures = kept.figures(0, SECOND, False, None)
        self.assertIsNotNone(kept.distribution(figures, 4))
        self.assertIsNone(windowed.distribution(figures, 4))

    def test_plan(self) -> None:
        """The plan decides which store is used."""
        self.assertIsInstance(probeStore(Plan()), KeptProbes)
        self.assertIsInstance(probeStore(Plan(kept=0)), WindowedProbes)

    def test_inFlight(self) -> None:
        """A probe in flight has only the times of its sending."""
        probe = probeInFlight(flight(3))
        self.assertEqual((probe.seq, probe.t1, probe.t4), (3, EPOCH + 3 * SECOND, None))
        self.assertFalse(probe.lost)
