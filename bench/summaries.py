"""
Measure what the figures of a window cost, compared with those of a whole run at another
commit.

    python bench/summaries.py --before PATH

PATH is a checkout of the other commit, such as C{git worktree add PATH 5de7306}.  Both
commits sum up the same probes in turns, each in a process of its own.  The figures are
medians of CPU time, and their ratio.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
from pathlib import Path
from time import process_time_ns

MS = 1_000_000
SECOND = 1000 * MS
THEN = 1_700_000_000 * SECOND

#: How many probes are summed up.
SIZES = (60, 300)

Times = tuple[int, int, int, int]


def probes(count: int, seed: int) -> list[Times]:
    """
    Give the times of probes, one a second, to a clock that is 5 s ahead and gains 10
    ppm.
    """
    source = random.Random(seed)
    found = []
    for number in range(count):
        t1 = THEN + number * SECOND
        there = t1 + 2 * MS + int(source.expovariate(1 / MS))
        t2 = there + 5 * SECOND + number * 10_000
        found.append(
            (t1, t2, t2 + 50_000, there + 2 * MS + int(source.expovariate(1 / MS)))
        )
    return found


def runOf(found: list[Times]) -> int:
    """
    Sum up a whole run.

    @return: the nanoseconds that it took.
    """
    from echostamp.measure.delay import Delays
    from echostamp.measure.offset import OffsetTracker
    from echostamp.measure.oneway import oneWays

    delays, tracker = Delays(), OffsetTracker()
    for t1, t2, t3, t4 in found:
        seq = delays.run.send(t1 - 1000, t1)
        delays.run.reply(seq, t4, t4 - t1 - t3 + t2, t2, t3)
        tracker.add(seq, t1, t2, t3, t4, 1)
    began = process_time_ns()
    delays.rtt(), delays.rttFromDue(), delays.ipdv(), delays.bursts()
    oneWays(delays.run, tracker)
    tracker.report()
    return process_time_ns() - began


def windowOf(found: list[Times]) -> int:
    """
    Sum up a window.

    @return: the nanoseconds that it took.
    """
    from echostamp.measure.block import Probe
    from echostamp.measure.windows import Rolling
    from echostamp.measure.windowspec import WINDOWS

    rolling = Rolling()
    no = False
    for seq, (t1, t2, t3, t4) in enumerate(found):
        rolling.sent()
        times = t1, t2, t3, t4, t4 - t1 - t3 + t2, 1
        rolling.add(t4, Probe(seq, t1 - 1000, *times, no, no, no, no, no, no))
    window = next(each for each in WINDOWS if each.length == 300 * SECOND)
    began = process_time_ns()
    figures = rolling.over(found[-1][3], window)
    took = process_time_ns() - began
    if figures.received != len(found) or figures.every != 1:
        raise SystemExit("the window has other probes than the run")
    return took


def work(name: str) -> None:
    """
    Sum up as often as standard input asks for it: a number of probes and a seed in a
    line.
    """
    measure = {"run": runOf, "window": windowOf}[name]
    for line in sys.stdin:
        count, seed = map(int, line.split())
        print(measure(probes(count, seed)), flush=True)


def worker(name: str, path: Path) -> subprocess.Popen[str]:
    """
    Start a process that sums up.

    @param path: the checkout whose code it uses.
    """
    return subprocess.Popen(
        [sys.executable, __file__, "--worker", name],
        env={**os.environ, "PYTHONPATH": str(path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def ask(process: subprocess.Popen[str], count: int, seed: int) -> int:
    """
    Let a process sum up once.
    """
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{count} {seed}\n")
    process.stdin.flush()
    return int(process.stdout.readline())


def main() -> None:
    """
    Compare.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", type=Path, help="a checkout of the other commit")
    parser.add_argument("--turns", type=int, default=200, help="(default: 200)")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(options.worker)
        return
    if options.before is None:
        parser.error("--before PATH: a checkout of the other commit")
    here = Path(__file__).resolve().parent.parent
    with worker("run", options.before) as run, worker("window", here) as window:
        for count in SIZES:
            took = [
                (ask(run, count, seed), ask(window, count, seed))
                for seed in range(options.turns)
            ]
            before, after = (
                statistics.median(each) for each in zip(*took, strict=True)
            )
            print(
                f"{count} probes: {before / MS:.2f} ms before, "
                f"{after / MS:.2f} ms for a window: {after / before:.2f}"
            )
        for process in run, window:
            assert process.stdin is not None
            process.stdin.close()


if __name__ == "__main__":
    main()
