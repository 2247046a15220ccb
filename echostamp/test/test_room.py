"""Tests for L{echostamp.intercom.room} and L{echostamp.intercom.member}."""

from __future__ import annotations

import socket
from itertools import count
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from echostamp.daemon.limits import TimedConnectionLog
from echostamp.daemon.options import Options
from echostamp.intercom.formatting import isName
from echostamp.intercom.member import NAMING
from echostamp.intercom.room import BACKLOG, PATIENCE, STALLED, SURGE, Intercom
from echostamp.line.connectionlog import Visitors
from echostamp.line.protocol import DRAINED, TimestampEchoFactory
from echostamp.stamps import stampFormat
from echostamp.test.fakes import FakeReactor, FakeSocketConnection, FakeTransport


class Log(Visitors):
    """
    What would be logged.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, kind: str, format: str, **fields: object) -> None:
        """Note a line."""
        self.lines.append(format.format(**fields))


class IntercomCase(SynchronousTestCase):
    """
    Members whose kernels take as much as a test lets them.
    """

    def setUp(self) -> None:
        """Open the room."""
        self.reactor = FakeReactor()
        self.begin()

    def begin(
        self, backlog: int = BACKLOG, hasNotices: bool = True, maxLength: int = 65_536
    ) -> None:
        """Open a room, with these options."""
        self.log = Log()
        self.taken: dict[object, int] = {}
        self.intercom = Intercom(
            self.reactor, backlog, hasNotices, lambda each: self.taken.get(each, 0)
        )
        self.factory = TimestampEchoFactory(
            self.reactor,
            stampFormat("%S", utc=True),
            maxLength=maxLength,
            clock=lambda: int(self.reactor.seconds() * 1e9),
            visitors=self.log,
            sender=self.intercom.join,
        )

    def join(self, name: bytes = b"", room: int = 1 << 30) -> FakeSocketConnection:
        """Let somebody in, and forget what was said about it."""
        connection = FakeSocketConnection(self.reactor, room)
        connection.protocol = self.factory.buildProtocol(None)
        connection.protocol.makeConnection(connection)
        if name:
            self.say(connection, b"/name %s\n" % name)
        for each in self.factory.connections:
            del each.transport.sent[:]
        return connection

    def say(self, connection: FakeSocketConnection, data: bytes) -> None:
        """Let somebody say something."""
        connection.protocol.dataReceived(data)

    def assertHeard(self, connection: FakeSocketConnection, heard: bytes) -> None:
        """Assert what has come since the last time."""
        self.assertEqual(bytes(connection.sent), heard)
        del connection.sent[:]

    def flood(self, speaker: FakeSocketConnection, octets: int) -> int:
        """Let somebody say so much, as far as it is read from."""
        said = 0
        while said < octets and speaker.isRead:
            self.say(speaker, b"x" * 999 + b"\n")
            said += 1000
        return said

    def assertAtRest(self) -> None:
        """Let everybody go, and assert that nothing is left behind."""
        for each in tuple(self.factory.connections):
            each.abort()
        self.reactor.advance(0)
        self.assertEqual(self.reactor.getDelayedCalls(), [])


class SayingTests(IntercomCase):
    """
    Who hears what.
    """

    def test_oneOrder(self) -> None:
        """A message comes back as from the echo, and to the others as a line."""
        ann, bob, cid = (self.join(name) for name in (b"ann", b"bob", b"cid"))
        self.say(ann, b"one\ntwo\n")
        self.say(bob, b"three\r\n")
        self.assertHeard(ann, b"[00] one\n[00] two\n[00] <bob> three\n")
        self.assertHeard(bob, b"[00] <ann> one\n[00] <ann> two\n[00] three\r\n")
        self.assertHeard(cid, b"[00] <ann> one\n[00] <ann> two\n[00] <bob> three\n")
        self.assertAtRest()

    def test_unterminated(self) -> None:
        """A message that a pause ends is a line to the others; to its sender a newline
        comes before another's line."""
        ann, bob = self.join(), self.join(b"bob")
        self.say(ann, b"hello")
        for _ in range(3):
            self.reactor.advance(0.1)
        self.say(bob, b"hi\n")
        self.assertIn(b"[00] <local> hello\n", bob.sent)
        self.assertHeard(ann, b"[00] hello\n[00] <bob> hi\n")
        self.assertAtRest()

    def test_longWhileOthersSpeak(self) -> None:
        """While a message that is passed on as it comes has not ended, what others say
        waits; it comes before what is said next."""
        self.begin(maxLength=8)
        ann, bob = self.join(b"ann"), self.join(b"bob")
        del ann.sent[:]
        self.say(ann, b"0123456789")
        self.say(bob, b"hi\n")
        self.say(ann, b"abc")
        self.assertHeard(ann, b"[00] 0123456789abc")
        self.say(ann, b"def\nnext\n")
        self.assertHeard(ann, b"def\n[00] <bob> hi\n[00] next\n")
        self.assertHeard(bob, b"[00] <ann> 01234567\n[00] hi\n[00] <ann> next\n")
        self.say(ann, b"0123456789")
        self.say(bob, b"again\n")
        self.say(ann, b"\n")
        self.assertHeard(ann, b"[00] 0123456789\n[00] <bob> again\n")
        self.assertAtRest()

    def test_anyTransport(self) -> None:
        """One that can only write hears all the same."""
        ann, other = self.join(b"ann"), FakeTransport()
        other.protocol = self.factory.buildProtocol(None)
        other.protocol.makeConnection(other)
        self.say(ann, b"hi\n")
        self.assertEqual(other.sent, b"[00] <ann> hi\n")

    def test_kernelHoldsLittle(self) -> None:
        """What waits for a peer waits here, where it is counted."""
        found = []

        class Kernel:
            family = socket.AF_INET6

            def setsockopt(self, level: int, name: int, value: int) -> None:
                found.append((level, name, value))

        connection = FakeSocketConnection(self.reactor)
        connection.socket = Kernel()
        protocol: Any = self.factory.buildProtocol(None)
        protocol.transport = connection
        self.intercom.join(connection, protocol)
        option = socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, 131_072
        self.assertEqual(found, [option])

    def test_endOfInput(self) -> None:
        """Who has said all hears nothing more, and has left."""
        ann, bob = self.join(b"ann"), self.join(b"bob")
        self.say(ann, b"a\n")
        ann.protocol.readConnectionLost()
        self.say(bob, b"b\n")
        self.assertHeard(ann, b"[00] a\n")
        ann.turn()
        self.assertTrue(ann.isClosed)
        self.assertHeard(bob, b"[00] <ann> a\n[00] * ann left\n[00] b\n")
        self.assertAtRest()


