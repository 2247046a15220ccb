"""Acceptance tests of the pages of a peer and of events, with a real daemon."""

from __future__ import annotations

import csv
import json
import re
import time
from urllib.error import HTTPError
from urllib.parse import quote, urljoin
from urllib.request import urlopen

from echostamp.history.store import SqliteHistory
from echostamp.monitor.event import Event, Kind
from echostamp.test.htmlpages import Page
from echostamp.test.plotrows import keptRows
from echostamp.times import SECOND
from tests.harness import DEADLINE, freePort, until
from tests.watching import WatchingCase

#: The name of a peer that has what a path, HTML and a header may not.
ODD = "50% <b>'\"& ä?#"


class PeerPageTests(WatchingCase):
    """
    A daemon watches a peer that answers and one that does not, and has a history of
    these, and of one that it does not watch any more.
    """

    def setUp(self) -> None:
        """Start the daemon."""
        super().setUp()
        self.now = int(time.time()) // 60 * 60
        history = SqliteHistory(str(self.folder / "history"))
        rows = [*keptRows(self.now - 3600, self.now - 60)]
        del rows[20:25]
        for row in rows:
            history.write({"up": row, "gone": row}, ())
        at = (self.now - 1200) * SECOND
        history.write({}, [Event(Kind.DOWN, "gone", at, text="no reply <for> 4 s")])
        history.close()
        echo, dead = freePort(), freePort()
        self.write(
            up=f'target = "127.0.0.1:{echo}"\nlabels = {{site = "<here>"}}',
            dead=f'target = "127.0.0.1:{dead}"\nmax-loss = "1%"\n'
            'labels = {site = "there"}',
            **{
                json.dumps(ODD): f'target = "127.0.0.1:{dead}"\npaused = true\n'
                'labels = {site = "there"}'
            },
        )
        port = freePort()
        self.base = f"http://127.0.0.1:{port}/"
        self.daemon = self.watch(
            f"-p{echo}", f"--web={port}", f"--history={self.folder / 'history'}"
        )

    def get(self, path: str) -> str:
        """
        Read what a path has.
        """
        with urlopen(urljoin(self.base, path), timeout=DEADLINE) as answer:
            found: bytes = answer.read()
        return found.decode()

    def page(self, path: str) -> Page:
        """
        Read a page.
        """
        return Page(self.get(path))

    def section(self, page: Page) -> dict[str, str | None]:
        """
        Give the attributes of the plots.
        """
        (found,) = [each for tag, each in page.elements if tag == "section"]
        return found

    def test_now(self) -> None:
        """The pages say who is up, and who is down and why."""
        until(lambda: "✓ up since" in self.page("peer/up").text, 3 * DEADLINE)
        until(lambda: "✕ down since" in self.page("peer/dead").text, 3 * DEADLINE)
        found = self.page("peer/dead").text
        self.assertRegex(found, r"! exceeded since 20[-\d]{8} [:\d]{8}: 100 % of")
        self.assertIn("lost or not sent100 %", found)
        self.assertIn("<here>", self.page("peer/up").text)

    def test_data(self) -> None:
        """The plots have the points that the links below them lead to."""
        page = self.page("peer/gone?range=1h")
        self.assertIn("This peer is not watched.", page.text)
        times = json.loads(self.section(page)["data-at"] or "")
        self.assertGreaterEqual(len(times), 50)
        text, document = [
            self.get(urljoin(self.base + "peer/gone", each))
            for each in page.links
            if "api/v1/history" in each
        ]
        points = json.loads(document)["points"]
        self.assertEqual([each["at"] for each in points], times)
        self.assertEqual(len([*csv.reader(text.splitlines())]), len(times) + 1)

    def test_gap(self) -> None:
        """A gap in the history is a gap in the plots."""
        text = self.get("peer/gone?range=1h")
        (line, *_) = re.findall(r'<path class="median" d="([^"]*[0-9]{3}[^"]*)"', text)
        self.assertEqual(line.count("M"), 2)

    def test_events(self) -> None:
        """What happened is a mark, and is listed, also on the page of events."""
        self.assertEqual(self.page("peer/gone").text.count("no reply <for> 4 s"), 5)
        found = self.page("events?peer=gone&kind=down&zone=Europe/Berlin")
        self.assertIn("no reply <for> 4 s", found.text)
        (link,) = [each for each in found.links if "peer/" in each]
        self.assertEqual(link, "./peer/gone?zone=Europe%2FBerlin")

    def test_everyLink(self) -> None:
        """Every link of the pages leads somewhere, also from the page of a peer with an
        odd name, and from a span in which nothing was measured."""
        odd = f"peer/{quote(ODD)}"
        self.assertIn(ODD, self.page(odd).text)
        long = "peer/gone?to=86400000"
        for path in "peer/up", odd, "peer/gone", long, "events":
            for link in set(self.page(path).links):
                self.get(urljoin(self.base + path, link))

    def test_noPeer(self) -> None:
        """Another name is not found."""
        with self.assertRaises(HTTPError) as caught:
            self.get("peer/nobody")
        with caught.exception as answer:
            self.assertEqual(answer.code, 404)
            found = Page(answer.read().decode())
        self.assertIn("There is no peer nobody.", found.text)
