"""The accuracy of C{echostamp ping} on a quiet machine."""

from __future__ import annotations

from collections import Counter

from tests.clocks import Clock
from tests.farends import Proxy
from tests.harness import Daemon, figure
from tests.pinging import MS, PingCase


class AccuracyTests(PingCase):
    """
    Small errors, which other work of the machine would hide.
    """

    def test_delay(self) -> None:
        """Through 10 ms each way, probed every 5 ms, the median RTT is 20 ms."""
        # Where the machine has other work to do, the proxy is late itself.
        for _ in range(3):
            proxy = Proxy(self, self.iso().port, delay=0.010)
            found = self.measured("-c200", "-i5ms", f"127.0.0.1:{proxy.port}")
            stats = found["stats"]
            median = stats["rtt"]["median"] / MS
            if median < 21:
                break
        figure(f"median through 20 ms of delay at 5 ms intervals: {median:.3f} ms")
        self.assertGreaterEqual(median, 20)
        self.assertLess(median, 21)
        self.assertGreaterEqual(stats["rtt"]["min"], 20 * MS)
        counts = stats["sent"], stats["received"], stats["lost"], stats["skipped"]
        self.assertEqual(counts, (200, 200, 0, 0))
        for way in "forward", "backward":
            low, high = stats[way]["range"]["median"]
            self.assertLess(low, 12 * MS)
            self.assertGreater(high, 10 * MS)

    def test_clock(self) -> None:
        """The offset of a wrong clock is known within 5 ms by nanoseconds, and within
        50 ms by whole seconds."""
        for form, most, *options in [
            ("iso", 5 * MS, "-c100", "-i10ms"),
            ("unix", 5 * MS, "-c100", "-i10ms"),
            ("ctime", 50 * MS, "-i100ms", "-w5s"),
        ]:
            clock = Clock(self)
            clock.set(12.345, 50)
            daemon = Daemon(self, "--port=0", f"--format={form}", env=clock.env)
            found = self.measured(*options, f"127.0.0.1:{daemon.port}")
            offset = found["stats"]["offset"]
            width = offset["high"] - offset["low"]
            figure(f"bounds of +12.345 s and 50 ppm, {form}: {width / MS:.3f} ms")
            self.assertLess(width, most)
            self.assertLess(abs(offset["estimate"] - 12_345 * MS), most)

    def test_steadyRate(self) -> None:
        """A thousand probes a second keep their schedule."""
        target = f"127.0.0.1:{self.iso().port}"
        found = self.measured("-i1ms", "-c1500", "--no-jitter", target)
        waits = sorted(probe["t1"] - probe["due"] for probe in found["probes"])
        whole = sorted(Counter(wait // MS for wait in waits).items())
        figure(f"lateness of probes at 1,000 a second, whole ms: {whole}")
        self.assertEqual(found["stats"]["received"], 1500)
        self.assertIsNotNone(found["stats"]["rtt"]["p999"])
        self.assertGreaterEqual(waits[0], 0)
        self.assertLess(waits[len(waits) // 2], MS)
        first, last = found["probes"][0], found["probes"][-1]
        self.assertLess(abs(last["t1"] - first["t1"] - 1499 * MS), 50 * MS)
