"""
Reads the text of a TOML file of peers; pure.

The defaults are at its top.  C{[peer.NAME]} is a peer.
"""

from __future__ import annotations

import re
import tomllib
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from echostamp.monitor.mistakes import Mistakes, Place
from echostamp.monitor.peerentry import PeerEntry, checkKeys, readKeys
from echostamp.monitor.peerkeys import KEYS
from echostamp.monitor.peervalues import LONGEST_NAME, readName, shown
from echostamp.monitor.steps import Steps, eachOf
from echostamp.monitor.tomlpieces import parsedToml

#: The keys whose values are tables.
_TABLES = ("labels", "seen-from")

#: The keys of which a file may have defaults.
_DEFAULTS = tuple(name for name, key in KEYS.items() if not key.isOfPeer)


def tomlEntries(file: str, text: str, mistakes: Mistakes) -> Steps[list[PeerEntry]]:
    """
    Read the peers of a TOML file, in steps.

    @param file: the path of the file.
    @param text: what is in it.
    @raise ValueError: it is no TOML.  The text says why, and in which line.
    @raise RecursionError: its values are nested too deep.
    """
    top = Place(file)
    document = yield from _document(text)
    peers = document.pop("peer", {})
    defaults = readKeys(top, _checkTop(top, document, mistakes), mistakes)
    if not isinstance(peers, Mapping):
        mistakes.add(top, "peer", f"{shown(peers)} is no table: write [peer.NAME]")
        return []
    entries = yield from eachOf(
        lambda item: _entry(file, *item, defaults, mistakes), peers.items()
    )
    return [each for each in entries if each is not None]


def _entry(
    file: str,
    name: str,
    table: object,
    defaults: Mapping[str, Any],
    mistakes: Mistakes,
) -> PeerEntry | None:
    """
    Read a peer of a TOML file.

    @return: L{None} if it is none.
    """
    top, place = Place(file), Place(file, f"peer {name!r}")
    if not isinstance(table, Mapping):
        mistakes.add(place, "", f"{shown(table)} is no table: write [peer.NAME]")
        return None
    dotted = list(_dotted(name, table))
    for each in dotted:
        mistakes.add(top, "", _unquoted(f"peer.{_quoted(each)}"))
    own = {key: value for key, value in table.items() if not _isStep(key, value)}
    if dotted and not own:
        return None
    try:
        readName(name)
    except ValueError as error:
        mistakes.add(place, "", error)
        return None
    raw = checkKeys(place, own, KEYS, mistakes)
    raw = _checkSeenFrom(place, name, raw, mistakes)
    return PeerEntry(file, name, raw, defaults)


def _document(text: str) -> Steps[dict[str, Any]]:
    """
    Read TOML, in steps.

    @raise ValueError: it is none.
    """
    try:
        return (yield from parsedToml(text))
    except tomllib.TOMLDecodeError as error:
        # Python gives no line where text ends too early.
        last = f"(at line {max(len(text.splitlines()), 1)})"
        why = str(error).replace("(at end of document)", last)
        raise ValueError(why) from None
    except ValueError:
        # Python's text names a function of its own.
        raise ValueError("a number has too many digits") from None


def _checkTop(
    place: Place, top: Mapping[str, object], mistakes: Mistakes
) -> dict[str, object]:
    """
    Report what cannot be a default.

    @return: the defaults.
    """
    kept = {}
    for name, value in top.items():
        if name in KEYS and name not in _DEFAULTS:
            mistakes.add(place, name, "belongs to one peer: write it in [peer.NAME]")
        elif isinstance(value, Mapping) and name not in (*KEYS, "peers"):
            header = f"[peer.{_quoted(name)}]"
            mistakes.add(place, name, f"unknown table; the table of a peer is {header}")
        else:
            kept[name] = value
    return checkKeys(place, kept, (*_DEFAULTS, "peer"), mistakes)


def _isStep(name: str, value: object) -> bool:
    """
    Tell whether a value is a table where none belongs: the rest of a name with dots.
    """
    return isinstance(value, Mapping) and name not in _TABLES


def _dotted(name: str, table: Mapping[str, object]) -> Iterator[str]:
    """
    Find the names with dots that TOML has split, because they have no quotes.

    @param name: the first part.
    @param table: its table.
    """
    tables = deque(_steps(name, table))
    while tables:
        path, value = tables.popleft()
        steps = list(_steps(path, value))
        # The parts of a name that is too long anyway are not counted.
        isTooLong = len(path) > LONGEST_NAME
        if len(steps) < len(value) or not steps or isTooLong:
            yield path
        if not isTooLong:
            tables += steps


def _steps(
    path: str, table: Mapping[str, object]
) -> Iterator[tuple[str, Mapping[str, object]]]:
    """
    Give the tables in a table that are parts of names.
    """
    for name, value in table.items():
        if isinstance(value, Mapping) and name not in _TABLES:
            yield f"{path}.{name}", value


def _unquoted(header: str) -> str:
    """
    Say how to write a name with dots.
    """
    return f"a name with dots needs quotes: [{header}]"


def _quoted(name: str) -> str:
    """
    Write a name as a key of TOML.
    """
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else f'"{name}"'


def _checkSeenFrom(
    place: Place, name: str, raw: dict[str, object], mistakes: Mistakes
) -> dict[str, object]:
    """
    Report names with dots and without quotes in C{[peer.NAME.seen-from.OTHER]}.

    @return: what the file says, without C{seen-from} if that is wrong.
    """
    hosts = raw.get("seen-from")
    if not isinstance(hosts, Mapping):
        return raw
    dotted = [
        each
        for host, table in hosts.items()
        if isinstance(table, Mapping)
        for each in _dotted(host, table)
    ]
    for each in dotted:
        header = f"peer.{_quoted(name)}.seen-from.{_quoted(each)}"
        mistakes.add(place, "seen-from", _unquoted(header))
    if not dotted:
        return raw
    return {key: value for key, value in raw.items() if key != "seen-from"}
