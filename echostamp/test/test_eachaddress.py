"""Tests for L{echostamp.monitor.eachaddress}."""

from __future__ import annotations

import errno
import socket
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import DNSLookupError
from twisted.internet.interfaces import IHostnameResolver, IHostResolution
from twisted.logger import capturedLogs
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from echostamp.monitor.eachaddress import OneAddress
from echostamp.monitor.event import Kind
from echostamp.monitor.peer import Limits, Peer
from echostamp.probe.dialers import Dialed, Wish
from echostamp.probe.interfaces import LinkOwner
from echostamp.test.fakes import Addresses, Resolver, osError
from echostamp.test.monitorcases import FakeDialer, FakeLink, MonitorCase, peer
from echostamp.times import SECOND

ONE, TWO, THREE = "192.0.2.1", "192.0.2.2", "2001:db8::3"


def addressOf(host: str) -> IPv4Address | IPv6Address:
    """Make an address."""
    return (IPv6Address if ":" in host else IPv4Address)("TCP", host, 7)


class Answering(Resolver):
    """
    A resolver that answers at once.

    @ivar hosts: the addresses of every name.
    """

    def __init__(self) -> None:
        super().__init__()
        self.hosts: tuple[str, ...] = ()

    def resolveHostName(
        self, receiver: Any, host: str, *args: Any, **named: Any
    ) -> None:
        """Answer."""
        super().resolveHostName(receiver, host, *args, **named)
        self.answer(*map(addressOf, self.hosts))


class NamedDialer(FakeDialer):
    """
    Makes a link to the first address of its name.
    """

    def __init__(self, case: MonitorCase, name: str, reactor: Any) -> None:
        super().__init__(case, name)
        self._names = reactor.nameResolver
        self._found: list[Any] = []

    def start(self, owner: LinkOwner) -> None:
        """Look the name up."""
        self.owner = owner
        self._names.resolveHostName(self, self.name, 7)

    def resolutionBegan(self, resolution: IHostResolution) -> None:
        """Check what it is."""
        assert resolution.name == self.name

    def addressResolved(self, address: Any) -> None:
        """Keep the address."""
        self._found.append(address)

    def resolutionComplete(self) -> None:
        """Make the link, or fail."""
        if not self._found:
            self.owner.dialFailed(Failure(DNSLookupError()))
            return
        link = FakeLink(self)
        link.address = f"{self._found[0].host}:7"
        self.owner.linkUp(link)


