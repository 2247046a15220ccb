"""
Checks that peers can be probed and their pages read, before anything starts: targets,
keys and certificates.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from echostamp.connect.tls import OptionError, TlsFiles, clientTls
from echostamp.monitor.lowports import checkSourcePort
from echostamp.monitor.peer import Peer, WebPlace
from echostamp.probe.dialers import dialerOf
from echostamp.probe.refusals import Reason, Refusal

_WORDS = {
    Reason.NO_ADDRESS: "family: it does not go with source",
    Reason.ONLY_STAMP: "ssid, strict-ssid, dscp, tlv, ptp, ttl and the port of source "
    "go with stamp:HOST",
    Reason.ONLY_HOST: "family and source go with a host",
    Reason.ONLY_TLS: "ca and cert go with tls:HOST",
    Reason.NO_SSID: "strict-ssid: goes with ssid",
    Reason.WRONG_KEYS: "key: {!r}: {}",
    Reason.NO_KEY: "key: {!r}: no key for SSID {}",
    Reason.WRONG_SIZE: "size: {} is not from {} to {}",
    Reason.SIZE_BETWEEN: "size: {} cannot be made: {}, or {} and more",
}

#: How the texts about PEM files name the options of the command line.
_OPTION = re.compile(r"(\A|not the key of )--(ca|cert|key) (?=['\"])")


class PeerChecks(NamedTuple):
    """
    What to check beyond the text of the files.

    @ivar peer: checks a peer; raises C{ValueError} with one line that begins with the
        key.
    @ivar web: checks where a peer's own row can be read, likewise.
    """

    peer: Callable[[Peer], None]
    web: Callable[[WebPlace], None]


def _nothing(_: object) -> None:
    """
    Check nothing.
    """


#: Check the text of the files only.
NO_CHECKS = PeerChecks(_nothing, _nothing)


def checksOf(reactor: Any) -> PeerChecks:
    """
    Make the checks that read files.  PEM files are read once for all peers and pages
    that have the same ones, because a context takes milliseconds.

    @param reactor: the reactor that will probe.
    """
    right: set[TlsFiles] = set()

    def check(peer: Peer) -> None:
        target, files = peer.wish.target, peer.wish.files
        isTls = target.startswith("tls:")
        checkSourcePort(peer.wish.route.sourcePort)
        # The rest of a TLS target was checked with the text of the file.
        if not (isTls and files in right):
            checkPeer(reactor, peer)
        if isTls:
            right.add(files)

    def checkWeb(web: WebPlace) -> None:
        if web.isTls and web.files not in right:
            try:
                clientTls("", web.files)
            except OptionError as error:
                raise ValueError(f"web: {_asKeys(str(error))}") from None
            right.add(web.files)

    return PeerChecks(check, checkWeb)


def checkPeer(reactor: Any, peer: Peer) -> None:
    """
    Check that a peer can be probed.  Nothing is looked up or opened.

    @param reactor: the reactor that will probe.
    @raise ValueError: it cannot; the text says why in one line.
    """
    try:
        dialerOf(reactor, peer.wish)
    except Refusal as error:
        raise ValueError(refusalText(error)) from None
    except ValueError as error:
        raise ValueError(_asKeys(str(error))) from None


def refusalText(error: Refusal) -> str:
    """
    Write in a line, with the names of keys, why a peer cannot be probed.
    """
    return _WORDS[error.reason].format(*error.values)


def _asKeys(text: str) -> str:
    """
    Write an error about a target or a PEM file with the names of keys.

    @param text: as C{ping} writes it.
    """
    if text.startswith("TARGET "):
        return text.replace("TARGET", "target:", 1)
    return _OPTION.sub(r"\1\2: ", text, 2)
