#!/usr/bin/env python3
"""
Draw the rooms of the package and the arrows between them, from the table that the
tests hold the source to: C{python docs/draw_rooms.py} writes C{docs/rooms.svg}.

A room is above all that it imports.  An arrow that passes a row of rooms gets a place
of its own between them.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from itertools import pairwise
from pathlib import Path

from echostamp.test.house import ARROWS, LEAVES, PLANNED, ROOMS

#: Widths and heights, in pixels: of a room, between things of a row, between rows.
WIDTH, HEIGHT, GAP, STEP, MARGIN = 178, 46, 16, 112, 20

#: Tries to find an order of each row in which few arrows cross.
TRIES = 60

STYLE = """
text{font:12px sans-serif;text-anchor:middle;fill:#333}
.name{font:bold 14px monospace;fill:#000}
rect{fill:#eef3fa;stroke:#46618c}
.planned{stroke-dasharray:5 4;fill:#fff}
.leaves{fill:#f4f1e6;stroke:#8c7c46}
.arrow{fill:none;stroke:#7a8699;stroke-width:1.3;marker-end:url(#head)}
.background{fill:#fff;stroke:none}
"""

#: A room, or the place where an arrow passes a row: its two rooms, and the row.
Node = str | tuple[str, str, int]


def importedRooms(arrows: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """
    Give for each room the rooms that it imports.  What is no room is left out.
    """
    return {
        room: sorted({each.partition(".")[0] for each in arrows[room]} & set(ROOMS))
        for room in ROOMS
    }


def levels(below: Mapping[str, list[str]]) -> dict[str, int]:
    """
    Give each room its row, counted from the bottom: one above the highest room that it
    imports.
    """
    found: dict[str, int] = {}

    def level(room: str) -> int:
        if room not in found:
            found[room] = max((level(each) + 1 for each in below[room]), default=0)
        return found[room]

    for room in below:
        level(room)
    return found


def paths(below: Mapping[str, list[str]], level: Mapping[str, int]) -> list[list[Node]]:
    """
    Give each arrow as the nodes that it goes through, one in each row, from the top.
    """
    return [
        [
            room,
            *((room, each, row) for row in range(level[room] - 1, level[each], -1)),
            each,
        ]
        for room in below
        for each in below[room]
    ]


def rows(level: Mapping[str, int], arrows: list[list[Node]]) -> list[list[Node]]:
    """
    Put the nodes into rows, from the bottom, in an order in which few arrows cross.
    """
    nodes: list[list[Node]] = [[] for _ in range(max(level.values()) + 1)]
    for room, each in level.items():
        nodes[each].append(room)
    links: list[list[tuple[Node, Node]]] = [[] for _ in nodes]
    for arrow in arrows:
        top = level[str(arrow[0])]
        for depth, (upper, lower) in enumerate(pairwise(arrow)):
            links[top - depth - 1].append((upper, lower))
            if depth:
                nodes[top - depth].append(upper)
    # The same drawing each time.
    chance = random.Random(8)
    best, least = nodes, crossings(nodes, links)
    for _ in range(TRIES):
        order = [chance.sample(row, len(row)) for row in nodes]
        for _ in range(6):
            _sort(order, links)
        if (count := crossings(order, links)) < least:
            best, least = order, count
    return best


def _sort(order: list[list[Node]], links: list[list[tuple[Node, Node]]]) -> None:
    """
    Sort each row by where the neighbours of its nodes are: upwards, then downwards.
    """
    count = len(order)
    for row, isUp in [(each, True) for each in range(1, count)] + [
        (each, False) for each in reversed(range(count - 1))
    ]:
        other = order[row - 1 if isUp else row + 1]
        place = {node: (i + 0.5) / len(other) for i, node in enumerate(other)}
        own = {node: (i + 0.5) / len(order[row]) for i, node in enumerate(order[row])}
        near: dict[Node, list[float]] = {node: [] for node in order[row]}
        for upper, lower in links[row - 1 if isUp else row]:
            if isUp:
                near[upper].append(place[lower])
            else:
                near[lower].append(place[upper])
        order[row].sort(
            key=lambda node: (
                sum(near[node]) / len(near[node]) if near[node] else own[node]
            )
        )


def crossings(order: list[list[Node]], links: list[list[tuple[Node, Node]]]) -> int:
    """
    Count the pairs of arrows that cross.
    """
    count = 0
    for row, between in enumerate(links[:-1]):
        upper = {node: i for i, node in enumerate(order[row + 1])}
        lower = {node: i for i, node in enumerate(order[row])}
        ends = [(upper[a], lower[b]) for a, b in between]
        count += sum(
            (a - c) * (b - d) < 0 for i, (a, b) in enumerate(ends) for c, d in ends[:i]
        )
    return count


def _width(node: Node) -> int:
    """Give the room that a node takes in its row."""
    return WIDTH if isinstance(node, str) else 0


def columns(order: list[list[Node]], arrows: list[list[Node]]) -> dict[Node, float]:
    """
    Give each node the middle of its place, near its neighbours.
    """
    x: dict[Node, float] = {}
    for row in order:
        at = 0.0
        for node in row:
            x.setdefault(node, at + _width(node) / 2)
            at += _width(node) + GAP
    near: dict[Node, list[Node]] = {node: [] for node in x}
    for arrow in arrows:
        for upper, lower in pairwise(arrow):
            near[upper].append(lower)
            near[lower].append(upper)
    for _ in range(200):
        for node in x:
            wanted = sum(x[each] for each in near[node]) / max(len(near[node]), 1)
            x[node] += (wanted - x[node]) / 4 if near[node] else 0
        for row in order:
            _spread(row, x)
    for row in order * 3:
        _spread(row, x)
    left = min(x[node] - _width(node) / 2 for node in x)
    return {node: round(x[node] - left + MARGIN, 1) for node in x}


def _spread(row: list[Node], x: dict[Node, float]) -> None:
    """Push the nodes of a row apart, each pair by as much to each side."""
    for _ in row:
        for left, right in pairwise(row):
            least = (_width(left) + _width(right)) / 2 + GAP
            if (missing := least - (x[right] - x[left])) > 0:
                x[left] -= missing / 2
                x[right] += missing / 2


def drawing() -> str:
    """
    Draw the rooms.

    @return: the text of an SVG file.
    """
    below = importedRooms(ARROWS)
    level = levels(below)
    arrows = paths(below, level)
    order = rows(level, arrows)
    x = columns(order, arrows)
    width = round(max(x[node] + _width(node) / 2 for node in x)) + MARGIN
    bottom = MARGIN + STEP * (len(order) - 1)
    height = bottom + STEP + HEIGHT + MARGIN - 30

    def top(row: int) -> int:
        return bottom - STEP * row

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
        f' width="{width}" height="{height}">',
        "<title>The rooms of EchoStamp and their arrows</title>",
        f"<style>{STYLE}</style>",
        '<defs><marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7"'
        ' markerHeight="7" orient="auto"><path d="M0,0 L8,4 L0,8 z"'
        ' style="fill:#7a8699;stroke:none"/></marker></defs>',
        f'<rect class="background" width="{width}" height="{height}"/>',
    ]
    ports = _ports(arrows, x)
    for arrow in arrows:
        row = level[str(arrow[0])]
        (start, end), points = ports[str(arrow[0]), str(arrow[-1])], []
        points.append((start, top(row) + HEIGHT))
        for depth, node in enumerate(arrow[1:-1], 1):
            y = top(row - depth)
            points += [(x[node], y - 4), (x[node], y + HEIGHT + 4)]
        points.append((end, top(level[str(arrow[-1])])))
        lines.append(f'<path class="arrow" d="{_curve(points)}"/>')
    for room, line in ROOMS.items():
        kind = "planned" if room in PLANNED else "room"
        lines += _box(x[room], top(level[room]), WIDTH, f"{room}/", line, kind)
    text = " ".join(LEAVES)
    middle, wide = width / 2, width - 2 * MARGIN
    y = bottom + STEP - 30
    lines += _box(middle, y, wide, "leaves: everything may import them", text, "leaves")
    return "\n".join([*lines, "</svg>", ""])


def _ports(
    arrows: list[list[Node]], x: Mapping[Node, float]
) -> dict[tuple[str, str], tuple[float, float]]:
    """
    Spread the ends of arrows along the edges of their rooms, in the order of where
    they come from or go to.

    @return: for each arrow where it starts and where it ends.
    """
    found = {(str(arrow[0]), str(arrow[-1])): [0.0, 0.0] for arrow in arrows}
    for end in 0, 1:
        for room in {pair[end] for pair in found}:
            mine = [arrow for arrow in arrows if arrow[-end] == room]
            mine.sort(key=lambda arrow: x[arrow[-2] if end else arrow[1]])
            for i, arrow in enumerate(mine, 1):
                left = x[room] - WIDTH / 2
                place = left + WIDTH * i / (len(mine) + 1)
                found[str(arrow[0]), str(arrow[-1])][end] = round(place, 1)
    return {pair: (ends[0], ends[1]) for pair, ends in found.items()}


def _curve(points: Sequence[tuple[float, float]]) -> str:
    """Draw a line through points, which leaves and reaches each upright."""
    parts = [f"M{points[0][0]},{points[0][1]}"]
    for (x1, y1), (x2, y2) in pairwise(points):
        half = (y1 + y2) / 2
        parts.append(f"C{x1},{half} {x2},{half} {x2},{y2}")
    return " ".join(parts)


def _box(
    middle: float, top: float, width: float, name: str, line: str, kind: str
) -> list[str]:
    """Draw a room."""
    left = round(middle - width / 2, 1)
    return [
        f'<rect class="{kind}" x="{left}" y="{top}" width="{width}"'
        f' height="{HEIGHT}" rx="5"/>',
        f'<text class="name" x="{middle}" y="{top + 19}">{escape(name)}</text>',
        f'<text x="{middle}" y="{top + 36}">{escape(line)}</text>',
    ]


if __name__ == "__main__":
    Path(__file__).with_name("rooms.svg").write_text(drawing(), "utf-8")
