"""
How the TLS handshakes of a daemon are limited and reported.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from twisted.logger import Logger

#: Seconds that a handshake may take.
HANDSHAKE_TIMEOUT = 10.0

log = Logger(namespace="echostamp")


def logRefused(peer: str, reason: str) -> None:
    """
    Log that a connection was refused.

    @param peer: the peer's name.
    @param reason: why.
    """
    log.info("{peer} refused: {reason}", peer=peer, reason=reason)


def logAdmitted(peer: str, subject: str) -> None:
    """
    Log the certificate that a peer has shown.

    @param peer: the peer's name.
    @param subject: the certificate's subject.
    """
    log.info("{peer} is {subject}", peer=peer, subject=subject)


@dataclass(frozen=True)
class Handshakes:
    """
    The limit of the handshakes, and where their results are reported.

    @ivar timeout: seconds; a connection whose handshake takes longer is aborted.
    @ivar refused: called with the peer's name and the reason, once for each handshake
        that failed.
    @ivar admitted: called with the peer's name and the subject of its certificate, once
        for each peer that was asked for one and has shown it.
    """

    timeout: float = HANDSHAKE_TIMEOUT
    refused: Callable[[str, str], object] = logRefused
    admitted: Callable[[str, str], object] = logAdmitted
