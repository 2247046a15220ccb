"""
Writes why there may have been no reply over STAMP, and what the user may do.
"""

from __future__ import annotations

import errno
import os

from echostamp.measure.result import Result
from echostamp.rfc8762.findings import Findings
from echostamp.text import counted

#: What the user may do about invalid packets, by the reason.
_HINTS = {
    "no valid HMAC": "is --key the reflector's key?",
    "with SSID 0": "--strict-ssid refuses them",
}


def refusalHint(result: Result) -> str:
    """
    Write why there may have been no reply: which packets were refused, and which
    replies were invalid; nothing where there was no session.
    """
    found = result.session
    if not isinstance(found, Findings):
        return ""
    hints = [
        f"{counted(count, 'packet')}: {refusalName(error)}"
        for error, count in found.refusals
    ]
    hints += [
        f"{counted(count, 'invalid reply', 'invalid replies')}: {withHint(why)}"
        for why, count in found.invalid
    ]
    if not hints and found.farError is None:
        hints.append(
            "a reflector with another --key does not answer"
            if found.isKeyed
            else "a reflector with a key does not answer without --key"
        )
    return "; ".join(hints)


def withHint(why: str) -> str:
    """
    Write why packets were invalid, and what the user may do about it.
    """
    return f"{why} ({_HINTS[why]})" if why in _HINTS else why


def refusalName(error: int) -> str:
    """
    Write the meaning of a refused packet's C{errno}.
    """
    name = "nobody is at the port" if error == errno.ECONNREFUSED else ""
    return name or os.strerror(error)
