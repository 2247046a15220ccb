"""Tests for L{echostamp.intercom.pace}."""

from __future__ import annotations

import socket
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from echostamp.intercom import allowance, pace
from echostamp.intercom.allowance import MOST_WAITING, WINDOW
from echostamp.intercom.pace import (
    BACKLOG,
    CHECK_INTERVAL,
    GLANCE,
    STALLED,
    SURGE,
    Pace,
    limitUnsent,
)
from echostamp.test.fakes import FakeReactor, FakeSocketConnection, FakeTransport
from echostamp.test.rooms import IntercomCase


class FakeMember:
    """
    A member whose queue a test sets.

    @ivar resumed: how often it was resumed.
    @ivar reasons: why it was disconnected.
    """

    def __init__(self) -> None:
        self.transport: object = self
        self.queued = self.dequeued = 0
        self.isPassing = False
        self.isFull = True
        self.resumed = 0
        self.reasons: list[str] = []

    def resume(self) -> None:
        """Count."""
        self.resumed += 1

    def disconnectSoon(self, reason: str) -> None:
        """Note the reason."""
        self.reasons.append(reason)


class PaceTests(SynchronousTestCase):
    """
    Whether members are waited for, resumed and disconnected.
    """

    def setUp(self) -> None:
        """Make a slow member, and one that wants to send."""
        self.reactor = FakeReactor()
        self.pace = Pace(self.reactor, SURGE + 1000)
        self.slow, self.sender = FakeMember(), FakeMember()

    def fill(self, queued: int) -> None:
        """Let so many octets be queued for the slow member."""
        self.slow.queued = queued
        self.pace.fellBehind(self.slow)

    def test_bounds(self) -> None:
        """A member is waited for above the backlog less L{SURGE}.  It is disconnected
        above the backlog."""
        self.fill(1000)
        self.assertFalse(self.pace.isPaused)
        self.fill(1001)
        self.assertTrue(self.pace.isPaused)
        self.fill(SURGE + 1000)
        self.assertEqual(self.slow.reasons, [])
        self.fill(SURGE + 1001)
        self.assertEqual(self.slow.reasons, [f"more than {SURGE + 1000} bytes behind"])

    def test_shorterQueue(self) -> None:
        """When enough has left the queue, the held members are resumed, in the next
        turn."""
        self.fill(1001)
        self.pace.hold(self.sender)
        self.assertTrue(self.pace.isHeld(self.sender))
        self.slow.queued = 1000
        self.pace.tookSome(self.slow)
        self.assertEqual((self.pace.isPaused, self.sender.resumed), (False, 0))
        self.reactor.advance(0)
        self.assertEqual(self.sender.resumed, 1)
        self.assertFalse(self.pace.isHeld(self.sender))

    def test_silentInMidMessage(self) -> None:
        """A member in mid-message is not waited for, and takes nothing.  Once it takes
        again, it is waited for like any other."""
        self.slow.isPassing = True
        self.fill(1001)
        self.slow.isFull = False
        self.reactor.pump([CHECK_INTERVAL] * 20)
        self.slow.isPassing, self.slow.isFull = False, True
        self.slow.dequeued += 1
        self.pace.tookSome(self.slow)
        self.fill(1002)
        self.assertTrue(self.pace.isPaused)
        self.reactor.advance(CHECK_INTERVAL)
        self.assertEqual(self.slow.reasons, [])

    def test_pausedAgain(self) -> None:
        """If the first resumed member causes the next pause, the others stay held."""
        second = FakeMember()
        self.fill(1001)
        self.pace.hold(self.sender)
        self.pace.hold(second)
        self.patch(self.sender, "resume", lambda: self.fill(1001))
        self.pace.caughtUp(self.slow)
        self.reactor.advance(0)
        self.assertTrue(self.pace.isPaused and self.pace.isHeld(second))
        self.assertEqual(second.resumed, 0)

    def test_leftWhileHeld(self) -> None:
        """A member that leaves is not resumed, even if it leaves in that turn."""
        second = FakeMember()
        self.fill(1001)
        self.pace.hold(self.sender)
        self.pace.hold(second)
        self.patch(self.sender, "resume", lambda: self.pace.left(second))
        self.pace.left(self.slow)
        self.reactor.advance(0)
        self.assertFalse(self.pace.isHeld(self.sender) or self.pace.isHeld(second))
        self.assertEqual(second.resumed, 0)

    def test_twoSlow(self) -> None:
        """Sending goes on when the last member that is waited for has caught up."""
        other = FakeMember()
        self.fill(1001)
        other.queued = 1001
        self.pace.fellBehind(other)
        self.pace.caughtUp(self.slow)
        self.assertTrue(self.pace.isPaused)
        self.pace.caughtUp(other)
        self.assertFalse(self.pace.isPaused)

    def test_notWaitedFor(self) -> None:
        """A member is not waited for if it could take more, or if its own long message
        is being passed on."""
        self.slow.isFull = False
        self.fill(1001)
        self.assertFalse(self.pace.isPaused)
        self.slow.isFull = self.slow.isPassing = True
        self.fill(1001)
        self.assertFalse(self.pace.isPaused)

    def test_neitherFull(self) -> None:
        """A member that could take more is not disconnected."""
        self.slow.isFull = False
        self.fill(1)
        self.reactor.pump([CHECK_INTERVAL] * 20)
        self.assertEqual(self.slow.reasons, [])

    def test_left(self) -> None:
        """A member that has left is not followed, whatever becomes of its queue."""
        self.fill(1001)
        self.pace.left(self.slow)
        self.assertFalse(self.pace.isPaused)
        self.pace.tookSome(self.slow)
        self.pace.caughtUp(self.slow)
        self.reactor.advance(0)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_checksEndWithTheLast(self) -> None:
        """There is a timer only while a member is behind."""
        other = FakeMember()
        self.fill(1)
        self.pace.fellBehind(other)
        self.pace.caughtUp(self.slow)
        self.assertEqual(len(self.reactor.getDelayedCalls()), 1)
        self.pace.caughtUp(other)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_queueMoves(self) -> None:
        """A queue that moves shows that the peer reads."""
        self.fill(1001)
        for _ in range(20):
            self.slow.dequeued += 1
            self.reactor.advance(CHECK_INTERVAL)
        self.assertEqual(self.slow.reasons, [])
        self.reactor.pump([CHECK_INTERVAL] * int(STALLED / CHECK_INTERVAL))
        self.assertEqual(self.slow.reasons, [f"took nothing for {STALLED:g} s"])

    def waited(self, seconds: float, *slow: FakeMember, moved: int = 1) -> float:
        """
        Let members be far behind all the time.

        @param moved: how many octets leave each queue in a tenth of a second.
        @return: for how many of the seconds everybody was paused.
        """
        paused = 0.0
        for _ in range(round(seconds * 10)):
            for each in slow:
                each.queued, each.dequeued = 1001, each.dequeued + moved
                self.pace.fellBehind(each)
            paused += self.pace.isPaused / 10
            self.reactor.advance(0.1)
        return paused

    def test_waitsForTheRoomAreBounded(self) -> None:
        """Everybody is paused for at most 2 s in any 20 s, whoever is waited for, and
        resumed when that time is over."""
        slow = [FakeMember() for _ in range(10)]
        self.pace.hold(self.sender)
        self.assertAlmostEqual(self.waited(MOST_WAITING, *slow), MOST_WAITING)
        self.assertEqual(self.sender.resumed, 0)
        self.reactor.pump([0.1, 0])
        self.assertEqual((self.pace.isPaused, self.sender.resumed), (False, 1))
        others = [*slow, *(FakeMember() for _ in range(10))]
        self.assertEqual(self.waited(WINDOW - 0.5, *others), 0)
        # The window has left the first wait behind.
        waited = self.waited(WINDOW, *others)
        self.assertAlmostEqual(waited, MOST_WAITING, places=0)
        for each in others:
            self.assertEqual(each.reasons, [])

    def test_tooSlow(self) -> None:
        """Members whose queues do not move are not waited for, before they have caught
        up.  Those that are nearly as far behind cost no time of their own."""
        for _ in range(2):
            others = [FakeMember() for _ in range(9)]
            for each in others:
                each.queued = 900
                self.pace.fellBehind(each)
            self.fill(1001)
            self.pace.hold(self.sender)
            self.reactor.advance(GLANCE)
            self.reactor.advance(GLANCE - 0.01)
            self.assertTrue(self.pace.isPaused)
            self.reactor.advance(0.01)
            self.assertFalse(self.pace.isPaused)
            self.assertEqual(self.waited(1, self.slow, *others), 0)
            for each in self.slow, *others:
                self.pace.caughtUp(each)
            self.reactor.advance(0)
            self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_waitEndsEarly(self) -> None:
        """Only the time that was waited counts."""
        for _ in range(8):
            self.fill(1001)
            self.reactor.advance(0.2)
            self.pace.caughtUp(self.slow)
            self.reactor.advance(0.5)
        waited = self.waited(1, self.slow)
        self.assertTrue(0.3 < waited < 0.6, waited)


