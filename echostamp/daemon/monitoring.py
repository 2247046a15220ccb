"""
The service that watches the peers.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.task import SchedulerStopped
from twisted.logger import Logger
from twisted.python.failure import Failure

from echostamp import __version__
from echostamp.daemon.eventfile import EventFile
from echostamp.daemon.garbage import Garbage
from echostamp.fileversions import fileVersions
from echostamp.monitor.descriptors import checkDescriptors, descriptorsOf
from echostamp.monitor.event import WITHOUT_PEER, Event, Kind
from echostamp.monitor.eventlog import EventLog
from echostamp.monitor.mistakes import PeersError
from echostamp.monitor.monitor import Monitor
from echostamp.monitor.peersfile import PeersFile
from echostamp.monitor.slices import Slices
from echostamp.monitor.snapshot import DaemonSnapshot, Versions
from echostamp.monitor.steps import Steps, allSteps
from echostamp.monitor.tally import RttHistogram
from echostamp.probe.surroundings import Surroundings
from echostamp.text import counted, printable
from echostamp.times import SECOND
from twisted import __version__ as twistedVersion

log = Logger(namespace="echostamp")

#: New peers are many if they are at least one in so many.
MANY = 10

#: How often to look whether the files of peers have changed, in nanoseconds.
_LOOK = 5 * SECOND


class Monitoring(Service):
    """
    Watches the peers while the daemon runs, and reads their files again when these
    change.

    @ivar monitor: watches the peers.
    @ivar surroundings: the timers and clocks of the probes.
    @ivar file: what the files of peers say.
    @ivar keep: gets each event that is written.
    @ivar mostDescriptors: how many descriptors the peers may need after a reload;
        L{None} for any number.
    @ivar reserve: called with the number of descriptors that the peers need, before a
        reload changes that, and behind it.
    """

    mostDescriptors: int | None = None

    name = "monitoring"

    def __init__(
        self,
        reactor: Any,
        surroundings: Surroundings,
        read: Callable[[], Steps[PeersFile]],
        paths: Sequence[str],
        buckets: tuple[int, ...],
        eventFile: EventFile | None = None,
    ) -> None:
        """
        @param reactor: connects, looks names up, and reads.
        @param surroundings: the timers and clocks of the probes.
        @param read: reads the files of peers, in steps; raises L{PeersError}.
        @param paths: the absolute paths of these files.
        @param buckets: the upper bounds of the buckets of the RTT, in nanoseconds.
        @param eventFile: gets the events; L{None} for none.
        @raise ValueError: a file is wrong; the text has a line for each mistake.
        """
        self.surroundings = surroundings
        self._read = read
        self._paths = paths
        self._eventFile = eventFile
        self._events = EventLog(
            surroundings.agenda,
            surroundings.now,
            self._written,
        )
        self._counts = dict.fromkeys(WITHOUT_PEER, 0)
        self.monitor = Monitor(reactor, surroundings, self._happened, buckets)
        self._versions = self._looked = fileVersions(self._paths)
        self.file = allSteps(read())
        self._readAt: int | None = surroundings.clocks().realtime
        self._isReloaded = True
        self.monitor.watch(self.file.peers)
        self._entry: Any = None
        self.reserve: Callable[[int], object] = _doNothing
        self.keep: Callable[[Event], object] = _doNothing
        self._slices = Slices(reactor, surroundings.now)
        self._turn = DeferredLock()
        self._garbage = Garbage()
        self._isSettled = False

    # --- From begin to end ------------------------------------------------------------

    def startService(self) -> None:
        """
        Begin to watch.
        """
        Service.startService(self)
        peers = counted(len(self.monitor.peers), "peer")
        log.info("watching {peers}", peers=peers)
        self._garbage.takeOut()
        self.monitor.start()
        self._setLook()

    def stopService(self) -> None:
        """
        Stop watching.
        """
        Service.stopService(self)
        if self._entry is not None:
            self._entry.cancel()
        self._slices.stop()
        self.monitor.stop()
        self._events.stop()
        if self._eventFile is not None:
            self._eventFile.close()

    # --- The files of peers -----------------------------------------------------------

    def _setLook(self) -> None:
        """
        Look at the files again later.
        """
        surroundings = self.surroundings
        self._entry = surroundings.agenda.at(surroundings.now() + _LOOK, self._look)

    def _look(self) -> None:
        """
        Read the files again if one has changed.
        """
        self._setLook()
        before, self._looked = self._looked, fileVersions(self._paths)
        if self._turn.locked:
            return
        if not self._isSettled:
            # All peers have their probers now, and these stay.
            self._isSettled = True
            self._garbage.takeOut()
        # A file that has just changed may be half written.
        if before == self._looked != self._versions:
            self.reload().addErrback(_logWrong)

    def reload(self) -> Deferred[str]:
        """
        Read the files of peers again, and open the file of events again.  This is done
        in slices, behind a reload that goes on.

        @return: what there is to watch; empty where the log says so already, and where
            the service stops meanwhile.  Fails
            with C{ValueError} if something is wrong: then nothing has changed.
        """
        return self._turn.run(lambda: Deferred.fromCoroutine(self._reload()))

    async def _reload(self) -> str:
        """
        Read the files again when it is the turn of this reload.
        """
        if self._eventFile is not None:
            self._eventFile.reopen()
        # A version that is wrong is not read again, unless the user asks for it.
        self._versions = fileVersions(self._paths)
        try:
            with self._garbage.making():
                await self._slices.do(self._steps())
        except ValueError as error:
            self._isReloaded = False
            lines = error.lines if isinstance(error, PeersError) else (str(error),)
            self._own(Kind.RELOAD_FAILED, lines[0], mistakes=len(lines))
            raise
        except SchedulerStopped:
            return ""
        self._isReloaded, self._isSettled = True, not self._garbage.areMany
        self._readAt = self.surroundings.clocks().realtime
        text = counted(len(self.file.peers), "peer")
        isLogged = self._own(Kind.RELOAD, text, peers=len(self.file.peers))
        return "" if isLogged else text

    def _steps(self) -> Steps[None]:
        """
        Read the files again, and watch the peers that they name, in steps.

        @raise ValueError: something is wrong; nothing has changed.
        """
        found = yield from self._read()
        checkDescriptors(found.peers, self.mostDescriptors)
        new = 0
        for each in found.peers:
            before = self.monitor.peers.get(each.name)
            new += before is None or before.peer != each
            yield
        if MANY * new >= max(len(found.peers), 1):
            self._garbage.expectMany()
        try:
            self.reserve(max(descriptorsOf(found.peers), self.descriptors))
            for _ in self.monitor.changing(found.peers):
                self._garbage.step()
                yield
            self.file = found
        finally:
            self.reserve(self.descriptors)

    # --- Events -----------------------------------------------------------------------

    def _own(self, kind: Kind, text: str, **values: Any) -> bool:
        """
        Report an event of the daemon.

        @return: whether it was written at once.
        """
        at = self.surroundings.clocks().realtime
        return self._happened(Event(kind, "", at, text=printable(text), values=values))

    def _happened(self, event: Event) -> bool:
        """
        Count and write an event.

        @return: whether it was written at once.
        """
        if not event.peer and event.kind in self._counts:
            self._counts[event.kind] += 1
        return self._events.report(event)

    def _written(self, event: Event) -> None:
        """
        Write an event elsewhere, too.
        """
        if self._eventFile is not None:
            self._eventFile.write(event)
        self.keep(event)

    # --- What is known ----------------------------------------------------------------

    @property
    def descriptors(self) -> int:
        """How many descriptors the peers need at most, at all addresses."""
        return descriptorsOf(self.file.peers)

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the peers' labels."""
        for each in self.file.peers:
            return tuple(name for name, _ in each.labels)
        return ()

    def daemon(self) -> DaemonSnapshot:
        """
        Give what is known of the daemon's monitor.
        """
        stalls = self.surroundings.stalls
        errors = {} if self._eventFile is None else {"events": self._eventFile.errors}
        return DaemonSnapshot(
            Versions(__version__, platform.python_version(), twistedVersion),
            self.file.selfName,
            len(self.monitor.peers),
            dict(self._counts),
            stalls.count,
            stalls.length,
            _counted(self.monitor.lag),
            _counted(self.monitor.lateness),
            isReloaded=self._isReloaded,
            reloadedAt=self._readAt,
            writeErrors=errors,
        )


def _doNothing(given: object) -> None:
    """
    Do nothing: nobody else needs descriptors, or wants events.
    """


def _logWrong(failure: Failure) -> None:
    """
    Log what is wrong with the files of peers.
    """
    failure.trap(ValueError)
    for line in str(failure.value).splitlines():
        log.error("not reloaded: {line}", line=printable(line))


def _counted(histogram: RttHistogram) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    """
    Give a histogram as plain data.
    """
    return tuple(histogram.bounds), tuple(histogram.counts), histogram.total
