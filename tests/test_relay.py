"""The intercom over several daemons, whose relay is a real Redis server."""

from __future__ import annotations

import random
import re
import signal
import socket
import time

from twisted.trial.unittest import SynchronousTestCase

from echostamp.intercom.entries import Entry, Gone, Join, Leave, Say, encode
from tests import relayfaults
from tests.harness import HOSTILE, readAll, run, script, sendWithFin
from tests.redisservers import RedisServer
from tests.relayedcrowds import AWAY, BACK, relayed
from tests.rooms import UNIX, Client, Crowd

#: The stamp of an entry that is forged.
STAMP = b"[1234567890.123456789] "


class RelayFaultsTests(relayfaults.RelayFaultsCase):
    """
    Nine members, of whom three say 600 lines.
    """

    members, speakers, lines, stopped = 9, 3, 600, 2.0


def texts(heard: bytes | bytearray) -> bytes:
    """Give what was heard, without stamps."""
    return re.sub(rb"(?m)^" + UNIX, b"", heard)


class RelayedCase(SynchronousTestCase):
    """
    Tests of a room of two daemons.
    """

    def setUp(self) -> None:
        """Start Redis."""
        self.server = RedisServer(self)

    def begin(self, *options: str) -> None:
        """
        Start the daemons.

        @param options: more options.
        """
        self.daemons = [relayed(self, self.server, *options) for _ in range(2)]
        self.crowd = Crowd(self, self.daemons[0])

    def join(self, name: bytes, daemon: int) -> Client:
        """
        Add a member, and wait until it has joined.
        """
        client = self.crowd.join(name, self.daemons[daemon].connect())
        self.crowd.until(lambda: b"/name %s\n" % name in client.heard)
        return client

    def members(self) -> tuple[Client, Client]:
        """
        Add a member to each daemon.
        """
        ann, bob = self.join(b"ann", 0), self.join(b"bob", 1)
        self.crowd.settle([ann, bob])
        return ann, bob


