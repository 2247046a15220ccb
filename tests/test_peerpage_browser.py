"""Acceptance tests of the pages of a peer and of events in a real browser."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.browsers import Browser
from tests.harness import until
from tests.pagecases import LOOK
from tests.websites import Site

#: Lets a page believe that a minute is over.
LATER = "const now = Date.now; Date.now = () => now() + 61000"

#: Stops a page's clock, and lets nothing be fetched.
REFUSED = """
const stopped = Date.now();
Date.now = () => stopped;
window.asked = 0;
window.fetch = () => { asked += 1; return Promise.reject(new Error()); };
"""

#: The smallest text of a page, in pixels.
SMALLEST = """
return Math.min(...[...document.querySelectorAll("main *")]
  .filter((each) => each.getClientRects().length && each.textContent.trim())
  .map((each) => parseFloat(getComputedStyle(each).fontSize)))
"""

#: Labels of one plot that overlap.
OVERLAPS = """
const found = [];
for (const picture of document.querySelectorAll("svg.plot")) {
  const boxes = [...picture.querySelectorAll("text")]
    .map((each) => each.getBoundingClientRect()).filter((each) => each.width);
  for (const a of boxes) for (const b of boxes) {
    if (a !== b && a.left < b.right && b.left < a.right
        && a.top + 1 < b.bottom && b.top + 1 < a.bottom) found.push([a, b]);
  }
}
return found.length
"""


class PeerBrowserTests(SynchronousTestCase):
    """
    A browser reads pages of a daemon that has rows of 1,000 minutes.
    """

    def setUp(self) -> None:
        """Start the daemon's site."""
        self.base = f"http://127.0.0.1:{Site(self, 2).port}/"

    def open(self, path: str, zone: str = "UTC", **how: Any) -> Any:
        """
        Open a page.

        @param zone: the zone of the browser.
        """
        found = Browser(self)
        found.look(**how)
        given = {"timezoneId": zone}
        found.execute_cdp_cmd("Emulation.setTimezoneOverride", given)
        found.get(self.base + path)
        return found

    def outputs(self, page: Browser) -> list[str]:
        """
        Give what is said beside the hover line of each plot.
        """
        return page.texts("output")

    def figures(self, page: Any) -> list[Any]:
        """
        Give the plots.
        """
        found: list[Any] = page.find_elements("css selector", "figure.plot")
        return found

    def test_hover(self) -> None:
        """The hover line is in all plots, and each gives its figures."""
        from selenium.webdriver import ActionChains

        page = self.open("peer/peer1?range=24h")
        picture = page.find_element("css selector", "figure.plot svg.plot")
        ActionChains(page).move_to_element_with_offset(picture, 200, 0).perform()
        rtt, loss, pdv, offset = until(lambda: [*filter(None, self.outputs(page))])
        self.assertRegex(rtt, r" UTC median 20\.?\d? ms, min \d+\.?\d* ms, p10 ")
        self.assertIn("lost forward 0 %", loss)
        self.assertIn("forward median 120 µs, forward p99 800 µs", pdv)
        bounds = "estimate 0 ns, low \u221290 µs, high 90 µs, verdict fits"
        self.assertIn(bounds, offset)
        lines = page.find_elements("css selector", "line.hover.shown")
        self.assertEqual(len(lines), 4)
        self.assertEqual(page.complaints(), [])

    def test_keys(self) -> None:
        """With the focus on a plot the arrow keys move the line, and that plot is read
        out, and no other."""
        from selenium.webdriver.common.keys import Keys

        page = self.open("peer/peer1?range=24h")
        plot = self.figures(page)[1]
        page.execute_script("arguments[0].focus()", plot)
        texts = []
        for key in Keys.END, Keys.ARROW_LEFT, Keys.ARROW_LEFT, Keys.ARROW_RIGHT:
            plot.send_keys(key)
            texts.append(self.outputs(page)[1])
        self.assertEqual(texts[1], texts[3])
        self.assertEqual(len(set(texts)), 3)
        live = [
            each.get_attribute("aria-live")
            for each in page.find_elements("css selector", "output")
        ]
        self.assertEqual(live, ["off", "polite", "off", "off"])
        plot.send_keys(Keys.ESCAPE)
        self.assertEqual(self.outputs(page), ["", "", "", ""])

    def test_zone(self) -> None:
        """The page has the zone of the browser, unless UTC is chosen."""
        page = self.open("peer/peer1", zone="America/New_York")
        until(lambda: "zone=America%2FNew_York" in page.current_url)
        zone = page.find_element("css selector", "figcaption .zone").text
        self.assertTrue(zone.startswith("America/New_York (UTC-0"), zone)
        page.find_element("link text", "UTC").click()
        until(lambda: page.current_url.endswith("zone=UTC"))
        zone = page.find_element("css selector", "figcaption .zone").text
        self.assertEqual(zone, "UTC")
        page.get(f"{self.base}events")
        until(lambda: page.current_url.endswith("events?zone=America%2FNew_York"))
        self.assertEqual(page.complaints(), [])

    def test_renewal(self) -> None:
        """After a minute the parts of the page are new; the focus, the hover line and
        the place stay."""
        from selenium.webdriver.common.keys import Keys

        page = self.open("peer/peer1?range=24h")
        plot = self.figures(page)[2]
        page.execute_script("arguments[0].focus()", plot)
        plot.send_keys(Keys.HOME, Keys.ARROW_RIGHT)
        before = self.outputs(page)
        page.execute_script("scrollTo(0, 333); window.mark = 1")
        page.execute_script(LATER)
        until(lambda: self.figures(page)[2] != plot)
        self.assertEqual(self.outputs(page), before)
        script = "return [scrollY, document.activeElement, window.mark]"
        place, focused, mark = page.execute_script(script)
        self.assertEqual((place, mark), (333, 1))
        self.assertEqual(focused, self.figures(page)[2])
        self.assertEqual(page.complaints(), [])

    def test_late(self) -> None:
        """If the daemon does not answer, the page says since when it is old, and waits
        before it asks again."""
        page = self.open("peer/peer1?range=24h")
        page.execute_script(REFUSED)
        page.execute_script(LATER)
        live = page.find_element("id", "live")
        until(lambda: live.text.startswith("not renewed since "))
        page.execute_script(f"{LOOK};" * 3)
        self.assertEqual(page.execute_script("return asked"), 1)
        page.execute_script(LATER)
        until(lambda: page.execute_script("return asked") == 2)

    def test_sizes(self) -> None:
        """On a desk and on a phone, in light and in dark, the page is as wide as the
        window, its text can be read, and no labels overlap."""
        for width, height, isDark in (1280, 800, False), (390, 844, True):
            page = self.open(
                "peer/peer1?range=24h", width=width, height=height, isDark=isDark
            )
            for path in ("peer/peer1?range=1h", "peer/peer1?range=7d", "events"):
                wide = page.execute_script("return document.body.scrollWidth")
                self.assertLessEqual(wide, width, path)
                self.assertGreaterEqual(page.execute_script(SMALLEST), 11)
                self.assertEqual(page.execute_script(OVERLAPS), 0)
                page.get(self.base + path)
            self.assertEqual(page.complaints(), [])
