"""Tests for L{echostamp.monitor.watchedpeer} and L{echostamp.monitor.flow}."""

from __future__ import annotations

import errno
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import DeferredSemaphore

from echostamp.monitor.event import Event, Kind
from echostamp.monitor.peer import Limits, Peer
from echostamp.monitor.resolving import PeerReactor, PeerResolver
from echostamp.monitor.tally import Direction, Skip
from echostamp.monitor.watch import Watch, wishOf
from echostamp.monitor.watchedpeer import WatchedPeer
from echostamp.probe.dialers import Dialed, Wish
from echostamp.probe.plan import Plan
from echostamp.probe.route import Route
from echostamp.probe.surroundings import surroundings
from echostamp.probe.udpdialer import StampDialer
from echostamp.rfc8762.policy import Policy
from echostamp.rfc8762.sendersession import SenderSession
from echostamp.test.fakes import Resolver
from echostamp.test.farends import EPOCH
from echostamp.test.stampruns import FarPort, StampCase
from echostamp.test.wires import THERE
from echostamp.times import MILLISECOND, SECOND

MS = MILLISECOND

NONE = Limits()


class Answering(Resolver):
    """
    A resolver that answers at once.

    @ivar hosts: the addresses of the far end.
    """

    hosts: tuple[str, ...] = (THERE[0],)

    def resolveHostName(
        self, receiver: Any, host: str, *args: Any, **named: Any
    ) -> None:
        """Answer with the far end's addresses."""
        super().resolveHostName(receiver, host, *args, **named)
        self.answer(*(IPv4Address("UDP", each, 0) for each in self.hosts))


class WatchedPeerCase(StampCase):
    """
    A peer that is watched over STAMP, in memory.
    """

    def setUp(self) -> None:
        """Prepare both ends; the reflector has its own numbers."""
        super().setUp()
        self.reflect(Policy(isStateful=True))
        self.events: list[Event] = []
        self.surroundings = surroundings(self.reactor, self.clocks, lambda: 0.0)
        self.watch = Watch(self.surroundings, self.events.append)

        self.names = self.reactor.nameResolver = Answering()

    def comeBack(self, reply: bytes) -> None:
        """Receive a reply from the address that was probed."""
        peer = self.sender._peer
        self.sender.received(reply, peer, EPOCH + self.now, 250, 0, None)

    def watched(
        self, before: WatchedPeer | None = None, limits: Limits = NONE, **plan: Any
    ) -> WatchedPeer:
        """Watch the peer."""
        wish = Wish("stamp:192.0.2.1", Plan(**{"size": 44, "jitter": False} | plan))
        peer = Peer("a", wish, limits)
        resolver = PeerResolver(self.reactor, DeferredSemaphore(8))
        near = PeerReactor(self.reactor, resolver)
        place = "far", 862
        dialer = StampDialer(near, place, SenderSession(), Route(), self.clocks)
        dialed = Dialed("a", dialer, wishOf(peer).plan, host="far")
        return WatchedPeer(peer, [dialed], resolver, self.watch, before)

    def kinds(self) -> list[Kind]:
        """Give the kinds of the events so far."""
        return [each.kind for each in self.events]

    def assertAddsUp(self, peer: WatchedPeer) -> None:
        """Check that the counters add up."""
        snapshot = peer.snapshot()
        tally = snapshot.tally
        self.assertEqual(tally.rtts.n + tally.untimed, tally.received)
        self.assertGreaterEqual(tally.inFlight, 0)


