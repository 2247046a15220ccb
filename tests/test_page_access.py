"""
Acceptance tests of who can use the pages: with a screen reader, with a keyboard, on a
phone, with poor sight.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.browsers import Browser
from tests.contrasts import contrast, drawnContrasts, textContrasts
from tests.harness import figure, until
from tests.meshes import DEAD
from tests.pagecases import HOSTS, OTHERS, PagesCase

#: The sizes of a small laptop and of a phone, in pixels.
LAPTOP, PHONE = (1280, 800), (390, 844)

#: The pages.
PATHS = "", f"peer/{OTHERS[0]}?range=24h&zone=UTC", f"peer/{DEAD}?zone=UTC", "events"

#: What must have a name for those who cannot see it.
NAMED = {
    *("link", "button", "textbox", "searchbox", "combobox", "checkbox", "image"),
    *("columnheader", "rowheader", "table", "group", "region", "navigation"),
}

#: Gives each element that a keyboard should reach a number, and says how many.
_NUMBER = """
const found = [...document.querySelectorAll(
  "a[href], button, input, select, [tabindex='0']")].filter(
  (each) => each.checkVisibility({visibilityProperty: true}) && each.type !== "hidden");
found.forEach((each, number) => { each.dataset.number = number; });
return found.length;
"""

#: Gives the number of the element that has the focus, and whether that shows; nothing
#: for the page as a whole.
_FOCUSED = """
const element = document.activeElement;
if (element === document.body || element === null) return null;
const style = getComputedStyle(element);
return [Number(element.dataset.number),
  style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0];
"""


class Node(NamedTuple):
    """
    What a screen reader is told of a part of a page.

    @ivar role: what it is.
    @ivar name: its name.
    @ivar children: what is in it.
    """

    role: str
    name: str
    children: tuple[Node, ...]

    def all(self, *roles: str) -> list[Node]:
        """
        Give it and what is in it, as far as it has one of these roles.
        """
        found = [self] if self.role in roles else []
        for each in self.children:
            found += each.all(*roles)
        return found


def tree(browser: Browser) -> Node:
    """
    Read what a screen reader is told of a page.
    """
    found = browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    known = {each["nodeId"]: each for each in found}

    def node(one: Any) -> Node:
        children = tuple(node(known[each]) for each in one["childIds"] if each in known)
        role = "" if one["ignored"] else one["role"]["value"]
        return Node(role, one.get("name", {}).get("value", ""), children)

    return node(found[0])


class AccessTests(PagesCase):
    """
    Tests of all pages.
    """

    def setUp(self) -> None:
        """Open the matrix with all rows."""
        super().setUp()
        self.browser = self.browse()
        self.wait(self.browser)

    def test_screenReader(self) -> None:
        """The matrix is a table whose rows and columns have names; all that can be used
        has one, too."""
        (table,) = tree(self.browser).all("table")
        self.assertEqual(
            table.name, "Each path in the last minute: sources and targets"
        )
        head, *rows = table.all("row")
        names = [each.name.split()[0] for each in head.all("columnheader")]
        first = [row.all("rowheader")[0].name for row in rows]
        # The table is turned where there are more targets than sources.
        self.assertEqual(names, ["target", "in", *HOSTS])
        self.assertEqual(first, [*HOSTS, DEAD])
        for row, target in zip(rows, first, strict=True):
            cells = row.all("cell")
            self.assertEqual(len(cells) + len(row.all("rowheader")), len(names))
            for cell, source in zip(cells[1:], HOSTS, strict=True):
                if source != target:
                    (link,) = cell.all("link")
                    self.assertTrue(cell.name, (source, target))
                    self.assertTrue(link.name, (source, target))
        for path in PATHS:
            self.browser.get(self.url + path)
            page = tree(self.browser)
            self.assertNotEqual(page.name, "")
            self.assertEqual(len(page.all("heading")[0].name.split()), 1)
            self.assertEqual(len(page.all("main")), 1)
            for node in page.all(*NAMED):
                self.assertNotEqual(node.name.strip(), "", (path, node.role))
        self.assertEqual(self.browser.complaints(), [])

    def test_keyboard(self) -> None:
        """The tabulator reaches all links, fields and plots, one after the other, and
        shows where it is; keys move the line of the plots."""
        for path in PATHS:
            self.browser.get(self.url + path)
            count = self.browser.execute_script(_NUMBER)
            reached: list[int] = []
            while len(reached) <= count:
                self.browser.switch_to.active_element.send_keys(Keys.TAB)
                focused = self.browser.execute_script(_FOCUSED)
                if focused is None:
                    break
                number, isShown = focused
                self.assertTrue(isShown, (path, number))
                reached.append(number)
            self.assertEqual(reached, [*range(count)], path)
        self.browser.get(self.url + PATHS[1])
        plot = self.browser.find_element(By.CSS_SELECTOR, "figure.plot")
        plot.send_keys(Keys.END)
        output = plot.find_element(By.TAG_NAME, "output")
        last = until(lambda: output.text)
        self.assertIn("median", last)
        plot.send_keys(Keys.ARROW_LEFT)
        self.assertNotEqual(output.text, last)
        self.assertEqual(self.browser.complaints(), [])

    def test_contrast(self) -> None:
        """Each text has enough contrast, in light and in dark, on a laptop and on a
        phone; so has what the plots draw."""
        black, white, grey = ((each, each, each, 1.0) for each in (0, 255, 118))
        self.assertAlmostEqual(contrast(black, white), 21)
        self.assertAlmostEqual(contrast(grey, white), 4.54, 2)
        least: dict[str, Any] = {}
        for path in PATHS:
            for size in LAPTOP, PHONE:
                for isDark in False, True:
                    self.browser.look(*size, isDark=isDark)
                    self.browser.get(self.url + path)
                    texts = textContrasts(self.browser)
                    drawn = drawnContrasts(self.browser, "median", "loss", "verdict")
                    self.assertGreater(len(texts), 20)
                    scheme = "dark" if isDark else "light"
                    for kind, found in ("text", texts), ("drawn", drawn):
                        low = [each for each in found if each.ratio < each.least]
                        self.assertEqual(low, [], (path, size, scheme))
                        key = f"{kind}, {scheme}"
                        values = [*found, *filter(None, [least.get(key)])]
                        least[key] = min(values, default=None)
        figures = ", ".join(f"{key} {each.ratio:.2f}" for key, each in least.items())
        figure(f"least contrast of the pages: {figures}")

    def test_widths(self) -> None:
        """No page is wider than the screen, and no text is too small, whatever the
        screen."""
        for path in PATHS:
            for size in LAPTOP, PHONE, (320, 568):
                self.browser.look(*size)
                self.browser.get(self.url + path)
                wide, small = self.browser.execute_script(
                    "const root = document.documentElement;"
                    "const sizes = [...document.querySelectorAll('body *')]"
                    ".filter((each) => each.checkVisibility() && [...each.childNodes]"
                    ".some((one) => one.nodeType === 3 && one.data.trim()))"
                    ".map((each) => parseFloat(getComputedStyle(each).fontSize))"
                    ".filter((each) => each > 0);"
                    "return [root.scrollWidth - root.clientWidth, Math.min(...sizes)];"
                )
                self.assertEqual(wide, 0, (path, size))
                self.assertGreaterEqual(small, 11, (path, size))
        self.assertEqual(self.browser.complaints(), [])
