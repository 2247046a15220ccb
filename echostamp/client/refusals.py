"""
Writes which options are wrong, where the dialer that they ask for cannot be made.
"""

from __future__ import annotations

from echostamp.probe.refusals import Reason, Refusal

_WORDS = {
    Reason.NO_ADDRESS: "-4, -6 and --source exclude each other",
    Reason.ONLY_STAMP: "--ssid, --strict-ssid, --dscp, --tlv, --ptp, --ttl and the "
    "port of --source go with stamp:HOST",
    Reason.ONLY_HOST: "-4, -6 and --source go with HOST:PORT",
    Reason.ONLY_TLS: "--ca and --cert go with tls:HOST:PORT",
    Reason.NO_SSID: "--strict-ssid goes with --ssid",
    Reason.WRONG_KEYS: "--key {!r}: {}",
    Reason.NO_KEY: "--key {!r}: no key for SSID {}",
    Reason.WRONG_SIZE: "--size {}: not from {} to {}",
    Reason.SIZE_BETWEEN: "--size {}: {}, or {} and more",
}


def whyRefused(error: ValueError) -> str:
    """
    Write in a line why a dialer cannot be made.

    @param error: the error that L{dialerOf <echostamp.probe.dialers.dialerOf>} raised.
    """
    if isinstance(error, Refusal):
        return _WORDS[error.reason].format(*error.values)
    return str(error)
