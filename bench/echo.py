"""
EchoStamp beside what a user would pick instead: see C{README.rst}.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import sys
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from loads import LOADS, Load
from report import Rounds, medians, plot, text, verdicts
from servers import CONTENDERS, WITH_TLS, Servers

#: Connections that a thread each is made for: 10,000 threads did not start in time.
MOST_THREADS = 1000

#: Descriptors that a process needs beside its connections.
SPARE = 50


def measure(
    loads: list[str], contenders: list[str], rounds: int, seconds: float
) -> Rounds:
    """
    Measure each contender once in each round, and each round in another order: what
    else happens on the machine then falls on all of them.

    @param seconds: how long each measurement is.
    @raise SystemExit: there is only one core, or a reply is wrong.
    """
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise SystemExit("the server and the load need a core each")
    os.sched_setaffinity(0, {cores[1]})
    found: Rounds = {}
    with TemporaryDirectory() as folder:
        servers = Servers(Path(folder), cores[0])
        for load in loads:
            names = [name for name in contenders if canDo(name, LOADS[load])]
            if not names:
                print(f"{load} left out: it is for none of these", file=sys.stderr)
                continue
            found[load] = {name: [] for name in names}
            for turn in range(rounds):
                start = turn % len(names)
                for name in names[start:] + names[:start]:
                    print(f"{load}, round {turn + 1}: {name}", file=sys.stderr)
                    with servers.running(name, LOADS[load].tls) as (process, port):
                        figures = LOADS[load].run(
                            servers.load, cores[1], process, port, seconds
                        )
                    found[load][name].append(figures)
    return found


def canDo(contender: str, load: Load) -> bool:
    """
    Say whether a load is for a contender.
    """
    if load.tls:
        return contender in WITH_TLS
    return contender != "threads" or load.connections <= MOST_THREADS


def machine() -> dict[str, str]:
    """
    Say what the figures hold for.
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
        description="Measure EchoStamp beside its peers: the server on one core, the "
        "load on another."
    )
    parser.add_argument(
        "--rounds",
        type=int,
        default=5,
        help="rounds, of which the medians are taken (default: %(default)s, the least "
        "that is worth publishing)",
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=2.0,
        help="length of each measurement (default: %(default)s)",
    )
    parser.add_argument(
        "--contender",
        action="append",
        choices=CONTENDERS,
        help="only this one; repeatable",
    )
    parser.add_argument(
        "--load", action="append", choices=LOADS, help="only this one; repeatable"
    )
    parser.add_argument("--json", metavar="FILE", help="write all rounds")
    parser.add_argument("--text", metavar="FILE", help="write the tables there too")
    parser.add_argument("--plot", metavar="FILE", help="draw them (needs matplotlib)")
    options = parser.parse_args()

    _, descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
    loads = list(options.load or LOADS)
    for load in loads[:]:
        if LOADS[load].connections + SPARE > descriptors:
            print(f"{load} left out: ulimit -n is {descriptors}", file=sys.stderr)
            loads.remove(load)
    rounds = measure(
        loads, options.contender or list(CONTENDERS), options.rounds, options.seconds
    )
    found = medians(rounds)
    tables = text(found)
    print(tables, end="")
    if options.text:
        Path(options.text).write_text(tables)
    if options.json:
        everything = {
            "machine": machine(),
            "seconds": options.seconds,
            "rounds": rounds,
            "medians": found,
            "bars": [verdict._asdict() for verdict in verdicts(found)],
        }
        Path(options.json).write_text(json.dumps(everything, indent=1) + "\n")
    if options.plot:
        plot(found, options.plot)


if __name__ == "__main__":
    main()
