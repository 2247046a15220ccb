"""The session-reflector is no half of a loop and no amplifier."""

from __future__ import annotations

import os
import socket
import struct
import time
from collections import Counter

from twisted.trial.unittest import SynchronousTestCase

from tests.forging import Forger, inside
from tests.harness import lack, run, until
from tests.namespaces import Namespaces
from tests.reflecting import (
    NTP_EPOCH,
    ONE,
    PLAIN,
    T1,
    Asker,
    Reflecting,
    Z,
    authenticated,
    keyFile,
    tlv,
)

#: Where a daemon answers that several tests share.
PLACES = ["127.0.0.1:0", "[::1]:0", "0"]


class RefusalTests(SynchronousTestCase):
    """
    Packets that get no reply: the reflector is no half of a loop and no amplifier.
    """

    def test_portsThatAnswer(self) -> None:
        """It sends nothing to the ports of services, nor to its own address and
        port."""
        forger = Forger(self)
        daemon = Reflecting.shared(self, places=PLACES)
        for place in daemon.places[0], daemon.places[2]:
            before = daemon.counts()
            host, port = "127.0.0.1", place[1]
            with Asker() as asker:
                for each in 0, 7, 11, 69, 1023:
                    forger.send(PLAIN, ("127.0.0.1", each), (host, port))
                    forger.send(PLAIN, ("127.0.0.9", each), (host, port))
                forger.send(PLAIN, (host, port), (host, port))
                asker.ask(PLAIN, (host, port))
            found = daemon.counts()
            found.subtract(before)
            self.assertEqual(
                +found,
                {"from a port below 1024": 10, "from this port": 1, "answered": 1},
            )

    def test_portsThatAnswer6(self) -> None:
        """The same on IPv6, without a forged source."""
        if os.geteuid():
            lack("root")
        daemon = Reflecting.shared(self, places=PLACES)
        place = daemon.places[1]
        for port in 7, 11, 69, 1023:
            with Asker("::1", port) as asker, Asker("::1") as other:
                asker.sendto(PLAIN, place)
                other.ask(PLAIN, place)
                self.assertTrue(asker.hasNothing())
        counts = daemon.counts()
        self.assertEqual(counts, {"answered": 4, "from a port below 1024": 4})

    def test_severalMachines(self) -> None:
        """It answers nothing that was sent to a broadcast or multicast address, and
        sends nothing to one.  Of several addresses the one that was asked answers,
        link-local ones too.  A reply without a route is counted."""
        wire = Namespaces(self)
        near, far = wire.near, wire.far
        for namespace, link, number in [
            (near, wire.NEAR_LINK, 1),
            (far, wire.FAR_LINK, 2),
        ]:
            for address in f"fe80::{number}", f"2001:db8::{number}", f"fd00::{number}":
                command = ("ip", "address", "add", f"{address}/64", "dev", link)
                done = run(*namespace, *command, "nodad")
                self.assertEqual(done.returncode, 0, done.stderr)
        run(*near, "ip", "link", "set", "lo", "up")
        daemon = Reflecting(
            self, places=["0"], command=(*near, "twistd", "-n", "--pidfile=")
        )
        port = daemon.place[1]
        with inside(far):
            forger = Forger(self)
            four, six = Asker(wire.FAR), Asker("::")
            index = socket.if_nametoindex(wire.FAR_LINK)
        with four, six:
            four.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            four.setsockopt(
                socket.IPPROTO_IP,
                socket.IP_MULTICAST_IF,
                socket.inet_aton(wire.FAR),
            )
            several = ["198.18.0.3", "255.255.255.255", "224.0.0.1"]
            for host in several:
                four.sendto(PLAIN, (host, port))
            self.assertEqual(four.ask(PLAIN, (wire.NEAR, port)).peer[0], wire.NEAR)
            self.assertTrue(four.hasNothing())
            for host in several:
                # The kernel drops most of these by itself.
                forger.send(PLAIN, (host, 4711), (wire.NEAR, port))
            six.sendto(PLAIN, ("ff02::1", port, 0, index))
            for host in "2001:db8::1", "fd00::1", "fe80::1":
                scope = index if host.startswith("fe80") else 0
                heard = six.ask(PLAIN, (host, port, 0, scope))
                self.assertEqual(heard.peer, (host, port, 0, scope))
            self.assertTrue(six.hasNothing())
            forger.send(PLAIN, ("203.0.113.1", 4711), (wire.NEAR, port))
            four.ask(PLAIN, (wire.NEAR, port))
            self.assertTrue(four.hasNothing())
        counts = daemon.counts()
        self.assertEqual(counts["to several machines"], 4)
        self.assertEqual(counts["answered"], 5)
        self.assertLessEqual(counts.total(), 9 + len(several) + 1)

    def test_twoReflectors(self) -> None:
        """A forged packet between two of our reflectors makes one reply, in all modes
        and formats.  The other reflector recognises the reply."""
        forger = Forger(self)
        key = f"--reflector-key={keyFile(self, '* ' + ONE.hex())}"
        stateful = ("--stateful", "--allow=127.0.0.0/8")
        plain, counting = Reflecting.shared(self), Reflecting(self, *stateful)
        keyed, countingKeyed = Reflecting(self, key), Reflecting(self, key, *stateful)
        wanted: dict[Reflecting, Counter[str]] = {
            each: Counter() for each in (plain, counting, keyed, countingKeyed)
        }
        for packet, pairs in [
            (PLAIN, [(plain, counting), (counting, plain)]),
            (PLAIN[:14], [(plain, counting)]),
            (PLAIN + tlv(7, bytes(16)), [(counting, plain)]),
            (PLAIN[:12] + b"\x40\1" + PLAIN[14:], [(plain, counting)]),
            (PLAIN + bytes(1400), [(plain, counting)]),
            *(
                (
                    authenticated(1, ONE, 0, estimate),
                    [(keyed, countingKeyed), (countingKeyed, keyed), (keyed, plain)],
                )
                for estimate in (1, Z | 1)
            ),
        ]:
            for one, other in pairs:
                forger.send(packet, other.place, one.place)
                wanted[one]["answered"] += 1
                wanted[other]["a reply"] += 1
                until(lambda: other.counts() == wanted[other])  # noqa: B023
                self.assertEqual(one.counts(), wanted[one])
        for daemon, counts in wanted.items():
            self.assertEqual(daemon.counts(), counts)

    def test_twoReflectors6(self) -> None:
        """The same over IPv6."""
        forger = Forger(self)
        one = Reflecting.shared(self, places=PLACES)
        other = Reflecting(self, places=["[::1]:0"])
        for number, packet in enumerate([PLAIN, PLAIN[:14], PLAIN + bytes(1401)], 1):
            forger.send(packet, other.place[:2], one.places[1][:2])
            until(lambda: other.counts() == {"a reply": number})  # noqa: B023
            self.assertEqual(one.counts(), {"answered": number})

    def test_wildcards(self) -> None:
        """It answers a peer that has the same port at another address.  A forged packet
        from one of its own addresses to another makes one reply, too."""
        forger = Forger(self)
        daemon = Reflecting.shared(self)
        with Asker("127.0.0.9", daemon.place[1]) as asker:
            asker.ask(PLAIN, daemon.place)
        daemon = Reflecting.shared(self, places=["0"])
        port = daemon.place[1]
        forger.send(PLAIN, ("127.0.0.1", port), ("127.0.0.2", port))
        until(lambda: daemon.counts() == {"answered": 1, "a reply": 1})
        with Asker() as asker:
            asker.ask(PLAIN, ("127.0.0.1", port))
        self.assertEqual(daemon.counts(), {"answered": 2, "a reply": 1})

    def test_repliesOfOthers(self) -> None:
        """It does not answer the replies of other makes of session-reflector."""
        daemon = Reflecting.shared(self)
        now = time.time_ns()
        seconds = now // 10**9
        with Asker() as asker:
            for years in 0, 20:
                # The clock of the other one may be wrong.
                t3 = (seconds + NTP_EPOCH + years * 31_557_600) % 2**32
                received = struct.pack("!II", t3, 0)
                for sent in struct.pack("!II", t3, 5), struct.pack("!II", t3 + 1, 0):
                    reply = struct.pack("!I8sHH8s", 1, sent, 0x8A80, 0, received)
                    reply += b"\0\0\0\1" + T1 + b"\0\1" + b"\0\0\x40"
                    asker.sendto(reply, daemon.place)
                    asker.sendto(reply + bytes(3), daemon.place)
            asker.ask(PLAIN, daemon.place)
            self.assertTrue(asker.hasNothing())
        self.assertEqual(daemon.counts(), {"answered": 1, "a reply": 8})

    def test_allowed(self) -> None:
        """C{--allow}: only these networks get replies."""
        daemon = Reflecting(
            self,
            *("--allow=127.0.0.2", "--allow=::1/128"),
            places=["127.0.0.1:0", "[::1]:0"],
        )
        with Asker() as asker, Asker("127.0.0.2") as two, Asker("::1") as six:
            asker.sendto(PLAIN, daemon.place)
            two.ask(PLAIN, daemon.place)
            six.ask(PLAIN, daemon.places[1])
            self.assertTrue(asker.hasNothing())
        self.assertEqual(daemon.counts(), {"answered": 2, "not allowed": 1})
