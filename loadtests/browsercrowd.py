"""
Many browsers that look at the pages of one daemon, in a process of their own.
"""

from __future__ import annotations

import gzip
import json
import random
import sys
import time
from collections import Counter
from http.client import HTTPConnection
from threading import Barrier, Lock, Thread

#: How often a page asks for what is new, in seconds.
EVERY = 10.0

#: What the matrix needs, and the page of a peer.
_MATRIX = "/static/style.css", "/static/page.js", "/static/icon.svg"
_PEER = *_MATRIX, "/static/plot.css", "/static/plot.js"

#: Every so many browsers one looks at a peer; the others look at the matrix.
_PEERS = 5

#: Seconds after which an answer is missing.
_PATIENCE = 30.0


class Crowd:
    """
    Browsers that look for a while.

    @ivar counts: how many answers there were of each status.
    @ivar slowest: the longest time for an answer, in seconds.
    @ivar octets: how many octets the answers had.
    """

    def __init__(self, port: int, count: int, peers: int, seconds: float) -> None:
        """
        @param port: of the daemon.
        @param count: how many browsers there are.
        @param peers: how many peers the daemon has: C{p0} and so on.
        @param seconds: for how long they look.
        """
        self.counts: Counter[str] = Counter()
        self.slowest = 0.0
        self.octets = 0
        self._port = port
        self._count = count
        self._peers = peers
        self._seconds = seconds
        self._lock = Lock()
        self._begin = Barrier(count)

    def look(self) -> None:
        """
        Have all browsers look, at the same time.
        """
        threads = [
            Thread(target=self._browse, args=(each,)) for each in range(self._count)
        ]
        for each in threads:
            each.start()
        for each in threads:
            each.join()

    def _browse(self, number: int) -> None:
        """
        Open a page, and ask for what is new until the time is over.
        """
        # A daemon serves at most 50 connections of one host.
        source = f"127.0.1.{number % 10 + 1}", 0
        connection = HTTPConnection(
            "127.0.0.1", self._port, timeout=_PATIENCE, source_address=source
        )
        isPeer = number % _PEERS == 0
        name = f"/peer/p{number % self._peers}?range=24h&zone=UTC" if isPeer else "/"
        again = name if isPeer else "/?part=table"
        self._begin.wait()
        due = time.monotonic()
        ended = due + self._seconds
        for path in name, *(_PEER if isPeer else _MATRIX):
            self._get(connection, path)
        # They were not opened at the same time.
        due += random.uniform(0, EVERY)
        while due < ended:
            time.sleep(max(0.0, due - time.monotonic()))
            self._get(connection, again)
            due += EVERY
        connection.close()

    def _get(self, connection: HTTPConnection, path: str) -> None:
        """
        Ask for a page.
        """
        began = time.monotonic()
        try:
            connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
            answer = connection.getresponse()
            body = answer.read()
            status = str(answer.status)
            if answer.headers["Content-Encoding"] == "gzip":
                gzip.decompress(body)
        except OSError as error:
            status, body = repr(error), b""
            connection.close()
        took = time.monotonic() - began
        with self._lock:
            self.counts[status] += 1
            self.octets += len(body)
            self.slowest = max(self.slowest, took)


if __name__ == "__main__":
    port, count, peers = map(int, sys.argv[1:4])
    crowd = Crowd(port, count, peers, float(sys.argv[4]))
    crowd.look()
    print(json.dumps([crowd.counts, crowd.slowest, crowd.octets]))
