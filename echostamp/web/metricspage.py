"""
The page that Prometheus reads.
"""

from __future__ import annotations

from twisted.internet.interfaces import IPushProducer
from twisted.web import http
from zope.interface import implementer

from echostamp.monitor.metricformats import formatFor
from echostamp.text import printable
from echostamp.web.encodings import Encoding, Encodings, Source, Wanted
from echostamp.web.request import WebRequest
from echostamp.web.requestheaders import acceptsGzip


class MetricsPage:
    """
    Answers scrapes.

    With C{?peer=NAME} the answer has the series of that peer only, and none of the
    daemon; or those of all peers that were made of one, C{NAME/...}.  It may be
    repeated.  A name that no peer has is an error: a scrape that succeeds without its
    series would look as if nothing was wrong.
    """

    def __init__(self, source: Source, encodings: Encodings) -> None:
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
        isZipped = acceptsGzip(request.header("Accept-Encoding"))
        request.setHeader(b"Content-Type", form.value.encode())
        request.setHeader(b"Vary", b"Accept, Accept-Encoding")
        if isZipped:
            request.setHeader(b"Content-Encoding", b"gzip")
        if request.method == b"HEAD":
            request.finish()
            return
        Scrape(request, self._encodings, Wanted(form, isZipped, names))

    def _named(self, name: str) -> frozenset[str]:
        """
        Find the peers that a name is for.
        """
        peers = self._source.peers
        if name in peers:
            return frozenset([name])
        return frozenset(each for each in peers if each.startswith(f"{name}/"))


@implementer(IPushProducer)
class Scrape:
    """
    Sends an answer as fast as its client reads.
    """

    def __init__(
        self, request: WebRequest, encodings: Encodings, wanted: Wanted
    ) -> None:
        """
        @param request: has asked.
        @param encodings: makes the answer.
        @param wanted: what to answer.
        """
        self._request = request
        self._encodings = encodings
        self._next = 0
        self._isPaused = False
        request.registerProducer(self, True)
        self._encoding: Encoding = encodings.join(wanted, self)
        # It fires when the answer is complete, and fails when the client has gone.
        request.notifyFinish().addBoth(self._ended)

    def pauseProducing(self) -> None:
        """Wait: the client does not read."""
        self._isPaused = True

    def resumeProducing(self) -> None:
        """Continue."""
        self._isPaused = False
        self.pull()

    def stopProducing(self) -> None:
        """Wait for the connection's end, which follows."""
        self._isPaused = True

    def pull(self) -> None:
        """Send what there is, unless the client does not read."""
        chunks = self._encoding.chunks
        while self._next < len(chunks):
            if self._isPaused:
                return
            self._next += 1
            self._request.write(chunks[self._next - 1])
        if self._encoding.isComplete:
            self._request.unregisterProducer()
            self._request.finish()

    def fail(self) -> None:
        """End the answer: there will not be all of it."""
        self._request.unregisterProducer()
        self._request.fail()

    def _ended(self, result: object) -> None:
        """
        Leave.
        """
        self._encodings.leave(self._encoding, self)
