"""
Rows of daemons, for tests.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from echostamp.measure.offsetwindow import DOUBTFUL, FITS, NO_FIT
from echostamp.test.snapshots import NOW
from echostamp.times import MILLISECOND, SECOND
from echostamp.web.fields import LONGEST_TEXT, MOST
from echostamp.web.rowdata import PeerFigures, PeerState, SourceRow
from echostamp.web.rowdocument import LONGEST_NAME, THRESHOLDS

COUNTS, SPANS = st.integers(0, MOST), st.integers(-MOST, MOST)


def fullFigures(name: str = "ams") -> PeerFigures:
    """
    Give a peer of which everything is known.
    """
    return PeerFigures(
        name,
        PeerState.UP,
        NOW - SECOND,
        {"site": "ams"},
        "stamp:ams.example",
        "192.0.2.1:862",
        due=63,
        sent=62,
        received=59,
        lost=1,
        skipped=1,
        median=MILLISECOND,
        p99=3 * MILLISECOND,
        offsetLow=-12_500_000,
        offset=-12_000_001,
        offsetHigh=-11_499_999,
        verdict=FITS,
        maxRtt=30 * MILLISECOND,
        maxRttP99=31 * MILLISECOND,
        maxLoss=0.7,
        maxOffset=MILLISECOND,
        exceeded=("max_offset",),
        weekP10=900_000,
        weekP90=1_100_000,
        exceededSince={"max_offset": NOW - SECOND},
    )


def texts(least: int = 0, most: int = LONGEST_TEXT) -> st.SearchStrategy[str]:
    """
    Make printable texts.
    """
    anything = st.text(min_size=least, max_size=min(most, 30)).filter(str.isprintable)
    return st.one_of(anything, st.sampled_from(["<b>&\"'", "=1+1", "é" * most]))


@st.composite
def peerFigures(draw: Any) -> PeerFigures:
    """
    Make any peer.
    """

    def together(*values: st.SearchStrategy[Any]) -> list[Any]:
        if draw(st.booleans()):
            return [draw(each) for each in values]
        return [None] * len(values)

    verdicts = st.sampled_from([FITS, DOUBTFUL, NO_FIT])
    exceeded = st.lists(st.sampled_from(THRESHOLDS), unique=True)
    values = (
        draw(texts(1, LONGEST_NAME)),
        draw(st.sampled_from(PeerState)),
        draw(st.none() | COUNTS),
        draw(st.dictionaries(texts(), texts(), max_size=3)),
        draw(texts()),
        draw(texts()),
        *[draw(COUNTS) for _ in range(5)],
        *together(SPANS, SPANS),
        *together(SPANS, SPANS, SPANS, verdicts),
        *[draw(st.none() | COUNTS) for _ in range(2)],
        draw(st.none() | st.floats(0, 100)),
        draw(st.none() | COUNTS),
        tuple(draw(exceeded)),
        *together(SPANS, SPANS),
        draw(st.dictionaries(st.sampled_from(THRESHOLDS), COUNTS)),
    )
    return PeerFigures._make(values)


@st.composite
def sourceRows(draw: Any) -> SourceRow:
    """
    Make any row that a daemon may send.
    """
    peers = {each.name: each for each in draw(st.lists(peerFigures(), max_size=4))}
    return SourceRow(draw(texts()), peers, draw(COUNTS))
