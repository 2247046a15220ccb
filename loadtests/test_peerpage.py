"""The page of a peer: how long it holds the event loop, and 200 browsers at once."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from statistics import median

from twisted.trial.unittest import TestCase

from tests.harness import figure
from tests.websites import Site

#: How many pages are asked for, each of another peer; how many browsers there are at
#: once, and how often.
PAGES, BROWSERS, ROUNDS = 12, 200, 5

#: Seconds that a page may take, that it may hold the loop at a time, and that all of
#: the browsers may wait.
LONGEST, HELD, WAIT = 0.25, 0.005, 2.0

_GZIP = {"Accept-Encoding": "gzip"}


class PeerPageTests(TestCase):
    """
    Pages with plots of 1,000 points.
    """

    def setUp(self) -> None:
        """Serve pages."""
        self.site = Site(self, PAGES)
        self.get("peer0?range=1h")
        self.site.held()

    def get(self, what: str) -> int:
        """
        Read a page.

        @return: how long it is.
        """
        status, body = self.site.get(f"/peer/{what}", **_GZIP)
        self.assertEqual(status, 200)
        return len(body)

    def test_holds(self) -> None:
        """A page is made in slices: none holds the loop for long."""
        times, holds, octets = [], [], 0
        for number in range(PAGES):
            began = time.monotonic()
            octets = self.get(f"peer{number}?range=24h")
            times.append(time.monotonic() - began)
            holds.append(self.site.held())
        held = median(holds)
        figure(
            f"a page with four plots of 1,000 points: {octets} octets compressed, in "
            f"{median(times) * 1000:.0f} ms, holds the loop for {held * 1000:.1f} ms "
            f"at most, once for {max(holds) * 1000:.1f} ms"
        )
        self.assertLess(median(times), LONGEST)
        self.assertLess(held, HELD)

    def test_events(self) -> None:
        """Neither does a page with a hundred events."""
        holds = []
        for number in range(PAGES):
            status, body = self.site.get(f"/events?zone=UTC&before={number}", **_GZIP)
            self.assertEqual(status, 200)
            holds.append(self.site.held())
        held = median(holds)
        figure(
            f"a page with 100 events: {len(body)} octets compressed, holds the loop "
            f"for {held * 1000:.1f} ms at most, once for {max(holds) * 1000:.1f} ms"
        )
        self.assertLess(held, HELD)

    def test_browsers(self) -> None:
        """200 browsers that ask for the same page at once share it."""
        times, holds = [], []
        for number in range(ROUNDS):
            page = f"peer{number}?range=24h"
            began = time.monotonic()
            with ThreadPoolExecutor(BROWSERS) as pool:
                sizes = set(pool.map(self.get, [page] * BROWSERS))
            times.append(time.monotonic() - began)
            holds.append(self.site.held())
            self.assertEqual(len(sizes), 1)
        # A turn reads what all of them have sent, and answers for a slice of time.
        held = median(holds)
        figure(
            f"{BROWSERS} browsers have the page after {median(times) * 1000:.0f} ms; "
            f"the loop is held for {held * 1000:.1f} ms at most, once for "
            f"{max(holds) * 1000:.1f} ms"
        )
        self.assertLess(median(times), WAIT)
        self.assertLess(held, 2 * HELD)
