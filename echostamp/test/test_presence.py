"""
Tests for L{echostamp.intercom.presence}: who is there, and who is gone.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from echostamp.intercom.keptstate import newestFirst
from echostamp.test.followers import Followers


class PresenceTests(SynchronousTestCase):
    """
    Tests for L{Presence <echostamp.intercom.presence.Presence>}.
    """

    def setUp(self) -> None:
        """Let three daemons follow one stream."""
        self.followers = Followers(3, keeps=200)
        self.broker = self.followers.broker
        self.first, self.second, self.third = self.followers.all
        self.followers.start()
        for each in self.followers.rooms:
            each.told.clear()

    def reported(self, daemon: bytes) -> int:
        """
        Count the entries that report that a daemon is gone.
        """
        entries = [fields[1] for place, fields in self.broker.entries]
        return entries.count((b"gone", daemon))

    def test_staysPresent(self) -> None:
        """A daemon that runs is present all the time, and nobody reports it."""
        for _ in range(60):
            self.followers.run(1)
            self.assertEqual({*self.broker.states()}, {b"a1", b"b1", b"c1"})
        self.assertEqual(len(self.broker.entries), 4)

    def test_gone(self) -> None:
        """A daemon that was killed is gone within 20 s.  One of the others says so,
        once, and removes what is left of it at the relay."""
        forgotten: list[bytes] = []
        self.patch(self.broker, "forget", forgotten.append)
        self.broker.cut(self.first.relay)
        self.followers.run(9)
        self.assertIn(b"a1", self.second.room.members)
        self.followers.run(10)
        for each in (self.second, self.third):
            self.assertEqual([*each.room.members], [b"b1", b"c1"])
        self.followers.run(120)
        self.assertEqual(self.reported(b"a1"), 1)
        self.assertEqual(forgotten, [b"a1"])

    def test_goneAtAnyTime(self) -> None:
        """The same, whenever it is killed between two renewals."""
        for step in range(10):
            followers = Followers(2)
            followers.start()
            followers.run(step * 0.5)
            followers.broker.cut(followers.all[0].relay)
            followers.run(19)
            self.assertEqual([*followers.rooms[1].members], [b"b1"], step)

    def test_claimOfOneThatDied(self) -> None:
        """If the one that was to report it died, another one does so after a minute."""
        self.broker.claim(b"gone:a1", 60)
        self.broker.cut(self.first.relay)
        self.followers.run(55)
        self.assertEqual(self.reported(b"a1"), 0)
        self.followers.run(10)
        self.assertEqual(self.reported(b"a1"), 1)

    def test_outage(self) -> None:
        """After an outage that is longer than a presence, the daemons wait for each
        other as long as it took: nobody is reported."""
        for each in self.followers.all:
            self.broker.cut(each.relay)
        self.followers.run(16)
        self.assertEqual(self.broker.states(), {})
        for each in self.followers.all:
            self.broker.mend(each.relay)
            self.followers.run(7)
        self.followers.run(30)
        self.assertEqual(len(self.broker.entries), 4 + 3)
        for room in self.followers.rooms:
            self.assertEqual([*room.members], [b"a1", b"b1", b"c1"])
            told = ["away: the relay is cut off", "back", "entered"]
            self.assertEqual(room.told, told)

    def test_goneAfterAnOutage(self) -> None:
        """A daemon that does not come back after an outage is reported then."""
        for each in self.followers.all:
            self.broker.cut(each.relay)
        self.followers.run(16)
        self.broker.mend(self.first.relay)
        self.broker.mend(self.second.relay)
        self.followers.run(20)
        self.assertEqual([*self.first.room.members], [b"a1", b"b1"])
        self.assertEqual(self.reported(b"c1"), 1)

    def test_stoppedProcess(self) -> None:
        """A process that was stopped for a long time is gone for the others, and then
        comes back with a new id.  It hears what was said meanwhile, once."""
        self.first.isStopped = True
        self.followers.run(20)
        self.assertEqual(self.reported(b"a1"), 1)
        self.second.room.say(b"1")
        self.followers.run(1)
        self.first.isStopped = False
        self.followers.run(7)
        self.second.room.say(b"2")
        self.followers.run(30)
        for room in self.followers.rooms:
            self.assertEqual({*room.members}, {b"a2", b"b1", b"c1"})
            self.assertEqual(room.heardTexts, [b"1", b"2"])
        self.assertEqual({*self.broker.states()}, {b"a2", b"b1", b"c1"})

    def test_lostPresence(self) -> None:
        """A presence that was lost is there again within 5 s, and what was not read
        back is appended again."""
        followers = Followers(1)
        followers.start()
        followers.broker.forget(b"a1")
        followers.run(5.5)
        self.assertIn(b"a1", followers.broker.states())
        self.assertEqual(followers.rooms[0].told, ["entered", "entered"])

    def assertNobodyReported(self) -> None:
        """
        Assert that all daemons stay in the room.
        """
        self.followers.run(30)
        for each in self.followers.rooms:
            self.assertEqual({*each.members}, {b"a1", b"b1", b"c1"})
            self.assertEqual(self.reported(each.daemon), 0)

    def test_emptied(self) -> None:
        """Where the relay was emptied, and one daemon is present again before it has
        found that out, the others are not reported."""
        states = self.broker.states()
        self.broker.empty()
        self.broker.keep(b"a1", states[b"a1"])
        self.assertNobodyReported()

    def test_newOrder(self) -> None:
        """Nor are those that follow the new order only at their next renewal, since
        they wait for slow readers."""
        self.broker.empty()
        self.second.relay.pause()
        self.third.relay.pause()
        self.first.following.trimmed()
        self.followers.run(8)
        self.second.relay.resume()
        self.third.relay.resume()
        self.assertNobodyReported()

    def test_emptiedAndFull(self) -> None:
        """That the relay was emptied is found also where it soon has as many entries
        again as it keeps."""
        self.broker.empty()
        for number in range(300):
            self.first.room.say(b"%d" % number)
        self.followers.run(1)
        self.assertGreaterEqual(len(self.broker.entries), self.broker.keeps)
        for each in self.followers.rooms:
            self.assertIn("began", each.told)

    def test_newId(self) -> None:
        """A new id is present at once, and the old one is not: nobody reports the
        daemon, though others look just then."""
        for _ in range(50):
            self.broker.add([(b"from", b"x"), (b"gone", self.first.room.daemon)])
            self.followers.run(0.1)
            self.assertIn(self.first.room.daemon, self.broker.states())
        self.followers.run(1)
        self.assertEqual({*self.broker.states()}, {b"a51", b"b1", b"c1"})
        self.followers.run(10)
        self.assertEqual(self.reported(b"a51"), 0)

    def test_lateAnswer(self) -> None:
        """A process that was stopped in the middle of a look does not report what it
        saw before."""
        late: Deferred[set[bytes]] = Deferred()
        quick = [succeed({b"b1", b"c1"}) for _ in range(3)]
        asked = iter([quick[0], late, *quick[1:]])
        self.patch(self.second.relay, "present", lambda: next(asked))
        self.patch(self.third.relay, "present", Deferred)
        self.followers.run(3)
        self.second.isStopped = True
        self.followers.run(1)
        self.second.isStopped = False
        self.followers.run(0)
        late.callback({b"b1", b"c1"})
        self.followers.run(1)
        self.assertEqual(self.reported(b"a1"), 0)
        self.followers.run(2)
        self.assertEqual(self.reported(b"a1"), 1)

    def test_state(self) -> None:
        """The state is kept again when a tenth of what the stream keeps was read."""
        for number in range(60):
            self.first.room.say(b"%d" % number)
            self.followers.run(0.1)
            [state] = newestFirst({b"b": self.broker.states()[b"b1"]})
            places = [b"%d-%d" % place for place, fields in self.broker.entries]
            self.assertLess(len(places) - places.index(state.place), 22)
            self.assertGreater(len(state.snapshot.split(b",")), number - 22)