class NameTests(IntercomCase):
    """
    Who is called what.
    """

    def test_joining(self) -> None:
        """One joins with its first message, or after a second."""
        ann = self.join(b"ann")
        bob = self.join()
        self.reactor.advance(NAMING / 2)
        self.assertHeard(ann, b"")
        self.reactor.advance(NAMING / 2)
        self.assertHeard(ann, b"[01] * local joined\n")
        self.say(bob, b"hi\n")
        self.assertHeard(ann, b"[01] <local> hi\n")
        self.say(self.join(), b"hi\n")
        self.assertHeard(ann, b"[01] * local-2 joined\n[01] <local-2> hi\n")
        self.assertAtRest()

    def test_joiningIsOlder(self) -> None:
        """Who is announced by its first message has joined no later than it spoke."""
        ann, bob = self.join(b"ann"), self.join()
        times = count(0, 10**9)
        self.factory._clock = times.__next__
        self.say(bob, b"hi\n")
        self.assertHeard(ann, b"[00] * local joined\n[00] <local> hi\n")

    def test_asked(self) -> None:
        """The first message may ask for a name: it is echoed, and not told."""
        ann, bob = self.join(b"ann"), self.join()
        self.say(bob, b"/name bob\nhi\n")
        self.assertHeard(bob, b"[00] /name bob\n[00] hi\n")
        self.assertHeard(ann, b"[00] * bob joined\n[00] <bob> hi\n")
        self.say(bob, b"/name cid\n")
        self.assertHeard(ann, b"[00] <bob> /name cid\n")
        self.assertEqual(self.log.lines[-1], "local is bob")
        self.assertAtRest()

    def test_askedLater(self) -> None:
        """Who is known by another name already is told to be called so now."""
        ann, bob = self.join(b"ann"), self.join()
        self.reactor.advance(NAMING)
        self.say(bob, b"/name bob\n")
        self.assertHeard(ann, b"[01] * local joined\n[01] * local is now bob\n")

    def test_inUse(self) -> None:
        """A name that is in use gets a number, and who asked is told, alone."""
        long = b"x" * 32
        ann = self.join(long)
        self.say(second := self.join(), b"/name %s\n" % long)
        called = b"x" * 30 + b"-2"
        self.assertHeard(
            second,
            b"[00] /name %s\n[00] * you are %s: %s is taken\n" % (long, called, long),
        )
        self.assertHeard(ann, b"[00] * %s joined\n" % called)
        second.abortConnection()
        self.assertHeard(ann, b"[00] * %s left\n" % called)
        self.say(third := self.join(), b"/name %s\n" % long)
        self.assertIn(called, third.sent)

    def test_inUseLikeAnAddress(self) -> None:
        """A name that is cut for its number is none of those that nobody may have."""
        asked = b"[2001:db8:aaaa:bbbb:ccc::1]:80xx"
        for _ in range(12):
            self.say(self.join(), b"/name %s\n" % asked)
        self.assertEqual(len(self.intercom._members), 12)
        for name in self.intercom._members:
            self.assertTrue(isName(name), name)

    def test_noName(self) -> None:
        """What is no name is not given."""
        ann, bob = self.join(b"ann"), self.join()
        self.say(bob, b"/name a b\n")
        self.assertRegex(bytes(bob.sent), rb"\* you are local: a name has 1 to 32 ")
        self.assertHeard(ann, b"[00] * local joined\n")

    def test_allLeave(self) -> None:
        """When the daemon stops, nobody is told of every other one that it has left."""
        ann, bob = self.join(b"ann"), self.join(b"bob")
        self.factory.isStopping = True
        bob.abortConnection()
        self.assertHeard(ann, b"")
        self.assertAtRest()

    def test_noNotices(self) -> None:
        """Without notices nobody is told who comes and goes."""
        self.begin(hasNotices=False)
        ann, bob = self.join(b"ann"), self.join(b"bob")
        self.join()
        self.reactor.advance(NAMING)
        bob.abortConnection()
        self.assertHeard(ann, b"")
        self.assertAtRest()


