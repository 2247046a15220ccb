"""
Measure CPU per message and messages a second with C{--workers}, beside a single
process: see C{README.rst}.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from loads import LOADS, WARM_UP, Load
from servers import HOST, PATIENCE, Servers, freePort, started

#: The most that the workers' CPU per message may be of a single process'.
CPU_BAR = 1.10

#: The share that is asked for of the messages a second that the cores allow.
RATE_BAR = 0.9


@dataclass(frozen=True)
class Daemon:
    """
    A daemon that runs.

    @ivar port: its TCP port.
    @ivar processes: those that are counted: of several, the parent too.
    @ivar loads: how many processes its load has.
    @ivar cores: where the load runs.
    """

    port: int
    processes: tuple[int, ...]
    loads: int
    cores: tuple[int, ...]


@dataclass(frozen=True)
class Turn:
    """
    What one turn of a daemon found.

    @ivar rate: messages a second.
    @ivar cpu: the daemon's nanoseconds of CPU per message.
    @ivar own: those of the load.
    """

    rate: float
    cpu: float
    own: float


@contextmanager
def running(
    servers: Servers,
    folder: Path,
    tls: bool,
    workers: int,
    cores: tuple[int, ...],
    loads: tuple[int, tuple[int, ...]],
) -> Iterator[Daemon]:
    """
    Run a daemon while the context lasts.

    @param cores: those that it may use.
    @param loads: how many processes the load has, and the cores that they may use.
    @raise SystemExit: its workers do not begin in time.
    """
    port = freePort()
    log = folder / f"log{port}"
    command = [*servers.echostamp(port, tls, log), f"--workers={workers}"]
    with started(command, port, cores, folder) as process:
        if workers == 1:
            yield Daemon(port, (process,), *loads)
            return
        until = time.monotonic() + PATIENCE
        while log.read_text().count(" is process ") < workers:
            if time.monotonic() > until:
                raise SystemExit(f"{workers} workers do not begin:\n{log.read_text()}")
            time.sleep(0.02)
        children = Path(f"/proc/{process}/task/{process}/children").read_text()
        yield Daemon(port, (process, *map(int, children.split())), *loads)


def take(program: str, load: Load, daemon: Daemon, seconds: float) -> Turn:
    """
    Put a load on a daemon.

    @param program: the compiled C{load.c}.
    @raise SystemExit: the daemon made a mistake.
    """
    command = [program, "-k", str(load.outstanding), "-m", str(load.size)]
    command += [*["-o"][: load.once], *["-t"][: load.tls]]
    command += ["-c", str(load.connections // daemon.loads)]
    for process in daemon.processes:
        command += ["-p", str(process)]
    command += ["-w", str(WARM_UP), "-s", str(seconds), HOST, str(daemon.port)]
    loads = [
        subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            preexec_fn=lambda: os.sched_setaffinity(0, daemon.cores),
        )
        for _ in range(daemon.loads)
    ]
    found = []
    for each in loads:
        output, _ = each.communicate()
        if each.returncode:
            raise SystemExit(f"{load.title}: status {each.returncode}")
        found.append(json.loads(output))
    messages = sum(each["messages"] for each in found)
    return Turn(
        rate=sum(each["messagesPerSecond"] for each in found),
        # Each of the loads has measured the same processes, over the same time, and
        # divided by its own messages.
        cpu=1 / sum(1 / each["cpuPerMessage"] for each in found),
        own=sum(each["ownCpuPerMessage"] * each["messages"] for each in found)
        / messages,
    )


def measure(
    load: Load, workers: int, rounds: int, seconds: float
) -> dict[str, list[Turn]]:
    """
    Measure each daemon once per round.  All run side by side; those whose turn it is
    not have no connections.

    @raise SystemExit: the machine lacks cores or OpenSSL's headers.
    """
    cores = tuple(sorted(os.sched_getaffinity(0)))
    if len(cores) < 2:
        raise SystemExit("the daemon and the load need one core each")
    # With a core for each worker and each load, nothing is shared.
    isWide = len(cores) >= 2 * workers
    own, others = (cores[:workers], cores[workers:]) if isWide else (cores, cores)
    # On two cores there is one for the load of a single process.
    one = workers if isWide else 1, cores[1:]
    found: dict[str, list[Turn]] = {}
    with TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        servers = Servers(folder, cores[0])
        if load.tls and not servers.hasTlsLoad:
            raise SystemExit("a load over TLS needs OpenSSL's headers")
        daemons = {
            title: stack.enter_context(
                running(servers, folder, load.tls, number, its, loads)
            )
            for title, number, its, loads in (
                ("1 process", 1, cores[:1], one),
                (f"{workers} workers, 1 core", workers, cores[:1], one),
                (f"{workers} workers", workers, own, (workers, others)),
            )
        }
        for done in range(rounds):
            print(f"{load.title}, round {done + 1}", file=sys.stderr)
            order = list(daemons)
            first = done % len(order)
            for each in order[first:] + order[:first]:
                turn = take(servers.load, load, daemons[each], seconds)
                found.setdefault(each, []).append(turn)
    return found


def report(found: dict[str, list[Turn]], workers: int, cores: int) -> Iterator[str]:
    """
    Give the lines of a table, and the bars.
    """
    single, _, spread = found.values()
    r = statistics.median(each.own / each.cpu for each in single)
    yield f"{'':24}{'CPU us':>10}{'':8}{'messages/s':>12}{'':8}{'load us':>9}"
    for title, turns in found.items():
        cpu, rate, own = (
            statistics.median(getattr(each, name) for each in turns)
            for name in ("cpu", "rate", "own")
        )
        yield (
            f"{title:24}{cpu / 1000:10.2f} ({ratio(single, turns, 'cpu'):.2f}) "
            f"{rate:12,.0f} ({ratio(single, turns, 'rate'):.2f}) {own / 1000:9.2f}"
        )
    yield ""
    yield f"r, the load's CPU per message over the single process': {r:.2f}"
    cpu = ratio(single, spread, "cpu")
    isMet = verdict(cpu <= CPU_BAR)
    yield f"CPU per message: {cpu:.2f}, at most {CPU_BAR:.2f}: {isMet}"
    rate, bar = ratio(single, spread, "rate"), RATE_BAR * min(workers, cores / (1 + r))
    yield (
        f"messages a second on {cores} cores: {rate:.2f}, at least {bar:.2f}: "
        f"{verdict(rate >= bar)}"
    )


def ratio(one: list[Turn], other: list[Turn], figure: str) -> float:
    """
    Compute the median of the ratios of neighbouring turns.
    """
    return statistics.median(
        float(getattr(each, figure) / getattr(base, figure))
        for base, each in zip(one, other, strict=True)
    )


def verdict(isMet: bool) -> str:
    """
    Say whether a bar is met.
    """
    return "met" if isMet else "not met"


def main() -> None:
    """
    Run the command line.
    """
    parser = argparse.ArgumentParser(
        description="Measure a daemon with workers beside one of a single process."
    )
    parser.add_argument(
        "--workers", type=int, default=2, help="how many (default: %(default)s)"
    )
    parser.add_argument(
        "--load",
        action="append",
        choices=("50x1", "tls", "once", "tls-once"),
        help="run only this one; repeatable",
    )
    parser.add_argument(
        "--rounds",
        type=int,
        default=20,
        help="number of rounds; a figure is their median (default: %(default)s)",
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=1.0,
        help="length of each turn (default: %(default)s)",
    )
    options = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    for name in options.load or ("50x1", "tls", "once", "tls-once"):
        found = measure(LOADS[name], options.workers, options.rounds, options.seconds)
        print(LOADS[name].title)
        for line in report(found, options.workers, cores):
            print(f"  {line}".rstrip())
        print()


if __name__ == "__main__":
    main()
