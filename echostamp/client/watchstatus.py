"""
Judges how a run of C{echostamp watch} ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from echostamp.client.hints import whyNoReply
from echostamp.exitstatus import DONE, FAR_END_FAILED, THRESHOLD_FAILED, Outcome
from echostamp.monitor.snapshot import PeerSnapshot

#: The most targets that are named.
_MOST = 3


def judged(snapshots: Iterable[PeerSnapshot]) -> Outcome:
    """
    Give the exit status, and the line for standard error.

    @param snapshots: of all targets, at the end.
    """
    watched = [each for each in snapshots if not each.peer.isPaused]
    if silent := [each for each in watched if not each.tally.received]:
        return Outcome(FAR_END_FAILED, _named(list(map(_silent, silent)), watched))
    if high := [each for each in watched if each.exceeded]:
        return Outcome(THRESHOLD_FAILED, _named(list(map(_high, high)), watched))
    return Outcome(DONE)


def _named(lines: Sequence[str], watched: Sequence[PeerSnapshot]) -> str:
    """
    Join what is wrong with each target.

    @param watched: all targets.
    """
    joined = "; ".join(lines[:_MOST])
    if len(lines) > _MOST:
        joined += f"; and {len(lines) - _MOST} more"
    count = len(watched)
    return joined if count == 1 else f"{len(lines)} of {count} targets: {joined}"


def _silent(snapshot: PeerSnapshot) -> str:
    """
    Write why a target has never answered.
    """
    name, found = snapshot.peer.name, snapshot.window
    if found is None:
        return f"{name}: there was no connection in time"
    return f"{name}: {whyNoReply(found, snapshot.peer.wish.plan)}"


def _high(snapshot: PeerSnapshot) -> str:
    """
    Write which thresholds of a target are exceeded.
    """
    texts = [f"{name}: {text}" for name, text in snapshot.exceeded]
    return f"{snapshot.peer.name}: {', '.join(texts)}"
