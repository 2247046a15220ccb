"""
Gives an answer again while it is fresh: many browsers show the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Generic

from echostamp.times import SECOND
from echostamp.web.encodings import Encoding, Encodings, Key, Reader

#: For how long, in nanoseconds.
FRESH = SECOND


class _Kept(Generic[Key]):
    """
    An answer that is kept for others: it counts as one of its readers.

    @ivar encoding: the answer.
    @ivar until: until when it is given again, in nanoseconds.
    """

    def __init__(self, pages: FreshPages[Key], encoding: Encoding[Key], until: int):
        """
        @param pages: keeps it.
        @param until: see above.
        """
        self.encoding = encoding
        self.until = until
        self._pages = pages
        encoding.readers.append(self)

    def pull(self) -> None:
        """Do nothing: it is there for others."""

    def fail(self) -> None:
        """Give it to nobody any more."""
        self._pages.forget(self)


class FreshPages(Generic[Key]):
    """
    Makes each answer at most once a second.  It is used like L{Encodings}, which bounds
    what is kept.
    """

    def __init__(
        self,
        reactor: Any,
        encodings: Encodings[Key],
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """
        @param reactor: runs the timers: an L{IReactorTime
            <twisted.internet.interfaces.IReactorTime>}.
        @param encodings: makes the answers.
        @param clock: gives nanoseconds.
        """
        self._reactor = reactor
        self._encodings = encodings
        self._clock = clock
        self._kept: dict[Key, _Kept[Key]] = {}

    def join(self, wanted: Key, reader: Reader) -> Encoding[Key]:
        """
        Give an answer to a reader.  One that is being made, or is fresh, is shared.
        """
        now, kept = self._clock(), self._kept.get(wanted)
        if kept is not None and now >= kept.until and kept.encoding.isComplete:
            self.forget(kept)
            kept = None
        if kept is None:
            encoding = self._encodings.join(wanted, reader)
            kept = self._kept[wanted] = _Kept(self, encoding, now + FRESH)
            self._reactor.callLater(FRESH / SECOND, self._old, kept)
            return encoding
        encoding = kept.encoding
        encoding.readers.append(reader)
        if encoding.isComplete:
            self._reactor.callLater(0, self._pull, encoding, reader)
        return encoding

    def leave(self, encoding: Encoding[Key], reader: Reader) -> None:
        """
        Forget a reader.
        """
        self._encodings.leave(encoding, reader)

    def _pull(self, encoding: Encoding[Key], reader: Reader) -> None:
        """
        Let a reader read, unless it has left.
        """
        if reader in encoding.readers:
            reader.pull()

    def _old(self, kept: _Kept[Key]) -> None:
        """
        Forget an answer that is not fresh.  One that takes so long to make is shared
        until it is complete, and then by those who come in the same time again.
        """
        if kept.encoding.isComplete:
            self.forget(kept)
        else:
            self._reactor.callLater(FRESH / SECOND, self._old, kept)

    def forget(self, kept: _Kept[Key]) -> None:
        """
        Forget an answer, if it is still kept.
        """
        if self._kept.get(kept.encoding.wanted) is kept:
            del self._kept[kept.encoding.wanted]
            self._encodings.leave(kept.encoding, kept)
