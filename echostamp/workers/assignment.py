"""
Which process reads which sockets.  Each worker reads those of its own index; another
one helps while it is away.
"""

from __future__ import annotations

from collections.abc import Collection, Coroutine, Iterable, Sequence
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from echostamp.workers.process import PREPARATION, SupervisedProcess
from echostamp.workers.runningtime import Limit, RunningTime
from echostamp.workers.succession import Succession

log = Logger(namespace="echostamp")

#: Seconds for which nobody reads some sockets before another worker does.
ABSENCE = 1.0

#: Seconds that a process has to leave sockets to another.
HANDOVER = 1.0


def inBackground(steps: Coroutine[Deferred[Any], Any, object]) -> None:
    """
    Let a coroutine run, and log what it raises.
    """
    running = Deferred.fromCoroutine(steps)
    running.addErrback(partial(log.failure, "in the supervision of the workers"))


class Assignment:
    """
    Tells the processes which indexes to read: each index one process, if possible.

    @ivar isClosed: whether nothing changes any more: the daemon stops.
    """

    def __init__(self, time: RunningTime) -> None:
        """
        @param time: measures how long things take.
        """
        self.isClosed = False
        self._time = time
        self._successions: Sequence[Succession] = ()
        # Indexes that nobody has read for less than ABSENCE, and for longer.
        self._absent: dict[int, Limit] = {}
        self._helpless: set[int] = set()

    def begin(self, successions: Sequence[Succession]) -> None:
        """
        Begin with workers of which nobody reads anything.
        """
        self._successions = successions

    async def give(self, process: SupervisedProcess, indexes: Collection[int]) -> bool:
        """
        Let a process read more than it does, after those that read it have left it.

        @param indexes: what it is to read as well.  What is not its own, and is read by
            another one by then, stays with that.
        @return: whether it reads what it was told to; else it is of no use any more,
            or the daemon stops.
        """
        given = set(indexes)
        readers = self._readers(given, process, True)
        while readers:
            answers = [each.read(each.told - given) for each in readers]
            for each in [self._time.within(HANDOVER, each) for each in answers]:
                await each
            # Its own it takes from whoever has begun to help meanwhile.
            given = {
                each
                for each in given
                if each == process.number - 1
                or (self._reader(each) is None and self._isAway(each))
            }
            isUsable = process.isUsable and not self.isClosed
            readers = self._readers(given, process, False) if isUsable else []
        if self.isClosed:
            return False
        if not process.isUsable:
            self._unread(indexes)
            return False
        self._taken(given)
        answer = process.read(process.told | given)
        isReading = await self._time.within(PREPARATION, answer)
        if not isReading and process.isUsable and not self.isClosed:
            process.tooLate(f"did not read within {PREPARATION:g} s")
        return process.isUsable

    def lost(self, process: SupervisedProcess) -> None:
        """
        Note that a process reads nothing any more: it has ended, is being ended, or
        drains.
        """
        indexes = process.told | {process.number - 1}
        process.told = frozenset()
        self._unread(indexes)

    def help(self) -> None:
        """Let others read what nobody has read for long."""
        for index in sorted(self._helpless):
            self._help(index)

    def close(self) -> None:
        """Change nothing any more, but by L{complete}: the daemon stops."""
        self._taken(range(len(self._successions)))
        self.isClosed = True

    def complete(self) -> None:
        """
        Let each index be read for the last time: by its own worker, else by another.
        """
        for index, own in enumerate(self._successions):
            if self._reader(index) is None:
                mine = [each for each in own.processes if each.isUsable]
                if reader := next(iter(mine), None) or self._leastBusy(False):
                    reader.read(reader.told | {index})

    def _processes(self) -> Iterable[SupervisedProcess]:
        """
        Give all processes.
        """
        return (each for own in self._successions for each in own.processes)

    def _readers(
        self, indexes: Collection[int], but: SupervisedProcess, isLeft: bool
    ) -> list[SupervisedProcess]:
        """
        Give the processes that read one of several indexes.

        @param but: which process not.
        @param isLeft: whether to name those, too, that have not left it yet.
        """
        return [
            each
            for each in self._processes()
            if each is not but and not each.why
            if not (each.told | (each.reads if isLeft else set())).isdisjoint(indexes)
        ]

    def _isAway(self, index: int) -> bool:
        """
        Return whether an index has no worker of its own that could read.
        """
        own = self._successions[index].current
        return own is None or not own.isUsable

    def _reader(self, index: int) -> SupervisedProcess | None:
        """
        Give the process that was told to read an index.
        """
        return next((each for each in self._processes() if index in each.told), None)

    def _leastBusy(self, isReading: bool) -> SupervisedProcess | None:
        """
        Give the present process that reads the fewest indexes.

        @param isReading: whether it has to read one at least.
        """
        return min(
            (
                own.current
                for own in self._successions
                if own.current is not None and own.current.isUsable
                if own.current.told or not isReading
            ),
            key=lambda each: len(each.told),
            default=None,
        )

    def _unread(self, indexes: Iterable[int]) -> None:
        """
        Let others help in a while where nobody reads.
        """
        for index in indexes:
            if self.isClosed or self._reader(index) is not None:
                continue
            if index not in self._absent and index not in self._helpless:
                call = partial(self._help, index)
                self._absent[index] = self._time.after(ABSENCE, call)

    def _taken(self, indexes: Iterable[int]) -> None:
        """
        Note that somebody reads again.
        """
        for index in indexes:
            self._helpless.discard(index)
            if limit := self._absent.pop(index, None):
                limit.cancel()

    def _help(self, index: int) -> None:
        """
        Let another worker read what its own does not.
        """
        self._taken([index])
        if not self._isAway(index):
            # It waits until another one has left the sockets.
            return
        helper = self._leastBusy(True)
        if helper is None:
            self._helpless.add(index)
            return
        log.info(
            "worker {helper} reads the sockets of worker {number} as well",
            helper=helper.number,
            number=index + 1,
        )
        inBackground(self.give(helper, {index}))
