"""
Tests of the pages of three daemons, with a real browser.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from twisted.trial.unittest import SynchronousTestCase

from tests.browsers import Browser
from tests.crawling import Reply
from tests.forging import inside
from tests.harness import DEADLINE, until
from tests.matrices import Seen, seen
from tests.meshes import DEAD, NOWHERE, Mesh
from tests.namespaces import ROUTER
from tests.pasts import Past, fillPast

#: The daemons: the one at whose pages the browser looks, and the others.
HOSTS = LOOKED, *OTHERS = "ams", "fra", "lon"

#: Asks for what is new now, as when the page becomes visible.
LOOK = 'document.dispatchEvent(new Event("visibilitychange"))'


class PagesCase(SynchronousTestCase):
    """
    A test of the pages of daemons with histories, and of a peer that is dead.
    """

    def setUp(self) -> None:
        """Start the daemons, and wait until each of them has seen the others."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        now = int(time.time())
        for name in HOSTS:
            peers = [Past(each) for each in (*HOSTS, DEAD) if each != name]
            fillPast(folder / name, now, peers)
        self.mesh = Mesh(self, *HOSTS, histories=folder)
        self.mesh.watch(**{DEAD: f"stamp:{NOWHERE}"})
        self.router = self.mesh.net.commands[ROUTER]
        self.url = self.mesh.url(LOOKED)
        for name in HOSTS:
            until(lambda: self.states(name) == ["down", "up", "up"])  # noqa: B023

    def states(self, name: str) -> list[str]:
        """Give the states of a daemon's peers."""
        found = json.loads(self.get(f"{self.mesh.url(name)}api/v1/peers").body)
        return sorted(each["state"] for each in found["peers"])

    def get(self, url: str) -> Reply:
        """Read a URL in the router's namespace."""
        try:
            with (
                inside(self.router),
                urlopen(url, timeout=DEADLINE) as answer,
            ):
                return Reply(
                    answer.status, answer.headers["Content-Type"], answer.read()
                )
        except HTTPError as error:
            with error:
                return Reply(error.code, "", b"")

    def browse(self, url: str = "", **how: Any) -> Browser:
        """Open a page in a browser."""
        browser = Browser(self, self.router, **how)
        browser.get(url or self.url)
        return browser

    def wait(self, browser: Browser) -> Seen:
        """Wait until the page shows the rows of all daemons."""

        def look() -> Seen | None:
            browser.execute_script(LOOK)
            now = seen(browser)
            counts = Counter(len(each.figures) for each in now.cells.values())
            return now if counts == {3: 6, 1: 3} else None

        return until(look)
