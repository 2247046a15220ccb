"""
The page that Prometheus reads.
"""

from __future__ import annotations

from twisted.web import http

from echostamp.monitor.metricformats import formatFor
from echostamp.text import printable
from echostamp.web.encodings import Encodings, Wanted
from echostamp.web.request import WebRequest
from echostamp.web.source import Source
from echostamp.web.stream import Stream


class MetricsPage:
    """
    Answers scrapes.

    With C{?peer=NAME} the answer has the series of that peer only, and none of the
    daemon; or those of all peers that were made of one, C{NAME/...}.  It may be
    repeated.  A name that no peer has is an error: a scrape that succeeds without its
    series would look as if nothing was wrong.
    """

    def __init__(self, source: Source, encodings: Encodings[Wanted]) -> None:
        """
        @param source: has the peers.
        @param encodings: makes the answers.
        """
        self._source = source
        self._encodings = encodings

    def __call__(self, request: WebRequest) -> None:
        """Answer a scrape."""
        names = None
        if request.args and (given := request.args.get(b"peer")):
            names = frozenset[str]()
            for each in given:
                name = each.decode(errors="replace")
                found = self._named(name)
                if not found:
                    why = printable(f"there is no peer {name!r}")
                    request.answer(http.NOT_FOUND, why)
                    return
                names |= found
        form = formatFor(request.header("Accept"))
        if request.beginBody(form.value, "Accept, Accept-Encoding"):
            wanted = Wanted(form, request.takesGzip, names)
            Stream(request, self._encodings, wanted)

    def _named(self, name: str) -> frozenset[str]:
        """
        Find the peers that a name is for.
        """
        peers = self._source.peers
        if name in peers:
            return frozenset([name])
        return frozenset(each for each in peers if each.startswith(f"{name}/"))
