"""
The pages of the web site where a browser joins the intercom.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.interfaces import IProtocolFactory
from twisted.logger import Logger
from twisted.web import http

from echostamp.web.request import WebRequest
from echostamp.web.roompage import roomPage
from echostamp.web.site import Page

log = Logger(namespace="echostamp")


def roomPages(
    reactor: Any, intercom: IProtocolFactory, isStopping: Callable[[], bool]
) -> dict[bytes, Page]:
    """
    Make the pages by path.

    @param reactor: runs the timers of the connections.
    @param intercom: makes their protocols, or none above a limit.
    @param isStopping: whether the daemon is stopping.
    """
    try:
        # Imported here and not at the top: wsproto is an optional dependency.
        from echostamp.web.upgrade import Upgrade
    except ModuleNotFoundError as error:
        log.warn("--web: /room needs the Python package {name}", name=error.name)
        missing = partial(_notInstalled, error.name)
        return {b"/room": missing, b"/room/stream": missing}
    return {b"/room": roomPage, b"/room/stream": Upgrade(reactor, intercom, isStopping)}


def _notInstalled(name: str | None, request: WebRequest) -> None:
    """
    Say which package is missing.
    """
    text = f"this needs the Python package {name}: install it, restart the daemon"
    request.answer(http.NOT_IMPLEMENTED, text)
