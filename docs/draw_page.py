#!/usr/bin/env python3
"""
Make the pictures of the status page: C{python docs/draw_page.py} writes
C{docs/page-light.png} and C{docs/page-dark.png}.

Four daemons watch each other in network namespaces, and a peer that nobody is.  One
path loses packets, and one clock is wrong.  A real browser shows the pages.  What the
plots show is made up.  It needs root, Debian's packages chromium, chromium-driver and
nftables, and what the extras C{test} and C{dev} bring.
"""

from __future__ import annotations

import time
from io import BytesIO
from pathlib import Path

from drawing import DOCS, Drawing
from PIL import Image

from echostamp.times import MILLISECOND
from tests.browsers import Browser
from tests.harness import until
from tests.matrices import seen
from tests.meshes import DEAD, NOWHERE, REFLECTOR, Mesh
from tests.namespaces import ROUTER
from tests.pasts import Past, fillPast

#: The daemons: that whose pages are shown; that whose packets to the third are lost;
#: that whose clock is wrong; another one.
HOSTS = SHOWN, LOSSY, FAST, _ = "ams", "fra", "lon", "nyc"

#: How far the clock is ahead, in seconds.
AHEAD = 0.05

#: For how long the daemons watch before the pictures are taken, in seconds.
WATCHED = 70

#: The heights of the pictures, in pixels: of the matrix without its legend, and of the
#: plots.
LOW, TALL = 480, 1050


def mesh(drawing: Drawing) -> Mesh:
    """
    Start the daemons, and what is wrong.
    """
    histories = Path(drawing.mktemp())
    histories.mkdir()
    for name in HOSTS:
        pasts = [
            Past(each, MILLISECOND, 2 * MILLISECOND)
            for each in (*HOSTS, DEAD)
            if each != name
        ]
        fillPast(histories / name, int(time.time()), pasts)
    found = Mesh(drawing, *HOSTS, histories=histories)
    found.watch(**{DEAD: f"stamp:{NOWHERE}"})
    for way in "dport", "sport":
        found.net.drop(LOSSY, FAST, f"udp {way} {REFLECTOR}", 10)
    found.clocks[FAST].set(AHEAD)
    return found


def write(name: str, browser: Browser) -> None:
    """
    Write what a browser shows: few colours make the file small.
    """
    picture = Image.open(BytesIO(browser.picture())).convert("RGB")
    few = picture.quantize(method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(DOCS / name, optimize=True)


def main() -> None:
    """
    Take the pictures.
    """
    with Drawing() as drawing:
        began = time.monotonic()
        found = mesh(drawing)
        browser = Browser(drawing, found.net.commands[ROUTER])
        browser.look(height=LOW)
        browser.get(found.url(SHOWN))

        def isReady() -> bool:
            cells = seen(browser).cells
            isBad = all(map(cells[LOSSY, FAST].isBad, ("loss", "clock")))
            # RTTs on a busy machine are warnings.
            isCalm = all(each.level != "w" for each in cells.values())
            return isBad and isCalm and time.monotonic() > began + WATCHED

        until(isReady, 3 * WATCHED)
        write("page-light.png", browser)
        browser.look(height=TALL, isDark=True)
        browser.get(f"{found.url(SHOWN)}peer/{FAST}?range=24h&zone=UTC")
        write("page-dark.png", browser)


if __name__ == "__main__":
    main()
