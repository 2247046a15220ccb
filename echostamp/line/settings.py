"""
The settings that all echo connections of a daemon share.
"""

from __future__ import annotations

from dataclasses import dataclass

from echostamp.line.stamper import MAX_LENGTH
from echostamp.stamps import CTIME, StampFormat

#: Before a connection's first newline, a message also ends after this many seconds
#: without input.
PAUSE = 0.1


@dataclass(frozen=True)
class EchoSettings:
    """
    How messages end, and how stamps look.

    @ivar stampFormat: how stamps look.
    @ivar pause: before a connection's first newline, a message also ends after this
        many seconds without input.  With 0 each read is a message.
    @ivar maxLength: a message with more octets than this is stamped before it has
        ended.
    """

    stampFormat: StampFormat = CTIME
    pause: float = PAUSE
    maxLength: int = MAX_LENGTH
