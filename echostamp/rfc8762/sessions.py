"""
The sessions of a stateful session-reflector.  Pure: no Twisted, no clock, no I/O.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import NamedTuple

from echostamp.rfc8762.losses import numbersAhead

#: Sessions at a time: of all sources, and of one.
MOST, MOST_OF_ONE = 10_000, 1_000

#: Nanoseconds without a packet after which a session is forgotten: REFWAIT of RFC 5357,
#: section 3.1.
LONGEST_SILENCE = 900_000_000_000


class Request(NamedTuple):
    """
    What tells a session's packets from those of the next session.

    @ivar sequence: its sequence number.
    @ivar isPtp: whether its T1 has PTP's format instead of NTP's.
    @ivar t1: its T1, 64 bits.
    """

    sequence: int
    isPtp: bool
    t1: int


@dataclass(slots=True)
class Session:
    """
    A session: the packets of one session-sender, as long as they keep coming.

    @ivar source: the source that it counts for.
    @ivar packets: how many packets were answered: the number of the next reply.
    @ivar last: when the last packet came.
    @ivar sent: the number of the last reply whose departure is known; L{None} where
        none is.
    @ivar left: when that reply left, in nanoseconds since the epoch.
    @ivar latest: the packet that was sent last, by its T1.
    """

    source: Hashable = None
    packets: int = 0
    last: int = 0
    sent: int | None = None
    left: int = 0
    latest: Request | None = None

    def isOver(self, request: Request) -> bool:
        """
        Take a packet, and return whether its sender has begun a new session: its number
        is 0, and it was sent after all others.  A late second copy was not.
        """
        last = self.latest
        if last is None or request.isPtp != last.isPtp:
            isLater = True
        else:
            # The eras of either format follow each other without a gap.
            isLater = 0 < (request.t1 - last.t1) % (1 << 64) < 1 << 63
        if isLater:
            self.latest = request
        return (
            last is not None
            and isLater
            and request.sequence == 0
            # It also starts again at 0 after 2^32 packets.
            and numbersAhead(0, last.sequence) <= 0
        )


class Sessions:
    """
    The sessions of a stateful reflector: a bounded number, each for a bounded time.
    """

    def __init__(
        self,
        most: int = MOST,
        longest: int = LONGEST_SILENCE,
        mostOfOne: int = MOST_OF_ONE,
    ) -> None:
        """
        @param most: how many sessions there may be.
        @param longest: nanoseconds of silence after which a session may be forgotten.
        @param mostOfOne: how many sessions one source may have.
        """
        self._most = most
        self._longest = longest
        # In the order of their last packets.
        self._sessions: OrderedDict[Hashable, Session] = OrderedDict()
        self._mostOfOne = mostOfOne
        self._counts: Counter[Hashable] = Counter()

    def __len__(self) -> int:
        """How many sessions there are."""
        return len(self._sessions)

    def session(
        self, source: Hashable, key: Hashable, now: int, request: Request
    ) -> Session | None:
        """
        Find the session of a packet, or begin one.  A sender that begins again from the
        same port gets a new session.

        @param source: the source that the session counts for.
        @param key: identifies the session.
        @param now: nanoseconds, by a monotonic clock.
        @return: L{None} where there are too many sessions that are not silent.
        """
        session = self._sessions.get(key)
        if session is not None and now - session.last > self._longest:
            session = None
        if session is None:
            self._forget(now)
            if (
                len(self._sessions) >= self._most
                or self._counts[source] >= self._mostOfOne
            ):
                return None
            session = self._sessions[key] = Session(source)
            self._counts[source] += 1
        if session.isOver(request):
            # Reports on replies of the old one still find that.
            session = self._sessions[key] = Session(source, latest=request)
        session.last = now
        self._sessions.move_to_end(key)
        return session

    def living(self, now: int) -> int:
        """
        Give how many sessions there are, without the silent ones.

        @param now: nanoseconds, by a monotonic clock.
        """
        self._forget(now)
        return len(self)

    def _forget(self, now: int) -> None:
        """
        Forget the silent sessions.
        """
        while self._sessions:
            oldest = next(iter(self._sessions.values()))
            if now - oldest.last <= self._longest:
                break
            self._sessions.popitem(last=False)
            self._counts[oldest.source] -= 1
            if not self._counts[oldest.source]:
                del self._counts[oldest.source]
