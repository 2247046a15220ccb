"""
Reloads the daemon's files at SIGHUP.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import Logger

from echostamp.daemon.systemd import Notifier
from echostamp.text import printable

log = Logger(namespace="echostamp")

#: The name of the files, as the log shows it, and the function that reloads them, now
#: or later.  It may return what they say; an empty text is not logged.
Reload = tuple[str, Callable[[], "Deferred[str] | str | None"]]


class Reloading:
    """
    Reloads the files, one after the other.  A file that is wrong is logged, and the old
    content stays in use.
    """

    def __init__(self, notifier: Notifier, reloads: Sequence[Reload]) -> None:
        """
        @param notifier: tells systemd when a reload begins and ends.
        @param reloads: what to reload.
        """
        self._notifier = notifier
        self._reloads = reloads
        self._isRunning = self._isAsked = False

    def signalled(self) -> None:
        """
        Reload the files; behind a reload that goes on, once more.
        """
        self._isAsked = True
        if not self._isRunning:
            Deferred.fromCoroutine(self._run())

    async def _run(self) -> None:
        """
        Reload the files as often as was asked.
        """
        self._isRunning = True
        try:
            while self._isAsked:
                self._isAsked = False
                self._notifier.reloading()
                for what, reload in self._reloads:
                    await self._reload(what, reload)
                self._notifier.ready()
        finally:
            self._isRunning = False

    async def _reload(
        self, what: str, reload: Callable[[], Deferred[str] | str | None]
    ) -> None:
        """
        Reload one kind of files.
        """
        try:
            found: Any = await maybeDeferred(reload)
        except ValueError as error:
            for line in str(error).split("\n"):
                log.error("not reloaded: {error}", error=printable(line))
        except Exception:
            log.failure("while reloading {what}", what=what)
        else:
            now = f": {printable(found)}" if found else ""
            if found != "":
                log.info("{what} reloaded{now}", what=what, now=now)
