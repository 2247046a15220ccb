"""
The option that asks for several processes.
"""

from __future__ import annotations

import os
import socket
from typing import Any

from twisted.python import usage

#: The most workers.
MOST_WORKERS = 64


class WorkerOptions(usage.Options):
    """
    The option C{--workers}, as text and as a value.

    @ivar workers: how many processes serve the echo and the reflector; 1 is the only
        process, without a parent.
    """

    optParameters = [
        [
            "workers",
            None,
            "1",
            "Processes that serve the echo and the reflector: 1 to 64, or auto, one "
            "for each core.",
        ],
    ]

    parent: Any
    reflectors: list[tuple[str, int]]
    workers: int

    def checkWorkers(self) -> None:
        """
        Convert the text to a value, and check that it goes with the other options.

        @raise usage.UsageError: it is wrong, or does not go with them.
        """
        self.workers = _workers(self["workers"])
        if self.workers == 1:
            return
        needed: list[tuple[Any, str]] = [
            (socket, "SO_REUSEPORT"),
            (os, "memfd_create"),
        ]
        for module, name in needed:
            if not hasattr(module, name):
                raise usage.UsageError(f"--workers: this system has no {name}")
        parent = self.parent or {}
        if "nodaemon" not in parent:
            raise usage.UsageError("--workers needs twistd")
        if self["no-echo"] and not self.reflectors:
            raise usage.UsageError("--workers goes with an echo or a reflector")
        for name in "chroot", "profile":
            if parent.get(name):
                raise usage.UsageError(f"--workers does not go with --{name}")
        if self["intercom"] and not self["relay"]:
            raise usage.UsageError("--workers with --intercom needs --relay")


def _workers(text: str) -> int:
    """
    Read the number of workers.

    @raise usage.UsageError: it is none.
    """
    if text == "auto":
        cores: set[int] | range = (
            os.sched_getaffinity(0)
            if hasattr(os, "sched_getaffinity")
            else range(os.cpu_count() or 1)
        )
        return min(len(cores), MOST_WORKERS)
    # The length first: Python does not convert a number of thousands of digits.
    isNumber = text.isascii() and text.isdecimal() and len(text) <= 2
    if not (isNumber and 1 <= int(text) <= MOST_WORKERS):
        raise usage.UsageError(
            f"--workers {text!r}: not a whole number from 1 to {MOST_WORKERS}, or auto"
        )
    return int(text)
