"""
Starts the processes of the workers.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import sysconfig
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import echostamp
from echostamp.daemon.options import Options
from echostamp.daemon.reflectorworkers import KeptReflector
from echostamp.daemon.workerprocess import Events, SpawnedWorker
from echostamp.keyfiles import OpenFiles
from echostamp.listen.keeping import KeepingReactor
from echostamp.workers.descriptors import (
    ERRORS,
    FIRST_GIVEN,
    FROM_WORKER,
    LOG,
    TO_WORKER,
)
from echostamp.workers.messages import VERSION
from echostamp.workers.table import SharedTable

#: Signals that a worker handles or ignores, once it runs that far.
_HANDLED = (
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGUSR1,
    signal.SIGUSR2,
)

#: A socket for each worker, or one that all share; for each place that is served.
Places = Sequence[Sequence[socket.socket]]


class Spawning:
    """
    Starts processes of workers, and gives each what it needs.

    @ivar table: the table that they share.
    """

    def __init__(
        self,
        reactor: Any,
        options: Options,
        keeping: KeepingReactor,
        reflector: KeptReflector | None,
        files: OpenFiles,
    ) -> None:
        """
        @param reactor: starts the processes: an L{IReactorProcess
            <twisted.internet.interfaces.IReactorProcess>}.
        @param options: those of the daemon.
        @param keeping: has the sockets of the echo.
        @param reflector: has the sockets of the reflector; L{None} without one.
        @param files: has the contents of certificates and keys.
        """
        self._reactor = reactor
        self._options = options
        self._keeping = keeping
        self._reflectors: Places = () if reflector is None else reflector.places
        self._files = files
        # twistd changes the working directory before the service starts.
        self._folder = os.getcwd()
        # Two columns a worker: one for its old process while that drains.
        self._columns = 2 * options.workers
        self.table = SharedTable.make(self._columns)

    def contents(self) -> dict[str, str]:
        """
        Give the contents of certificates and keys, as JSON can carry them.
        """
        found = self._files.contents.items()
        return {path: b64encode(content).decode() for path, content in found}

    def process(
        self, number: int, column: int, events: Events, admits: Callable[[str], bool]
    ) -> SpawnedWorker:
        """
        Make a process, which L{spawn} starts.

        @param number: the worker's.
        @param column: its column of the table.
        @param events: gets what happens to it.
        @param admits: tells whether one more line of a kind may be logged.
        """
        places = [*self._keeping.places, *self._reflectors]
        numbers = _numbers(places)
        start = {
            "version": VERSION,
            "table": FIRST_GIVEN,
            "columns": self._columns,
            "column": column,
            "arguments": self._options.arguments,
            "most": self._options.maxConnections,
            "mostOfWorker": self._options.mostOfWorker,
            "places": numbers[: len(self._keeping.places)],
            "reflectors": numbers[len(self._keeping.places) :],
            "inherited": list(self._keeping.settings.inherited),
            "folder": self._folder,
            "files": self.contents(),
        }
        return SpawnedWorker(number, column, start, events, admits)

    def spawn(self, process: SpawnedWorker) -> None:
        """
        Start a process.

        @raise OSError: the system refuses.
        """
        descriptors: dict[int, Any] = {
            LOG: "r",
            ERRORS: "r",
            TO_WORKER: "w",
            FROM_WORKER: "r",
            FIRST_GIVEN: self.table.descriptor,
        }
        places = [*self._keeping.places, *self._reflectors]
        for place, numbers in zip(places, _numbers(places), strict=True):
            for each, number in zip(place, numbers, strict=True):
                descriptors[number] = each.fileno()
        parent = self._options.parent or {}
        with open(os.devnull, "rb") as nothing, _blocked():
            self._reactor.spawnProcess(
                process,
                sys.executable,
                [
                    sys.executable,
                    "-m",
                    "echostamp.daemon.worker",
                    parent.get("reactor") or "default",
                ],
                env=_environment(),
                childFDs={0: nothing.fileno(), **descriptors},
            )


@contextmanager
def _blocked() -> Iterator[None]:
    """
    Block signals.  A process that begins meanwhile inherits this: those that the whole
    group of processes gets do not end it before it is ready for them.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _HANDLED)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _numbers(places: Places) -> list[list[int]]:
    """
    Give the descriptors that a worker has of sockets.
    """
    given = count(FIRST_GIVEN + 1)
    return [[next(given) for _ in place] for place in places]


def _environment() -> dict[str, str]:
    """
    Give the environment of a worker: it finds the same package, whatever the working
    directory is by then.
    """
    environment = dict(os.environ)
    environment["PYTHONSAFEPATH"] = "1"
    folder = str(Path(echostamp.__file__).parents[1])
    if folder not in sysconfig.get_paths().values():
        paths = environment.get("PYTHONPATH", "").split(os.pathsep)
        environment["PYTHONPATH"] = os.pathsep.join([folder, *filter(None, paths)])
    return environment
