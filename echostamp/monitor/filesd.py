"""
Reads the text of a file of Prometheus' C{file_sd}: a JSON list of groups of targets
with labels; pure.

A target is a peer; its name is the label C{peer}, else the target.  A label
C{__echostamp_KEY__} is a key, with C{_} for C{-}.  Other labels that begin with C{__}
are dropped, and the rest are labels of the peer's series.  A label without a value is
no label.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from echostamp.monitor.mistakes import Mistakes, Place
from echostamp.monitor.peerentry import PeerEntry, checkKeys
from echostamp.monitor.peerkeys import KEYS
from echostamp.monitor.peervalues import readName, shown
from echostamp.monitor.steps import Steps

_KEY = re.compile(r"__echostamp_(.*)__", re.DOTALL)

#: The keys that a label cannot give: a target has its own place, and so do labels.
_NO_LABELS = ("target", "labels", "seen-from")


def sdEntries(file: str, text: str, mistakes: Mistakes) -> Steps[list[PeerEntry]]:
    """
    Read the peers of a C{file_sd} file, in steps.

    @param file: the path of the file.
    @param text: what is in it.
    @raise ValueError: it is no JSON.  The text says why, and in which line.
    @raise RecursionError: its values are nested too deep.
    """
    top = Place(file)
    groups = _document(text)
    if not isinstance(groups, list):
        mistakes.add(top, "", f"{shown(groups)} is not a list of groups of targets")
        return []
    entries = []
    for number, group in enumerate(groups, 1):
        place = Place(file, f"group {number}")
        entries += yield from _groupEntries(place, group, mistakes)
    return entries


def _document(text: str) -> object:
    """
    Read JSON.

    @raise ValueError: it is none.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise
    except ValueError:
        # Python's text names a function of its own.
        raise ValueError("a number has too many digits") from None


def _groupEntries(
    place: Place, group: object, mistakes: Mistakes
) -> Steps[list[PeerEntry]]:
    """
    Read the peers of a group, in steps.
    """
    if not isinstance(group, Mapping):
        mistakes.add(place, "", f"{shown(group)} is not a group with targets")
        return []
    known = checkKeys(place, group, ("targets", "labels"), mistakes)
    targets, labels = known.get("targets"), known.get("labels", {})
    if not isinstance(targets, list):
        mistakes.add(place, "targets", f"{shown(targets)} is not a list of targets")
        return []
    if not isinstance(labels, Mapping):
        mistakes.add(place, "labels", f"{shown(labels)} is not an object of labels")
        return []
    entries = []
    for target in targets:
        yield
        given = labels.get("peer") or target
        try:
            name = readName(given)
        except ValueError as error:
            hint = "" if labels.get("peer") else "; the label peer gives another"
            mistakes.add(place, "targets", f"{shown(given)}: {error}{hint}")
            continue
        entry = Place(place.file, f"peer {name!r}")
        raw = checkKeys(entry, _keysOf(labels), _KEYS, mistakes)
        raw |= {"target": target, "labels": _rest(labels)}
        entries.append(PeerEntry(place.file, name, raw))
    return entries


_KEYS = tuple(name for name in KEYS if name not in _NO_LABELS)


def _keysOf(labels: Mapping[str, object]) -> dict[str, object]:
    """
    Give the labels that are keys.
    """
    return {
        match[1].replace("_", "-"): value
        for name, value in labels.items()
        if value != "" and (match := _KEY.fullmatch(name))
    }


def _rest(labels: Mapping[str, object]) -> dict[str, object]:
    """
    Give the labels of the peer's series.
    """
    return {
        name: value
        for name, value in labels.items()
        if value != "" and name != "peer" and not name.startswith("__")
    }
