"""Tests for L{echostamp.intercom.relayedroom} and the members of its rooms."""

from __future__ import annotations

from twisted.logger import capturedLogs, formatEvent

from echostamp.intercom.memoryrelay import MemoryBroker
from echostamp.intercom.waiting import MOST_REPLIES, MOST_WAITING
from echostamp.test.relayedrooms import RelayedCase

# The members' peers have no address, so a member without a name is "local".


class MessageTests(RelayedCase):
    """
    Messages in a room of two daemons.
    """

    def setUp(self) -> None:
        """Start two daemons, with one member each."""
        super().setUp()
        self.one, self.two = self.start("one"), self.start("two")
        self.ann = self.join(self.one, b"ann")
        self.bob = self.join(self.two, b"bob")

    def test_message(self) -> None:
        """A message comes back octet by octet; the others get a line."""
        self.send(self.ann, b"hi \x1b\xff\r\n\n")
        self.assertGot(self.ann, b"[00] hi \x1b\xff\r\n[00] \n")
        self.assertGot(self.bob, b"[00] <ann> hi ?\xff\n[00] <ann> \n")

    def test_place(self) -> None:
        """A message comes back to its sender when the relay has brought it, and so
        everybody gets the same order."""
        self.ann.protocol.dataReceived(b"a\n")
        self.bob.protocol.dataReceived(b"b\n")
        self.assertGot(self.ann, b"")
        self.pump()
        self.assertGot(self.ann, b"[00] a\n[00] <bob> b\n")
        self.assertGot(self.bob, b"[00] <ann> a\n[00] b\n")

    def test_reads(self) -> None:
        """Several reads of one member may be on their way, and keep their stamps."""
        self.ann.protocol.dataReceived(b"a\nb")
        self.reactor.advance(1)
        self.ann.protocol.dataReceived(b"c\n")
        self.pump()
        self.assertGot(self.ann, b"[00] a\n[01] bc\n")
        self.assertGot(self.bob, b"[00] <ann> a\n[01] <ann> bc\n")

    def test_join(self) -> None:
        """Joining and leaving are told once to everybody else."""
        cat = self.connect(self.two)
        self.send(cat, b"hi\n")
        self.assertGot(cat, b"[00] hi\n")
        for each in self.ann, self.bob:
            self.assertGot(each, b"[00] * local joined\n[00] <local> hi\n")
        cat.protocol.abort()
        self.pump()
        for each in self.ann, self.bob:
            self.assertGot(each, b"[00] * local left\n")

    def test_silent(self) -> None:
        """A member that is silent is announced after a second."""
        self.connect(self.two)
        self.reactor.advance(1)
        self.pump()
        self.assertGot(self.ann, b"[01] * local joined\n")

    def test_noNotices(self) -> None:
        """Without notices nobody is told who joins."""
        three = self.start("three", hasNotices=False)
        cat = self.join(three, b"cat")
        self.join(self.one, b"dog")
        self.assertGot(cat, b"")
        self.send(self.ann, b"hi\n")
        self.assertGot(cat, b"[00] <ann> hi\n")

    def test_unterminated(self) -> None:
        """A message that a pause ends comes back as it is; the line of another begins a
        new one."""
        cat = self.connect(self.one)
        cat.protocol.dataReceived(b"hello")
        for _ in range(3):
            self.reactor.advance(0.1)
        self.pump()
        self.assertGot(cat, b"[00] hello")
        self.assertGot(self.bob, b"[00] * local joined\n[00] <local> hello\n")
        self.send(self.bob, b"hi\n")
        self.assertGot(cat, b"\n[00] <bob> hi\n")

    def test_long(self) -> None:
        """A long message comes back from its place on, then as it comes.  What others
        say meanwhile follows its end."""
        three = self.start("three", maxLength=4)
        cat = self.join(three, b"cat")
        self.send(cat, b"abcdefg")
        self.assertGot(cat, b"[00] abcdefg")
        self.send(self.ann, b"1\n")
        self.send(self.ann, b"2\n")
        self.send(cat, b"hij")
        self.assertGot(cat, b"hij")
        cat.protocol.dataReceived(b"k\nl\n")
        self.assertGot(cat, b"k\n[00] <ann> 1\n[00] <ann> 2\n")
        self.pump()
        self.assertGot(cat, b"[00] l\n")
        self.assertGot(
            self.bob,
            b"[00] <cat> abcdefg\n" + b"[00] <ann> 1\n[00] <ann> 2\n[00] <cat> l\n",
        )

    def test_end(self) -> None:
        """The end of the input waits for what is on its way."""
        self.ann.protocol.dataReceived(b"a\nb")
        self.ann.protocol.readConnectionLost()
        self.assertFalse(self.ann.isHalfClosed or self.ann.isClosed)
        self.pump()
        self.assertEqual(bytes(self.ann.sent), b"[00] a\n[00] b")
        self.assertGot(self.bob, b"[00] <ann> a\n[00] <ann> b\n[00] * ann left\n")

    def test_drain(self) -> None:
        """So does the end of the daemon."""
        self.relayAway()
        self.ann.protocol.dataReceived(b"a\n")
        self.ann.protocol.drain()
        self.reactor.advance(1)
        self.reactor.advance(1)
        self.assertFalse(self.ann.isHalfClosed or self.ann.isClosed)
        self.broker.mend(self.one.relay)
        self.reactor.advance(1)
        for _ in range(8):
            self.pump()
            self.reactor.advance(0.3)
            self.ann.turn()
        self.assertIn(b"[00] a\n", bytes(self.ann.sent))
        self.assertTrue(self.ann.isHalfClosed or self.ann.isClosed)

    def relayAway(self) -> None:
        """Cut the first daemon's connection to the relay."""
        self.broker.cut(self.one.relay)
        self.pump()

    def test_stop(self) -> None:
        """When a daemon stops, its members leave."""
        self.one.factory.isStopping = True
        self.ann.protocol.close()
        done = self.one.room.stop()
        self.pump()
        self.successResultOf(done)
        self.assertGot(self.bob, b"[00] * ann left\n")

    def test_stopAway(self) -> None:
        """Lines that were not answered until the stop are counted in the log; those of
        a peer that was lost before are not."""
        carl = self.join(self.one, b"carl")
        self.relayAway()
        carl.protocol.dataReceived(b"c\n")
        carl.protocol.abort()
        self.pump()
        self.ann.protocol.dataReceived(b"a\nb\n")
        self.one.factory.isStopping = True
        self.ann.protocol.abort()
        self.pump()
        with capturedLogs() as events:
            self.one.room.stop()
        lines = [formatEvent(event) for event in events]
        self.assertEqual(lines, ["2 lines not answered: the relay is away"])


