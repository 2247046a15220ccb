"""
Writes events: a log line, and a line of JSON.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from twisted.logger import Logger

from echostamp.monitor.event import ENDS, Event, Kind
from echostamp.monitor.eventlimits import PAUSE, EventLimits
from echostamp.probe.agenda import Agenda, AgendaEntry
from echostamp.text import printable

log = Logger(namespace="echostamp")

#: Events that a reader of the log need not act on.
_GOOD = {*ENDS.values(), Kind.ADDRESS}


def eventLine(event: Event) -> str:
    """
    Write an event for a person, in one line.
    """
    parts = [event.peer, event.kind.value, event.subject]
    line = " ".join(part for part in parts if part)
    if event.text:
        line += f": {event.text}"
    if event.leftOut:
        line += f" ({event.leftOut} more left out)"
    return printable(line)


def eventDocument(event: Event) -> dict[str, Any]:
    """
    Make the JSON document of an event; C{docs/events.schema.json} describes it.
    """
    return {
        "time": event.at,
        "event": event.kind.value,
        "peer": event.peer,
        "subject": event.subject,
        "text": event.text,
        "left_out": event.leftOut,
        "values": dict(event.values),
    }


def eventJson(event: Event) -> str:
    """
    Write an event as a line of JSON.
    """
    return json.dumps(eventDocument(event), separators=(",", ":"))


class EventLog:
    """
    Writes the events that do not come too often.
    """

    def __init__(
        self,
        agenda: Agenda,
        now: Callable[[], int],
        write: Callable[[Event], object] | None = None,
    ) -> None:
        """
        @param agenda: calls this when an event that was left out is due.
        @param now: gives nanoseconds by the monotonic clock.
        @param write: also gets the events that are written; L{None} for nothing.
        """
        self._agenda = agenda
        self._now = now
        self._write = write
        self._limits = EventLimits()
        self._entry: AgendaEntry | None = None

    def report(self, event: Event) -> bool:
        """
        Write an event, or leave it out.

        @return: whether it is written.
        """
        reported = self._limits.report(self._now(), event)
        if reported is not None:
            self._put(reported)
        self._arm()
        return reported is not None

    def _put(self, event: Event) -> None:
        """
        Write an event.
        """
        level = log.info if event.kind in _GOOD else log.warn
        level("{line}", line=eventLine(event))
        if self._write is not None:
            self._write(event)

    def _arm(self) -> None:
        """
        Wait until an event that was left out is due, or one can be forgotten.  Those
        that come meanwhile are due later.
        """
        if self._entry is not None and self._entry.isSet:
            return
        due = self._limits.due
        if due is not None:
            self._entry = self._agenda.at(due, self._overdue)

    def _overdue(self) -> None:
        """
        Write the events that are due.
        """
        for event in self._limits.overdue(self._now()):
            self._put(event)
        self._arm()

    def stop(self) -> None:
        """
        Write the events that wait: what was written last is how things are.
        """
        if self._entry is not None:
            self._entry.cancel()
        for event in self._limits.overdue(self._now() + PAUSE):
            self._put(event)
