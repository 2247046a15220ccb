"""
The page that Prometheus reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from twisted.web import http

from echostamp.monitor.exposition import Exposition
from echostamp.monitor.metricformats import Format, formatFor
from echostamp.monitor.processfigures import processFigures
from echostamp.text import printable
from echostamp.web.encodings import Encodings, zipped
from echostamp.web.request import WebRequest
from echostamp.web.source import Source
from echostamp.web.stream import Stream


class WantedMetrics(NamedTuple):
    """
    What a scrape asks for.

    @ivar form: the format.
    @ivar isZipped: whether it is compressed.
    @ivar names: the peers; L{None} for all of them, and the daemon.
    """

    form: Format
    isZipped: bool = False
    names: frozenset[str] | None = None


def metricSteps(source: Source, wanted: WantedMetrics) -> Iterator[bytes]:
    """
    Make an answer, in small steps: a peer, or some octets.

    @return: the octets of each step; empty for most.
    """
    exposition = Exposition(wanted.form, source.labels())
    peers = dict(source.peers)
    yield b""
    for name, peer in peers.items():
        if wanted.names is None or name in wanted.names:
            exposition.add(peer.snapshot())
            yield b""
    if wanted.names is None:
        exposition.daemon(source.daemon(), processFigures())
        yield b""
    chunks = exposition.chunks()
    yield from zipped(chunks) if wanted.isZipped else chunks


class MetricsPage:
    """
    Answers scrapes.

    With C{?peer=NAME} the answer has the series of that peer only, and none of the
    daemon; or those of all peers that were made of one, C{NAME/...}.  It may be
    repeated.  A name that no peer has is an error: a scrape that succeeds without its
    series would look as if nothing was wrong.
    """

    def __init__(self, source: Source, encodings: Encodings[WantedMetrics]) -> None:
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
            wanted = WantedMetrics(form, request.takesGzip, names)
            Stream(request, self._encodings, wanted)

    def _named(self, name: str) -> frozenset[str]:
        """
        Find the peers that a name is for.
        """
        peers = self._source.peers
        if name in peers:
            return frozenset([name])
        return frozenset(each for each in peers if each.startswith(f"{name}/"))
