"""
Peers that are no longer watched leave nothing to Python's garbage collector.

A full collection looks through all objects, and probes would wait for it.  So what
belongs to a peer hangs together in no cycle once the peer is not watched any more.
"""

from __future__ import annotations

import gc
import socket
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from twisted.internet import reactor as installed
from twisted.internet.task import deferLater
from twisted.internet.tcp import Client
from twisted.trial.unittest import TestCase

from echostamp.connect.tls import TlsFiles
from echostamp.monitor.event import Event
from echostamp.monitor.loading import loadAll
from echostamp.monitor.monitor import Monitor
from echostamp.monitor.peer import Peer
from echostamp.probe.dialers import Wish
from echostamp.probe.plan import Plan
from echostamp.probe.route import Route
from echostamp.probe.surroundings import surroundings
from echostamp.times import MILLISECOND
from tests.harness import DEADLINE, deadPort, freePort
from tests.reflecting import Reflecting
from tests.tlspeers import lastingFiles

#: What others keep: calls that were cancelled, until their time; the last stamp that
#: was read; how exact the clock is; kinds of UDP ports; and what made the protocols of
#: connections, which Twisted has in a cycle.
KEPT = (
    "echostamp.probe.agenda.Entry",
    "echostamp.stamps.Reading",
    "echostamp.rfc8762.clock.KernelClock",
    "echostamp.rfc8762.timestamps.ErrorEstimate",
    "echostamp.rfc8762.sharedports.PortKind",
    "echostamp.connect.tls._Handshakes",
)

#: So many probes are enough.
MANY = 5

reactor: Any = installed


def peer(target: str, size: int = 0, **settings: Any) -> Peer:
    """
    Make a peer that is probed fifty times a second.
    """
    plan = Plan(interval=20 * MILLISECOND, timeout=200 * MILLISECOND, size=size)
    return Peer("a", Wish(target, plan, Route(only4=True)), **settings)


def timed(given: Peer, interval: int = 20, timeout: int = 200) -> Peer:
    """
    Give a peer with other times, in milliseconds.
    """
    plan = replace(
        given.wish.plan,
        interval=interval * MILLISECOND,
        timeout=timeout * MILLISECOND,
    )
    return replace(given, wish=given.wish._replace(plan=plan))


def ours() -> Counter[str]:
    """
    Count the objects of our own classes.
    """
    names = (
        f"{type(each).__module__}.{type(each).__qualname__}"
        for each in gc.get_objects()
    )
    return Counter(
        each for each in names if each.startswith("echostamp.") and each not in KEPT
    )


def ignore(event: Event) -> None:
    """
    Ignore an event.
    """


class FreedTests(TestCase):
    """
    Without collections nothing is left of a peer that is no longer watched.
    """

    def setUp(self) -> None:
        """Make a monitor, and collect no garbage any more."""
        loadAll()
        self.monitor = Monitor(reactor, surroundings(reactor, isExact=True), ignore)
        self.monitor.start()
        self.addCleanup(reactor.removeAll)
        self.addCleanup(self.monitor.stop)
        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until a condition holds."""
        end = reactor.seconds() + DEADLINE
        while not condition():
            self.assertLess(reactor.seconds(), end)
            await deferLater(reactor, 0.005)

    def received(self) -> int:
        """Count the probes that were answered."""
        return sum(each.tally.received for each in self.monitor.peers.values())

    def due(self) -> int:
        """Count the probes that were due."""
        return sum(each.tally.due for each in self.monitor.peers.values())

    async def untilRisen(self, count: Callable[[], int]) -> None:
        """Wait until a count is a little greater than now."""
        least = count() + MANY
        await self.until(lambda: count() >= least)

    async def assertFreed(self, given: Peer, count: Callable[[], int]) -> None:
        """
        Check that nothing is left of a peer that is replaced, nor of one that is
        removed.  That is done when a count has risen.
        """
        changed = timed(given, interval=30)
        before = ours()
        for peers in [given], [changed]:
            self.monitor.watch(peers)
            await self.untilRisen(count)
        self.monitor.watch([])
        await self.assertNothingSince(before)

    async def assertNothingSince(self, before: Counter[str]) -> None:
        """Check that soon there is nothing but what was there before."""
        end = reactor.seconds() + DEADLINE
        while left := ours() - before:
            self.assertLess(reactor.seconds(), end, str(left))
            await deferLater(reactor, 0.005)

    async def test_line(self) -> None:
        """Over the line protocol."""
        daemon = Reflecting(self)
        await self.assertFreed(peer(f"127.0.0.1:{daemon.port}"), self.received)

    async def test_tls(self) -> None:
        """Over TLS."""
        files = lastingFiles()
        key, port = f"privateKey={files.server}:certKey={files.server}", freePort()
        Reflecting(self, "-e", f"tls:{port}:{key}:interface=127.0.0.1")
        given = peer(f"tls:localhost:{port}")
        wish = given.wish._replace(files=TlsFiles(files.ca))
        await self.assertFreed(replace(given, wish=wish), self.received)

    async def test_stamp(self) -> None:
        """Over STAMP, by a port that peers share, and by one of its own."""
        port = Reflecting(self).place[1]
        for size in 0, 1450:
            given = peer(f"stamp:127.0.0.1:{port}", size)
            await self.assertFreed(given, self.received)

    async def test_flows(self) -> None:
        """Several flows."""
        port = Reflecting(self).place[1]
        given = peer(f"stamp:127.0.0.1:{port}", flows=3)
        await self.assertFreed(given, self.received)

    async def test_eachAddress(self) -> None:
        """Each address of a name."""
        port = Reflecting(self).place[1]
        given = peer(f"stamp:localhost:{port}", isEachAddress=True)
        await self.assertFreed(given, self.received)

    async def test_inFlight(self) -> None:
        """While probes are in flight."""
        listening = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listening.close)
        bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(bound.close)
        bound.bind(("127.0.0.1", 0))
        stamp = f"stamp:127.0.0.1:{bound.getsockname()[1]}"
        for target in f"127.0.0.1:{listening.getsockname()[1]}", stamp:
            given = timed(peer(target), timeout=1000)
            await self.assertFreed(given, self.due)

    async def test_connecting(self) -> None:
        """While there is no connection: it is refused, or takes long."""
        listening = socket.create_server(("127.0.0.1", 0), backlog=0)
        self.addCleanup(listening.close)
        place = listening.getsockname()
        for _ in range(2):
            # They fill the queue, so the kernel answers no more.
            filling = socket.socket()
            self.addCleanup(filling.close)
            filling.setblocking(False)
            filling.connect_ex(place)
        refused = f"127.0.0.1:{deadPort(self)}"
        for target in refused, f"stamp:{refused}":
            await self.assertFreed(peer(target), self.due)
        before = ours()
        self.monitor.watch([peer(f"127.0.0.1:{place[1]}")])
        await self.until(
            lambda: any(isinstance(each, Client) for each in reactor.getWriters())
        )
        self.monitor.watch([])
        await self.assertNothingSince(before)
