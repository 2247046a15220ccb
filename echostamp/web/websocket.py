"""
A WebSocket as a stream of octets: a transport between a web connection and a protocol.

What the payloads of its frames hold, one after the other, is the stream.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import (
    IConsumer,
    IDelayedCall,
    IHalfCloseableProtocol,
    IPushProducer,
    IReactorTime,
    ITransport,
)
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from echostamp.baresocket import isBareSocket
from echostamp.transportabove import TransportAbove
from echostamp.web.frames import Frames

#: Octets of frames that are read at once, and that may wait for the peer to read before
#: the protocol is paused.
PIECE = 16_384

#: Seconds that a peer has to answer our Close frame, and then to take what was written
#: before it.
CLOSE_GRACE, LAST_GRACE = 1.0, 5.0


@implementer(IPushProducer)
class _Output:
    """
    Told by the transport below when the peer has to read before more is sent.

    It is not the L{WebSocketTransport}, whose methods of these names are about reading.

    @ivar isFull: whether the peer has to read first.
    """

    def __init__(self, owner: WebSocketTransport) -> None:
        """
        @param owner: told when what waited has been sent.
        """
        self._owner = owner
        self.isFull = False

    def pauseProducing(self) -> None:
        """Pause the producer above."""
        self.isFull = True
        if self._owner.producer is not None:
            self._owner.producer.pauseProducing()

    def resumeProducing(self) -> None:
        """Resume it: everything has been sent."""
        if self.isFull:
            self.isFull = False
            self._owner.outputGone()

    def stopProducing(self) -> None:
        """Do nothing: C{connectionLost} follows."""


@implementer(ITransport, IConsumer, IHalfCloseableProtocol)
class WebSocketTransport(TransportAbove):
    """
    The server's end of a WebSocket: the protocol of the connection below, and the
    transport of a protocol above, which supports half-close.

     - The peer's Close frame or FIN ends the protocol's input.  Its remaining output is
       sent, then our Close frame.  So does a wrong frame; our Close frame says what is
       wrong.
     - There is no half-close of our own: once our Close frame is sent, what arrives is
       read and discarded, until the peer has answered it or has had L{CLOSE_GRACE}
       seconds.  A close with unread input would destroy replies in flight.
     - While the protocol does not read, no frame is looked at.
     - Of many pings the last one is answered.

    @ivar producer: makes what is written; L{None} without one.
    """

    producer: Any = None

    _inputEnded = _finReceived = _isLost = False
    _turn: IDelayedCall | None = None
    _timer: IDelayedCall | None = None

    def __init__(
        self, clock: IReactorTime, protocol: Any, isStopping: Callable[[], bool]
    ) -> None:
        """
        @param clock: runs the timers.
        @param protocol: the protocol above.
        @param isStopping: whether the daemon is stopping: the Close frame says so.
        """
        self._clock = clock
        self._protocol = protocol
        self._isStopping = isStopping
        self._frames = Frames()
        self._output = _Output(self)

    def makeConnection(self, transport: Any) -> None:
        """Connect the protocol: the WebSocket is open."""
        self.transport = transport
        if isBareSocket(transport):
            # Other transports have a limit of their own.
            transport.bufferSize = PIECE
        transport.registerProducer(self._output, True)
        self._protocol.makeConnection(self)
        if not self._isPaused:
            transport.resumeProducing()

    # How data comes in.

    def dataReceived(self, data: bytes) -> None:
        """Read frames, and pass on what they hold."""
        wasHeld = self._frames.isMore
        self._frames.feed(data)
        # TLS may deliver data even after it was told to pause.
        if not (wasHeld or self._isPaused):
            self._read()

    def _read(self) -> None:
        """
        Pass on what frames hold, as many as one turn has time for.
        """
        wasHeld, self._turn = self._turn is not None, None
        frames = self._frames
        data = frames.take()
        self._answerPing()
        if data and not self._isClosing:
            self._protocol.dataReceived(data)
        if self._isLost:
            return
        if frames.isMore:
            self.transport.pauseProducing()
            self._readAgain()
        elif (frames.hasEnded or self._finReceived) and not self._inputEnded:
            self._endInput()
        elif wasHeld:
            self._readAgain()

    def _answerPing(self) -> None:
        """
        Answer the last ping, unless the peer has to read first.
        """
        if not (self._output.isFull or self._isClosing):
            self.transport.write(self._frames.pong())

    def _endInput(self) -> None:
        """
        End the protocol's input; or the connection, where it waited for that.
        """
        self._inputEnded = True
        if not self._isClosing:
            self._protocol.readConnectionLost()
        elif self._finReceived or not self._frames.isWrong:
            self._finish()

    def readConnectionLost(self) -> None:
        """End the input: the peer's FIN has arrived."""
        self._finReceived = True
        if self._isClosing:
            self._finish()
        elif not (self._inputEnded or self._frames.isMore):
            self._endInput()

    def writeConnectionLost(self) -> None:
        """Do nothing: only the whole connection is closed at this end."""

    def _readAgain(self) -> None:
        """
        Read again, unless something is against it: first the frames that wait, in the
        next turn.
        """
        if self._isPaused or self._isLost or self._turn is not None:
            return
        if self._frames.isMore:
            self._turn = self._clock.callLater(0, self._read)
        else:
            self.transport.resumeProducing()

    # How data goes out.

    def write(self, data: bytes) -> None:
        """Send data in a frame.  After L{loseConnection} it is dropped."""
        if data and not (self._isClosing or self._isLost):
            self.transport.write(self._frames.message(data))

    def writeSequence(self, data: Any) -> None:
        """Send data that is in parts."""
        self.write(b"".join(data))

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """
        Pause and resume a push producer.

        @raise ValueError: it is a pull producer.
        """
        if not streaming:
            raise ValueError("a WebSocket has push producers only")
        self.producer = producer
        if self._output.isFull:
            producer.pauseProducing()

    def unregisterProducer(self) -> None:
        """Have no producer."""
        self.producer = None

    def outputGone(self) -> None:
        """Continue: the peer has read what waited."""
        self._answerPing()
        if self._isClosing:
            self._linger()
        elif self.producer is not None and not self._output.isFull:
            self.producer.resumeProducing()

    # How the connection ends.

    def loseConnection(self) -> None:
        """Send a Close frame behind everything that was written, and close when the
        peer has answered it."""
        if self._isClosing or self._isLost:
            return
        self._isClosing = True
        self._isPaused = False
        self.transport.write(self._frames.close(self._isStopping()))
        if self._finReceived or (self._inputEnded and not self._frames.isWrong):
            self._finish()
            return
        self._readAgain()
        if not self._output.isFull:
            self._linger()

    def loseWriteConnection(self) -> None:
        """Do as L{loseConnection} does: a WebSocket has no half-close."""
        self.loseConnection()

    def _linger(self) -> None:
        """
        Give the peer some time to answer our Close frame, which has been sent.
        """
        if self._timer is None:
            self._timer = self._clock.callLater(CLOSE_GRACE, self._finish)

    def _finish(self) -> None:
        """
        Close the connection behind everything that was written.
        """
        self._stopTimers()
        self._timer = self._clock.callLater(LAST_GRACE, self.abortConnection)
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def abortConnection(self) -> None:
        """Close the connection at once, and drop what waits."""
        if not self._isLost:
            self._isClosing = True
            self.transport.abortConnection()

    def _stopTimers(self) -> None:
        """
        Stop all timers.
        """
        for timer in self._turn, self._timer:
            if timer is not None and timer.active():
                timer.cancel()
        self._turn = self._timer = None

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Pass on the end of the connection."""
        self._isLost = True
        self._stopTimers()
        self._protocol.connectionLost(reason)
