"""Tests for L{echostamp.intercom.member}."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from echostamp.daemon.limits import TimedConnectionLog
from echostamp.intercom import pace
from echostamp.intercom.allowance import MOST_WAITING
from echostamp.intercom.member import Member
from echostamp.intercom.pace import BACKLOG
from echostamp.line.draining import DRAINED
from echostamp.line.stamper import SLICE
from echostamp.test.fakes import FakeReactor
from echostamp.test.rooms import IntercomCase

#: Lines that are commands, nearly commands, or anything else, with any end.
_LINES = (
    b"/who\n",
    b"/who\r\n",
    b"/help\n",
    b"/quit\n",
    b"/name eve\n",
    b"/name bob\n",
    b"/name a b\n",
    b"/x\n",
    b"/etc/passwd\n",
    b" /who\n",
    b"\n",
    b"[00] /who\n",
    b"hi\n",
    b"a message that is long\n",
    b"/who",
    b"half",
)


class MessageTests(IntercomCase):
    """
    Messages between a member and the others.
    """

    def test_unterminated(self) -> None:
        """A message that a pause ends is a whole line for the others.  Its sender gets
        a newline before the next line of another member."""
        ann, bob = self.join(), self.join(b"bob")
        self.send(ann, b"hello")
        for _ in range(3):
            self.reactor.advance(0.1)
        self.send(bob, b"hi\n")
        self.assertIn(b"[00] <local> hello\n", bob.sent)
        self.assertGot(ann, b"[00] hello\n[00] <bob> hi\n")
        self.assertAtRest()

    def test_longWhileOthersSend(self) -> None:
        """While a long message is passed on, lines of others are queued.  They come
        before the next message."""
        self.begin(maxLength=8)
        ann, bob = self.join(b"ann"), self.join(b"bob")
        del ann.sent[:]
        self.send(ann, b"0123456789")
        self.send(bob, b"hi\n")
        self.send(ann, b"abc")
        self.assertGot(ann, b"[00] 0123456789abc")
        self.send(ann, b"def\nnext\n")
        self.assertGot(ann, b"def\n[00] <bob> hi\n[00] next\n")
        self.assertGot(bob, b"[00] <ann> 01234567\n[00] hi\n[00] <ann> next\n")
        self.send(ann, b"0123456789")
        self.send(bob, b"again\n")
        self.send(ann, b"\n")
        self.assertGot(ann, b"[00] 0123456789\n[00] <bob> again\n")
        self.assertAtRest()

    def test_queue(self) -> None:
        """Lines are queued while the peer does not read, and delivered when it reads
        again."""
        ann, bob = self.join(b"ann"), self.join(b"bob")
        bob.room = 3
        for text in b"a\n", b"b\n", b"c\n":
            self.send(ann, text)
        sender = bob.protocol._sender
        self.assertEqual(sender.queued, 2 * len("[00] <ann> b\n"))
        bob.turn(1000)
        self.assertEqual((sender.queued, sender.dequeued), (0, 26))
        self.assertGot(bob, b"[00] <ann> a\n[00] <ann> b\n[00] <ann> c\n")
        self.assertAtRest()

    def test_sendsWhileBlocked(self) -> None:
        """Messages that TLS delivers while the member does not read wait, in order.
        They are dropped when the connection is lost."""
        ann, bob = self.join(b"ann"), self.join(b"bob")
        ann.room = 3
        self.send(ann, b"a\n")
        self.assertFalse(ann.isRead)
        self.send(ann, b"b\n")
        self.send(ann, b"c\n")
        self.assertGot(bob, b"[00] <ann> a\n")
        ann.turn(1000)
        self.assertTrue(ann.isRead)
        self.assertGot(bob, b"[00] <ann> b\n[00] <ann> c\n")
        ann.room = 0
        self.send(ann, b"d\n")
        self.send(ann, b"e\n")
        ann.abortConnection()
        self.assertGot(bob, b"[00] <ann> d\n[00] * ann left\n")
        self.assertAtRest()

    def test_ownPeerReadsWhileAllWait(self) -> None:
        """A member whose own peer reads again waits all the same while the room waits
        for a slow one."""
        ann, bob, slow = (self.join(name) for name in (b"ann", b"bob", b"slow"))
        self.patch(pace, "GLANCE", MOST_WAITING)
        slow.room = 0
        self.flood(ann, BACKLOG // 4)
        bob.room = 0
        for text in b"a\n", b"b\n":
            self.send(bob, text)
        self.flood(ann, 2 * BACKLOG)
        self.assertTrue(self.intercom.pace.isPaused)
        bob.turn(1 << 30)
        self.assertIn(b"[00] a\n", bob.sent)
        self.assertNotIn(b"[00] b\n", bob.sent)
        self.assertTrue(bob.protocol.isHolding)
        self.assertFalse(bob.isRead)
        slow.turn(1 << 30)
        self.reactor.advance(0)
        self.assertIn(b"[00] b\n", bob.sent)
        self.assertTrue(bob.isRead)
        self.assertAtRest()

    def test_disconnected(self) -> None:
        """A member that will be disconnected is disconnected once, in the next turn.
        Nothing more is queued for it."""
        ann, bob = self.join(b"ann"), self.join(b"bob")
        bob.room = 0
        self.send(ann, b"a\n")
        sender = bob.protocol._sender
        for reason in "first", "second":
            sender.disconnectSoon(reason)
        self.send(ann, b"b\n")
        self.assertEqual(sender.queued, 0)
        self.assertFalse(bob.isAborted)
        self.reactor.advance(0)
        self.assertTrue(bob.isAborted)
        self.assertEqual(
            [line for line in self.log.lines if "cut" in line], ["local cut: first"]
        )
        self.assertAtRest()

    def test_endOfInput(self) -> None:
        """A member whose input has ended leaves, and gets no more lines."""
        ann, bob = self.join(b"ann"), self.join(b"bob")
        self.send(ann, b"a\n")
        ann.protocol.readConnectionLost()
        self.send(bob, b"b\n")
        self.assertGot(ann, b"[00] a\n")
        ann.turn()
        self.assertTrue(ann.isClosed)
        self.assertGot(bob, b"[00] <ann> a\n[00] * ann left\n[00] b\n")
        self.assertAtRest()

    def test_endOfInputAfterWait(self) -> None:
        """A member that had to wait for its own peer to read waits no more when the
        peer has read: it leaves when its input ends."""
        ann = self.join(b"ann")
        ann.room = 3
        self.send(ann, b"a\n")
        self.send(ann, b"b\n")
        ann.turn(1000)
        ann.protocol.readConnectionLost()
        ann.turn()
        self.assertTrue(ann.isClosed)
        self.assertAtRest()


class CommandTests(IntercomCase):
    """
    Commands among messages.
    """

    def fill(self) -> None:
        """Make the answer to C{/who} so long that the next waits for the next turn."""
        for n in range(450):
            self.join(b"member%d" % n)

    def test_order(self) -> None:
        """In one read, each answer is right behind its command.  The others get what is
        before a change of name under the old one, and the rest under the new one."""
        ann, bob = self.join(b"ann"), self.join(b"bob")
        self.send(ann, b"a\n/who\nb\n/name eve\nc\n/x\nhalf")
        self.assertGot(
            ann,
            b"[00] a\n[00] /who\n"
            b"[00] * ann since 00 from local\n[00] * bob since 00 from local\n"
            b"[00] b\n[00] /name eve\n[00] * ann is now eve\n"
            b"[00] c\n[00] /x\n[00] * no command /x: see /help\n",
        )
        self.assertGot(
            bob,
            b"[00] <ann> a\n[00] <ann> b\n[00] * ann is now eve\n"
            b"[00] <eve> c\n[00] <eve> /x\n",
        )
        self.send(ann, b"way\n")
        self.assertGot(bob, b"[00] <eve> halfway\n")
        self.assertAtRest()

    def test_longMessages(self) -> None:
        """An answer is never within a message: not in the rest of a long one before
        the command, and not in the beginning of one behind it."""
        self.begin(maxLength=8)
        ann, bob = self.join(b"ann"), self.join(b"bob")
        self.send(ann, b"0123456789")
        self.send(bob, b"hi\n")
        bob.sent.clear()
        # The kernel takes nothing: what has to wait is queued.
        ann.room = 0
        self.send(ann, b"[00] /who\n/x\n0123456789")
        ann.turn(1 << 30)
        self.reactor.advance(0)
        self.send(bob, b"hi\n")
        self.send(ann, b"/who\n")
        self.assertGot(
            ann,
            b"[00] 0123456789[00] /who\n[00] <bob> hi\n[00] /x\n"
            b"[00] * no command /x: see /help\n"
            b"[00] 0123456789/who\n[00] <bob> hi\n",
        )
        self.assertGot(bob, b"[00] <ann> /x\n[00] <ann> 01234567\n[00] hi\n")
        self.assertAtRest()

    def test_inTheRestOfALongMessage(self) -> None:
        """The rest of a long message is no command, whatever it looks like."""
        self.begin(maxLength=8)
        ann, bob = self.join(b"ann"), self.join(b"bob")
        self.send(ann, b"0123456789")
        self.send(ann, b"] /who[00] /quit")
        self.send(ann, b"[00] /who\n")
        self.assertGot(ann, b"[00] 0123456789] /who[00] /quit[00] /who\n")
        self.assertGot(bob, b"[00] <ann> 01234567\n")

    def test_manyAnswers(self) -> None:
        """Commands whose answers are long wait for one another: for the next turn of
        the reactor while their peer reads, and for the peer while it does not."""
        self.fill()
        ann, bob = self.join(b"ann"), self.join(b"bob")
        self.send(ann, b"/who\n" * 100 + b"last\n")
        answer = ann.sent.removeprefix(b"[00] /who\n")
        self.assertEqual(answer.count(b"\n"), 452)
        self.assertFalse(ann.isRead)
        self.assertTrue(ann.protocol.isHolding)
        self.reactor.advance(0)
        self.assertEqual(ann.sent.count(b"/who\n"), 2)
        ann.room = 0
        for _ in range(10):
            self.reactor.advance(0)
        sent, sender = len(ann.sent), ann.protocol._sender
        self.assertLess(sender.queued + ann.held, len(answer) + 100)
        ann.turn(10)
        self.assertEqual(len(ann.sent), sent + 10)
        self.assertGot(bob, b"")
        for _ in range(200):
            ann.turn(1 << 30)
            self.reactor.advance(0)
        self.assertEqual(ann.sent.count(b"/who\n"), 100)
        self.assertEqual(ann.sent.count(b"* bob since"), 100)
        self.assertTrue(ann.sent.endswith(b"[00] last\n"))
        self.assertTrue(ann.isRead)
        self.assertGot(bob, b"[00] <ann> last\n")
        self.assertAtRest()

    def test_oneTurnAtATime(self) -> None:
        """There is one long answer in a turn, also where the peer has read just before
        that turn."""
        self.fill()
        ann = self.join(b"ann")
        self.send(ann, b"/who\n" * 100)
        for _ in range(20):
            # Now the kernel takes the command, and not the whole answer.
            ann.room = 100
            self.reactor.advance(0)
            ann.turn(1 << 30)
        before = ann.sent.count(b"/who\n")
        self.reactor.advance(0)
        self.assertEqual(ann.sent.count(b"/who\n"), before + 1)
        self.assertAtRest()

    def deliveries(self) -> list[bytes]:
        """Give the lines that are delivered from now on, as they are."""
        found: list[bytes] = []
        broadcast = self.intercom.broadcast

        def noted(sender: Member, lines: bytes) -> None:
            found.append(lines)
            broadcast(sender, lines)

        self.patch(self.intercom, "broadcast", noted)
        return found

    def test_fewDeliveries(self) -> None:
        """Lines between commands are not delivered one by one: that would take long in
        a large room."""
        ann, bob = self.join(b"ann"), self.join(b"bob")
        deliveries = self.deliveries()
        self.send(ann, b"/x\na\n/name a b\n" * 1000 + b"/name eve\nb\n/quit\nc\n")
        while not ann.isHalfClosed:
            self.reactor.advance(0)
            ann.turn()
        self.assertGot(
            bob,
            b"[00] <ann> /x\n[00] <ann> a\n" * 1000
            + b"[00] * ann is now eve\n[00] <eve> b\n[00] * eve left\n",
        )
        self.assertLess(len(deliveries), 20)

    def test_shortDeliveries(self) -> None:
        """Not many octets are collected: the others may have to wait for slow ones."""
        ann, bob = self.join(b"ann"), self.join(b"bob")
        deliveries = self.deliveries()
        self.send(ann, (b"y" * 999 + b"\n/help\n") * 60)
        for _ in range(10):
            self.reactor.advance(0)
        self.assertEqual(bob.sent, b"[00] <ann> %s\n" % (b"y" * 999) * 60)
        self.assertLess(max(map(len, deliveries)), 20_000)

    def test_shortDeliveriesUnderALongName(self) -> None:
        """The lines behind a change of name are not many octets either, although they
        have the longer name."""
        ann, bob = self.join(b"a"), self.join(b"bob")
        deliveries = self.deliveries()
        self.send(ann, b"/name %s\n" % (b"x" * 32) + b"\n" * 65_000)
        self.assertEqual(bob.sent.count(b"> \n"), 65_000)
        self.assertLess(max(map(len, deliveries)), 2 * SLICE)

    def test_lostBeforeTheNextTurn(self) -> None:
        """A connection that is lost meanwhile is not answered any more.  No timer is
        left, also where it was drained."""
        self.fill()
        ann, bob = self.join(b"ann"), self.join(b"bob")
        self.send(ann, b"/who\n/who\n/name eve\n")
        ann.protocol.drain()
        ann.abortConnection()
        self.reactor.advance(0)
        self.assertGot(bob, b"[00] * ann left\n")
        self.assertEqual(ann.sent.count(b"/who\n"), 1)
        self.assertAtRest()

    def test_inputEndsBeforeTheNextTurn(self) -> None:
        """When the input ends behind many commands, all are answered, then the
        connection is closed."""
        self.fill()
        ann = self.join(b"ann")
        self.send(ann, b"/who\n" * 3 + b"half")
        ann.protocol.readConnectionLost()
        for _ in range(4):
            self.reactor.advance(0)
        ann.turn()
        self.assertEqual(ann.sent.count(b"/who\n"), 3)
        self.assertTrue(ann.sent.endswith(b"[00] half"))
        self.assertTrue(ann.isClosed)
        self.assertAtRest()

    def test_whileAllWait(self) -> None:
        """While the room waits for a slow member, a command waits like a message."""
        ann, slow = self.join(b"ann"), self.join(b"slow", room=0)
        self.patch(pace, "GLANCE", MOST_WAITING)
        self.flood(ann, 2 * BACKLOG)
        del ann.sent[:]
        self.assertTrue(self.intercom.pace.isPaused)
        for command in b"/x\n", b"/quit\n":
            self.send(ann, command)
        self.assertGot(ann, b"")
        slow.turn(1 << 30)
        self.reactor.advance(0)
        self.assertIn(b"[00] /x\n[00] * no command /x: see /help\n", ann.sent)
        self.assertTrue(ann.sent.endswith(b"[00] /quit\n"))
        ann.turn()
        self.assertTrue(ann.isHalfClosed)
        self.assertAtRest()


class QuitTests(IntercomCase):
    """
    A member that quits.
    """

    def test_quit(self) -> None:
        """Everything before is answered, then FIN.  The rest is discarded, and the
        connection ends when its peer closes."""
        ann, bob = self.join(b"ann"), self.join(b"bob")
        self.send(ann, b"a\n/x\n/quit\nb\n/name eve\nhalf")
        self.send(ann, b"c\n")
        self.send(bob, b"hi\n")
        ann.turn()
        self.assertGot(
            ann, b"[00] a\n[00] /x\n[00] * no command /x: see /help\n[00] /quit\n"
        )
        self.assertGot(bob, b"[00] <ann> a\n[00] <ann> /x\n[00] * ann left\n[00] hi\n")
        self.assertTrue(ann.isHalfClosed and ann.isRead)
        self.assertFalse(ann.isClosed)
        ann.protocol.readConnectionLost()
        self.assertTrue(ann.isClosed)
        self.assertFalse(ann.isAborted)
        self.assertGot(bob, b"")
        self.assertAtRest()

    def test_first(self) -> None:
        """The first message may be the last."""
        ann, bob = self.join(b"ann"), self.join()
        self.send(bob, b"/quit\nhi\n")
        bob.turn()
        self.assertGot(bob, b"[00] /quit\n")
        self.assertGot(ann, b"[00] * local joined\n[00] * local left\n")
        self.assertTrue(bob.isHalfClosed)
        self.assertAtRest()

    def test_unreadReplies(self) -> None:
        """A peer that does not read gets everything when it reads, then FIN.  It has
        left before."""
        ann, bob = self.join(b"ann"), self.join(b"bob")
        for isLong in False, True:
            eve = self.join(b"eve", room=100)
            del ann.sent[:]
            eve.room = 3
            self.send(eve, b"/help\n" * isLong + b"/quit\nb\n")
            self.assertGot(ann, b"" if isLong else b"[00] * eve left\n")
            self.assertFalse(eve.isHalfClosed)
            for _ in range(100):
                # The kernel takes less than a line at a time.
                eve.turn(9)
                isPresent = eve.protocol._sender.isPresent
                self.assertTrue(isPresent or not self.intercom.pace._held)
            self.assertGot(ann, b"[00] * eve left\n" if isLong else b"")
            self.send(bob, b"hi\n")
            self.assertTrue(eve.sent.endswith(b"[00] /quit\n"))
            self.assertEqual(eve.sent.count(b"* /"), 4 * isLong)
            self.assertTrue(eve.isHalfClosed and eve.isRead)
            eve.protocol.readConnectionLost()
            self.assertTrue(eve.isClosed)
        self.assertAtRest()

    def test_takesNothing(self) -> None:
        """A peer that reads nothing is disconnected behind its /quit, too.  Otherwise
        what was queued for it would stay in memory."""
        self.begin(maxLength=1000)
        ann, bob = self.join(b"ann"), self.join(b"bob", room=2000)
        self.send(bob, bytes(1001))
        bob.room = 0
        self.flood(ann, BACKLOG // 2)
        self.send(bob, b"\n/quit\n")
        self.assertTrue(ann.sent.endswith(b"* bob left\n"))
        self.assertGreater(bob.held, BACKLOG // 2)
        for _ in range(2):
            self.reactor.advance(pace.STALLED - 1)
            self.assertFalse(bob.isClosed)
            # It still reads, slowly.
            bob.turn(1)
            self.acknowledged[bob] = len(bob.sent)
        for _ in range(2 * int(pace.STALLED)):
            self.reactor.advance(1)
        self.assertTrue(bob.isAborted)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_whileAllWait(self) -> None:
        """A member whose /quit makes the room wait for a slow one waits for nobody."""
        ann, slow = self.join(b"ann"), self.join(b"slow", room=0)
        self.patch(pace, "GLANCE", MOST_WAITING)
        high = BACKLOG - pace.SURGE
        while slow.protocol._sender.queued < high - 1500:
            self.send(ann, b"x" * 999 + b"\n")
        self.send(ann, b"x" * 1500 + b"\n/quit\n")
        self.assertTrue(self.intercom.pace.isPaused)
        ann.turn()
        self.assertTrue(ann.sent.endswith(b"[00] /quit\n"))
        self.assertTrue(ann.isHalfClosed and ann.isRead)
        self.assertFalse(ann.protocol.isHolding)
        self.assertAtRest()


class CutTests(IntercomCase):
    """
    However the network cuts commands.
    """

    @given(
        st.lists(st.sampled_from(_LINES), max_size=12).map(b"".join),
        st.lists(st.integers(1, 40), max_size=40),
        st.sampled_from([1, 5, 6, 9, 20, 65_536]),
    )
    def test_anyCuts(self, data: bytes, sizes: list[int], maxLength: int) -> None:
        """All get the same, however the commands are cut into reads."""
        got = []
        for cuts in [], sizes:
            self.reactor = FakeReactor()
            self.begin(maxLength=maxLength)
            ann, bob, rest = self.join(b"ann"), self.join(b"bob"), data
            # After a newline no pause ends a message.
            self.send(ann, b"\n")
            for size in [*cuts, len(data)]:
                if rest:
                    self.send(ann, rest[:size])
                rest = rest[size:]
            ann.turn()
            got.append((bytes(ann.sent), bytes(bob.sent), ann.isHalfClosed))
        self.assertEqual(got[0], got[1])


class EndTests(IntercomCase):
    """
    Connections that end while a slow member is waited for.
    """

    def setUp(self) -> None:
        """Let ann fill the queue of a slow member, while bob is silent."""
        super().setUp()
        self.ann, self.bob = self.join(b"ann"), self.join(b"bob")
        self.slow = self.join(b"slow")
        self.slow.room = 0
        # The member reads nothing here, and is waited for all the same.
        self.patch(pace, "GLANCE", MOST_WAITING)
        self.flood(self.ann, 2 * BACKLOG)
        self.assertTrue(self.intercom.pace.isPaused)

    def test_drained(self) -> None:
        """A silent member that has read everything does not have to wait."""
        self.factory.isStopping = True
        self.bob.protocol.drain()
        for _ in range(2):
            self.reactor.pump([DRAINED, 0])
            self.bob.turn()
        self.assertTrue(self.intercom.pace.isPaused)
        self.assertTrue(self.bob.isHalfClosed and self.bob.isClosed)
        self.assertFalse(self.bob.isAborted)

    def test_drainedWithAMessage(self) -> None:
        """A message that was sent before is answered and delivered first."""
        self.send(self.bob, b"half")
        self.bob.protocol.drain()
        self.ann.protocol.drain()
        self.reactor.pump([DRAINED, 0] * 2)
        self.assertFalse(self.bob.isHalfClosed or self.ann.isHalfClosed)
        self.slow.turn(1 << 30)
        self.reactor.advance(0)
        self.assertTrue(self.ann.isRead)
        self.send(self.ann, b"ann\n")
        for _ in range(3):
            self.reactor.pump([DRAINED, 0])
            self.ann.turn()
            self.bob.turn()
        self.assertTrue(self.bob.isClosed and self.ann.isClosed)
        self.assertIn(b"[00] half", self.bob.sent)
        self.assertIn(b"[00] <bob> half\n", self.slow.sent)
        self.assertIn(b"[00] ann\n", self.ann.sent)

    def test_inputEnds(self) -> None:
        """When the input of a member ends, it closes at once if nothing waits.  A
        message that waits is answered and delivered first."""
        self.bob.protocol.readConnectionLost()
        self.bob.turn()
        self.assertTrue(self.bob.isClosed)
        self.send(self.ann, b"last\n")
        self.ann.protocol.readConnectionLost()
        self.assertFalse(self.ann.isClosed)
        self.slow.turn(1 << 30)
        self.reactor.advance(0)
        self.ann.turn()
        self.assertTrue(self.ann.isClosed)
        self.assertTrue(self.ann.sent.endswith(b"[00] last\n"))

    def test_idle(self) -> None:
        """An idle member is closed.  It is only aborted if it does not read."""
        for each in self.bob, self.slow:
            each.protocol.end()
        self.bob.turn()
        self.assertTrue(self.bob.isClosed)
        self.assertFalse(self.bob.isAborted)
        self.assertTrue(self.slow.isAborted)

    def test_notIdle(self) -> None:
        """While a slow member is waited for, no other member counts as idle."""
        limits = TimedConnectionLog(self.reactor, idleTimeout=0.5)
        for each in self.ann, self.bob:
            limits.connected(each.protocol)
        self.reactor.pump([0.3] * 3)
        self.assertFalse(self.ann.disconnecting or self.bob.disconnecting)
        self.slow.turn(1 << 30)
        self.reactor.pump([0.5] * 4)
        self.assertTrue(self.ann.disconnecting and self.bob.disconnecting)
