"""The rules and alerts in C{deploy/prometheus} use the metrics that there are."""

from __future__ import annotations

import re
from pathlib import Path
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

import echostamp
from echostamp.monitor import metricnames

FOLDER = Path(echostamp.__file__).parents[1] / "deploy" / "prometheus"


class NameTests(SynchronousTestCase):
    """
    The names of metrics in the files.
    """

    def test_names(self) -> None:
        """Each name is one of the table's, perhaps with the suffix of a histogram."""
        if not FOLDER.exists():
            raise SkipTest("no source tree here")
        names = {family.name for family in metricnames.FAMILIES}
        text = "".join(path.read_text("utf-8") for path in FOLDER.glob("*.yml"))
        used = set(re.findall(r"(?<!:)\bechostamp_\w+", text))
        self.assertGreater(len(used), 10)
        unknown = {name.removesuffix("_bucket") for name in used} - names
        self.assertEqual(unknown, set())
