"""
What a worker serves: the echo and the reflector, at sockets that its parent keeps.
"""

from __future__ import annotations

import sys
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import Logger

from echostamp.daemon.echomaking import echoFactory, preparedEcho
from echostamp.daemon.limits import TimedConnectionLog
from echostamp.daemon.options import Options
from echostamp.daemon.portsettings import portSettings
from echostamp.daemon.reflectorworkers import WorkerReflector, workerReflector
from echostamp.daemon.relaypart import relayPart
from echostamp.daemon.shutdown import DrainingService
from echostamp.keyfiles import GivenFiles
from echostamp.listen.adopting import AdoptedPorts, AdoptingReactor
from echostamp.listen.inherited import Inherited
from echostamp.text import printable
from echostamp.workers.messages import Message
from echostamp.workers.table import SharedTable

log = Logger(namespace="echostamp")


class GivenOptions(Options):
    """
    The options of a worker: its parent has checked that they go together.
    """

    def checkWorkers(self) -> None:
        """Leave the number of processes to the parent."""
        self.workers = 1

    def mostOfProcess(self) -> int:
        """Leave the limit of open files to the parent."""
        return sys.maxsize


class Serving:
    """
    Serves the echo and the reflector.
    """

    def __init__(self, reactor: Any, options: Options, start: Message) -> None:
        """
        Prepare to serve; L{read} begins it.

        @param reactor: the reactor.
        @param options: those of the daemon.
        @param start: the message of the parent that says what to serve.
        @raise SystemExit: an endpoint cannot be served; the text says why.
        @raise ValueError: the keys are wrong; the text says how.
        """
        table = SharedTable(start["table"], start["columns"])
        self._column = table.column(start["column"])
        self._files = GivenFiles(_contents(start["files"]), start["folder"])
        self._mostInAll = start["most"]
        self._mostHere = start["mostOfWorker"]
        self._log = TimedConnectionLog(
            reactor, options.idleTimeout, options.maxAge, options.grace
        )
        self._relayed = relayPart(reactor, options, self._files)
        self._factory = echoFactory(reactor, options, self._log, self._relayed)
        settings = replace(
            portSettings(reactor, options, self._log, self._column, self._most),
            files=self._files,
            inherited=[Inherited(*each) for each in start["inherited"]],
        )
        adopting = AdoptingReactor(reactor, settings, start["places"])
        preparedEcho(adopting, options.endpoints, self._factory)
        self._ports = AdoptedPorts(adopting.places)
        self._reflector: WorkerReflector | None = None
        if options.reflectors:
            self._reflector = workerReflector(
                settings.readers or reactor,
                options,
                start["reflectors"],
                self._files,
                partial(self._column.grant, total=options.total),
            )
        self._reloads: list[Callable[[], object]] = list(adopting.reloads)
        if self._reflector is not None:
            self._reloads.append(self._reflector.rules.reload)
        self._reloads.append(self._factory.stampClock.rereadZone)
        self._isRelayed = False
        self._draining = DrainingService(
            reactor, self._factory, options.grace, lambda: self._column.own
        )

    def _most(self) -> int:
        """
        Give how many connections there may be in all processes.  Where this one has no
        room, there may not be more than it has.
        """
        here = self._column.own
        return here if here >= self._mostHere else self._mostInAll

    def figures(self) -> dict[str, Any]:
        """
        Give what was counted so far, as JSON can carry it.
        """
        counts, reflector = self._log.counts, self._reflector
        return {
            "echo": counts.figures(self._factory.connections)._asdict(),
            "refused": dict(counts.refused),
            "reflected": dict(reflector.rules.counts) if reflector else {},
        }

    def read(self, indexes: Sequence[int]) -> Deferred[int]:
        """
        Read exactly these sockets of each place.

        @return: fires when it is so, with the number of STAMP sessions that were
            dropped.
        """
        if self._relayed is not None and not self._isRelayed:
            self._isRelayed = True
            self._relayed.start()
        sessions = self._reflector.read(indexes) if self._reflector else 0
        return self._ports.read(indexes).addCallback(lambda _: sessions)

    def leave(self) -> None:
        """
        Close the sockets that are not read.
        """
        self._ports.closeOthers()
        if self._reflector is not None:
            self._reflector.closeOthers()

    def reload(self, files: Mapping[str, str]) -> None:
        """
        Take the contents of files, which the parent has checked.
        """
        self._files.replace(_contents(files))
        for each in self._reloads:
            try:
                each()
            except ValueError as error:
                log.error("not reloaded: {error}", error=printable(str(error)))

    def drain(self) -> Deferred[Any]:
        """
        Accept what waits, and answer and close the connections.

        @return: fires when none is left.
        """
        if self._reflector is not None:
            self._reflector.close()
        stopped = self._ports.stop()
        drained = gatherResults([stopped, self._draining.stopService()])
        relayed = self._relayed
        if relayed is None or not self._isRelayed:
            return drained
        return drained.addBoth(lambda result: relayed.stop())

    def abort(self) -> None:
        """
        Abort the connections.
        """
        self._draining.abort()


def _contents(files: Mapping[str, str]) -> dict[str, bytes]:
    """
    Read the contents of files from a message.
    """
    return {path: b64decode(content) for path, content in files.items()}
