"""
Compute medians and ratios, and print and draw them.
"""

from __future__ import annotations

import json
import math
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from loads import GROWTH, LOADS, Figures
from servers import CONTENDERS

#: The figures of each round, by load and contender.
Rounds = dict[str, dict[str, list[Figures]]]

#: Medians of the rounds, by load and contender.
Medians = dict[str, dict[str, Figures]]

#: The figure of the memory.
MEMORY = "memoryPerConnection"

#: The most turns that may be left out, and the most by which the ratio of EchoStamp to
#: itself may differ from 1: beyond, the run is made again.
MOST_LEFT_OUT, MOST_NOISE = 0.25, 0.05


def isQuiet(figures: Figures) -> bool:
    """
    Tell whether a turn was free of other work: it is left out if not, whoever's it is.
    """
    return figures.get("foreign", 0.0) <= 1.0


def medians(rounds: Rounds) -> Medians:
    """
    Compute the median of each figure over the quiet turns; over all, if none was.
    """
    found: Medians = {}
    for load, contenders in rounds.items():
        found[load] = {}
        for name, turns in contenders.items():
            quiet = [each for each in turns if isQuiet(each)] or turns
            found[load][name] = {
                figure: statistics.median(each[figure] for each in quiet)
                for figure in turns[0]
            }
    return found


def ratio(
    contenders: dict[str, list[Figures]], figure: str, one: str, other: str
) -> float:
    """
    Compute the median of the ratios of neighbouring turns: those of one round, both
    quiet.  Other work does not change the memory: for that, all turns count.

    @return: not a number where there is no such round.
    """
    ratios = [
        a[figure] / b[figure]
        for a, b in zip(contenders[one], contenders[other], strict=True)
        if (figure == MEMORY or (isQuiet(a) and isQuiet(b))) and b[figure]
    ]
    return statistics.median(ratios) if ratios else math.nan


def leftOut(contenders: dict[str, list[Figures]]) -> float:
    """
    Compute which part of a load's turns was left out.
    """
    turns = [each for figures in contenders.values() for each in figures]
    return sum(not isQuiet(each) for each in turns) / len(turns)


class Bar(NamedTuple):
    """
    The most that EchoStamp's figure may be, divided by another contender's; of a rate
    the least.
    """

    load: str
    figure: str
    peer: str
    bar: float = 1.0

    @property
    def isLeast(self) -> bool:
        """Whether more is better."""
        return self.figure == "messagesPerSecond"


BARS = (
    *(
        Bar(load, figure, "asyncio")
        for load in LOADS
        for figure in ("cpuPerMessage", "p99", "p99.9")
        if (load, figure) != ("tls", "cpuPerMessage")
    ),
    Bar("tls", "cpuPerMessage", "asyncio", 0.75),
    Bar("tls", "cpuPerMessage", "uvloop", 1.15),
    Bar("tls-once", "messagesPerSecond", "asyncio"),
    Bar("once", "cpuPerMessage", "twisted", 1.10),
    Bar("idle", MEMORY, "asyncio"),
)

_NAMES = {
    "cpuPerMessage": "CPU",
    MEMORY: "memory",
    "messagesPerSecond": "handshakes/s",
    "p99": "p99",
    "p99.9": "p99.9",
}


class Verdict(NamedTuple):
    """
    A bar, and the ratio that was measured.

    @ivar noise: by how much EchoStamp's ratio to itself differs from 1 in this run: the
        bar is so much easier.
    @ivar isLeast: see L{Bar}.
    """

    what: str
    ratio: float
    noise: float
    bar: float
    isLeast: bool

    @property
    def words(self) -> str:
        """Whether the bar is met, or that the run was too noisy to say so."""
        if math.isnan(self.ratio) or self.noise > MOST_NOISE:
            return "too noisy: measure again"
        above = self.ratio - self.bar
        isMet = (-above if self.isLeast else above) <= self.noise
        return "met" if isMet else "NOT met"


def verdicts(rounds: Rounds) -> list[Verdict]:
    """
    Compare the figures with the bars.
    """
    result = []
    for bar in BARS:
        contenders = rounds.get(bar.load, {})
        if not {"echostamp", "again", bar.peer} <= contenders.keys():
            continue
        found = ratio(contenders, bar.figure, "echostamp", bar.peer)
        noise = abs(ratio(contenders, bar.figure, "again", "echostamp") - 1)
        if bar.figure != MEMORY and leftOut(contenders) > MOST_LEFT_OUT:
            found = math.nan
        what = f"{bar.load}, {_NAMES[bar.figure]}, of {bar.peer}'s"
        result.append(Verdict(what, found, noise, bar.bar, bar.isLeast))
    return result


