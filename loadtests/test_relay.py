"""The intercom over several daemons with many members, while something goes wrong."""

from __future__ import annotations

import signal
import time

from tests import relayfaults
from tests.harness import figure


class RelayFaultsTests(relayfaults.RelayFaultsCase):
    """
    Sixty members, of whom six say 10,000 lines.
    """

    members, speakers, lines, stopped = 60, 6, 10_000, 5.0

    def test_daemonKilled(self) -> None:
        """Of a daemon that is killed, all members have left within 20 s, and their
        names are free.  Those who stay hear all that they say."""
        talk = self.talk()
        self.daemons[1].process.kill()
        killed = time.monotonic()
        lost = talk.clients[1::3]
        talk.lose(lost)
        left = {b"* %s left" % each.name for each in lost}

        def haveLeft() -> bool:
            lines = (talk.heard[each] for each in talk.clients)
            return all(left <= {line[23:] for line in each} for each in lines)

        talk.until(haveLeft)
        seconds = time.monotonic() - killed
        figure(f"kill -9 of a daemon: its members have left after {seconds:.1f} s")
        self.assertLess(seconds, 20)
        talk.settle()
        talk.assertComplete()
        talk.assertTold()
        names = [each.name for each in talk.clients]
        heir = talk.crowd.join(lost[0].name, self.daemons[2].connect())
        asking = talk.clients[:2]
        joined = b"* %s joined" % heir.name
        talk.until(lambda: all(talk.heard[each][-1][23:] == joined for each in asking))
        for each in asking:
            self.assertCountEqual(talk.whoAt(each), [*names, heir.name])

    def test_daemonStopped(self) -> None:
        """A daemon that was stopped for 20 s comes back with all its members.  All hear
        all lines."""
        talk = self.talk()
        process = self.daemons[1].process
        process.send_signal(signal.SIGSTOP)
        talk.pause(20)
        process.send_signal(signal.SIGCONT)
        names = [each.name for each in talk.clients]
        there = talk.clients[0]
        stopped = talk.clients[1::3]
        back = {b"* %s joined" % each.name for each in stopped}
        talk.until(lambda: back <= {line[23:] for line in talk.heard[there]})
        talk.settle()
        talk.assertOneOrder(dict.fromkeys(talk.speakers, 0))
        talk.assertTold()
        for each in talk.clients[:3]:
            self.assertCountEqual(talk.whoAt(each), names)
