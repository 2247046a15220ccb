"""
How exact C{echostamp ping} is, beside irtt, sockperf and a loop in C: see
C{README.rst}.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

HOST = "127.0.0.1"

#: Seconds that a server may take until it listens.
PATIENCE = 20.0

#: Octets of a message.
SIZE = 32

#: Nanoseconds between probes: as fast as replies come, and 1,000 a second.
PACES = {0: "as fast as replies come", 1_000_000: "1,000 a second"}

#: The part of a measurement that is warm-up, and left out.
WARM_UP = 0.1

_SCRIPTS = Path(sys.executable).parent

#: Nanoseconds by what they are: C{rtt}, C{late}.
Values = dict[str, list[int]]

#: The same, as C{median} and C{p99} in microseconds.
Figures = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Bench:
    """
    What the measurements need.

    @ivar folder: a temporary one.
    @ivar program: the compiled C{pingpong.c}.
    @ivar cores: for the servers, and for the clients.
    @ivar seconds: how long each measurement is.
    @ivar ports: where each server listens.
    """

    folder: Path
    program: str
    cores: tuple[int, int]
    seconds: int
    ports: dict[str, int]

    def run(self, *command: str) -> str:
        """
        Run a client.

        @return: its standard output.
        @raise SystemExit: it fails.
        """
        ran = subprocess.run(
            command,
            capture_output=True,
            text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, {self.cores[1]}),
        )
        if ran.returncode:
            raise SystemExit(f"{command!r}: {ran.returncode}\n{ran.stdout}{ran.stderr}")
        return ran.stdout


def ping(bench: Bench, server: str, pace: int) -> Values:
    """
    Measure with C{echostamp ping}.
    """
    out = bench.run(
        *(str(_SCRIPTS / "echostamp"), "ping", "--json", "--no-jitter"),
        *("-i", f"{pace}ns", "-w", str(bench.seconds), "-s", str(SIZE)),
        f"{HOST}:{bench.ports[server]}",
    )
    document = json.loads(out)
    if document["stats"]["lost"] or document["stats"]["altered"]:
        raise SystemExit(f"{server}: lost or altered replies")
    probes = [probe for probe in document["probes"] if probe["rtt"] is not None]
    return {
        "rtt": [probe["rtt"] for probe in probes],
        "late": [probe["t1"] - probe["due"] for probe in probes],
    }


def pingPong(bench: Bench, server: str, pace: int) -> Values:
    """
    Measure with C{pingpong.c}.
    """
    port = str(bench.ports[server])
    out = bench.run(
        *(bench.program, "ping", port, str(pace), str(bench.seconds), str(SIZE))
    )
    return {"rtt": [int(line) for line in out.split()]}


def sockperf(bench: Bench, server: str, pace: int) -> Values:
    """
    Measure with sockperf.
    """
    log = bench.folder / "sockperf.csv"
    bench.run(
        *("sockperf", "ping-pong", "--tcp", "--full-rtt", "-i", HOST),
        *("-p", str(bench.ports[server]), "-t", str(bench.seconds), "-m", str(SIZE)),
        f"--mps={1_000_000_000 // pace if pace else 'max'}",
        f"--full-log={log}",
    )
    rows = re.findall(r"^\d+, [\d.]+, [\d.]+, ([\d.]+)$", log.read_text(), re.M)
    # Behind those that it measured, the log has rows of zeros.
    rtts = [round(float(rtt) * 1000) for rtt in rows]
    return {"rtt": [rtt for rtt in rtts if rtt]}


def irtt(bench: Bench, server: str, pace: int) -> Values:
    """
    Measure with irtt, over UDP.
    """
    out = bench.run(
        *("irtt", "client", "-Q", "-o", "-", "-i", f"{pace}ns"),
        *("-d", f"{bench.seconds}s", f"{HOST}:{bench.ports[server]}"),
    )
    trips = json.loads(out)["round_trips"]
    return {
        "rtt": [each["delay"]["rtt"] for each in trips if each["lost"] == "false"],
    }


def timer(bench: Bench, server: str, pace: int) -> Values:
    """
    Measure how late the machine itself is.
    """
    out = bench.run(bench.program, "timer", str(pace), str(bench.seconds))
    return {"late": [int(line) for line in out.split()]}


@dataclass(frozen=True)
class Row:
    """
    What is measured.

    @ivar title: what it is, for a reader.
    @ivar client: measures.
    @ivar server: what answers.
    @ivar paces: at which of the L{PACES}.
    """

    title: str
    client: Callable[[Bench, str, int], Values]
    server: str = ""
    paces: tuple[int, ...] = tuple(PACES)


ROWS = {
    "ping-echostamp": Row("echostamp ping, EchoStamp", ping, "echostamp"),
    "ping-c": Row("echostamp ping, echo in C", ping, "c"),
    "c-echostamp": Row("ping-pong in C, EchoStamp", pingPong, "echostamp"),
    "c-c": Row("ping-pong in C, echo in C", pingPong, "c"),
    "sockperf": Row("sockperf ping-pong, its server", sockperf, "sockperf"),
    "irtt": Row("irtt, its server (UDP)", irtt, "irtt", (1_000_000,)),
    "timer": Row("clock_nanosleep in C", timer, paces=(1_000_000,)),
}

#: Programs of others', with their Debian packages.
PACKAGES = {"sockperf": "sockperf", "irtt": "irtt"}


def commands(bench: Bench) -> dict[str, list[str]]:
    """
    Give the command lines of the servers.
    """
    ports = {name: str(port) for name, port in bench.ports.items()}
    twistd = str(_SCRIPTS / "twistd")
    return {
        "echostamp": [
            *(twistd, "-n", "--pidfile=", "echostamp", "--format", "unix"),
            *("-e", f"tcp:{ports['echostamp']}:interface={HOST}"),
        ],
        "c": [bench.program, "echo", ports["c"]],
        "sockperf": [
            "sockperf",
            "server",
            "--tcp",
            "-i",
            HOST,
            "-p",
            ports["sockperf"],
        ],
        # By default it allows no more than 100 a second.
        "irtt": ["irtt", "server", "-i", "0", "-b", f"{HOST}:{ports['irtt']}"],
    }


@contextmanager
def running(bench: Bench, name: str) -> Iterator[None]:
    """
    Run a server while the context lasts.

    @raise SystemExit: it does not listen.
    """
    log = bench.folder / f"{name}.log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            commands(bench)[name],
            stdout=sink,
            stderr=sink,
            preexec_fn=lambda: os.sched_setaffinity(0, {bench.cores[0]}),
        )
    try:
        until = time.monotonic() + PATIENCE
        # irtt's client asks until its server answers.
        while name != "irtt" and not _listens(bench.ports[name]):
            if process.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"{name} does not listen:\n{log.read_text()}")
            time.sleep(0.02)
        yield
    finally:
        process.kill()
        process.wait()


def _listens(port: int) -> bool:
    """
    Say whether somebody listens.
    """
    try:
        socket.create_connection((HOST, port)).close()
    except ConnectionRefusedError:
        return False
    return True


def figures(values: Values) -> Figures:
    """
    Give median and 99th percentile, by one method for all (Hyndman and Fan's type 7).

    @return: microseconds.
    """
    found = {}
    for name, all_ in values.items():
        kept = all_[int(len(all_) * WARM_UP) :]
        hundredths = statistics.quantiles(kept, n=100, method="inclusive")
        found[name] = {
            "median": statistics.median(kept) / 1000,
            "p99": hundredths[98] / 1000,
        }
    return found


#: Pace to row to its figures in each round.
Rounds = dict[int, dict[str, list[Figures]]]


def measure(bench: Bench, rows: list[str], rounds: int) -> Rounds:
    """
    Measure each row once in each round, and each round in another order: what else
    happens on the machine then falls on all of them.
    """
    found: Rounds = {
        pace: {name: [] for name in rows if pace in ROWS[name].paces} for pace in PACES
    }
    for turn in range(rounds):
        for pace, byRow in found.items():
            names = list(byRow)
            start = turn % len(names)
            for name in names[start:] + names[:start]:
                row = ROWS[name]
                print(f"round {turn + 1}, {PACES[pace]}: {name}", file=sys.stderr)
                byRow[name].append(figures(row.client(bench, row.server, pace)))
    return found


def medians(rounds: Rounds) -> dict[int, dict[str, Figures]]:
    """
    Give the medians of the rounds.
    """
    return {
        pace: {
            row: {
                what: {
                    figure: statistics.median(each[what][figure] for each in all_)
                    for figure in values
                }
                for what, values in all_[0].items()
            }
            for row, all_ in byRow.items()
        }
        for pace, byRow in rounds.items()
    }


def text(found: dict[int, dict[str, Figures]]) -> str:
    """
    Write the tables.
    """
    lines = []
    for pace, byRow in found.items():
        lines += _table(f"RTT, {PACES[pace]}", byRow, "rtt")
        for name, whose in ("ping-c", "client"), ("c-echostamp", "daemon"):
            if name in byRow and "c-c" in byRow:
                ours, least = byRow[name]["rtt"], byRow["c-c"]["rtt"]
                more = [ours[figure] - least[figure] for figure in ours]
                lines.append(_line(f"of it the {whose}'s, above C alone", more, "+"))
        if pace:
            lines += _table(f"sent late, {PACES[pace]}", byRow, "late")
    return "\n".join(lines[1:]) + "\n"


def _table(title: str, byRow: dict[str, Figures], what: str) -> list[str]:
    """
    Write the lines of a table.
    """
    rows = [name for name in byRow if what in byRow[name]]
    return [
        *("", f"{f'{title}, µs':<44}{'median':>9}{'p99':>9}"),
        *(_line(ROWS[name].title, byRow[name][what].values()) for name in rows),
    ]


def _line(title: str, values: Iterable[float], sign: str = "") -> str:
    """
    Write a line of a table.
    """
    return f"  {title:<42}" + "".join(f"{value:{sign}9.1f}" for value in values)


def compiled(folder: Path) -> str:
    """
    Compile C{pingpong.c}.

    @return: its path.
    """
    program = str(folder / "pingpong")
    source = str(Path(__file__).with_name("pingpong.c"))
    compiler = os.environ.get("CC", "cc")
    subprocess.run(
        [compiler, "-std=c11", "-O2", "-Wall", "-o", program, source], check=True
    )
    return program


def freePorts(names: list[str]) -> dict[str, int]:
    """
    Find a port for each server.
    """
    with ExitStack() as stack:
        free = [stack.enter_context(socket.create_server((HOST, 0))) for _ in names]
        return {
            name: each.getsockname()[1] for name, each in zip(names, free, strict=True)
        }


def main() -> None:
    """
    Run the command line.
    """
    parser = argparse.ArgumentParser(
        description="Measure how exact echostamp ping is: the servers on one core, the "
        "clients on another."
    )
    parser.add_argument("--rounds", type=int, default=5, help="default: %(default)s")
    parser.add_argument(
        "--seconds",
        type=int,
        default=2,
        help="length of each measurement (default: %(default)s)",
    )
    parser.add_argument(
        "--row", action="append", choices=ROWS, help="only this one; repeatable"
    )
    parser.add_argument("--json", metavar="FILE", help="write all rounds")
    parser.add_argument("--text", metavar="FILE", help="write the tables there too")
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise SystemExit("the servers and the clients need a core each")
    rows = list(options.row or ROWS)
    for name, package in PACKAGES.items():
        if name in rows and shutil.which(name) is None:
            print(f"{name} left out: Debian package {package}", file=sys.stderr)
            rows.remove(name)
    servers = sorted({ROWS[name].server for name in rows} - {""})
    with TemporaryDirectory() as place, ExitStack() as stack:
        folder = Path(place)
        ports = freePorts(["echostamp", "c", *PACKAGES])
        bench = Bench(
            folder, compiled(folder), (cores[0], cores[1]), options.seconds, ports
        )
        for server in servers:
            stack.enter_context(running(bench, server))
        rounds = measure(bench, rows, options.rounds)
    found = medians(rounds)
    tables = text(found)
    print(tables, end="")
    if options.text:
        Path(options.text).write_text(tables)
    if options.json:
        everything = {
            "system": f"{platform.system()} {platform.release()} {platform.machine()}",
            "python": platform.python_version(),
            "seconds": options.seconds,
            "rounds": rounds,
            "medians": found,
        }
        Path(options.json).write_text(json.dumps(everything, indent=1) + "\n")


if __name__ == "__main__":
    main()
