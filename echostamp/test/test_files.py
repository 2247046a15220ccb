"""Tests for L{echostamp.web.files}, and for what the files load."""

from __future__ import annotations

import re
import zlib

from twisted.trial.unittest import SynchronousTestCase

from echostamp.test.fakes import FakeReactor
from echostamp.test.webclients import WebClient
from echostamp.web.files import FOLDER, staticFiles
from echostamp.web.site import WebSite


class FileTests(SynchronousTestCase):
    """
    Tests for L{StaticFile <echostamp.web.files.StaticFile>}.
    """

    def setUp(self) -> None:
        """Make a site of files."""
        reactor = FakeReactor()
        self.client = WebClient(WebSite(reactor, staticFiles()), reactor)

    def test_types(self) -> None:
        """Each file is served, with its type."""
        for name, kind in (
            ("style.css", "text/css; charset=utf-8"),
            ("page.js", "text/javascript; charset=utf-8"),
            ("icon.svg", "image/svg+xml"),
        ):
            self.client.get(f"/static/{name}")
            found = self.client.answer()
            self.assertEqual((found.status, found.headers["content-type"]), (200, kind))
            self.assertEqual(found.body, (FOLDER / name).read_bytes())

    def test_nothingElse(self) -> None:
        """There is a path for each file of the folder, and no other."""
        expected = {f"/static/{each.name}".encode() for each in FOLDER.iterdir()}
        self.assertEqual(set(staticFiles()), expected)

    def test_keptByBrowsers(self) -> None:
        """A browser keeps a file, and does not get it again while it is the same."""
        for headers in [], ["Accept-Encoding: gzip"]:
            self.client.get("/static/style.css", *headers)
            found = self.client.answer()
            self.assertEqual(found.headers["cache-control"], "no-cache")
            etag = found.headers["etag"]
            self.client.get("/static/style.css", f"If-None-Match: {etag}", *headers)
            again = self.client.answer(hasBody=False)
            self.assertEqual((again.status, again.headers["etag"]), (304, etag))
            self.client.get("/static/style.css", 'If-None-Match: "other"', *headers)
            self.assertEqual(self.client.answer().body, found.body)

    def test_compressed(self) -> None:
        """It is compressed for those who ask, and then has another tag."""
        self.client.get("/static/page.js")
        plain = self.client.answer()
        self.client.get("/static/page.js", "Accept-Encoding: gzip")
        found = self.client.answer()
        self.assertEqual(found.headers["content-encoding"], "gzip")
        self.assertEqual(found.headers["vary"], "Accept-Encoding")
        self.assertLess(int(found.headers["content-length"]), len(plain.body))
        self.assertEqual(found.body, plain.body)
        self.assertNotEqual(found.headers["etag"], plain.headers["etag"])

    def test_head(self) -> None:
        """HEAD gets the headers of GET."""
        self.client.get("/static/page.js")
        expected = self.client.answer().headers
        self.client.get("/static/page.js", method="HEAD")
        self.assertEqual(self.client.answer(hasBody=False).headers, expected)

    def test_nothingFromElsewhere(self) -> None:
        """No file names another site."""
        for each in FOLDER.iterdir():
            text = each.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
            self.assertNotRegex(text, r"https?:|//[a-z]+\.|@import|url\(")

    def test_scriptIsStrict(self) -> None:
        """The scripts are strict, and evaluate no text."""
        for each in FOLDER.glob("*.js"):
            text = each.read_text("utf-8")
            self.assertIn('\n"use strict";\n', text)
            self.assertNotRegex(text, r"\beval\b|new Function|document\.write")


#: The pairs of a text's colour and what is behind it.
PAIRS = (
    *(("fg", each) for each in ("bg", "card")),
    *(("muted", each) for each in ("bg", "card")),
    *(("accent", each) for each in ("bg", "card")),
    *((each, "bg") for each in ("good", "warn", "bad", "unknown")),
    *((each, "card") for each in ("good", "warn", "bad", "unknown")),
    *(
        (f"{each}-ink", f"{each}-fill")
        for each in ("good", "warn", "bad", "down", "unknown", "paused")
    ),
)


def luminance(colour: str) -> float:
    """
    Give the relative luminance of a colour (WCAG 2.2).

    @param colour: as C{#rrggbb}.
    """
    parts = []
    for at in 1, 3, 5:
        part = int(colour[at : at + 2], 16) / 255
        parts.append(
            part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        )
    red, green, blue = parts
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """
    Give the contrast of two colours (WCAG 2.2).
    """
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


class StyleTests(SynchronousTestCase):
    """
    Tests for C{style.css}.
    """

    def themes(self) -> list[dict[str, str]]:
        """Give the colours by their names: the light ones, and the dark ones."""
        text = (FOLDER / "style.css").read_text("utf-8")
        found = re.findall(r":root \{(.*?)\}", text, re.DOTALL)
        self.assertEqual(len(found), 2)
        return [
            dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", each)) for each in found
        ]

    def test_contrast(self) -> None:
        """Each text has a contrast of 4.5 or more to what is behind it (WCAG AA), in
        the light and in the dark."""
        self.assertAlmostEqual(contrast("#000000", "#ffffff"), 21)
        for theme in self.themes():
            for ink, fill in PAIRS:
                found = contrast(theme[ink], theme[fill])
                self.assertGreaterEqual(found, 4.5, f"{ink} on {fill}")

    def test_everyPair(self) -> None:
        """Each rule that sets a colour and a background of ours sets one of these
        pairs."""
        text = (FOLDER / "style.css").read_text("utf-8")
        seen = 0
        for rule in re.findall(r"\{([^{}]*)\}", text):
            ink = re.search(r"(?:^|[;\s])color: var\(--([a-z-]+)\)", rule)
            fill = re.search(r"background: var\(--([a-z-]+)\)", rule)
            if ink and fill:
                seen += 1
                self.assertIn((ink[1], fill[1]), PAIRS)
        self.assertGreater(seen, 5)

    def test_bothThemes(self) -> None:
        """The dark theme has every colour of the light one."""
        light, dark = self.themes()
        self.assertEqual(light.keys(), dark.keys())

    def test_size(self) -> None:
        """All files together are small."""
        size = sum(len(zlib.compress(each.read_bytes())) for each in FOLDER.iterdir())
        self.assertLess(size, 20_000)
