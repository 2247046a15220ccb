"""
Leaves out events that come too often; pure.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from echostamp.monitor.event import ENDS, Event, Kind
from echostamp.times import SECOND

#: Of one peer, kind and subject at most one event is reported in this time.
PAUSE = 60 * SECOND

#: The kind that begins the state which each of these ends.
_BEGINS = {end: begin for begin, end in ENDS.items()}


@dataclass(slots=True)
class _Story:
    """
    What was reported of one state or kind.

    @ivar reported: when an event of each kind was last reported.
    @ivar last: the last event that was left out; L{None} for none.
    @ivar leftOut: how many were left out since one was reported.
    """

    reported: dict[Kind, int] = field(default_factory=dict)
    last: Event | None = None
    leftOut: int = 0

    @property
    def due(self) -> int:
        """When the last event is to be reported, or a kind to be forgotten."""
        oldest = min(self.reported.values())
        if self.last is None:
            return oldest + PAUSE
        return self.reported.get(self.last.kind, oldest) + PAUSE

    def forget(self, now: int) -> None:
        """
        Forget the kinds that were reported long ago.
        """
        self.reported = {k: at for k, at in self.reported.items() if now - at < PAUSE}


class EventLimits:
    """
    Reports of one peer, kind and subject at most one event in L{PAUSE}.

    Where events were left out, the last one is reported when its time comes.  So what
    was reported last is how things are.
    """

    def __init__(self) -> None:
        self._stories: dict[tuple[str, Kind, str], _Story] = {}

    def report(self, now: int, event: Event) -> Event | None:
        """
        Report an event, or leave it out.

        @param now: by the monotonic clock.
        @return: the event, if it is reported now.
        """
        kind = event.kind
        key = event.peer, _BEGINS.get(kind, kind), event.subject
        story = self._stories.setdefault(key, _Story())
        before = story.reported.get(kind)
        if story.last is None and (before is None or now - before >= PAUSE):
            story.reported[kind] = now
            return event
        story.last = event
        story.leftOut += 1
        return None

    @property
    def due(self) -> int | None:
        """When L{overdue} has something to do; L{None} if nothing is remembered."""
        return min((story.due for story in self._stories.values()), default=None)

    def overdue(self, now: int) -> list[Event]:
        """
        Report the last of the events that were left out, where its time has come.
        Forget what was reported long ago: the peer may be gone.

        @param now: by the monotonic clock.
        """
        found = []
        for key, story in list(self._stories.items()):
            last = story.last
            if now < story.due:
                continue
            if last is None:
                story.forget(now)
                if not story.reported:
                    del self._stories[key]
            else:
                found.append(replace(last, leftOut=story.leftOut - 1))
                story.reported[last.kind] = now
                story.last, story.leftOut = None, 0
        return found