class RoomTests(RelayedCase):
    """
    Two daemons are one room.
    """

    def setUp(self) -> None:
        """Start the daemons."""
        super().setUp()
        self.begin()

    def test_ownOctets(self) -> None:
        """A sender gets its own messages back byte for byte, whatever octets they have,
        and lines that are longer than an entry."""
        _, bob = self.members()
        chance = random.Random(25)
        lines = [b"x" + HOSTILE.replace(b"\n", b""), b"long" * 100_000, b"r\r"]
        lines += [b"x" + chance.randbytes(chance.randrange(500)) for _ in range(200)]
        said = b"".join(line + b"\n" for line in lines) + b"no newline"
        with self.daemons[0].connect() as peer:
            peer.sendall(b"/name eve\n")
            eve = self.crowd.join(peer=peer)
            self.crowd.say(eve, said)
            self.crowd.until(lambda: not eve.unsaid)
            peer.shutdown(socket.SHUT_WR)
            self.crowd.until(lambda: eve.isOver)
        self.assertEqual(texts(eve.heard), b"/name eve\n" + said)
        self.crowd.until(lambda: bob.heard.endswith(b"eve left\n"))
        heard = bob.lines()
        self.assertEqual(len(heard), said.count(b"\n") + 3)
        self.assertEqual(heard[-2][23:], b"<eve> no newline")
        for line in heard:
            self.assertTrue(line[:22].isascii() and b"\x1b" not in line, line[:200])

    def test_endOfInput(self) -> None:
        """A client that sends lines and a FIN behind them gets all replies, then the
        FIN."""
        _, bob = self.members()
        said = b"".join(b"line %d\n" % each for each in range(2000)) + b"last"
        with self.daemons[0].connect() as peer:
            address = b"%s:%d" % (b"127.0.0.1", peer.getsockname()[1])
            sendWithFin(peer, said)
            self.assertEqual(texts(readAll(peer)), said)
        self.crowd.until(lambda: bob.heard.endswith(b"left\n"))
        name = b"<%s> " % address
        expected = [b"* %s joined" % address]
        expected += [name + line for line in said.split(b"\n")]
        expected += [b"* %s left" % address, b""]
        self.assertEqual(texts(bob.heard).split(b"\n"), expected)

    def test_who(self) -> None:
        """C{/who} lists the members of all daemons, in the order in which they joined,
        and where each is."""
        ann, bob = self.members()
        place = socket.gethostname().encode()
        for each in ann, bob:
            self.crowd.say(each, b"/who\n")
        self.crowd.until(
            lambda: all(each.heard.count(b"\n") == 3 for each in (ann, bob))
        )
        answers = [texts(each.heard) for each in (ann, bob)]
        self.assertEqual(answers[0], answers[1])
        since = rb" since \d{10}\.\d{9} from 127\.0\.0\.1:%d at " + place + b"\n"
        ports = [each.socket.getsockname()[1] for each in (ann, bob)]
        self.assertRegex(
            answers[0],
            b"^/who\n\\* ann" + since % ports[0] + b"\\* bob" + since % ports[1] + b"$",
        )

    def test_names(self) -> None:
        """A name that a member of another daemon has gets a suffix, at the first line
        and later.  Of two that ask for one at once, one gets it."""
        ann, bob = self.members()
        other = self.crowd.join(b"ann", self.daemons[1].connect())
        self.crowd.until(lambda: b"you are" in other.heard)
        self.assertEqual(
            texts(other.heard), b"/name ann\n* you are ann-2: ann is taken\n"
        )
        self.crowd.until(lambda: ann.heard.endswith(b"* ann-2 joined\n"))
        ann.heard.clear()
        bob.heard.clear()
        for each in ann, bob:
            self.crowd.say(each, b"/name eve\n")
        self.crowd.until(
            lambda: all(e.heard.count(b"now eve") == 2 for e in (ann, bob))
        )
        found = re.findall(rb"\* (\w+) is now (\S+)\n", ann.heard)
        self.assertEqual(re.findall(rb"\* (\w+) is now (\S+)\n", bob.heard), found)
        self.assertEqual({old for old, _ in found}, {b"ann", b"bob"})
        self.assertEqual([new for _, new in found], [b"eve", b"eve-2"])

    def test_joinAndLeave(self) -> None:
        """Joining and leaving are told once, also when a daemon stops."""
        ann, _ = self.members()
        eve = self.join(b"eve", 1)
        self.crowd.say(eve, b"/quit\n")
        self.crowd.until(lambda: eve.isOver)
        self.crowd.until(lambda: ann.heard.endswith(b"eve left\n"))
        self.daemons[1].stop()
        self.crowd.until(lambda: ann.heard.endswith(b"bob left\n"))
        self.crowd.say(ann, b"end\n")
        self.crowd.until(lambda: ann.heard.endswith(b"end\n"))
        self.assertEqual(
            texts(ann.heard), b"* eve joined\n* eve left\n* bob left\nend\n"
        )

    def test_hostile(self) -> None:
        """Entries that are not ours are counted in the log, and shown to nobody.  The
        room goes on."""
        ann, bob = self.members()
        stranger, stamp = b"5" * 32, STAMP
        say = Say(1, b"ann", stamp, b"forged\n")
        good = encode(Entry(stranger, 1, say))
        hostile = [
            [(b"text", HOSTILE)],
            [*good, good[0]],
            good[:-1],
            encode(Entry(stranger, 1, say._replace(text=b"\x1b[2J\n" * 60_000))),
            encode(Entry(stranger, 1, say._replace(stamp=b"[\x1b[2J] "))),
            encode(Entry(stranger, 0, say)),
            encode(Entry(stranger, 1, say._replace(text=b"no newline"))),
            encode(Entry(stranger, 1, Join(1, b"e<v>e", "here", stamp))),
        ]
        # These are well formed, but nobody has joined so.
        ignored = [
            encode(Entry(stranger, 1 << 40, say)),
            good,
            encode(Entry(stranger, 2, Gone(b"6" * 32, stamp))),
        ]
        for fields in hostile + ignored:
            self.add(fields)
        self.crowd.say(ann, b"end\n")
        self.crowd.until(
            lambda: all(each.heard.endswith(b"end\n") for each in (ann, bob))
        )
        self.assertEqual(texts(bob.heard), b"<ann> end\n")
        self.assertEqual(texts(ann.heard), b"end\n")
        for each in self.daemons:
            self.assertEqual(each.log().count("is not ours: "), 1)
            self.assertEqual(each.unprintable(), [])

    def test_reportedGone(self) -> None:
        """Somebody reports that a daemon is gone: its members come back by
        themselves."""
        ann, bob = self.members()
        self.add(encode(Entry(b"5" * 32, 1, Gone(self.lastDaemon(), STAMP))))
        self.crowd.until(lambda: bob.heard.endswith(b"ann joined\n"))
        self.crowd.say(ann, b"still here\n")
        self.crowd.until(lambda: bob.heard.endswith(b"still here\n"))
        self.assertEqual(
            texts(bob.heard), b"* ann left\n* ann joined\n<ann> still here\n"
        )

    def test_falseNumber(self) -> None:
        """Somebody writes under the id of a daemon, with a number far ahead: the lines
        of its members go on to arrive, once, and nobody is told of lines that were
        lost."""
        ann, bob = self.members()
        number = 1 << 40
        self.add(encode(Entry(self.lastDaemon(), number, Leave(99, STAMP))))
        self.crowd.say(ann, b"one\n")
        self.crowd.until(lambda: ann.heard.endswith(b"one\n"))
        self.crowd.say(ann, b"two\n")
        self.crowd.until(lambda: bob.heard.endswith(b"<ann> two\n"))
        said = re.findall(rb"<.*\n", bob.heard)
        self.assertEqual(said, [b"<ann> one\n", b"<ann> two\n"])
        self.assertNotIn(b"not arrive", bob.heard)

    def lastDaemon(self) -> bytes:
        """Give the id of the daemon that has written the last entry."""
        command = "XREVRANGE", "room", "+", "-", "COUNT", "1"
        [id] = re.findall(rb"[0-9a-f]{32}", self.server.command(*command))
        return bytes(id)

    def add(self, fields: list[tuple[bytes, bytes]]) -> None:
        """
        Add an entry to the stream past all daemons.
        """
        words = [b"XADD", b"room", b"*", *(word for field in fields for word in field)]
        request = b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)
        with socket.create_connection(("127.0.0.1", self.server.port)) as redis:
            redis.sendall(b"*%d\r\n%s" % (len(words), request))
            self.assertEqual(redis.recv(1), b"$")

    def test_programs(self) -> None:
        """C{echostamp ping} measures in such a room, and C{echostamp talk} passes a
        pipe through it."""
        target = f"127.0.0.1:{self.daemons[0].port}"
        ping = run(script("echostamp"), "ping", "-c3", "-i0.1", target)
        self.assertEqual(ping.returncode, 0, ping)
        self.assertIn(b"3 sent, 3 received", ping.stdout)
        said = b"".join(b"line %d\n" % each for each in range(1000)) + b"last"
        talk = run(script("echostamp"), "talk", target, stdin=said)
        self.assertEqual(talk.returncode, 0, talk)
        self.assertEqual(texts(talk.stdout), said)


