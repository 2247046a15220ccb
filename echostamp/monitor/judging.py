"""
Judges the window of a peer now and then: by its limits, and its flows by one another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from echostamp.measure.windowspec import WindowSpec
from echostamp.monitor.event import Event
from echostamp.monitor.flowlosses import FlowLosses
from echostamp.monitor.flows import Flows
from echostamp.monitor.peer import Limits
from echostamp.monitor.rules import Rules


class Judging:
    """
    The states of a peer's figures.
    """

    def __init__(self, peer: str, limits: Limits) -> None:
        """
        @param peer: the peer's name.
        """
        self._rules = Rules(peer, limits)
        self._losses = FlowLosses(peer)

    @property
    def exceeded(self) -> tuple[tuple[str, str], ...]:
        """The limits that are exceeded, as in L{Rules.exceeded}."""
        return self._rules.exceeded

    @property
    def since(self) -> Mapping[str, int]:
        """Since when they are, as in L{Rules.since}."""
        return dict(self._rules.since)

    def change(self, limits: Limits) -> None:
        """
        Take other limits.
        """
        self._rules.limits = limits

    def judge(
        self, flows: Flows, window: WindowSpec, isUp: bool | None, at: int
    ) -> Iterator[Event]:
        """
        Judge a window.

        @param flows: have its figures.
        @param isUp: whether the peer answers.  While none is answered, no flow stands
            out.
        @param at: the present time, in nanoseconds since the UNIX epoch.
        @return: the states that begin or end.
        """
        rules, losses = self._rules, self._losses
        if not flows.hasBegun:
            return
        if rules.limits.areSet or rules.exceeded:
            yield from rules.judge(flows.figures(window), at)
        if (len(flows) > 1 or losses.areAny) and isUp:
            yield from losses.judge(flows.counts(window), at, flows.source)

    def leave(self, at: int) -> Iterator[Event]:
        """
        End all states: the peer is no longer watched.
        """
        yield from self._rules.leave(at)
        yield from self._losses.leave(at)
