"""
Which part of the matrix is shown, and how; pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import NamedTuple
from urllib.parse import urlencode

from echostamp.web.rowdata import PeerFigures, SourceRow

#: The most octets of a value that are looked at.
_LONGEST = 256

#: A text, and the digits behind it without leading zeros.
_PIECES = re.compile(r"([^0-9]*)0*([0-9]*)")

#: The most choices of labels.
MOST_LABELS = 500


class Figure(Enum):
    """
    Which figures the cells show.
    """

    ALL = "all"
    LOSS = "loss"
    RTT = "rtt"
    CLOCK = "clock"


class MatrixFilter(NamedTuple):
    """
    What is shown.

    @ivar source: sources whose name contains it, in any case; empty for all.
    @ivar target: targets likewise.
    @ivar label: targets with this label, C{name=value}; empty for all.
    @ivar onlyBad: only sources and targets with a path that is no good.
    @ivar figure: the figures of the cells.
    """

    source: str = ""
    target: str = ""
    label: str = ""
    onlyBad: bool = False
    figure: Figure = Figure.ALL

    @classmethod
    def of(cls, args: Mapping[bytes, Sequence[bytes]]) -> MatrixFilter:
        """
        Read the parameters of a URL.  What cannot be read is as if it was not there.
        """

        def text(name: bytes) -> str:
            value = args.get(name, (b"",))[0]
            return value[:_LONGEST].decode(errors="replace").strip()

        figures = {each.value: each for each in Figure}
        return cls(
            text(b"source"),
            text(b"target"),
            text(b"label"),
            text(b"bad") not in ("", "0"),
            figures.get(text(b"show"), Figure.ALL),
        )

    def query(self) -> str:
        """
        Write the parameters; empty where all is shown as usual.
        """
        found = {
            "source": self.source,
            "target": self.target,
            "label": self.label,
            "bad": "1" if self.onlyBad else "",
            "show": "" if self.figure is Figure.ALL else self.figure.value,
        }
        return urlencode({name: value for name, value in found.items() if value})

    def sources(self, rows: Iterable[SourceRow]) -> list[SourceRow]:
        """
        Give the rows of the sources, sorted as the targets: so the empty cells of a
        mesh are its diagonal.
        """
        wanted = self.source.casefold()
        found = [row for row in rows if wanted in row.source.casefold()]
        return sorted(found, key=lambda row: naturally(row.source))

    def targets(self, rows: Iterable[SourceRow]) -> list[str]:
        """
        Give the names of the targets, sorted as a person would: C{ams2} before
        C{ams10}.
        """
        wanted, label = self.target.casefold(), tuple(self.label.split("=", 1))
        found: set[str] = set()
        for row in rows:
            if len(label) < 2:
                found.update(row.peers)
            else:
                found.update(_labelled(row.peers, *label))
        return sorted(
            (each for each in found if wanted in each.casefold()), key=naturally
        )


def _labelled(peers: Mapping[str, PeerFigures], name: str, value: str) -> list[str]:
    """
    Give the peers that have a label.
    """
    return [each for each, peer in peers.items() if peer.labels.get(name) == value]


def naturally(name: str) -> list[tuple[str, int, str]]:
    """
    Give a key that sorts names with the numbers in them as numbers.
    """
    return [
        (text, len(digits), digits) for text, digits in _PIECES.findall(name.casefold())
    ]


def labelsOf(rows: Iterable[SourceRow]) -> list[str]:
    """
    Give the labels of all targets, each as C{name=value}, sorted.
    """
    found: set[tuple[str, str]] = set()
    for row in rows:
        for peer in row.peers.values():
            found.update(peer.labels.items())
    texts = [f"{name}={value}" for name, value in found]
    return sorted(texts, key=naturally)[:MOST_LABELS]
