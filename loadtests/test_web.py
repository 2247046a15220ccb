"""The web site: how long a scrape of many peers holds the event loop."""

from __future__ import annotations

import time
from statistics import median

from twisted.trial.unittest import TestCase

from tests.harness import figure
from tests.websites import Site

#: How many peers there are, and how often they are scraped.
COUNT, SCRAPES = 1000, 10

#: Seconds that a scrape may take in all, and may hold the loop at a time.
LONGEST, HELD = 1.0, 0.005


class ScrapeTests(TestCase):
    """
    Scrapes of many peers.
    """

    def assertShort(self, what: str, **headers: str) -> None:
        """
        Assert that a scrape takes little time, and never holds the loop for long.
        """
        site = Site(self, COUNT)
        site.get("/metrics", **headers)
        site.held()
        times, holds = [], []
        for _ in range(SCRAPES):
            began = time.monotonic()
            _, body = site.get("/metrics", **headers)
            times.append(time.monotonic() - began)
            holds.append(site.held())
        # Each scrape has the same work: what holds up one of them alone is not ours.
        held = median(holds)
        figure(
            f"a scrape of {COUNT} peers, {what}: {len(body)} octets in "
            f"{median(times) * 1000:.0f} ms, holds the loop for {held * 1000:.1f} ms "
            f"at most, once for {max(holds) * 1000:.1f} ms"
        )
        self.assertLess(max(times), LONGEST)
        self.assertLess(held, HELD)

    def test_plain(self) -> None:
        """As plain text."""
        self.assertShort("plain")

    def test_compressed(self) -> None:
        """Compressed, as Prometheus asks for it."""
        self.assertShort("compressed", **{"Accept-Encoding": "gzip"})
