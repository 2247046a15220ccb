"""
Calls functions at times of the monotonic clock.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any, Protocol

from twisted.logger import Logger

from echostamp.probe.alarms import Alarm

log = Logger(namespace="echostamp")

Call = Callable[[], object]


#: The items of an L{AgendaEntry}: at what time, in nanoseconds by the monotonic clock;
#: a number that no other entry has; the function, or L{None} once it was called, or
#: cancelled.
_WHEN, _CALL = 0, 2


class AgendaEntry(list[Any]):
    """
    A function to be called.  It is a list, because lists are compared without a call of
    a Python function.
    """

    __slots__ = ()

    @property
    def isSet(self) -> bool:
        """Whether the function will be called."""
        return self[_CALL] is not None

    def cancel(self) -> None:
        """
        Do not call the function.
        """
        self[_CALL] = None


class Watcher(Protocol):
    """
    Called when a turn of an agenda begins and ends.  In a turn the agenda calls the
    functions that are due.
    """

    @property
    def lateness(self) -> int:
        """How late a turn must be for L{woke} to be called, in nanoseconds."""

    def woke(self, wake: int, now: int) -> None:
        """
        A turn begins, and it is late.

        @param wake: when it was due, in nanoseconds by the monotonic clock.
        @param now: the present time.
        """

    def turned(self, now: int) -> None:
        """A turn ends."""


class Agenda:
    """
    Calls the functions of all probers of a process at their times, with one alarm.
    Times are nanoseconds by the monotonic clock.

    @ivar watcher: called at each turn; L{None} for none.
    @ivar wake: when the next turn is due; L{None} if none is.
    @ivar isRunning: whether a turn goes on.
    """

    def __init__(
        self,
        clock: Callable[[], int],
        makeAlarm: Callable[[Callable[[], object]], Alarm],
    ) -> None:
        """
        @param clock: gives nanoseconds by the monotonic clock.
        @param makeAlarm: makes the alarm that calls a function.
        """
        self._clock = clock
        self._alarm = makeAlarm(self._run)
        self._entries: list[AgendaEntry] = []
        self._count = 0
        self.wake: int | None = None
        self.isRunning = False
        self.watcher: Watcher | None = None

    def at(self, when: int, call: Call) -> AgendaEntry:
        """
        Call a function at a time, or in the next turn if that time is over.
        """
        self._count += 1
        entry = AgendaEntry((when, self._count, call))
        heappush(self._entries, entry)
        if self._entries[0] is entry and not self.isRunning:
            self._arm()
        return entry

    @property
    def next(self) -> int | None:
        """When a function is to be called next; L{None} if none is."""
        entries = self._entries
        while entries and entries[0][_CALL] is None:
            heappop(entries)
        return entries[0][_WHEN] if entries else None

    def _arm(self) -> None:
        """
        Set the alarm for the next function, unless it is set for an earlier time.
        """
        entries = self._entries
        while entries and entries[0][_CALL] is None:
            heappop(entries)
        if not entries:
            return
        when: int = entries[0][_WHEN]
        if self.wake is None or when < self.wake:
            self.wake = when
            self._alarm.set(when)

    def _run(self) -> None:
        """
        Call the functions that are due.
        """
        now, wake, watcher = self._clock(), self.wake, self.watcher
        self.wake = None
        self.isRunning = True
        if watcher is not None and wake is not None and now - wake >= watcher.lateness:
            watcher.woke(wake, now)
        entries = self._entries
        due = []
        while entries and entries[0][_WHEN] <= now:
            due.append(heappop(entries))
        for entry in due:
            call, entry[_CALL] = entry[_CALL], None
            if call is not None:
                try:
                    call()
                except Exception:
                    log.failure("while running a timer")
        if watcher is not None:
            watcher.turned(now)
        self.isRunning = False
        self._arm()


class Timers:
    """
    The functions of one prober.  Each has at most one time at which it is called.
    """

    def __init__(self, agenda: Agenda) -> None:
        """
        @param agenda: calls them.
        """
        self._agenda = agenda
        self._entries: dict[str, AgendaEntry] = {}
        self._isStopped = False

    def set(self, when: int, call: Call) -> None:
        """
        Call a function at a time.  This replaces the time that was set before.  After
        L{stop} it does nothing.

        @param when: nanoseconds by the monotonic clock.
        """
        if self._isStopped:
            return
        name = call.__qualname__
        before = self._entries.get(name)
        if before is not None:
            before[_CALL] = None
        self._entries[name] = self._agenda.at(when, call)

    def isSet(self, call: Call) -> bool:
        """
        Say whether a function will be called.
        """
        entry = self._entries.get(call.__qualname__)
        return entry is not None and entry.isSet

    def stop(self) -> None:
        """
        Cancel all calls, and accept no more.
        """
        self._isStopped = True
        for entry in self._entries.values():
            entry.cancel()
