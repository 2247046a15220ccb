"""Tests for L{echostamp.web.matrixfilter}."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http import parse_qs

from echostamp.test.webrows import mesh, path, source
from echostamp.web.matrixfilter import (
    Figure,
    MatrixFilter,
    labelsOf,
    naturally,
)

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20).map(str.strip)


class FilterTests(SynchronousTestCase):
    """
    Tests for L{MatrixFilter}.
    """

    @given(TEXTS, TEXTS, TEXTS, st.booleans(), st.sampled_from(Figure))
    def test_url(
        self, source: str, target: str, label: str, onlyBad: bool, figure: Figure
    ) -> None:
        """A filter is in the URL, and read from it again."""
        wanted = MatrixFilter(source, target, label, onlyBad, figure)
        args = parse_qs(wanted.query().encode(), keep_blank_values=1)
        self.assertEqual(MatrixFilter.of(args), wanted)

    def test_usual(self) -> None:
        """Without parameters all is shown, and with ones that cannot be read."""
        self.assertEqual(MatrixFilter.of({}), MatrixFilter())
        odd = {b"show": [b"all<"], b"bad": [b"0"], b"x": [b"y"], b"source": [b" "]}
        self.assertEqual(MatrixFilter.of(odd), MatrixFilter())
        self.assertEqual(MatrixFilter().query(), "")
        self.assertEqual(MatrixFilter.of({b"source": [b"\xff"]}).source, "\ufffd")
        self.assertLess(len(MatrixFilter.of({b"label": [b"x" * 9999]}).label), 300)

    def test_names(self) -> None:
        """A part of a name finds it, in any case."""
        rows = mesh(["fra1", "AMS10", "ams2"])
        wanted = MatrixFilter(source="ms", target="RA")
        self.assertEqual(
            [each.source for each in wanted.sources(rows)], ["ams2", "AMS10"]
        )
        self.assertEqual(wanted.targets(rows), ["fra1"])

    def test_labels(self) -> None:
        """A label finds the targets that have it."""
        rows = [
            source("hub", path("a", labels={"site": "x=1"}), path("b", labels={})),
            source("hub2", path("c", labels={"rack": "x"})),
        ]
        self.assertEqual(MatrixFilter(label="site=x=1").targets(rows), ["a"])
        self.assertEqual(MatrixFilter(label="site=x").targets(rows), [])
        self.assertEqual(MatrixFilter(label="site").targets(rows), ["a", "b", "c"])
        self.assertEqual(labelsOf(rows), ["rack=x", "site=x=1"])

    def test_order(self) -> None:
        """Targets are in the order that a person expects."""
        names = [
            "ams10",
            "ams2",
            "AMS1",
            "ams2b",
            "fra",
            "10",
            "9",
            "é",
            "a/192.0.2.10",
        ]
        row = source("hub", *map(path, names))
        self.assertEqual(
            MatrixFilter().targets([row]),
            ["9", "10", "a/192.0.2.10", "AMS1", "ams2", "ams2b", "ams10", "fra", "é"],
        )

    @given(st.text())
    def test_anyName(self, name: str) -> None:
        """Any name can be sorted, however long its numbers are."""
        self.assertLessEqual(naturally(name), naturally(f"{name}0"))
        self.assertLess(naturally("9" * 5000), naturally("1" + "0" * 5000))
