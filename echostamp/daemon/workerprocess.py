"""
A process of a worker, as its parent sees it.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

from twisted.internet.error import ProcessTerminated
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from echostamp.daemon.workerlog import WorkerLines
from echostamp.text import printable
from echostamp.workers.descriptors import ERRORS, FROM_WORKER, LOG, TO_WORKER
from echostamp.workers.messages import Message, MessagePipe

log = Logger(namespace="echostamp")


class Events(Protocol):
    """
    What is told of a process: a L{Supervisor
    <echostamp.workers.supervision.Supervisor>}.
    """

    def ready(self, process: Any) -> None:
        """It can serve."""

    def reading(self, process: Any, sessions: int) -> None:
        """It reads what it was last asked to."""

    def answered(self, process: Any) -> None:
        """It is not stuck."""

    def left(self, process: Any) -> None:
        """It has closed the sockets that it does not read."""

    def leaving(self, process: Any) -> None:
        """It was asked to end, and will soon do so."""

    def draining(self, process: Any) -> None:
        """It drains without having been told to."""

    def refused(self, process: Any, why: str) -> None:
        """It cannot serve."""

    def ended(self, process: Any, why: str) -> None:
        """It has ended."""


class _ToWorker:
    """
    The transport of the messages to a worker.
    """

    disconnecting = False

    def __init__(self, process: Any) -> None:
        """
        @param process: an L{IProcessTransport
            <twisted.internet.interfaces.IProcessTransport>}.
        """
        self._process = process

    def write(self, octets: bytes) -> None:
        """Write to the worker's pipe, unless the worker has closed it by ending."""
        with suppress(KeyError):
            self._process.writeToChild(TO_WORKER, octets)

    def loseConnection(self) -> None:
        """End a process whose messages are none."""
        self._process.signalProcess("KILL")


class SpawnedWorker(ProcessProtocol):
    """
    A process of a worker: an L{echostamp.workers.supervision.WorkerProcess}.

    @ivar number: the worker's number, from 1.
    @ivar column: its column of the shared table.
    @ivar pid: the process' number.
    @ivar figures: what it has counted, as far as it has said.
    """

    pid = 0

    def __init__(
        self,
        number: int,
        column: int,
        start: Mapping[str, object],
        events: Events,
        admits: Callable[[str], bool],
    ) -> None:
        """
        @param number: the worker's number.
        @param column: its column of the shared table.
        @param start: the fields of its first message.
        @param events: gets what happens to it.
        @param admits: tells whether one more line of a kind may be logged.
        """
        self.number = number
        self.column = column
        self.figures: dict[str, Any] = {}
        self._start = dict(start)
        self._events = events
        self._lines = WorkerLines(number, admits)
        self._errors = WorkerLines(number, admits)
        self._messages = MessagePipe(self._received)

    def connectionMade(self) -> None:
        """Tell it what to serve."""
        transport: Any = self.transport
        self.pid = transport.pid
        messages: Any = self._messages
        messages.makeConnection(_ToWorker(transport))
        self._messages.say("start", **self._start)

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        """Pass on what it says and logs."""
        receivers: dict[int, Any] = {
            LOG: self._lines,
            ERRORS: self._errors,
            FROM_WORKER: self._messages,
        }
        receivers[childFD].dataReceived(data)

    def processEnded(self, reason: Failure) -> None:
        """Report how it has ended."""
        self._events.ended(self, _why(reason))

    def _received(self, message: Message) -> None:
        """
        Pass on a message.
        """
        kind = message["kind"]
        if "figures" in message:
            self.figures = message["figures"]
        if kind == "ready":
            self._events.ready(self)
        elif kind == "reading":
            self._events.reading(self, message["sessions"])
        elif kind == "alive":
            self._events.answered(self)
        elif kind == "left":
            self._events.left(self)
        elif kind == "leaving":
            self._events.leaving(self)
        elif kind == "draining":
            self._events.draining(self)
        elif kind == "refused":
            self._events.refused(self, printable(str(message["why"])))

    # --- To the process ---------------------------------------------------------------

    def _say(self, kind: str, **fields: object) -> None:
        """
        Send a message, if it could be started.
        """
        if self.transport is not None:
            self._messages.say(kind, **fields)

    def read(self, indexes: Sequence[int]) -> None:
        """Have it read exactly these sockets of each place."""
        self._say("read", indexes=list(indexes))

    def ask(self) -> None:
        """Ask whether it is stuck, and for its figures."""
        self._say("ask")

    def leave(self) -> None:
        """Have it close the sockets that it does not read."""
        self._say("leave")

    def drain(self) -> None:
        """Have it drain its connections, and end."""
        self._say("drain")

    def abort(self) -> None:
        """Have it abort its connections, and end."""
        self._say("abort")

    def reload(self, files: Mapping[str, str]) -> None:
        """
        Have it take the contents of files.

        @param files: see L{Spawning.contents
            <echostamp.daemon.spawning.Spawning.contents>}.
        """
        self._say("reload", files=dict(files))

    def kill(self) -> None:
        """End it, and have it say where it was."""
        for number in signal.SIGABRT, signal.SIGCONT:
            self._signal(number)

    def destroy(self) -> None:
        """End it at once."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        """
        Send a signal, if it has not ended.
        """
        transport: Any = self.transport
        if transport is not None and transport.pid:
            os.kill(transport.pid, number)


def _why(reason: Failure) -> str:
    """
    Say how a process has ended.
    """
    error = reason.value
    if isinstance(error, ProcessTerminated) and error.signal is not None:
        names = {each.value: each.name for each in signal.Signals}
        return f"killed by {names.get(error.signal, f'signal {error.signal}')}"
    return f"exit status {getattr(error, 'exitCode', None) or 0}"
