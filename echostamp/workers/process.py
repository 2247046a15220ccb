"""
One process of a worker: whether it is ready, whether it answers, and what it reads.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from echostamp.text import counted
from echostamp.workers.runningtime import Limit, RunningTime

log = Logger(namespace="echostamp")

#: Seconds from the begin of a process until it is ready.
PREPARATION = 10.0

#: Seconds between two questions, and how long their answers may be late.
ASKING, SILENCE = 2.0, 10.0

#: Seconds that a process has to say where it is and to end, when it is told to.
LAST_WORDS = 2.0


class WorkerProcess(Protocol):
    """
    What the supervisor tells a process.
    """

    number: int
    column: int
    pid: int

    def read(self, indexes: Sequence[int]) -> None:
        """Read exactly these sockets of each place; it says when it does."""

    def ask(self) -> None:
        """Say that it is alive."""

    def leave(self) -> None:
        """Close all sockets that it does not read; it says when it has."""

    def drain(self) -> None:
        """Stop listening, answer its connections, and exit."""

    def abort(self) -> None:
        """Close its connections at once, and exit."""

    def kill(self) -> None:
        """End it by SIGABRT, at which it says where it was."""

    def destroy(self) -> None:
        """End it by SIGKILL."""


class SupervisedProcess:
    """
    A process, and what is known about it.

    @ivar process: the process.
    @ivar number: of its worker.
    @ivar told: the indexes that it was told to read.
    @ivar reads: those of which it has said that it reads them.
    @ivar why: why it is of no use: it has ended, was refused or is being ended.
    @ivar isReady: whether it has said that it is ready.
    @ivar isDraining: whether it was told to drain.
    @ivar hasLeft: whether it has closed what it does not read.
    @ivar prepared: fires when it is ready or of no use.
    @ivar serving: fires when it reads for the first time, or is of no use.
    @ivar gone: fires when it has ended.
    """

    def __init__(
        self,
        process: WorkerProcess,
        time: RunningTime,
        late: Callable[[SupervisedProcess, str], object],
    ) -> None:
        """
        @param process: the process, which has just begun.
        @param time: measures how long it takes.
        @param late: called with what it has not done in time, when it is being ended.
        """
        self.process = process
        self.number = process.number
        self.told: frozenset[int] = frozenset()
        self.reads: frozenset[int] = frozenset()
        self.why = ""
        self.isReady = self.isDraining = self.hasLeft = False
        self.prepared: Deferred[None] = Deferred()
        self.serving: Deferred[None] = Deferred()
        self.gone: Deferred[None] = Deferred()
        self._time = time
        self._late = late
        self._answers: deque[tuple[frozenset[int], Deferred[None]]] = deque()
        self._isLeaving = False
        self._question: Limit | None = None
        self._limit = self._within(PREPARATION, "was not ready within")

    def __str__(self) -> str:
        """Name the process, as the log does."""
        return f"worker {self.number}, process {self.process.pid},"

    @property
    def isUsable(self) -> bool:
        """Whether it can begin to read something."""
        return self.isReady and not self.isDraining and not self.why

    def ready(self) -> None:
        """Note that the process is ready."""
        if not self.isReady and not self.why:
            self.isReady = True
            self.answered()
            self._ask()
            self.prepared.callback(None)

    def answered(self) -> None:
        """Note that the process is alive."""
        if self.isReady and not self.why:
            self._limit.cancel()
            self._limit = self._within(SILENCE, "has not answered for")

    def read(self, indexes: Collection[int]) -> Deferred[None]:
        """
        Tell the process what to read.

        @return: fires when it does, or is of no use.
        """
        self.told = frozenset(indexes)
        answer: Deferred[None] = Deferred()
        self._answers.append((self.told, answer))
        self.process.read(sorted(indexes))
        return answer

    def reading(self, sessions: int) -> None:
        """
        Note that the process reads what it was told.

        @param sessions: how many sessions of STAMP it has dropped.
        """
        if sessions:
            log.info(
                "worker {number}: {sessions} {begin} again at zero",
                number=self.number,
                sessions=counted(sessions, "STAMP session"),
                begin="begins" if sessions == 1 else "begin",
            )
        if not self._answers:
            return
        self.reads, answer = self._answers.popleft()
        if self.reads and not self.serving.called:
            log.info(
                "worker {number} is process {pid}",
                number=self.number,
                pid=self.process.pid,
            )
            self.serving.callback(None)
        answer.callback(None)

    def leave(self) -> None:
        """Tell the process to close what it does not read, once."""
        if not self._isLeaving:
            self._isLeaving = True
            self.process.leave()

    def drain(self) -> None:
        """Tell the process to drain, once."""
        if not self.isDraining:
            self.isDraining = True
            self.process.drain()

    def refused(self, why: str) -> None:
        """
        End a process that cannot start.

        @param why: why not.
        """
        self.process.destroy()
        self._useless(why)

    def tooLate(self, what: str) -> None:
        """
        End a process: first so that it can say where it was.

        @param what: what it has not done in time.
        """
        self.process.kill()
        self._late(self, what)
        self._useless(f"process {self.process.pid} {what}")
        self._limit = self._time.after(LAST_WORDS, self.process.destroy)

    def ended(self, why: str) -> None:
        """
        Note that the process has ended.

        @param why: why.
        """
        self._useless(self.why or f"process {self.process.pid} has ended: {why}")
        self.reads = frozenset()
        self.gone.callback(None)

    def _within(self, seconds: float, what: str) -> Limit:
        """
        End the process, unless it does something in time.

        @param what: what it has not done.
        """
        return self._time.after(seconds, partial(self.tooLate, f"{what} {seconds:g} s"))

    def _ask(self) -> None:
        """
        Ask whether the process is alive, again and again.
        """
        self.process.ask()
        self._question = self._time.after(ASKING, self._ask)

    def _useless(self, why: str) -> None:
        """
        Expect nothing of the process any more.
        """
        self.why = why
        self._limit.cancel()
        if self._question is not None:
            self._question.cancel()
        for each in self.prepared, self.serving:
            if not each.called:
                each.callback(None)
        while self._answers:
            self._answers.popleft()[1].callback(None)
