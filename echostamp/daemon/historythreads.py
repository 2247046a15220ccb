"""
Uses a history in threads, so that the event loop does not wait for a disk.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from threading import Thread, get_native_id
from typing import Any, NamedTuple, TypeVar

from twisted.internet.defer import Deferred, fail
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from echostamp.history.interfaces import HistoryError, IHistory
from echostamp.history.row import KeptRow
from echostamp.monitor.event import Event

Found = TypeVar("Found")

#: Questions that wait for the thread that reads.  One of a page takes 100 ms at most.
MOST_QUESTIONS = 200

#: Seconds after which a thread that computes lets others go on, if they want to.
#: Python's own 5 ms are as much as a probe may be late.
SWITCH = 0.0005

#: How much nicer the threads are than the event loop.
NICER = 5


def standBack() -> None:
    """
    Lower the priority of this thread below that of the event loop.  Otherwise a thread
    that computes would keep its core when a probe is due: for milliseconds, or until it
    has nothing more to do where the daemon has a real-time priority.
    """
    # A filter of system calls may forbid it.
    with suppress(OSError):
        policy = os.sched_getscheduler(0)
        if policy in (os.SCHED_FIFO, os.SCHED_RR):
            # It stays above ordinary programs: the event loop may wait for what it has
            # locked.
            priority = os.sched_getparam(0).sched_priority - 1
            least = os.sched_get_priority_min(policy)
            os.sched_setparam(0, os.sched_param(max(priority, least)))
        else:
            thread = get_native_id()
            nice = os.getpriority(os.PRIO_PROCESS, thread)
            os.setpriority(os.PRIO_PROCESS, thread, nice + NICER)


class _EndingThread(Thread):
    """
    A thread that does not keep the process from ending: a disk may be stuck.  It stands
    back behind the event loop.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, daemon=True, **kwargs)

    def run(self) -> None:
        """Do what there is."""
        standBack()
        super().run()


class _Pool(ThreadPool):
    """
    One thread.
    """

    threadFactory = _EndingThread

    def __init__(self, name: str) -> None:
        """
        @param name: what to call it.
        """
        super().__init__(1, 1, name)


class OpenHistory(NamedTuple):
    """
    A history that is open.

    @ivar writer: is used by one thread.
    @ivar reader: the same history, for another thread.
    """

    writer: IHistory
    reader: IHistory


class HistoryThreads:
    """
    Uses a history in two threads: one writes, the other one reads.
    """

    def __init__(self, reactor: Any, history: OpenHistory) -> None:
        """
        Start the threads.

        @param reactor: gets the results.
        @param history: the history.
        """
        self._reactor = reactor
        self._writer, self._reader = history
        self._writing, self._reading = _Pool("history writer"), _Pool("history reader")
        self._questions: set[Deferred[Any]] = set()
        sys.setswitchinterval(SWITCH)
        self._isClosed = False
        for each in self._writing, self._reading:
            each.start()

    def write(
        self, rows: Mapping[str, KeptRow], events: Sequence[Event]
    ) -> Deferred[None]:
        """
        Write.

        @return: fires when that is kept; fails with L{HistoryError} if it could not be.
        """
        return self._inThread(self._writing, self._writer.write, rows, events)

    def read(self, question: Callable[[IHistory], Found]) -> Deferred[Found]:
        """Ask something in the thread that reads."""
        if self._isClosed:
            return fail(HistoryError("it is closed"))
        if len(self._questions) >= MOST_QUESTIONS:
            return fail(HistoryError("too many want to read it"))
        answer = self._inThread(self._reading, question, self._reader)
        self._questions.add(answer)

        def answered(found: Any) -> Any:
            self._questions.discard(answer)
            return found

        return answer.addBoth(answered)

    def close(self) -> Deferred[None]:
        """
        Close the history behind what is being written and read, and end the threads.
        """
        return Deferred.fromCoroutine(self._close())

    async def _close(self) -> None:
        """
        Close the history.
        """
        self._isClosed = True
        await self._inThread(self._reading, self._reader.close)
        await self._inThread(self._writing, self._writer.close)
        for each in self._writing, self._reading:
            each.stop()

    def _inThread(
        self, pool: ThreadPool, call: Callable[..., Found], *args: Any
    ) -> Deferred[Found]:
        """
        Call a function in a thread.
        """
        return deferToThreadPool(self._reactor, pool, call, *args)
