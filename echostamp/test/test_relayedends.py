"""Tests for rooms of several daemons where members end, wait, or are forged."""

from __future__ import annotations

from echostamp.intercom.entries import Entry, Operation, Say, encode
from echostamp.intercom.entryvalues import MOST
from echostamp.intercom.memoryrelay import MemoryBroker
from echostamp.test.relayedrooms import RelayedCase


class WaitingTests(RelayedCase):
    """
    Replies that wait, and what they wait for.
    """

    def settle(self, seconds: float = 5) -> None:
        """Let time pass."""
        for _ in range(int(seconds * 10)):
            self.reactor.advance(0.1)
            for daemon in self.daemons:
                for echo in daemon.factory.connections:
                    echo.transport.turn()

    def test_behindAnswers(self) -> None:
        """A line behind many answers comes behind them, and so does what follows."""
        ann = self.join(self.start("one"), b"ann")
        ann.protocol.dataReceived(b"x\n" + b"/help\n" * 200 + b"y\n/who\nz\n")
        self.pump(400)
        got = bytes(ann.sent)
        self.assertEqual(got.count(b"] /help\n"), 200)
        self.assertLess(got.rindex(b"] /help\n"), got.index(b"] y\n"))
        self.assertTrue(got.endswith(b"from local at one\n[00] z\n"))

    def test_longAnswers(self) -> None:
        """A member whose commands have long answers waits for its peer to read, and is
        not cut."""
        one = self.start("one", backlog=400_000)
        for number in range(100):
            self.join(one, b"m%d" % number)
        ann = self.join(one, b"ann", room=200_000)
        ann.protocol.dataReceived(b"x\n" + b"/who\n" * 250)
        self.pump(400)
        self.assertNotIn("cut", " ".join(one.log.lines))
        self.assertFalse(ann.isAborted)

    def test_longFirstName(self) -> None:
        """Lines of others do not come into a first message that is longer than the most
        octets, whatever it requests."""
        one = self.start("one", maxLength=10)
        ann, bob = self.join(one, b"ann"), self.connect(one)
        self.send(bob, b"/name " + b"b" * 20)
        self.send(ann, b"hello\n")
        self.send(bob, b"ccc\n")
        self.assertIn(b"/name " + b"b" * 20 + b"ccc\n", bytes(bob.sent))

    def test_notCutLater(self) -> None:
        """A member whose own message kept lines of others waiting is not taken for a
        slow reader later."""
        one = self.start("one", maxLength=10)
        ann, bob = self.join(one, b"ann"), self.join(one, b"bob")
        self.send(bob, b"b" * 20)
        self.send(ann, b"hello\n")
        self.send(bob, b"c\n")
        for _ in range(100):
            self.reactor.advance(0.1)
        bob.room = 0
        self.send(ann, b"again\n")
        for _ in range(10):
            self.reactor.advance(0.1)
        self.assertNotIn("cut", " ".join(one.log.lines))

    def test_silentEnds(self) -> None:
        """A member that is owed nothing can end while the relay is away, by itself or
        with the daemon."""
        one = self.start("one")
        self.broker.cut(one.relay)
        ann, bob = self.connect(one), self.connect(one)
        self.settle(2)
        ann.protocol.readConnectionLost()
        self.assertFalse(ann.protocol.isHolding)
        one.factory.isStopping = True
        bob.protocol.drain()
        self.settle(2)
        self.assertTrue(ann.isHalfClosed or ann.isClosed)
        self.assertTrue(bob.isHalfClosed or bob.isClosed)

    def test_fullDrained(self) -> None:
        """A member that has said nothing is drained while the room is full."""
        one = self.start("one")
        bob = self.join(one, b"bob")
        others = [self.join(one) for _ in range(8)]
        self.broker.cut(one.relay)
        for each in others:
            for _ in range(260):
                self.send(each, b"x\n")
        self.assertTrue(one.room.isFull)
        one.factory.isStopping = True
        bob.protocol.drain()
        self.settle(2)
        self.assertTrue(bob.isHalfClosed or bob.isClosed)

    def test_notIdle(self) -> None:
        """A member whose line waits for the relay is not idle."""
        one = self.start("one")
        ann = self.join(one, b"ann")
        self.broker.cut(one.relay)
        self.send(ann, b"a\n")
        self.assertTrue(ann.protocol.isHolding)

    def test_namesAtOnce(self) -> None:
        """The answers to several requests of one read have the name of their place."""
        ann = self.join(self.start("one"), b"ann")
        self.send(ann, b"/name bob\n/name carl\n/name bob\n")
        got = bytes(ann.sent)
        self.assertIn(b"* you are bob: the next name is possible in 5 s\n", got)
        self.assertTrue(got.endswith(b"[00] * you are bob\n"))