def text(rounds: Rounds) -> str:
    """
    Write the tables.
    """
    found = medians(rounds)
    blocks = ["\n".join(_table(load, found[load], rounds[load])) for load in found]
    blocks.append("\n".join(_growth(found)))
    blocks.append(
        "\n".join(
            f"{verdict.what}: {verdict.ratio:.2f}, bar {verdict.bar:.2f}"
            f" {'-' if verdict.isLeast else '+'} {verdict.noise:.2f}, {verdict.words}"
            for verdict in verdicts(rounds)
        )
    )
    return "\n\n".join(filter(None, blocks)) + "\n"


def _table(
    load: str, contenders: dict[str, Figures], rounds: dict[str, list[Figures]]
) -> Iterator[str]:
    """
    Write the lines of a load's table: microseconds, and in brackets the ratio to
    EchoStamp's figure.

    @param contenders: the medians.
    """
    unit = "messages/s"
    if LOADS[load].once:
        unit = "handshakes/s" if LOADS[load].tls else "connections/s"
    yield f"{LOADS[load].title}; {leftOut(rounds):.0%} left out"
    # In all 80 columns.
    yield (
        f"{'':<24} {'CPU us':>6} {'':6}{unit:>13}{'':5}"
        f"{'p50 us':>7}{'p99 us':>8}{'p99.9 us':>9}"
    )
    for name, figures in contenders.items():
        cells = f"{CONTENDERS[name]:<24}"
        for figure, form in (
            ("cpuPerMessage", f"{figures['cpuPerMessage'] / 1000:6.2f}"),
            ("messagesPerSecond", f"{figures['messagesPerSecond']:10,.0f}"),
        ):
            beside = ""
            if "echostamp" in contenders:
                beside = f"({ratio(rounds, figure, name, 'echostamp'):.2f})"
            cells += f" {form} {beside:<6}"
        for figure, width in ("p50", 7), ("p99", 8), ("p99.9", 9):
            cells += f"{figures[figure] / 1000:{width},.0f}"
        yield cells
    if load == "idle":
        yield "Octets of memory for each of these connections"
        for name, figures in contenders.items():
            yield f"{CONTENDERS[name]:<24}{figures[MEMORY]:7,.0f}"


def _growth(found: Medians) -> Iterator[str]:
    """
    Write the table of CPU and speed by the number of connections.
    """
    loads = [load for load in GROWTH if load in found]
    if len(loads) < 2:
        return
    for figure, title, scale in (
        ("cpuPerMessage", "CPU us per message", 1e-3),
        ("messagesPerSecond", "Thousands of messages per second", 1e-3),
    ):
        yield f"{title}, by the number of connections"
        yield f"{'':<24}" + "".join(f"{LOADS[load].connections:>9,}" for load in loads)
        for name, title in CONTENDERS.items():
            cells = [found[load].get(name, {}).get(figure) for load in loads]
            if any(cells):
                yield f"{title:<24}" + "".join(
                    f"{cell * scale:9.2f}" if cell else f"{'':9}" for cell in cells
                )


def plot(found: Medians, path: str) -> None:
    """
    Draw CPU per message at 50 connections, and by the number of connections.

    @param path: the file; its suffix is the format.
    """
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4), layout="constrained")
    contenders = found.get("50x1", {})
    colours = {name: f"C{number}" for number, name in enumerate(CONTENDERS)}
    bars = left.barh(
        [CONTENDERS[name] for name in contenders],
        [each["cpuPerMessage"] / 1000 for each in contenders.values()],
        color=[colours[name] for name in contenders],
    )
    left.bar_label(bars, fmt="%.1f", padding=3)
    left.margins(x=0.12)
    left.invert_yaxis()
    left.set_title("50 connections, one 32-byte message at a time")
    left.set_xlabel("server's CPU per message, microseconds")
    for name in CONTENDERS:
        points = [
            (LOADS[load].connections, found[load][name]["cpuPerMessage"] / 1000)
            for load in GROWTH
            if name in found.get(load, {})
        ]
        if points:
            right.plot(*zip(*points, strict=True), "o-", color=colours[name])
    right.set_xscale("log")
    right.set_ylim(bottom=0)
    right.set_title("by the number of connections, in the same colours")
    right.set_xlabel("connections")
    figure.savefig(path)


if __name__ == "__main__":
    print(text(json.loads(Path(sys.argv[1]).read_text("utf-8"))["rounds"]), end="")
