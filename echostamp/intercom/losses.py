"""
What the relay has lost of a stream, while somebody follows it.
"""

from __future__ import annotations

from echostamp.intercom.errand import Errand
from echostamp.intercom.keptstate import Course
from echostamp.intercom.relay import IRelay


async def isKept(errand: Errand, relay: IRelay, course: Course) -> bool:
    """
    Check that a stream has the place of a daemon, and that it was not emptied since the
    order has begun: reading goes on silently where that happens.

    @param errand: asks the relay.
    @param relay: has the stream.
    @param course: where the daemon is; if the stream was emptied it is broken from now
        on.
    """
    # The entry with which the order began may have been trimmed.
    if not await errand.ask(relay.has(course.order)):
        length = await errand.ask(relay.length())
        course.isBroken = length < relay.keeps
    return not course.isBroken and await errand.ask(relay.has(course.place))
