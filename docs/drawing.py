"""
What the scripts that draw pictures of real runs share.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

DOCS = Path(__file__).parent


class Drawing(ExitStack):
    """
    Owns what is needed for the pictures.
    """

    def __init__(self) -> None:
        super().__init__()
        self._folder = Path(self.enter_context(TemporaryDirectory()))
        self._count = 0

    def mktemp(self) -> str:
        """Give a path where nothing is yet."""
        self._count += 1
        return str(self._folder / str(self._count))

    def addCleanup(self, function: Callable[..., object], /, *args: Any) -> object:
        """Call a function at the end."""
        return self.callback(function, *args)
