"""
The options of the daemon's history.
"""

from __future__ import annotations

import os

from twisted.python import usage

from echostamp.times import SECOND
from echostamp.values import durationReader

_HOUR = 3600 * SECOND

#: The shortest and the longest time for which anything is kept, in nanoseconds: the
#: longest is a century.
_LEAST, _MOST = _HOUR, 36_500 * 24 * _HOUR

#: The options that say for how long.
_TIMES = "history-minutes", "history-hours", "history-days", "history-events"


class HistoryOptions(usage.Options):
    """
    The options of the history, as texts and as values.

    @ivar historyFile: the absolute path of the file; L{None} for none.
    @ivar historyTimes: for how long minutes, hours, days and events are kept, in
        seconds.
    """

    optParameters = [
        [
            "history",
            None,
            None,
            "File that keeps a row a minute of each peer, and the events of the log: "
            "an SQLite database.",
        ],
        ["history-minutes", None, "7d", "How long it keeps the rows of minutes."],
        ["history-hours", None, "730d", "How long it keeps those of hours."],
        ["history-days", None, "3650d", "How long it keeps those of days."],
        ["history-events", None, "730d", "How long it keeps events."],
    ]

    historyFile: str | None
    historyTimes: tuple[int, int, int, int]

    def checkHistory(self) -> None:
        """
        Convert the texts to values, and check that they go together.

        @raise usage.UsageError: a value is wrong, or the options do not go together.
        """
        path = self["history"]
        # twistd changes the working directory before the service starts.
        self.historyFile = None if path is None else os.path.abspath(path)
        if path == "":
            raise usage.UsageError("--history '': not the path of a file")
        minutes, hours, days, events = map(self._time, _TIMES)
        self.historyTimes = minutes, hours, days, events
        if path is None:
            for name in _TIMES:
                if self[name] != self.defaults[name]:
                    raise usage.UsageError(f"--{name} goes with --history")

    def _time(self, name: str) -> int:
        """
        Read a duration.

        @return: seconds.
        @raise usage.UsageError: it is wrong.
        """
        try:
            return durationReader(_LEAST, _MOST)(self[name]) // SECOND
        except ValueError as error:
            raise usage.UsageError(f"--{name}: {error}") from None
