"""
Lists what is bad in the matrix, the worst first; pure.

What most sources say of a target is one line: the target is at fault.  So is what a
source says of most of its targets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from echostamp.markup import asHtml
from echostamp.text import counted
from echostamp.web.cells import SIGNS, Level
from echostamp.web.celltexts import momentNear
from echostamp.web.faults import Fault, Path, detail, faultsOf, lasting, worst
from echostamp.web.judgedrow import CLASSES, JudgedRow
from echostamp.web.links import pageOf
from echostamp.web.matrixfilter import Figure
from echostamp.web.rowdata import PeerFigures, PeerState

#: The most lines.
MOST = 8

#: So many paths at least make one fault of a host.
_LEAST = 2

#: What is listed where only some figures are shown.
_FAULTS = {
    Figure.ALL: tuple(Fault),
    Figure.LOSS: (Fault.DOWN, Fault.LOSS),
    Figure.RTT: (Fault.DOWN, Fault.RTT),
    Figure.CLOCK: (Fault.DOWN, Fault.CLOCK),
}


class Trouble(NamedTuple):
    """
    A line.

    @ivar level: how bad it is.
    @ivar paths: how many paths it is about.
    @ivar html: what it says.
    """

    level: Level
    paths: int
    html: str


class Troubles:
    """
    Finds what is bad, of which host or path.
    """

    def __init__(
        self,
        sources: Iterable[JudgedRow],
        targets: Iterable[str],
        figure: Figure,
        now: int,
    ) -> None:
        """
        @param sources: the rows that are shown.
        @param targets: the targets that are shown.
        @param figure: which figures are shown.
        @param now: nanoseconds since the UNIX epoch.
        """
        self._now = now
        self._sources = list(sources)
        self._targets = list(targets)
        self._paths: dict[Fault, list[Path]] = {each: [] for each in _FAULTS[figure]}
        self._heard: list[JudgedRow] = []
        self._places = {name: place for place, name in enumerate(self._targets)}

    def look(self, source: JudgedRow) -> None:
        """
        Look at a source.  It has to be done of all before L{found}.
        """
        # What was seen a while ago is no news of a target.
        if source.isStale(self._now):
            return
        self._heard.append(source)
        row, places = source.row, self._places
        shown = [name for name in source.bad if name in places]
        for name in sorted(shown, key=places.__getitem__):
            path = Path(source.name, name, pageOf(row.url, name), row.peers[name])
            for fault in faultsOf(source.judged[name]):
                self._paths.get(fault, []).append(path)

    def _sourcesOf(self, target: str) -> int:
        """
        Count the sources that measure the path to a target.
        """
        return sum([target in each.judged for each in self._heard])

    def _targetsOf(self, source: str) -> int:
        """
        Count the targets that are shown to which a source measures the path.
        """
        return sum(
            [
                name in self._places
                for each in self._heard
                if each.name == source
                for name in each.judged
            ]
        )

    def found(self) -> list[Trouble]:
        """
        Give all lines, the worst first.
        """
        lines = [line for fault in self._paths for line in self._of(fault)]
        # A fault of a host is worse than one of a path.
        lines.sort(key=lambda line: (line.paths == 1, -line.level, -line.paths))
        return [*lines, *self._silent()]

    def _of(self, fault: Fault) -> Iterator[Trouble]:
        """
        Give the lines of a fault: of targets, of sources, and of single paths.
        """
        left = self._paths[fault]
        for name, paths in _grouped(left, lambda path: path.target, self._sourcesOf):
            yield self._ofHost(
                fault, name, paths, f"seen from {_of(paths, self._sourcesOf)}"
            )
            gone = set(map(id, paths))
            if fault is Fault.CLOCK:
                # A host whose clock is wrong sees all others wrong.
                gone |= {id(each) for each in left if each.source == name}
            left = [each for each in left if id(each) not in gone]
        for name, paths in _grouped(left, lambda path: path.source, self._targetsOf):
            peers = [each.peer for each in paths]
            text = _WORDS[fault] if fault is Fault.CLOCK else _worded(fault, peers)
            text += f" to {len(paths)} of {self._targetsOf(name)} targets"
            if since := lasting(fault, peers, self._now):
                text += f",{since}"
            yield Trouble(
                _level(fault, paths), len(paths), f"<b>{asHtml(name)}</b>: {text}"
            )
            gone = set(map(id, paths))
            left = [each for each in left if id(each) not in gone]
        for path in left:
            arrow = f"{asHtml(path.source)} → {asHtml(path.target)}"
            yield Trouble(
                _level(fault, [path]),
                1,
                f"{_linked(path.url, arrow)}: {detail(fault, path.peer, self._now)}",
            )

    def _ofHost(
        self, fault: Fault, name: str, paths: Sequence[Path], seen: str
    ) -> Trouble:
        """
        Write the line of a target that most sources find bad.
        """
        shown = _linked(paths[0].url, asHtml(name))
        peers = [each.peer for each in paths]
        text, since = _worded(fault, peers), lasting(fault, peers, self._now)
        text += f",{since}" if since and fault is not Fault.DOWN else since
        return Trouble(_level(fault, paths), len(paths), f"{shown}: {text}, {seen}")

    def _silent(self) -> Iterator[Trouble]:
        """
        Give the lines of sources that are silent, or are not counted.
        """
        waiting = 0
        for each in self._sources:
            row = each.row
            if not each.isStale(self._now):
                continue
            if row.silentSince is not None:
                text = f"says nothing since {momentNear(row.silentSince, self._now)}"
            elif row.at is not None and row.why:
                text = "is not counted"
            else:
                waiting += 1
                continue
            shown = f"<b>{asHtml(each.name)}</b> {text}: {asHtml(row.why)}"
            yield Trouble(Level.UNKNOWN, 1, shown)
        if waiting:
            shown = f"<b>{counted(waiting, 'source')}</b> to be read"
            yield Trouble(Level.UNKNOWN, waiting, shown)


#: What is said of a host.
_WORDS = {
    Fault.DOWN: "down",
    Fault.LOSS: "losses",
    Fault.RTT: "slow",
    Fault.CLOCK: "wrong clock",
}


def _worded(fault: Fault, peers: Sequence[PeerFigures]) -> str:
    """
    Say what is bad of a host, with the worst figure.
    """
    return _WORDS[fault] + worst(fault, peers)


def _of(paths: Sequence[Path], count: Callable[[str], int]) -> str:
    """
    Write how many of its sources find a target bad.
    """
    return f"{len(paths)} of {counted(count(paths[0].target), 'source')}"


def _level(fault: Fault, paths: Sequence[Path]) -> Level:
    """
    Give the level of a fault.
    """
    isDown = any(each.peer.state is PeerState.DOWN for each in paths)
    return Level.DOWN if fault is Fault.DOWN and isDown else Level.BAD


def _grouped(
    paths: Iterable[Path], key: Callable[[Path], str], count: Callable[[str], int]
) -> Iterator[tuple[str, list[Path]]]:
    """
    Give the hosts of which more than half of all paths are bad.
    """
    groups: dict[str, list[Path]] = {}
    for path in paths:
        groups.setdefault(key(path), []).append(path)
    for name, found in groups.items():
        if len(found) >= _LEAST and 2 * len(found) > count(name):
            yield name, found


def _linked(url: str, html: str) -> str:
    """
    Write a name, with a link if there is a page.
    """
    return f'<a href="{url}">{html}</a>' if url else f"<b>{html}</b>"


def troublesHtml(found: Sequence[Trouble], levels: Sequence[int]) -> str:
    """
    Write the list, on one line.

    @param levels: how many paths have each level.
    """
    if not found and sum(levels) == levels[Level.UNKNOWN] + levels[Level.PAUSED]:
        return (
            '<p data-key="troubles" class="allgood"><b>?</b> '
            "Nothing is known of any path yet.</p>\n"
        )
    if not found:
        return (
            '<p data-key="troubles" class="allgood"><b>·</b> '
            "No path is down or bad.</p>\n"
        )
    items = [
        f'<li class="{CLASSES[level]}"><b>{SIGNS[level]}</b> <span>{html}</span></li>'
        for level, _, html in found[:MOST]
    ]
    rest = found[MOST:]
    if rest:
        count = counted(sum(each.paths for each in rest), "more path")
        items.append(f'<li class="more">and {count}: see the matrix</li>')
    return f'<ul data-key="troubles" class="troubles">{"".join(items)}</ul>\n'
