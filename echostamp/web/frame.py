"""
The beginning and the end that every page has; pure.
"""

from __future__ import annotations

from collections.abc import Sequence

from echostamp.markup import asHtml

#: The pages that every page links to: where they are, and what they are called.
_PAGES = (("./", "Matrix"), ("events", "Events"), ("metrics", "Metrics"))

#: The page that only an intercom has.
_ROOM = ("room", "Room")

#: How often a page without a script is read again, in seconds.
REFRESH = 10


def pageHead(
    title: str,
    root: str = "",
    here: str = "",
    styles: Sequence[str] = (),
    scripts: Sequence[str] = (),
    refresh: int = REFRESH,
    hasRoom: bool = False,
) -> str:
    """
    Write the beginning of a page, up to where its own content begins.

    @param title: what the browser shows as its name.
    @param root: leads from the page to the first page, such as C{../}; safe within
        HTML.
    @param here: which of the links leads to the page itself: C{Matrix}, C{Events} or
        C{Room}.
    @param styles: files of C{static/} that it needs beside C{style.css}.
    @param scripts: those that it needs beside C{page.js}.
    @param refresh: how often it is read again without a script, in seconds; 0 for
        never.
    @param hasRoom: whether there is a conversation to join.
    """
    links = [
        f'<link rel="stylesheet" href="{root}static/{each}">'
        for each in ("style.css", *styles)
    ]
    links += [
        f'<script src="{root}static/{each}" defer></script>'
        for each in ("page.js", *scripts)
    ]
    if refresh:
        links.append(
            f'<noscript><meta http-equiv="refresh" content="{refresh}"></noscript>'
        )
    first = root or "./"
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f"<title>{asHtml(title)}</title>",
            '<meta name="viewport" content="width=device-width">',
            '<meta name="color-scheme" content="light dark">',
            f'<link rel="icon" type="image/svg+xml" href="{root}static/icon.svg">',
            *links,
            "</head>",
            "<body>",
            '<header class="top">',
            f'<a class="home" href="{first}">EchoStamp</a>',
            f'<nav aria-label="Pages">{_nav(root, here, hasRoom)}</nav>',
            '<p id="live"></p>',
            "</header>",
            "<main>\n",
        ]
    )


def _nav(root: str, here: str, hasRoom: bool) -> str:
    """
    Write the links to other pages; for the parameters see L{pageHead}.
    """
    found = []
    for where, name in (*_PAGES, *[_ROOM] * hasRoom):
        current = ' aria-current="page"' if name == here else ""
        place = root or where if where == "./" else root + where
        found.append(f'<a href="{place}"{current}>{name}</a>')
    return "".join(found)


#: The end of a page.
PAGE_END = "</main>\n</body>\n</html>\n"
