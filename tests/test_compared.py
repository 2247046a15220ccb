"""The figures of C{docs/compared.rst}."""

from __future__ import annotations

import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

ROOT = Path(__file__).parents[1]


class FigureTests(SynchronousTestCase):
    """
    Figures that the page has from C{bench/README.rst}.
    """

    def test_areThoseOfTheBench(self) -> None:
        """Each is in the table that the bench's page has today, in the same row."""
        rows = {
            "Median RTT": {
                "EchoStamp": ["four kernel timestamps", "three"],
                "irtt": ["irtt"],
            },
            "CPU of a probe": {
                "EchoStamp": ["EchoStamp"],
                "fping": ["fping"],
                "smokeping_prober": [
                    "smokeping_prober, not privileged",
                    "smokeping_prober",
                ],
            },
        }
        page = (ROOT / "docs" / "compared.rst").read_text("utf-8")
        bench = (ROOT / "bench" / "README.rst").read_text("utf-8")
        table = [line.strip() for line in page.splitlines() if '", "' in line]
        programs, *lines = [re.findall(r'"([^"]*)"', line) for line in table]
        for begin, expected in rows.items():
            (cells,) = [line for line in lines if line[0].startswith(begin)]
            found = {
                program.split()[0]: re.findall(r"[\d.]+(?= µs)", cell)
                for program, cell in zip(programs[1:], cells[1:], strict=True)
                if "µs" in cell
            }
            self.assertEqual(list(found), list(expected))
            for program, figures in found.items():
                for name, figure in zip(expected[program], figures, strict=True):
                    line = rf"^{re.escape(name)} +{re.escape(figure)} "
                    self.assertRegex(bench, re.compile(line, re.MULTILINE))
