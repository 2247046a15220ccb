"""
Compute medians and ratios, and print and draw them.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from typing import NamedTuple

from loads import GROWTH, LOADS, Figures
from servers import CONTENDERS

#: The figures of each round, by load and contender.
Rounds = dict[str, dict[str, list[Figures]]]

#: Medians of the rounds, by load and contender.
Medians = dict[str, dict[str, Figures]]


def medians(rounds: Rounds) -> Medians:
    """
    Compute the median of each figure.
    """
    return {
        load: {
            name: {
                figure: statistics.median(each[figure] for each in figures)
                for figure in figures[0]
            }
            for name, figures in contenders.items()
        }
        for load, contenders in rounds.items()
    }


class Bar(NamedTuple):
    """
    A limit for EchoStamp's figure divided by another contender's.

    @ivar bar: the limit.
    @ivar isMost: whether the ratio may be at most the bar; otherwise at least.
    """

    load: str
    figure: str
    peer: str
    bar: float
    isMost: bool = True


BARS = (
    Bar("50x1", "cpuPerMessage", "twisted", 0.60),
    Bar("50x1", "cpuPerMessage", "asyncio", 1.45),
    Bar("50x1", "cpuPerMessage", "uvloop", 1.85),
    Bar("1x2000", "messagesPerSecond", "uvloop", 0.95, False),
    Bar("idle", "memoryPerConnection", "asyncio", 1.0),
)

_NAMES = {
    "cpuPerMessage": "CPU per message",
    "messagesPerSecond": "messages per second",
    "memoryPerConnection": "memory per idle connection",
}


class Verdict(NamedTuple):
    """
    A bar, and the ratio that was measured.
    """

    what: str
    ratio: float
    bar: float
    isMet: bool


def verdicts(found: Medians) -> list[Verdict]:
    """
    Compare the figures with the bars.
    """
    result = []
    for bar in BARS:
        contenders = found.get(bar.load, {})
        if not {"echostamp", bar.peer} <= contenders.keys():
            continue
        ratio = contenders["echostamp"][bar.figure] / contenders[bar.peer][bar.figure]
        isMet = ratio <= bar.bar if bar.isMost else ratio >= bar.bar
        what = f"{_NAMES[bar.figure]}, {LOADS[bar.load].title}, of {bar.peer}'s"
        result.append(Verdict(what, ratio, bar.bar, isMet))
    return result


def text(found: Medians) -> str:
    """
    Write the tables.
    """
    blocks = ["\n".join(_table(load, found[load])) for load in found]
    blocks.append("\n".join(_growth(found)))
    blocks.append(
        "\n".join(
            f"{verdict.what}: {verdict.ratio:.2f}, "
            f"bar {verdict.bar:.2f}, {'met' if verdict.isMet else 'NOT met'}"
            for verdict in verdicts(found)
        )
    )
    return "\n\n".join(filter(None, blocks)) + "\n"


def _table(load: str, contenders: dict[str, Figures]) -> Iterator[str]:
    """
    Write the lines of a load's table: microseconds, and in brackets the figure divided
    by EchoStamp's.
    """
    unit = "connections/s" if LOADS[load].once else "messages/s"
    memory = "octets/connection" if load == "idle" else ""
    yield LOADS[load].title
    yield (
        f"  {'':<24} {'CPU us':>8} {'':8} {unit:>14} {'':8}"
        f" {'p50 us':>9} {'p99 us':>9} {'p99.9 us':>9}  {memory}"
    ).rstrip()
    for name, figures in contenders.items():
        cells = f"  {CONTENDERS[name]:<24}"
        for figure, form in (
            ("cpuPerMessage", f"{figures['cpuPerMessage'] / 1000:8.2f}"),
            ("messagesPerSecond", f"{figures['messagesPerSecond']:14,.0f}"),
        ):
            ratio = ""
            if "echostamp" in contenders:
                ratio = f"({figures[figure] / contenders['echostamp'][figure]:.2f})"
            cells += f" {form} {ratio:<8}"
        for figure in ("p50", "p99", "p99.9"):
            cells += f" {figures[figure] / 1000:9,.0f}"
        if memory:
            cells += f"  {figures['memoryPerConnection']:17,.0f}"
        yield cells


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
        yield f"  {'':<24}" + "".join(
            f"{LOADS[load].connections:>9,}" for load in loads
        )
        for name, title in CONTENDERS.items():
            cells = [found[load].get(name, {}).get(figure) for load in loads]
            if any(cells):
                yield f"  {title:<24}" + "".join(
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