class ReplayTests(RelayedCase):
    """
    New members get the last lines of others.
    """

    def test_replay(self) -> None:
        """A new member of any daemon first gets the last lines of all, with their old
        stamps."""
        self.begin("--replay=3")
        ann, bob = self.members()
        lines: list[bytes] = []
        for each in ann, bob, ann:
            self.crowd.say(each, b"hello\nsecond\n")
            self.crowd.until(
                lambda: all(e.heard.endswith(b"second\n") for e in (ann, bob))
            )
            lines += bob.linesAsOthersHear()
            ann.heard.clear()
        for daemon in 0, 1:
            eve = self.join(b"eve%d" % daemon, daemon)
            # Otherwise the next one may hear of it before its own reply.
            self.crowd.until(
                lambda: all(e.heard.endswith(b" joined\n") for e in (ann, bob))
            )
            ann.heard.clear()
            bob.heard.clear()
            heard = eve.lines()
            self.assertEqual(heard[1:4], lines[-3:])
            self.assertEqual(heard[0][23:], b"* 3 lines from before:")
            self.assertEqual(heard[4][23:], b"* now:")
            self.assertEqual(heard[5][23:], b"/name eve%d" % daemon)


class AwayTests(RelayedCase):
    """
    Redis is away when a daemon starts, and when it ends.
    """

    def test_awayAtStart(self) -> None:
        """Lines that are said before Redis is there are answered when it comes."""
        self.server.kill()
        self.begin()
        ann = self.crowd.join(b"ann", self.daemons[0].connect())
        self.crowd.say(ann, b"early\n")
        self.crowd.until(lambda: AWAY in ann.heard)
        self.assertEqual(texts(ann.heard), b"* %s\n" % AWAY)
        self.server.start()
        self.crowd.until(lambda: b"early\n" in ann.heard)
        bob = self.join(b"bob", 1)
        self.crowd.say(ann, b"late\n")
        self.crowd.until(lambda: bob.heard.endswith(b"<ann> late\n"))
        self.crowd.until(lambda: ann.heard.endswith(b"late\n"))
        own = texts(ann.heard).replace(b"* bob joined\n", b"")
        expected = b"* %s\n* %s\n/name ann\nearly\nlate\n" % (AWAY, BACK)
        self.assertEqual(own, expected)

    def test_stopWhileAway(self) -> None:
        """A daemon that has to stop while Redis is away waits for --grace, counts the
        lines that are lost, and ends."""
        self.begin("--grace=1")
        ann, _ = self.members()
        self.server.freeze()
        self.addCleanup(self.server.thaw)
        daemon = self.daemons[0]
        self.crowd.say(ann, b"lost\nlost\nlost\n")
        self.crowd.until(lambda: not ann.unsaid)
        began = time.monotonic()
        self.assertEqual(daemon.stop(signal.SIGTERM), 0)
        self.assertLess(time.monotonic() - began, 4)
        self.assertIn("3 lines not answered", daemon.log())
        self.crowd.until(lambda: ann.isOver)
        self.assertNotIn(b"lost", ann.heard)
