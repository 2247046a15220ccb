"""
Measure how exact C{echostamp ping} is, compared with irtt, sockperf and a loop in C:
see C{README.rst}.
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
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

HOST = "127.0.0.1"

#: Seconds in which a server must listen.
PATIENCE = 20.0

#: Octets of a message.
SIZE = 32


@dataclass(frozen=True)
class Load:
    """
    When probes are sent, and whether the machine is busy.

    @ivar pace: nanoseconds between probes; 0: as fast as replies arrive.
    @ivar isBusy: whether other programs keep both cores busy.
    @ivar seconds: the least length of a measurement.
    """

    pace: int
    isBusy: bool = False
    seconds: int = 0


#: The loads by name.
LOADS = {
    "as fast as replies come": Load(0),
    "1,000 a second": Load(1_000_000),
    "100 a second": Load(10_000_000, seconds=5),
    "100 a second, both cores busy": Load(10_000_000, True, 5),
}

#: The names of those over TCP, and of those over UDP.
TCP, UDP = tuple(LOADS)[:2], tuple(LOADS)[2:]

#: The part of a measurement that is warm-up, and left out.
WARM_UP = 0.1

_SCRIPTS = Path(sys.executable).parent

#: Nanoseconds by the name of the figure: C{rtt}, C{late}.
Values = dict[str, list[int]]

#: The same, as C{median} and C{p99} in microseconds.
Figures = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Bench:
    """
    The place and the programs of the measurements.

    @ivar folder: a temporary folder.
    @ivar program: the compiled C{pingpong.c}.
    @ivar cores: the core of the servers, and that of the clients.
    @ivar seconds: the length of each measurement.
    @ivar ports: the port of each server.
    """

    folder: Path
    program: str
    cores: tuple[int, int]
    seconds: int
    ports: dict[str, int]

    def over(self, load: Load) -> str:
        """Give the length of a measurement, in seconds."""
        return str(max(self.seconds, load.seconds))

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


def ping(bench: Bench, server: str, load: Load) -> Values:
    """
    Measure with C{echostamp ping}.
    """
    out = bench.run(
        *(str(_SCRIPTS / "echostamp"), "ping", "--json", "--no-jitter"),
        *("-i", f"{load.pace}ns", "-w", bench.over(load), "-s", str(SIZE)),
        f"{HOST}:{bench.ports[server]}",
    )
    document = json.loads(out)
    if document["stats"]["lost"] or document["stats"]["altered"]:
        raise SystemExit(f"{server}: lost or altered replies")
    probes = [probe for probe in document["probes"] if probe["t4"] is not None]
    # Stalls count, though ping gives them no RTT: the other clients do not detect any.
    return {
        "rtt": [probe["t4"] - probe["t1"] for probe in probes],
        "late": [probe["t1"] - probe["due"] for probe in probes],
    }


def stamp(
    bench: Bench, server: str, load: Load, *options: str, program: Sequence[str] = ()
) -> Values:
    """
    Measure with C{echostamp ping stamp:}.  The true offset, 0, must be within its
    bound.

    @param program: what to run instead of C{echostamp}.
    """
    out = bench.run(
        *(program or [str(_SCRIPTS / "echostamp")]),
        *("ping", "--json", "--no-jitter", "-i", f"{load.pace}ns"),
        *("-w", bench.over(load), *options, f"stamp:{HOST}:{bench.ports[server]}"),
    )
    document = json.loads(out)
    offset = document["stats"]["offset"]
    if not offset["low"] <= 0 <= offset["high"]:
        raise SystemExit(f"{server}: the offset is not 0 by its bound: {offset}")
    probes = [probe for probe in document["probes"] if probe["rtt"] is not None]
    middles = [p["t2"] - p["t1"] + p["t3"] - p["t4"] for p in probes]
    return {
        "rtt": [probe["rtt"] for probe in probes],
        "offset": [abs(middle) // 2 for middle in middles],
    }


def stamp4(bench: Bench, server: str, load: Load) -> Values:
    """
    Measure with all four of the kernel's timestamps.
    """
    return stamp(bench, server, load, "--tlv=follow-up")


def stamp0(bench: Bench, server: str, load: Load) -> Values:
    """
    Measure without any of them, at either end.
    """
    return stamp(bench, server, load, program=withoutTheKernel("echostamp"))


def withoutTheKernel(program: str) -> list[str]:
    """
    Begin a command line that runs a program without the kernel's timestamps: the system
    does not know its socket options for them.

    @param program: C{echostamp} or C{twistd}.
    """
    runs = {
        "echostamp": "from echostamp.client.command import main; sys.exit(main())",
        "twistd": "from twisted.scripts.twistd import run; run()",
    }
    script = (
        "import sys, echostamp.rfc8762.ancillary as ancillary; "
        "ancillary.SO_TIMESTAMPNS = ancillary.SO_TIMESTAMPING = -1; "
        f"{runs[program]}"
    )
    return [sys.executable, "-c", script]


def pingPong(bench: Bench, server: str, load: Load) -> Values:
    """
    Measure with C{pingpong.c}.
    """
    port = str(bench.ports[server])
    out = bench.run(
        *(bench.program, "ping", port, str(load.pace), bench.over(load), str(SIZE))
    )
    return {"rtt": [int(line) for line in out.split()]}


def sockperf(bench: Bench, server: str, load: Load) -> Values:
    """
    Measure with sockperf.
    """
    log = bench.folder / "sockperf.csv"
    bench.run(
        *("sockperf", "ping-pong", "--tcp", "--full-rtt", "-i", HOST),
        *("-p", str(bench.ports[server]), "-t", bench.over(load), "-m", str(SIZE)),
        f"--mps={1_000_000_000 // load.pace if load.pace else 'max'}",
        f"--full-log={log}",
    )
    rows = re.findall(r"^\d+, [\d.]+, [\d.]+, ([\d.]+)$", log.read_text(), re.M)
    # After the rows that it measured, the log has rows of zeros.
    rtts = [round(float(rtt) * 1000) for rtt in rows]
    return {"rtt": [rtt for rtt in rtts if rtt]}


def irtt(bench: Bench, server: str, load: Load) -> Values:
    """
    Measure with irtt, over UDP.
    """
    out = bench.run(
        *("irtt", "client", "-Q", "-o", "-", "-i", f"{load.pace}ns"),
        *("-d", f"{bench.over(load)}s", f"{HOST}:{bench.ports[server]}"),
    )
    trips = json.loads(out)["round_trips"]
    return {
        "rtt": [each["delay"]["rtt"] for each in trips if each["lost"] == "false"],
    }


def timer(bench: Bench, server: str, load: Load) -> Values:
    """
    Measure how late a timer in C is.
    """
    out = bench.run(bench.program, "timer", str(load.pace), bench.over(load))
    return {"late": [int(line) for line in out.split()]}


@dataclass(frozen=True)
class Row:
    """
    A row of the table.

    @ivar title: its description for a reader.
    @ivar client: measures it.
    @ivar server: the server that answers.
    @ivar loads: the names of its L{LOADS}.
    """

    title: str
    client: Callable[[Bench, str, Load], Values]
    server: str = ""
    loads: tuple[str, ...] = TCP


ROWS = {
    "ping-echostamp": Row("echostamp ping, EchoStamp", ping, "echostamp"),
    "ping-c": Row("echostamp ping, echo in C", ping, "c"),
    "c-echostamp": Row("ping-pong in C, EchoStamp", pingPong, "echostamp"),
    "c-c": Row("ping-pong in C, echo in C", pingPong, "c"),
    "sockperf": Row("sockperf ping-pong, its server", sockperf, "sockperf"),
    "irtt": Row("irtt, its server (UDP)", irtt, "irtt", (TCP[1], *UDP)),
    "timer": Row("clock_nanosleep in C", timer, loads=TCP[1:]),
    "stamp-4": Row("STAMP, four kernel timestamps", stamp4, "stamp", UDP),
    "stamp-3": Row("STAMP, three", stamp, "stamp", UDP),
    "stamp-0": Row("STAMP, the programs' own", stamp0, "stamp-0", UDP),
}

#: Rows whose median RTT must be at most irtt's, divided by this.
BARS = {"stamp-4": 20, "stamp-3": 5}

#: Rows and the limit of the offset's error at the 99th percentile, in microseconds.
OFFSET_BARS = {"stamp-4": 5}

#: Other programs, with their Debian packages.
PACKAGES = {"sockperf": "sockperf", "irtt": "irtt"}


def commands(bench: Bench) -> dict[str, list[str]]:
    """
    Build the command lines of the servers.
    """
    ports = {name: str(port) for name, port in bench.ports.items()}

    def echostamp(name: str, twistd: Sequence[str], *options: str) -> list[str]:
        return [
            *(*twistd, "-n", "--pidfile=", "echostamp", *options),
            *("-e", f"tcp:{ports[name]}:interface={HOST}"),
        ]

    def reflector(name: str, twistd: Sequence[str]) -> list[str]:
        place = f"--reflector={HOST}:{ports[name]}"
        return echostamp(name, twistd, place, "--stateful", f"--allow={HOST}")

    usual = [str(_SCRIPTS / "twistd")]
    return {
        "echostamp": echostamp("echostamp", usual, "--format=unix"),
        "stamp": reflector("stamp", usual),
        "stamp-0": reflector("stamp-0", withoutTheKernel("twistd")),
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
        # irtt's client waits for its server.
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
    Tell whether a server listens on a port.
    """
    try:
        socket.create_connection((HOST, port)).close()
    except ConnectionRefusedError:
        return False
    return True


