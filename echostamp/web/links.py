"""
Links between pages, relative so that they also work below the prefix of a proxy; pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from echostamp.markup import asHtml

#: What needs no escape in a path.
_PLAIN = "/:@,+~"


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


def asPath(name: str) -> str:
    """
    Write a name as a part of a URL's path, which is safe within HTML, too.

    @param name: its slashes stay.
    """
    return quote(name, safe=_PLAIN, errors="replace")


def peerLink(name: str) -> str:
    """
    Give the link from the first page to the page of a peer, safe within HTML.
    """
    return f"peer/{asPath(name)}"


def pageOf(base: str, name: str) -> str:
    """
    Give the URL of a peer's page, safe within HTML.

    @param base: where the pages of its daemon are; empty for this daemon, relative to
        its first page.
    @return: empty where the base is no place of the web.
    """
    if base and not base.lower().startswith(("http://", "https://")):
        return ""
    slash = "/" if base and not base.endswith("/") else ""
    return f"{asHtml(base)}{slash}{peerLink(name)}"
