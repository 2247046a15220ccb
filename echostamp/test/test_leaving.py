"""Tests for peers that are taken out or paused: the states that have begun end."""

from __future__ import annotations

from collections.abc import Iterable

from echostamp.monitor.event import ENDS, NOT_WATCHED, Event, Kind
from echostamp.monitor.peer import Limits, Peer
from echostamp.test.monitorcases import MonitorCase, peer
from echostamp.times import MILLISECOND

#: Limits that are exceeded: a reply takes a millisecond, and one flow is not answered.
EXCEEDED = Limits(rtt=MILLISECOND // 2, rttP99=MILLISECOND // 2, loss=1.0)


def states(events: Iterable[Event]) -> list[tuple[str, str, str]]:
    """
    Give the peers, kinds and subjects of events, in order.
    """
    return sorted((each.peer, each.kind.value, each.subject) for each in events)


class LeavingTests(MonitorCase):
    """
    A peer with four flows, one of which is not answered, beside one that is down.
    """

    def setUp(self) -> None:
        """Watch them until the states have begun."""
        super().setUp()
        self.bad = peer("bad", flows=4, limits=EXCEEDED)
        self.others = [peer("down"), peer("up")]
        self.silent = {"bad 3", "down"}
        self.monitor.watch([self.bad, *self.others])
        self.monitor.start()
        self.run_(70)
        self.begun, self.events[:] = list(self.events), []
        kinds = {each.kind for each in self.begun}
        highs = {Kind.FLOW_LOSS, Kind.LOSS_HIGH, Kind.RTT_HIGH}
        self.assertEqual(kinds, {*highs, Kind.DOWN})

    def assertEnded(self, *peers: str) -> None:
        """Check that the states of these peers have ended, and no others."""
        ends = [
            Event(ENDS[each.kind], each.peer, 0, each.subject)
            for each in self.begun
            if each.peer in peers
        ]
        self.assertEqual(states(self.events), states(ends))
        self.assertEqual({each.text for each in self.events}, {NOT_WATCHED})

    def paused(self, given: Peer) -> Peer:
        """Pause a peer."""
        return peer(given.name, flows=given.flows, limits=given.limits, isPaused=True)

    def test_removed(self) -> None:
        """Those of peers that are taken out."""
        self.monitor.watch(self.others[1:])
        self.run_(60)
        self.assertEnded("bad", "down")

    def test_paused(self) -> None:
        """Those of peers that are paused.  They begin again if these are watched
        again."""
        self.monitor.watch([self.paused(self.bad), *self.others])
        self.run_(60)
        self.assertEnded("bad")
        self.monitor.watch([self.bad, *self.others])
        # The flows have other sockets.
        self.silent = {"bad 11", "down"}
        self.run_(70)
        again = [each for each in self.events if each.text != NOT_WATCHED]
        before = [each for each in self.begun if each.peer == "bad"]
        self.assertEqual(states(again), states(before))

    def test_changed(self) -> None:
        """Not those of a peer that is probed in another way: it is still watched."""
        self.monitor.watch([self.bad, peer("down", "elsewhere"), self.others[1]])
        self.silent.add("elsewhere")
        self.run_(60)
        self.assertEqual(self.events, [])

    def test_stopped(self) -> None:
        """Nor those of any when the monitor stops: they may go on."""
        self.monitor.stop()
        self.assertEqual(self.events, [])

    def test_counted(self) -> None:
        """Such an event is counted like others."""
        self.monitor.watch([self.bad, self.paused(self.others[0])])
        (found,) = [
            each for each in self.monitor.snapshots() if each.peer.name == "down"
        ]
        self.assertEqual(found.events, {Kind.DOWN: 1, Kind.UP: 1})


class AllDownTests(MonitorCase):
    """
    Two peers that are down.
    """

    def setUp(self) -> None:
        """Watch them until they are down."""
        super().setUp()
        self.silent = {"a", "b"}
        self.monitor.watch([peer("a"), peer("b")])
        self.monitor.start()
        self.run_(20)
        downs = [("", Kind.DOWN), ("a", Kind.DOWN), ("b", Kind.DOWN)]
        self.assertEqual(sorted(self.kinds(), key=str), sorted(downs, key=str))
        self.events.clear()

    def texts(self) -> list[tuple[str, str]]:
        """Give the peers and texts of the events."""
        return [(each.peer, each.text) for each in self.events]

    def test_others(self) -> None:
        """If a peer is added that may answer, it is no longer said that none does."""
        self.monitor.watch([peer("a"), peer("b"), peer("c")])
        self.assertEqual(self.texts(), [("", "the peers have changed")])
        self.run_(20)
        self.assertEqual(len(self.events), 1)

    def test_fewer(self) -> None:
        """If one is taken out, the other is still down."""
        self.monitor.watch([peer("a")])
        self.assertEqual(self.texts(), [("b", NOT_WATCHED)])
        self.silent = set()
        self.run_(20)
        self.assertEqual(self.kinds()[1:], [("", Kind.UP), ("a", Kind.UP)])
        self.assertEqual(self.events[1].text, "peers answer again")

    def test_none(self) -> None:
        """If all are taken out, none is left that does not answer."""
        self.monitor.watch([])
        ends = [("a", NOT_WATCHED), ("b", NOT_WATCHED), ("", "the peers have changed")]
        self.assertEqual(self.texts(), ends)
