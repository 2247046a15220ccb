"""
Serves the files that pages load: styles, scripts and pictures.
"""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

from twisted.web import http

from echostamp.web.request import WebRequest

#: Where the files are.
FOLDER = Path(__file__).parent / "static"

#: Their types by suffix.
_TYPES = {
    ".css": b"text/css; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".svg": b"image/svg+xml",
}


class StaticFile:
    """
    Serves a file.

    A browser may keep it, and asks each time whether it is still the same.  So a page
    never meets the style or the script of another version.
    """

    def __init__(self, path: Path) -> None:
        """
        @param path: of the file.  It is read now.
        """
        self._type = _TYPES[path.suffix]
        self._plain = path.read_bytes()
        self._zipped = gzip.compress(self._plain, mtime=0)
        self._version = hashlib.sha256(self._plain).hexdigest()[:16].encode()

    def __call__(self, request: WebRequest) -> None:
        """Answer a request."""
        isZipped = request.takesGzip
        body = self._zipped if isZipped else self._plain
        request.setHeader(b"Cache-Control", b"no-cache")
        request.setHeader(b"Vary", b"Accept-Encoding")
        etag = b'"%b%b"' % (self._version, b"-gzip" if isZipped else b"")
        if request.setETag(etag) is not http.CACHED:
            request.setHeader(b"Content-Type", self._type)
            request.setHeader(b"Content-Length", b"%d" % len(body))
            if isZipped:
                request.setHeader(b"Content-Encoding", b"gzip")
            request.write(body)
        request.finish()


def staticFiles() -> dict[bytes, StaticFile]:
    """
    Give all files by the path under which pages load them.
    """
    return {
        b"/static/" + each.name.encode(): StaticFile(each)
        for each in sorted(FOLDER.iterdir())
        if each.suffix in _TYPES
    }
