"""
The local time zone, set for a test; and files of zones.
"""

from __future__ import annotations

import os
import struct
import time

from twisted.trial.unittest import SynchronousTestCase


def setZone(case: SynchronousTestCase, zone: str) -> None:
    """Set the local time zone until the test ends."""
    before = os.environ.get("TZ")

    def restore() -> None:
        if before is None:
            os.environ.pop("TZ", None)
        else:
            os.environ["TZ"] = before
        time.tzset()

    case.addCleanup(restore)
    os.environ["TZ"] = zone
    time.tzset()


def writeZone(path: str, name: str, seconds: int) -> None:
    """
    Put a file of a zone (RFC 8536) in the place of another one.

    @param seconds: by which the zone is always ahead of UTC.
    """
    counts = struct.pack("!6I", 0, 0, 0, 0, 1, len(name) + 1)
    zone = struct.pack("!iBB", seconds, 0, 0) + name.encode() + b"\0"
    with open(f"{path}.new", "wb") as file:
        file.write(b"TZif" + bytes(16) + counts + zone)
    os.rename(f"{path}.new", path)
