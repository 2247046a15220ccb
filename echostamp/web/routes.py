"""
Finds the page of a path; pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar
from urllib.parse import unquote_to_bytes

Found = TypeVar("Found")

#: A percent sign that begins no octet.
_STRAY = re.compile(rb"%(?![0-9A-Fa-f]{2})")

#: Parts of a path that browsers take out before they ask.
_DOTS = {".", ".."}


def routeOf(pages: Mapping[bytes, Found], path: bytes) -> tuple[Found, str] | None:
    """
    Find the page of a path.

    The path of a page that ends in a slash, but for C{/} itself, is a prefix: a name
    follows it, and the page answers for each name.

    @param pages: the pages by their paths.
    @param path: the path of a request, without its query.
    @return: the page, and the name; empty where the page has one path only.  L{None} if
        there is no such page.
    """
    if path in pages and not _isPrefix(path):
        return pages[path], ""
    prefixes = [each for each in pages if _isPrefix(each) and path.startswith(each)]
    if not prefixes:
        return None
    prefix = max(prefixes, key=len)
    name = nameIn(path.removeprefix(prefix))
    return (pages[prefix], name) if name else None


def _isPrefix(path: bytes) -> bool:
    """
    Tell whether names follow a path.
    """
    return len(path) > 1 and path.endswith(b"/")


def nameIn(path: bytes) -> str | None:
    """
    Read the name that a part of a path is.  It may have slashes, as they are or
    percent-encoded.

    @return: L{None} if it is none: it is no UTF-8, or has a part of dots.
    """
    if _STRAY.search(path):
        return None
    try:
        name = unquote_to_bytes(path).decode()
    except UnicodeDecodeError:
        return None
    return None if _DOTS.intersection(name.split("/")) else name
