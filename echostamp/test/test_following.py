"""
Tests for L{echostamp.intercom.following}: connections that are lost, and stops.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from twisted.internet.defer import Deferred, fail
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from echostamp.intercom.relay import IRelayUser, RelayError
from echostamp.test.followers import Follower, Followers


def say(followers: Followers, *texts: bytes) -> None:
    """
    Let the daemons say texts, one after the other, and let everybody hear them.
    """
    for number, text in enumerate(texts):
        followers.rooms[number % len(followers.rooms)].say(text)
        followers.run(0.1)


class FollowingTests(SynchronousTestCase):
    """
    Tests for L{Following <echostamp.intercom.following.Following>}.
    """

    def setUp(self) -> None:
        """Let two daemons follow one stream."""
        self.followers = Followers(2)
        self.broker = self.followers.broker
        self.first, self.second = self.followers.all
        self.followers.start()
        for each in self.followers.rooms:
            each.told.clear()

    def test_interface(self) -> None:
        """It uses a relay."""
        verifyObject(IRelayUser, self.first.following)

    def test_oneOrder(self) -> None:
        """Both daemons hear everything, their own texts too, in one order."""
        say(self.followers, b"1", b"2", b"3")
        for each in self.followers.rooms:
            self.assertEqual(each.heardTexts, [b"1", b"2", b"3"])
            self.assertEqual([*each.members], [b"a1", b"b1"])
            self.assertEqual(each.told, [])

    def test_outage(self) -> None:
        """A lost connection and the next one are reported once; what was said
        meanwhile is heard, once."""
        self.broker.cut(self.first.relay, "it is gone")
        self.first.following.disconnected("another reason")
        self.assertFalse(self.first.following.isEntered)
        say(self.followers, b"1", b"2")
        self.assertEqual(self.first.room.heardTexts, [])
        self.broker.mend(self.first.relay)
        self.followers.run(1)
        told = ["away: it is gone", "back", "entered"]
        self.assertEqual(self.first.room.told, told)
        for each in self.followers.rooms:
            self.assertEqual(each.heardTexts, [b"2", b"1"])

    def test_notReachedAtTheStart(self) -> None:
        """A daemon that cannot connect at first reports it, and enters later."""
        late = self.followers.make()
        self.broker.cut(late.relay)
        late.following.start()
        self.followers.run(1)
        self.assertEqual(late.room.told, ["away: the relay is cut off"])
        self.broker.mend(late.relay)
        self.followers.run(1)
        self.assertEqual(late.room.told[1:], ["back", "restored", "entered"])

    def losing(self, lose: Callable[[Follower], None]) -> int:
        """
        Lose the connection of a daemon in each turn of its entering, until it has
        entered.

        @return: in how many turns.
        """
        for turns in range(1, 100):
            late = self.followers.make()
            late.following.start()
            for _ in range(turns):
                self.followers.turn()
            isEntered = late.following.isEntered
            lose(late)
            self.followers.run(6)
            self.assertTrue(late.following.isEntered)
            say(self.followers, b"to-%d" % turns)
            self.assertEqual(late.room.heardTexts[-1:], [b"to-%d" % turns])
            # One daemon has one renewal and one look at the others at a time.
            self.assertEqual(self.timers(late), 2)
            late.following.stop()
            self.followers.run(1)
            self.followers.all.remove(late)
            if isEntered:
                return turns
        raise AssertionError("it never enters")

    def timers(self, follower: Follower) -> int:
        """
        Count the timers of a daemon.
        """
        return len([call for call in follower.reactor.calls if call.active()])

    def test_lostWhileEntering(self) -> None:
        """Whenever the connection is lost, and made again at once: answers over the
        earlier one do nothing."""

        def lose(late: Follower) -> None:
            self.broker.cut(late.relay)
            self.broker.mend(late.relay)

        self.assertGreater(self.losing(lose), 5)

    def test_lostForSomeTimeWhileEntering(self) -> None:
        """The same, with other turns before the next connection."""

        def lose(late: Follower) -> None:
            self.broker.cut(late.relay)
            self.followers.run(0.5)
            self.assertFalse(late.following.isEntered)
            self.broker.mend(late.relay)

        self.assertGreater(self.losing(lose), 5)

    def test_stop(self) -> None:
        """A daemon that stops appends that it is gone, behind what it has said, and is
        not present."""
        self.first.room.say(b"last")
        stopped = self.first.following.stop()
        self.first.room.isFollowed = False
        self.followers.run(1)
        self.successResultOf(stopped)
        self.assertEqual(self.second.room.heardTexts, [b"last"])
        self.assertEqual([*self.second.room.members], [b"b1"])
        self.assertEqual([*self.broker.states()], [b"b1"])
        self.assertEqual(self.timers(self.first), 0)

    def test_stopWhileEntering(self) -> None:
        """A daemon may stop in any turn: its room is not called any more, and nothing
        of it is left."""
        for turns in range(20):
            late = self.followers.make()
            late.following.start()
            for _ in range(turns):
                self.followers.turn()
            stopped = late.following.stop()
            late.room.isFollowed = False
            self.followers.run(1)
            self.successResultOf(stopped)
            self.assertEqual(self.timers(late), 0)
            self.followers.all.remove(late)
            for each in self.followers.rooms:
                self.assertEqual([*each.members], [b"a1", b"b1"], turns)
        self.assertIn("entered", late.room.told)

    def test_stopDuringAnOutage(self) -> None:
        """A daemon that is not connected stops at once."""
        self.broker.cut(self.first.relay)
        self.first.room.isFollowed = False
        self.successResultOf(self.first.following.stop())
        self.broker.mend(self.first.relay)
        self.followers.run(30)
        self.assertEqual([*self.second.room.members], [b"b1"])

    def test_lostDuringTheStop(self) -> None:
        """A connection that is lost during the stop is no outage."""
        stopped = self.first.following.stop()
        self.first.room.isFollowed = False
        self.broker.cut(self.first.relay)
        self.successResultOf(stopped)
        self.first.following.disconnected("late")
        self.first.following.connected()
        self.assertEqual(self.first.room.told, [])
        self.assertEqual(self.timers(self.first), 0)

    def test_commandThatFails(self) -> None:
        """Where a command fails over a connection that stays, the daemon tries again
        after a second."""
        late = self.followers.make()
        failing: Deferred[dict[bytes, bytes]] = fail(RelayError("no permission"))
        self.patch(late.relay, "states", lambda: failing)
        late.following.start()
        self.followers.run(0.5)
        self.patch(late.relay, "states", type(late.relay).states.__get__(late.relay))
        self.assertFalse(late.following.isEntered)
        self.followers.run(1)
        self.assertTrue(late.following.isEntered)
        self.assertEqual(self.timers(late), 2)

    def test_entryAfterThePlaceWasLost(self) -> None:
        """Entries that are received while the place is looked for are not applied: they
        are received again."""
        late = self.followers.make()
        late.following.received(b"1-1", [(b"from", b"x"), (b"text", b"early")])
        self.assertEqual(late.room.heardTexts, [])
        for each in self.followers.rooms:
            each.say(b"by " + each.daemon)
        self.first.following.trimmed()
        self.followers.run(1)
        self.assertEqual(self.first.room.heardTexts, [b"by a1", b"by b1"])


class FaultTests(SynchronousTestCase):
    """
    Tests for faults in any order.
    """

    def fault(self, followers: Followers, source: random.Random, kinds: int) -> None:
        """
        Make a fault, or let a daemon say many texts.

        @param kinds: how many kinds of faults there are.
        """
        broker, each = followers.broker, source.choice(followers.all)
        kind = source.randrange(kinds)
        if kind < 3:
            broker.cut(each.relay)
        elif kind < 6:
            broker.mend(each.relay)
        elif kind == 6:
            each.isStopped = True
        elif kind < 9:
            each.isStopped = False
        elif kind < 11:
            for number in range(source.choice((5, 50))):
                each.room.say(b"%d-%d" % (source.getrandbits(60), number))
        elif kind == 11:
            # The relay was restarted.
            for other in followers.all:
                broker.cut(other.relay)
            broker.lose(source.randrange(1 + len(broker.entries)))
            for other in followers.all:
                broker.mend(other.relay)
        else:
            broker.empty()

    def afterFaults(self, seed: int, kinds: int, keeps: int) -> Followers:
        """
        Make faults, let them end, and check that all daemons follow one order: they
        have one room, and what is said from then on is heard by all.
        """
        source = random.Random(seed)
        followers = Followers(3, keeps)
        followers.start()
        for _ in range(source.randrange(40)):
            self.fault(followers, source, kinds)
            followers.run(source.choice((0, 0, 0.5, 3, 20)))
        for each in followers.all:
            each.isStopped = False
            followers.broker.mend(each.relay)
        followers.run(90)
        said = [b"at last " + each.daemon for each in followers.rooms]
        for room, text in zip(followers.rooms, said, strict=True):
            room.say(text)
        followers.run(1)
        first = followers.rooms[0]
        for room in followers.rooms:
            ids = {each.daemon for each in followers.rooms}
            self.assertEqual({*room.members}, ids, seed)
            self.assertEqual(room.texts, first.texts, seed)
            self.assertEqual(room.heardTexts[-3:], said, seed)
            self.assertFalse(room.waiting, seed)
        return followers

    def test_faults(self) -> None:
        """Connections are lost and processes are stopped: all daemons hear everything
        once, in one order."""
        for seed in range(30):
            for room in self.afterFaults(seed, 11, 10_000).rooms:
                self.assertEqual(room.heardTexts, room.texts, seed)
                self.assertNotIn("began", room.told, seed)

    def test_trims(self) -> None:
        """The stream is trimmed before daemons that were away go on."""
        for seed in range(30):
            self.afterFaults(seed, 11, 40)

    def test_losses(self) -> None:
        """The stream loses its end, or everything is lost, too."""
        for seed in range(30):
            self.afterFaults(seed, 13, 40)
