"""
Makes the history that the options ask for, or only checks its file.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from echostamp.daemon.historyservice import HistoryService
from echostamp.daemon.historythreads import OpenHistory
from echostamp.daemon.monitoring import Monitoring
from echostamp.daemon.rights import asUserOf
from echostamp.history.file import HistoryFile
from echostamp.history.interfaces import HistoryError
from echostamp.history.schema import checkFile
from echostamp.history.store import SqliteHistory
from echostamp.history.upkeep import Retention


def historyService(
    reactor: Any, options: Any, monitoring: Monitoring
) -> HistoryService:
    """
    Make the service that keeps the history.  The file is opened once with the rights
    that the daemon will have, and made if there is none.

    @param options: the L{HistoryOptions
        <echostamp.daemon.historyoptions.HistoryOptions>}.
    @param monitoring: watches the peers.
    @raise ValueError: the file cannot be used; the text is one line.
    """
    path, retention = options.historyFile, Retention(*options.historyTimes)
    with _asIfRunning(options):
        SqliteHistory(path, retention).close()
    service = HistoryService(
        reactor,
        monitoring.surroundings,
        path,
        partial(_opened, path, retention),
        lambda: monitoring.monitor.peers,
    )
    monitoring.keep = service.event
    monitoring.monitor.left = service.left
    return service


def _opened(path: str, retention: Retention) -> OpenHistory:
    """
    Open the file.

    @raise HistoryError: that is not possible.
    """
    writer = SqliteHistory(path, retention)
    try:
        return OpenHistory(writer, HistoryFile(path))
    except HistoryError:
        writer.close()
        raise


def checkHistory(options: Any) -> None:
    """
    Check the file, or the folder where it will be, without changing it.

    @raise ValueError: it cannot be used; the text is one line.
    """
    path = os.path.realpath(options.historyFile)
    with _asIfRunning(options):
        checkFile(path, wholly=True)
        folder = os.path.dirname(path)
        os.stat(folder)
        if not os.access(folder, os.W_OK, effective_ids=True):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), folder)


@contextmanager
def _asIfRunning(options: Any) -> Iterator[None]:
    """
    Work with the rights that the daemon will have.

    @raise ValueError: the file cannot be used; the text is one line.
    """
    path = options.historyFile
    try:
        with asUserOf(options):
            yield
    except HistoryError as error:
        raise ValueError(f"--history {path!r}: {error}") from None
    except OSError as error:
        raise ValueError(f"--history {error.filename!r}: {error.strerror}") from None
