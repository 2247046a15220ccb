"""
The messages between the parent and a worker: JSON objects, each behind its length in
four octets.

The field C{kind} of a message says what it is.  C{start}, the first one of the parent,
carries L{VERSION}.  A worker of another version of the messages refuses, and the parent
asks for a restart of the daemon.  So every version keeps the C{version} of C{start} and
the C{why} of C{refused}.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from twisted.protocols.basic import Int32StringReceiver

#: The version of the messages.
VERSION = 1

#: Octets of the longest message: one with certificates and keys.
LONGEST = 1 << 26

#: A message.
Message = dict[str, Any]


class MessagePipe(Int32StringReceiver):
    """
    One end of the messages.
    """

    MAX_LENGTH = LONGEST

    def __init__(
        self,
        received: Callable[[Message], object],
        lost: Callable[[], object] = lambda: None,
    ) -> None:
        """
        @param received: called with each message.
        @param lost: called when no message can come any more.

        @ivar lost: the same; it may be replaced.
        """
        self._received = received
        self.lost = lost

    def stringReceived(self, string: bytes) -> None:
        """Pass on a message."""
        self._received(json.loads(string))

    def say(self, kind: str, **fields: object) -> None:
        """
        Send a message.

        @param fields: what JSON can carry.
        """
        send: Any = self.sendString
        send(json.dumps({"kind": kind, **fields}).encode())

    def connectionLost(self, reason: object = None) -> None:
        """Report that no message can come any more."""
        self.lost()
