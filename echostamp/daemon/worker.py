"""
A worker: one of several processes that serve the echo and the reflector of a daemon.

Its parent starts it as C{python -m echostamp.daemon.worker REACTOR}, with the
descriptors that L{echostamp.workers.descriptors} names, and tells it the rest by
messages, so that its command line has no secret.
"""

from __future__ import annotations

import faulthandler
import os
import resource
import signal
import sys
from typing import Any

from twisted.application.reactors import installReactor
from twisted.internet.defer import maybeDeferred
from twisted.internet.stdio import StandardIO
from twisted.logger import Logger, globalLogBeginner

from echostamp import __version__
from echostamp.daemon.monotonic import MonotonicTimers
from echostamp.daemon.serving import GivenOptions, Serving
from echostamp.daemon.workerlog import PipeLog
from echostamp.workers.descriptors import ERRORS, FROM_WORKER, LOG, TO_WORKER
from echostamp.workers.messages import VERSION, Message, MessagePipe

log = Logger(namespace="echostamp")

#: Seconds after SIGTERM until the parent is asked for a successor, and until this
#: process ends without one.
_SOON, _PATIENCE = 0.5, 15.0

#: Seconds that the last message may take to a parent that does not read.
_LAST = 1.0


class Worker:
    """
    Does what the parent says.
    """

    def __init__(self, reactor: Any, pipeLog: PipeLog) -> None:
        """
        @param reactor: the reactor.
        @param pipeLog: the log.
        """
        self._reactor = reactor
        self._pipeLog = pipeLog
        self._serving: Serving | None = None
        self._isEnding = self._isTerminated = False
        self.messages = MessagePipe(self._received, self.lost)

    def _received(self, message: Message) -> None:
        """
        Do what a message says.
        """
        kind = message["kind"]
        if kind == "start":
            self._start(message)
        elif kind == "abort":
            self.abort()
        elif kind == "drain":
            self.drain()
        elif self._serving is None:
            # It is being refused.
            return
        elif kind == "ask":
            self._pipeLog.flush()
            self.messages.say("alive", figures=self._serving.figures())
        elif kind == "read":
            indexes = message["indexes"]
            reading = maybeDeferred(self._serving.read, indexes)
            reading.addCallbacks(self._isReading, self._failed)
        elif kind == "leave":
            self._serving.leave()
            self.messages.say("left")
        elif kind == "reload":
            self._serving.reload(message["files"])

    def _start(self, message: Message) -> None:
        """
        Prepare to serve.
        """
        if message["version"] != VERSION:
            self._refuse(
                f"EchoStamp {__version__} has messages of version {VERSION}, and not "
                f"of version {message['version']}"
            )
            return
        try:
            options = GivenOptions()
            options.parseOptions(message["arguments"])
            self._serving = Serving(self._reactor, options, message)
        except SystemExit as error:
            self._refuse(str(error.code))
        except Exception as error:
            log.failure("while preparing to serve")
            self._refuse(f"{type(error).__name__}: {error}")
        else:
            self.messages.say("ready")

    def _refuse(self, why: str) -> None:
        """
        Tell the parent why this process cannot serve, and end.
        """
        self.messages.say("refused", why=why)
        self.drain()

    def _isReading(self, sessions: int) -> None:
        """
        Report that the sockets are read.
        """
        assert self._serving is not None
        self.messages.say("reading", sessions=sessions)

    def _failed(self, failure: Any) -> None:
        """
        End: the sockets could not be read.
        """
        log.failure("while reading from the sockets", failure=failure)
        self.abort()

    def lost(self) -> None:
        """
        Drain: the parent is gone, or what it says has ended.
        """
        if not self._isEnding and self._serving is not None:
            self._serving.leave()
        self.drain()

    def terminated(self) -> None:
        """
        Ask the parent for a successor, at SIGTERM and SIGINT, so that somebody always
        serves.  Mostly the parent got the same signal, and soon says what to do.
        """
        if self._serving is None:
            self.drain()
        elif not self._isTerminated:
            self._isTerminated = True
            self._reactor.callLater(_SOON, self._leaving)
            self._reactor.callLater(_PATIENCE, self._leave)

    def _leaving(self) -> None:
        """
        Tell the parent that this process will end, unless it ends already.
        """
        if not self._isEnding:
            self.messages.say("leaving")

    def _leave(self) -> None:
        """
        Drain without a successor, unless this process ends already.
        """
        if not self._isEnding:
            self.messages.say("draining")
            self.drain()

    def drain(self) -> None:
        """
        Answer what has arrived, and end.
        """
        if self._isEnding:
            return
        self._isEnding = True
        if self._serving is None:
            self._end(None)
        else:
            self._serving.drain().addBoth(self._end)

    def abort(self) -> None:
        """
        Close the connections at once, and end.
        """
        self.drain()
        if self._serving is not None:
            self._serving.abort()

    def _end(self, result: object) -> object:
        """
        Say the last figures, and end the process.
        """
        if self._serving is not None:
            self.messages.say("alive", figures=self._serving.figures())
        self._pipeLog.flush()
        # What was said last is written before the end.
        late = self._reactor.callLater(_LAST, self._reactor.stop)

        def written() -> None:
            if late.active():
                late.cancel()
                self._reactor.stop()

        self.messages.lost = written
        transport: Any = self.messages.transport
        transport.loseConnection()
        return result


def main() -> None:
    """
    Run the worker.
    """
    faulthandler.enable()
    # The core of a worker that is ended would have keys in it.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for number in signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2:
        # They are the parent's.
        signal.signal(number, signal.SIG_IGN)
    os.set_blocking(LOG, False)
    os.set_blocking(ERRORS, False)
    pipeLog = PipeLog(LOG)
    globalLogBeginner.beginLoggingTo([pipeLog], redirectStandardIO=False)
    installReactor(sys.argv[1])
    from twisted.internet import reactor

    MonotonicTimers(reactor).startService()
    worker = Worker(reactor, pipeLog)
    running: Any = reactor

    def terminated(number: int, frame: object) -> None:
        running.callFromThread(worker.terminated)

    for number in signal.SIGTERM, signal.SIGINT:
        signal.signal(number, terminated)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    # Twisted's annotations have only one of its two classes of this name.
    connect: Any = StandardIO
    connect(worker.messages, TO_WORKER, FROM_WORKER, reactor=running)
    running.run(installSignalHandlers=False)


if __name__ == "__main__":
    main()
