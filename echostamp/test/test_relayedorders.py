"""Tests for rooms of several daemons that begin a new order, or catch up with one."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from itertools import chain

from echostamp.intercom.memoryrelay import MemoryBroker
from echostamp.test.fakes import FakeSocketConnection
from echostamp.test.relayedrooms import Daemon, RelayedCase

#: The members, each at a daemon of its own.
NAMES = b"ann", b"bob", b"cat"


class OrderTests(RelayedCase):
    """
    Three daemons of one room, and what their members hear.

    The notice about a new order stands between two parts.  What two members have in one
    part is in one order for both.
    """

    def setUp(self) -> None:
        """Let the members join."""
        super().setUp()
        for name in NAMES:
            self.start(name.decode())
        self.members = [
            self.join(daemon, name)
            for daemon, name in zip(self.daemons, NAMES, strict=True)
        ]
        for each in self.members:
            del each.sent[:]

    def settle(self, seconds: float = 20) -> None:
        """Let time pass, in which the relay carries what was said."""
        for _ in range(int(seconds * 20)):
            self.reactor.advance(0.05)

    def parts(self, number: int) -> list[list[bytes]]:
        """Give what a member has heard of all before and after each notice."""
        heard = re.sub(rb"(?m)^\[..\] ", b"", bytes(self.members[number].sent))
        parts: list[list[bytes]] = [[]]
        for line in heard.splitlines():
            if line == b"* a new order begins: the relay has lost the one before":
                parts.append([])
            elif not line.startswith(b"*"):
                name = b"" if line.startswith(b"<") else b"<%s> " % NAMES[number]
                parts[-1].append(name + line)
        return parts

    def assertOrders(self, later: set[bytes], seed: int = 0) -> None:
        """
        Assert that one new order has begun, that each part is in one order for all,
        that nobody has heard a line twice, and that all have heard all later ones.
        """
        heard = [self.parts(number) for number in range(3)]
        for parts in heard:
            lines = [*chain(*parts)]
            self.assertEqual(len(lines), len({*lines}), seed)
            self.assertLessEqual(later, {*lines}, seed)
            self.assertEqual(len(parts), 2, seed)
            for mine, first in zip(parts, heard[0], strict=True):
                common = {*mine} & {*first}
                own = [line for line in mine if line in common]
                self.assertEqual(own, [each for each in first if each in common], seed)

    def empty(self) -> None:
        """Empty the relay, at another time than that of any entry: ids are times."""
        self.reactor.advance(0.01)
        self.broker.empty()

    def say(self, member: FakeSocketConnection, text: bytes) -> None:
        """Let a member say something, which the relay carries."""
        self.send(member, text + b"\n")

    def test_readBefore(self) -> None:
        """A daemon has read what others have lost.  They say it again only when the new
        order has begun, also where one of them finds out before another one does."""
        ann, bob, cat = self.members
        for daemon in self.daemons[:2]:
            daemon.relay.pause()
        self.say(ann, b"1")
        self.say(bob, b"2")
        self.empty()
        for daemon in self.daemons[:2]:
            daemon.relay.resume()
        self.say(cat, b"3")
        self.say(bob, b"5")
        self.settle(0.5)
        self.say(ann, b"4")
        self.settle()
        self.assertOrders({b"<ann> 4", b"<bob> 5", b"<cat> 3"})
        for number, before in (0, 0), (1, 0), (2, 2):
            parts = self.parts(number)
            first = [b"<ann> 1", b"<bob> 2"][:before]
            self.assertEqual(parts[0][: before + 1], [*first, b"<cat> 3"])
        for number in 0, 1:
            self.assertIn(b"<bob> 2", self.parts(number)[1])

    def talk(self, source: random.Random, lose: Callable[[], list[Daemon]]) -> None:
        """
        Let all members talk, and all daemons read now and then, before and after the
        relay loses something.

        @param lose: makes the relay lose something, and gives the daemons that cannot
            reach it then, until one after the other can.
        """
        away: list[Daemon] = []
        number, end = 0, source.randrange(5, 60)
        for step in range(60):
            if step == end:
                away = lose()
            if away and source.random() < 0.4:
                self.broker.mend(away.pop(source.randrange(len(away))).relay)
            for member in self.members:
                for _ in range(source.choice((0, 0, 1, 3))):
                    member.protocol.dataReceived(b"%d\n" % number)
                    number += 1
            for daemon in self.daemons:
                source.choice((daemon.relay.pause, daemon.relay.resume))()
            self.reactor.advance(source.choice((0, 0, 0, 0, 0.1, 0.3)))
        for daemon in self.daemons:
            daemon.relay.resume()
        for daemon in away:
            self.broker.mend(daemon.relay)
        self.settle()
        for name, member in zip(NAMES, self.members, strict=True):
            self.say(member, b"last of " + name)
        self.settle(2)

    def assertTalks(self, lose: Callable[[], list[Daemon]]) -> None:
        """
        Assert what L{assertOrders} does, for many talks.

        @param lose: see L{talk}.
        """
        last = {b"<%s> last of %s" % (name, name) for name in NAMES}
        for seed in range(80):
            self.setUp()
            self.talk(random.Random(seed), lose)
            self.assertOrders(last, seed)

    def test_emptied(self) -> None:
        """The relay is emptied, and nobody loses the connection."""

        def lose() -> list[Daemon]:
            self.empty()
            return []

        self.assertTalks(lose)

    def test_restarted(self) -> None:
        """The relay is restarted without what it had.  The daemons reach it one after
        the other."""

        def lose() -> list[Daemon]:
            for daemon in self.daemons:
                self.broker.cut(daemon.relay)
            self.empty()
            return [*self.daemons]

        self.assertTalks(lose)


class PaceTests(RelayedCase):
    """
    A daemon catches up with much at once, and one of its members reads slowly.
    """

    def begin(self, keeps: int) -> None:
        """
        Let a slow reader join one daemon, and a speaker the other.

        @param keeps: how many entries the relay keeps.
        """
        self.broker = MemoryBroker(self.reactor, keeps)
        self.one, self.two = self.start("one"), self.start("two")
        self.cat = self.join(self.two, b"cat")
        self.slow = self.join(self.one, room=100_000)

    def say(self, lines: int) -> None:
        """Let the speaker say long lines."""
        for _ in range(lines):
            self.send(self.cat, b"x" * 60_000 + b"\n")

    def assertStays(self, lines: int) -> None:
        """
        Assert that the slow reader is not cut off, gets some of the lines, and is told
        how many it does not get.

        @param lines: how many there are.
        """
        for _ in range(200):
            self.reactor.advance(0.05)
            self.slow.turn(100_000 - self.slow.room)
        self.assertEqual(self.one.log.lines, [])
        heard = bytes(self.slow.sent)
        found = re.findall(rb"\* (\d+) lines of others did not arrive", heard)
        shown = heard.count(b"xx\n")
        self.assertTrue(0 < shown < lines, shown)
        self.assertEqual([shown + int(each) for each in found], [lines])

    def test_emptied(self) -> None:
        """It is the first to find that the relay was emptied."""
        self.begin(1000)
        self.one.relay.pause()
        self.reactor.advance(0.01)
        self.broker.empty()
        self.say(30)
        self.one.relay.resume()
        # As a connection does that is lost and made again.
        self.broker.cut(self.one.relay)
        self.broker.mend(self.one.relay)
        self.assertStays(30)

    def test_away(self) -> None:
        """It was away until the relay did not keep all lines any more."""
        self.begin(50)
        self.broker.cut(self.one.relay)
        self.say(100)
        self.broker.mend(self.one.relay)
        self.assertStays(100)
