"""
Takes snapshots of all targets now and then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from math import ceil
from typing import Any

from twisted.internet.task import Cooperator
from twisted.python.failure import Failure

from echostamp.client.watchdisplays import Display
from echostamp.monitor.snapshot import PeerSnapshot
from echostamp.times import SECOND

#: Seconds for which snapshots are taken in one turn of the reactor: probes wait
#: meanwhile.
SLICE = 0.004

#: A round is followed by a pause of at least so many times its own length.
PAUSE = 9


class Rounds:
    """
    Takes snapshots of all targets now and then, for a display.
    """

    def __init__(
        self,
        reactor: Any,
        snapshots: Callable[[], Iterable[PeerSnapshot]],
        display: Display,
        deadline: int | None,
        broken: Callable[[Failure], object],
    ) -> None:
        """
        @param reactor: its clock is monotonic.
        @param snapshots: takes one after the other.
        @param deadline: when the run ends, in nanoseconds since its beginning; no round
            begins then, or later.  L{None} without end.
        @param broken: called when a round has failed.
        """
        self._reactor = reactor
        self._snapshots = snapshots
        self._display = display
        self._deadline = deadline
        self._broken = broken
        self._cooperator = Cooperator(
            terminationPredicateFactory=self._slice,
            scheduler=lambda call: reactor.callLater(0, call),
        )
        self._began = self._spent = 0.0
        self._timer: Any = None
        self._isStopped = False

    def _slice(self) -> Callable[[], bool]:
        """
        Begin a turn.

        @return: tells whether it has taken long enough.
        """
        end = self._reactor.seconds() + SLICE
        return lambda: self._reactor.seconds() >= end

    def start(self) -> None:
        """
        Begin.
        """
        self._began = self._reactor.seconds()
        self._set(0 if self._display.isLive else 1)

    def stop(self) -> None:
        """
        End.
        """
        self._isStopped = True
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._cooperator.stop()

    def _set(self, number: int) -> None:
        """
        Wait for the time of a round.
        """
        due = number * self._display.every
        if self._deadline is None or due < self._deadline:
            late = self._reactor.seconds() - self._began
            self._timer = self._reactor.callLater(
                max(0.0, due / SECOND - late), self._begin
            )

    def _begin(self) -> None:
        """
        Begin a round.
        """
        self._spent = 0.0
        task = self._cooperator.cooperate(self._steps())
        task.whenDone().addCallback(self._done).addErrback(self._failed)

    def _steps(self) -> Iterator[None]:
        """
        Take the snapshots.
        """
        snapshots = iter(self._snapshots())
        while True:
            began = self._reactor.seconds()
            found = next(snapshots, None)
            if found is None:
                return
            self._display.take(found)
            self._spent += self._reactor.seconds() - began
            yield

    def _done(self, ignored: object) -> None:
        """
        Show what was taken, and wait for the next round.
        """
        self._display.taken()
        if not self._isStopped:
            passed = self._reactor.seconds() - self._began
            every = self._display.every / SECOND
            # Timers may be early by the rounding of a float.
            least = int(passed / every + 0.001) + 1
            self._set(max(least, ceil((passed + PAUSE * self._spent) / every)))

    def _failed(self, failure: Failure) -> None:
        """
        Report an error, but not that the rounds were stopped.
        """
        if not self._isStopped:
            self._broken(failure)
