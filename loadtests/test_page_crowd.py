"""200 browsers at once at the pages of one daemon: probes still leave on time."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from itertools import pairwise
from math import inf

from loadtests import browsercrowd
from tests.harness import cpu, figure, freePort, run, until
from tests.pasts import Past, fillPast
from tests.reflecting import Reflecting
from tests.scraping import LOST, SKIPPED, MetricsCase

#: How many peers there are, each probed once a second, and how many browsers.
PEERS, BROWSERS = 200, 200

#: Seconds until what begins is over; and for how long the probes are looked at without
#: browsers and with them.  Nobody asks the daemon for anything else meanwhile.
SETTLED, ALONE, CROWDED = 8.0, 15.0, 30.0

#: The most seconds by which 99 % of the probes may be late, and how many times as late
#: as without browsers, on a machine that runs the browsers and more.
LATE, LATER = 0.020, 5

#: A bucket of the histogram.
_BUCKET = re.compile(
    r'^echostamp_probe_lateness_seconds_bucket\{le="(\S+)"\} (\d+)$', re.M
)


class CrowdTests(MetricsCase):
    """
    Tests of a daemon with a history.
    """

    def test_crowd(self) -> None:
        """99 % of the probes leave on time while 200 browsers look at the matrix and at
        pages of peers, and each of the browsers gets each page."""
        history = self.folder / "history"
        names = [f"p{number}" for number in range(PEERS)]
        fillPast(history, int(time.time()), [Past(each) for each in names[:20]])
        place = Reflecting(self).place[1]
        self.write(
            **dict.fromkeys(
                names, f'target = "stamp:127.0.0.1:{place}"\ninterval = "1s"'
            )
        )
        web = freePort()
        daemon = self.watch(f"--web={web}", f"--history={history}", "--self=here")
        if not os.geteuid():
            # What else this machine does is not measured.
            os.setpriority(os.PRIO_PROCESS, daemon.process.pid, -20)
        until(lambda: self.ups(web) == ["1"] * PEERS)
        time.sleep(SETTLED)
        before = self.buckets(web)
        time.sleep(ALONE)
        alone = self.late(before, self.buckets(web))
        before, used = self.buckets(web), cpu(daemon.process.pid)
        lost = self.missed(web)
        began = time.monotonic()
        arguments = (*map(str, (web, BROWSERS, PEERS, CROWDED)),)
        # Browsers are elsewhere, and take nothing of the daemon's processor.
        command = "nice", "-n19", sys.executable, browsercrowd.__file__
        done = run(*command, *arguments, seconds=3 * CROWDED)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        lasted = time.monotonic() - began
        crowded = self.late(before, self.buckets(web))
        used = (cpu(daemon.process.pid) - used) / lasted
        counts, slowest, octets = json.loads(done.stdout)
        figure(
            f"{PEERS} peers, p99 of how late probes are: {alone * 1000:.1f} ms, with "
            f"{BROWSERS} browsers {crowded * 1000:.1f} ms; these got "
            f"{sum(counts.values())} answers of {octets / 1e6:.0f} MB, the slowest "
            f"after {slowest:.2f} s; {used * 100:.0f} % of a core"
        )
        self.assertEqual([*counts], ["200"])
        self.assertGreater(counts["200"], BROWSERS * (4 + CROWDED / 10))
        self.assertLess(crowded, max(LATE, LATER * alone))
        self.assertEqual(self.missed(web), lost)

    def missed(self, web: int) -> float:
        """Give how many probes were lost, or not sent."""
        found = self.scrape(web)
        return sum(sum(found[each].values()) for each in (LOST, SKIPPED))

    def buckets(self, web: int) -> dict[float, int]:
        """Give how many probes were at most so late, by seconds."""
        found = _BUCKET.findall(self.page(web))
        return {float(bound): int(count) for bound, count in found}

    def late(self, before: dict[float, int], after: dict[float, int]) -> float:
        """Estimate the 99th percentile between two scrapes, as Prometheus does."""
        counts = {each: count - before[each] for each, count in after.items()}
        rank = 0.99 * counts[inf]
        for (low, below), (high, up) in pairwise([(0.0, 0), *counts.items()]):
            if up >= rank:
                return low + (high - low) * (rank - below) / (up - below)
        raise AssertionError("the last bucket has all probes")
