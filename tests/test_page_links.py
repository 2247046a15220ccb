"""
Acceptance tests of the pages' links: real daemons, a real browser, a real proxy.
"""

from __future__ import annotations

import csv
import json
import re
import subprocess
from collections import Counter
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.select import Select

from echostamp.web.bodies import CSV, JSON
from tests.crawling import Crawl
from tests.harness import figure, start, until
from tests.matrices import seen
from tests.meshes import DEAD
from tests.pagecases import HOSTS, LOOK, OTHERS, PagesCase
from tests.proxies import nginxCommand

#: The page that says how a proxy is set up.
WATCHING = Path(__file__).parents[1] / "docs" / "watching.rst"

#: The spans of plots, in seconds.
RANGES = {"1h": 3600, "24h": 86400, "7d": 7 * 86400, "90d": 90 * 86400}


#: How many columns the page of events has: time, peer, event and what happened.
EVENT_COLUMNS = 4


class LinkTests(PagesCase):
    """
    Where links lead.
    """

    def test_links(self) -> None:
        """Each link of each page of each daemon leads to what it says: nothing is
        missing, and no page says an error to the browser's console."""
        browser = self.browse()
        self.wait(browser)
        sites = [self.mesh.url(each) for each in HOSTS]
        crawl = Crawl(self.get, sites, sites)
        self.assertEqual(crawl.missing, [])
        shapes: dict[tuple[str, str], str] = {}
        for url in crawl.links:
            parts = urlsplit(url)
            names = parts.query.replace("zone=UTC", "").strip("&")
            if url.startswith(self.url) and "to=" not in names:
                shapes.setdefault((parts.path, names), url)
        for url in shapes.values():
            browser.get(url)
            self.assertEqual(browser.complaints(), [], url)
        kinds = Counter(each.kind for each in crawl.pages.values())
        figure(
            f"{len(crawl.pages)} URLs of three daemons, {len(shapes)} pages of them in "
            "a browser: no link is broken"
        )
        html = "text/html; charset=utf-8"
        self.assertGreater(kinds[html], 3 * len(RANGES) * 3)
        self.assertGreaterEqual(kinds[CSV], 3 * len(RANGES) * 3)
        self.assertGreaterEqual(kinds[JSON], 3 * len(RANGES) * 3)
        # Only links to other daemons are absolute.
        for url, links in crawl.links.items():
            for link in links:
                if link.startswith("/") or urlsplit(link).scheme:
                    self.assertTrue(link.startswith(tuple(sites)), (url, link))
                    self.assertFalse(link.startswith(url[: len(self.url)]), url)

    def test_data(self) -> None:
        """The links to CSV and JSON below the plots lead to the same points."""
        browser = self.browse()
        for name, length in RANGES.items():
            browser.get(f"{self.url}peer/{OTHERS[0]}?range={name}&zone=UTC")
            section = browser.find_element(By.CSS_SELECTOR, "section.plots")
            data = {
                each: json.loads(str(section.get_attribute(f"data-{each}")))
                for each in ("at", "from", "to", "step")
            }
            self.assertEqual(data["to"] - data["from"], length)
            links = {
                each.text: str(each.get_attribute("href"))
                for each in browser.find_elements(By.CSS_SELECTOR, "p.data a")
            }
            points = json.loads(self.get(links["JSON"]).body)
            for each in "from", "to", "step":
                self.assertEqual(points[each], data[each], (name, each))
            at = [each["at"] for each in points["points"]]
            # The minute that has just ended may be written meanwhile.
            self.assertIn(len(at) - len(data["at"]), (0, 1), name)
            self.assertEqual(at[: len(data["at"])], data["at"])
            table = [*csv.DictReader(StringIO(self.get(links["CSV"]).body.decode()))]
            rtts = [each["rtt"] or {"median": 0} for each in points["points"]]
            self.assertIn("rtt_median_ns", table[0])
            self.assertEqual(
                [int(each["rtt_median_ns"] or 0) for each in table][: len(at)],
                [each["median"] for each in rtts],
            )
            pressed = browser.find_element(By.CSS_SELECTOR, ".ranges [aria-current]")
            self.assertEqual(pressed.text, name)
        self.assertEqual(browser.complaints(), [])


