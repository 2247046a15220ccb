"""
Runs the reactor for one command, and handles the signals that end it.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable, Mapping
from typing import Any

from twisted.python.failure import Failure

from echostamp.exitstatus import NEAR_END_FAILED, Outcome, deadly, said

#: Seconds that a command may take to end after SIGINT or SIGTERM.
MOST_STOPPING = 5.0


class CommandRun:
    """
    Runs the reactor until the outcome of a command is known.

    The command gives its outcome to L{end}.  The first SIGINT or SIGTERM asks the
    command to stop.  A second one kills the process, whatever it waits for; so does
    the first one where the command does not end within L{MOST_STOPPING}.  For example::

        run = CommandRun(
            reactor,
            stop=lambda number: reactor.callFromThread(prober.stop),
            mustExit=lambda: dialer.isLookingUp,
            signals={signal.SIGQUIT: showFigures},
        )
        prober.done.addCallbacks(run.end, run.broken)
        return run.untilEnd(prober.start)
    """

    def __init__(
        self,
        reactor: Any,
        stop: Callable[[int], object],
        mustExit: Callable[[], bool] = lambda: False,
        signals: Mapping[int, Callable[[], object]] | None = None,
        beforeDeath: Callable[[], object] | None = None,
    ) -> None:
        """
        @param reactor: the reactor to run.
        @param stop: called with the signal's number on the first SIGINT or SIGTERM.
            It runs inside the signal handler, between any two steps of the program,
            so that it takes effect before other events of the same turn.  It hands
            longer work to C{reactor.callFromThread}.
        @param mustExit: asked at the end: whether the process must exit at once.
            That is so while a name is or may be looked up.  The look-up runs in a
            thread that cannot be cancelled, and the reactor would wait for the thread.
        @param signals: more signals, by number, each with a function that is called
            in a turn of the reactor.  Such a signal does not end the command.
        @param beforeDeath: called before a second SIGINT or SIGTERM kills the process.
        """
        self._reactor = reactor
        self._stop = stop
        self._mustExit = mustExit
        self._signals = dict(signals or {})
        self._beforeDeath = beforeDeath
        self._outcome: Outcome | None = None

    def untilEnd(self, start: Callable[[], object]) -> Outcome:
        """
        Run the reactor until L{end} or L{broken} is called.

        @param start: begins the command; it is called once the reactor runs.
        @return: the command's outcome.
        """
        # What has been loaded stays.  Each collection would look through all of it, and
        # replies would wait for some milliseconds; the last one would delay the end.
        gc.freeze()
        gc.enable()
        # The reactor's own handlers would take a signal that comes while it starts.
        self._installHandlers()
        self._reactor.callWhenRunning(self._begin, start)
        self._reactor.run(installSignalHandlers=False)
        assert self._outcome is not None
        return self._outcome

    def _begin(self, start: Callable[[], object]) -> None:
        """
        Begin the command.  The reactor would run on if that failed.
        """
        try:
            start()
        except Exception:
            self.broken(Failure())

    def end(self, outcome: Outcome) -> None:
        """
        Stop the reactor.  Only the first outcome counts.

        Where the process must exit at once, this writes the outcome's line to standard
        error and does not return.
        """
        if self._outcome is not None:
            return
        self._outcome = outcome
        if self._mustExit():
            os._exit(said(outcome))
        self._reactor.stop()

    def broken(self, failure: Failure) -> None:
        """
        Print the traceback of an error in EchoStamp, and end the command.
        """
        failure.printTraceback(sys.stderr)
        self.end(Outcome(NEAR_END_FAILED, "the fault is EchoStamp's"))

    def _installHandlers(self) -> None:
        """
        Install the signal handlers.
        """
        for number in signal.SIGINT, signal.SIGTERM:
            signal.signal(number, self._interrupted)
        for other in self._signals:
            signal.signal(other, self._signalled)

    def _interrupted(self, number: int, frame: object) -> None:
        """
        Ask the command to stop.  The next signal of this kind kills the process.
        """
        signal.signal(number, deadly(self._beforeDeath))
        try:
            self._stop(number)
        finally:
            # It waits behind what the command has handed to the same queue.
            self._reactor.callFromThread(
                self._reactor.callLater, MOST_STOPPING, signal.raise_signal, number
            )

    def _signalled(self, number: int, frame: object) -> None:
        """
        Call the function for this signal in the reactor's next turn.
        """
        self._reactor.callFromThread(self._signals[number])
