"""
The plots of a peer; pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from echostamp.markup import opening
from echostamp.plots.lossplot import lossPlot
from echostamp.plots.offsetplot import offsetPlot
from echostamp.plots.pdvplot import pdvPlot
from echostamp.plots.plotfigure import drawn
from echostamp.plots.plotframe import Scene
from echostamp.plots.rttplot import rttPlot

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
