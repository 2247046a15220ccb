"""
The replies of a member that wait for their place in the order of a relay.
"""

from __future__ import annotations

from collections import deque

from echostamp.intercom.speech import WaitingReply

#: Octets of a peer's own replies that may wait before it is not read from any more.
MOST_WAITING = 65_536

#: How many of its replies may wait, however short they are.
MOST_REPLIES = 256

#: Octets that a command that waits counts for.
COMMAND = 8192


class WaitingReplies:
    """
    Replies in the order of their messages.
    """

    __slots__ = ("_octets", "_replies")

    def __init__(self) -> None:
        self._replies: deque[WaitingReply] = deque()
        self._octets = 0

    def __len__(self) -> int:
        return len(self._replies)

    @property
    def isFull(self) -> bool:
        """Whether as many wait as may."""
        return self._octets > MOST_WAITING or len(self._replies) >= MOST_REPLIES

    @property
    def isOwed(self) -> bool:
        """Whether a reply waits that the peer is to get."""
        return self._octets > 0

    @property
    def isReady(self) -> bool:
        """Whether the first waits for nothing but those before it."""
        return bool(self._replies) and self._replies[0].operation is None

    @property
    def lines(self) -> int:
        """How many lines of the peer these answer."""
        return sum(each.octets.count(b"\n") for each in self._replies)

    def add(self, reply: WaitingReply) -> None:
        """
        Add a reply behind the others.
        """
        self._replies.append(reply)
        self._octets += _cost(reply)

    def addFirst(self, reply: WaitingReply) -> None:
        """
        Add a reply before the others.
        """
        self._replies.appendleft(reply)
        self._octets += _cost(reply)

    def take(self) -> WaitingReply:
        """
        Remove the first reply, and give it.
        """
        reply = self._replies.popleft()
        self._octets -= _cost(reply)
        return reply

    def clear(self) -> None:
        """
        Remove all.
        """
        self._replies.clear()
        self._octets = 0


def _cost(reply: WaitingReply) -> int:
    """
    Give the octets of a reply.  A command counts for more: its answer may be long.
    """
    isCommand = reply.command and reply.operation is None
    return len(reply.octets) + (COMMAND if isCommand else 0)