class LossTests(RelayedCase):
    """
    What comes again, and what does not.
    """

    def settle(self, seconds: float = 10) -> None:
        """Let time pass, in which the relay carries what was said."""
        for _ in range(int(seconds * 10)):
            self.reactor.advance(0.1)

    def test_goneShownOnce(self) -> None:
        """Lines of a daemon that has ended are not shown again in a new order."""
        one, two, three = self.start("a"), self.start("b"), self.start("c")
        ann, bob = self.join(one, b"ann"), self.join(two, b"bob")
        cat = self.join(three, b"cat")
        self.send(cat, b"once\n")
        three.room.stop()
        self.pump()
        self.send(ann, b"later\n")
        for daemon in one, two:
            self.broker.cut(daemon.relay)
        self.broker.lose(1)
        for daemon in one, two:
            self.broker.mend(daemon.relay)
        self.settle()
        for each in ann, bob:
            self.assertEqual(bytes(each.sent).count(b"<cat> once"), 1)

    def test_oneGhost(self) -> None:
        """A daemon whose first entry arrives again, behind the report that it is gone,
        has its members once."""
        one, two = self.start("a"), self.start("b")
        bob, ann = self.join(two, b"bob"), self.connect(one)
        ann.protocol.dataReceived(b"/name ann\n")
        while not any(b"ann" in dict(each).values() for _, each in self.broker.entries):
            self.reactor.advance(0)
        self.broker.cut(one.relay)
        self.settle(30)
        self.broker.mend(one.relay)
        self.settle()
        del bob.sent[:]
        self.send(bob, b"/who\n")
        self.assertEqual(bytes(bob.sent).count(b"* ann"), 1)

    def test_ownJoining(self) -> None:
        """A member is not told that it has joined, also where its daemon hears so from
        the state of another one."""
        self.broker = MemoryBroker(self.reactor, 20)
        one, two = self.start("a"), self.start("b")
        bob = self.join(two, b"bob")
        self.join(one, b"zed")
        ann = self.connect(one)
        ann.protocol.dataReceived(b"/name ann\nhi\n")
        while not any(b"ann" in dict(each).values() for _, each in self.broker.entries):
            self.reactor.advance(0)
        self.broker.cut(one.relay)
        for number in range(40):
            self.send(bob, b"%d\n" % number)
        self.broker.mend(one.relay)
        self.settle()
        self.assertEqual(bytes(ann.sent).count(b"] hi\n"), 1)
        self.assertNotIn(b"* ann joined", bytes(ann.sent))

    def test_lostOnTheWay(self) -> None:
        """What the relay has lost before it was read is said again: all get each line
        once, in one order, and a member whose joining was lost joins."""
        one, two = self.start("a"), self.start("b")
        ann, bob = self.join(one, b"ann"), self.join(two, b"bob")
        cat = self.connect(one)
        ann.protocol.dataReceived(b"1\n")
        cat.protocol.dataReceived(b"/name cat\nhi\n")
        count = len(self.broker.entries)
        while len(self.broker.entries) < count + 3:
            self.reactor.advance(0)
        self.broker.lose(3)
        self.send(ann, b"2\n")
        self.settle(20)
        self.send(cat, b"later\n")
        texts = [line[5:] for line in bytes(ann.sent).splitlines()]
        own = [each for each in texts if each in (b"1", b"2")]
        self.assertEqual(own, [b"1", b"2"])
        others = [line[5:] for line in bytes(bob.sent).splitlines()]
        said = [b"<ann> 1", b"<ann> 2"]
        self.assertEqual([each for each in others if each in said], said)
        self.assertNotIn(b"not arrive", bytes(bob.sent))
        self.assertEqual(bytes(cat.sent).count(b"] hi\n"), 1)
        self.assertEqual(bytes(cat.sent).count(b"] later\n"), 1)
        for each in ann, bob:
            self.assertEqual(bytes(each.sent).count(b"* cat joined\n"), 1)
            self.assertEqual(bytes(each.sent).count(b"<cat> hi\n"), 1)
            self.assertEqual(bytes(each.sent).count(b"<cat> later\n"), 1)
        self.assertEqual(bytes(bob.sent).count(b"<ann> 2\n"), 1)

    def test_readAgain(self) -> None:
        """A daemon that takes an earlier state reads its own lines again: they are
        answered and shown once, and it stays under its id."""
        one = self.start("a")
        ann, bob = self.join(one, b"ann"), self.join(one, b"bob")
        hearing = one.room.hearing
        snapshot, daemon = hearing.snapshot(), hearing.daemon
        self.send(ann, b"once\n")
        id, fields = self.broker.entries[-1]
        self.assertTrue(hearing.restore(snapshot))
        hearing.recall([])
        hearing.heard(b"%d-%d" % id, fields)
        self.send(ann, b"twice\n")
        self.assertEqual(hearing.daemon, daemon)
        self.assertGot(ann, b"[00] once\n[00] twice\n")
        self.assertGot(bob, b"[00] <ann> once\n[00] <ann> twice\n")

    def test_recalledEarly(self) -> None:
        """What all have passed over, since entries before it were missing, does not
        spoil what a daemon recalls."""
        self.broker = MemoryBroker(self.reactor, 20)
        one, two = self.start("a"), self.start("b")
        ann, bob = self.join(one, b"ann"), self.join(two, b"bob")
        self.broker.cut(two.relay)
        for number in range(25):
            self.send(ann, b"%d\n" % number)
        ann.protocol.dataReceived(b"25\n")
        place, _ = self.broker.entries[-1]
        while self.broker.entries[-1][0] == place:
            self.reactor.advance(0)
        self.broker.lose(1)
        # This is passed over.  Then both are said again.
        self.send(ann, b"26\n")
        self.settle(1)
        self.broker.mend(two.relay)
        self.settle()
        texts = [line.rpartition(b"> ")[2] for line in bytes(bob.sent).splitlines()]
        said = [int(each) for each in texts if each.isdigit()]
        self.assertEqual(said, list(range(said[0], 27)))