def figures(values: Values) -> Figures:
    """
    Compute median and 99th percentile, by Hyndman and Fan's type 7 for all clients.

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


#: The figures of each round, by load and row.
Rounds = dict[str, dict[str, list[Figures]]]


@contextmanager
def busy(bench: Bench, isBusy: bool) -> Iterator[None]:
    """
    Keep both cores busy while the context lasts.

    @param isBusy: whether to do it.
    """
    script = "while True: pass"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script],
            preexec_fn=lambda core=core: os.sched_setaffinity(0, {core}),  # type: ignore[misc]
        )
        for core in (bench.cores if isBusy else ())
    ]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def measure(bench: Bench, rows: list[str], rounds: int) -> Rounds:
    """
    Measure each row once per round, in another order each round.  Then other work on
    the machine slows all of them down alike.
    """
    found: Rounds = {
        load: {name: [] for name in rows if load in ROWS[name].loads} for load in LOADS
    }
    found = {load: byRow for load, byRow in found.items() if byRow}
    for turn in range(rounds):
        for title, byRow in found.items():
            names, load = list(byRow), LOADS[title]
            start = turn % len(names)
            for name in names[start:] + names[:start]:
                row = ROWS[name]
                print(f"round {turn + 1}, {title}: {name}", file=sys.stderr)
                with busy(bench, load.isBusy):
                    values = row.client(bench, row.server, load)
                byRow[name].append(figures(values))
    return found


def medians(rounds: Rounds) -> dict[str, dict[str, Figures]]:
    """
    Compute the medians of the rounds.
    """
    return {
        load: {
            row: {
                what: {
                    figure: statistics.median(each[what][figure] for each in all_)
                    for figure in values
                }
                for what, values in all_[0].items()
            }
            for row, all_ in byRow.items()
        }
        for load, byRow in rounds.items()
    }


def text(found: dict[str, dict[str, Figures]]) -> str:
    """
    Write the tables.
    """
    lines = []
    for load, byRow in found.items():
        lines += _table(f"RTT, {load}", byRow, "rtt")
        for name, whose in ("ping-c", "client"), ("c-echostamp", "daemon"):
            if name in byRow and "c-c" in byRow:
                ours, least = byRow[name]["rtt"], byRow["c-c"]["rtt"]
                more = [ours[figure] - least[figure] for figure in ours]
                lines.append(_line(f"of it the {whose}'s, above C alone", more, "+"))
        for name, bar in BARS.items():
            if name in byRow and "irtt" in byRow:
                irtts = byRow["irtt"]["rtt"]["median"]
                part = irtts / byRow[name]["rtt"]["median"]
                verdict = "held" if part >= bar else "NOT held"
                ratio = f"1/{part:.1f} of irtt's median"
                lines.append(f"  {name}: {ratio}, bar 1/{bar}: {verdict}")
        if LOADS[load].pace:
            lines += _table(f"sent late, {load}", byRow, "late")
        lines += _table(f"offset's error, {load}", byRow, "offset")
        for name, most in OFFSET_BARS.items():
            if name in byRow:
                worst = byRow[name]["offset"]["p99"]
                verdict = "held" if worst <= most else "NOT held"
                lines.append(f"  {name}: p99 {worst:.1f}, bar {most}: {verdict}")
    return "\n".join(lines[1:]) + "\n"


def _table(title: str, byRow: dict[str, Figures], what: str) -> list[str]:
    """
    Write the lines of a table.
    """
    rows = [name for name in byRow if what in byRow[name]]
    if not rows:
        return []
    return [
        *("", f"{f'{title}, µs':<49}{'median':>9}{'p99':>9}"),
        *(_line(ROWS[name].title, byRow[name][what].values()) for name in rows),
    ]


def _line(title: str, values: Iterable[float], sign: str = "") -> str:
    """
    Write a line of a table.
    """
    return f"  {title:<47}" + "".join(f"{value:{sign}9.1f}" for value in values)


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
        "--row", action="append", choices=ROWS, help="measure only this one; repeatable"
    )
    parser.add_argument("--json", metavar="FILE", help="write all rounds to FILE")
    parser.add_argument("--text", metavar="FILE", help="write the tables to FILE too")
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise SystemExit("the servers and the clients need one core each")
    rows = list(options.row or ROWS)
    for name, package in PACKAGES.items():
        if name in rows and shutil.which(name) is None:
            print(f"{name} left out: Debian package {package}", file=sys.stderr)
            rows.remove(name)
    servers = sorted({ROWS[name].server for name in rows} - {""})
    with TemporaryDirectory() as place, ExitStack() as stack:
        folder = Path(place)
        ports = freePorts(["echostamp", "c", "stamp", "stamp-0", *PACKAGES])
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