class CommandTests(RelayedCase):
    """
    Commands in a room of two daemons.
    """

    def setUp(self) -> None:
        """Start two daemons, with one member each."""
        super().setUp()
        self.one, self.two = self.start("one"), self.start("two")
        self.ann = self.join(self.one, b"ann")
        self.bob = self.join(self.two, b"bob")

    def test_who(self) -> None:
        """/who lists the members of all daemons, and where they are."""
        self.send(self.ann, b"/who\n")
        self.assertGot(
            self.ann,
            b"[00] /who\n[00] * ann since 00 from local at one\n"
            b"[00] * bob since 00 from local at two\n",
        )
        self.assertGot(self.bob, b"")

    def test_order(self) -> None:
        """The answer to a command is behind the reply to it, and that behind those
        before it."""
        self.ann.protocol.dataReceived(b"a\n/help\nb\n")
        self.assertGot(self.ann, b"")
        self.pump()
        lines = bytes(self.ann.sent).splitlines()
        self.assertEqual(lines[0], b"[00] a")
        self.assertEqual(lines[1], b"[00] /help")
        self.assertTrue(lines[2].startswith(b"[00] * /who: "))
        self.assertEqual(lines[-1], b"[00] b")
        self.assertGot(self.bob, b"[00] <ann> a\n[00] <ann> b\n")

    def test_unknown(self) -> None:
        """A word that is no command is a message, and answered."""
        self.send(self.ann, b"/foo\n")
        self.assertGot(self.ann, b"[00] /foo\n[00] * no command /foo: see /help\n")
        self.assertGot(self.bob, b"[00] <ann> /foo\n")

    def test_quit(self) -> None:
        """/quit ends the connection behind the replies; what follows is discarded."""
        self.send(self.ann, b"a\n/quit\nb\n")
        self.assertEqual(bytes(self.ann.sent), b"[00] a\n[00] /quit\n")
        self.ann.turn()
        self.assertTrue(self.ann.isHalfClosed)
        self.assertGot(self.bob, b"[00] <ann> a\n[00] * ann left\n")

    def test_name(self) -> None:
        """A new name is had from its place on."""
        self.send(self.ann, b"a\n/name eve\nb\n")
        self.assertGot(
            self.ann,
            b"[00] a\n[00] /name eve\n[00] * ann is now eve\n[00] b\n",
        )
        self.assertGot(self.bob, b"[00] <ann> a\n[00] * ann is now eve\n[00] <eve> b\n")
        self.assertIn("local is eve", self.one.log.lines)

    def test_nameTaken(self) -> None:
        """Of two that ask for a name the earlier in the order gets it."""
        self.ann.protocol.dataReceived(b"/name eve\n")
        self.bob.protocol.dataReceived(b"/name eve\n")
        self.pump()
        self.assertGot(
            self.ann,
            b"[00] /name eve\n[00] * ann is now eve\n[00] * bob is now eve-2\n",
        )
        self.assertGot(
            self.bob,
            b"[00] * ann is now eve\n[00] /name eve\n[00] * bob is now eve-2\n"
            b"[00] * you are eve-2: eve is taken\n",
        )

    def test_nameRefused(self) -> None:
        """A wrong name, the own one, and one too soon get a notice each."""
        self.send(self.ann, b"/name a b\n")
        self.assertIn(b"* you are ann: a name has ", bytes(self.ann.sent))
        del self.ann.sent[:]
        self.send(self.ann, b"/name ann\n")
        self.assertGot(self.ann, b"[00] /name ann\n[00] * you are ann\n")
        self.send(self.ann, b"/name eve\n")
        del self.ann.sent[:]
        self.send(self.ann, b"/name zoe\n")
        self.assertGot(
            self.ann,
            b"[00] /name zoe\n[00] * you are eve: the next name is possible in 5 s\n",
        )

    def test_firstName(self) -> None:
        """The first message requests a name, which may be taken or wrong."""
        cat = self.connect(self.two)
        self.send(cat, b"/name ann\nhi\n")
        self.assertGot(
            cat,
            b"[00] /name ann\n[00] * you are ann-2: ann is taken\n[00] hi\n",
        )
        self.assertGot(self.ann, b"[00] * ann-2 joined\n[00] <ann-2> hi\n")
        dog = self.connect(self.two)
        self.send(dog, b"/name 1.2.3.4\n")
        self.assertIn(b"* you are local: a name has ", bytes(dog.sent))

    def test_withoutCommands(self) -> None:
        """Without commands only the first message may request a name."""
        three = self.start("three", hasCommands=False)
        cat = self.join(three, b"cat")
        self.send(cat, b"/who\n")
        self.assertGot(cat, b"[00] /who\n")
        self.assertIn(b"<cat> /who\n", bytes(self.ann.sent))


