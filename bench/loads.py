"""
The loads, and how each is run against a server.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from servers import HOST

#: Figures of one turn, by name: those of C{load.c}'s JSON, and C{foreign}: above 1
#: where another process had the server's core.
Figures = dict[str, float]

#: Seconds of warm-up of a turn.
WARM_UP = 0.2


@dataclass(frozen=True)
class Load:
    """
    A load.

    @ivar title: its description for a reader.
    @ivar connections: how many there are.
    @ivar outstanding: unanswered messages on each connection.
    @ivar size: octets of a message.
    @ivar busy: how many connections talk; 0 for all.
    @ivar once: whether each connection is used once, then closed and replaced.
    @ivar tls: whether it is over TLS.
    @ivar switches: with more involuntary switches a second than this, another process
        had the server's core.  On a quiet machine there are 10 to 30, since the kernel
        has work of its own; with a busy process beside the server, 120.
    """

    title: str
    connections: int
    outstanding: int = 1
    size: int = 32
    busy: int = 0
    once: bool = False
    tls: bool = False
    switches: float = 60.0

    def run(
        self,
        program: str | None,
        core: int,
        process: int,
        port: int,
        seconds: float,
    ) -> Figures:
        """
        Run it.

        @param program: the compiled C{load.c}; L{None} for C{tlsload.py}.
        @param core: the number of the core to run on.
        @param process: the server's process.
        @param port: the server's port.
        @param seconds: how long to measure.
        @raise SystemExit: the server made a mistake.
        """
        if program is None:
            command = [sys.executable, str(Path(__file__).with_name("tlsload.py"))]
        else:
            command = [program, "-k", str(self.outstanding), "-m", str(self.size)]
            command += ["-b", str(self.busy), *["-o"][: self.once]]
            command += ["-t"][: self.tls]
        command += ["-c", str(self.connections), "-p", str(process)]
        command += ["-w", str(WARM_UP), "-s", str(seconds)]
        before, began = _switches(process), time.monotonic()
        ran = subprocess.run(
            [*command, HOST, str(port)],
            stdout=subprocess.PIPE,
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        )
        if ran.returncode:
            raise SystemExit(f"{self.title}: status {ran.returncode}")
        figures: Figures = json.loads(ran.stdout)
        lasted = time.monotonic() - began
        switches = (_switches(process) - before) / lasted
        figures["foreign"] = switches / self.switches
        return figures


def _switches(process: int) -> int:
    """
    Count how often a process has lost its core to another one, in all its threads.
    """
    count = 0
    for status in Path(f"/proc/{process}/task").glob("*/status"):
        # A thread may end meanwhile.
        with suppress(FileNotFoundError, ProcessLookupError):
            for line in status.read_text().splitlines():
                if line.startswith("nonvoluntary_ctxt_switches:"):
                    count += int(line.split()[1])
    return count


LOADS = {
    "1x1": Load("1 connection, 1 message at a time", 1),
    "50x1": Load("50 connections, 1 message at a time", 50),
    "50x16": Load("50 connections, 16 messages outstanding", 50, 16),
    "1x2000": Load("1 connection, 2,000 messages outstanding", 1, 2000),
    "200x1KB": Load("200 connections, 1 message of 1 KB at a time", 200, size=1024),
    "tls": Load("50 connections over TLS, 1 message at a time", 50, tls=True),
    "once": Load(
        "connections opened, used once and closed, 50 at a time",
        50,
        once=True,
        # Sockets that end give the kernel more to do: 110 to 150 on a quiet machine.
        switches=200.0,
    ),
    "tls-once": Load(
        "TLS connections opened, used once and closed, 50 at a time",
        50,
        once=True,
        tls=True,
        switches=200.0,
    ),
    "10x1": Load("10 connections, 1 message at a time", 10),
    "100x1": Load("100 connections, 1 message at a time", 100),
    "1000x1": Load("1,000 connections, 1 message at a time", 1000),
    "10000x1": Load("10,000 connections, 1 message at a time", 10_000),
    "idle": Load("10,000 connections of which 50 talk", 10_000, busy=50),
}

#: The loads that differ only in the number of connections.
GROWTH = ("1x1", "10x1", "50x1", "100x1", "1000x1", "10000x1")
