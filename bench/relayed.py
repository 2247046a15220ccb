"""
Measure the intercom over two daemons, whose relay is Redis: see C{README.rst}.
"""

from __future__ import annotations

import os
import selectors
import shutil
import socket
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from servers import HOST, freePort, started

#: Listeners of the one that speaks, in equal parts at both daemons.
LISTENERS = 100

#: Lines that are sent together, and octets of a line with its newline.
BURST, SIZE = 256, 64

#: Lines that are sent one at a time, to measure the latency.
SINGLE = 500

#: The least lines a second, and the most milliseconds that the relay may add.
LINES, ADDED = 20_000, 3.0

#: Seconds in which the members of a room have joined, and have got what was sent.
_SETTLED, _PATIENCE = 2.0, 20.0


class Relayed(NamedTuple):
    """
    What was measured in a room.

    @ivar lines: lines a second, from the one that speaks to all listeners.
    @ivar own: milliseconds until a line is back at its sender: the median.
    @ivar others: milliseconds until a listener has it: the median.
    """

    lines: float
    own: float
    others: float


class Crowd:
    """
    One connection that speaks, and those that listen.
    """

    def __init__(self, ports: list[int]) -> None:
        """
        @param ports: those of the daemons.
        """
        self._selector = selectors.DefaultSelector()
        self._speaker = self._joined(ports[0], b"speaker")
        self._listeners = [
            self._joined(ports[number % len(ports)], b"listener%d" % number)
            for number in range(LISTENERS)
        ]
        time.sleep(_SETTLED)
        for each in self._speaker, *self._listeners:
            _read(each)

    def _joined(self, port: int, name: bytes) -> socket.socket:
        """
        Connect to a daemon.
        """
        connection = socket.create_connection((HOST, port))
        connection.sendall(b"/name %s\n" % name)
        connection.setblocking(False)
        self._selector.register(connection, selectors.EVENT_READ)
        return connection

    def _say(self, data: bytes) -> None:
        """
        Let the one speak.
        """
        self._speaker.setblocking(True)
        self._speaker.sendall(data)
        self._speaker.setblocking(False)

    def _arrivals(self) -> Iterator[tuple[socket.socket, bytes]]:
        """
        Give what has arrived since, or arrives next.

        @raise SystemExit: nothing arrives.
        """
        ready = self._selector.select(_PATIENCE)
        if not ready:
            raise SystemExit("relayed: lines are missing")
        for key, _ in ready:
            connection = key.fileobj
            assert isinstance(connection, socket.socket)
            yield connection, _read(connection)

    def lines(self, seconds: float) -> float:
        """
        Send as fast as all can take it.

        @return: lines a second, until all have got them.
        """
        line = b"x" * (SIZE - 1) + b"\n"
        got = dict.fromkeys([self._speaker, *self._listeners], 0)
        sent, began = 0, time.perf_counter()
        while True:
            isOver = time.perf_counter() - began >= seconds
            if not isOver and sent - got[self._speaker] <= BURST:
                self._say(line * BURST)
                sent += BURST
            elif isOver and min(got.values()) == sent:
                return sent / (time.perf_counter() - began)
            for connection, data in self._arrivals():
                got[connection] += data.count(b"x\n")

    def latencies(self) -> tuple[float, float]:
        """
        Send single lines.

        @return: the median milliseconds to the sender and to the last listener.
        """
        wanted = self._speaker, self._listeners[-1]
        times: dict[socket.socket, list[float]] = {each: [] for each in wanted}
        for _ in range(SINGLE):
            began = time.perf_counter()
            self._say(b"y\n")
            missing = set(wanted)
            while missing:
                for connection, data in self._arrivals():
                    if connection in missing and b"y\n" in data:
                        missing.remove(connection)
                        passed = time.perf_counter() - began
                        times[connection].append(1000 * passed)
        own, others = (statistics.median(times[each]) for each in wanted)
        return own, others


