"""
What a session-sender reports to.
"""

from __future__ import annotations

from typing import Protocol

from echostamp.times import Times


class SenderOwner(Protocol):
    """
    What a session-sender reports replies to.
    """

    def replied(self, token: int, times: Times) -> bool:
        """
        A reply came, perhaps not the first one to this packet.

        @param token: the token that the packet was sent with.
        @return: whether the times of the packet are those of this reply, and are to be
            corrected.
        """

    def corrected(self, token: int, times: Times) -> bool:
        """
        The times of an answered packet are known more exactly now.

        @return: whether they can be true.
        """


class _Nobody:
    """
    Ignores what it gets.
    """

    def replied(self, token: int, times: Times) -> bool:
        """Ignore a reply."""
        return False

    def corrected(self, token: int, times: Times) -> bool:
        """Ignore more exact times."""
        return True


#: The owner of sessions that have ended.
NOBODY = _Nobody()