class UnsentTests(SynchronousTestCase):
    """
    The limit of what our kernel buffers.
    """

    def setUp(self) -> None:
        """Make a transport with a socket."""
        self.found: list[tuple[int, int, int]] = []
        transport: Any = FakeTransport()
        transport.socket = self
        self.transport = transport
        self.family: int = socket.AF_INET6

    def setsockopt(self, level: int, name: int, value: int) -> None:
        """Note an option."""
        self.found.append((level, name, value))

    def test_tcp(self) -> None:
        """On TCP the kernel reports room while it has little that is unsent."""
        limitUnsent(self.transport)
        option = socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, 131_072
        self.assertEqual(self.found, [option])

    def test_others(self) -> None:
        """Other transports have no such option."""
        self.family = socket.AF_UNIX
        limitUnsent(self.transport)
        limitUnsent(FakeTransport())
        self.assertEqual(self.found, [])

    def test_systemWithoutTheOption(self) -> None:
        """Some systems lack the option: there is no limit, and no error."""
        self.patch(pace, "_NOTSENT_LOWAT", None)
        limitUnsent(self.transport)
        self.assertEqual(self.found, [])


class SlowMemberTests(IntercomCase):
    """
    A member of a room that reads more slowly than another one writes.
    """

    def setUp(self) -> None:
        """Let ann write, bob read, and a third member be slow."""
        super().setUp()
        self.ann, self.bob = self.join(b"ann"), self.join(b"bob")
        self.slow = self.join(b"slow")
        del self.ann.sent[:], self.bob.sent[:]
        self.slow.room = 0

    def beginAgain(self, **options: int) -> None:
        """Make a new room, with ann and the slow member."""
        self.begin(**options)  # type: ignore[arg-type]
        self.ann, self.slow = self.join(b"ann"), self.join(b"slow", 1000)
        self.slow.room = 0

    def assertGotAll(self, reader: FakeSocketConnection, octets: int) -> None:
        """Assert that a member has got all lines that ann has sent."""
        self.assertEqual(bytes(reader.sent).count(b"x\n"), octets // 1000)

    def test_waitedFor(self) -> None:
        """A member that reads, but is far behind, is waited for.  Nobody is read from
        until it has caught up, and nothing is lost."""
        sent = self.flood(self.ann, 2 * BACKLOG)
        self.assertLess(sent, BACKLOG)
        self.assertFalse(self.ann.isRead)
        # TLS delivers what it has decrypted, even now.
        self.send(self.ann, b"x\n")
        self.send(self.bob, b"more\n")
        self.assertFalse(self.bob.isRead)
        self.assertGotAll(self.bob, sent)
        self.slow.turn(1 << 30)
        self.reactor.advance(0)
        self.assertTrue(self.ann.isRead and self.bob.isRead)
        self.assertEqual(bytes(self.slow.sent).count(b"x\n"), sent // 1000 + 1)
        self.assertTrue(self.slow.sent.endswith(b"[00] <bob> more\n"))
        self.assertAtRest()

    def test_readsVerySlowly(self) -> None:
        """A member that reads very slowly is not waited for for long.  It is
        disconnected when it is too far behind, and no other member loses anything."""
        sent, held = 0, 0
        while not self.slow.isAborted:
            self.assertLess(held, 4)
            sent += self.flood(self.ann, BACKLOG // 4)
            self.acknowledged[self.slow] = sent
            held += not self.ann.isRead
            self.reactor.pump([GLANCE, 0])
        self.assertIn(f"local cut: more than {BACKLOG} bytes behind", self.log.lines)
        sent += self.flood(self.ann, 2 * BACKLOG)
        self.assertGreater(sent, 2 * BACKLOG)
        self.assertGotAll(self.bob, sent)
        self.assertAtRest()

    def test_paced(self) -> None:
        """The others write at the pace of a member that reads well, and nothing is
        lost."""
        sent = 0
        for _ in range(15):
            sent += self.flood(self.ann, BACKLOG // 4)
            self.slow.turn(100_000)
            self.reactor.pump([0.1, 0])
        self.assertLess(sent, 15 * (BACKLOG // 4))
        self.slow.turn(1 << 30)
        self.reactor.advance(0)
        self.assertGotAll(self.slow, sent)
        self.assertAtRest()

    def test_keepsUpSlowly(self) -> None:
        """A member that still reads is not disconnected, however slowly it reads, while
        its queue is not too long."""
        self.flood(self.ann, BACKLOG // 4)
        for count in range(40):
            self.acknowledged[self.slow] = count
            self.reactor.advance(0.5)
        self.assertFalse(self.slow.isAborted)
        self.assertTrue(self.ann.isRead)

    def test_readsNothing(self) -> None:
        """A member that reads nothing is not waited for for long, either.  It is
        disconnected when it is too far behind, and no other member loses anything."""
        sent = self.flood(self.ann, 2 * BACKLOG)
        self.reactor.advance(GLANCE)
        self.assertFalse(self.ann.isRead)
        self.reactor.pump([GLANCE, 0])
        self.assertTrue(self.ann.isRead)
        sent += self.flood(self.ann, 2 * BACKLOG)
        self.reactor.advance(0)
        self.assertTrue(self.slow.isAborted)
        self.assertIn(f"local cut: more than {BACKLOG} bytes behind", self.log.lines)
        self.assertGotAll(self.bob, sent)
        self.assertTrue(self.bob.sent.endswith(b"x\n[00] * slow left\n"))
        self.assertAtRest()

    def test_stalled(self) -> None:
        """A member that reads nothing for five seconds is disconnected, however little
        is queued."""
        self.send(self.ann, b"hi\n")
        self.reactor.pump([0.5] * 9)
        self.assertFalse(self.slow.isAborted)
        self.reactor.pump([0.5] * 3)
        self.assertTrue(self.slow.isAborted)
        self.assertIn(f"local cut: took nothing for {STALLED:g} s", self.log.lines)
        self.assertIn(b"* slow left\n", self.bob.sent)
        self.assertAtRest()

    def test_stalledInItsMessage(self) -> None:
        """A member that stops reading within a long message of its own is disconnected,
        too."""
        self.beginAgain(maxLength=8)
        self.send(self.slow, b"0123456789")
        self.send(self.ann, b"hi\n")
        self.reactor.pump([0.5] * 12)
        self.assertTrue(self.slow.isAborted)
        self.assertAtRest()

    def test_sameOrderForAll(self) -> None:
        """Members that joined before and after a disconnected one get its notice at the
        same place: behind all lines of that turn."""
        late = self.join(b"late")
        del self.ann.sent[:], self.bob.sent[:]
        self.flood(self.ann, 900_000)
        self.reactor.pump([0.5] * 6)
        del self.bob.sent[:], late.sent[:]
        slow: Any = self.slow.protocol
        while not slow._sender.isCut:
            self.send(self.ann, b"x" * 999 + b"\n")
        queued = slow._sender.queued
        self.send(self.ann, b"y\nx\n")
        self.assertEqual(slow._sender.queued, queued)
        self.assertFalse(self.slow.isAborted)
        self.reactor.advance(0)
        self.assertTrue(self.slow.isAborted)
        self.assertTrue(self.bob.sent.endswith(b"x\n[03] * slow left\n"))
        self.assertEqual(late.sent, self.bob.sent)
        self.assertTrue(self.ann.sent.endswith(b"x\n[03] * slow left\n"))

    def test_manyAtOnce(self) -> None:
        """One message, or the notices that follow, may disconnect many members."""
        self.beginAgain(backlog=SURGE)
        dead = [self.join(b"%d" % number) for number in range(300)]
        del self.ann.sent[:]
        for each in dead:
            each.room = 0
        self.flood(self.ann, SURGE)
        self.reactor.pump([0.5] * 8)
        member: Any = dead[0].protocol
        while member._sender.queued < SURGE - 2000:
            self.send(self.ann, b"x" * 999 + b"\n")
        while not member._sender.isCut:
            self.send(self.ann, b"x\n")
        self.reactor.pump([0] * 300)
        self.assertTrue(all(each.isAborted for each in dead))
        self.assertEqual(self.ann.sent.count(b" left\n"), 301)
        self.assertAtRest()

    def test_disconnectedByANotice(self) -> None:
        """The notice of a disconnected member may be too much for another one, whether
        that one reads or not.  It is disconnected, too, and the others go on."""
        self.patch(allowance, "MOST_WAITING", 0.0)
        for reads in False, True:
            self.begin()
            self.ann, slow = self.join(b"ann"), self.join(b"slow")
            slow.room = 0
            self.send(self.ann, b"one\n")
            other = self.join(b"other")
            other.room = 0
            self.flood(self.ann, 100_000)
            # The first member to be disconnected has the shorter queue; the other one
            # reads something later.
            slow.turn(60_000)
            self.reactor.advance(0.5)
            self.acknowledged[other] = 1
            self.reactor.pump([0.5] * 9)
            member: Any = other.protocol
            while BACKLOG - member._sender.queued > 2000:
                self.assertTrue(self.ann.isRead)
                self.send(self.ann, b"x" * 999 + b"\n")
            room = BACKLOG - member._sender.queued - len("[04] <ann> \n")
            self.send(self.ann, b"x" * (room - 5) + b"\n")
            self.acknowledged[other] += reads
            self.assertFalse(slow.isAborted or other.isAborted)
            self.reactor.pump([0.5, 0, 0])
            self.assertTrue(slow.isAborted and other.isAborted)
            reasons = [line for line in self.log.lines if " cut: " in line]
            self.reactor.pump([0.5] * 20)
            self.send(self.ann, b"still here\n")
            self.assertTrue(self.ann.isRead)
            self.assertEqual(
                reasons,
                [
                    f"local cut: took nothing for {STALLED:g} s",
                    f"local cut: more than {BACKLOG} bytes behind",
                ],
            )
            self.assertAtRest()

    def test_stalledWithAnEmptyQueue(self) -> None:
        """A member is disconnected if its transport has all lines, and its peer reads
        none of them: on a socket, and on a transport that can only C{write}."""
        self.flood(self.ann, 150_000)
        for _ in range(3):
            self.slow.turn(50_000)
        member: Any = self.slow.protocol
        self.assertEqual(member._sender.queued, 0)
        self.assertGreater(self.slow.held, 0)
        self.reactor.pump([0.5] * 12)
        self.assertTrue(self.slow.isAborted)
        self.assertAtRest()
        ann, other = self.join(b"ann"), FakeTransport()
        other.protocol = self.factory.buildProtocol(None)
        other.protocol.makeConnection(other)
        other.fill()
        self.send(ann, b"hi\n")
        write = other.write

        def fill(data: bytes) -> None:
            write(data)
            other.fill()

        self.patch(other, "write", fill)
        other.drain()
        self.assertTrue(other.sent.endswith(b"<ann> hi\n"))
        self.reactor.pump([0.5] * 12)
        self.assertTrue(other.disconnected)

    def test_readsInTime(self) -> None:
        """A member that reads what was queued is not disconnected."""
        self.send(self.ann, b"hi\n")
        self.reactor.pump([0.5] * 9)
        self.slow.turn(1 << 30)
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.assertGot(self.slow, b"[00] <ann> hi\n")

    def test_slowMemberLeaves(self) -> None:
        """When the member that is waited for leaves, the others go on."""
        self.flood(self.ann, 2 * BACKLOG)
        self.slow.abortConnection()
        self.reactor.advance(0)
        self.assertTrue(self.ann.isRead)
        self.assertAtRest()

    def test_senderLeaves(self) -> None:
        """When a member that has to wait leaves, nothing waits for it."""
        self.flood(self.ann, 2 * BACKLOG)
        self.ann.abortConnection()
        self.slow.turn(1 << 30)
        self.reactor.advance(0)
        self.assertTrue(self.slow.sent.endswith(b"* ann left\n"))
        self.assertAtRest()

    def test_smallBacklog(self) -> None:
        """All lines arrive with the smallest backlog, too."""
        self.beginAgain(backlog=SURGE)
        sent = self.flood(self.ann, SURGE)
        self.assertLess(sent, SURGE)
        self.slow.turn(1 << 30)
        self.reactor.advance(0)
        self.assertGotAll(self.slow, sent)