class ChoiceTests(PagesCase):
    """
    What can be chosen on the pages.
    """

    def test_filters(self) -> None:
        """Each filter of the matrix shows what it says, also when the page renews
        itself, and all filters can be taken away again."""
        browser = self.browse()
        self.wait(browser)
        # Labels of others are known now.
        browser.refresh()

        def field(name: str) -> Any:
            return browser.find_element(By.NAME, name)

        def shown() -> tuple[set[str], set[str]]:
            browser.execute_script(LOOK)
            cells = seen(browser).cells
            return {each for each, _ in cells}, {each for _, each in cells}

        hosts, all_ = set(HOSTS), {*HOSTS, DEAD}
        field("source").send_keys("RA\n")
        until(lambda: shown() == ({"fra"}, {"ams", "lon", DEAD}))
        browser.find_element(By.LINK_TEXT, "show all").click()
        until(lambda: shown() == (hosts, all_))
        field("target").send_keys("on")
        browser.find_element(By.CSS_SELECTOR, "form.filters button").click()
        until(lambda: shown() == ({"ams", "fra"}, {"lon"}))
        browser.find_element(By.LINK_TEXT, "show all").click()
        until(lambda: shown() == (hosts, all_))
        Select(field("label")).select_by_visible_text("site=fra")
        until(lambda: shown() == ({"ams", "lon"}, {"fra"}))
        Select(field("label")).select_by_visible_text("any label")
        until(lambda: shown() == (hosts, all_))
        field("bad").click()
        until(lambda: shown() == (hosts, {DEAD}))
        field("bad").click()
        until(lambda: shown() == (hosts, all_))
        for name, pattern in (
            ("loss", r"0 %"),
            ("RTT", r"[0-9.]+ [mµ]s"),
            ("clock", r"[-+][0-9.]+ [mµn]s"),
        ):
            Select(field("show")).select_by_visible_text(name)
            until(lambda: f"show={name.lower()}" in browser.current_url)  # noqa: B023
            browser.execute_script(LOOK)
            cell = seen(browser).cells["fra", "lon"]
            self.assertEqual(len(cell.figures), 1)
            self.assertRegex(cell.text, f"^{pattern}$")
        self.assertEqual(browser.complaints(), [])

    def test_events(self) -> None:
        """Events are shown by peer and by kind."""
        browser = self.browse(f"{self.url}events")

        def shown() -> list[list[str]]:
            cells = iter(browser.texts("table.events tbody td"))
            return [list(each) for each in zip(*[cells] * EVENT_COLUMNS, strict=True)]

        def choose(peer: str, kind: str) -> set[tuple[str, str]]:
            field = browser.find_element(By.NAME, "peer")
            field.clear()
            field.send_keys(peer)
            Select(browser.find_element(By.NAME, "kind")).select_by_visible_text(kind)
            browser.find_element(By.CSS_SELECTOR, "form.filter button").click()
            until(lambda: not isThere(field))
            self.assertIn(f"peer={peer}&", browser.current_url)
            return {(each[1], each[2].split()[-1]) for each in shown()}

        found = shown()
        self.assertEqual(
            [each[0] for each in found],
            sorted((each[0] for each in found), reverse=True),
        )
        self.assertIn(
            (DEAD, "down"), {(each[1], each[2].split()[-1]) for each in found}
        )
        self.assertEqual(choose("fra", "every kind"), {("fra", "down"), ("fra", "up")})
        self.assertEqual(choose("fra", "down"), {("fra", "down")})
        self.assertEqual({each for _, each in choose("", "up")}, {"up"})
        self.assertEqual(choose(DEAD, "clock_step"), set())
        browser.find_element(By.NAME, "own").click()
        self.assertEqual(choose("", "every kind"), {("this daemon", "reload")})
        self.assertEqual(browser.complaints(), [])