class HoldingTests(RelayedCase):
    """
    How much may wait.
    """

    def test_octets(self) -> None:
        """A member is not read from while more than 64 KiB of its own waits, and all of
        it comes back."""
        one = self.start("one")
        ann = self.join(one, b"ann")
        sent = b""
        while ann.isRead:
            data = b"x" * 999 + b"\n"
            ann.protocol.dataReceived(data)
            sent += b"[00] " + data
        self.assertLessEqual(len(sent), MOST_WAITING + 2000)
        self.pump()
        self.assertTrue(ann.isRead)
        self.assertGot(ann, sent)

    def test_replies(self) -> None:
        """So it is while many short replies wait."""
        one = self.start("one")
        ann = self.join(one, b"ann")
        for _ in range(MOST_REPLIES):
            self.assertTrue(ann.isRead)
            ann.protocol.dataReceived(b"x\n")
        self.assertFalse(ann.isRead)
        self.pump()
        self.assertTrue(ann.isRead)
        self.assertGot(ann, b"[00] x\n" * MOST_REPLIES)

    def test_commands(self) -> None:
        """A read of many commands is answered bit by bit."""
        one = self.start("one")
        ann = self.join(one, b"ann")
        ann.protocol.dataReceived(b"/nope\n" * 2000)
        self.pump(100)
        reply = b"[00] /nope\n[00] * no command /nope: see /help\n"
        self.assertGot(ann, reply * 2000)
        self.assertTrue(ann.isRead)

    def test_backlog(self) -> None:
        """All members are held while too much waits for the relay."""
        one = self.start("one", backlog=262_144)
        members = [self.join(one) for _ in range(12)]
        self.broker.cut(one.relay)
        self.pump()
        for each in members:
            while each.isRead:
                each.protocol.dataReceived(b"x" * 9999 + b"\n")
            del each.sent[:]
        self.assertTrue(one.room.isFull)
        self.broker.mend(one.relay)
        self.reactor.advance(1)
        self.pump(60)
        for each in members:
            self.assertTrue(each.isRead)

    def test_slowReader(self) -> None:
        """While a slow reader is waited for, the relay is not read from."""
        one, two = self.start("one", backlog=262_144), self.start("two")
        slow = self.join(one, b"slow", room=1000)
        ann = self.join(two, b"ann")
        for _ in range(8):
            ann.protocol.dataReceived(b"x" * 60_000 + b"\n")
            self.pump()
        self.assertTrue(one.room.pace.isPaused)
        before = len(slow.sent)
        slow.turn(1 << 20)
        self.reactor.advance(3)
        self.pump()
        slow.turn(1 << 20)
        self.assertGreater(len(slow.sent), before)
        self.assertEqual(bytes(slow.sent).count(b"<ann> x"), 8)