class KeepingUpTests(IntercomCase):
    """
    Who does not read as fast as the others speak.
    """

    def setUp(self) -> None:
        """Somebody speaks, somebody listens, somebody is slow."""
        super().setUp()
        self.ann, self.bob = self.join(b"ann"), self.join(b"bob")
        self.slow = self.join(b"slow")
        del self.ann.sent[:], self.bob.sent[:]
        self.slow.room = 0

    def assertHeardAll(self, listener: FakeSocketConnection, octets: int) -> None:
        """Assert that somebody has heard all that was said."""
        self.assertEqual(bytes(listener.sent).count(b"x\n"), octets // 1000)

    def test_waitedFor(self) -> None:
        """One that takes data is waited for when it is far behind: nobody is read from
        until it has caught up, and nothing is lost."""
        said = self.flood(self.ann, 2 * BACKLOG)
        self.assertLess(said, BACKLOG)
        self.assertFalse(self.ann.isRead)
        # TLS hands on what it has decrypted even so.
        self.say(self.ann, b"x\n")
        self.say(self.bob, b"more\n")
        self.assertFalse(self.bob.isRead)
        self.assertHeardAll(self.bob, said)
        self.slow.turn(1 << 30)
        self.reactor.advance(0)
        self.assertTrue(self.ann.isRead and self.bob.isRead)
        self.assertEqual(bytes(self.slow.sent).count(b"x\n"), said // 1000 + 1)
        self.assertTrue(self.slow.sent.endswith(b"[00] <bob> more\n"))
        self.assertAtRest()

    def test_takesAll(self) -> None:
        """However slow, as long as it takes something it is not cut."""
        for _ in range(40):
            self.flood(self.ann, BACKLOG // 4)
            self.taken[self.slow] = self.taken.get(self.slow, 0) + 1
            self.reactor.advance(0.5)
        self.assertFalse(self.slow.isAborted)
        self.assertFalse(self.ann.isRead)

    def test_notWaitedFor(self) -> None:
        """One that takes nothing is not waited for for long; then it is cut when it is
        too far behind, and nobody else loses anything."""
        said = self.flood(self.ann, 2 * BACKLOG)
        self.reactor.advance(PATIENCE / 2)
        self.assertFalse(self.ann.isRead)
        self.reactor.pump([0.5] * 5)
        self.assertTrue(self.ann.isRead)
        said += self.flood(self.ann, 2 * BACKLOG)
        self.reactor.advance(0)
        self.assertTrue(self.slow.isAborted)
        self.assertIn(f"local cut: more than {BACKLOG} bytes behind", self.log.lines)
        self.assertHeardAll(self.bob, said)
        self.assertTrue(self.bob.sent.endswith(b"x\n[03] * slow left\n"))
        self.assertAtRest()

    def test_stalled(self) -> None:
        """One that takes nothing for five seconds is cut, however little waits."""
        self.say(self.ann, b"hi\n")
        self.reactor.pump([0.5] * 9)
        self.assertFalse(self.slow.isAborted)
        self.reactor.pump([0.5] * 3)
        self.assertTrue(self.slow.isAborted)
        self.assertIn(f"local cut: took nothing for {STALLED:g} s", self.log.lines)
        self.assertIn(b"* slow left\n", self.bob.sent)
        self.assertAtRest()

    def test_stalledInItsMessage(self) -> None:
        """So is one that does not read amid a message of its own."""
        self.begin(maxLength=8)
        self.setUpAgain()
        self.say(self.slow, b"0123456789")
        self.say(self.ann, b"hi\n")
        self.reactor.pump([0.5] * 12)
        self.assertTrue(self.slow.isAborted)
        self.assertAtRest()

    def test_orderAcrossACut(self) -> None:
        """Who came before one that is cut, and who came after it, hear of it at the
        same place: behind all that was said in that turn."""
        late = self.join(b"late")
        del self.ann.sent[:], self.bob.sent[:]
        self.flood(self.ann, 900_000)
        self.reactor.pump([0.5] * 6)
        del self.bob.sent[:], late.sent[:]
        slow: Any = self.slow.protocol
        while not slow._sender.isCut:
            self.say(self.ann, b"x" * 999 + b"\n")
        behind = slow._sender.behind
        self.say(self.ann, b"y\nx\n")
        self.assertEqual(slow._sender.behind, behind)
        self.assertFalse(self.slow.isAborted)
        self.reactor.advance(0)
        self.assertTrue(self.slow.isAborted)
        self.assertTrue(self.bob.sent.endswith(b"x\n[03] * slow left\n"))
        self.assertEqual(late.sent, self.bob.sent)
        self.assertTrue(self.ann.sent.endswith(b"x\n[03] * slow left\n"))

    def test_manyAreCut(self) -> None:
        """However many are cut by one message, or by the notices of it."""
        self.begin(SURGE)
        self.setUpAgain()
        dead = [self.join(b"%d" % number) for number in range(300)]
        del self.ann.sent[:]
        for each in dead:
            each.room = 0
        self.flood(self.ann, SURGE)
        self.reactor.pump([0.5] * 8)
        member: Any = dead[0].protocol
        while member._sender.behind < SURGE - 2000:
            self.say(self.ann, b"x" * 999 + b"\n")
        while not member._sender.isCut:
            self.say(self.ann, b"x\n")
        self.reactor.pump([0] * 300)
        self.assertTrue(all(each.isAborted for each in dead))
        self.assertEqual(self.ann.sent.count(b" left\n"), 301)
        self.assertAtRest()

    def test_cutByANotice(self) -> None:
        """What is told of one that is cut may be too much for another, whether that one
        takes something or not: it goes, too, and the others go on."""
        for takes in False, True:
            self.begin()
            self.ann, slow = self.join(b"ann"), self.join(b"slow")
            slow.room = 0
            self.say(self.ann, b"one\n")
            other = self.join(b"other")
            other.room = 0
            self.flood(self.ann, 100_000)
            # Less waits for the one that will be cut first; the other one is the last
            # to take something.
            slow.turn(60_000)
            self.reactor.advance(0.5)
            self.taken[other] = 1
            self.reactor.pump([0.5] * 9)
            member: Any = other.protocol
            while BACKLOG - member._sender.behind > 2000:
                self.assertTrue(self.ann.isRead)
                self.say(self.ann, b"x" * 999 + b"\n")
            room = BACKLOG - member._sender.behind - len("[04] <ann> \n")
            self.say(self.ann, b"x" * (room - 5) + b"\n")
            self.taken[other] += takes
            self.assertFalse(slow.isAborted or other.isAborted)
            self.reactor.pump([0.5, 0, 0])
            self.assertTrue(slow.isAborted and other.isAborted)
            reasons = [line for line in self.log.lines if " cut: " in line]
            self.reactor.pump([0.5] * 20)
            self.say(self.ann, b"still here\n")
            self.assertTrue(self.ann.isRead)
            self.assertEqual(
                reasons,
                [
                    f"local cut: took nothing for {STALLED:g} s",
                    f"local cut: more than {BACKLOG} bytes behind",
                ],
            )
            self.assertAtRest()

    def test_stalledAtTheLast(self) -> None:
        """So is one whose transport has all that waited, and whose peer takes none of
        it: on a socket, and on a transport that can only be written to."""
        self.flood(self.ann, 150_000)
        for _ in range(3):
            self.slow.turn(50_000)
        member: Any = self.slow.protocol
        self.assertEqual(member._sender.behind, 0)
        self.assertGreater(self.slow.held, 0)
        self.reactor.pump([0.5] * 12)
        self.assertTrue(self.slow.isAborted)
        self.assertAtRest()
        ann, other = self.join(b"ann"), FakeTransport()
        other.protocol = self.factory.buildProtocol(None)
        other.protocol.makeConnection(other)
        other.fill()
        self.say(ann, b"hi\n")
        write = other.write

        def fill(data: bytes) -> None:
            write(data)
            other.fill()

        self.patch(other, "write", fill)
        other.drain()
        self.assertTrue(other.sent.endswith(b"<ann> hi\n"))
        self.reactor.pump([0.5] * 12)
        self.assertTrue(other.disconnected)

    def test_takesAfterAll(self) -> None:
        """One that takes what waited is not cut."""
        self.say(self.ann, b"hi\n")
        self.reactor.pump([0.5] * 9)
        self.slow.turn(1 << 30)
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.assertHeard(self.slow, b"[00] <ann> hi\n")

    def test_goes(self) -> None:
        """When the one that was waited for goes, the others go on."""
        self.flood(self.ann, 2 * BACKLOG)
        self.slow.abortConnection()
        self.reactor.advance(0)
        self.assertTrue(self.ann.isRead)
        self.assertAtRest()

    def test_speakerGoes(self) -> None:
        """When one that has to wait goes, nothing waits for it."""
        self.flood(self.ann, 2 * BACKLOG)
        self.ann.abortConnection()
        self.slow.turn(1 << 30)
        self.reactor.advance(0)
        self.assertTrue(self.slow.sent.endswith(b"* ann left\n"))
        self.assertAtRest()

    def test_smallBacklog(self) -> None:
        """With the smallest backlog the same holds."""
        self.begin(SURGE)
        self.setUpAgain()
        said = self.flood(self.ann, SURGE)
        self.assertLess(said, SURGE)
        self.slow.turn(1 << 30)
        self.reactor.advance(0)
        self.assertHeardAll(self.slow, said)

    def setUpAgain(self) -> None:
        """The same members in a new room."""
        self.ann, self.slow = self.join(b"ann"), self.join(b"slow", 1000)
        self.slow.room = 0


class EndTests(IntercomCase):
    """
    Connections that end while somebody is waited for.
    """

    def setUp(self) -> None:
        """Somebody has spoken, somebody is silent, somebody is waited for."""
        super().setUp()
        self.ann, self.bob = self.join(b"ann"), self.join(b"bob")
        self.slow = self.join(b"slow")
        self.slow.room = 0
        self.flood(self.ann, 2 * BACKLOG)
        self.assertTrue(self.intercom.isWaiting)

    def test_drained(self) -> None:
        """Who has read everything and says nothing is not kept."""
        self.factory.isStopping = True
        self.bob.protocol.drain()
        for _ in range(2):
            self.reactor.advance(DRAINED)
            self.bob.turn()
        self.assertTrue(self.intercom.isWaiting)
        self.assertTrue(self.bob.isHalfClosed and self.bob.isClosed)
        self.assertFalse(self.bob.isAborted)

    def test_drainedWithAMessage(self) -> None:
        """What somebody has said is heard and answered first."""
        self.say(self.bob, b"half")
        self.bob.protocol.drain()
        self.ann.protocol.drain()
        self.reactor.pump([DRAINED] * 2)
        self.assertFalse(self.bob.isHalfClosed or self.ann.isHalfClosed)
        self.slow.turn(1 << 30)
        self.reactor.advance(0)
        self.assertTrue(self.ann.isRead)
        self.say(self.ann, b"ann\n")
        for _ in range(3):
            self.reactor.advance(DRAINED)
            self.ann.turn()
            self.bob.turn()
        self.assertTrue(self.bob.isClosed and self.ann.isClosed)
        self.assertIn(b"[00] half", self.bob.sent)
        self.assertIn(b"[00] <bob> half\n", self.slow.sent)
        self.assertIn(b"[00] ann\n", self.ann.sent)

    def test_inputEnds(self) -> None:
        """Who has said all and has read everything is let go at once."""
        self.bob.protocol.readConnectionLost()
        self.bob.turn()
        self.assertTrue(self.bob.isClosed)
        self.say(self.ann, b"last\n")
        self.ann.protocol.readConnectionLost()
        self.assertFalse(self.ann.isClosed)
        self.slow.turn(1 << 30)
        self.reactor.advance(0)
        self.ann.turn()
        self.assertTrue(self.ann.isClosed)
        self.assertTrue(self.ann.sent.endswith(b"[00] last\n"))

    def test_idle(self) -> None:
        """Who is ended is closed, and only one that does not read is cut."""
        for each in self.bob, self.slow:
            each.protocol.end()
        self.bob.turn()
        self.assertTrue(self.bob.isClosed)
        self.assertFalse(self.bob.isAborted)
        self.assertTrue(self.slow.isAborted)

    def test_notIdle(self) -> None:
        """While somebody is waited for, nobody else is idle."""
        visitors = TimedConnectionLog(self.reactor, idleTimeout=1)
        for each in self.ann, self.bob:
            visitors.arrived(each.protocol)
        for _ in range(10):
            self.taken[self.slow] = self.taken.get(self.slow, 0) + 1
            self.reactor.advance(0.5)
        self.assertFalse(self.ann.disconnecting or self.bob.disconnecting)
        self.slow.turn(1 << 30)
        self.reactor.pump([0.5] * 4)
        self.assertTrue(self.ann.disconnecting and self.bob.disconnecting)


class OptionTests(SynchronousTestCase):
    """
    The daemon's options.
    """

    def test_right(self) -> None:
        """There is no intercom by itself; its backlog is within bounds."""
        for arguments, found in [
            ([], (False, False, BACKLOG)),
            (["--intercom"], (True, False, BACKLOG)),
            (["--intercom", "--no-notices", f"--backlog={SURGE}"], (True, True, SURGE)),
        ]:
            options = Options()
            options.parseOptions(arguments)
            told = bool(options["intercom"]), bool(options["no-notices"])
            self.assertEqual((*told, options.backlog), found)

    def test_wrong(self) -> None:
        """What is wrong is named in one line."""
        for arguments, line in [
            (["--no-notices"], "--no-notices goes with --intercom"),
            (["--backlog=300000"], "--backlog goes with --intercom"),
            (["--intercom", "--backlog=1"], "--backlog '1': "),
            (["--intercom", f"--backlog={2**31}"], "--backlog '2147483648': "),
        ]:
            error = self.assertRaises(SystemExit, Options().parseOptions, arguments)
            self.assertTrue(str(error).startswith(f"echostamp: {line}"), error)
