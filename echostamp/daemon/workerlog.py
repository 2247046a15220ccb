"""
The log of a worker: it goes through a pipe to the parent, which writes it.

Each event is a line of JSON: its level, namespace, kind and text.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable

from twisted.logger import ILogObserver, LogEvent, Logger, LogLevel, eventAsText
from twisted.protocols.basic import LineReceiver
from zope.interface import implementer

from echostamp.text import counted, printable

#: Octets of lines that wait for a parent that does not read.
_MOST_WAITING = 1 << 20

#: Characters of the longest text, and octets of the longest line: JSON writes a
#: character as at most 12.
_LONGEST_TEXT, _LONGEST = 1 << 14, 1 << 18


@implementer(ILogObserver)
class PipeLog:
    """
    Writes the events of a worker to a pipe.  The worker never waits for it: where the
    parent does not read, lines are left out, and counted.
    """

    def __init__(
        self, descriptor: int, write: Callable[[int, bytes], int] = os.write
    ) -> None:
        """
        @param descriptor: the pipe, which does not block.
        """
        self._descriptor = descriptor
        self._write = write
        self._waiting = b""
        self._leftOut = 0

    def __call__(self, event: LogEvent) -> None:
        """Write an event of ours, or a warning of another."""
        level = event.get("log_level", LogLevel.info)
        namespace = event.get("log_namespace", "")
        if level < LogLevel.warn and namespace != "echostamp":
            # Twisted tells of each port, and of the end: the parent does so, once.
            return
        text = eventAsText(event, includeTimestamp=False, includeSystem=False)
        self._add(level.name, namespace, str(event.get("bounded", "")), text)
        self.flush()

    def flush(self) -> None:
        """
        Write what waits, as far as the pipe has room.
        """
        while self._waiting:
            try:
                written = self._write(self._descriptor, self._waiting)
            except BlockingIOError:
                return
            except OSError:
                # There is no parent any more, and nobody who could read this.
                written = len(self._waiting)
            self._waiting = self._waiting[written:]
            if self._leftOut and not self._waiting:
                count, self._leftOut = self._leftOut, 0
                text = f"{counted(count, 'line')} left out: the log's pipe was full"
                self._add("warn", "echostamp", "", text)

    def _add(self, level: str, namespace: str, kind: str, text: str) -> None:
        """
        Have a line wait, unless too much waits.
        """
        if not text:
            return
        line = json.dumps([level, namespace, kind, text[:_LONGEST_TEXT]]).encode()
        if len(self._waiting) + len(line) >= _MOST_WAITING:
            self._leftOut += 1
            return
        self._waiting += line + b"\n"


class WorkerLines(LineReceiver):
    """
    Writes the lines that come from a worker to the log of the parent: those of its
    L{PipeLog}, and any others, such as where it was when it was ended.
    """

    delimiter = b"\n"
    MAX_LENGTH = _LONGEST

    def __init__(self, number: int, admits: Callable[[str], bool]) -> None:
        """
        @param number: the worker's.
        @param admits: tells whether one more line of a kind may be written.
        """
        self._number = number
        self._admits = admits

    def lineReceived(self, line: bytes) -> None:
        """Write a line, unless there are too many of its kind."""
        try:
            level, namespace, kind, text = json.loads(line)
            found = LogLevel.lookupByName(level)
        except (ValueError, TypeError, LookupError):
            found, namespace, kind = LogLevel.warn, "echostamp", ""
            text = printable(line.decode(errors="backslashreplace"))
        # Those without a kind are bounded at each level: so no flood hides an error.
        if text and self._admits(kind or f"{found.name} lines of workers"):
            Logger(namespace=namespace).emit(
                found, "worker {number}: {text}", number=self._number, text=text
            )

    def lineLengthExceeded(self, line: bytes) -> None:
        """Write the beginning of a line that is too long."""
        self.lineReceived(line[:_LONGEST_TEXT])
