"""
Measure the CPU of the daemon that watches many peers over STAMP, beside fping, Debian's
smokeping_prober and a bare loop in Python: see C{README.rst}.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from urllib.request import Request, urlopen

from servers import BENCH, HOST, freePort

#: Seconds before the first turn.  The rolling windows of a daemon are full after a
#: minute; until then a probe costs less.
WARM_UP = 75

#: Seconds from the move to the other core, or the start of a program, to the turn.
SETTLE = 3

#: Seconds of a turn: from one scrape to the next.  Each turn has one, in its middle.
TURN = 15

#: Seconds in which a program must start, and must end.
PATIENCE = 30

#: The least share of the probes that a contender must send.  The raw mode of
#: smokeping_prober may need more than its core.
LEAST, RAW = 0.5, "raw"

#: The time from one probe of fping to the next, of any target, as a share of that which
#: spreads them over the interval.  With all of it fping falls behind its rate, because
#: it counts from when it really sent.
FPING_SPREAD = 0.9

ECHOSTAMP, AGAIN, FPING, BARE, SMOKEPING = (
    *("echostamp", "again", "fping", "bare"),
    "smokeping",
)

TITLES = {
    ECHOSTAMP: "EchoStamp",
    AGAIN: "EchoStamp, again",
    FPING: "fping",
    BARE: "epoll loop, Python",
    SMOKEPING: "smokeping_prober --no-privileged",
    RAW: "smokeping_prober",
}

#: Says how many probes were sent: metrics, and what fping prints at SIGQUIT.
_SENT = {
    "echostamp": re.compile(r"^echostamp_probes_sent_total\{.*\} (\S+)", re.M),
    "smokeping": re.compile(r"^smokeping_requests_total\{.*\} (\S+)", re.M),
}
_PRINTED = re.compile(r"xmt/rcv\S* = (\d+)")


class Load(NamedTuple):
    """
    What is probed.

    @ivar targets: how many targets.
    @ivar rate: probes a second to each.
    """

    targets: int
    rate: int

    @property
    def perSecond(self) -> int:
        """Probes a second in all."""
        return self.targets * self.rate

    @property
    def title(self) -> str:
        """What to call it."""
        return f"{self.targets:,} targets, {self.rate} a second each"

    def hosts(self) -> list[str]:
        """
        Give the addresses of the targets: this host has all of 127.0.0.0/8.
        """
        return [f"127.0.{1 + i // 250}.{1 + i % 250}" for i in range(self.targets)]


class Row(NamedTuple):
    """
    Loads that are measured in the same rounds.

    @ivar load: the load of all contenders.
    @ivar other: one of EchoStamp alone.
    @ivar limits: the greatest ratio of EchoStamp's CPU to another contender's.
    @ivar otherRatio: the greatest ratio of EchoStamp's CPU per probe with the other
        load to that with the load; L{None} for no bar.
    @ivar otherCore: the greatest share of a core with the other load; likewise.
    """

    load: Load
    other: Load
    limits: dict[str, float]
    otherRatio: float | None = None
    otherCore: float | None = None


ROWS = {
    "100x10": Row(Load(100, 10), Load(1000, 1), {FPING: 3.5}, otherRatio=1.2),
    "100x1": Row(
        Load(100, 1), Load(200, 1), {FPING: 3.0, SMOKEPING: 1.0}, otherCore=0.1
    ),
}

#: The name of the daemon with the other load.
OTHER = "other"


class Running(NamedTuple):
    """
    A contender that runs.

    @ivar process: its process.
    @ivar load: its load.
    @ivar sent: gives how many probes it has sent since it was last called.
    @ivar scrape: scrapes its metrics; L{None} where it has none.
    """

    process: subprocess.Popen[str]
    load: Load
    sent: Callable[[], int]
    scrape: Callable[[], int] | None = None


class Cores(NamedTuple):
    """
    The cores.

    @ivar far: of the far end, of this script, and of the daemons between their turns.
    @ivar own: of the contender that has its turn.
    """

    far: int
    own: int


def scraped(port: int, pattern: re.Pattern[str]) -> int:
    """
    Scrape metrics as Prometheus does.

    @param pattern: of the counters of sent probes.
    @return: their sum.
    """
    request = Request(
        f"http://{HOST}:{port}/metrics", headers={"Accept-Encoding": "gzip"}
    )
    with urlopen(request, timeout=PATIENCE) as answer:
        body = answer.read()
        if answer.headers["Content-Encoding"] == "gzip":
            body = gzip.decompress(body)
    return round(sum(map(float, pattern.findall(body.decode()))))


def counter(scrape: Callable[[], int]) -> Callable[[], int]:
    """
    Make the function that gives how many probes were sent since it was last called.

    @param scrape: gives how many were sent in all.
    """
    last = 0

    def sent() -> int:
        nonlocal last
        before, last = last, scrape()
        return last - before

    return sent


def printed(process: subprocess.Popen[str], output: Path, targets: int) -> int:
    """
    Make fping, or the loop in Python, print how many probes it has sent since the last
    time.

    @param output: where it prints that.
    @raise SystemExit: it does not.
    """
    start = output.stat().st_size
    process.send_signal(signal.SIGQUIT)
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        found = _PRINTED.findall(output.read_text()[start:])
        if len(found) == targets:
            return sum(map(int, found))
        time.sleep(0.02)
    raise SystemExit(f"{process.args!r} does not print:\n{output.read_text()}")


@contextmanager
def started(
    command: Sequence[str], core: int, output: Path
) -> Iterator[subprocess.Popen[str]]:
    """
    Run a program while the context lasts.

    @param output: a file for what it prints.
    """
    with output.open("w") as sink:
        process = subprocess.Popen(
            command,
            stdout=sink,
            stderr=sink,
            text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def awaitMetrics(
    process: subprocess.Popen[str], scrape: Callable[[], int], output: Path
) -> None:
    """
    Wait until a program shows metrics.

    @raise SystemExit: it does not.
    """
    until = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < until:
        try:
            scrape()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit(f"{process.args!r} shows no metrics:\n{output.read_text()}")


def twistd(folder: Path, name: str) -> list[str]:
    """
    Give the beginning of the command line of a daemon that does not echo.
    """
    program = str(Path(sys.executable).with_name("twistd"))
    log = f"--logfile={folder / name}.log"
    return [program, "-n", "--pidfile=", log, "echostamp", "--no-echo"]


@contextmanager
def reflecting(folder: Path, core: int) -> Iterator[int]:
    """
    Run the far end: a session-reflector for all of 127.0.0.0/8.

    @return: its port.
    """
    port, most = freePort(), "1000000"
    command = twistd(folder, "reflector")
    command += [f"--reflector=0.0.0.0:{port}"]
    command += [f"--max-pps={most}", f"--max-total-pps={most}"]
    with started(command, core, folder / "reflector"):
        yield port


@contextmanager
def watching(
    folder: Path, name: str, load: Load, port: int, core: int
) -> Iterator[Running]:
    """
    Run a daemon that watches peers.

    @param port: the reflector's.
    """
    peers, web = folder / f"{name}.toml", freePort()
    lines = [f'interval = "{1000 // load.rate}ms"']
    for host in load.hosts():
        lines += [f'[peer."{host}"]', f'target = "stamp:{host}:{port}"']
    peers.write_text("\n".join(lines))
    command = twistd(folder, name)
    command += [f"--peers={peers}", f"--web=tcp:{web}:interface={HOST}"]
    scrape = partial(scraped, web, _SENT["echostamp"])
    output = folder / name
    with started(command, core, output) as process:
        awaitMetrics(process, scrape, output)
        yield Running(process, load, counter(scrape), scrape)


@contextmanager
def probing(
    folder: Path, name: str, load: Load, port: int, core: int
) -> Iterator[Running]:
    """
    Run another contender.

    @param port: the reflector's.
    """
    period, output = 1000 // load.rate, folder / name
    if name in (FPING, BARE):
        if name == FPING:
            command = ["fping", "-l", "-Q", "3600", "-p", str(period)]
            command += ["-i", f"{FPING_SPREAD * period / load.targets:g}"]
        else:
            script = str(BENCH / "contenders" / "epoll_prober.py")
            command = [sys.executable, script, str(port), str(period * 1_000_000)]
        with started([*command, *load.hosts()], core, output) as process:
            sent = partial(printed, process, output, load.targets)
            yield Running(process, load, sent)
        return
    web = freePort()
    command = ["prometheus-smokeping-prober", f"--ping.interval={period}ms"]
    command += [f"--web.listen-address={HOST}:{web}"]
    command += ["--no-privileged" if name == SMOKEPING else "--privileged"]
    scrape = partial(scraped, web, _SENT["smokeping"])
    with started([*command, *load.hosts()], core, output) as process:
        awaitMetrics(process, scrape, output)
        yield Running(process, load, counter(scrape), scrape)


def turn(name: str, running: Running, scrapes: Sequence[Callable[[], object]]) -> float:
    """
    Measure a contender for a turn.

    @param scrapes: scrape every program that has metrics.
    @return: microseconds of CPU a probe, user and system.
    @raise SystemExit: it has not sent what was due.
    """
    # The kernel's clock of a process; C{clock_getcpuclockid} makes its number so.
    clock = ~running.process.pid << 3 | 2
    running.sent()
    began, used = time.monotonic(), time.clock_gettime(clock)
    time.sleep(TURN / 2)
    for each in scrapes:
        each()
    time.sleep(max(began + TURN - time.monotonic(), 0))
    used = time.clock_gettime(clock) - used
    due = running.load.perSecond * (time.monotonic() - began)
    sent = running.sent()
    if sent < LEAST * due and name != RAW:
        raise SystemExit(f"{name} has sent {sent} of {due:.0f} probes")
    return used / sent * 1_000_000


def measured(
    row: Row, cores: Cores, names: list[str], rounds: int
) -> dict[str, list[float]]:
    """
    Measure the contenders.  The daemons run all the time, on the core of the far end,
    and move to the other core for their turns.  So their windows stay full, and nothing
    else is on the core of the contender that has its turn.

    @param names: the other contenders.
    @return: microseconds of CPU a probe, of each round.
    """
    found: dict[str, list[float]] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        port = stack.enter_context(reflecting(folder, cores.far))
        loads = {ECHOSTAMP: row.load, AGAIN: row.load, OTHER: row.other}
        daemons = {
            name: stack.enter_context(watching(folder, name, load, port, cores.far))
            for name, load in loads.items()
        }
        scrapes = [each.scrape for each in daemons.values() if each.scrape]
        for _ in range(WARM_UP // TURN):
            time.sleep(TURN)
            for each in scrapes:
                each()
        order = [ECHOSTAMP, *names, AGAIN, OTHER]
        for number in range(rounds):
            for name in order if number % 2 else order[::-1]:
                if name in daemons:
                    pid = daemons[name].process.pid
                    os.sched_setaffinity(pid, {cores.own})
                    time.sleep(SETTLE)
                    took = turn(name, daemons[name], scrapes)
                    os.sched_setaffinity(pid, {cores.far})
                else:
                    with probing(folder, name, row.load, port, cores.own) as running:
                        time.sleep(SETTLE)
                        more = [running.scrape] if running.scrape else []
                        took = turn(name, running, [*scrapes, *more])
                found.setdefault(name, []).append(took)
                print(f"{number}: {name} {took:.1f}", file=sys.stderr)
    return found


def ratio(found: dict[str, list[float]], one: str, other: str) -> float:
    """
    Give the median of the ratios of two contenders, each of one round.
    """
    return statistics.median(
        a / b for a, b in zip(found[one], found[other], strict=True)
    )


def verdict(value: float, limit: float) -> str:
    """
    Say whether a bar is met.
    """
    return f"bar {limit:g}: {'met' if value <= limit else 'NOT met'}"


def report(row: Row, found: dict[str, list[float]]) -> list[str]:
    """
    Write the figures and the bars of a row.
    """
    lines = [row.load.title, f"{'':<34}CPU us a probe   EchoStamp's in it"]
    for name, title in TITLES.items():
        if name in found:
            median, times = (
                statistics.median(found[name]),
                ratio(found, ECHOSTAMP, name),
            )
            limit = row.limits.get(name)
            bar = f", {verdict(times, limit)}" if limit else ""
            lines.append(f"{title:<34}{median:14.1f}{times:20.2f}{bar}")
    own = statistics.median(found[OTHER])
    text = f"{f'EchoStamp, {row.other.title}':<34}\n{'':<34}{own:14.1f}"
    if row.otherRatio is not None:
        times = ratio(found, OTHER, ECHOSTAMP)
        text += f", {times:.2f} of that above, {verdict(times, row.otherRatio)}"
    if row.otherCore is not None:
        share = own * row.other.perSecond / 1_000_000
        text += f", {share:.1%} of a core, {verdict(share, row.otherCore)}"
    return [*lines, text]


def present(wanted: list[str]) -> list[str]:
    """
    Leave out the contenders that this machine cannot run, and say why.
    """
    first, last = map(
        int, Path("/proc/sys/net/ipv4/ping_group_range").read_text().split()
    )
    found = []
    for name in wanted:
        program = {FPING: "fping", BARE: sys.executable}.get(
            name, "prometheus-smokeping-prober"
        )
        if shutil.which(program) is None:
            print(f"left out: {TITLES[name]}, no {program}", file=sys.stderr)
        elif name == SMOKEPING and not first <= os.getegid() <= last:
            print(
                f"left out: {TITLES[name]}, needs net.ipv4.ping_group_range",
                file=sys.stderr,
            )
        else:
            found.append(name)
    return found


def main() -> None:
    """
    Run the command line.
    """
    parser = argparse.ArgumentParser(
        description="Measure the CPU of a daemon that watches many peers."
    )
    others = [FPING, BARE, SMOKEPING, RAW]
    parser.add_argument("--row", action="append", choices=ROWS, help="default: all")
    parser.add_argument(
        "--contender", action="append", choices=others, help="default: all"
    )
    parser.add_argument("--rounds", type=int, default=5, help="default: %(default)s")
    parser.add_argument("--json", metavar="FILE", help="write all rounds to FILE")
    options = parser.parse_args()
    *_, far, own = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {far})
    names = present(options.contender or others)
    everything = {}
    for title in options.row or ROWS:
        row = ROWS[title]
        everything[title] = measured(row, Cores(far, own), names, options.rounds)
        print("\n".join(report(row, everything[title])), end="\n\n")
    if options.json:
        Path(options.json).write_text(json.dumps(everything, indent=1) + "\n")


if __name__ == "__main__":
    main()
