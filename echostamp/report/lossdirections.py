"""
In which direction packets were lost.
"""

from __future__ import annotations

from typing import NamedTuple

from echostamp.measure.result import Figures
from echostamp.rfc8762.findings import Findings


class Between(NamedTuple):
    """
    The least and the most that a count can be.
    """

    least: int
    most: int

    def __str__(self) -> str:
        """Write them, or only one where they are equal."""
        return str(self.most) if self.least == self.most else f"{self[0]} to {self[1]}"

    def record(self) -> dict[str, int]:
        """Make their JSON."""
        return {"min": self.least, "max": self.most}


class Lost(NamedTuple):
    """
    How many packets were lost in each direction.

    @ivar forward: on the way there.
    @ivar backward: on the way back.
    @ivar unknown: in an unknown direction; not in the others.
    """

    forward: Between
    backward: Between
    unknown: int


def lossDirections(found: Findings, figures: Figures) -> Lost | None:
    """
    Give how many packets were lost in each direction; L{None} where that is not known:
    the reflector is stateless, or its numbers have never differed from ours and it sent
    no follow-up.

    @param figures: the figures of the run.
    """
    lost = figures.lost
    if not found.isStateful:
        return None if lost else Lost(Between(0, 0), Between(0, 0), 0)
    known = min(found.directions.lost, lost)
    # A packet in flight that others have overtaken looks lost.
    hidden = min(found.directions.hidden + figures.pending, known)
    return Lost(Between(known - hidden, known), Between(0, hidden), lost - known)