class ForgedTests(RelayedCase):
    """
    Entries that somebody else has written.
    """

    def forge(self, daemon: bytes, number: int, operation: Operation) -> None:
        """Write an entry."""
        self.broker.add(encode(Entry(daemon, number, operation)))

    def test_ownId(self) -> None:
        """An entry under the id of a daemon does not keep its members from their
        replies."""
        one = self.start("one")
        ann, bob = self.join(one, b"ann"), self.join(one, b"bob")
        say = Say(2, b"bob", b"[s] ", b"evil\n")
        last = one.room.hearing.shared.heard[one.room.hearing.daemon]
        self.forge(one.room.hearing.daemon, last + 1, say)
        self.send(ann, b"hello\n")
        self.pump(40)
        self.assertIn(b"] hello\n", bytes(ann.sent))
        self.assertEqual(bytes(bob.sent).count(b"<ann> hello\n"), 1)

    def test_stranger(self) -> None:
        """What a daemon says that nobody knows is not shown, also not to those who were
        away, and nothing is missed by it."""
        self.broker = MemoryBroker(self.reactor, 20)
        one, two = self.start("a"), self.start("b")
        ann, bob = self.join(one, b"ann"), self.join(two, b"bob")
        self.broker.cut(two.relay)
        for number in range(30):
            self.send(ann, b"%d\n" % number)
        self.forge(b"e" * 32, MOST, Say(1, b"ann", b"[s] ", b"evil\n"))
        self.forge(b"f" * 32, 1, Say(1, b"ann", b"[s] ", b"evil\n"))
        self.send(ann, b"last\n")
        self.broker.mend(two.relay)
        for _ in range(100):
            self.reactor.advance(0.1)
        for each in ann, bob:
            self.assertNotIn(b"evil", bytes(each.sent))
        told = [line for line in bytes(bob.sent).splitlines() if b"not arrive" in line]
        self.assertEqual(len(told), 1)
        self.assertLess(int(told[0].split()[2]), 31)
