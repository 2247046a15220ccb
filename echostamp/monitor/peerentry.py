"""
One peer as a file names it: the values of its keys, and the file's defaults.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from echostamp.connect.target import parseLineTarget, parseStampTarget
from echostamp.monitor.mistakes import Mistakes, Place, nearest
from echostamp.monitor.peerkeys import ENDPOINT, HOST, KEYS, STAMP, TLS

#: The certificate that each private key belongs to.
_CERTS = {"key": "cert", "web-key": "web-cert"}


@dataclass(frozen=True)
class PeerEntry:
    """
    A peer as a file names it.

    @ivar file: the path of the file.
    @ivar name: its name.
    @ivar raw: what the file gives for each of its keys; every key is known.
    @ivar defaults: the values at the top of the file; they have been read.
    """

    file: str
    name: str
    raw: Mapping[str, object]
    defaults: Mapping[str, Any] = field(default_factory=dict)

    @property
    def place(self) -> Place:
        """Where mistakes in it are."""
        return Place(self.file, f"peer {self.name!r}")

    def read(self, own: str, mistakes: Mistakes) -> PeerValues:
        """
        Read its values.  Values that depend on the host are left alone where this host
        does not probe it.

        @param own: the name of the peer that is this host; empty if none is.
        """
        first = readKeys(self.place, self._some("from", "seen-from"), mistakes)
        watchers = first.get("from", self.defaults.get("from"))
        isHere = own != self.name and mayProbe(own, watchers)
        given = readKeys(
            self.place,
            {
                name: value
                for name, value in self.raw.items()
                if isHere or not KEYS[name].isOfHost
            },
            mistakes,
        )
        target = given.get("seen-from", {}).get(own) or given.get("target", "")
        kind, host = "", None
        try:
            kind, host = kindOf(target) if target else ("", None)
        except ValueError as error:
            # The link of an address may exist on another host.
            if isHere:
                mistakes.add(self.place, "target", f"{target!r}: {error}")
        return PeerValues(self, given, target, kind, host, isHere)

    def _some(self, *names: str) -> dict[str, object]:
        """
        Give what the file says for some keys.
        """
        return {name: self.raw[name] for name in names if name in self.raw}


@dataclass(frozen=True)
class PeerValues:
    """
    The values of a peer's keys.

    @ivar entry: what the file says.
    @ivar given: the peer's own values.
    @ivar target: the target, as this host sees it; empty without one.
    @ivar kind: the kind of the target; empty where it has none.
    @ivar host: the host that the target names; L{None} where it names none.
    @ivar isHere: whether this host probes the peer.
    """

    entry: PeerEntry
    given: Mapping[str, Any]
    target: str
    kind: str
    host: str | None
    isHere: bool

    def __getitem__(self, name: str) -> Any:
        """
        Give the value of a key: the peer's own, the file's default where that applies
        to the peer, or ours.
        """
        if name in self.given:
            return self.given[name]
        if name in self.entry.defaults and self._isForUs(name):
            return self.entry.defaults[name]
        return KEYS[name].default

    def _isForUs(self, name: str) -> bool:
        """
        Tell whether a default of the file applies to the peer.

        Its kind of target must have the key.  A private key belongs to a certificate;
        without one, C{key} is the key file of STAMP.
        """
        if self.kind and self.kind not in KEYS[name].kinds:
            return False
        if name == "key" and self.kind == STAMP:
            return "cert" not in self.entry.defaults
        cert = _CERTS.get(name)
        return cert is None or (cert in self.entry.defaults and cert not in self.given)

    @property
    def isRight(self) -> bool:
        """Whether each value could be read."""
        return all(
            name in self.given or (KEYS[name].isOfHost and not self.isHere)
            for name in self.entry.raw
        )

    @property
    def labels(self) -> dict[str, str]:
        """Its labels, and those at the top of the file."""
        return {**self.entry.defaults.get("labels", {}), **self.given.get("labels", {})}


def kindOf(target: str) -> tuple[str, str | None]:
    """
    Tell what kind of target a text is.

    @return: the kind, and the host that it names; L{None} for an endpoint description.
    @raise ValueError: it is no target.
    """
    if place := parseStampTarget(target):
        return STAMP, place[0]
    if place := parseLineTarget(target):
        return TLS if target.startswith("tls:") else HOST, place[0]
    return ENDPOINT, None


def mayProbe(own: str, watchers: Iterable[str] | None) -> bool:
    """
    Tell whether a host may probe a peer.

    @param own: the name of the host's own peer.
    @param watchers: the peer's key C{from}: names, and patterns of names; L{None} for
        every host.
    """
    return watchers is None or any(
        own == each or fnmatchcase(own, each) for each in watchers
    )


def checkKeys(
    place: Place, raw: Mapping[str, object], known: Iterable[str], mistakes: Mistakes
) -> dict[str, object]:
    """
    Report unknown keys.

    @return: what belongs to known keys.
    """
    known = tuple(known)
    for name in raw:
        if name not in known:
            mistakes.add(place, name, f"unknown key{nearest(name, known)}")
    return {name: value for name, value in raw.items() if name in known}


def readKeys(
    place: Place, raw: Mapping[str, object], mistakes: Mistakes
) -> dict[str, Any]:
    """
    Read the values of known keys.

    @return: those that are right.
    """
    values = {}
    for name, value in raw.items():
        key = KEYS[name]
        try:
            values[name] = key.read(value)
        except ValueError as error:
            mistakes.add(place, name, error)
            continue
        if key.isPath:
            values[name] = os.path.join(os.path.dirname(place.file), values[name])
    return values
