"""
Measure how late a daemon that watches many STAMP peers sends its probes while it is
scraped, and how much memory the peers take: see C{README.rst}.
"""

from __future__ import annotations

import argparse
import gzip
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from urllib.request import Request, urlopen

from reflector import freePort as freeUdpPort
from reflector import running
from servers import BENCH, HOST, compiled, freePort, started

#: The most seconds that a probe may be late, by the share of the probes.
BARS = {0.99: 0.005, 0.999: 0.020}

#: The most octets that the peers may take, and the most seconds that a scrape may.
MOST_MEMORY, LONGEST_SCRAPE = 100_000_000, 1.0

#: Seconds between two scrapes.
EVERY = 15.0

#: Seconds before the measurement: the probers start, their objects are frozen, and
#: their windows fill.
WARM_UP = 70.0

#: Nanoseconds between two turns of the timer beside the daemon.
TURN = 10_000_000

#: A bucket of the lateness, and lost probes.
_BUCKET = re.compile(
    rb'^echostamp_probe_lateness_seconds_bucket\{le="(\S+)"\} (\d+)$', re.M
)
_LOST = re.compile(rb"^echostamp_probes_lost_total\{.*\} (\d+)$", re.M)


class Lateness(NamedTuple):
    """
    How late probes were.

    @ivar counts: how many were at most so late, by seconds.
    @ivar lost: how many were lost.
    """

    counts: dict[float, int]
    lost: int

    def since(self, before: Lateness) -> Lateness:
        """
        Leave out what was counted before.
        """
        counts = {each: n - before.counts[each] for each, n in self.counts.items()}
        return Lateness(counts, self.lost - before.lost)

    @property
    def probes(self) -> int:
        """How many probes were sent."""
        return self.counts[float("inf")]

    def quantile(self, share: float) -> float:
        """
        Estimate a quantile, in seconds, as Prometheus does.
        """
        rank = share * self.probes
        for (low, below), (high, up) in pairwise([(0.0, 0), *self.counts.items()]):
            if up >= rank:
                return low + (high - low) * (rank - below) / (up - below)
        raise AssertionError("the last bucket has all probes")


def readLateness(page: bytes) -> Lateness:
    """
    Find how late probes were in an answer to a scrape.
    """
    counts = {float(bound): int(count) for bound, count in _BUCKET.findall(page)}
    return Lateness(counts, sum(map(int, _LOST.findall(page))))


def scrape(port: int) -> tuple[bytes, float]:
    """
    Scrape a daemon as Prometheus does.

    @return: the page, and the seconds that it took.
    """
    headers = {"Accept-Encoding": "gzip"}
    began = time.monotonic()
    with urlopen(Request(f"http://{HOST}:{port}/metrics", headers=headers)) as answer:
        page = answer.read()
    return gzip.decompress(page), time.monotonic() - began


class Use(NamedTuple):
    """
    What a process has used, and what disturbs it.

    @ivar cpu: seconds of CPU.
    @ivar involuntary: how often its core was given to another process while it had
        work.
    @ivar waited: seconds for which it had work and no core.
    @ivar stolen: seconds that the hypervisor took from all cores.
    """

    cpu: float
    involuntary: int
    waited: float
    stolen: float

    def since(self, before: Use) -> Use:
        """
        Leave out what was used before.
        """
        return Use(
            self.cpu - before.cpu,
            self.involuntary - before.involuntary,
            self.waited - before.waited,
            self.stolen - before.stolen,
        )


def use(process: int) -> Use:
    """
    Read what a process has used.
    """
    ran, waited, _ = Path(f"/proc/{process}/schedstat").read_text().split()
    stolen = Path("/proc/stat").read_text().split(maxsplit=9)[8]
    return Use(
        int(ran) / 1e9,
        status(process, "nonvoluntary_ctxt_switches"),
        int(waited) / 1e9,
        int(stolen) / os.sysconf("SC_CLK_TCK"),
    )


def status(process: int, field: str) -> int:
    """
    Give a number from a process's status; memory is in KiB.
    """
    text = Path(f"/proc/{process}/status").read_text()
    found = re.search(rf"^{field}:\s+(\d+)", text, re.M)
    assert found
    return int(found[1])


def writePeers(path: Path, count: int, port: int, others: int = 0) -> None:
    """
    Write a file of peers.

    @param others: how many of the peers are others than with 0.
    """
    text = "".join(
        f'[peer.p{number}]\ntarget = "stamp:{HOST}:{port}"\n'
        for number in range(others, count + others)
    )
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


class Found(NamedTuple):
    """
    What was measured.

    @ivar lateness: how late probes were.
    @ivar scrapes: how many seconds each scrape took.
    @ivar use: what the daemon has used.
    @ivar timer: how late each turn of a timer beside it was, in seconds, in order.
    @ivar memory: how many octets it had at the end.
    """

    lateness: Lateness
    scrapes: list[float]
    use: Use
    timer: list[float]
    memory: int


