"""
Attaches a console to standard input and output.
"""

from __future__ import annotations

import os
from typing import Any, cast

from twisted.internet.error import ConnectionDone
from twisted.internet.stdio import StandardIO
from twisted.python.failure import Failure

from echostamp.talk.consoles import PipeConsole, TerminalConsole
from echostamp.talk.terminal import privateDescriptor


class _CheckedStandardIO(StandardIO):
    """
    Standard input and output.  A failed read is not taken for the end of the input.
    """

    def childConnectionLost(self, fd: str, reason: Failure) -> None:
        """Report a failed read to the conversation."""
        if fd == "read" and not reason.check(ConnectionDone):
            cast(Any, self).protocol.conversation.inputFailed()
        cast(Any, StandardIO).childConnectionLost(self, fd, reason)


def attach(console: TerminalConsole | PipeConsole, reactor: Any) -> None:
    """
    Connect a console to standard input and output.
    """
    cast(Any, _CheckedStandardIO)(
        console,
        privateDescriptor(0, os.O_RDONLY),
        privateDescriptor(1, os.O_WRONLY),
        reactor,
    )