class EachAddressTests(MonitorCase):
    """
    A name with several addresses.
    """

    def setUp(self) -> None:
        """Answer look-ups."""
        super().setUp()
        self.names = self.reactor.nameResolver = Answering()
        self.names.hosts = ONE, TWO
        self.wrong = False

    def dial(self, reactor: Any, wish: Wish) -> Dialed:
        """Make a dialer."""
        if wish.target == "wrong" or self.wrong:
            raise ValueError("TARGET 'wrong': it is wrong")
        dialer = NamedDialer(self, wish.target, reactor)
        return Dialed(wish.target, dialer, wish.plan, host=wish.target)

    def watch(self, **settings: Any) -> None:
        """Watch the name."""
        self.monitor.watch([self.peer(**settings)])

    def peer(self, **settings: Any) -> Peer:
        """Make the peer."""
        return peer("ams", "many", **{"isEachAddress": True} | settings)

    def begin(self, **settings: Any) -> None:
        """Begin to watch the name."""
        self.watch(**settings)
        self.monitor.start()
        self.run_(3)

    def asked(self) -> int:
        """Give how often the name was looked up."""
        return len(self.names.questions)

    def test_peers(self) -> None:
        """There is a peer for each address, which is probed there; the name is looked
        up for all together."""
        self.begin()
        self.assertEqual(list(self.monitor.peers), [f"ams/{ONE}", f"ams/{TWO}"])
        found = list(self.monitor.snapshots())
        self.assertEqual([each.address for each in found], [f"{ONE}:7", f"{TWO}:7"])
        self.assertTrue(all(each.isUp and each.isResolved for each in found))
        self.assertEqual([each.peer.wish.target for each in found], ["many"] * 2)
        self.assertEqual(self.asked(), 1)
        self.assertEqual(self.events, [])
        self.run_(120)
        self.assertEqual(self.asked(), 3)

    def test_none(self) -> None:
        """While the name has no address, there is one peer, which is not resolved; the
        name is looked up often.  When it has one, an event says so."""
        self.names.hosts = ()
        self.begin()
        (found,) = self.monitor.snapshots()
        self.assertEqual((found.peer.name, found.isResolved), ("ams", False))
        self.assertEqual(self.kinds(), [("ams", Kind.UNRESOLVED)])
        self.run_(20)
        # Every ten seconds, and when the peer was down.
        self.assertEqual(self.kinds()[1:], [("ams", Kind.DOWN)])
        self.assertEqual(self.asked(), 4)
        self.names.hosts = (THREE,)
        self.run_(10)
        self.assertEqual(list(self.monitor.peers), [f"ams/{THREE}"])
        ends = [("ams", Kind.RESOLVED), ("ams", Kind.UP)]
        self.assertEqual(self.kinds()[2:], ends)
        texts = ["many has an address again", "no longer watched"]
        self.assertEqual([each.text for each in self.events[2:]], texts)
        self.run_(3)
        (found,) = self.monitor.snapshots()
        self.assertEqual((found.address, found.isUp), (f"{THREE}:7", True))

    def beginSlowly(self) -> Resolver:
        """Begin to watch the name, which is looked up for long; until that is done, the
        peer is neither up nor down, and no probe is due."""
        names: Resolver = Resolver()
        self.reactor.nameResolver = names
        self.begin()
        self.run_(6)
        (found,) = self.monitor.snapshots()
        self.assertEqual((found.peer.name, found.isUp), ("ams", None))
        self.assertEqual(found.tally.due, 0)
        return names

    def test_slowAnswer(self) -> None:
        """A name whose first answer comes late is not down before."""
        self.beginSlowly().answer(addressOf(ONE))
        self.run_(8)
        self.assertEqual(self.events, [])
        self.assertEqual(list(self.monitor.peers), [f"ams/{ONE}"])

    def test_slowFailure(self) -> None:
        """One that turns out to have no address is down some time later."""
        self.beginSlowly().answer()
        self.run_(2)
        self.assertEqual(self.kinds(), [("ams", Kind.UNRESOLVED)])
        self.run_(6)
        self.assertEqual(self.kinds()[1:], [("ams", Kind.DOWN)])

    def test_stopWhileAsking(self) -> None:
        """A peer that is taken out while its name is looked up counts nothing."""
        self.reactor.nameResolver = Resolver()
        self.begin()
        before = self.monitor.peers["ams"]
        self.monitor.watch([])
        self.run_(20)
        self.assertEqual(before.tally.due, 0)
        self.assertEqual(self.events, [])

    def test_changes(self) -> None:
        """A new address is watched from its first answer on, and one that is gone until
        three answers in a row are without it; the others are not disturbed."""
        self.begin()
        before = self.monitor.peers[f"ams/{TWO}"]
        self.names.hosts = TWO, THREE
        self.run_(60)
        self.assertEqual(
            list(self.monitor.peers), [f"ams/{each}" for each in (ONE, TWO, THREE)]
        )
        self.assertEqual(self.kinds(), [(f"ams/{THREE}", Kind.ADDRESS)])
        self.assertEqual(self.events[0].text, "many has it now")
        self.run_(60)
        self.assertIn(f"ams/{ONE}", self.monitor.peers)
        self.run_(60)
        self.assertEqual(list(self.monitor.peers), [f"ams/{TWO}", f"ams/{THREE}"])
        self.assertEqual(self.kinds()[1:], [(f"ams/{ONE}", Kind.ADDRESS)])
        self.assertEqual(self.events[1].text, "many has it no more")
        self.assertIs(self.monitor.peers[f"ams/{TWO}"], before)
        self.assertEqual(
            before.snapshot().tally.lost, dict.fromkeys(before.tally.lost, 0)
        )

    def test_unresolved(self) -> None:
        """Addresses are watched though the name has none any more; that is an event of
        each, and no outage."""
        self.begin()
        self.names.hosts = ()
        self.run_(600)
        self.assertEqual(
            self.kinds(),
            [(f"ams/{each}", Kind.UNRESOLVED) for each in (ONE, TWO)],
        )
        self.assertTrue(all(each.isUp for each in self.monitor.snapshots()))
        self.names.hosts = ONE, TWO
        self.run_(60)
        self.assertEqual(
            self.kinds()[2:],
            [(f"ams/{each}", Kind.RESOLVED) for each in (ONE, TWO)],
        )

    def test_most(self) -> None:
        """At most sixteen addresses are watched."""
        self.names.hosts = tuple(f"192.0.2.{last}" for last in range(1, 30))
        self.begin()
        names = [f"ams/192.0.2.{last}" for last in range(1, 17)]
        self.assertEqual(list(self.monitor.peers), names)

    def test_down(self) -> None:
        """When one is down, the name is looked up."""
        self.begin(resolve=3600 * SECOND)
        self.silent.add("many")
        self.run_(20)
        self.assertIn((f"ams/{ONE}", Kind.DOWN), self.kinds())
        self.assertGreater(self.asked(), 1)

    def test_never(self) -> None:
        """With C{resolve = 0} the name is looked up until it has an address."""
        self.names.hosts = ()
        self.begin(resolve=0)
        self.run_(20)
        self.assertEqual(self.asked(), 4)
        self.names.hosts = (ONE,)
        self.run_(10)
        self.assertEqual(self.asked(), 5)
        self.run_(3600)
        self.assertEqual(self.asked(), 5)

    def test_address(self) -> None:
        """A target that is an address is one peer, and nothing is looked up."""
        self.monitor.watch([peer("ams", ONE, isEachAddress=True)])
        self.monitor.start()
        self.run_(3)
        self.assertEqual(list(self.monitor.peers), [f"ams/{ONE}"])
        self.assertEqual(self.asked(), 0)

    def test_paused(self) -> None:
        """A paused name is not looked up."""
        self.begin(isPaused=True)
        self.assertEqual(self.asked(), 0)
        self.assertEqual(list(self.monitor.peers), ["ams"])

    def test_reload(self) -> None:
        """The addresses are kept while the name stays as it is: peers keep their
        counters, and take other limits; a name that is gone is looked up no more."""
        self.begin()
        before = dict(self.monitor.peers)
        self.watch(limits=Limits(rtt=SECOND))
        self.assertEqual(self.monitor.peers, before)
        for found in self.monitor.snapshots():
            self.assertEqual(found.peer.limits.rtt, SECOND)
        self.watch(zone=0)
        self.assertEqual(list(self.monitor.peers), list(before))
        for name, each in self.monitor.peers.items():
            self.assertIs(each.tally, before[name].tally)
            self.assertIsNot(each, before[name])
        self.assertEqual(self.asked(), 1)
        with self.assertRaises(ValueError):
            self.monitor.watch([peer("ams", "wrong", isEachAddress=True)])
        self.assertEqual(list(self.monitor.peers), list(before))
        self.monitor.watch([peer("other")])
        asked = self.asked()
        self.run_(3600)
        self.assertEqual(list(self.monitor.peers), ["other"])
        self.assertEqual(
            [each[0] for each in self.names.questions[asked:]].count("many"), 0
        )

    def test_reloadOfLookUps(self) -> None:
        """A name that is looked up in another way, or pauses, keeps its addresses, and
        its peers their counters."""
        self.begin()
        before = dict(self.monitor.peers)
        for settings in {"resolve": 7 * SECOND}, {"isPaused": True}, {}:
            self.watch(**settings)
            self.assertEqual(list(self.monitor.peers), list(before))
            for name, each in self.monitor.peers.items():
                self.assertIs(each.tally, before[name].tally)
        asked = self.asked()
        self.run_(60)
        self.assertEqual(self.asked(), asked + 1)
        self.names.hosts = ()
        self.run_(60)
        self.watch(resolve=3600 * SECOND)
        self.assertEqual(self.kinds(), [(each, Kind.UNRESOLVED) for each in before])

    def test_wrongLater(self) -> None:
        """Where a new address cannot be probed, because a file of a key is wrong now,
        the others are; the log says so once, and the name is looked up again."""
        self.begin()
        self.names.hosts = ONE, TWO, THREE
        self.wrong = True
        with capturedLogs() as logged:
            self.run_(120)
        (line,) = [each for each in logged if "why" in each]
        self.assertIn(THREE, line["why"])
        self.assertEqual(list(self.monitor.peers), [f"ams/{ONE}", f"ams/{TWO}"])
        self.assertEqual(self.events, [])
        self.wrong = False
        self.run_(60)
        self.assertIn(f"ams/{THREE}", self.monitor.peers)

    def test_stop(self) -> None:
        """After the end nothing is looked up."""
        self.begin()
        self.monitor.stop()
        asked = self.asked()
        self.run_(3600)
        self.assertEqual(self.asked(), asked)


