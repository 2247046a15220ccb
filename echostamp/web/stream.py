"""
Sends a long answer.
"""

from __future__ import annotations

from typing import Generic, Protocol

from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from echostamp.web.encodings import Encoding, Key, Reader
from echostamp.web.request import WebRequest


class SharedAnswers(Protocol[Key]):
    """
    Gives answers to readers, such as L{Encodings <echostamp.web.encodings.Encodings>}.
    """

    def join(self, wanted: Key, reader: Reader) -> Encoding[Key]:
        """Give an answer to a reader."""

    def leave(self, encoding: Encoding[Key], reader: Reader) -> None:
        """Forget a reader."""


@implementer(IPushProducer)
class Stream(Generic[Key]):
    """
    Sends an answer as fast as its client reads.
    """

    def __init__(
        self, request: WebRequest, encodings: SharedAnswers[Key], wanted: Key
    ) -> None:
        """
        @param request: has asked.
        @param encodings: makes the answer.
        @param wanted: what to answer.
        """
        self._request = request
        self._encodings = encodings
        self._next = 0
        self._isPaused = False
        request.registerProducer(self, True)
        self._encoding: Encoding[Key] = encodings.join(wanted, self)
        # It fires when the answer is complete, and fails when the client has gone.
        request.notifyFinish().addBoth(self._ended)

    def pauseProducing(self) -> None:
        """Wait: the client does not read."""
        self._isPaused = True

    def resumeProducing(self) -> None:
        """Continue."""
        self._isPaused = False
        self.pull()

    def stopProducing(self) -> None:
        """Wait for the connection's end, which follows."""
        self._isPaused = True

    def pull(self) -> None:
        """Send what there is, unless the client does not read."""
        chunks = self._encoding.chunks
        while self._next < len(chunks):
            if self._isPaused:
                return
            self._next += 1
            self._request.write(chunks[self._next - 1])
        if self._encoding.isComplete:
            self._request.unregisterProducer()
            self._request.finish()

    def fail(self) -> None:
        """End the answer: there will not be all of it."""
        self._request.unregisterProducer()
        self._request.fail()

    def _ended(self, result: object) -> None:
        """
        Leave.
        """
        self._encodings.leave(self._encoding, self)
