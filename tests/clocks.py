"""
A clock for a daemon that a test sets.
"""

from __future__ import annotations

import os
from pathlib import Path

from tests.harness import Owner


class Clock:
    """
    A clock that a test sets, in the place of a daemon's own.

    @ivar env: the variables that a daemon needs for it.
    """

    def __init__(self, case: Owner) -> None:
        """Make a clock that is right."""
        self._path = Path(case.mktemp()).absolute()
        self.set(0)
        folder = Path(__file__).with_name("steered")
        self.env = {
            "ECHOSTAMP_TEST_CLOCK": str(self._path),
            "PYTHONPATH": f"{folder}:{os.environ.get('PYTHONPATH', '')}",
        }

    def set(self, ahead: float, ppm: float = 0) -> None:
        """
        Set it.

        @param ahead: how many seconds it is ahead.
        @param ppm: how many parts in a million it is fast, from the daemon's start on.
        """
        new = self._path.with_suffix(".new")
        new.write_text(f"{ahead * 1e9:.0f} {ppm}\n")
        new.replace(self._path)
