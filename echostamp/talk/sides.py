"""
The two sides of a conversation, as far as it knows them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from twisted.internet.defer import Deferred

from echostamp.intercom.parsing import Origin


class Console(Protocol):
    """
    What a conversation needs of its near side.

    @ivar isTerminal: whether it is a terminal.
    """

    isTerminal: bool

    def show(self, heard: Sequence[tuple[Origin, bytes]]) -> None:
        """
        Write received pieces, each with its origin.
        """

    def connectionChanged(self) -> None:
        """
        Handle that the connection is lost, or that there is a new one.
        """

    def finish(self) -> None:
        """
        Write what is left, and then call
        L{Conversation.outputClosed<echostamp.talk.conversation.Conversation.outputClosed>}.
        """


class FarSide(Protocol):
    """
    What a conversation needs of its far side.

    @ivar transport: the connection's transport.
    @ivar isTls: whether the connection is over TLS, which has no half-close.
    @ivar parted: fires with L{None} when the connection is closed.
    """

    transport: Any
    isTls: bool
    parted: Deferred[None]

    def part(self) -> None:
        """Disconnect, and discard what still comes; C{parted} fires at the end."""
