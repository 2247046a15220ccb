"""
The intercom of several daemons, where the options ask for one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred

from echostamp.daemon.options import Options
from echostamp.daemon.shutdown import StoppingService
from echostamp.keyfiles import DISK, Files
from echostamp.text import printable

if TYPE_CHECKING:
    from echostamp.intercom.relayedroom import RelayedIntercom


def relayPart(
    reactor: Any, options: Options, files: Files = DISK
) -> RelayedIntercom | None:
    """
    Make the intercom of several daemons, where the options ask for one.

    @param files: reads the file of the password.
    @raise SystemExit: see L{makeService}.
    """
    if options.relay is None:
        return None
    # Imported here and not at the top: txredisapi is an optional dependency, and a
    # daemon without a relay starts sooner.
    from echostamp.daemon.relaying import relayedIntercom

    try:
        return relayedIntercom(reactor, options, files)
    except ValueError as error:
        raise SystemExit(printable(f"echostamp: {error}")) from None


def relayServices(
    room: RelayedIntercom | None, draining: StoppingService
) -> list[Service]:
    """
    Make the service of an intercom of several daemons, if there is one.

    @param draining: drains the connections; it stops before this.
    """
    return [] if room is None else [RelayService(room, draining)]


class RelayService(Service):
    """
    Connects an intercom to its relay, until the connections of the daemon are drained.
    """

    name = "relay"

    def __init__(self, room: RelayedIntercom, draining: StoppingService) -> None:
        """
        @param room: the intercom.
        @param draining: drains the connections; it stops before this.
        """
        self._room = room
        self._draining = draining

    def startService(self) -> None:
        """Connect."""
        Service.startService(self)
        self._room.start()

    def stopService(self) -> Deferred[Any]:
        """
        Leave the room when no connection is left.

        @return: fires when that is done.
        """
        Service.stopService(self)
        return self._draining.afterwards(self._room.stop)
