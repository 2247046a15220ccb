"""
Reads the files that name the peers: C{peers.toml}, and Prometheus' C{file_sd}.

Reading the named files is the only I/O.  All mistakes are reported together.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from echostamp.monitor.defaults import MAX_PROBES
from echostamp.monitor.filesd import sdEntries
from echostamp.monitor.mistakes import Mistakes, Place, nearest
from echostamp.monitor.peer import Peer, WebPlace
from echostamp.monitor.peercheck import NO_CHECKS, PeerChecks
from echostamp.monitor.peerentry import PeerEntry, PeerValues
from echostamp.monitor.peermaking import MadePeers, madePeers
from echostamp.monitor.peerstoml import tomlEntries
from echostamp.monitor.steps import Steps, allSteps, eachOf
from echostamp.times import SECOND

#: The most octets of a file: 10,000 peers with all their keys take less.
LONGEST_FILE = 16_000_000


@dataclass(frozen=True)
class PeersFile:
    """
    What the files of peers say.

    @ivar peers: the peers that this host probes.
    @ivar selfName: the name of the peer that is this host; empty if none is.
    @ivar webs: where the row of each peer can be read, by the name in the file; also of
        peers that this host does not probe.
    """

    peers: tuple[Peer, ...] = ()
    selfName: str = ""
    webs: Mapping[str, WebPlace] = field(default_factory=dict)


def readFile(path: str) -> bytes:
    """
    Read a file of peers.

    @raise OSError: it cannot be read.
    """
    with open(path, "rb") as file:
        return file.read(LONGEST_FILE + 1)


def readPeers(
    paths: Iterable[str],
    host: str,
    selfName: str | None = None,
    maxProbes: int = MAX_PROBES,
    read: Callable[[str], bytes] = readFile,
    checks: PeerChecks = NO_CHECKS,
) -> PeersFile:
    """
    Read the files of peers, at once.  The arguments are those of L{readingPeers}.

    @raise PeersError: something is wrong; the error has a line for each mistake.
    """
    return allSteps(readingPeers(paths, host, selfName, maxProbes, read, checks))


def readingPeers(
    paths: Iterable[str],
    host: str,
    selfName: str | None = None,
    maxProbes: int = MAX_PROBES,
    read: Callable[[str], bytes] = readFile,
    checks: PeerChecks = NO_CHECKS,
) -> Steps[PeersFile]:
    """
    Read the files of peers, in steps.

    @param paths: the files; one whose name ends in C{.json} is of C{file_sd}.
    @param host: the name of this host.
    @param selfName: the name of the peer that is this host; L{None} for the one that
        has the host's name or the first label of it.
    @param maxProbes: the most probes in a second, of all peers.
    @param read: reads a file; its argument is one of the paths.
    @param checks: what to check beyond the text.
    @raise PeersError: something is wrong; the error has a line for each mistake.
    """
    mistakes = Mistakes()
    files = []
    for path in paths:
        files.append((yield from _entries(path, read, mistakes)))
    entries = [each for file in files for each in file or ()]
    _checkNames(entries, mistakes)
    names = dict.fromkeys(each.name for each in entries)
    own = _ownName(names, host, selfName)
    values = yield from eachOf(lambda each: each.read(own, mistakes), entries)
    # Names may be in a file that cannot be read.
    if None not in files:
        yield from eachOf(lambda each: _checkHosts(each, names, mistakes), values)
        if not own and any(map(_isOfSomeHosts, entries)):
            mistakes.add(Place(), "", _whyNoSelf(host, selfName))
    made = yield from eachOf(lambda each: madePeers(each, mistakes), values)
    yield from eachOf(lambda each: _check(each, own, checks, mistakes), made)
    labels = sorted({name for each in values for name in each.labels})
    labelled = yield from eachOf(lambda each: _labelled(each, labels), made)
    peers = tuple(chain(*labelled))
    if (count := probesPerSecond(peers)) > maxProbes:
        mistakes.add(
            Place(),
            "",
            f"the peers need {count:.10g} probes a second, more than --max-probes "
            f"{maxProbes}",
        )
    mistakes.raiseThem()
    webs = {each.values.entry.name: each.web for each in made if each.web}
    return PeersFile(peers, own, webs)


def probesPerSecond(peers: Iterable[Peer]) -> float:
    """
    Give how many probes are sent in a second.  A peer for each address of a name counts
    once: how many addresses there are is not known.
    """
    return sum(
        each.flows * SECOND / each.wish.plan.interval
        for each in peers
        if not each.isPaused
    )


def _entries(
    path: str, read: Callable[[str], bytes], mistakes: Mistakes
) -> Steps[Sequence[PeerEntry] | None]:
    """
    Read the peers of a file, in steps.

    @return: L{None} if they cannot be read.
    """
    place = Place(path)
    try:
        octets = read(path)
    except (OSError, ValueError) as error:
        mistakes.add(place, "", getattr(error, "strerror", None) or error)
        return None
    if len(octets) > LONGEST_FILE:
        mistakes.add(place, "", f"is longer than {LONGEST_FILE} octets")
        return None
    try:
        text = octets.removeprefix(BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        mistakes.add(place, "", f"is not UTF-8 text (at line {line})")
        return None
    parse = sdEntries if path.endswith(".json") else tomlEntries
    try:
        return (yield from parse(path, text, mistakes))
    except ValueError as error:
        mistakes.add(place, "", error)
    except RecursionError:
        mistakes.add(place, "", "its values are nested too deep")
    return None


def _checkNames(entries: Iterable[PeerEntry], mistakes: Mistakes) -> None:
    """
    Report names that several peers have.  The names of peers that are made of one have
    a C{/}, so they differ from all others.
    """
    files: dict[str, str] = {}
    for each in entries:
        if each.name in files:
            mistakes.add(each.place, "", f"is in {files[each.name]} already")
        files.setdefault(each.name, each.file)


def _ownName(names: Iterable[str], host: str, selfName: str | None) -> str:
    """
    Give the name of the peer that is this host; empty if none is.
    """
    wanted = (host, host.partition(".")[0]) if selfName is None else (selfName,)
    return next((each for each in wanted if each in names), "")


def _isOfSomeHosts(entry: PeerEntry) -> bool:
    """
    Tell whether hosts differ in how they probe a peer, or whether they do.
    """
    return not {"from", "seen-from"}.isdisjoint([*entry.raw, *entry.defaults])


def _whyNoSelf(host: str, selfName: str | None) -> str:
    """
    Say that the peer that is this host is not known.
    """
    if selfName is None:
        return (
            f"the files have from or seen-from, and no peer is this host, {host!r}: "
            "name it with --self"
        )
    return f"--self {selfName!r}: no peer has this name"


def _checkHosts(values: PeerValues, names: Iterable[str], mistakes: Mistakes) -> None:
    """
    Report names in C{from} and C{seen-from} of a peer that no peer has.  A pattern may
    match none.
    """

    def check(place: Place, key: str, found: Iterable[str]) -> None:
        for each in found:
            if each not in names and not set("*?[") & set(each):
                why = f"no peer is named {each!r}{nearest(each, names)}"
                mistakes.add(place, key, why)

    entry = values.entry
    check(Place(entry.file), "from", entry.defaults.get("from", ()))
    check(entry.place, "from", values.given.get("from", ()))
    check(entry.place, "seen-from", values.given.get("seen-from", ()))


def _check(made: MadePeers, own: str, checks: PeerChecks, mistakes: Mistakes) -> None:
    """
    Check what became of one peer of a file beyond its text.
    """
    entry = made.values.entry
    try:
        if made.web is not None and entry.name != own:
            checks.web(made.web)
    except ValueError as error:
        mistakes.add(entry.place, "", error)
    for each in made.peers:
        try:
            checks.peer(each)
        except ValueError as error:
            mistakes.add(entry.place, "", error)


def _labelled(made: MadePeers, names: Iterable[str]) -> list[Peer]:
    """
    Give the peers of an entry their labels.  Each has the labels of all: series of one
    metric must not differ in them.

    @param names: the names of all labels, sorted.
    """
    own = made.values.labels
    labels = tuple((name, own.get(name, "")) for name in names)
    return [replace(each, labels=labels) for each in made.peers]