class ProxyTests(PagesCase):
    """
    Behind a proxy, below a prefix.
    """

    PREFIX = "/echostamp/"

    def setUp(self) -> None:
        """Start nginx before a daemon."""
        super().setUp()
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        # As the page of the docs shows it.
        found = re.search(r"^ +location (?s:.*?)\}\n", WATCHING.read_text(), re.M)
        assert found
        location = found[0].replace("http://127.0.0.1:9862/", self.url)
        self.assertIn(f"location {self.PREFIX} ", location)
        self.assertIn(f"proxy_pass {self.url};", location)
        site = f"server {{ listen 127.0.0.1:8080; {location} }}"
        command = *self.router, *nginxCommand(folder, site)
        start(self, *command, stderr=subprocess.DEVNULL)
        self.site = f"http://127.0.0.1:8080{self.PREFIX}"
        until(lambda: self.isUp())

    def isUp(self) -> bool:
        """Tell whether the proxy answers."""
        try:
            return self.get(f"{self.site}healthz").status == 200
        except OSError:
            return False

    def test_prefix(self) -> None:
        """All links lead to where the proxy is, and pages renew themselves."""
        browser = self.browse(self.site)
        self.wait(browser)
        crawl = Crawl(self.get, [self.site], ["http://127.0.0.1:8080/"])
        self.assertEqual(crawl.missing, [])
        self.assertEqual([each for each in crawl.pages if self.PREFIX not in each], [])
        self.assertGreater(len(crawl.pages), 50)
        browser.press(By.CSS_SELECTOR, f'[data-key="row {DEAD}"] td a')
        until(lambda: browser.current_url.startswith(f"{self.site}peer/{DEAD}"))
        browser.find_element(By.LINK_TEXT, "All events of this peer").click()
        until(lambda: browser.current_url.startswith(f"{self.site}events?"))
        browser.find_element(By.LINK_TEXT, "Matrix").click()
        until(lambda: browser.current_url == self.site)
        self.assertEqual(browser.complaints(), [])


class ScriptlessTests(PagesCase):
    """
    Without JavaScript.
    """

    def test_withoutScripts(self) -> None:
        """Pages are whole, filters and links work, and the matrix refreshes itself."""
        browser = self.browse(hasScripts=False)

        def text(selector: str) -> str:
            return browser.texts(selector)[0]

        element = browser.find_element(By.CSS_SELECTOR, "table.matrix")
        until(lambda: not isThere(element))
        until(lambda: "6 good" in text(".summary"))
        self.assertIn("3 down", text(".summary"))
        self.assertIn(f"{DEAD}: down since", text(".troubles"))

        def filtered() -> bool:
            # The page may be loaded again at any of these steps.
            try:
                source = browser.find_element(By.NAME, "source")
                source.clear()
                source.send_keys("fra")
            except WebDriverException:
                return False
            browser.press(By.CSS_SELECTOR, "form.filters button")
            return "source=fra" in browser.current_url

        until(filtered)
        self.assertIn("2 good", text(".summary"))
        browser.get(f"{self.url}peer/{OTHERS[0]}?range=7d")
        until(lambda: len(browser.find_elements(By.CSS_SELECTOR, "svg.plot")) == 4)
        browser.press(By.LINK_TEXT, "1h")
        until(lambda: "range=1h" in browser.current_url)
        browser.press(By.LINK_TEXT, "Events")
        until(lambda: browser.find_elements(By.CSS_SELECTOR, "table.events tbody tr"))
        self.assertEqual(browser.complaints(), [])


def isThere(element: Any) -> bool:
    """
    Tell whether an element is still on the page that a browser shows.
    """
    try:
        return bool(element.is_enabled())
    except WebDriverException:
        # It is stale, or becomes so while the browser looks.
        return False
