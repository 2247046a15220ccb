"""
What all pages have in common: the head, and the links to the other pages.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import Deferred
from twisted.web.template import Tag, flattenString, tags

#: How often a page without its script refreshes itself, in seconds.
_REFRESH = 60


def htmlPage(
    title: str,
    root: str,
    content: Sequence[Tag | str],
    files: Sequence[str] = (),
    isLive: bool = False,
) -> Tag:
    """
    Make a page.

    @param title: what it is about.
    @param root: the link to the first page: see L{echostamp.web.links.root}.
    @param content: what is in it.
    @param files: the styles and scripts that it has beside the usual ones.
    @param isLive: whether it refreshes itself where scripts do not run.
    """
    static = [f"{root}static/{name}" for name in ("style.css", "page.js", *files)]
    head = [
        tags.meta(charset="utf-8"),
        tags.title(f"{title} \u2013 EchoStamp" if title else "EchoStamp"),
        tags.meta(name="viewport", content="width=device-width"),
        tags.meta(name="color-scheme", content="light dark"),
        *[
            tags.link(rel="stylesheet", href=each)
            if each.endswith(".css")
            else tags.script(src=each, defer="")
            for each in static
        ],
    ]
    if isLive:
        refresh = {"http-equiv": "refresh", "content": f"{_REFRESH}"}
        head.append(tags.noscript(tags.meta(**refresh)))
    return tags.html(
        tags.head(*head),
        tags.body(
            tags.header(
                tags.nav(
                    tags.a("Matrix", href=root),
                    " ",
                    tags.a("Events", href=f"{root}events"),
                    " ",
                    tags.a("Metrics", href=f"{root}metrics"),
                )
            ),
            Tag("main")(*content),
        ),
        lang="en",
    )


def flattened(page: Tag) -> Deferred[bytes]:
    """
    Write a page.
    """
    return flattenString(None, page).addCallback(
        lambda text: b"<!DOCTYPE html>\n" + text
    )
