"""
A web site with the matrix of a mesh of hosts, in a process of its own.
"""

from __future__ import annotations

import os
import random
import sys
import time
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, succeed

from echostamp.listen.endpoints import preparedPorts
from echostamp.listen.preparing import PreparingReactor
from echostamp.measure.offsetwindow import FITS
from echostamp.times import MILLISECOND, SECOND
from echostamp.web.files import staticFiles
from echostamp.web.matrixpage import MatrixPage
from echostamp.web.rowdata import PeerFigures, PeerState, SourceRow
from echostamp.web.site import Page, WebSite
from tests import harness

TOP = Path(__file__).parents[1]


class Mesh:
    """
    Hosts each of which watches all others.  Some paths are bad.

    @ivar all: the rows.
    """

    def __init__(self, hosts: int, changing: int) -> None:
        """
        @param hosts: how many.
        @param changing: the first so many have other figures at each look.
        """
        self._changing = changing
        self._names = [f"site{each // 10}-host{each % 10}" for each in range(hosts)]
        self._chance = random.Random(7)
        self.all: list[SourceRow] = []
        self.renew(hosts)

    def renew(self, count: int) -> None:
        """
        Measure again.

        @param count: for so many sources.  Those of the others stay, and are not old.
        """
        now = time.time_ns()
        self.all = [
            *[self._row(each, now) for each in self._names[:count]],
            *[each._replace(at=now) for each in self.all[count:]],
        ]

    def _row(self, source: str, now: int) -> SourceRow:
        """Make the row of a source."""
        url = "" if source == self._names[0] else f"https://{source}.example.net:9862/"
        peers = {name: self._path(name, now) for name in self._names if name != source}
        return SourceRow(source, peers, now, url)

    def _path(self, name: str, now: int) -> PeerFigures:
        """Make the figures of a path."""
        chance = self._chance
        if chance.random() < 0.005:
            return PeerFigures(name, PeerState.DOWN, now - 90 * SECOND, lost=60, due=60)
        median = int(chance.uniform(1, 200) * MILLISECOND)
        lost = chance.choice((0,) * 39 + (1,))
        estimate = int(chance.gauss(0, MILLISECOND))
        return PeerFigures(
            name,
            PeerState.UP,
            now - 3600 * SECOND,
            {"site": name.partition("-")[0]},
            f"stamp:{name}.example.net",
            "192.0.2.1:862",
            due=60,
            sent=60,
            received=60 - lost,
            lost=lost,
            median=median,
            p99=median * 2,
            offsetLow=estimate - median // 2,
            offset=estimate,
            offsetHigh=estimate + median // 2,
            verdict=FITS,
            maxRtt=198 * MILLISECOND,
            weekP10=median,
            weekP90=median,
        )

    def row(self) -> Deferred[SourceRow]:
        """Give the row of the first one."""
        return succeed(self.all[0])

    def rows(self) -> list[SourceRow]:
        """Give those of the others, after another look."""
        if self._changing:
            self.renew(self._changing)
        return self.all[1:]


class MatrixSite:
    """
    A site on loopback.

    @ivar port: its TCP port.
    """

    def __init__(self, owner: harness.Owner, hosts: int, changing: int) -> None:
        """
        @param owner: stops it at its end: the test.
        @param hosts: see L{Mesh}.
        @param changing: likewise.
        """
        self._owner = owner
        self._numbers = str(hosts), str(changing)
        self.port = 0
        self.start()

    def start(self) -> None:
        """Start it, at the same port as before."""
        path = os.pathsep.join([str(TOP), *filter(None, [os.getenv("PYTHONPATH")])])
        self._process = harness.start(
            self._owner,
            *(sys.executable, __file__, *self._numbers, str(self.port)),
            stdout=-1,
            env={**os.environ, "PYTHONPATH": path},
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def stop(self) -> None:
        """Stop it."""
        self._process.kill()
        self._process.wait()


def serve(hosts: int, changing: int, port: int) -> None:
    """
    Serve a site.  Its port is printed.
    """
    from twisted.internet import reactor as installed

    reactor: Any = installed
    mesh = Mesh(hosts, changing)
    pages: dict[bytes, Page] = {b"/": MatrixPage(reactor, mesh, mesh), **staticFiles()}
    site = WebSite(reactor, pages, True)
    (prepared,) = preparedPorts(
        PreparingReactor(reactor), f"tcp:{port}:interface=127.0.0.1", site
    )
    listening: Any = prepared.listen()
    print(listening.getHost().port, flush=True)
    reactor.run()


if __name__ == "__main__":
    serve(*map(int, sys.argv[1:]))
