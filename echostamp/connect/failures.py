"""
What went wrong with a connection, in a few words.
"""

from __future__ import annotations

import errno
import os
import re
import sys

from twisted.internet.defer import TimeoutError
from twisted.internet.error import (
    ConnectBindError,
    ConnectError,
    ConnectionLost,
    DNSLookupError,
)
from twisted.internet.error import TimeoutError as UserTimeout
from twisted.python.failure import Failure

from echostamp.text import sslText

#: Alerts about a certificate: RFC 8446, section 6.2.
_OF_CERTIFICATE = re.compile(r"certificate|unknown ca|access denied")


def whatFailed(failure: Failure) -> str:
    """
    Say in a few words why a connection was not made, or was lost.
    """
    error = failure.value
    if isinstance(error, DNSLookupError):
        return "the name does not resolve"
    if isinstance(error, ConnectError) and error.osError:
        return os.strerror(error.osError)
    if isinstance(error, (UserTimeout, TimeoutError)):
        return "it did not answer in time"
    if isinstance(error, ConnectionLost):
        return "the connection was lost"
    ssl = sys.modules.get("OpenSSL.SSL")
    if ssl is not None and isinstance(error, ssl.Error):
        return _whatTlsSaid(error)
    return str(error) or type(error).__name__


def sourceHint(error: BaseException | None) -> str:
    """
    Say what could be wrong with the address that we were to come from, if that is what
    failed.
    """
    isIt = isinstance(error, ConnectBindError) and error.osError == errno.EADDRNOTAVAIL
    return "is --source one of this machine's addresses?" if isIt else ""


def _whatTlsSaid(error: Exception) -> str:
    """
    Say in a few words what OpenSSL has found, or been told.
    """
    text = sslText(error)
    alert = text.partition("alert ")[2]
    if _OF_CERTIFICATE.search(alert):
        return f"the far end refused our certificate ({alert})"
    if alert:
        return f"the far end refused TLS with us ({alert})"
    if "wrong version number" in text:
        return "the far end does not speak TLS"
    return f"TLS failed ({text})" if text else "TLS failed"