class FaultTests(RelayedCase):
    """
    A relay that goes away, and one that loses what it had.
    """

    def setUp(self) -> None:
        """Start two daemons, with one member each."""
        super().setUp()
        self.one, self.two = self.start("one"), self.start("two")
        self.ann = self.join(self.one, b"ann")
        self.bob = self.join(self.two, b"bob")

    def settle(self, seconds: float = 3) -> None:
        """Let time pass, in which the relay carries what was said."""
        for _ in range(int(seconds * 10)):
            self.reactor.advance(0.1)
            self.pump(4)

    def test_away(self) -> None:
        """What is said while the relay is away arrives afterwards, once, in the order
        of the stream; a notice says that the others cannot be reached, and one that
        they can."""
        self.broker.cut(self.one.relay)
        self.pump()
        self.ann.protocol.dataReceived(b"a\n")
        self.send(self.bob, b"b\n")
        self.broker.mend(self.one.relay)
        self.settle()
        lines = bytes(self.ann.sent).splitlines()
        texts = [line.partition(b"] ")[2] for line in lines]
        self.assertEqual(texts.count(b"* the others cannot be reached: lines wait"), 1)
        self.assertEqual(texts.count(b"* the others can be reached again"), 1)
        self.assertLess(texts.index(b"<bob> b"), texts.index(b"a"))
        self.assertEqual(texts.count(b"a"), 1)
        self.assertEqual(bytes(self.bob.sent).count(b"<ann> a\n"), 1)

    def test_joinWhileAway(self) -> None:
        """A member that joins while the relay is away is told so, and when it is
        back."""
        self.broker.cut(self.one.relay)
        self.pump()
        eve = self.connect(self.one)
        self.assertGot(eve, b"[00] * the others cannot be reached: lines wait\n")
        self.send(eve, b"/name eve\n")
        self.broker.mend(self.one.relay)
        self.settle()
        begin, _, own = bytes(eve.sent).partition(b"\n")
        self.assertTrue(begin.endswith(b"] * the others can be reached again"))
        self.assertEqual(own, b"[00] /name eve\n")
        self.assertGot(self.connect(self.one), b"")

    def test_cutBehindAppend(self) -> None:
        """What had arrived before the connection was lost is not told twice."""
        self.ann.protocol.dataReceived(b"a\n")
        self.broker.cut(self.one.relay)
        self.pump()
        self.broker.mend(self.one.relay)
        self.settle()
        self.assertEqual(bytes(self.bob.sent).count(b"<ann> a\n"), 1)
        self.assertEqual(bytes(self.ann.sent).count(b"[00] a\n"), 1)

    def test_emptied(self) -> None:
        """A relay that was emptied begins a new order: everybody is still there, and
        everything said later arrives once."""
        self.send(self.ann, b"a\n")
        self.broker.empty()
        self.settle(12)
        self.send(self.ann, b"b\n")
        self.send(self.bob, b"c\n")
        for each, own, other in (
            (self.ann, b"b", b"<bob> c"),
            (self.bob, b"c", b"<ann> b"),
        ):
            lines = bytes(each.sent).splitlines()
            texts = [line.partition(b"] ")[2] for line in lines]
            self.assertEqual(texts.count(own), 1)
            self.assertEqual(texts.count(other), 1)
            self.assertNotIn(b"left", bytes(each.sent))
            began = b"* a new order begins: the relay has lost the one before"
            self.assertEqual(texts.count(began), 1)

    def test_lost(self) -> None:
        """A line that the relay has lost was missed where it was not shown, and only
        there."""
        self.broker.cut(self.two.relay)
        self.send(self.ann, b"a\n")
        self.broker.cut(self.one.relay)
        self.broker.empty()
        self.broker.mend(self.two.relay)
        self.settle(0.5)
        self.broker.mend(self.one.relay)
        self.settle()
        self.send(self.ann, b"b\n")
        missed = b"* 1 line of others did not arrive here\n"
        self.assertNotIn(missed, bytes(self.ann.sent))
        for each in self.ann, self.bob:
            self.assertNotIn(b"left", bytes(each.sent))
        self.assertEqual(bytes(self.bob.sent).count(missed), 1)

    def test_dead(self) -> None:
        """The members of a daemon that has died leave within 20 s, and their names are
        free."""
        self.broker.cut(self.two.relay)
        self.settle(20)
        self.assertEqual(bytes(self.ann.sent).count(b"* bob left\n"), 1)
        self.send(self.ann, b"/name bob\n")
        self.assertIn(b"* ann is now bob\n", bytes(self.ann.sent))

    def test_comeBack(self) -> None:
        """A daemon that was taken for dead comes back: its members join again, and what
        they said meanwhile is told once."""
        self.broker.cut(self.two.relay)
        self.settle(20)
        self.bob.protocol.dataReceived(b"b\n")
        self.broker.mend(self.two.relay)
        self.settle()
        text = bytes(self.ann.sent)
        self.assertLess(text.index(b"* bob left\n"), text.index(b"* bob joined\n"))
        self.assertEqual(text.count(b"* bob joined\n"), 1)
        self.assertEqual(text.count(b"<bob> b\n"), 1)
        self.send(self.bob, b"c\n")
        self.assertEqual(bytes(self.ann.sent).count(b"<bob> c\n"), 1)

    def test_hostile(self) -> None:
        """What is no entry of ours is counted, and shown to nobody."""
        fields = [(b"x", b"\x1b[2J\n[00] * bob left\n")]
        self.broker.add(fields)
        self.pump()
        self.assertGot(self.ann, b"")
        self.assertEqual(self.one.room.hearing.hostile.count, 1)
        self.flushLoggedErrors()


