"""
Makes long answers, a little in each turn of the event loop.
"""

from __future__ import annotations

import time
import zlib
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any, Generic, Protocol, TypeVar

from twisted.logger import Logger

from echostamp.times import MILLISECOND

#: How long one turn works, in nanoseconds.  A turn ends with the step that passes this.
#: The figures of a peer with many probes take up to 3 ms, most steps 0.1 ms.
SLICE = MILLISECOND

#: Octets that are compressed in one step.
_PIECE = 16384

#: How hard gzip tries.  More than this saves little and takes long.
_LEVEL = 3

#: The most octets of complete answers that wait for clients that read slowly.
MOST_UNREAD = 16 << 20

log = Logger(namespace="echostamp")

#: What an answer is asked for by.
Key = TypeVar("Key", bound=Hashable)


def zipped(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """
    Compress chunks.

    @param chunks: an empty one is a step without octets.
    """
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    for chunk in chunks:
        if not chunk:
            yield b""
        for start in range(0, len(chunk), _PIECE):
            yield packer.compress(chunk[start : start + _PIECE])
    yield packer.flush()


class Reader(Protocol):
    """
    Reads an encoding.
    """

    def pull(self) -> None:
        """There is more, or all."""

    def fail(self) -> None:
        """There will not be all of it."""


class Encoding(Generic[Key]):
    """
    An answer that is being made, for one client or several.

    @ivar wanted: what they have asked for.
    @ivar chunks: its octets so far.
    @ivar isComplete: whether these are all.
    @ivar readers: who reads it.
    """

    def __init__(self, wanted: Key, steps: Iterator[bytes]) -> None:
        """
        @param steps: makes it.
        """
        self.wanted = wanted
        self.chunks: list[bytes] = []
        self.isComplete = False
        self.readers: list[Reader] = []
        self._steps = steps

    @property
    def size(self) -> int:
        """How many octets it holds."""
        return sum(map(len, self.chunks))

    def step(self) -> bool:
        """
        Make a little more of it.

        @return: whether there is something for its readers.
        """
        try:
            chunk = next(self._steps)
        except StopIteration:
            self.isComplete = True
            return True
        if chunk:
            self.chunks.append(chunk)
        return bool(chunk)

    def fail(self) -> None:
        """
        Tell the readers that it ends here.
        """
        for reader in list(self.readers):
            reader.fail()


class Encodings(Generic[Key]):
    """
    Makes one answer after the other.  Those who ask for the same share one.
    """

    def __init__(
        self,
        reactor: Any,
        steps: Callable[[Key], Iterator[bytes]],
        clock: Callable[[], int] = time.monotonic_ns,
        mostUnread: int = MOST_UNREAD,
    ) -> None:
        """
        @param reactor: runs the turns: an L{IReactorTime
            <twisted.internet.interfaces.IReactorTime>}.
        @param steps: makes an answer, in small steps: gives the octets of each step,
            empty for most.
        @param clock: gives nanoseconds.
        @param mostUnread: see L{MOST_UNREAD}.
        """
        self._reactor = reactor
        self._steps = steps
        self._clock = clock
        self._mostUnread = mostUnread
        # The first one is being made.
        self._waiting: dict[Key, Encoding[Key]] = {}
        self._unread: list[Encoding[Key]] = []
        # Readers to tell that there is more, one a step: 200 would hold the loop.
        self._told: deque[tuple[Encoding[Key], Reader]] = deque()
        self._turning: Any = None

    def join(self, wanted: Key, reader: Reader) -> Encoding[Key]:
        """
        Give an answer to a reader.  One that is not complete is shared.
        """
        encoding = self._waiting.get(wanted)
        if encoding is None:
            encoding = self._waiting[wanted] = Encoding(wanted, self._steps(wanted))
        encoding.readers.append(reader)
        self._continue()
        return encoding

    def leave(self, encoding: Encoding[Key], reader: Reader) -> None:
        """
        Forget a reader, and what nobody reads.
        """
        encoding.readers.remove(reader)
        if encoding.readers:
            return
        if self._isWaiting(encoding):
            del self._waiting[encoding.wanted]
        elif encoding in self._unread:
            self._unread.remove(encoding)

    def tell(self, encoding: Encoding[Key], readers: Iterable[Reader]) -> None:
        """
        Tell readers later that there is more, or all, unless they have left.
        """
        self._told.extend((encoding, each) for each in readers)
        self._continue()

    def _continue(self) -> None:
        """
        Work in the next turn, if there is work.
        """
        if (self._waiting or self._told) and self._turning is None:
            self._turning = self._reactor.callLater(0, self._turn)

    def _turn(self) -> None:
        """
        Work for a while.
        """
        try:
            self._work()
        finally:
            self._turning = None
            self._continue()

    def _work(self) -> None:
        """
        Tell readers, and make answers when all are told, until the slice is over.
        """
        end = self._clock() + SLICE
        while self._waiting or self._told:
            if self._told:
                encoding, reader = self._told.popleft()
                if reader in encoding.readers:
                    reader.pull()
            else:
                self._step(next(iter(self._waiting.values())))
            if self._clock() >= end:
                return

    def _isWaiting(self, encoding: Encoding[Key]) -> bool:
        """
        Tell whether an answer is being made, or waits for that.
        """
        return self._waiting.get(encoding.wanted) is encoding

    def _step(self, encoding: Encoding[Key]) -> None:
        """
        Make a little more of an answer.
        """
        try:
            isMore = encoding.step()
        except Exception:
            log.failure("an answer of the web site failed")
            self._waiting.pop(encoding.wanted, None)
            encoding.fail()
            return
        if isMore:
            self.tell(encoding, encoding.readers)
        if encoding.isComplete and self._isWaiting(encoding):
            del self._waiting[encoding.wanted]
            self._keep(encoding)

    def _keep(self, encoding: Encoding[Key]) -> None:
        """
        Keep a complete answer for those who read slowly.  If there is too much to keep,
        the clients of the oldest answers are disconnected.
        """
        self._unread.append(encoding)
        while len(self._unread) > 1 and self._octets() > self._mostUnread:
            self._unread.pop(0).fail()

    def _octets(self) -> int:
        return sum([each.size for each in self._unread])