def measure(
    process: int,
    web: int,
    timer: list[str],
    seconds: float,
    halfway: Callable[[], object],
) -> Found:
    """
    Scrape a daemon for some time.

    @param web: its port.
    @param timer: the command line of a timer on its core.
    @param halfway: is called in the middle.
    """
    scrapes = []
    before, page = use(process), scrape(web)[0]
    first = readLateness(page)
    began = time.monotonic()
    turns = subprocess.Popen([*timer, str(seconds)], stdout=subprocess.PIPE, text=True)
    count = round(seconds / EVERY)
    for number in range(1, count + 1):
        time.sleep(max(0.0, began + number * EVERY - time.monotonic()))
        page, took = scrape(web)
        scrapes.append(took)
        if number == count // 2:
            halfway()
    used = use(process).since(before)
    memory = status(process, "VmRSS") * 1024
    late = sorted(int(line) / 1e9 for line in turns.communicate()[0].split())
    return Found(readLateness(page).since(first), scrapes, used, late, memory)


def report(found: Found, peers: int, seconds: float, bare: int) -> None:
    """
    Print the figures and the bars.

    @param bare: the octets that a daemon without peers has.
    """
    late, used = found.lateness, found.use
    print(f"{peers} peers, {late.probes} probes in {seconds:.0f} s, {late.lost} lost")
    for share, bar in BARS.items():
        isMet = "met" if late.counts[bar] / late.probes >= share else "NOT met"
        print(
            f"late, p{share * 100:<5g} {late.quantile(share) * 1000:7.2f} ms, "
            f"bar {bar * 1000:g} ms, {isMet}; "
            f"a timer {found.timer[int(share * len(found.timer))] * 1000:.2f} ms"
        )
    longest = max(found.scrapes)
    isMet = "met" if longest <= LONGEST_SCRAPE else "NOT met"
    print(f"a scrape      {longest:7.2f} s at most, bar {LONGEST_SCRAPE:g} s, {isMet}")
    memory = found.memory - bare
    isMet = "met" if memory <= MOST_MEMORY else "NOT met"
    print(
        f"memory        {memory / 1e6:7.1f} MB above {bare / 1e6:.1f}, "
        f"bar {MOST_MEMORY / 1e6:.0f} MB, {isMet}"
    )
    print(f"CPU           {used.cpu / seconds:7.3f} of a core")
    print(
        f"disturbed     {used.involuntary / seconds:7.1f} involuntary switches a "
        f"second, {used.waited / seconds:.3f} of the time without a core, "
        f"{used.stolen:.2f} s stolen"
    )


def main() -> None:
    """
    Run the command line.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip())
    parser.add_argument("--peers", type=int, default=1000, help="default: %(default)s")
    parser.add_argument(
        "--seconds",
        type=float,
        default=300,
        help="of each round (default: %(default)g)",
    )
    parser.add_argument("--rounds", type=int, default=1, help="default: %(default)s")
    parser.add_argument(
        "--reload",
        type=int,
        default=0,
        metavar="COUNT",
        help="replace COUNT peers in the middle of each round (default: none)",
    )
    parser.add_argument("--history", action="store_true", help="keep a history")
    options = parser.parse_args()
    first, *_, last = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {first})
    with TemporaryDirectory() as name, ExitStack() as stack:
        folder, port = Path(name), freeUdpPort()
        twistd = str(Path(sys.executable).with_name("twistd"))
        quiet = [twistd, "-n", "--pidfile=", "--logfile=/dev/null", "echostamp"]
        quiet += ["--no-echo"]
        reflect = [f"--reflector={HOST}:{port}", "--stateful", "--allow=127.0.0.0/8"]
        stack.enter_context(running([*quiet, *reflect], port, first))
        web = freePort()
        other = f"--reflector={HOST}:{freeUdpPort()}"
        with started([*quiet, f"--web={web}", other], web, {last}, folder) as process:
            scrape(web)
            bare = status(process, "VmRSS") * 1024
        peers = folder / "peers.toml"
        timer = ["taskset", "-c", str(last), compiled(BENCH / "pingpong.c", folder)]
        timer += ["timer", str(TURN)]
        for _ in range(options.rounds):
            writePeers(peers, options.peers, port)
            replace = partial(writePeers, peers, options.peers, port, options.reload)
            watch = [*quiet, f"--web={web}", f"--peers={peers}"]
            if options.history:
                watch.append(f"--history={folder / 'history'}")
            with started(watch, web, {last}, folder) as process:
                time.sleep(WARM_UP)
                found = measure(process, web, timer, options.seconds, replace)
            report(found, options.peers, options.seconds, bare)


if __name__ == "__main__":
    main()
