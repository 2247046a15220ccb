"""The intercom: notices of members that join and leave."""

from __future__ import annotations

import re
import socket
import time

from twisted.trial.unittest import SynchronousTestCase

from tests import crowding
from tests.rooms import INTERCOM, UNIX, Crowd, shareRoom


class NoticesTests(SynchronousTestCase):
    """
    Members join and leave.
    """

    def test_notices(self) -> None:
        """Notices tell who joins and leaves, by address or by the name asked for.  A
        silent member is announced after a second."""
        crowd = Crowd(self, shareRoom(self, *INTERCOM))
        [listener] = crowd.members(b"listener")
        silent = crowd.join()
        crowd.until(lambda: b"joined" in listener.heard)
        crowd.say(silent, b"/name bob\nhello\n/name eve\n")
        crowd.until(lambda: silent.heard.count(b"\n") == 4)
        silent.socket.shutdown(socket.SHUT_WR)
        crowd.until(lambda: b"left" in listener.heard)
        self.assertEqual(
            re.sub(UNIX, b"", listener.heard).splitlines(),
            [
                b"* %s joined" % silent.name,
                b"* %s is now bob" % silent.name,
                b"<bob> hello",
                b"* bob left",
            ],
        )
        self.assertEqual(
            re.sub(UNIX, b"", silent.heard),
            b"/name bob\nhello\n/name eve\n"
            b"* you are bob: the next name is possible in 5 s\n",
        )

    def test_noNotices(self) -> None:
        """C{--no-notices} leaves out all notices, but a client that does not get its
        name is still told so."""
        crowd = Crowd(self, shareRoom(self, *INTERCOM, "--no-notices"))
        [listener] = crowd.members(b"listener")
        gone = crowd.join(b"listener")
        crowd.say(gone, b"hello\n")
        crowd.until(lambda: b"you are listener-2: " in gone.heard)
        gone.socket.shutdown(socket.SHUT_WR)
        crowd.until(lambda: gone.isOver)
        # A member that is silent for more than a second, and leaves.
        silent = crowd.join()
        began = time.monotonic()
        crowd.until(lambda: time.monotonic() - began > 1.5)
        silent.socket.shutdown(socket.SHUT_WR)
        crowd.until(lambda: silent.isOver)
        crowd.say(crowd.join(), b"last\n")
        crowd.until(lambda: b"last" in listener.heard)
        self.assertRegex(
            bytes(listener.heard),
            b"^" + UNIX + b"<listener-2> hello\n" + UNIX + rb"<[\d.:]+> last\n$",
        )


class TurmoilTests(crowding.TurmoilCase):
    """
    Many clients that join and leave, for a short time.
    """

    seconds = 2
