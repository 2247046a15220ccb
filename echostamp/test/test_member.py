"""Tests for L{echostamp.intercom.member}."""

from __future__ import annotations

from echostamp.daemon.limits import TimedConnectionLog
from echostamp.intercom import member, pace
from echostamp.intercom.allowance import MOST_WAITING
from echostamp.intercom.pace import BACKLOG
from echostamp.line.draining import DRAINED
from echostamp.test.rooms import IntercomCase


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

    def test_kernelBuffersLittle(self) -> None:
        """Lines for a peer wait in the member's queue, where they are counted, and not
        in the kernel."""
        limited: list[object] = []
        self.patch(member, "limitUnsent", limited.append)
        connection = self.join()
        self.assertEqual(limited, [connection])


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
