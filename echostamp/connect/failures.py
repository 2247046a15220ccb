"""
Explains in a few words why a connection failed.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl

from twisted.internet.defer import TimeoutError
from twisted.internet.error import (
    ConnectBindError,
    ConnectError,
    ConnectionLost,
    DNSLookupError,
)
from twisted.internet.error import TimeoutError as UserTimeout
from twisted.python.failure import Failure

from echostamp.text import isOfCertificate, sslAlert, sslText

#: What is likely where the system says that an address is invalid.
_LINKLESS = ": is its address link-local, without its link?"


def whatFailed(failure: Failure) -> str:
    """
    Explain in a few words why a connection was not made, or was lost.
    """
    error = failure.value
    if isinstance(error, (DNSLookupError, socket.gaierror)):
        return "the name does not resolve"
    if isinstance(error, ConnectError) and error.osError:
        text = os.strerror(error.osError)
        return text + _LINKLESS if error.osError == errno.EINVAL else text
    if isinstance(error, (UserTimeout, TimeoutError)):
        return "it did not answer in time"
    if isinstance(error, ConnectionLost):
        return "the connection was lost"
    if isinstance(error, ssl.SSLError):
        return _tlsFailure(error)
    return str(error) or type(error).__name__


def sourceHint(error: BaseException | None) -> str:
    """
    Give a hint about C{--source}, if a connection failed because of that address.

    @return: empty for any other error.
    """
    if isinstance(error, ConnectBindError) and error.osError == errno.EADDRNOTAVAIL:
        return "is --source one of this machine's addresses?"
    return ""


def _tlsFailure(error: ssl.SSLError) -> str:
    """
    Explain in a few words an error of OpenSSL, or an alert from the far end.
    """
    text, alert = sslText(error), sslAlert(error)
    if isOfCertificate(alert):
        return f"the far end refused our certificate ({alert})"
    if alert:
        return f"the far end refused TLS with us ({alert})"
    if "wrong version number" in text:
        return "the far end does not speak TLS"
    return f"TLS failed ({text})" if text else "TLS failed"
