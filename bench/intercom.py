"""
Measure the intercom and other broadcasters: see C{README.rst}.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from echo import SPARE, machine
from loads import Figures
from relayed import measureRelayed, textOfRelayed
from report import Medians, Rounds, medians
from servers import BENCH, HOST, compiled, freePort, started

#: EchoStamp's CPU per delivery, divided by uvloop's: the limit.
BAR = 1.5

#: Octets of a message, its newline included.
SIZE = 64

#: How many connections listen to the one that speaks.
LISTENERS = "2,10,100,1000"

#: The contenders: EchoStamp first, then the alternatives.
CONTENDERS = {
    "echostamp": "EchoStamp",
    "asyncio": "asyncio",
    "uvloop": "uvloop",
    "ncat": "ncat --broker",
}

#: The most connections of ncat: it uses C{select}, whose descriptors are below 1,024.
MOST_OF_NCAT = 1010


def command(name: str, port: int, folder: Path) -> list[str]:
    """
    Give the command line of a contender.
    """
    if name == "echostamp":
        twistd = str(Path(sys.executable).with_name("twistd"))
        log = f"--logfile={folder / 'log'}"
        endpoint = f"tcp:{port}:interface={HOST}"
        daemon = [twistd, "-n", "--pidfile=", log, "echostamp", "-e", endpoint]
        return [*daemon, "--intercom", "--no-notices"]
    if name == "ncat":
        most = str(MOST_OF_NCAT)
        return ["ncat", "--broker", "--max-conns", most, "--listen", HOST, str(port)]
    script = BENCH / "contenders" / f"{name}_broadcast.py"
    return [sys.executable, str(script), str(port)]


def measure(
    listeners: list[int],
    contenders: list[str],
    rounds: int,
    seconds: float,
    outstanding: int,
) -> Rounds:
    """
    Measure each contender once per round, in another order each round.

    @param seconds: the length of each measurement.
    @param outstanding: lines that the speaker sends at once.
    @return: the figures, by the number of listeners instead of a load.
    @raise SystemExit: there is only one core, or a line is wrong.
    """
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise SystemExit("the server and the load need one core each")
    os.sched_setaffinity(0, {cores[1]})
    found: Rounds = {}
    with TemporaryDirectory() as place:
        folder = Path(place)
        program = compiled(BENCH / "intercomload.c", folder)
        words = [program, "-k", str(outstanding), "-m", str(SIZE), "-s", str(seconds)]
        for count in listeners:
            names = [name for name in contenders if name != "ncat" or ncatCanDo(count)]
            if not names:
                continue
            figures = found[str(count)] = {name: [] for name in names}
            for turn in range(rounds):
                start = turn % len(names)
                for name in names[start:] + names[:start]:
                    print(f"{count}, round {turn + 1}: {name}", file=sys.stderr)
                    port = freePort()
                    server = command(name, port, folder)
                    with started(server, port, {cores[0]}, folder) as process:
                        load = [*words, "-l", str(count), "-p", str(process)]
                        load += [*["-r"][: name == "ncat"], HOST, str(port)]
                        figures[name].append(run(load, cores[1], f"{count}, {name}"))
    return found


def ncatCanDo(listeners: int) -> bool:
    """
    Tell whether ncat is installed and can have so many listeners.
    """
    why = ""
    if shutil.which("ncat") is None:
        why = "it is not installed"
    elif listeners >= MOST_OF_NCAT:
        why = f"it can have {MOST_OF_NCAT:,} connections"
    if why:
        print(f"{listeners}: ncat left out: {why}", file=sys.stderr)
    return not why


def run(load: list[str], core: int, title: str) -> Figures:
    """
    Run the load.

    @param core: the number of the core to run on.
    @raise SystemExit: the server made a mistake.
    """
    ran = subprocess.run(
        load,
        stdout=subprocess.PIPE,
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )
    if ran.returncode:
        raise SystemExit(f"{title}: status {ran.returncode}")
    figures: Figures = json.loads(ran.stdout)
    return figures


class Verdict(NamedTuple):
    """
    A bar, and the ratio that was measured.
    """

    what: str
    ratio: float
    bar: float


def verdicts(found: Medians) -> list[Verdict]:
    """
    Compare the figures with the bar.
    """
    result = []
    for listeners, contenders in found.items():
        if {"echostamp", "uvloop"} <= contenders.keys():
            mine, its = (
                contenders[name]["cpuPerDelivery"] for name in ("echostamp", "uvloop")
            )
            what = f"CPU per delivery, {int(listeners):,} listeners, of uvloop's"
            result.append(Verdict(what, mine / its, BAR))
    return result


def text(found: Medians) -> Iterator[str]:
    """
    Write the lines of the tables: nanoseconds, and in brackets the figure divided by
    uvloop's.
    """
    for listeners, contenders in found.items():
        yield f"{int(listeners):,} listeners"
        yield f"  {'':<16} {'CPU ns':>10} {'':8} {'deliveries/s':>14}"
        for name, figures in contenders.items():
            line = f"  {CONTENDERS[name]:<16}"
            for figure, width in (("cpuPerDelivery", 10), ("deliveriesPerSecond", 14)):
                ratio = ""
                if "uvloop" in contenders:
                    ratio = f"({figures[figure] / contenders['uvloop'][figure]:.2f})"
                line += f" {figures[figure]:{width},.0f} {ratio:<8}"
            yield line.rstrip()
        yield ""
    for verdict in verdicts(found):
        yield (
            f"{verdict.what}: {verdict.ratio:.2f}, bar {verdict.bar:.2f}, "
            f"{'met' if verdict.ratio <= verdict.bar else 'NOT met'}"
        )


def counts(words: str) -> list[int]:
    """
    Parse numbers that are separated by commas.
    """
    return [int(word) for word in words.split(",")]


def main() -> None:
    """
    Run the command line.
    """
    parser = argparse.ArgumentParser(
        description="Measure the intercom and other broadcasters: the server on one "
        "core, the load on another."
    )
    parser.add_argument(
        "--rounds",
        type=int,
        default=15,
        help="number of rounds; a figure is their median (default: %(default)s)",
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=0.7,
        help="length of each measurement (default: %(default)s)",
    )
    parser.add_argument(
        "--listeners",
        type=counts,
        default=LISTENERS,
        metavar="N,N",
        help="numbers of listeners (default: %(default)s)",
    )
    parser.add_argument(
        "--outstanding",
        type=int,
        default=64,
        metavar="N",
        help="lines that the speaker sends at once (default: %(default)s)",
    )
    parser.add_argument(
        "--contender",
        action="append",
        choices=CONTENDERS,
        help="measure only this one; repeatable",
    )
    parser.add_argument(
        "--relay-only",
        action="store_true",
        help="measure only the room over two daemons and Redis",
    )
    parser.add_argument("--json", metavar="FILE", help="write all rounds to FILE")
    options = parser.parse_args()

    _, descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
    if max(options.listeners) + SPARE > descriptors:
        raise SystemExit(f"too many listeners: ulimit -n is {descriptors}")
    relayed = None
    if options.contender is None:
        relayed = measureRelayed(options.rounds, options.seconds)
    rounds = measure(
        [] if options.relay_only else options.listeners,
        options.contender or list(CONTENDERS),
        options.rounds,
        options.seconds,
        options.outstanding,
    )
    found = medians(rounds)
    print("\n".join(text(found)))
    if relayed is not None:
        print("\n".join(textOfRelayed(relayed)))
    if options.json:
        everything = {
            "machine": machine(),
            "seconds": options.seconds,
            "outstanding": options.outstanding,
            "rounds": rounds,
            "medians": found,
            "relay": relayed,
            "bars": [verdict._asdict() for verdict in verdicts(found)],
        }
        Path(options.json).write_text(json.dumps(everything, indent=1) + "\n")


if __name__ == "__main__":
    main()
