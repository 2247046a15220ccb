"""Tests for L{echostamp.daemon.historythreads}."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Mapping, Sequence
from queue import Queue
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from echostamp.daemon.historythreads import (
    MOST_QUESTIONS,
    NICER,
    SWITCH,
    HistoryThreads,
    OpenHistory,
    standBack,
)
from echostamp.history.interfaces import HistoryError, IHistory
from echostamp.history.memory import MemoryHistory
from echostamp.history.row import KeptRow
from echostamp.monitor.event import Event

#: Seconds after which a thread is stuck.
DEADLINE = 60


class TurningReactor:
    """
    Calls in this thread what other threads ask for.
    """

    def __init__(self) -> None:
        self._calls: Queue[Any] = Queue()

    def callFromThread(self, call: Any, *args: Any) -> None:
        """Call something in the next turn."""
        self._calls.put((call, args))

    def until(self, result: Deferred[Any]) -> None:
        """Have turns until there is a result."""
        while not result.called:
            call, args = self._calls.get(timeout=DEADLINE)
            call(*args)


class NotedHistory(MemoryHistory):
    """
    Notes which threads use it.

    @ivar threads: their names, by what they do.
    """

    def __init__(self) -> None:
        super().__init__()
        self.threads: list[tuple[str, str]] = []
        self.failure: Exception | None = None
        self.room = threading.Event()
        self.room.set()

    def note(self, what: str) -> None:
        """Note a use."""
        self.threads.append((what, threading.current_thread().name.rpartition("-")[0]))

    def write(self, rows: Mapping[str, KeptRow], events: Sequence[Event]) -> None:
        """Write when there is room, or fail."""
        self.note("write")
        self.room.wait(DEADLINE)
        if self.failure is not None:
            raise self.failure

    def peers(self) -> list[str]:
        """Give two names."""
        self.note("read")
        return ["a", "b"]

    def close(self) -> None:
        """Close."""
        self.note("close")


class HistoryThreadsTests(SynchronousTestCase):
    """
    A history is written in one thread and read in another.
    """

    def setUp(self) -> None:
        """Start the threads."""
        self.reactor = TurningReactor()
        self.writer, self.reader = NotedHistory(), NotedHistory()
        self.before = threading.active_count()
        self.threads = HistoryThreads(
            self.reactor, OpenHistory(self.writer, self.reader)
        )
        self.isClosed = False
        self.addCleanup(self.close)

    def close(self) -> None:
        """Close the history, unless it is."""
        self.writer.room.set()
        if not self.isClosed:
            self.isClosed = True
            self.result(self.threads.close())

    def result(self, found: Deferred[Any]) -> Any:
        """Wait for a result."""
        self.reactor.until(found)
        return self.successResultOf(found)

    def test_threads(self) -> None:
        """Each use has its thread, whose name says what it does."""
        self.result(self.threads.write({}, []))
        found: Deferred[Sequence[str]] = self.threads.read(_peers)
        self.assertEqual(self.result(found), ["a", "b"])
        self.close()
        writing, reading = "PoolThread-history writer", "PoolThread-history reader"
        self.assertEqual(self.writer.threads, [("write", writing), ("close", writing)])
        self.assertEqual(self.reader.threads, [("read", reading), ("close", reading)])
        self.assertEqual(threading.active_count(), self.before)

    def test_ending(self) -> None:
        """A thread that is stuck does not keep the process from ending."""
        found = [each for each in threading.enumerate() if "history" in each.name]
        self.assertEqual([each.daemon for each in found], [True, True])

    def test_priority(self) -> None:
        """Both threads stand back behind the event loop, which stays as it is."""

        def nice(history: object = None) -> int:
            return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

        own = nice()
        found: Deferred[int] = self.threads.read(nice)
        self.assertEqual(self.result(found), min(own + NICER, 19))
        self.assertEqual(nice(), own)
        self.assertLessEqual(sys.getswitchinterval(), SWITCH)

    def test_realTime(self) -> None:
        """With a real-time priority they have the next lower one, which need not be
        allowed."""
        asked: list[int] = []
        for at, lower in (10, 9), (1, 1):
            self.patch(os, "sched_getscheduler", lambda thread: os.SCHED_FIFO)
            self.patch(os, "sched_getparam", lambda thread: os.sched_param(at))  # noqa: B023
            self.patch(
                os,
                "sched_setparam",
                lambda thread, param: asked.append(param.sched_priority),
            )
            standBack()
            self.assertEqual(asked.pop(), lower)

        def refuse(thread: int) -> int:
            raise PermissionError

        self.patch(os, "sched_getscheduler", refuse)
        standBack()
        self.assertEqual(asked, [])

    def test_readWhileWriting(self) -> None:
        """Nobody who reads waits for a write."""
        self.writer.room.clear()
        written = self.threads.write({}, [])
        self.assertEqual(self.result(self.threads.read(_peers)), ["a", "b"])
        self.assertNoResult(written)
        self.writer.room.set()
        self.result(written)

    def test_failure(self) -> None:
        """What goes wrong in the thread is known."""
        self.writer.failure = HistoryError("it is full")
        written = self.threads.write({}, [])
        self.reactor.until(written)
        self.failureResultOf(written, HistoryError)

    def test_tooMany(self) -> None:
        """Questions that wait are limited."""
        held = threading.Event()
        self.addCleanup(held.set)
        first = self.threads.read(lambda history: held.wait(DEADLINE))
        rest = [self.threads.read(_peers) for _ in range(MOST_QUESTIONS - 1)]
        self.failureResultOf(self.threads.read(_peers), HistoryError)
        held.set()
        waiting: list[Deferred[Any]] = [first, *rest]
        for each in waiting:
            self.result(each)
        self.assertEqual(self.result(self.threads.read(_peers)), ["a", "b"])

    def test_closed(self) -> None:
        """What was asked before is answered, and nothing more."""
        before = self.threads.read(_peers)
        closed, self.isClosed = self.threads.close(), True
        self.failureResultOf(self.threads.read(_peers), HistoryError)
        self.assertEqual(self.result(before), ["a", "b"])
        self.result(closed)


def _peers(history: IHistory) -> Sequence[str]:
    """
    Ask for the peers.
    """
    return history.peers()
