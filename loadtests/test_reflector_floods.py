"""The session-reflector and floods of packets."""

from __future__ import annotations

import time

from twisted.trial.unittest import SynchronousTestCase

from tests.forging import Forger, inside
from tests.harness import cpu, figure, run, until
from tests.namespaces import Namespaces
from tests.reflecting import (
    ONE,
    PLAIN,
    Asker,
    Reflecting,
    authenticated,
    keyFile,
    tlv,
)


class LoopTests(SynchronousTestCase):
    """
    Two reflectors, and a forged packet.
    """

    def test_twoReflectors(self) -> None:
        """Of two reflectors at port 862 one answers a packet that seems to be from the
        other, and the other does not answer that, in either mode."""
        keys = f"--reflector-key={keyFile(self, '* ' + ONE.hex())}"
        wire = Namespaces(self)
        for options, packet in ((), PLAIN), ((keys,), authenticated(5, ONE)):
            near, far = (
                Reflecting(
                    self,
                    *options,
                    places=[f"{host}:862"],
                    command=(*namespace, "twistd", "-n", "--pidfile="),
                )
                for host, namespace in ((wire.NEAR, wire.near), (wire.FAR, wire.far))
            )
            with inside(wire.far):
                Forger(self).send(packet, (wire.FAR, 862), (wire.NEAR, 862))
            until(far.counts)
            # Longer than an exchange takes that goes on.
            time.sleep(0.5)
            self.assertEqual(near.counts(), {"answered": 1})
            self.assertEqual(far.counts(), {"a reply": 1})
            for daemon in near, far:
                daemon.stop()


class FloodTests(SynchronousTestCase):
    """
    Many packets, and many sources.
    """

    def test_forgedSources(self) -> None:
        """300,000 forged sources do not make a daemon's memory grow by 1 MB, and are
        answered at a bounded rate."""
        wire = Namespaces(self)
        run(*wire.near, "ip", "route", "add", "10.0.0.0/8", "via", wire.FAR)
        place = (wire.NEAR, 8620)
        daemon = Reflecting(
            self,
            places=[f"{place[0]}:{place[1]}"],
            command=(*wire.near, "twistd", "-n", "--pidfile="),
        )
        with inside(wire.far):
            forger = Forger(self)
            asker = Asker(wire.FAR)
        with asker:
            asker.ask(PLAIN, place)
            before, began = daemon.memory(), time.monotonic()
            for each in range(300_000):
                forger.send(
                    PLAIN,
                    (f"10.{each >> 16}.{each >> 8 & 255}.{each & 255}", 9999),
                    place,
                )
                if each % 200 == 0:
                    # The daemon has to see all packets: send no faster than it reads.
                    # This source is one of those that it counts in each second.
                    asker.ask(PLAIN, place)
            seconds = time.monotonic() - began
        grown = daemon.memory() - before
        counts = daemon.counts()
        figure(
            f"300,000 forged sources in {seconds:.1f} s: {grown / 1024:.0f} KiB more, "
            f"{dict(counts)}"
        )
        self.assertLessEqual(grown, 1 << 20)
        seen = sum(counts.values()) - 1501
        self.assertGreater(seen, 295_000)
        # 2,048 sources a second, and the rate of one source for all others.
        bound = (2048 + 5000 + 1500) * (seconds + 1)
        self.assertLessEqual(counts["answered"], bound)

    def test_flood(self) -> None:
        """In a flood of small or large packets the daemon counts those that the kernel
        has room for, and echoes a line in between."""
        million = "1000000"
        daemon = Reflecting(
            self,
            f"--max-pps={million}",
            f"--max-total-pps={million}",
            "--allow=::/0",
            "--allow=127.0.0.1",
        )
        for what, packet, count in [
            ("44 octets", PLAIN, 40_000),
            ("16,365 TLVs", PLAIN + tlv(1, b"") * 16_365, 4000),
            ("nothing", b"", 40_000),
        ]:
            slowest = 0.0
            before, busy, began = (
                daemon.counts(),
                cpu(daemon.process.pid),
                time.monotonic(),
            )
            with Asker() as asker, daemon.connect() as peer:
                for each in range(count):
                    asker.sendto(packet, daemon.place)
                    if each % (count // 20) == 0:
                        asked = time.monotonic()
                        peer.sendall(b"hello\n")
                        self.assertIn(b"hello", peer.recv(100))
                        slowest = max(slowest, time.monotonic() - asked)
            seconds = time.monotonic() - began
            seen = daemon.counts()
            seen.subtract(before)
            busy = (cpu(daemon.process.pid) - busy) / max(seen.total(), 1)
            figure(
                f"flood of {what}: {count / seconds:.0f}/s sent, "
                f"{seen.total() / count:.0%} seen, {busy * 1e6:.0f} us each, "
                f"a line echoed within {slowest * 1000:.1f} ms"
            )
            self.assertLess(slowest, 1)
            self.assertGreater(seen.total(), 0)
            self.assertEqual(seen.total(), max(seen["answered"], seen["too short"]))