def _read(connection: socket.socket) -> bytes:
    """
    Read what has arrived.
    """
    parts = []
    try:
        while part := connection.recv(1 << 18):
            parts.append(part)
    except BlockingIOError:
        return b"".join(parts)
    raise SystemExit("relayed: a daemon has closed a connection")


@contextmanager
def _room(core: int, folder: Path, count: int) -> Iterator[list[int]]:
    """
    Run daemons of one room on a core; more than one need a relay.

    @return: their ports.
    """
    with ExitStack() as stack:
        relay: list[str] = []
        if count > 1:
            port = freePort()
            redis = ["redis-server", "--port", str(port), "--bind", HOST]
            redis += ["--save", "", "--dir", str(folder)]
            stack.enter_context(started(redis, port, {core}, folder))
            relay = ["--relay", f"redis://{HOST}:{port}/room"]
        twistd = str(Path(sys.executable).with_name("twistd"))
        ports = []
        for number in range(count):
            port = freePort()
            log = f"--logfile={folder / f'log{number}'}"
            daemon = [twistd, "-n", "--pidfile=", log, "echostamp", "--intercom"]
            endpoint = ["-e", f"tcp:{port}:interface={HOST}"]
            command = [*daemon, *endpoint, *relay]
            stack.enter_context(started(command, port, {core}, folder))
            ports.append(port)
        yield ports


def measureRelayed(rounds: int, seconds: float) -> dict[str, list[Relayed]] | None:
    """
    Measure one daemon alone, and two with a relay, in turns.  All of them run on the
    first core, the crowd on the second.

    @param seconds: the length of the measurement of lines.
    @return: the figures by what was measured; L{None} if Redis is not installed.
    """
    if shutil.which("redis-server") is None:
        print("relay left out: redis-server is not installed", file=sys.stderr)
        return None
    first, second, *_ = sorted(os.sched_getaffinity(0))
    found: dict[str, list[Relayed]] = {"alone": [], "relayed": []}
    for turn in range(rounds):
        for name, count in ("alone", 1), ("relayed", 2):
            print(f"relay, round {turn + 1}: {name}", file=sys.stderr)
            with TemporaryDirectory() as place, _room(first, Path(place), count) as at:
                os.sched_setaffinity(0, {second})
                try:
                    crowd = Crowd(at)
                    lines = crowd.lines(seconds)
                    found[name].append(Relayed(lines, *crowd.latencies()))
                finally:
                    os.sched_setaffinity(0, {first, second})
    return found


def textOfRelayed(found: dict[str, list[Relayed]]) -> Iterator[str]:
    """
    Write the lines of the table, and compare the figures with the bars.
    """

    def median(name: str, figure: Callable[[Relayed], float]) -> float:
        return statistics.median(figure(each) for each in found[name])

    yield f"{LISTENERS} listeners, lines of {SIZE} octets, {BURST} at once"
    yield f"  {'':<24} {'lines/s':>10} {'own, ms':>9} {'others, ms':>11}"
    for name, title in ("alone", "one daemon"), ("relayed", "two daemons, Redis"):
        lines = median(name, lambda each: each.lines)
        own = median(name, lambda each: each.own)
        others = median(name, lambda each: each.others)
        yield f"  {title:<24} {lines:10,.0f} {own:9.2f} {others:11.2f}"
    yield ""
    lines = median("relayed", lambda each: each.lines)
    isMet = "met" if lines >= LINES else "NOT met"
    yield f"lines a second over the relay: {lines:,.0f}, bar {LINES:,}, {isMet}"
    for what, figure in (
        ("own line", lambda each: each.own),
        ("others' line", lambda each: each.others),
    ):
        added = median("relayed", figure) - median("alone", figure)
        isMet = "met" if added <= ADDED else "NOT met"
        yield f"added to the {what}: {added:.2f} ms, bar {ADDED:g} ms, {isMet}"
