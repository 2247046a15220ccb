"""
Web servers that answer as no daemon does, in a process of their own.
"""

from __future__ import annotations

import gzip
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from echostamp.test.rowsamples import fullFigures
from echostamp.web.rowdata import SourceRow
from echostamp.web.rowdocument import rowPieces
from tests import harness

TOP = Path(__file__).parents[1]

_OK = b"HTTP/1.1 200 OK\r\n"
_CHUNKED = _OK + b"Transfer-Encoding: chunked\r\n\r\n"

#: A row, as a daemon sends it.
ROW = "".join(
    rowPieces(SourceRow("right", {"ams": fullFigures("ams")}, 10**18), "1.0")
).encode()


def whole(body: bytes, *headers: bytes) -> bytes:
    """
    Write an answer with its length.
    """
    lines = *headers, b"Content-Length: %d" % len(body), b"", b""
    return _OK + b"\r\n".join(lines) + body


def _endless(first: bytes, rest: bytes) -> Iterator[bytes]:
    """
    Send the same again and again.
    """
    yield first
    while True:
        yield rest * (1 + (1 << 16) // len(rest))


def _slowly(data: bytes) -> Iterator[bytes]:
    """
    Send an octet now and then.
    """
    for each in data:
        yield bytes([each])
        time.sleep(0.3)


def _silently() -> Iterator[bytes]:
    """
    Send nothing, and keep the connection.
    """
    yield b""
    time.sleep(1000)


#: Where the redirect leads.
_elsewhere = b""

#: What each server sends, and what is said of it; empty for the row.
SERVERS: dict[str, tuple[Callable[[], Iterator[bytes]], str]] = {
    "right": (lambda: iter([whole(ROW)]), ""),
    "unending": (lambda: _endless(_OK + b"\r\n", b"a"), "its answer is too long"),
    "long": (lambda: iter([whole(b" " * 3_000_000)]), "its answer is too long"),
    "headers": (
        lambda: _endless(_OK, b"a: %s\r\n" % (b"b" * 99)),
        "its answer is too long",
    ),
    "header": (lambda: _endless(_OK + b"a:", b"b"), "its answer is too long"),
    "lines": (lambda: _endless(_OK, b"a:\n"), "its answer is too long"),
    "chunks": (
        lambda: _endless(_CHUNKED, b"1\r\na\r\n"),
        "its answer has too many lines",
    ),
    "continued": (
        lambda: _endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        "its answer is not HTTP",
    ),
    "random": (lambda: iter([os.urandom(1 << 20)]), "its answer is not HTTP"),
    "http09": (lambda: iter([ROW]), "its answer is not HTTP"),
    "bomb": (
        lambda: iter(
            [whole(gzip.compress(b" " * (64 << 20)), b"Content-Encoding: gzip")]
        ),
        "it is no JSON: ",
    ),
    "page": (lambda: iter([whole(b"<html></html>")]), "it is no JSON: "),
    "nested": (lambda: iter([whole(b"[" * 50_000)]), "it is nested too deep"),
    "values": (
        lambda: iter([whole(b"[" + b"[]," * 300_000 + b"1]")]),
        "its row has too many values",
    ),
    "cut": (
        lambda: iter([whole(ROW)[:-9]]),
        "it closed the connection before its answer was complete",
    ),
    "nothing": (
        lambda: iter([b""]),
        "it closed the connection before its answer was complete",
    ),
    "redirect": (
        lambda: iter([b"HTTP/1.1 302 Found\r\nLocation: %b\r\n\r\n" % _elsewhere]),
        "HTTP 302",
    ),
    "forbidden": (lambda: iter([b"HTTP/1.1 403 No\r\n\r\n"]), "HTTP 403"),
    "slow": (lambda: _slowly(_OK * 9), "it did not answer in time"),
    "slowBody": (lambda: _slowly(whole(ROW)), "it did not answer in time"),
    "silent": (_silently, "it did not answer in time"),
}


class HostileWebs:
    """
    Such servers on loopback.

    @ivar ports: the port of each, by name.
    """

    def __init__(self, owner: harness.Owner, elsewhere: str) -> None:
        """
        @param owner: stops them at its end: the test.
        @param elsewhere: the URL where the redirect leads.
        """
        path = os.pathsep.join([str(TOP), *filter(None, [os.getenv("PYTHONPATH")])])
        command = sys.executable, __file__, elsewhere
        process = harness.start(
            owner, *command, stdout=-1, env={**os.environ, "PYTHONPATH": path}
        )
        assert process.stdout is not None
        self.ports: dict[str, int] = json.loads(process.stdout.readline())


def _serve(server: socket.socket, answer: Callable[[], Iterator[bytes]]) -> None:
    """
    Answer one connection after another.
    """
    while True:
        near, _ = server.accept()
        with near:
            near.settimeout(harness.DEADLINE)
            try:
                near.recv(1 << 16)
                for each in answer():
                    near.sendall(each)
                near.shutdown(socket.SHUT_WR)
                while near.recv(1 << 16):
                    pass
            except OSError:
                # The client has had enough.
                pass


def main(elsewhere: bytes) -> None:
    """
    Serve.  The ports are printed as a line of JSON.
    """
    global _elsewhere
    _elsewhere = elsewhere
    ports = {}
    for name, (answer, _) in SERVERS.items():
        server = socket.create_server(("127.0.0.1", 0))
        ports[name] = server.getsockname()[1]
        threading.Thread(target=_serve, args=(server, answer)).start()
    print(json.dumps(ports), flush=True)


if __name__ == "__main__":
    main(os.fsencode(sys.argv[1]))
