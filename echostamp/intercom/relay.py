"""
What carries a room from daemon to daemon: a stream of entries that all of them read in
one order, and the presence of each daemon.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from zope.interface import Attribute, Interface

from echostamp.intercom.entries import Fields

#: The place before the first entry of a stream.
BEGINNING = b"0-0"

#: Seconds after which a presence expires that is not renewed.
PRESENT = 15.0


class RelayError(Exception):
    """
    The relay did not do something; the text is one line.
    """


def orderOf(id: bytes) -> tuple[int, int]:
    """
    Give the place of an entry in the stream, to compare it with others.

    @param id: the id of the entry: two decimal numbers with a hyphen between them.
    @raise ValueError: it is no id.
    """
    first, hyphen, second = id.partition(b"-")
    # int() takes signs and spaces, too.
    if not (hyphen and first.isdigit() and second.isdigit() and len(id) <= 41):
        raise ValueError("it is no id of an entry")
    return int(first), int(second)


class IRelayUser(Interface):
    """
    Gets what a relay reports.  It may call the relay from any of these.
    """

    def connected() -> None:
        """
        Begin: the relay is connected.  Whatever was asked or read over an earlier
        connection is over.  L{IRelay.read} has to be called again.
        """

    def disconnected(why: str) -> None:
        """
        Stop: the connection was lost or given up, or the first attempt failed.  This is
        called again when a later attempt fails for another reason.

        @param why: one line.
        """

    def received(id: bytes, fields: Fields) -> None:
        """
        Take the next entry of the stream.

        @param id: its id.
        @param fields: its content, which anybody may have written.
        """

    def trimmed() -> None:
        """
        Stop reading: entries that come next have been trimmed before they were read.
        Nothing more is received before L{IRelay.read} is called again.
        """


class IRelay(Interface):
    """
    A stream of entries, and presences and claims that expire.

    All commands of one relay are carried out in the order in which they were called.
    Each L{Deferred} fires in a later turn, or fails with L{RelayError}.  A command that
    fails ends the connection, also one that gives no L{Deferred}: the relay calls
    L{IRelayUser.disconnected} and connects again.  Without a connection the commands
    that give a L{Deferred} fail at once, and the others do nothing.
    """

    keeps = Attribute(
        """
        The stream is trimmed at its beginning only where it has more entries than this:
        an L{int}.
        """
    )

    def start(user: object) -> None:
        """
        Connect, and again whenever the connection is lost, until L{stop} is called.

        @param user: an L{IRelayUser}.
        """

    def stop() -> Deferred[None]:
        """
        Send what was appended, if there is a connection, and disconnect.  The user is
        not called any more.

        @return: fires when the connection is closed; what was asked and not answered
            has failed by then.
        """

    def read(after: bytes) -> None:
        """
        Give the user all entries after one, and those that come later: one at a time,
        in order.  This replaces an earlier read, of which nothing more is received.

        The entry itself need not be in the stream: see L{has}.

        @param after: the id of an entry, or L{BEGINNING}.
        """

    def pause() -> None:
        """
        Let no entry be received until L{resume} is called.  This stays so over
        connections and reads.
        """

    def resume() -> None:
        """
        Let entries be received again, in a later turn.
        """

    def append(fields: Fields) -> None:
        """
        Add an entry at the end of the stream.  It is lost where there is no connection.
        """

    def appended(fields: Fields) -> Deferred[bytes]:
        """
        Add an entry at the end of the stream.

        @return: its id.  Where it fails, the entry may have been added.
        """

    def has(id: bytes) -> Deferred[bool]:
        """
        Say whether an entry is in the stream.
        """

    def length() -> Deferred[int]:
        """
        Count the entries of the stream.
        """

    def before(id: bytes, count: int) -> Deferred[list[tuple[bytes, Fields]]]:
        """
        Give the last entries up to an id, the oldest first.

        @param id: the last entry that may be given.
        @param count: the most entries.
        @return: the id and the content of each.
        """

    def keep(daemon: bytes, state: bytes | None) -> Deferred[bool]:
        """
        Renew the presence of a daemon for L{PRESENT} seconds by the relay's clock.

        @param state: what is kept with it, instead of what was; L{None} leaves it.
        @return: whether the daemon is present now.  Without a state, one that was not
            present is not.
        """

    def present() -> Deferred[set[bytes]]:
        """
        Give the daemons that are present.
        """

    def states() -> Deferred[dict[bytes, bytes]]:
        """
        Give what is kept with each daemon that is present.
        """

    def forget(daemon: bytes) -> Deferred[None]:
        """
        Let a daemon not be present.
        """

    def claim(what: bytes, seconds: float) -> Deferred[bool]:
        """
        Take something that one of the daemons is to do.

        @param seconds: how long nobody else gets it, by the relay's clock.
        @return: whether nobody else has it.
        """