class ReplayTests(RelayedCase):
    """
    What a new member gets of what was said before.
    """

    def test_replay(self) -> None:
        """The last lines come before the first reply, as they were shown."""
        one = self.start("one", replay=2)
        ann = self.join(one, b"ann")
        for each in b"abc":
            self.send(ann, b"%c\n" % each)
        bob = self.connect(one)
        self.send(bob, b"hi\n")
        self.assertGot(
            bob,
            b"[00] * 2 lines from before:\n[00] <ann> b\n[00] <ann> c\n"
            b"[00] * now:\n[00] hi\n",
        )

    def test_none(self) -> None:
        """Without it there is nothing."""
        one = self.start("one")
        self.send(self.join(one, b"ann"), b"a\n")
        bob = self.connect(one)
        self.send(bob, b"hi\n")
        self.assertGot(bob, b"[00] hi\n")

    def test_restarted(self) -> None:
        """A daemon that has just started has them from the relay, with the names that
        their senders had."""
        one = self.start("one")
        ann = self.join(one, b"ann")
        self.send(ann, b"a\nb\n/name eve\nc\n")
        ann.protocol.abort()
        two = self.start("two", replay=2)
        bob = self.connect(two)
        self.send(bob, b"hi\n")
        self.assertGot(
            bob,
            b"[00] * 2 lines from before:\n[00] <ann> b\n[00] <eve> c\n"
            b"[00] * now:\n[00] hi\n",
        )


class TrimmedTests(RelayedCase):
    """
    A daemon that was away for longer than the stream reaches back.
    """

    def setUp(self) -> None:
        """Make a stream that keeps few entries, and two daemons."""
        super().setUp()
        self.broker = MemoryBroker(self.reactor, 20)
        self.one, self.two = self.start("one"), self.start("two")
        self.ann = self.join(self.one, b"ann")
        self.bob = self.join(self.two, b"bob")

    def test_missed(self) -> None:
        """It shows what the stream still has, in its order and with its own members'
        lines in their place, and says how many lines it has missed."""
        self.bob.protocol.dataReceived(b"own\n")
        self.broker.cut(self.two.relay)
        for number in range(100):
            self.send(self.ann, b"%d\n" % number)
        self.broker.mend(self.two.relay)
        for _ in range(40):
            self.reactor.advance(0.1)
            self.pump(4)
        lines = bytes(self.bob.sent).splitlines()
        texts = [line.partition(b"] ")[2] for line in lines]
        said = [int(each[6:]) for each in texts if each.startswith(b"<ann> ")]
        self.assertEqual(said, list(range(said[0], 100)))
        missed = [each for each in texts if each.endswith(b"did not arrive here")]
        text = b"* %d lines of others did not arrive here" % said[0]
        self.assertEqual(missed, [text])
        self.assertEqual(texts.count(b"own"), 1)
        self.assertEqual(bytes(self.ann.sent).count(b"<bob> own\n"), 1)
        self.assertNotIn(b"left", bytes(self.ann.sent + self.bob.sent))
