"""The matrix in a real browser: what its script changes, and what it leaves alone."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import TestCase

from tests.browsers import Browser
from tests.harness import until
from tests.matrixsites import MatrixSite

#: Asks for what is new now, as when a page becomes visible.
_LOOK = 'document.dispatchEvent(new Event("visibilitychange"));'

#: The same, and waits until it is shown.
_SEE = (
    "const done = arguments[arguments.length - 1];"
    'document.getElementById("now").addEventListener("updated", () => done(),'
    f" {{once: true}}); {_LOOK}"
)

#: Gives each row a mark.
_MARK = """
for (const row of document.querySelectorAll("tbody tr")) { row.isOld = true; }
"""

#: Gives the rows that have no mark.
_NEW = """
return [...document.querySelectorAll("tbody tr")].filter((row) => !row.isOld)
  .map((row) => row.dataset.key);
"""


class ScriptTests(TestCase):
    """
    Tests for C{static/page.js}.
    """

    def start(self, hosts: int = 30, query: str = "", **options: Any) -> Any:
        """Show the matrix of hosts, of which the first one's figures change."""
        self.site = MatrixSite(self, hosts, 1)
        found = Browser(self)
        found.look(**options)
        self.address = f"http://127.0.0.1:{self.site.port}/"
        found.get(self.address + query)
        return found

    def see(self, found: Any) -> None:
        """Wait until a page shows what is new, more than a second after the last."""
        until(lambda: found.execute_script("return performance.now() > 1100;"))
        found.execute_async_script(_SEE)

    def live(self, found: Any) -> str:
        """Give what the page says of its age."""
        return str(
            found.execute_script('return document.getElementById("live").innerText;')
        )

    def test_onlyWhatHasChanged(self) -> None:
        """Rows that have changed are replaced, and no others."""
        found = self.start()
        self.see(found)
        found.execute_script(_MARK)
        before = found.execute_script(
            "const [row] = document.querySelectorAll('tbody tr'); return row.innerHTML;"
        )

        def changed() -> Any:
            found.execute_async_script(_SEE)
            return found.execute_script(_NEW)

        self.assertEqual(until(changed), ["row site0-host0"])
        after = found.execute_script(
            "const [row] = document.querySelectorAll('tbody tr'); return row.innerHTML;"
        )
        self.assertNotEqual(before, after)
        self.assertEqual(found.complaints(), [])

    def test_soon(self) -> None:
        """What other daemons say once somebody looks is shown soon, then every ten
        seconds."""
        found = self.start(hosts=3)
        asked = (
            "return performance.getEntriesByType('resource').map((each) =>"
            " each.name.includes('part=table') ? each.startTime : 0).filter(Boolean);"
        )
        first = until(lambda: found.execute_script(asked))[0]
        self.assertLess(first, 5000)
        self.assertGreater(first, 1000)
        second = until(lambda: found.execute_script(asked)[1:])[0]
        self.assertGreater(second - first, 9000)

    def test_focusAndScroll(self) -> None:
        """The focus and the place to which the matrix was scrolled stay."""
        found = self.start()
        found.execute_script(
            "const scrolled = document.querySelector('.scroll');"
            "scrolled.scrollLeft = 90;"
            "document.querySelectorAll('tbody tr')[0].querySelectorAll('a')[5].focus();"
            "scrolled.scrollTop = 70;"
        )
        state = (
            "const scrolled = document.querySelector('.scroll');"
            "return [scrolled.scrollLeft, scrolled.scrollTop,"
            " document.activeElement.getAttribute('href')];"
        )
        before = found.execute_script(state)
        self.assertEqual(before[2], "peer/site0-host6")
        # The first time the whole table is replaced, then a row.
        for _ in range(2):
            self.see(found)
            self.assertEqual(found.execute_script(state), before)

    def test_arrows(self) -> None:
        """Arrow keys move from cell to cell, over those without a path, and the cell is
        in sight below the headings."""
        from selenium.webdriver import ActionChains

        found = self.start()
        where = (
            "const cell = document.activeElement.closest('td');"
            "return [cell.parentElement.rowIndex, cell.cellIndex];"
        )
        found.execute_script(
            "document.querySelectorAll('tbody tr')[0].querySelector('a').focus();"
        )
        # The row of headings, the name and the total of a row, and an empty cell.
        self.assertEqual(found.execute_script(where), [1, 3])

        def press(*keys: str) -> Any:
            for each in keys:
                # An element may be replaced before it gets the key.
                ActionChains(found).send_keys(each).perform()
            return found.execute_script(where)

        up, down, left, right = "\ue013", "\ue015", "\ue012", "\ue014"
        self.assertEqual(press(right), [1, 4])
        self.assertEqual(press(up), [1, 4])
        self.assertEqual(press(left, left), [1, 3])
        self.assertEqual(press(down), [3, 3])
        self.assertEqual(press(*[down] * 20), [23, 3])
        self.assertEqual(press(*[up] * 20), [3, 3])
        hidden = (
            "const head = document.querySelector('thead').getBoundingClientRect();"
            "const cell = document.activeElement.getBoundingClientRect();"
            "return head.bottom - cell.top;"
        )
        self.assertLess(found.execute_script(hidden), 1)
        self.assertEqual(found.complaints(), [])

    def test_lost(self) -> None:
        """When the daemon cannot be reached the page says so, and since when, until it
        can be reached again."""
        found = self.start()
        self.assertRegex(self.live(found), r"^Updated \d\d:\d\d:\d\d UTC$")
        self.site.stop()
        found.execute_script(_LOOK)
        until(lambda: "does not answer" in self.live(found))
        self.assertRegex(self.live(found), r"from \d\d:\d\d:\d\d UTC, \d+ s ago$")
        role = "return document.getElementById('live').getAttribute('role');"
        self.assertEqual(found.execute_script(role), "alert")
        # What counts on is not read out each second.
        read = (
            "const live = document.getElementById('live').cloneNode(true);"
            "live.querySelectorAll('[aria-hidden]').forEach((each) => each.remove());"
            "return live.textContent;"
        )
        self.assertRegex(found.execute_script(read), r"from \d\d:\d\d:\d\d UTC$")
        self.site.start()
        found.execute_async_script(_SEE)
        until(lambda: self.live(found).startswith("Updated"))
        self.assertIsNone(found.execute_script(role))

    def test_filter(self) -> None:
        """A choice is shown at once, is in the URL, and stays when figures change."""
        found = self.start(query="?target=host1")
        found.execute_script(
            "const field = document.querySelector('[name=show]');"
            "field.value = 'rtt';"
            "field.dispatchEvent(new Event('change', {bubbles: true}));"
        )
        until(lambda: "show=rtt" in found.current_url)
        self.assertIn("target=host1", found.current_url)
        heads = "return [...document.querySelectorAll('th[scope=row]')].length;"
        until(lambda: found.execute_script("return document.readyState;") == "complete")
        count = found.execute_script(heads)
        self.assertEqual(count, 30)
        self.see(found)
        columns = "return [...document.querySelectorAll('th[scope=col] > b')].length;"
        self.assertEqual(found.execute_script(columns), 3)
        self.assertEqual(found.complaints(), [])

    def test_withoutAScript(self) -> None:
        """Without a script the page has the matrix, and is read again by itself."""
        found = self.start(hosts=3)
        found.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
        found.get(self.address)
        source = found.page_source
        self.assertIn('http-equiv="refresh"', source)
        self.assertEqual(source.count('role="rowheader"'), 3)

    def test_phone(self) -> None:
        """On a phone the page is as wide as the screen; only the matrix scrolls."""
        found = self.start(width=390, height=844)
        width = "return document.documentElement.scrollWidth;"
        self.assertEqual(found.execute_script(width), 390)
        self.assertGreater(
            found.execute_script(
                "return document.querySelector('.scroll').scrollWidth;"
            ),
            390,
        )

    def test_twoHosts(self) -> None:
        """Two hosts fit a window of 900 pixels: nothing has to be scrolled sideways."""
        found = self.start(hosts=2, width=900)
        beyond = (
            "const scrolled = document.querySelector('.scroll');"
            "return scrolled.scrollWidth - scrolled.clientWidth;"
        )
        self.assertEqual(found.execute_script(beyond), 0)

    def test_wholeFigures(self) -> None:
        """A cell has room for three figures that are all bad; a longer one is cut with
        dots."""
        found = self.start(hosts=6)
        cut = (
            "const cells = [...document.querySelectorAll('tbody td:not(.total) a')]"
            "  .filter((each) => each.children.length === 3);"
            "return cells.map((cell) => {"
            "  arguments[0].forEach((text, place) => {"
            "    cell.children[place].innerHTML = `<b>◆</b> ${text}`; });"
            "  const end = cell.getBoundingClientRect().right + 0.5;"
            "  return [...cell.children].map((each) =>"
            "    each.scrollWidth > each.clientWidth"
            "    || each.getBoundingClientRect().right > end);"
            "});"
        )
        whole = found.execute_script(cut, ["99.9 %", "66.8 ms", "+66.8 ms"])
        self.assertEqual((len(whole), {*map(any, whole)}), (30, {False}))
        long = found.execute_script(cut, ["99.9 %", "66.8 ms", "+1234567890123 s"])
        self.assertEqual({*map(tuple, long)}, {(False, False, True)})
        shown = found.execute_script(
            "const last = document.querySelector('tbody td:not(.total) a').lastChild;"
            "return getComputedStyle(last).textOverflow;"
        )
        self.assertEqual(shown, "ellipsis")

    def test_wholeNames(self) -> None:
        """With few columns there is room for long names."""
        found = self.start(hosts=3)
        cut = (
            "return [...document.querySelectorAll('th[scope=row]')].map((head) => {"
            "  head.firstChild.textContent = 'edge-017.region-4.long-operator.net';"
            "  return head.scrollWidth > head.clientWidth; });"
        )
        self.assertEqual(found.execute_script(cut), [False] * 3)

    def test_headsStay(self) -> None:
        """Headings stay in sight when the matrix is scrolled."""
        found = self.start()
        moved = found.execute_script(
            "const scrolled = document.querySelector('.scroll');"
            "scrolled.scrollTo(200, 200);"
            "const place = scrolled.getBoundingClientRect();"
            "const head = document.querySelector('thead').getBoundingClientRect();"
            "const row = [...document.querySelectorAll('th[scope=row]')][12]"
            "  .getBoundingClientRect();"
            "return [scrolled.scrollTop, head.top - place.top, row.left - place.left];"
        )
        self.assertGreater(moved[0], 0)
        self.assertLess(abs(moved[1]), 2)
        self.assertLess(abs(moved[2]), 2)
