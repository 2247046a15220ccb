"""The commands of C{README.rst}, and what it shows of them."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

from tests.machines import ROOT
from tests.pages import PageCase


class ReadmePage(PageCase):
    """
    What a reader does first.
    """

    page = "README.rst"
    notRun = {
        "python3 -m venv .venv && .venv/bin/pip install --quiet --editable '.[test]' "
        "&& .venv/bin/trial -j2 echostamp tests": "it runs this test: .ci/run",
    }

    def test_page(self) -> None:
        """Every command works as printed, and its output has the form that is shown."""
        self.play()

    def test_isShort(self) -> None:
        """It is read within a minute: at most 150 lines."""
        lines = (ROOT / self.page).read_text("utf-8").splitlines()
        self.assertLessEqual(len(lines), 150)

    def test_pictures(self) -> None:
        """The pictures are there, and show what the text above them says."""
        names = re.findall(
            r"^\.\. image:: (\S+)$", (ROOT / self.page).read_text("utf-8"), re.MULTILINE
        )
        self.assertEqual(
            names, ["docs/ping.svg", "docs/page-light.png", "docs/intercom.svg"]
        )
        ping, page, intercom = (ROOT / name for name in names)
        self.assertTrue(page.exists())
        self.assertIn("s ahead, between +", textOf(ping))
        for line in "$ echostamp talk --name ann", "<ann> ", "$ nc localhost 8002":
            self.assertIn(line, textOf(intercom))


def textOf(picture: Path) -> str:
    """Give the text of a picture of a terminal, whose lines have 80 columns at most."""
    lines: dict[str, str] = {}
    for each in ElementTree.parse(picture).getroot():
        if each.tag.endswith("text"):
            row = each.attrib["y"]
            lines[row] = lines.get(row, "") + (each.text or "")
    assert max(map(len, lines.values())) <= 80, picture
    return "\n".join(lines.values())
