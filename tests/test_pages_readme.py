"""The commands of C{README.rst}, and what it shows of them."""

from __future__ import annotations

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
