"""
Parses the TOML of a file of peers in steps; pure.

C{tomllib} parses a text as a whole: 1,000 peers take 15 ms.  A text is cut before its
tables C{[peer.NAME]}, and each piece is parsed alone.
"""

from __future__ import annotations

import re
import tomllib
from typing import Any

from echostamp.monitor.steps import Steps

#: A line that begins as the header of a table does, and what such a header of a peer
#: begins with.  A line within an array of several lines may look like the first.
_HEADER = re.compile(r"^[ \t]*\[", re.MULTILINE)
_PEER = re.compile(r"""\[peer\.("[^"\\\n]*"|'[^'\n]*'|[A-Za-z0-9_-]+)[].]""")

#: The quotes of texts of several lines, in which a line may look like a header.
_LONG_TEXTS = '"""', "'''"


def parsedToml(text: str) -> Steps[dict[str, Any]]:
    """
    Parse TOML, as C{tomllib.loads} does.  A text with mistakes is parsed as a whole, as
    is one that cannot be cut: their errors name the lines of the whole text.

    @raise ValueError: as C{tomllib.loads} raises it.
    """
    try:
        found = yield from _fromPieces(pieces(text))
    except ValueError:
        found = None
    return tomllib.loads(text) if found is None else found


def pieces(text: str) -> list[str]:
    """
    Cut a text before the tables of each peer.  The first piece is what is before them;
    each other one has all consecutive tables of one name.
    """
    if any(quotes in text for quotes in _LONG_TEXTS):
        return [text]
    cuts, name = [0], None
    for line in _HEADER.finditer(text):
        found = _PEER.match(text, line.end() - 1)
        if found is None and name is not None:
            # Behind the first table of a peer only those of peers are expected.
            return [text]
        if found is not None and found[1] != name:
            name = found[1]
            cuts.append(line.start())
    ends = [*cuts[1:], len(text)]
    return [text[cut:end] for cut, end in zip(cuts, ends, strict=True)]


def _fromPieces(texts: list[str]) -> Steps[dict[str, Any] | None]:
    """
    Parse the pieces of a text.

    @return: L{None} if they do not add up to a text without mistakes.
    @raise ValueError: a piece has mistakes.
    """
    first, *rest = texts
    found = tomllib.loads(first)
    if not rest:
        return found
    if "peer" in found:
        return None
    peers = found["peer"] = {}
    for each in rest:
        yield
        piece = tomllib.loads(each)["peer"]
        if len(piece) != 1 or not piece.keys().isdisjoint(peers):
            return None
        peers.update(piece)
    return found
