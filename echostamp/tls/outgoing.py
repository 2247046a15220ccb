"""
The half of a TLS transport that sends: data that is written, and its producers.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable
from typing import Any, cast

from twisted.internet.interfaces import (
    IConsumer,
    IDelayedCall,
    IProducer,
    IPullProducer,
    IPushProducer,
    IReactorTime,
)
from zope.interface import implementer

from echostamp.tls.engine import RECORD, Engine, State
from echostamp.tls.output import Output

#: Octets of output that nobody has asked for, such as answers to key updates, that may
#: wait for the peer to read.  With more the peer is not read from.
MOST_UNASKED = 1 << 14


@implementer(IConsumer)
class Outgoing(ABC):
    """
    Encrypts and sends what is written, or queues it where the peer does not read.

    Data is encrypted when it can be sent, not before: so the ciphertext that waits is
    one record, beside what TLS has made by itself.

    @ivar transport: the transport below.
    @ivar disconnecting: whether the connection is being closed.
    """

    transport: Any

    disconnecting = False

    _output: Output
    _producer: Any = None
    _isStreaming = True
    # An empty deque needs 600 octets, and most connections never queue anything.
    _queue: deque[bytes | memoryview] | tuple[()] = ()
    # Whether data that is written can be encrypted and sent at once.
    _isReady = False
    # Whether what was sent last waits for the peer to read.
    _isBlocked = False
    _isHalfClosing = False
    _waking: IDelayedCall | None = None

    def __init__(self, engine: Engine, clock: IReactorTime) -> None:
        """
        @param engine: this end's TLS.
        @param clock: runs the timers.
        """
        self._engine = engine
        self._clock = clock
        # Those that every read looks at are not the class's: it would take longer.
        # Whether too much output that nobody has asked for waits.
        self._isOverfull = False
        # Whether our FIN is on its way.
        self._isClosing = False
        self._isLost = False

    @abstractmethod
    def _readAgain(self) -> None:
        """
        Read again, unless something else is against it.
        """

    @abstractmethod
    def _closeIfDone(self) -> None:
        """
        Continue a close that has waited until nothing waits to be sent.
        """

    @abstractmethod
    def _wake(self) -> None:
        """
        Continue what L{_wakeUp} has put off.
        """

    def _wakeUp(self) -> None:
        """
        Call L{_wake} in the reactor's next turn.
        """
        if self._waking is None:
            self._waking = self._clock.callLater(0, self._wake)

    def write(self, data: bytes) -> None:
        """
        Send data, or queue it where earlier data waits.  After C{loseConnection} it is
        dropped, unless a producer is registered.
        """
        if not self._isReady or not 0 < len(data) <= RECORD:
            self._queueData(data)
        else:
            self._output.send(self._engine.encrypt(data))

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """Send data that is in parts."""
        self.write(b"".join(data))

    def _queueData(self, data: bytes) -> None:
        """
        Queue data, and send what can be sent.
        """
        # It raises TypeError for text, as other transports do.
        view = memoryview(data)
        if not view or self._engine.isClosed or not self._mayWrite():
            return
        if not self._queue:
            self._queue = deque()
        self._queue.append(view)
        if not self._isBlocked:
            self._sendQueue()
            self._pullLater()

    def _mayWrite(self) -> bool:
        """
        Say whether data can still be written.
        """
        isEnding = self.disconnecting or self._isHalfClosing
        isOpen = self._engine.state in (State.OPEN, State.INPUT_ENDED)
        isWaited = self._producer is not None or not isEnding
        return isOpen and isWaited and not (self._isClosing or self._isLost)

    def _sendQueue(self) -> None:
        """
        Send until nothing waits, or the peer has to read first.
        """
        while (data := self.moreOutput()) and self._output.send(data):
            pass

    def _flush(self) -> None:
        """
        Send what TLS has made by itself.
        """
        if self._isClosing:
            self._engine.take()
        elif not self._isBlocked:
            self._sendQueue()
        elif self._engine.unsent > MOST_UNASKED and not self._isOverfull:
            self._isOverfull = True
            self.transport.pauseProducing()

    def outputBlocked(self) -> None:
        """Write no more: what was sent last waits for the peer to read."""
        if not self._isBlocked:
            self._isBlocked = True
            self._isReady = False
            if self._producer is not None and self._isStreaming:
                self._producer.pauseProducing()

    def moreOutput(self) -> bytes:
        """Give what TLS has made by itself, or else encrypt what is next."""
        if self._engine.unsent:
            return self._engine.take()
        queue = self._queue
        if not queue:
            return b""
        pieces: list[bytes | memoryview] = []
        room = RECORD
        while queue and room:
            piece = queue.popleft()
            if len(piece) > room:
                queue.appendleft(piece[room:])
                piece = piece[:room]
            room -= len(piece)
            pieces.append(piece)
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        return self._engine.encrypt(data)

    def outputGone(self) -> None:
        """Continue: the peer has read everything that waited."""
        self._isBlocked = False
        self._setReady()
        if self._isOverfull:
            self._isOverfull = False
            self._readAgain()
        if self._producer is not None:
            self._producer.resumeProducing()
        else:
            self._closeIfDone()

    def _setReady(self) -> None:
        """
        Find out whether data that is written can be sent at once.
        """
        isPulling = self._producer is not None and not self._isStreaming
        isEnding = self.disconnecting or self._isHalfClosing or self._isLost
        hasFailed = self._engine.state is State.FAILED
        self._isReady = not (self._isBlocked or isPulling or isEnding or hasFailed)

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        """
        Pause and resume a push producer, or ask a pull producer for more each time that
        everything it wrote is sent.
        """
        if self._producer is not None:
            raise RuntimeError(f"{self._producer} is not unregistered yet")
        if self._isLost or self._engine.state is State.FAILED:
            producer.stopProducing()
            return
        self._producer = producer
        self._isStreaming = streaming
        self._setReady()
        if not streaming:
            if not self._isBlocked:
                cast(IPullProducer, producer).resumeProducing()
                # Some write only when they are asked again.
                self._pullLater()
        elif self._isBlocked:
            cast(IPushProducer, producer).pauseProducing()

    def _pullLater(self) -> None:
        """
        Ask a pull producer for more in the next turn, unless output waits.
        """
        if self._producer is not None and not (self._isStreaming or self._isBlocked):
            self._wakeUp()

    def unregisterProducer(self) -> None:
        """Have no producer; a close that has waited for it begins."""
        self._producer = None
        self._setReady()
        self._closeIfDone()

    def _stopProducer(self) -> None:
        """
        Stop the producer: nobody takes what it makes.
        """
        producer, self._producer = self._producer, None
        self._setReady()
        if producer is not None:
            producer.stopProducing()
