#!/usr/bin/env python3
"""
Make the pictures of the web pages: C{python docs/draw_page.py} writes
C{docs/page-light.png}, C{docs/page-dark.png} and C{docs/page-room.png}.

Four daemons watch each other in network namespaces, and a peer that nobody is.  One
path loses packets, and one clock is wrong.  A real browser shows the pages.  What the
plots show is made up.  Ann joins another daemon's room by a browser, Bob by C{nc}.

It needs root, Debian's packages chromium, chromium-driver, nftables and netcat-openbsd,
and what the extras C{test} and C{dev} bring.
"""

from __future__ import annotations

import time
from io import BytesIO
from pathlib import Path

from drawing import DOCS, Drawing
from PIL import Image

from echostamp.times import MILLISECOND
from tests.browsers import Browser
from tests.harness import Daemon, freePort, tool, until
from tests.matrices import seen
from tests.meshes import DEAD, NOWHERE, REFLECTOR, Mesh
from tests.namespaces import ROUTER
from tests.pasts import Past, fillPast
from tests.roomvisitors import Program, Room

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

#: The width of the room, and its height.
NARROW, SMALL = 800, 380


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


def drawRoom(drawing: Drawing) -> None:
    """
    Take the picture of the room.
    """
    web = freePort()
    options = "--intercom", "--utc", f"--web=127.0.0.1:{web}"
    daemon = Daemon(drawing, "--port=0", *options)
    until(lambda: "serving web pages" in daemon.log())
    ann = Room(drawing, web, "ann", width=NARROW, height=SMALL)
    nc = tool("nc", "netcat-openbsd")
    bob = Program(drawing, nc, "127.0.0.1", str(daemon.port))
    bob.type("/name bob\n")
    ann.hears("notice", "*", "bob joined")
    ann.type("Is the backup of the night complete?\n")
    bob.hears("<ann> Is the backup of the night complete?")
    answer = "Since 4 o'clock. A tag like <b> is text here."
    bob.type(f"{answer}\n")
    ann.hears("other", "bob", answer)
    ann.type("/who\n")
    until(lambda: sum(" since " in text for *_, text in ann.lines()) == 2)
    ann.type("Thanks")
    write("page-room.png", ann.browser)


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
        drawRoom(drawing)


if __name__ == "__main__":
    main()