class OneAddressTests(MonitorCase):
    """
    What a peer with one address gets for its name.
    """

    def setUp(self) -> None:
        """Give the system one link."""
        super().setUp()
        self.patch(socket, "if_nametoindex", self.linkNumber)

    def linkNumber(self, link: str) -> int:
        """Give the number of a link."""
        if link != "lo":
            raise osError(errno.ENODEV)
        return 1

    def test_interface(self) -> None:
        """It is a resolver of Twisted's, and its answers are Twisted's."""
        one = OneAddress(ONE, self.fail)
        verifyObject(IHostnameResolver, one)
        receiver = Addresses()
        resolution = one.resolveHostName(receiver, "far", 7)
        verifyObject(IHostResolution, resolution)
        self.assertEqual(receiver.found, [IPv4Address("TCP", ONE, 7)])
        self.assertTrue(receiver.isComplete)
        resolution.cancel()
        one.stop()

    def test_link(self) -> None:
        """A link-local address is given with its link; if that is gone, there is
        none."""
        for given, expected in [
            ("fe80::1%lo", [IPv6Address("TCP", "fe80::1", 7, 0, 1)]),
            ("fe80::1%1", [IPv6Address("TCP", "fe80::1", 7, 0, 1)]),
            ("fe80::1%gone", []),
            (THREE, [IPv6Address("TCP", THREE, 7)]),
        ]:
            receiver = Addresses()
            OneAddress(given, self.fail).resolveHostName(receiver, "far", 7)
            self.assertEqual(receiver.found, expected)
            self.assertTrue(receiver.isComplete)
