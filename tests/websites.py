"""
A web site with figures that are always the same, in a process of its own.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from echostamp.history.interfaces import KeptEvent
from echostamp.listen.endpoints import preparedPorts
from echostamp.listen.preparing import PreparingReactor
from echostamp.monitor.event import Event, Kind
from echostamp.test.plotrows import keptRows
from echostamp.test.webclients import FakeSource
from echostamp.times import SECOND
from echostamp.web.channel import ConnectionTimes
from echostamp.web.request import WebRequest
from echostamp.web.site import WebSite, webPages
from tests import harness
from tests.holds import Holds

TOP = Path(__file__).parents[1]

#: What events say.
WHY = "no reply for 6.008 s: Connection refused"

#: Shorter times than usual.
TIMES = ConnectionTimes(request=2, answer=4, idle=6, closing=1)


def readPage(port: int, path: str, **headers: str) -> tuple[int, bytes]:
    """
    Read a page of a daemon on loopback.

    @return: the status and the body.
    """
    request = Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    try:
        with urlopen(request, timeout=harness.DEADLINE) as answer:
            return answer.status, answer.read()
    except HTTPError as error:
        with error:
            return error.code, error.read()


class Site:
    """
    A site on loopback.

    Each peer has 1,000 rows of minutes.  There are 200 events.

    @ivar port: its TCP port.
    @ivar tlsPort: its port for TLS; 0 without a certificate.
    @ivar pid: the number of its process.
    """

    def __init__(self, owner: harness.Owner, peers: int, pem: str = "") -> None:
        """
        @param owner: stops the site at its end: the test.
        @param peers: how many peers it has: C{peer0} and so on.
        @param pem: the path of a key and certificate; empty for no TLS.
        """
        command = sys.executable, __file__, str(peers), pem
        path = os.pathsep.join([str(TOP), *filter(None, [os.getenv("PYTHONPATH")])])
        process = harness.start(
            owner, *command, stdout=-1, env={**os.environ, "PYTHONPATH": path}
        )
        assert process.stdout is not None
        self.pid = process.pid
        self.port, self.tlsPort = json.loads(process.stdout.readline())

    def get(self, path: str, **headers: str) -> tuple[int, bytes]:
        """
        Read a page.

        @return: the status and the body.
        """
        return readPage(self.port, path, **headers)

    def held(self) -> float:
        """Give the longest time for which the event loop was held, since this was asked
        before: seconds of CPU time.  The first answer only begins the measurement."""
        return float(self.get("/held")[1])


def serve(peers: int, pem: str) -> None:
    """
    Serve a site.  Its ports are printed as a line of JSON.

    @param peers: see L{Site}.
    @param pem: likewise.
    """
    from twisted.internet import reactor as installed

    reactor: Any = installed
    source = FakeSource([f"peer{each}" for each in range(peers)])
    now = int(time.time()) // 60 * 60
    rows = [*keptRows(now - 1000 * 60, now)]
    source.kept.rows = dict.fromkeys(source.peers, rows)
    source.kept.found = [
        KeptEvent(
            each, Event(Kind.DOWN, f"peer{each}", (now - each) * SECOND, text=WHY)
        )
        for each in range(200, 0, -1)
    ]
    holds = Holds()

    def answerHeld(request: WebRequest) -> None:
        request.answer(200, str(holds.taken()))
        holds.begin()

    pages = {**webPages(reactor, source), b"/held": answerHeld}
    descriptions = ["tcp:0:interface=127.0.0.1"]
    if pem:
        descriptions.append(f"tls:0:privateKey={pem}:certKey={pem}:interface=127.0.0.1")
    preparing = PreparingReactor(reactor)
    prepared = [
        port
        for each in descriptions
        for port in preparedPorts(
            preparing, each, WebSite(reactor, pages, each[:3] == "tcp", TIMES)
        )
    ]
    listening: list[Any] = [each.listen() for each in prepared]
    ports = [each.getHost().port for each in listening]
    # As the daemon does once it has its peers.
    gc.collect()
    gc.freeze()
    print(json.dumps([*ports, 0][:2]), flush=True)
    reactor.run()


if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.argv[2])
