"""
The intercom beside other broadcasters: see C{README.rst}.
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

from echo import SPARE, machine
from loads import Figures
from report import Medians, Rounds, Verdict, medians
from servers import BENCH, HOST, compiled, freePort, started

#: Of uvloop's CPU per delivery, what EchoStamp may use at most.
BAR = 1.5

#: Octets of a message, its newline included.
SIZE = 64

#: Those that hear what one more connection says.
LISTENERS = "2,10,100,1000"

#: The contenders: EchoStamp first, then what a user would pick instead.
CONTENDERS = {
    "echostamp": "EchoStamp",
    "asyncio": "asyncio",
    "uvloop": "uvloop",
    "ncat": "ncat --broker",
}

#: Connections that ncat can have: it waits by C{select}, for descriptors below 1,024.
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
    Measure each contender once in each round, and each round in another order.

    @param seconds: how long each measurement is.
    @param outstanding: lines that are said at once.
    @return: the figures, by the number of listeners in the place of a load.
    @raise SystemExit: there is only one core, or a line is wrong.
    """
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise SystemExit("the server and the load need a core each")
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
                    with started(server, port, cores[0], folder) as process:
                        load = [*words, "-l", str(count), "-p", str(process)]
                        load += [*["-r"][: name == "ncat"], HOST, str(port)]
                        figures[name].append(run(load, cores[1], f"{count}, {name}"))
    return found


def ncatCanDo(listeners: int) -> bool:
    """
    Say whether ncat is there, and so many can listen to it.
    """
    why = ""
    if shutil.which("ncat") is None:
        why = "it is missing"
    elif listeners >= MOST_OF_NCAT:
        why = f"it can have {MOST_OF_NCAT:,} connections"
    if why:
        print(f"{listeners}: ncat left out: {why}", file=sys.stderr)
    return not why


def run(load: list[str], core: int, title: str) -> Figures:
    """
    Run the load.

    @param core: the number of the core to run on.
    @raise SystemExit: the server is not right.
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


def verdicts(found: Medians) -> list[Verdict]:
    """
    Hold what was measured against the bar.
    """
    result = []
    for listeners, contenders in found.items():
        if {"echostamp", "uvloop"} <= contenders.keys():
            mine, its = (
                contenders[name]["cpuPerDelivery"] for name in ("echostamp", "uvloop")
            )
            what = f"CPU per delivery, {int(listeners):,} listeners, of uvloop's"
            result.append(Verdict(what, mine / its, BAR, mine / its <= BAR))
    return result


def text(found: Medians) -> Iterator[str]:
    """
    Write the lines of the tables: nanoseconds, and in brackets what a figure is to
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
            f"{'met' if verdict.isMet else 'NOT met'}"
        )


def counts(words: str) -> list[int]:
    """
    Read numbers with commas between them.
    """
    return [int(word) for word in words.split(",")]


def main() -> None:
    """
    Run the command line.
    """
    parser = argparse.ArgumentParser(
        description="Measure the intercom beside other broadcasters: the server on one "
        "core, the load on another."
    )
    parser.add_argument(
        "--rounds",
        type=int,
        default=15,
        help="rounds, of which the medians are taken (default: %(default)s)",
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
        help="how many listen (default: %(default)s)",
    )
    parser.add_argument(
        "--outstanding",
        type=int,
        default=64,
        metavar="N",
        help="lines that are said at once (default: %(default)s)",
    )
    parser.add_argument(
        "--contender",
        action="append",
        choices=CONTENDERS,
        help="only this one; repeatable",
    )
    parser.add_argument("--json", metavar="FILE", help="write all rounds")
    options = parser.parse_args()

    _, descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
    if max(options.listeners) + SPARE > descriptors:
        raise SystemExit(f"too many listeners: ulimit -n is {descriptors}")
    rounds = measure(
        options.listeners,
        options.contender or list(CONTENDERS),
        options.rounds,
        options.seconds,
        options.outstanding,
    )
    found = medians(rounds)
    print("\n".join(text(found)))
    if options.json:
        everything = {
            "machine": machine(),
            "seconds": options.seconds,
            "outstanding": options.outstanding,
            "rounds": rounds,
            "medians": found,
            "bars": [verdict._asdict() for verdict in verdicts(found)],
        }
        Path(options.json).write_text(json.dumps(everything, indent=1) + "\n")


if __name__ == "__main__":
    main()
