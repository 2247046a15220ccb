"""
Makes peers of the values that a file gives.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address

from echostamp.connect.tls import TlsFiles
from echostamp.monitor.mistakes import Mistakes
from echostamp.monitor.peer import Limits, Peer, WebPlace
from echostamp.monitor.peercheck import refusalText
from echostamp.monitor.peerentry import PeerValues
from echostamp.monitor.peerkeys import KEYS, STAMP, TLS
from echostamp.probe.dialers import Wish
from echostamp.probe.plan import Plan, StampPlan
from echostamp.probe.refusals import Refusal
from echostamp.probe.route import Route
from echostamp.probe.stampsession import sessionOf

#: The most probes of one peer that may be in flight.
MOST_IN_FLIGHT = 10_000


@dataclass(frozen=True)
class MadePeers:
    """
    What became of one peer of a file.

    @ivar values: the values that the file gives.
    @ivar peers: the peers, without their labels; empty if this host does not probe it.
    @ivar web: where its own row can be read.
    """

    values: PeerValues
    peers: tuple[Peer, ...]
    web: WebPlace | None


def madePeers(values: PeerValues, mistakes: Mistakes) -> MadePeers:
    """
    Make the peers.
    """
    place = values.entry.place
    web = _webOf(values, mistakes)
    nothing = MadePeers(values, (), web)
    if _needsTarget(values):
        mistakes.add(place, "target", "is missing")
        return nothing
    if not values.kind:
        return nothing
    wrong = list(_wrongKinds(values))
    if not wrong and values.isRight:
        wrong = [*_wrongTogether(values)] or [*_wrongSession(values)]
    for key, why in wrong:
        mistakes.add(place, key, why)
    if wrong or not (values.isRight and values.isHere):
        return nothing
    families = ("4", "6") if values["family"] == "both" else (values["family"],)
    return MadePeers(values, tuple(_peer(values, each, web) for each in families), web)


def _peer(values: PeerValues, family: str, web: WebPlace | None) -> Peer:
    """
    Make one peer.

    @param family: C{any}, C{4} or C{6}.
    """
    name = values.entry.name
    return Peer(
        name=f"{name}/{family}" if values["family"] == "both" else name,
        wish=Wish(
            values.target,
            Plan(
                interval=values["interval"],
                timeout=values["timeout"],
                size=values["size"],
                jitter=values["jitter"],
                kept=0,
                isPatient=True,
            ),
            Route(family == "4", family == "6", *values["source"]),
            _stampPlan(values),
            TlsFiles(values["ca"], values["cert"], values["key"]),
        ),
        limits=Limits(
            values["max-rtt"],
            values["max-rtt-p99"],
            values["max-loss"],
            values["max-offset"],
        ),
        zone=values["zone"],
        isPaused=values["paused"],
        isEachAddress=values["addresses"] == "all",
        flows=values["flows"],
        resolve=values["resolve"],
        web=web,
    )


def _stampPlan(values: PeerValues) -> StampPlan:
    """
    Give the fields of a peer's STAMP packets.
    """
    return StampPlan(
        values["ssid"],
        values["dscp"],
        values["tlv"],
        values["ptp"],
        values["ttl"],
        values["strict-ssid"],
    )


def _needsTarget(values: PeerValues) -> bool:
    """
    Tell whether a target is missing.  A peer that no other probes needs none.
    """
    raw = values.entry.raw
    if values.target or "target" in raw or values["from"] == ():
        return False
    return values.isHere or "seen-from" not in raw


def _wrongSession(values: PeerValues) -> Iterator[tuple[str, str]]:
    """
    Find fields that STAMP packets cannot have together.  A key file is not read.

    @return: no key, and what is wrong.
    """
    if values.kind == STAMP and values["key"] is None:
        try:
            sessionOf(_stampPlan(values), values["size"], TlsFiles())
        except Refusal as error:
            yield "", refusalText(error)


def _wrongKinds(values: PeerValues) -> Iterator[tuple[str, str]]:
    """
    Find keys that the target does not have.

    @return: each key, and what is wrong with it.
    """
    for name in values.given:
        kinds = KEYS[name].kinds
        if values.kind and values.kind not in kinds:
            yield name, f"goes with {' or '.join(kinds)}"


def _wrongTogether(values: PeerValues) -> Iterator[tuple[str, str]]:
    """
    Find values that exclude each other.

    @return: the key of one of them, and what is wrong.
    """
    inFlight = values["flows"] * values["timeout"] // values["interval"]
    if inFlight > MOST_IN_FLIGHT:
        yield (
            "timeout",
            f"{inFlight} probes would be in flight, more than {MOST_IN_FLIGHT}: "
            "shorten it, or make the interval longer",
        )
    if values["cert"] is None and values["key"] is not None and values.kind == TLS:
        yield "key", "goes with cert"
    yield from _wrongFamily(values)
    if values["flows"] > 1 and values["source"][1]:
        yield "flows", "each flow has a source port of its own: source cannot name one"


def _wrongFamily(values: PeerValues) -> Iterator[tuple[str, str]]:
    """
    Find an IP version that leaves no address.

    @return: the key, and what is wrong.
    """
    family = values["family"]
    if family == "both" and values["addresses"] == "all":
        yield "family", '"both" does not go with addresses = "all", which has both'
    for key, address in ("source", values["source"][0]), ("target", values.host):
        try:
            version = str(ip_address((address or "").partition("%")[0]).version)
        except ValueError:
            continue
        if family not in ("any", version):
            yield "family", f"{family} does not go with the IPv{version} {key}"


def _webOf(values: PeerValues, mistakes: Mistakes) -> WebPlace | None:
    """
    Give the place where a peer's own row can be read.
    """
    url, given, place = values["web"], values.given, values.entry.place
    isTls = url is not None and WebPlace(url).isTls
    if "web" not in values.entry.raw or (url and not isTls):
        for name in ("web-ca", "web-cert", "web-key"):
            if name in given:
                mistakes.add(place, name, 'goes with web = "https:..."')
    if url is None:
        return None
    if not isTls:
        return WebPlace(url)
    ca, cert, key = values["web-ca"], values["web-cert"], values["web-key"]
    if key is not None and cert is None:
        mistakes.add(place, "web-key", "goes with web-cert")
    if values.kind == TLS:
        ca = values["ca"] if ca is None else ca
        if cert is None:
            cert, key = values["cert"], values["key"]
    return WebPlace(url, TlsFiles(ca, cert, key))
