"""
The signals that the daemon handles, from before it listens until it ends.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twisted.application.service import Service
from twisted.logger import Logger

log = Logger(namespace="echostamp")


class SignalService(Service):
    """
    Handles signals in turns of the reactor.

    The reactor installs its own handlers when it starts, after all services.  They end
    the process with another status than ours.  So the signals are blocked while the
    services start: the kernel keeps those that come, until our handlers are in place.

    SIGUSR1 reports, and twistd's own handler begins a new log file.  SIGUSR2 is for
    those with workers.  Where there is nothing to do, the log says so.

    When the reactor has stopped, nothing is left to do.  From then on the signals are
    ignored: Python restores the default actions of all others while it exits, and such
    a signal would replace the exit status.

    This service has to start before the first one that others can see.
    """

    name = "signals"

    def __init__(
        self,
        reactor: Any,
        calls: Mapping[int, Callable[[], object]],
        reports: Sequence[Callable[[], object]] = (),
        setHandler: Callable[[int, Any], object] = signal.signal,
        setMask: Callable[[int, Any], object] = signal.pthread_sigmask,
    ) -> None:
        """
        @param reactor: the reactor: an L{IReactorCore
            <twisted.internet.interfaces.IReactorCore>} with threads.
        @param calls: what to call at a signal, by its number.
        @param reports: called at SIGUSR1; each writes to the log.
        @param setHandler: installs the handler of a signal, and returns the old one.
        @param setMask: blocks or unblocks signals.
        """
        self._reactor = reactor
        self._calls = {
            signal.SIGUSR1: self._report,
            signal.SIGUSR2: self._doNothing,
            **calls,
        }
        self._reports = list(reports)
        self._setHandler = setHandler
        self._setMask = setMask
        self._isBlocking = False
        self._beginLogFile: Any = None

    def privilegedStartService(self) -> None:
        """
        Block the signals until the reactor runs.
        """
        if not self._isBlocking:
            self._isBlocking = True
            self._setMask(signal.SIG_BLOCK, self._calls)
            self._reactor.callWhenRunning(self._install)
            self._reactor.addSystemEventTrigger("after", "shutdown", self._ignore)

    def startService(self) -> None:
        """
        Block the signals, in case L{privilegedStartService} was not called.  C{twistd}
        calls that; C{twist} does not.
        """
        Service.startService(self)
        self.privilegedStartService()

    def _install(self) -> None:
        """
        Install the handlers in place of the reactor's own, and let the signals in.
        """
        for number in self._calls:
            before = self._setHandler(number, self._signalled)
            if number == signal.SIGUSR1 and callable(before):
                self._beginLogFile = before
        self._setMask(signal.SIG_UNBLOCK, self._calls)

    def _ignore(self) -> None:
        """
        Ignore the signals.
        """
        for number in self._calls:
            self._setHandler(number, signal.SIG_IGN)

    def _signalled(self, number: int, frame: object) -> None:
        """
        Handle a signal, which may interrupt any code.
        """
        if number == signal.SIGUSR1 and self._beginLogFile is not None:
            self._beginLogFile(number, frame)
        self._reactor.callFromThread(self._calls[number])

    def _report(self) -> None:
        """
        Write the reports of SIGUSR1 to the log.
        """
        for report in self._reports:
            report()
        if not self._reports and self._beginLogFile is None:
            log.info("SIGUSR1: no log file to rotate, and no reflector to report on")

    def _doNothing(self) -> None:
        """
        Log that SIGUSR2 has no effect.
        """
        log.info("SIGUSR2: nothing to do")
