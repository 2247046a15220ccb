"""The session-reflector, many sources, and octets at random."""

from __future__ import annotations

import random
import sys
import time

from twisted.trial.unittest import SynchronousTestCase

from tests.harness import figure, run
from tests.reflecting import ONE, PLAIN, Asker, Reflecting, authenticated, keyFile, tlv

#: Runs a reflector in a new process, which has not counted any source yet.
SOURCES = """
import ipaddress, re, sys, time
from echostamp.rfc8762.policy import Policy, Shared
from echostamp.rfc8762.reflector import Reflector

class Port:
    address = ("192.0.2.1", 862)
    stampsDepartures = False
    tellsHow = True
    def send(self, packet, peer, to, tos):
        return 0

def memory():
    status = open("/proc/self/status").read()
    return int(re.search(r"VmRSS:\\s+(\\d+)", status)[1]) * 1024

allowed = [ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0")]
stateful = sys.argv[1] == "stateful"
# A reflector that answers all of them counts the sessions of all.
rates = [1_000_000] * 2 if stateful else []
shared = Shared(Policy(allowed, *rates, isStateful=stateful))
reflector = Reflector(shared)
reflector.port = Port()
packet = bytes.fromhex(sys.argv[2])
for each in range(10):
    reflector.received(packet, (f"192.0.2.{each}", 4711), 1, 64, 0, None)
before = memory()
began = time.process_time()
for each in range(int(sys.argv[3])):
    four = f"10.{each >> 16}.{each >> 8 & 255}.{each & 255}"
    six = f"2001:db8:{each >> 16:x}:{each & 65535:x}::1"
    reflector.received(packet, (four, 4711), 1, 64, 0, None)
    reflector.received(packet, (six, 4711, 0, 0), 1, 64, 0, None)
took = time.process_time() - began
print(memory() - before, took, len(shared.sessions), dict(shared.counts))
"""

#: Variables by which coverage measures a process, which takes memory of its own.
COVERAGE = ("COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")


class SourceTests(SynchronousTestCase):
    """
    Many sources.
    """

    def test_sources(self) -> None:
        """40,000 sources, half of them of IPv6, take at most 1 MB; with counted
        sessions, the memory of the most sessions."""
        pairs = 20_000
        for mode, most in ("stateless", 1 << 20), ("stateful", 8 << 20):
            bare = "env", *(f"--unset={each}" for each in COVERAGE)
            done = run(
                *(*bare, sys.executable, "-c", SOURCES),
                *(mode, PLAIN.hex(), str(pairs)),
            )
            self.assertEqual(done.returncode, 0, done.stderr)
            grown, took, sessions, counts = done.stdout.decode().split(maxsplit=3)
            figure(
                f"{2 * pairs} sources, {mode}: {int(grown) / 1024:.0f} KiB more, "
                f"{float(took) / pairs / 2 * 1e6:.1f} us each, {sessions} sessions, "
                f"{counts.strip()}"
            )
            self.assertLessEqual(int(grown), most)
            self.assertEqual(int(sessions), 10_000 if mode == "stateful" else 0)

    def test_oneSource(self) -> None:
        """A source over its rate is answered at its rate.  Others are not limited."""
        rate = 100
        daemon = Reflecting(self, f"--max-pps={rate}")
        began = time.monotonic()
        with Asker() as asker, Asker("127.0.0.2") as other:
            for _ in range(50):
                for _ in range(100):
                    asker.sendto(PLAIN, daemon.place)
                other.ask(PLAIN, daemon.place)
            seconds = time.monotonic() - began
        counts = daemon.counts()
        answered = counts["answered"] - 50
        figure(
            f"one source over its rate of {rate}: {answered} of 5000 in {seconds:.2f} s"
            ", another one 50 of 50"
        )
        self.assertEqual(counts.total(), 5050)
        self.assertGreaterEqual(answered, rate)
        self.assertLessEqual(answered, rate * (int(seconds) + 2))


class GarbageTests(SynchronousTestCase):
    """
    Octets at random.
    """

    def test_garbage(self) -> None:
        """Whatever octets come, the next request is answered, and the log stays
        short."""
        key = f"--reflector-key={keyFile(self, '* ' + ONE.hex())}"
        more = ("--max-pps=1000000", "--max-total-pps=1000000")
        stateful = ("--stateful", "--allow=127.0.0.0/8", *more)
        for options, last in [
            (stateful, PLAIN),
            ((key, *stateful), authenticated(5, ONE)),
        ]:
            daemon = Reflecting(self, *options)
            chance = random.Random(862)
            count = 0
            with Asker() as asker:
                for _ in range(150):
                    size = chance.choice([0, 1, 13, 14, 44, 112, 200, 1472, 65_507])
                    noise = chance.randbytes(chance.randrange(size + 1))
                    for packet in [
                        noise,
                        last[: len(noise)] + noise[len(last) :],
                        PLAIN + b"\x80" + noise[: 65_507 - 45],
                        last + tlv(chance.randrange(10), noise[:100]) * 16,
                    ]:
                        with Asker() as each:
                            each.sendto(packet, daemon.place)
                        # The kernel has room for only two of the longest.
                        asker.ask(last, daemon.place)
                        count += 2
            counts = daemon.counts()
            # The network refuses a reply to a socket that is closed already.
            del counts["not sent (ECONNREFUSED)"]
            self.assertEqual(counts.total(), count, counts)
            self.assertEqual(daemon.stop(), 0)
            log = daemon.log()
            self.assertNotIn("Traceback", log)
            self.assertLess(len(log.splitlines()), 20)
            self.assertEqual(daemon.unprintable(), [])
