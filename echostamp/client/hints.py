"""
Writes why no reply came, and what else the user could try.
"""

from __future__ import annotations

import errno

from twisted.internet.error import ConnectBindError, ConnectionRefusedError

from echostamp.client.output import noReply
from echostamp.connect.failures import sourceHint
from echostamp.connect.target import Target
from echostamp.exitstatus import FAR_END_FAILED, Outcome
from echostamp.measure.result import Result
from echostamp.probe.plan import Plan
from echostamp.report.stamphints import refusalHint


def whyNoReply(result: Result, plan: Plan) -> str:
    """
    Write why no reply has come.
    """
    if result.began is None:
        return "there was no connection in time"
    if result.strange:
        return "it answers, but not with what was sent: is it an echo?"
    if result.figures.late:
        return f"{noReply(plan)} ({result.figures.late} came late)"
    if result.outages:
        return result.outages[-1].reason
    return "no reply"


def isOurFault(error: BaseException | None) -> bool:
    """
    Say whether the attempt failed because this machine lacks the source address.
    """
    return isinstance(error, ConnectBindError) and error.osError != errno.EAFNOSUPPORT


def hint(
    target: Target | None,
    failure: BaseException | None,
    outcome: Outcome,
    result: Result,
) -> str:
    """
    Write what else the user could try; empty if there is no hint.

    @param target: the target; L{None} over STAMP.
    @param failure: why there was no link at first; L{None} if there was one.
    @param outcome: how the run ended.
    """
    if outcome.status != FAR_END_FAILED:
        return sourceHint(failure)
    if target is None:
        return sourceHint(failure) or refusalHint(result)
    isPlain = target.tls is None
    if target.host is None:
        return sourceHint(failure)
    if isinstance(failure, ConnectionRefusedError):
        return "another port, or tls:HOST:PORT?" if isPlain else "another port?"
    if result.outages and isPlain and not result.strange:
        return "tls:HOST:PORT?"
    return ""
