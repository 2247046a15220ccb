"""
Makes any text safe within HTML; pure.
"""

from __future__ import annotations

from html import escape
from urllib.parse import quote

from echostamp.text import printable

#: What needs no escape in a path.
_PLAIN = "/:@,+~"


def asHtml(text: str) -> str:
    """
    Write a text so that HTML shows it, between tags or within a quoted attribute.

    Characters that are not printable are shown as in a Python string: a name can
    neither hide nor reorder what stands around it.
    """
    return escape(text if text.isprintable() else printable(text))


def asPath(name: str) -> str:
    """
    Write a name as a part of a URL's path, which is safe within HTML, too.

    @param name: its slashes stay.
    """
    return quote(name, safe=_PLAIN, errors="replace")


def pageOf(base: str, name: str) -> str:
    """
    Write the URL of a peer's page, safe within HTML.

    @param base: where the pages of its daemon are; empty for this daemon, relative to
        its first page.
    @return: empty where the base is no place of the web.
    """
    if base and not base.lower().startswith(("http://", "https://")):
        return ""
    slash = "/" if base and not base.endswith("/") else ""
    return f"{asHtml(base)}{slash}peer/{asPath(name)}"
