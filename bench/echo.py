"""
Measure the echo of EchoStamp and of its alternatives: see C{README.rst}.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from loads import LOADS, Figures, Load
from report import Rounds, medians, plot, text, verdicts
from servers import CONTENDERS, WITH_TLS, Servers

#: The most connections for the contender that makes a thread for each: 10,000 threads
#: did not start in time.
MOST_THREADS = 1000

#: Descriptors that a process needs beside its connections.
SPARE = 50


def measure(
    loads: list[str],
    contenders: list[str],
    rounds: int,
    seconds: float,
    found: Rounds,
) -> None:
    """
    Measure each contender once per round, in another order each round.  Then other work
    on the machine slows all of them down alike.  All servers run side by side; those
    whose turn it is not have no connections.

    @param seconds: the length of each turn.
    @param found: gets each load when it is complete.
    @raise SystemExit: there is only one core, or a reply is wrong.
    """
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise SystemExit("the server and the load need one core each")
    os.sched_setaffinity(0, {cores[1]})
    with TemporaryDirectory() as folder:
        servers = Servers(Path(folder), cores[0])
        for load in loads:
            hasProgram = servers.hasTlsLoad or not LOADS[load].tls
            if LOADS[load].once and not hasProgram:
                print(f"{load} left out: no headers of OpenSSL", file=sys.stderr)
                continue
            program = servers.load if hasProgram else None
            names = [name for name in contenders if canDo(name, LOADS[load])]
            if not names:
                print(f"{load} left out: no contender can do it", file=sys.stderr)
                continue
            measured: dict[str, list[Figures]] = {name: [] for name in names}
            for turns in _rounds(servers, names, LOADS[load], rounds):
                done = len(measured[names[0]]) + 1
                print(f"{load}, round {done}", file=sys.stderr)
                for name, process, port in turns:
                    figures = LOADS[load].run(program, cores[1], process, port, seconds)
                    measured[name].append(figures)
            found[load] = measured


def _rounds(
    servers: Servers, names: list[str], load: Load, rounds: int
) -> Iterator[Iterator[tuple[str, int, int]]]:
    """
    Start the servers, and give the turns of each round: a contender, its process and
    its port.  Where memory is measured, each turn has a server of its own.
    """
    with ExitStack() as running:
        started = {}
        if not load.busy:
            for name in names:
                started[name] = running.enter_context(servers.running(name, load.tls))

        def turns(order: list[str]) -> Iterator[tuple[str, int, int]]:
            for name in order:
                if name in started:
                    yield name, *started[name]
                else:
                    with servers.running(name, load.tls) as (process, port):
                        yield name, process, port

        for number in range(rounds):
            first = number % len(names)
            yield turns(names[first:] + names[:first])


def canDo(contender: str, load: Load) -> bool:
    """
    Tell whether a contender can take a load.
    """
    if load.tls:
        return contender in WITH_TLS
    return contender != "threads" or load.connections <= MOST_THREADS


def machine() -> dict[str, str]:
    """
    Describe the machine and the versions that the figures are from.
    """
    packages = ("Twisted", "uvloop", "echostamp")
    return {
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        **{package: version(package) for package in packages},
    }


def main() -> None:
    """
    Run the command line.
    """
    parser = argparse.ArgumentParser(
        description="Measure EchoStamp and its alternatives: the server on one core, "
        "the load on another."
    )
    parser.add_argument(
        "--rounds",
        type=int,
        default=20,
        help="number of rounds; a figure is their median (default: %(default)s; fewer "
        "are not worth publishing)",
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=0.5,
        help="length of each turn (default: %(default)s)",
    )
    parser.add_argument(
        "--contender",
        action="append",
        choices=CONTENDERS,
        help="measure only this one; repeatable",
    )
    parser.add_argument(
        "--load", action="append", choices=LOADS, help="run only this one; repeatable"
    )
    parser.add_argument("--json", metavar="FILE", help="write all rounds to FILE")
    parser.add_argument("--text", metavar="FILE", help="write the tables to FILE too")
    parser.add_argument(
        "--plot", metavar="FILE", help="draw them in FILE (needs matplotlib)"
    )
    options = parser.parse_args()

    _, descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
    loads = list(options.load or LOADS)
    for load in loads[:]:
        if LOADS[load].connections + SPARE > descriptors:
            print(f"{load} left out: ulimit -n is {descriptors}", file=sys.stderr)
            loads.remove(load)
    rounds: Rounds = {}
    contenders = options.contender or list(CONTENDERS)
    try:
        measure(loads, contenders, options.rounds, options.seconds, rounds)
    finally:
        # What was measured before an error is not lost.
        if rounds:
            _write(options, rounds)


def _write(options: argparse.Namespace, rounds: Rounds) -> None:
    """
    Write what was measured.

    @param rounds: those of the loads that are complete.
    """
    found = medians(rounds)
    tables = text(rounds)
    print(tables, end="")
    if options.text:
        Path(options.text).write_text(tables)
    if options.json:
        everything = {
            "machine": machine(),
            "seconds": options.seconds,
            "rounds": rounds,
            "medians": found,
            "bars": [verdict._asdict() for verdict in verdicts(rounds)],
        }
        Path(options.json).write_text(json.dumps(everything, indent=1) + "\n")
    if options.plot:
        plot(found, options.plot)


if __name__ == "__main__":
    main()
