"""The files for Prometheus and Grafana in C{deploy} use the metrics that there are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

import echostamp
from echostamp.monitor import metricnames

DEPLOY = Path(echostamp.__file__).parents[1] / "deploy"


class NameTests(SynchronousTestCase):
    """
    The names of metrics in the files.
    """

    def setUp(self) -> None:
        """Read the files."""
        if not DEPLOY.exists():
            raise SkipTest("no source tree here")
        self.rules, self.alerts, self.dashboard = (
            (DEPLOY / each).read_text("utf-8")
            for each in (
                "prometheus/rules.yml",
                "prometheus/alerts.yml",
                "grafana/echostamp.json",
            )
        )

    def test_names(self) -> None:
        """Each name is one of the table's, perhaps with the suffix of a histogram."""
        names = {family.name for family in metricnames.FAMILIES}
        for text in self.rules, self.alerts, self.dashboard:
            used = set(re.findall(r"(?<!:)\bechostamp_\w+", text))
            self.assertGreater(len(used), 4)
            unknown = {name.removesuffix("_bucket") for name in used} - names
            self.assertEqual(unknown, set())

    def test_recorded(self) -> None:
        """The alerts and the dashboard use rules that there are."""
        recorded = set(re.findall(r"record: (\S+)", self.rules))
        for text in self.alerts, self.dashboard:
            used = set(re.findall(r"\bpeer:\w+:\w+", text))
            self.assertGreater(len(used), 1)
            self.assertEqual(used - recorded, set())

    def test_anywhere(self) -> None:
        """The dashboard names the source of its data by a variable alone, so it can be
        imported anywhere."""
        expected = {"type": "prometheus", "uid": "${datasource}"}
        found = list(_all("datasource", json.loads(self.dashboard)))
        self.assertGreater(len(found), 10)
        self.assertEqual([each for each in found if each != expected], [])


def _all(key: str, value: Any) -> Iterator[Any]:
    """Give what a key has, wherever it is."""
    if isinstance(value, dict):
        if key in value:
            yield value[key]
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _all(key, each)
