"""
Tests for L{echostamp.intercom.memoryrelay}, and for the ids of
L{echostamp.intercom.relay}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from echostamp.intercom.entries import Fields
from echostamp.intercom.memoryrelay import MemoryBroker, MemoryRelay
from echostamp.intercom.relay import BEGINNING, IRelay, IRelayUser, RelayError, orderOf
from echostamp.test.fakes import FakeReactor


@implementer(IRelayUser)
class User:
    """
    Records what a relay reports.

    @ivar told: all of it.
    """

    def __init__(self) -> None:
        self.told: list[Any] = []

    def connected(self) -> None:
        """Record it."""
        self.told.append("connected")

    def disconnected(self, why: str) -> None:
        """Record it."""
        self.told.append(why)

    def received(self, id: bytes, fields: Fields) -> None:
        """Record it."""
        self.told.append(fields[0][1])

    def trimmed(self) -> None:
        """Record it."""
        self.told.append("trimmed")

    def take(self) -> list[Any]:
        """Give what was recorded since the last call."""
        told, self.told = self.told, []
        return told


def content(number: int) -> Fields:
    """Make an entry."""
    return [(b"number", b"%d" % number)]


class OrderTests(SynchronousTestCase):
    """
    Tests for L{orderOf}.
    """

    def test_order(self) -> None:
        """Ids are compared as two integers."""
        ids = [b"10-2", b"9-0", b"10-10", BEGINNING]
        self.assertEqual(
            sorted(ids, key=orderOf), [BEGINNING, b"9-0", b"10-2", b"10-10"]
        )

    def test_noIds(self) -> None:
        """Anything else is refused: long numbers, signs, spaces."""
        for each in (b"", b"5", b"5-", b"+5-1", b"5- 1", b"5-1-1", b"9" * 99 + b"-1"):
            self.assertRaises(ValueError, orderOf, each)


class MemoryRelayTests(SynchronousTestCase):
    """
    Tests for L{MemoryRelay} and L{MemoryBroker}.
    """

    def setUp(self) -> None:
        """Connect two relays."""
        self.reactor = FakeReactor()
        self.broker = MemoryBroker(self.reactor, keeps=100)
        self.users = [User(), User()]
        self.relays = [MemoryRelay(self.broker) for user in self.users]
        for relay, user in zip(self.relays, self.users, strict=True):
            relay.start(user)
        self.assertEqual(self.turn(), [[], []])
        self.assertEqual(self.turn(), [["connected"], ["connected"]])

    def turn(self) -> list[list[Any]]:
        """Give what the users were told so far, and run one turn."""
        told = [user.take() for user in self.users]
        self.reactor.advance(0)
        return told

    def told(self) -> list[Any]:
        """Let everything happen, and give what the first user was told."""
        while self.reactor.calls:
            self.reactor.advance(0)
        return self.users[0].take()

    def answer(self, answer: Deferred[Any]) -> Any:
        """Let an answer come."""
        self.told()
        return self.successResultOf(answer)

    def append(self, *numbers: int) -> None:
        """Append entries over the second relay, a millisecond later."""
        self.reactor.rightNow += 0.001
        for number in numbers:
            self.relays[1].append(content(number))

    def test_interfaces(self) -> None:
        """The relay and the user of these tests provide the interfaces."""
        verifyObject(IRelay, self.relays[0])
        verifyObject(IRelayUser, self.users[0])

    def test_reading(self) -> None:
        """Entries are received in order, those that come later too."""
        self.append(1, 2)
        self.relays[0].read(BEGINNING)
        self.assertEqual(self.told(), [b"1", b"2"])
        self.append(3)
        self.assertEqual(self.told(), [b"3"])

    def test_readingFromAPlace(self) -> None:
        """Reading begins after an entry, and replaces the earlier reading."""
        self.relays[0].read(BEGINNING)
        ids = [self.answer(self.relays[1].appended(content(n))) for n in range(40)]
        self.relays[0].read(ids[37])
        self.assertEqual(self.told()[-2:], [b"38", b"39"])

    def test_pause(self) -> None:
        """Nothing is received between a pause and its end, within a batch too."""
        self.relays[0].read(BEGINNING)
        received = self.users[0].received

        def receive(id: bytes, fields: Fields) -> None:
            received(id, fields)
            self.relays[0].pause()

        self.users[0].received = receive  # type: ignore[method-assign]
        self.append(1, 2)
        self.assertEqual(self.told(), [b"1"])
        self.relays[0].read(BEGINNING)
        self.assertEqual(self.told(), [])
        self.relays[0].resume()
        self.assertEqual(self.told(), [b"1"])

    def test_trimmed(self) -> None:
        """A reader whose next entries are trimmed learns it, and gets none."""
        first = self.answer(self.relays[1].appended(content(0)))
        self.relays[0].read(first)
        self.relays[0].pause()
        self.append(*range(1, 102))
        self.told()
        self.relays[0].resume()
        self.assertEqual(self.told(), ["trimmed"])
        self.append(102)
        self.assertEqual(self.told(), [])
        self.assertEqual(self.answer(self.relays[0].length()), 100)
        self.assertFalse(self.answer(self.relays[0].has(first)))

    def test_has(self) -> None:
        """An entry is in the stream until the stream is emptied or loses its end."""
        ids = [self.answer(self.relays[0].appended(content(n))) for n in range(3)]
        self.broker.lose(1)
        has = [self.answer(self.relays[0].has(id)) for id in ids]
        self.assertEqual(has, [True, True, False])
        self.broker.empty()
        self.assertFalse(self.answer(self.relays[0].has(ids[0])))

    def test_before(self) -> None:
        """The last entries up to an id, the oldest first."""
        ids = [self.answer(self.relays[0].appended(content(n))) for n in range(4)]
        found = self.answer(self.relays[0].before(ids[2], 2))
        self.assertEqual(found, [(ids[1], content(1)), (ids[2], content(2))])
        self.assertEqual(len(self.answer(self.relays[0].before(ids[2], 9))), 3)

    def test_presence(self) -> None:
        """A presence is there for 15 s since it was renewed."""
        relay = self.relays[0]
        self.assertFalse(self.answer(relay.keep(b"a", None)))
        self.assertTrue(self.answer(relay.keep(b"a", b"state")))
        self.reactor.advance(14)
        self.assertTrue(self.answer(relay.keep(b"a", None)))
        self.reactor.advance(14)
        self.assertEqual(self.answer(relay.states()), {b"a": b"state"})
        self.reactor.advance(1)
        self.assertEqual(self.answer(relay.present()), set())
        self.assertFalse(self.answer(relay.keep(b"a", None)))

    def test_forget(self) -> None:
        """A daemon that is forgotten is not present; another one still is."""
        relay = self.relays[0]
        self.answer(relay.keep(b"a", b"1"))
        self.answer(relay.keep(b"b", b"2"))
        self.assertIsNone(self.answer(relay.forget(b"a")))
        self.assertEqual(self.answer(relay.present()), {b"b"})

    def test_claim(self) -> None:
        """One gets a claim; after its time it can be had again."""
        claims = [relay.claim(b"x", 5) for relay in self.relays]
        self.assertEqual([self.answer(each) for each in claims], [True, False])
        self.reactor.advance(5)
        self.assertTrue(self.answer(self.relays[1].claim(b"x", 5)))

    def test_cut(self) -> None:
        """A command that was not carried out never is; one that was is not answered.
        After the connection is made again nothing is read before it is asked for."""
        self.relays[0].read(BEGINNING)
        done = self.relays[0].appended(content(1))
        self.reactor.advance(0)
        lost = self.relays[0].appended(content(2))
        self.broker.cut(self.relays[0], "cut")
        for each in (done, lost, self.relays[0].length()):
            self.failureResultOf(each, RelayError)
        self.relays[0].append(content(3))
        self.assertEqual(self.told(), ["cut"])
        self.broker.mend(self.relays[0])
        self.assertEqual(self.told(), ["connected"])
        self.relays[0].read(BEGINNING)
        self.assertEqual(self.told(), [b"1"])

    def test_cutFromTheStart(self) -> None:
        """A relay that cannot connect says so."""
        relay, user = MemoryRelay(self.broker), User()
        self.broker.cut(relay)
        relay.start(user)
        self.told()
        self.assertEqual(user.take(), ["the relay is cut off"])

    def test_stop(self) -> None:
        """What was asked before the end is done and answered; nothing is received."""
        relay, user = self.relays[0], self.users[0]
        relay.read(BEGINNING)
        answered = relay.appended(content(1))
        stopped = relay.stop()
        self.assertNoResult(stopped)
        self.told()
        self.successResultOf(answered)
        self.successResultOf(stopped)
        self.assertEqual(user.take(), [])
        self.failureResultOf(relay.length(), RelayError)

    def test_stopWithoutConnection(self) -> None:
        """Without a connection there is nothing to wait for."""
        self.broker.cut(self.relays[0])
        self.successResultOf(self.relays[0].stop())

    def test_cutDuringTheStop(self) -> None:
        """A connection that is lost during the stop ends it."""
        stopped = self.relays[0].stop()
        self.broker.cut(self.relays[0])
        self.successResultOf(stopped)
        self.assertEqual(self.told(), [])
