"""
The settings that all echo connections of a daemon share.
"""

from __future__ import annotations

from dataclasses import dataclass

from echostamp.line.stamper import MAX_LENGTH
from echostamp.stamps import CTIME, StampFormat

#: Seconds without input that end a message before a connection's first newline.
PAUSE = 0.1


@dataclass(frozen=True)
class EchoSettings:
    """
    How messages end, and how stamps look.

    @ivar stampFormat: how stamps look.
    @ivar pause: seconds without input that end a message before the first newline of a
        connection; 0 makes each read a message.
    @ivar maxLength: the octets that a message may have before it is stamped
        unfinished.
    """

    stampFormat: StampFormat = CTIME
    pause: float = PAUSE
    maxLength: int = MAX_LENGTH
