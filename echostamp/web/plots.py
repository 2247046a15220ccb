"""
The plots of a peer; pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from echostamp.web.lossplot import lossPlot
from echostamp.web.markup import opening
from echostamp.web.offsetplot import offsetPlot
from echostamp.web.pdvplot import pdvPlot
from echostamp.web.plotfigure import drawn
from echostamp.web.plotframe import Scene
from echostamp.web.rttplot import rttPlot

#: What makes each plot, from top to bottom.
_PLOTS = rttPlot, lossPlot, pdvPlot, offsetPlot


def plotSection(scene: Scene) -> Iterator[str]:
    """
    Draw the plots of a peer, in small steps.

    @return: pieces, which are to be joined; empty for most steps.
    """
    across = scene.across
    times = json.dumps([row.at for row in scene.rows], separators=(",", ":"))
    attributes = {
        "class": "plots",
        "data-from": across.began,
        "data-to": across.ended,
        "data-step": across.step,
        "data-zone": scene.zone.name,
        "data-at": times,
    }
    yield opening("section", attributes)
    for make in _PLOTS:
        plot = make(scene)
        yield ""
        yield from drawn(plot, scene)
    yield "</section>"
