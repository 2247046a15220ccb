#!/usr/bin/env python3
"""
Check the site that Sphinx has built: C{python docs/check_site.py build/site}.

Every link within it leads to a file and a place that exist, and no page loads anything
from elsewhere.
"""

from __future__ import annotations

import re
import sys
from mimetypes import guess_type
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tests.crawling import Crawl, Reply

#: What a browser loads with a page, from another site.
ELSEWHERE = re.compile(
    r"""(\ssrc=|<link\b[^>]*\shref=|url\(|@import\s)["']?(https?:)?//""", re.IGNORECASE
)


def read(url: str) -> Reply:
    """
    Read a file.
    """
    path = Path(unquote(urlsplit(url).path))
    if not path.is_file():
        return Reply(404, "", b"")
    return Reply(200, guess_type(path)[0] or "", path.read_bytes())


def faults(site: Path) -> list[str]:
    """
    Find what is wrong with a site: one line for each.
    """
    start = site.resolve().as_uri()
    crawl = Crawl(read, [f"{start}/index.html", f"{start}/docs/index.html"], [start])
    loaded = [
        f"{url} loads {found[0]}"
        for url, page in crawl.pages.items()
        if page.kind in ("text/html", "text/css")
        if (found := ELSEWHERE.search(page.body.decode()))
    ]
    return crawl.missing + loaded


if __name__ == "__main__":
    found = faults(Path(sys.argv[1]))
    print(*found, sep="\n")
    sys.exit(bool(found))
