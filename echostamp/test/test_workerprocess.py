"""Tests for L{echostamp.daemon.workerprocess} and L{echostamp.workers.messages}."""

from __future__ import annotations

import os
import signal
from typing import Any

from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from echostamp.daemon.workerprocess import SpawnedWorker
from echostamp.workers.descriptors import ERRORS, FROM_WORKER, LOG, TO_WORKER
from echostamp.workers.messages import Message, MessagePipe


class FakeTransport:
    """
    The transport of a process.
    """

    def __init__(self) -> None:
        self.pid: int | None = 123
        self.heard: list[Message] = []
        self._messages: Any = MessagePipe(self.heard.append)
        self.signals: list[str] = []

    def writeToChild(self, descriptor: int, octets: bytes) -> None:
        """Read a message as the worker does."""
        if self.pid is None:
            # This is what Twisted does where the pipe is closed.
            raise KeyError(descriptor)
        assert descriptor == TO_WORKER
        self._messages.dataReceived(octets)

    def signalProcess(self, name: str) -> None:
        """Note a signal."""
        self.signals.append(name)


class Events:
    """
    Notes what happens to a process.
    """

    def __init__(self) -> None:
        self.seen: list[tuple[object, ...]] = []

    def __getattr__(self, name: str) -> Any:
        return lambda process, *values: self.seen.append((name, *values))


def said(kind: str, **fields: object) -> bytes:
    """Give the octets of a message."""
    transport = StringTransport()
    messages: Any = MessagePipe(lambda message: None)
    messages.makeConnection(transport)
    messages.say(kind, **fields)
    octets: bytes = transport.value()
    return octets


class SpawnedWorkerTests(SynchronousTestCase):
    """
    Tests for L{SpawnedWorker}.
    """

    def setUp(self) -> None:
        """Start a process."""
        self.events: Any = Events()
        self.worker: Any = SpawnedWorker(
            2, 1, {"version": 1, "column": 2}, self.events, lambda kind: True
        )
        self.transport = FakeTransport()
        self.worker.makeConnection(self.transport)

    def test_start(self) -> None:
        """The first message is C{start}."""
        self.assertEqual(
            self.transport.heard, [{"kind": "start", "version": 1, "column": 2}]
        )
        self.assertEqual(self.worker.pid, 123)

    def test_messages(self) -> None:
        """What the worker says is passed on, however the pipe cuts it."""
        octets = (
            said("ready")
            + said("reading", indexes=[0], sessions=3)
            + said("alive", figures={"echo": {"made": 1}})
            + said("left")
            + said("leaving")
            + said("draining")
            + said("refused", why="no\n good")
            + said("of a later version")
        )
        for each in octets:
            self.worker.childDataReceived(FROM_WORKER, bytes([each]))
        self.assertEqual(
            self.events.seen,
            [
                ("ready",),
                ("reading", 3),
                ("answered",),
                ("left",),
                ("leaving",),
                ("draining",),
                ("refused", "no\\n good"),
            ],
        )
        self.assertEqual(self.worker.figures, {"echo": {"made": 1}})

    def test_toTheWorker(self) -> None:
        """The worker hears what it is to do."""
        self.worker.read((0, 1))
        self.worker.ask()
        self.worker.leave()
        self.worker.reload({"/a": "Yg=="})
        self.worker.drain()
        self.worker.abort()
        self.assertEqual(
            self.transport.heard[1:],
            [
                {"kind": "read", "indexes": [0, 1]},
                {"kind": "ask"},
                {"kind": "leave"},
                {"kind": "reload", "files": {"/a": "Yg=="}},
                {"kind": "drain"},
                {"kind": "abort"},
            ],
        )

    def test_tooLate(self) -> None:
        """A process that has ended, or could not be started, hears nothing."""
        self.transport.pid = None
        unborn: Any = SpawnedWorker(1, 0, {}, self.events, lambda kind: True)
        for each in self.worker, unborn:
            each.read((0,))
            each.ask()
            each.drain()
            each.kill()
        self.assertEqual(len(self.transport.heard), 1)

    def test_endlessMessage(self) -> None:
        """A process whose messages are none is killed."""
        self.worker.childDataReceived(FROM_WORKER, b"\xff\xff\xff\xff")
        self.assertEqual(self.transport.signals, ["KILL"])

    def test_signals(self) -> None:
        """A stuck process says where it was, even if it is stopped; a process that has
        ended gets no signal."""
        sent: list[tuple[int, int]] = []
        self.patch(os, "kill", lambda pid, number: sent.append((pid, number)))
        self.worker.kill()
        self.worker.destroy()
        self.transport.pid = None
        self.worker.kill()
        self.worker.destroy()
        self.assertEqual(
            sent,
            [(123, signal.SIGABRT), (123, signal.SIGCONT), (123, signal.SIGKILL)],
        )

    def test_ended(self) -> None:
        """It is told how the process has ended."""
        for error, why in [
            (ProcessDone(0), "exit status 0"),
            (ProcessTerminated(3), "exit status 3"),
            (ProcessTerminated(signal=signal.SIGKILL), "killed by SIGKILL"),
            (ProcessTerminated(signal=40), "killed by signal 40"),
        ]:
            self.worker.processEnded(Failure(error))
            self.assertEqual(self.events.seen.pop(), ("ended", why))

    def test_output(self) -> None:
        """Both outputs go to the log, each with lines of its own."""
        lines: list[str] = []
        for name in "_lines", "_errors":
            receiver = getattr(self.worker, name)
            self.patch(receiver, "lineReceived", lines.append)
        self.worker.childDataReceived(LOG, b"on")
        self.worker.childDataReceived(ERRORS, b"two\nth")
        self.worker.childDataReceived(LOG, b"e\n")
        self.worker.childDataReceived(ERRORS, b"ree\n")
        self.assertEqual(lines, [b"two", b"one", b"three"])
