"""
Relative links, so that pages also work below the prefix of a proxy; pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlencode


def root(path: bytes) -> str:
    """
    Give the link from a page to the first page.

    @param path: the page's path, as it was requested.
    @return: it ends with C{/}.
    """
    return "../" * (path.count(b"/") - 1) or "./"


def withQuery(link: str, query: Mapping[str, object]) -> str:
    """
    Give a link with a query.

    @param query: texts and numbers by name; those that are L{None} are left out.
    """
    given = {name: value for name, value in query.items() if value is not None}
    return f"{link}?{urlencode(given)}" if given else link


def peerLink(name: str) -> str:
    """
    Give the link from the first page to the page of a peer.
    """
    return f"peer/{quote(name, errors='replace')}"
