"""
Tests for L{echostamp.intercom.entering}: where a daemon reads on, and how an order
begins.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from echostamp.intercom.keptstate import KeptState
from echostamp.test.followers import Follower, Followers


def begins(followers: Followers) -> int:
    """
    Count the entries with which an order begins.
    """
    entries = followers.broker.entries
    return sum(fields[1][0] == b"begin" for place, fields in entries)


class StartTests(SynchronousTestCase):
    """
    Tests for daemons that start.
    """

    def test_together(self) -> None:
        """Of daemons that start at once one begins; the others take its state.  What
        was in the stream before is not told, and no notice either."""
        followers = Followers(3)
        followers.broker.add([(b"from", b"x"), (b"text", b"old")])
        followers.start()
        self.assertEqual(begins(followers), 1)
        told = [each.told for each in followers.rooms]
        taken = ["restored", "entered"]
        self.assertEqual(told, [["entered"], taken, taken])
        for each in followers.rooms:
            self.assertEqual([*each.members], [b"a1", b"b1", b"c1"])
            self.assertEqual(each.heardTexts, [])

    def test_lateness(self) -> None:
        """A daemon that starts later takes the newest state, and reads on."""
        followers = Followers(2, keeps=100)
        followers.start()
        for number in range(25):
            followers.rooms[number % 2].say(b"%d" % number)
            followers.run(0.1)
        late = followers.make()
        late.following.start()
        followers.run(1)
        self.assertEqual(late.room.texts, followers.rooms[0].texts)
        self.assertLess(len(late.room.heardTexts), 10)

    def test_claimOfOneThatDied(self) -> None:
        """A daemon that died after its claim is waited for, 5 s."""
        followers = Followers(1)
        followers.broker.claim(b"begin", 5)
        followers.start()
        followers.run(3.5)
        self.assertEqual(followers.broker.entries, [])
        followers.run(1)
        self.assertTrue(followers.all[0].following.isEntered)

    def test_everyTurn(self) -> None:
        """The first daemon may lose its connection in any turn of its beginning."""
        for turns in range(1, 20):
            followers = Followers(2)
            first, second = followers.all
            first.following.start()
            for _ in range(turns):
                followers.turn()
            followers.broker.cut(first.relay)
            second.following.start()
            followers.run(7)
            self.assertTrue(second.following.isEntered, turns)
            followers.broker.mend(first.relay)
            followers.run(7)
            for each in followers.rooms:
                self.assertEqual({*each.members}, {b"a1", b"b1"}, turns)

    def test_stoppedInEveryTurn(self) -> None:
        """The first daemon may be stopped in any turn of its beginning, for a short or
        a long time: in the end there is one order."""
        for seconds in (4.4, 5, 20, 70):
            for turns in range(1, 20):
                followers = Followers(2)
                first, second = followers.all
                first.following.start()
                for _ in range(turns):
                    followers.turn()
                first.isStopped = True
                for _ in range(2):
                    followers.turn()
                hadBegun = begins(followers)
                second.following.start()
                followers.run(seconds)
                first.isStopped = False
                followers.run(15)
                for each in followers.rooms:
                    each.say(b"by " + each.daemon)
                followers.run(1)
                if not hadBegun:
                    self.assertEqual(begins(followers), 1, (seconds, turns))
                told = [each.heardTexts[-2:] for each in followers.rooms]
                self.assertEqual(len(told[0]), 2, (seconds, turns))
                self.assertEqual(told[0], told[1], (seconds, turns))


class ReturnTests(SynchronousTestCase):
    """
    Tests for daemons that connect again.
    """

    def setUp(self) -> None:
        """Let two daemons follow one stream."""
        self.followers = Followers(2, keeps=20)
        self.broker = self.followers.broker
        self.first, self.second = self.followers.all
        self.followers.start()
        self.clear()

    def clear(self) -> None:
        """Forget what was told so far."""
        for each in self.followers.rooms:
            each.told.clear()

    def say(self, *numbers: int, by: Follower) -> None:
        """Say something, one text after the other."""
        for number in numbers:
            by.room.say(b"%d" % number)
            self.followers.run(0.1)

    def assertOneOrder(self, *texts: bytes) -> None:
        """Check that both daemons hear each other, after these texts."""
        self.say(77, by=self.first)
        self.say(78, by=self.second)
        for each in self.followers.rooms:
            self.assertEqual(each.heardTexts, [*texts, b"77", b"78"])
        orders = {each.following.order for each in self.followers.all}
        self.assertEqual(len(orders), 1)

    def test_awayBeyondTheTrim(self) -> None:
        """A daemon whose place was trimmed takes the state of another: the order is the
        same.  It hears what comes after that state."""
        self.broker.cut(self.first.relay)
        self.say(*range(30), by=self.second)
        self.broker.mend(self.first.relay)
        self.followers.run(1)
        told = ["away: the relay is cut off", "back", "restored", "entered"]
        self.assertEqual(self.first.room.told, told)
        self.assertEqual(self.first.room.texts, self.second.room.texts)

    def test_lostInEveryTurn(self) -> None:
        """The same where the connection is lost again, in any turn: the state is taken
        with its place, or not at all."""
        for turns in range(1, 12):
            self.broker.cut(self.first.relay)
            self.say(*range(turns * 100, turns * 100 + 30), by=self.second)
            self.broker.mend(self.first.relay)
            for _ in range(turns):
                self.followers.turn()
            self.broker.cut(self.first.relay)
            self.followers.run(0.5)
            self.broker.mend(self.first.relay)
            self.followers.run(1)
            self.assertEqual(self.first.room.texts, self.second.room.texts)
        self.assertIn("entered", self.first.room.told)

    def test_pausedBeyondTheTrim(self) -> None:
        """The same for a daemon that did not read for some time."""
        self.first.relay.pause()
        self.say(*range(30), by=self.second)
        self.first.relay.resume()
        self.followers.run(1)
        self.assertEqual(self.first.room.told, ["restored", "entered"])
        self.assertEqual(self.first.room.texts, self.second.room.texts)

    def test_emptied(self) -> None:
        """The relay is restarted without what it had: each daemon reports the new order
        once, and what nobody has read back is heard."""
        self.say(1, by=self.first)
        for each in self.followers.all:
            self.broker.cut(each.relay)
        self.say(2, by=self.second)
        self.broker.empty()
        for each in self.followers.all:
            self.broker.mend(each.relay)
        self.followers.run(7)
        for room in self.followers.rooms:
            self.assertEqual(room.told.count("began"), 1)
        self.assertOneOrder(b"1", b"2")

    def test_emptiedWhileConnected(self) -> None:
        """The same over connections that stay, when nobody says anything."""
        self.broker.empty()
        self.followers.run(7)
        for room in self.followers.rooms:
            self.assertEqual(room.told.count("began"), 1)
        self.assertOneOrder()

    def test_emptiedInAConversation(self) -> None:
        """The same while somebody speaks: the last entry is always in the stream."""
        self.broker.empty()
        for number in range(80, 100):
            self.say(number, by=self.first)
            self.followers.run(0.4)
        for room in self.followers.rooms:
            self.assertEqual(room.told.count("began"), 1)
        self.assertOneOrder(*(b"%d" % number for number in range(80, 100)))
        self.broker.cut(self.first.relay)
        self.broker.mend(self.first.relay)
        self.followers.run(7)
        self.assertEqual(self.first.room.told.count("began"), 1)

    def test_emptiedAndNoticedTogether(self) -> None:
        """The same where both daemons notice it at the same time: one begins."""
        for each in self.followers.all:
            self.broker.cut(each.relay)
            self.broker.mend(each.relay)
        self.followers.run(1)
        self.broker.empty()
        for each in self.followers.all:
            self.say(80, 81, by=each)
        self.followers.run(7)
        self.assertEqual(begins(self.followers), 1)
        for room in self.followers.rooms:
            self.assertEqual(room.told.count("began"), 1)

    def test_emptiedWhileBehind(self) -> None:
        """The same where the daemon that notices it first has not read as far as the
        other, whose state is of the broken order, too."""
        self.broker.empty()
        self.say(80, by=self.second)
        self.first.relay.pause()
        self.say(81, 82, 83, 84, by=self.second)
        self.followers.run(7)
        self.first.relay.resume()
        self.followers.run(1)
        told = sorted(each.told for each in self.followers.rooms)
        expected = [["began", "entered"], ["restored", "began", "entered"]]
        self.assertEqual(told, expected)

    def test_lostEnd(self) -> None:
        """The relay is restarted and has lost the end of its stream: what was told is
        not told again, though a kept state is of an earlier place."""
        self.say(1, 2, 3, 4, by=self.first)
        for each in self.followers.all:
            self.broker.cut(each.relay)
        self.broker.lose(1)
        for each in self.followers.all:
            self.broker.mend(each.relay)
        self.followers.run(7)
        for room in self.followers.rooms:
            self.assertEqual(room.told.count("began"), 1)
        self.assertOneOrder(b"1", b"2", b"3", b"4")

    def test_lostEndAndANewDaemon(self) -> None:
        """A daemon that has begun with an old state after such a loss follows the new
        order of those that were there before."""
        self.say(1, 2, 3, by=self.first)
        for each in self.followers.all:
            self.broker.cut(each.relay)
        self.broker.lose(1)
        late = self.followers.make()
        late.following.start()
        self.followers.run(0.5)
        self.assertEqual(late.room.told, ["restored", "entered"])
        for each in self.followers.all[:2]:
            self.broker.mend(each.relay)
        self.followers.run(7)
        self.assertIn("began", late.room.told)
        late.room.say(b"late")
        self.followers.run(1)
        for room in self.followers.rooms:
            self.assertEqual({*room.members}, {b"a1", b"b1", b"c1"})
            self.assertEqual(room.heardTexts[-1], b"late")

    def test_orderOfNobody(self) -> None:
        """An entry that begins an order is passed over after 5 s when no daemon follows
        it.  Nothing is lost meanwhile."""
        self.broker.add([(b"from", b"x"), (b"begin", b"")])
        self.followers.run(0.1)
        self.say(1, by=self.second)
        self.assertEqual(self.second.room.heardTexts, [])
        self.followers.run(6)
        self.assertEqual(
            [each.told for each in self.followers.rooms], [["entered"]] * 2
        )
        self.assertOneOrder(b"1")
        self.broker.cut(self.first.relay)
        self.broker.mend(self.first.relay)
        self.followers.run(0.5)
        self.assertTrue(self.first.following.isEntered)

    def test_orderOfNobodyAndAnOutage(self) -> None:
        """The same where the connection is lost meanwhile: the order may be followed by
        then."""
        self.broker.cut(self.second.relay)
        self.followers.run(0.1)
        begun = self.broker.add([(b"from", b"x"), (b"begin", b"")])
        self.followers.run(0.5)
        self.broker.cut(self.first.relay)
        state = KeptState(begun, begun, b"x1|").written()
        self.broker.keep(b"x1", state)
        self.broker.mend(self.first.relay)
        self.followers.run(0.5)
        self.assertEqual(self.first.following.order, begun)
        self.assertEqual(self.first.room.told[-3:], ["restored", "began", "entered"])

    def passOver(self) -> None:
        """
        Let the first daemon begin an order and be away when the second reads of it, and
        passes it over.
        """
        self.broker.cut(self.first.relay)
        self.broker.cut(self.second.relay)
        self.first.room.say(b"1")
        self.followers.run(20)
        before = [*self.broker.entries]
        self.broker.empty()
        self.broker.mend(self.first.relay)
        self.followers.run(0.5)
        self.assertIn("began", self.first.room.told)
        self.broker.cut(self.first.relay)
        self.followers.run(20)
        # To the second daemon it is as if only the end had come.
        self.broker.entries[:0] = before
        self.broker.mend(self.second.relay)
        self.followers.run(7)
        self.assertNotIn("began", self.second.room.told)

    def test_orderOfDaemonsThatReturn(self) -> None:
        """An order that was passed over begins again when its daemons return."""
        self.passOver()
        self.broker.mend(self.first.relay)
        self.followers.run(1)
        self.assertEqual(self.second.room.told.count("began"), 1)
        self.assertOneOrder(b"1")

    def test_returnOfDaemonsThatPassedAnOrderOver(self) -> None:
        """Daemons that passed an order over follow it when they return and find it."""
        self.passOver()
        self.broker.cut(self.second.relay)
        self.followers.run(20)
        self.broker.mend(self.first.relay)
        self.followers.run(1)
        self.assertEqual(self.first.room.told.count("began"), 1)
        self.broker.mend(self.second.relay)
        self.followers.run(1)
        self.assertEqual(self.second.room.told.count("began"), 1)
        self.assertEqual(self.first.room.told.count("began"), 1)
        self.assertOneOrder(b"1")


class HostileStateTests(SynchronousTestCase):
    """
    Tests for states that anybody may have written.
    """

    def test_passedOver(self) -> None:
        """What is not a state, is of an entry that is not there, or is refused by the
        room is passed over."""
        followers = Followers(2)
        followers.all.pop()
        followers.start()
        late = followers.make()
        place = followers.all[0].following.place
        for number, each in enumerate(
            (
                b"",
                b"nothing",
                b"%b %b" % (place, place),
                b"%b 9999999999999-0 evil|" % place,
                b"9999999999999-0 %b evil|" % place,
                b"%b %b hostile" % (place, place),
            )
        ):
            followers.broker.keep(b"x%d" % number, each)
        late.following.start()
        followers.run(1)
        self.assertEqual(late.room.told, ["hostile", "restored", "entered"])
        self.assertEqual([*late.room.members], [b"a1", b"c1"])

    def test_newerOrder(self) -> None:
        """A state of a newer order that the room refuses is looked for once."""
        followers = Followers(1)
        followers.start()
        first = followers.all[0]
        begun = followers.broker.add([(b"from", b"x"), (b"begin", b"")])
        followers.broker.keep(b"x1", b"%b %b hostile" % (begun, begun))
        followers.run(7)
        self.assertTrue(first.following.isEntered)
        first.room.say(b"1")
        followers.run(1)
        self.assertEqual(first.room.heardTexts, [b"1"])
        self.assertNotIn("began", first.room.told)

    def test_olderOrder(self) -> None:
        """A state of an older order, at an entry that is not in the stream, does not
        let the order begin again."""
        followers = Followers(1)
        followers.broker.keep(b"x1", b"1-0 9999999999999-0 x1|")
        followers.start()
        followers.run(7)
        self.assertEqual(begins(followers), 1)