class WatchedPeerTests(WatchedPeerCase):
    """
    What is counted, and what happens.
    """

    def test_answered(self) -> None:
        """Probes that are answered have an RTT, and the peer is up."""
        peer = self.watched()
        peer.start()
        self.run_(61)
        snapshot = peer.snapshot()
        self.assertIn(snapshot.tally.sent, (60, 61, 62))
        self.assertEqual(snapshot.tally.received, snapshot.tally.sent)
        self.assertEqual(snapshot.tally.rtts.n, snapshot.tally.sent)
        self.assertEqual(snapshot.lastRtt, 3 * MS - 20_000)
        self.assertIs(snapshot.isUp, True)
        self.assertEqual(snapshot.address, f"{THERE[0]}:{THERE[1]}")
        assert snapshot.minute is not None
        assert snapshot.minute.figures.rtt is not None
        self.assertEqual(snapshot.minute.figures.rtt.max, 3 * MS - 20_000)
        self.assertEqual(self.kinds(), [])
        self.assertAddsUp(peer)
        span = peer.flows.span(60 * SECOND)
        hops = snapshot.hopsForward, snapshot.hopsBackward
        self.assertEqual((span.hopsForward, span.hopsBackward), hops)
        self.assertNotIn(None, hops)

    def test_directions(self) -> None:
        """Each lost probe counts once, in its direction."""
        fates = {10: "lost there", 20: "lost back", 21: "lost back", 30: "lost there"}
        self.fate = lambda number: fates.get(number, "")
        peer = self.watched(interval=SECOND)
        peer.start()
        self.run_(60)
        self.assertEqual(
            peer.snapshot().tally.lost,
            {Direction.FORWARD: 2, Direction.BACKWARD: 2, Direction.UNKNOWN: 0},
        )
        self.assertAddsUp(peer)

    def test_directionsOfAnEarlierLink(self) -> None:
        """Losses over a link that was replaced have no direction; those over the new
        link have theirs."""
        isLosing = False
        self.fate = lambda number: "lost there" if isLosing else ""
        peer = self.watched(interval=SECOND)
        peer.start()
        self.run_(30)
        isLosing = True
        self.run_(2)
        isLosing = False
        self.assertTrue(peer.addressGone())
        self.run_(30)
        lost = {Direction.FORWARD: 0, Direction.BACKWARD: 0, Direction.UNKNOWN: 2}
        self.assertEqual(peer.snapshot().tally.lost, lost)
        isLosing = True
        self.run_(2)
        isLosing = False
        self.run_(30)
        lost[Direction.FORWARD] = 2
        self.assertEqual(peer.snapshot().tally.lost, lost)
        self.assertAddsUp(peer)

    def test_refused(self) -> None:
        """A probe that the system refuses to send is skipped, and not lost.  Losses
        beside it have their directions."""
        numbers = (10, 12, 13)
        self.fate = lambda number: {11: "lost there", 40: "lost back"}.get(number, "")
        send = FarPort.send

        def refusing(port: FarPort, packet: bytes, *more: Any) -> int | None:
            """Refuse some packets."""
            if int.from_bytes(packet[:4]) not in numbers:
                return send(port, packet, *more)
            self.sender.refused(errno.ENETUNREACH, more[0])
            return None

        self.patch(FarPort, "send", refusing)
        peer = self.watched(interval=SECOND)
        peer.start()
        self.run_(13)
        self.assertAddsUp(peer)
        self.run_(50)
        tally = peer.snapshot().tally
        self.assertEqual(tally.skipped[Skip.SEND_ERROR], 3)
        self.assertEqual(
            tally.lost,
            {Direction.FORWARD: 1, Direction.BACKWARD: 1, Direction.UNKNOWN: 0},
        )
        self.assertEqual(tally.due, tally.sent + 3)
        self.assertAddsUp(peer)

    def test_refusedForLong(self) -> None:
        """A peer whose probes the system refuses is down."""
        isRefusing = False
        send = FarPort.send
        self.patch(
            FarPort,
            "send",
            lambda *args: None if isRefusing else send(*args),
        )
        peer = self.watched(interval=SECOND)
        peer.start()
        self.run_(20)
        isRefusing = True
        self.run_(60)
        tally = peer.snapshot().tally
        self.assertEqual(self.kinds(), [Kind.DOWN])
        self.assertEqual(tally.skipped[Skip.SEND_ERROR], 60)
        self.assertEqual((sum(tally.lost.values()), tally.inFlight), (0, 0))

    def test_unknownDirection(self) -> None:
        """A loss whose direction stays unknown counts ten seconds later; until then it
        is in flight."""
        self.fate = lambda number: "lost there" if number >= 10 else ""
        peer = self.watched(interval=SECOND)
        peer.start()
        self.run_(20)
        tally = peer.snapshot().tally
        self.assertEqual(sum(tally.lost.values()), 0)
        self.assertEqual(tally.inFlight, tally.sent - tally.received)
        self.run_(20)
        tally = peer.snapshot().tally
        self.assertGreater(tally.lost[Direction.UNKNOWN], 10)
        self.assertAddsUp(peer)

    def test_downAndUp(self) -> None:
        """A silent peer is down, and up again after three replies."""
        self.fate = lambda number: "lost there" if 10 <= number < 30 else ""
        peer = self.watched(interval=SECOND)
        peer.start()
        self.run_(60)
        self.assertEqual(self.kinds(), [Kind.DOWN, Kind.UP])
        down, up = self.events
        self.assertTrue(down.text.startswith("no reply for 6"), down.text)
        self.assertTrue(up.text.startswith("was down for "), up.text)
        snapshot = peer.snapshot()
        self.assertEqual((snapshot.downs, snapshot.isUp), (1, True))
        self.assertEqual(snapshot.events, {Kind.DOWN: 1, Kind.UP: 1})
        self.assertAlmostEqual(snapshot.downFor / SECOND, (up.at - down.at) / SECOND)

    def test_limits(self) -> None:
        """A window that exceeds a limit is an event."""
        self.fate = lambda number: "lost there" if number % 4 == 0 else ""
        peer = self.watched(limits=Limits(loss=10.0), interval=SECOND)
        peer.start()
        self.run_(60)
        self.assertEqual(self.kinds(), [Kind.LOSS_HIGH])

    def test_reflectorRestarts(self) -> None:
        """A reflector that counts from the beginning again is an event."""
        peer = self.watched(interval=SECOND)
        peer.start()
        self.run_(30)
        self.reflect(Policy(isStateful=True))
        self.run_(30)
        self.assertEqual(self.kinds(), [Kind.REFLECTOR_RESTART])

    def test_changedPeerKeepsItsCounters(self) -> None:
        """With other settings the counters go on, and probes in flight still count."""
        first = self.watched(interval=SECOND)
        first.start()
        self.run_(10)
        sent = first.snapshot().tally.sent
        second = self.watched(first, interval=500 * MS)
        first.finish()
        second.start()
        self.run_(10)
        tally = second.snapshot().tally
        self.assertIn(tally.sent - sent, (19, 20, 21))
        self.assertEqual(tally.received, tally.sent)
        self.assertAddsUp(second)

    def test_paused(self) -> None:
        """A paused peer gets no probes; those that would be due are skipped."""
        peer = self.watched(interval=SECOND)
        peer.peer = peer.peer.__class__("a", peer.peer.wish, isPaused=True)
        peer.start()
        self.run_(10.5)
        snapshot = peer.snapshot()
        self.assertEqual(snapshot.tally.skipped[Skip.PAUSED], 10)
        self.assertEqual((snapshot.tally.due, snapshot.tally.sent), (10, 0))
        self.assertIsNone(snapshot.isUp)
        self.assertIsNone(snapshot.minute)

    def test_stop(self) -> None:
        """Nothing is left behind."""
        peer = self.watched(interval=SECOND)
        peer.start()
        self.run_(3)
        peer.stop()
        self.run_(3)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_addressChanges(self) -> None:
        """A peer moves when its name no longer has its address.  That is no outage."""
        peer = self.watched(interval=SECOND)
        peer.start()
        self.run_(30)
        self.names.hosts = ("192.0.2.70", THERE[0])
        self.run_(60)
        self.assertEqual(self.events, [])
        self.names.hosts = ("192.0.2.70",)
        self.run_(60)
        [event] = self.events
        self.assertIs(event.kind, Kind.ADDRESS)
        self.assertEqual(event.text, f"192.0.2.70:862, was {THERE[0]}:862")
        snapshot = peer.snapshot()
        self.assertEqual(snapshot.address, "192.0.2.70:862")
        assert snapshot.minute is not None
        self.assertEqual(snapshot.minute.outageCount, 0)

    def test_nameHasNoAddress(self) -> None:
        """A name without an address is an event; probes go on to the last address."""
        peer = self.watched(interval=SECOND)
        peer.start()
        self.run_(30)
        self.names.hosts = ()
        self.run_(60)
        self.assertEqual(self.kinds(), [Kind.UNRESOLVED])
        self.assertFalse(peer.snapshot().isResolved)
        self.names.hosts = (THERE[0],)
        self.run_(60)
        self.assertEqual(self.kinds(), [Kind.UNRESOLVED, Kind.RESOLVED])
        tally = peer.snapshot().tally
        self.assertEqual(tally.received, tally.sent)

    def test_changedWhileNotResolved(self) -> None:
        """A peer that changes while its name has no address knows that it had none."""
        old = self.watched(interval=SECOND)
        old.start()
        self.run_(30)
        self.names.hosts = ()
        self.run_(60)
        new = self.watched(old, interval=2 * SECOND)
        old.finish()
        new.start()
        self.run_(120)
        self.names.hosts = (THERE[0],)
        self.run_(120)
        kinds = [each for each in self.kinds() if each not in (Kind.DOWN, Kind.UP)]
        self.assertEqual(kinds, [Kind.UNRESOLVED, Kind.RESOLVED])

    def test_neverResolved(self) -> None:
        """While a name has no address, its probes are skipped for that reason."""
        self.names.hosts = ()
        peer = self.watched(interval=SECOND)
        peer.start()
        self.run_(30)
        tally = peer.snapshot().tally
        self.assertGreater(tally.skipped[Skip.UNRESOLVED], 20)
        self.assertEqual(tally.due, tally.skipped[Skip.UNRESOLVED])
        self.assertEqual(self.kinds(), [Kind.UNRESOLVED, Kind.DOWN])

    def test_removedWhileItsNameIsLookedUp(self) -> None:
        """Of a peer that is gone no look-up reports anything, whether it was removed or
        has other settings now."""
        for end in WatchedPeer.stop, WatchedPeer.finish:
            peer = self.watched(interval=SECOND)
            peer.start()
            self.run_(30)
            self.patch(Answering, "answer", lambda *args: None)
            before = len(self.names.questions)
            while len(self.names.questions) == before:
                self.run_(1)
            end(peer)
            self.patch(Answering, "answer", Resolver.answer)
            self.names.answer()
            self.run_(60)
            self.assertEqual(self.events, [])

    def test_invalidRepliesOfAChangedPeer(self) -> None:
        """What was no reply counts, also if nobody has asked before the peer
        changed, and while the last replies to its old probes come."""
        first = self.watched(interval=SECOND)
        first.start()
        self.run_(10)
        for _ in range(3):
            self.comeBack(b"no reply")
        second = self.watched(first, interval=500 * MS)
        first.finish()
        second.start()
        self.run_(10)
        self.comeBack(b"no reply")
        self.assertEqual(second.snapshot().tally.invalid, 4)
        self.assertEqual(second.snapshot().tally.invalid, 4)

    def test_farClockIsSet(self) -> None:
        """A far clock that is set is one event, with the offsets before and after."""
        peer = self.watched(interval=SECOND)
        peer.start()
        self.run_(50)
        self.ahead += 50 * MS
        self.run_(100)
        [event] = self.events
        self.assertIs(event.kind, Kind.CLOCK_STEP)
        before, after = event.values["offset_before"], event.values["offset"]
        self.assertEqual(int(after or 0) - int(before or 0), 50 * MS)
        self.assertEqual(peer.snapshot().tally.clockSteps, 1)
