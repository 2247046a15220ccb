"""The intercom over several daemons with many members, while something goes wrong."""

from __future__ import annotations

import signal

from tests import relayfaults


class RelayFaultsTests(relayfaults.RelayFaultsCase):
    """
    Sixty members, of whom six say 10,000 lines.
    """

    members, speakers, lines, stopped = 60, 6, 10_000, 5.0

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
