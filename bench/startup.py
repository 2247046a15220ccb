"""
Measure how long the daemon and the client take to start, compared with Twisted's
reactor alone: see C{README.rst}.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from servers import HOST, freePort, started

#: The longest start, divided by that of the reactor alone; and the longest run of a
#: ping of one probe, divided by that of a Python which only imports the reactor.
BAR, PING_BAR = 2.0, 1.6

#: Imports that take less are not listed, in microseconds.
LEAST_IMPORT = 1000

_SCRIPTS = Path(sys.executable).parent


class Start(NamedTuple):
    """
    A program to start.

    @ivar command: its command line.
    @ivar effect: what it prints once it has started; empty to wait for its end.
    """

    command: list[str]
    effect: bytes = b""

    def seconds(self) -> float:
        """
        Start it, and measure the seconds from the command to the effect.

        @raise SystemExit: the effect does not appear.
        """
        began = time.perf_counter()
        with subprocess.Popen(self.command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            output = b""
            while not self.effect or self.effect not in output:
                data = os.read(process.stdout.fileno(), 65_536)
                if not data:
                    break
                output += data
            if not self.effect:
                process.wait()
            seconds = time.perf_counter() - began
            process.kill()
        if self.effect not in output or (not self.effect and process.returncode):
            raise SystemExit(f"{self.command!r} did not start: {output!r}")
        return seconds


_TWISTD = [str(_SCRIPTS / "twistd"), "-n", "--pidfile=", "echostamp"]
_CLIENT = [str(_SCRIPTS / "echostamp"), "--help"]
_REACTOR = "import twisted.internet.reactor"

#: Those whose end is measured, too.
_ALONE, _PING = "the reactor alone, ended", "echostamp ping -c 1, ended"

STARTS = {
    "the reactor alone": Start(
        # Without its end, which would add a third: a daemon does not end.
        [sys.executable, "-c", f"{_REACTOR}; print('there', flush=True)"],
        b"there",
    ),
    "twistd echostamp, listening": Start(
        [*_TWISTD, "-e", "tcp:0:interface=127.0.0.1"], b"listening on"
    ),
    "echostamp --help, printed": Start(_CLIENT),
    _ALONE: Start([sys.executable, "-c", _REACTOR]),
}


def measured(starts: dict[str, Start], rounds: int) -> dict[str, list[float]]:
    """
    Measure each start once per round, on the last core.

    @return: seconds, by name.
    """
    found: dict[str, list[float]] = {name: [] for name in starts}
    for start in starts.values():
        start.seconds()  # fill the caches of bytecode, plugins and the disk
    for _ in range(rounds):
        for name, start in starts.items():
            found[name].append(start.seconds())
    return found


def report(found: dict[str, list[float]]) -> None:
    """
    Print the medians and the bars.
    """
    medians = {name: statistics.median(each) for name, each in found.items()}
    for name, seconds in medians.items():
        alone, bar = next(iter(medians.values())), BAR
        if name in (_ALONE, _PING):
            alone, bar = medians[_ALONE], PING_BAR
        isMet = "met" if seconds / alone <= bar else "NOT met"
        print(
            f"{name:<28} {seconds * 1000:6.0f} ms  {seconds / alone:5.2f}, "
            f"bar {bar:.2f}, {isMet}"
        )


def imports(command: list[str]) -> dict[str, int]:
    """
    Measure how long each module takes to import, without the modules that it imports
    itself, in microseconds.

    @param command: a Python script.
    """
    ran = subprocess.run(
        [sys.executable, "-X", "importtime", *command], capture_output=True, text=True
    )
    lines = re.findall(r"^import time: +(\d+) \| +\d+ \| +(\S+)$", ran.stderr, re.M)
    return {module: int(microseconds) for microseconds, module in lines}


def listImports(*commands: list[str]) -> None:
    """
    Print which imports of Python scripts take long, without those of the reactor.
    """
    known = imports(["-c", _REACTOR])
    for command in commands:
        print(f"\n{' '.join(command[1:])}: microseconds of its own")
        cost = imports(command)
        for module in sorted(cost, key=cost.__getitem__, reverse=True):
            if module not in known and cost[module] >= LEAST_IMPORT:
                print(f"{cost[module]:8} {module}")


def main() -> None:
    """
    Run the command line.
    """
    parser = argparse.ArgumentParser(description="Measure how long starting takes.")
    parser.add_argument("--rounds", type=int, default=15, help="default: %(default)s")
    parser.add_argument("--json", metavar="FILE", help="write all rounds to FILE")
    parser.add_argument(
        "--imports",
        action="store_true",
        help="list the imports that the reactor alone does not need",
    )
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[-1]})
    port = freePort()
    daemon = [*_TWISTD, "-e", f"tcp:{port}:interface={HOST}"]
    with (
        TemporaryDirectory() as folder,
        started(daemon, port, {cores[0]}, Path(folder)),
    ):
        ping = [_CLIENT[0], "ping", "-c", "1", f"{HOST}:{port}"]
        found = measured(STARTS | {_PING: Start(ping)}, options.rounds)
        report(found)
        if options.imports:
            # With "--help" instead of an endpoint twistd imports as much, and ends.
            listImports([*_TWISTD, "--help"], _CLIENT, ping)
    if options.json:
        Path(options.json).write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
