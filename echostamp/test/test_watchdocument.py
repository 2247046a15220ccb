"""Tests for L{echostamp.client.watchdocument} and C{docs/watch.schema.json}."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SkipTest, SynchronousTestCase

import echostamp
from echostamp.client.watchdocument import document
from echostamp.measure.result import Result
from echostamp.report.document import withStrings
from echostamp.test.documents import validator
from echostamp.test.snapshots import NOW, fullPeer, minute, newPeer
from echostamp.times import SECOND

DOCS = Path(echostamp.__file__).parents[1] / "docs"


def schema(name: str) -> Any:
    """
    Read a schema.

    @raise SkipTest: the package is installed without it.
    """
    try:
        return json.loads((DOCS / name).read_text("utf-8"))
    except FileNotFoundError:
        raise SkipTest("no docs here") from None


class DocumentTests(SynchronousTestCase):
    """
    Tests for the lines of JSON.
    """

    def documents(self) -> list[dict[str, Any]]:
        """Give documents of targets of which everything is known, and nothing."""
        full = replace(
            fullPeer(),
            window=minute(),
            exceeded=(("max-loss", "too many"),),
        )
        empty = replace(newPeer(), window=Result())
        return [
            document(each, 60 * SECOND, isLast)
            for each in (full, newPeer(), empty)
            for isLast in (True, False)
        ]

    def test_valid(self) -> None:
        """Each document is valid by the schema, with strings for integers too."""
        check = validator(name="watch.schema.json")
        for found in self.documents():
            check.validate(found)
            check.validate(withStrings(found))

    def test_strict(self) -> None:
        """The schema allows no other field, and requires each."""
        check = validator(name="watch.schema.json")
        found = self.documents()[0]
        self.assertFalse(check.is_valid({**found, "more": 1}))
        for name in found:
            less = {key: value for key, value in found.items() if key != name}
            self.assertFalse(check.is_valid(less), name)

    def test_sameAsPing(self) -> None:
        """The figures, and what they are made of, are those of C{ping}."""
        ours, pings = schema("watch.schema.json"), schema("ping.schema.json")
        figures = ours["$defs"]["stats"]["properties"]
        self.assertLessEqual({"rtt", "lost", "offset", "duration"}, set(figures))
        for name, found in figures.items():
            if name != "duration":
                same = pings["$defs"]["stats"]["properties"][name]
                self.assertEqual(found, same, name)
        for name in set(ours["$defs"]) - {"stats", "totals"}:
            self.assertEqual(ours["$defs"][name], pings["$defs"][name], name)

    def test_fields(self) -> None:
        """A document names the target, its state, its window and its counters."""
        found = self.documents()[0]
        self.assertEqual(
            {name: found[name] for name in ("target", "time", "window", "last", "up")},
            {
                "target": "ams/4",
                "time": NOW,
                "window": 60 * SECOND,
                "last": True,
                "up": True,
            },
        )
        self.assertEqual(found["exceeded"], {"max_loss": "too many"})
        self.assertEqual(found["stats"]["received"], 60)
        self.assertEqual(found["stats"]["offset"]["low"], -12_500_000)

    def test_addsUp(self) -> None:
        """The counters add up."""
        for each in self.documents():
            total = each["totals"]
            ways = ("forward", "backward", "unknown")
            lost = sum(total[f"lost_{way}"] for way in ways)
            known = total["received"] + lost + total["under_way"]
            self.assertEqual(total["sent"], known)

    def test_unknown(self) -> None:
        """What is not known is null."""
        found = self.documents()[2]
        for name in "address", "up", "since", "stats":
            self.assertIsNone(found[name])
        self.assertIs(found["resolved"], False)
