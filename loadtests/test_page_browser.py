"""The matrix of 100 hosts: how long a daemon and a browser take to make it."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from statistics import median

from twisted.trial.unittest import TestCase

from echostamp.test.fakes import FakeReactor
from echostamp.web.encodings import zipped
from echostamp.web.matrixfilter import MatrixFilter
from echostamp.web.matrixpage import MatrixPage, WantedPage
from tests.browsers import Browser
from tests.harness import figure
from tests.matrixsites import MatrixSite, Mesh

#: How many hosts watch each other, and how often each thing is measured.
HOSTS, TIMES = 100, 5

#: Seconds of CPU that a page may take whose rows are known, and whose rows are all new;
#: that a step may take; that a browser may take.  A machine that is busy needs more
#: than a quiet one.
KNOWN, NEW, STEP, SHOWN = 0.02 * 4, 0.06 * 4, 0.005, 0.2 * 4

#: Puts the part that changes into the page, and measures that with style and layout.
_INSERT = """
const done = arguments[arguments.length - 1];
(async () => {
  const now = document.getElementById("now");
  const text = await (await fetch("?part=table")).text();
  const times = [];
  for (let each = 0; each < arguments[0]; each++) {
    now.replaceChildren();
    document.body.offsetHeight;
    await new Promise((resolve) => setTimeout(resolve, 50));
    const began = performance.now();
    now.innerHTML = text;
    document.body.offsetHeight;
    now.querySelector("tbody").getBoundingClientRect();
    times.push(performance.now() - began);
  }
  done([times, text.length, now.querySelectorAll("td").length]);
})();
"""

#: Lets the page's own script show what is new, and measures that likewise, from when
#: the text is there.
_UPDATE = """
const done = arguments[arguments.length - 1], count = arguments[0];
const now = document.getElementById("now");
const text = Response.prototype.text;
const times = [];
let began = 0;
Response.prototype.text = async function () {
  const found = await text.call(this);
  began = performance.now();
  return found;
};
now.addEventListener("updated", () => {
  document.body.offsetHeight;
  now.querySelector("tbody").getBoundingClientRect();
  times.push(performance.now() - began);
  if (times.length > count) {
    done(times.slice(1));
  } else {
    setTimeout(() => document.dispatchEvent(new Event("visibilitychange")), 1100);
  }
});
document.dispatchEvent(new Event("visibilitychange"));
"""


def spent(steps: Iterator[str] | Iterator[None]) -> tuple[list[float], str]:
    """
    Measure the CPU time of each step of a page.
    """
    times, pieces = [0.0], []
    began = time.thread_time()
    for each in steps:
        pieces.append(each or "")
        now = time.thread_time()
        times.append(now - began)
        began = now
    return times, "".join(pieces)


class ServerTests(TestCase):
    """
    How long the daemon takes.
    """

    def test_time(self) -> None:
        """A page takes little time, in small steps, and less if its rows are known."""
        mesh = Mesh(HOSTS, 0)
        page = MatrixPage(FakeReactor(), mesh, mesh)
        wanted = WantedPage(MatrixFilter())
        new: list[float] = []
        known: list[float] = []
        ready: list[float] = []
        longest, packing, preparing = [], [], []
        size = zippedSize = 0
        gc.collect()
        gc.freeze()
        self.addCleanup(gc.unfreeze)
        for _ in range(TIMES):
            for results, isPrepared in (new, False), (known, False), (ready, True):
                if results is not known:
                    mesh.renew(HOSTS)
                if isPrepared:
                    began = time.thread_time()
                    steps = [max(spent(page.prepare(row))[0]) for row in mesh.all[1:]]
                    preparing.append(time.thread_time() - began)
                    longest.append(max(steps))
                times, text = spent(page.pieces(wanted))
                results.append(sum(times))
                longest.append(max(times))
            began = time.thread_time()
            chunks = [*zipped([text.encode()])]
            packing.append(time.thread_time() - began)
            size, zippedSize = len(text.encode()), sum(map(len, chunks))
        figure(
            f"the matrix of {HOSTS} hosts: {size} octets, {zippedSize} compressed; "
            f"{median(known) * 1000:.0f} ms of CPU, {median(ready) * 1000:.0f} ms if "
            f"all rows are new, and {median(preparing) * 1000:.0f} ms before when they "
            f"are read; {median(new) * 1000:.0f} ms if somebody asks for the first "
            f"time, {median(packing) * 1000:.0f} ms to compress; the longest "
            f"step {median(longest) * 1000:.1f} ms"
        )
        self.assertLess(median(known), KNOWN)
        self.assertLess(median(ready), KNOWN)
        self.assertLess(median(new), NEW)
        self.assertLess(median(longest), STEP)


class BrowserTests(TestCase):
    """
    How long a browser takes.
    """

    def test_time(self) -> None:
        """A browser shows the matrix, and what is new in all of its rows, in little
        time, with style and layout."""
        port = MatrixSite(self, HOSTS, HOSTS).port
        chromium = Browser(self)
        chromium.get(f"http://127.0.0.1:{port}/")
        inserted, size, cells = chromium.execute_async_script(_INSERT, TIMES)
        updated = chromium.execute_async_script(_UPDATE, TIMES)
        figure(
            f"the matrix of {HOSTS} hosts in a browser: {size} characters, {cells} "
            f"cells inserted in {median(inserted):.0f} ms and updated in "
            f"{median(updated):.0f} ms, with style and layout"
        )
        self.assertEqual(cells, HOSTS * (HOSTS + 1))
        self.assertEqual(chromium.complaints(), [])
        self.assertLess(median(inserted), SHOWN * 1000)
        self.assertLess(median(updated), SHOWN * 1000)
