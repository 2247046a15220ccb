"""
Decides whether a peer is up; pure.
"""

from __future__ import annotations

from echostamp.times import SECOND

#: How many replies in a row show that a peer is up again, and how many due probes
#: without any show that it is down.
REPLIES = DUE = 3

#: With a longer interval than this, one reply shows that a peer is up again.
SLOW = 20 * SECOND


class Contact:
    """
    Whether a peer is up.

    It is down when there was no reply for the timeout and three intervals, and three
    probes were due in that time.  It is up again after three replies in a row, or after
    the first one where the interval is above L{SLOW}.  The first reply of all shows
    that it is up.

    Times are nanoseconds by the monotonic clock.  The time of a stall of this process
    does not count, nor do probes that were due in one.

    @ivar isUp: whether it is up; L{None} while that is not known.
    @ivar since: when that began.
    @ivar downs: how often it went down.
    @ivar lastReply: when the last reply came, or else when the first probe was due.
    """

    def __init__(self, timeout: int, interval: int, now: int) -> None:
        """
        @param timeout: how long a probe may wait for its reply.
        @param interval: from one probe to the next.
        @param now: when the first probe is due.
        """
        self.isUp: bool | None = None
        self.since = now
        self.downs = 0
        self._downFor = 0
        self.resume(timeout, interval, now)

    def resume(self, timeout: int, interval: int, now: int) -> None:
        """
        Begin to look again, with other settings.  The peer is as it was.

        @param timeout: as for L{__init__}, and so are the others.
        """
        self._silence = timeout + 3 * interval
        self._quiet = interval + interval // 2
        self._needed = 1 if interval > SLOW else REPLIES
        self.lastReply = now
        self._due = 0

    def leave(self, now: int) -> int | None:
        """
        Look no more.  It is not known any longer whether the peer is up.

        @return: how long it has been down now; L{None} if it is not.
        """
        length = now - self.since if self.isUp is False else None
        self._downFor = self.downFor(now)
        self.isUp, self.since = None, now
        return length

    def isSilent(self, now: int) -> bool:
        """
        Tell whether it is down, or may soon be: two probes were due since the last
        reply, and that was so long ago that none of several flows is answered.
        """
        isQuiet = self._due >= DUE - 1 and now - self.lastReply >= self._quiet
        return self.isUp is False or isQuiet

    def downFor(self, now: int) -> int:
        """
        Give how long the peer has been down in all.
        """
        return self._downFor + (now - self.since if self.isUp is False else 0)

    def replied(self, now: int, inARow: int) -> bool:
        """
        A probe was answered in time.

        @param inARow: to how many probes of its flow replies came, one after the other.
        @return: whether the peer is up again by that.
        """
        self.lastReply = now
        self._due = 0
        if self.isUp or (self.isUp is False and inARow < self._needed):
            return False
        wasDown = self.isUp is False
        if wasDown:
            self._downFor += now - self.since
        self.isUp, self.since = True, now
        return wasDown

    def due(self, now: int) -> bool:
        """
        A probe is due, whether it can be sent or not.

        @return: whether the peer is down by that.
        """
        isDown = self._due >= DUE and now - self.lastReply >= self._silence
        self._due += 1
        if self.isUp is False or not isDown:
            return False
        self.isUp, self.since = False, now
        self.downs += 1
        return True

    def stalled(self, late: int) -> None:
        """
        This process was suspended or blocked.

        @param late: for how many nanoseconds.
        """
        self.lastReply += late
