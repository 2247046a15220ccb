"""Tests for L{echostamp.daemon.worker}."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from echostamp import __version__
from echostamp.daemon import worker
from echostamp.daemon.worker import Worker
from echostamp.test.fakes import FakeReactor
from echostamp.workers.messages import VERSION, Message, MessagePipe

#: A parent's first message.
START: dict[str, Any] = {"version": VERSION, "arguments": ["-p", "0"]}


class FakeServing:
    """
    Notes what a worker does.
    """

    def __init__(self, reactor: Any, options: Any, start: Message) -> None:
        self.options = options
        self.done: list[object] = []
        self.reading: Deferred[int] = Deferred()
        self.drained: Deferred[None] = Deferred()
        if error := start.get("error"):
            raise error

    def figures(self) -> dict[str, int]:
        """Give figures."""
        return {"echo": 1}

    def read(self, indexes: list[int]) -> Deferred[int]:
        """Note which sockets are read."""
        self.done.append(indexes)
        return self.reading

    def leave(self) -> None:
        """Note that the other sockets are closed."""
        self.done.append("leave")

    def reload(self, files: dict[str, str]) -> None:
        """Note the files."""
        self.done.append(files)

    def drain(self) -> Deferred[None]:
        """Note that the connections are drained."""
        self.done.append("drain")
        return self.drained

    def abort(self) -> None:
        """Note that the connections are aborted."""
        self.done.append("abort")


class FakeLog:
    """
    The pipe of the log.
    """

    def flush(self) -> None:
        """Write what waits."""


class WorkerTests(SynchronousTestCase):
    """
    Tests for L{Worker}.
    """

    def setUp(self) -> None:
        """Make a worker that has heard nothing yet."""
        self.made: list[FakeServing] = []

        def make(*values: Any) -> FakeServing:
            self.made.append(FakeServing(*values))
            return self.made[-1]

        self.patch(worker, "Serving", make)
        self.reactor: Any = FakeReactor()
        self.stops: list[None] = []
        self.patch(self.reactor, "stop", lambda: self.stops.append(None))
        log: Any = FakeLog()
        self.worker: Any = Worker(self.reactor, log)
        self.transport = StringTransport()
        self.messages: Any = self.worker.messages
        self.messages.makeConnection(self.transport)

    def hear(self, kind: str, **fields: object) -> None:
        """Have the parent say something."""
        transport = StringTransport()
        parent: Any = MessagePipe(lambda message: None)
        parent.makeConnection(transport)
        parent.say(kind, **fields)
        self.messages.dataReceived(transport.value())

    def said(self) -> list[Message]:
        """Give what the worker has said since the last time."""
        found: list[Message] = []
        parent: Any = MessagePipe(found.append)
        parent.dataReceived(self.transport.value())
        self.transport.clear()
        return found

    def started(self) -> FakeServing:
        """Start the worker."""
        self.hear("start", **START)
        self.assertEqual(
            self.said(),
            [{"kind": "ready"}],
        )
        return self.made[0]

    def test_start(self) -> None:
        """A worker that has prepared is ready, and serves with the parent's options."""
        serving = self.started()
        self.assertEqual(serving.options.endpoints, ["tcp:0"])
        self.assertEqual(serving.done, [])

    def test_otherVersion(self) -> None:
        """A worker whose messages are of another version refuses, and ends."""
        self.hear("start", **{**START, "version": VERSION + 1})
        why = f"EchoStamp {__version__} has messages of version {VERSION}, and not "
        why += f"of version {VERSION + 1}"
        self.assertEqual(self.said(), [{"kind": "refused", "why": why}])
        self.assertEqual(self.made, [])
        self.assertTrue(self.transport.disconnecting)
        self.messages.connectionLost()
        self.assertEqual(len(self.stops), 1)

    def test_wrongOption(self) -> None:
        """A worker that does not know an option says so: its version may be older."""
        self.hear("start", **{**START, "arguments": ["--of-tomorrow"]})
        (refused,) = self.said()
        self.assertIn("--of-tomorrow", refused["why"])
        self.assertTrue(self.transport.disconnecting)

    def test_error(self) -> None:
        """What goes wrong while it prepares is said in one line."""

        def fail(*values: Any) -> FakeServing:
            raise ValueError("no good")

        self.patch(worker, "Serving", fail)
        self.hear("start", **START)
        (refused,) = self.said()
        self.assertEqual(refused["why"], "ValueError: no good")
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_asked(self) -> None:
        """It says that it is alive, and what it has counted."""
        self.started()
        self.hear("ask")
        self.assertEqual(self.said(), [{"kind": "alive", "figures": {"echo": 1}}])

    def test_read(self) -> None:
        """It says when it reads what it should."""
        serving = self.started()
        self.hear("read", indexes=[0, 1])
        self.assertEqual(serving.done, [[0, 1]])
        self.assertEqual(self.said(), [])
        serving.reading.callback(3)
        self.assertEqual(self.said(), [{"kind": "reading", "sessions": 3}])

    def test_cannotRead(self) -> None:
        """A worker that cannot read its sockets ends: its successor may."""
        serving = self.started()
        self.hear("read", indexes=[0])
        serving.reading.errback(OSError("no sockets"))
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
        self.assertEqual(serving.done, [[0], "drain", "abort"])

    def test_cannotReadAtOnce(self) -> None:
        """The same where that fails at once: there may be no descriptor left."""
        serving = self.started()

        def fail(indexes: list[int]) -> Deferred[int]:
            raise OSError("too many open files")

        self.patch(serving, "read", fail)
        self.hear("read", indexes=[0])
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
        self.assertEqual(serving.done, ["drain", "abort"])

    def test_others(self) -> None:
        """It closes the sockets of others, and takes files."""
        serving = self.started()
        self.hear("leave")
        self.assertEqual(self.said(), [{"kind": "left"}])
        self.hear("reload", files={"/a": "Yg=="})
        self.assertEqual(serving.done, ["leave", {"/a": "Yg=="}])

    def test_drain(self) -> None:
        """It drains once, says its last figures, and ends when they are written."""
        serving = self.started()
        self.hear("drain")
        self.hear("drain")
        self.worker.drain()
        self.assertEqual(serving.done, ["drain"])
        self.assertFalse(self.transport.disconnecting)
        serving.drained.callback(None)
        self.assertEqual(self.said(), [{"kind": "alive", "figures": {"echo": 1}}])
        self.assertTrue(self.transport.disconnecting)
        self.assertEqual(self.stops, [])
        self.messages.connectionLost()
        self.assertEqual(len(self.stops), 1)

    def test_terminated(self) -> None:
        """At SIGTERM it asks its parent for a successor, and drains when that says so,
        or when nothing has come of it."""
        serving = self.started()
        self.worker.terminated()
        self.worker.terminated()
        self.assertEqual(self.said(), [])
        self.reactor.advance(0.5)
        self.assertEqual(self.said(), [{"kind": "leaving"}])
        self.reactor.advance(14.4)
        self.assertEqual((serving.done, self.said()), ([], []))
        self.reactor.advance(0.1)
        self.assertEqual(serving.done, ["drain"])
        self.assertEqual(self.said(), [{"kind": "draining"}])

    def test_bothTerminated(self) -> None:
        """Where the parent got the same signal, it asks for nothing."""
        serving = self.started()
        self.worker.terminated()
        self.hear("leave")
        self.hear("drain")
        self.reactor.advance(15)
        self.assertEqual(self.said(), [{"kind": "left"}])
        self.assertEqual(serving.done, ["leave", "drain"])

    def test_terminatedEarly(self) -> None:
        """A worker that serves nothing yet ends at once."""
        self.worker.terminated()
        self.assertTrue(self.transport.disconnecting)

    def test_deafParent(self) -> None:
        """It ends also where the parent does not read the last figures."""
        serving = self.started()
        self.hear("drain")
        serving.drained.callback(None)
        self.reactor.advance(1)
        self.assertEqual(len(self.stops), 1)

    def test_abort(self) -> None:
        """It aborts its connections, also while it drains them."""
        serving = self.started()
        self.hear("drain")
        self.hear("abort")
        self.assertEqual(serving.done, ["drain", "abort"])

    def test_noParent(self) -> None:
        """Without its parent it closes the sockets of others, and drains."""
        serving = self.started()
        self.messages.connectionLost()
        self.assertEqual(serving.done, ["leave", "drain"])
        serving.drained.callback(None)
        self.reactor.advance(1)
        self.assertEqual(len(self.stops), 1)

    def test_noParentBeforeStart(self) -> None:
        """A worker whose parent has ended before it said anything ends."""
        self.messages.connectionLost()
        self.reactor.advance(1)
        self.assertGreaterEqual(len(self.stops), 1)
