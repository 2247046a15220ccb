"""Tests that C{docs/metrics.rst} agrees with the program."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

import echostamp
from echostamp.measure.verdicts import VERDICTS
from echostamp.monitor.event import Kind
from echostamp.monitor.exposition import Exposition
from echostamp.monitor.metricformats import Format
from echostamp.monitor.metricnames import FAMILIES, QUANTILES
from echostamp.monitor.peer import Limits
from echostamp.monitor.snapshot import PeerSnapshot
from echostamp.monitor.tally import Direction, Skip
from echostamp.test.snapshots import fullPeer

PAGE = Path(echostamp.__file__).parents[1] / "docs" / "metrics.rst"


def page() -> str:
    """
    Read the page.

    @raise SkipTest: the package is installed without it.
    """
    try:
        return PAGE.read_text("utf-8")
    except FileNotFoundError:
        raise SkipTest("no docs here") from None


def listed(text: str) -> list[list[str]]:
    """
    Give the cells of each row of the list-tables, without the rows of headings.
    """
    rows: list[list[str]] = []
    for line in text.splitlines():
        if line.startswith("   * -"):
            rows.append([])
        if found := re.fullmatch(r"   [* ] -(?: (.*))?", line):
            rows[-1].append(found[1] or "")
        elif rows and re.match(r"       \S", line):
            rows[-1][-1] += f" {line.strip()}"
    return [row for row in rows if row[0] != "Name"]


def seriesOf(peer: PeerSnapshot) -> int:
    """
    Count the series of a peer.
    """
    exposition = Exposition(Format.TEXT)
    exposition.add(peer)
    lines = b"".join(exposition.chunks()).splitlines()
    return sum(not line.startswith(b"#") for line in lines)


class PageTests(SynchronousTestCase):
    """
    Tests for the page against the table of metrics and the encoder.
    """

    def test_tables(self) -> None:
        """The page lists each metric, in order, with its type, unit, labels and
        meaning, and no other."""
        found = listed(page())
        expected = [
            [
                f"``{family.name}``",
                family.type.value,
                family.unit,
                ", ".join(f"``{each}``" for each in family.labels),
                family.meaning,
            ]
            for family in FAMILIES
        ]
        self.assertEqual(len(found), len(expected))
        for one, other in zip(found, expected, strict=True):
            self.assertEqual(one, other)

    def test_values(self) -> None:
        """The page has each value of a label that has a fixed number of them."""
        text = page()
        for each in (*Skip, *Direction, *Kind):
            self.assertIn(f"``{each.value}``", text)
        for verdict in VERDICTS:
            self.assertIn(f"``{verdict}``", text)
        for quantile in QUANTILES:
            self.assertIn(quantile, text)

    def test_numberOfSeries(self) -> None:
        """A peer has as many series as the page says, and the parts add up."""
        _, _, part = page().partition("The number of series\n====")
        counts = list(map(int, re.findall(r"^\w.* {3,}(\d+)$", part, re.MULTILINE)))
        everything = replace(fullPeer(), flows=())
        self.assertEqual(counts[-1], seriesOf(everything))
        self.assertEqual(sum(counts[:-1]), counts[-1])
        flows = len(fullPeer().flows)
        self.assertEqual(seriesOf(fullPeer()), counts[-1] + 2 + 2 * flows)
        peer = replace(everything.peer, limits=Limits())
        stamp = replace(everything, peer=peer, certificateEnd=None)
        self.assertIn(f"STAMP peer without limits has {seriesOf(stamp)}.", page())
        line = replace(stamp, residence=None, hopsForward=None, hopsBackward=None)
        self.assertIn(f"line protocol has {seriesOf(line)},", page())
