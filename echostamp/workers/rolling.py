"""
A rolling reload: the workers are replaced one after the other.  So is one that somebody
else has asked to end.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.logger import Logger

from echostamp.workers.assignment import Assignment, inBackground
from echostamp.workers.process import SupervisedProcess
from echostamp.workers.succession import Succession

log = Logger(namespace="echostamp")


class RollingReload:
    """
    Replaces the process of each worker by one that is begun now.  Where that fails, the
    old one stays, and the reload ends.
    """

    def __init__(
        self, successions: Sequence[Succession], assignment: Assignment
    ) -> None:
        """
        @param successions: the workers.
        @param assignment: says which process reads what.
        """
        self._successions = successions
        self._assignment = assignment
        self._isRunning = self._isAsked = False
        self._before: set[SupervisedProcess] = set()
        self._leaving: list[tuple[Succession, SupervisedProcess]] = []

    def start(self) -> None:
        """Replace the workers; behind a reload that goes on, once more."""
        self._isAsked = True
        self._begin()

    def leaving(self, worker: Succession, process: SupervisedProcess) -> None:
        """
        Replace a process that is about to end; behind what goes on.

        @param worker: whose process it is.
        """
        self._leaving.append((worker, process))
        self._begin()

    def _begin(self) -> None:
        """
        Do what was asked, unless it is being done.
        """
        if not self._isRunning:
            self._isRunning = True
            inBackground(self._run())

    async def _run(self) -> None:
        """
        Replace the workers as often as was asked.
        """
        try:
            while (self._isAsked or self._leaving) and not self._assignment.isClosed:
                if self._leaving:
                    await self._replaceLeaving(*self._leaving.pop(0))
                else:
                    self._isAsked = False
                    await self._replaceAll()
        finally:
            self._isRunning = False

    async def _replaceLeaving(
        self, worker: Succession, process: SupervisedProcess
    ) -> None:
        """
        Replace a process that is about to end.  If that fails, another one follows when
        it has ended.
        """
        while worker.older and not self._assignment.isClosed:
            await worker.older[0].gone
        isPresent = worker.current is process and process.isUsable
        if not isPresent or self._assignment.isClosed:
            return
        log.info("{process} got SIGTERM or SIGINT: replacing it", process=process)
        if why := await self._succeed(worker, process):
            log.error(
                "worker {number} is not replaced: {why}", number=worker.number, why=why
            )

    async def _replaceAll(self) -> None:
        """
        Replace the workers once.
        """
        log.info("reloading the workers")
        present = (each.current for each in self._successions)
        self._before = {each for each in present if each is not None}
        for each in self._successions:
            why = await self._replace(each)
            if self._assignment.isClosed:
                return
            if why:
                stays = each.current in self._before
                log.error(
                    "worker {number} is not replaced: {why}"
                    + ("; the old process {pid} stays" if stays else ""),
                    number=each.number,
                    why=why,
                    pid=each.current and each.current.process.pid,
                )
                return
        log.info("all workers are replaced")

    async def _replace(self, worker: Succession) -> str:
        """
        Replace the process of one worker.

        @return: why it could not be replaced.
        """
        while not self._assignment.isClosed:
            if worker.older:
                await worker.older[0].gone
                continue
            if worker.current is None:
                # It waits to be started again; the installed version may do better.
                worker.begin()
            old = worker.current
            if old is None:
                return "it cannot be started"
            if old in self._before and old.isUsable:
                return await self._succeed(worker, old)
            if old not in self._before:
                await old.serving
                return old.why
            await old.prepared
            if old.why or old.isDraining:
                await old.gone
        return ""

    async def _succeed(self, worker: Succession, old: SupervisedProcess) -> str:
        """
        Let a new process take the place of another.

        @return: why it does not.
        """
        try:
            new = worker.prepare()
        except OSError as error:
            return f"it cannot be started: {error}"
        await new.prepared
        if self._assignment.isClosed or worker.current is new:
            # The old one has ended meanwhile.
            await new.serving
            return new.why
        if not new.why:
            if await self._assignment.give(new, old.told | {worker.index}):
                worker.replace(new)
                return ""
            worker.giveUp(new)
            # What the old one has read for others is helped again where it has to be.
            await self._assignment.give(old, {worker.index})
        worker.giveUp(new)
        return new.why
