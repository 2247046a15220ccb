"""
What all workers of a daemon have counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from echostamp.daemon.echocounts import LIMIT, PROXY, TLS, EchoFigures


class Counting(Protocol):
    """
    A process that counts.

    @ivar figures: what it has counted, as far as it has said.
    """

    figures: dict[str, Any]


class WorkerFigures:
    """
    Sums what workers count.  The counters of a process that has ended are kept, so
    that none ever falls.
    """

    def __init__(self, processes: Iterable[Counting]) -> None:
        """
        @param processes: those that have not ended; it may change.
        """
        self._processes = processes
        self._kept: dict[str, Counter[str]] = {
            name: Counter() for name in ("echo", "refused", "reflected")
        }

    def keep(self, process: Counting) -> None:
        """
        Keep what a process has counted that has ended, and its connections with it.
        """
        for name, kept in self._kept.items():
            kept.update(process.figures.get(name, {}))
        del self._kept["echo"]["connections"]

    def _sum(self, name: str) -> Counter[str]:
        """
        Sum one kind of counters.
        """
        total = Counter(self._kept[name])
        for each in self._processes:
            total.update(each.figures.get(name, {}))
        return total

    def echo(self) -> EchoFigures:
        """
        Give the figures of the echo.
        """
        total = self._sum("echo")
        return EchoFigures(*(total[name] for name in EchoFigures._fields))

    def refused(self) -> Mapping[str, int]:
        """
        Give how many connections were refused, by the reason.
        """
        total = self._sum("refused")
        return {name: total[name] for name in (LIMIT, TLS, PROXY)}

    def reflected(self) -> Mapping[str, int]:
        """
        Give how many packets of STAMP had each fate.
        """
        return self._sum("reflected")
