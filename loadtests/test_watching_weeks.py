"""A peer that is watched for weeks, in simulated time."""

from __future__ import annotations

import gc
import sys

from twisted.trial.unittest import SynchronousTestCase

from echostamp.monitor.event import ENDS, Kind
from echostamp.probe import udpdialer
from echostamp.rfc8762 import sharedports
from echostamp.test.proberruns import LEAST, MOST
from echostamp.times import SECOND
from loadtests.simulatedweeks import DAY, HERE, HOUR, INTERVAL, LINE, STAMP, Weeks
from tests.harness import figure

#: How long the peer is watched, in seconds, and how often everything goes wrong.
LONG, OFTEN = 14 * DAY, DAY // 2

#: How many events of each kind a stormy hour has.
USUAL = {
    Kind.DOWN: 2,
    Kind.UP: 2,
    Kind.UNRESOLVED: 1,
    Kind.RESOLVED: 1,
    Kind.ADDRESS: 1,
    Kind.CLOCK_STEP: 1,
    Kind.OWN_CLOCK_STEP: 2,
    Kind.STALL: 1,
    Kind.RTT_HIGH: 1,
    Kind.RTT_OK: 1,
}

#: By how many octets, and blocks of memory, the second week may hold more than the
#: first: replies are kept in other places each time.
MORE, MORE_BLOCKS = 1000, 200


class WeeksTests(SynchronousTestCase):
    """
    Two weeks with a black hole, refused connections, a name without address, another
    address, clocks that are set, stalls, long delays and losses, each of them twice a
    day.
    """

    def setUp(self) -> None:
        """Count nothing yet."""
        self.sizes: list[int] = []
        self.blocks: list[int] = []

    def begin(self, target: str) -> Weeks:
        """Begin to watch."""
        weeks = Weeks(target, 1)
        self.patch(udpdialer, "boundUdpSocket", lambda host, port: (host, port))
        self.patch(udpdialer, "_sourceTo", lambda peer, is6: HERE[0])
        self.patch(sharedports, "Port", weeks.makePort)
        return weeks

    def measure(self, weeks: Weeks) -> None:
        """Measure what is held now."""
        self.sizes.append(weeks.held())
        gc.collect()
        self.blocks.append(sys.getallocatedblocks())

    def assertWeeks(self, target: str, usual: dict[Kind, int]) -> Weeks:
        """Watch for two weeks.  What is held does not grow, the counters add up, and
        the events are those that should be."""
        weeks = self.begin(target)
        peer = weeks.monitor.peers["far"]
        storms = 0
        while weeks.reactor.seconds() < LONG:
            weeks.stormyHour()
            storms += 1
            self.measure(weeks)
            weeks.run(OFTEN - HOUR)
            self.measure(weeks)
        self.assertIs(weeks.monitor.peers["far"], peer)
        self.assertFlat()
        events = weeks.events
        for kind, count in usual.items():
            self.assertEqual(events[kind], count * storms, kind)
        for begin, end in ENDS.items():
            self.assertIn(events[begin] - events[end], (0, 1), begin)
        self.assertGreaterEqual(events[Kind.LOSS_HIGH], storms)
        tally = peer.snapshot().tally
        due = weeks.reactor.seconds() * SECOND / INTERVAL
        self.assertApproximates(tally.due, due, 2)
        self.assertEqual(tally.rtts.n + tally.untimed, tally.received)
        self.assertIn(tally.inFlight, range(10))
        # In two minutes of each storm there is no reply, and in three some are lost.
        silent = storms * 180 * SECOND / INTERVAL
        self.assertGreater(tally.received, due * 0.997 - silent)
        figure(
            f"{tally.due:,} probes in two weeks, {sum(tally.lost.values())} lost: "
            f"{min(self.sizes):,} to {max(self.sizes):,} octets, "
            f"{weeks.connections} links"
        )
        return weeks

    def assertFlat(self) -> None:
        """Assert that what is held is little, and no more in the second week than in
        the first."""
        self.assertGreater(min(self.sizes), LEAST)
        self.assertLess(max(self.sizes), MOST)
        for found, more in (self.sizes, MORE), (self.blocks, MORE_BLOCKS):
            half = len(found) // 2
            self.assertLess(max(found[half:]), max(found[:half]) + more)

    def test_line(self) -> None:
        """Over the line protocol."""
        weeks = self.assertWeeks(LINE, USUAL)
        # Attempts that fail wait longer each time.
        self.assertLess(weeks.connections, 30 * LONG / OFTEN)

    def test_stamp(self) -> None:
        """Over STAMP."""
        weeks = self.assertWeeks(STAMP, USUAL | {Kind.REFLECTOR_RESTART: 1})
        self.assertEqual(weeks.connections, 1 + LONG / OFTEN)
