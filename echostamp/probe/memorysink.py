"""
A sink that keeps what a prober finds.
"""

from __future__ import annotations

from zope.interface import implementer

from echostamp.measure.block import Probe
from echostamp.measure.result import Outage
from echostamp.probe.interfaces import Fate, IProbeSink, Link


@implementer(IProbeSink)
class MemorySink:
    """
    Keeps what a prober finds.

    @ivar events: the calls in order: the name of each event, and a probe's number, an
        address or a reason.
    @ivar probes: the probes that were settled, in order.
    """

    def __init__(self) -> None:
        self.events: list[tuple[str, int | str]] = []
        self.probes: list[Probe] = []

    def connected(self, link: Link) -> None:
        """Keep the far end's address."""
        self.events.append(("connected", link.address))

    def outstanding(self, seq: int) -> None:
        """Keep the probe's number."""
        self.events.append(("outstanding", seq))

    def sent(self, late: int) -> None:
        """Do nothing: how the probe ends is kept."""

    def skipped(self, seq: int, outage: Outage | None, isStall: bool) -> None:
        """Keep the probe's number."""
        self.events.append(("skipped", seq))

    def waiting(self, why: str) -> None:
        """Keep the reason."""
        self.events.append(("waiting", why))

    def settled(self, probe: Probe, fate: Fate, reason: str = "") -> None:
        """Keep the probe."""
        self.events.append((fate.value, probe.seq))
        self.probes.append(probe)

    def disconnected(self, outage: Outage) -> None:
        """Keep the reason."""
        self.events.append(("outage", outage.reason))
