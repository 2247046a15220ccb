"""A daemon that watches many peers: how long a reload holds its event loop."""

from __future__ import annotations

import json
import os
import sys
from collections import defaultdict
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import SynchronousTestCase

from echostamp.daemon.monitoring import Monitoring
from echostamp.monitor.defaults import BUCKETS
from echostamp.monitor.peercheck import checksOf
from echostamp.monitor.peersfile import readingPeers
from echostamp.monitor.tally import Skip
from echostamp.probe.surroundings import surroundings
from tests.harness import figure, run
from tests.holds import Holds
from tests.reflecting import Reflecting

TOP = Path(__file__).parents[1]

#: How many peers there are, each probed once a second.
COUNT = 1000

#: Seconds of CPU time for which a reload may hold the loop at a time, where it changes
#: little: shorter turns of 10 ms are no stalls.
HELD = 0.010

#: How many reloads change nothing.  Twice as many change one peer, and change it back.
#: Medians are judged: other work on the machine makes single ones take more CPU time.
RELOADS = 5

#: Seconds until all peers have their probes, and the monitor has settled.  They are
#: between their eighth and their sixteenth probe then: at both each peer looks for the
#: step of its far clock, and that would be measured, too.
SETTLED = 10.0


class ReloadTests(SynchronousTestCase):
    """
    Reloads of many peers.
    """

    def test_held(self) -> None:
        """A reload never holds the loop for long, and no probe is lost by it."""
        reflector = Reflecting(self)
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        path = os.pathsep.join([str(TOP), *filter(None, [os.getenv("PYTHONPATH")])])
        done = run(
            *("env", f"PYTHONPATH={path}", sys.executable, __file__),
            *(str(reflector.place[1]), str(folder)),
        )
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        found = json.loads(done.stdout)
        held = {what: median(each) for what, each in found["held"].items()}
        for what, each in held.items():
            figure(
                f"a reload of {COUNT} peers, {what}: holds the loop for "
                f"{each * 1000:.1f} ms of CPU time, "
                f"{max(found['held'][what]) * 1000:.1f} at most"
            )
        self.assertLess(held["none changed"], HELD)
        self.assertLess(held["one changed"], HELD)
        self.assertGreater(found["sent"], 5 * COUNT)
        self.assertEqual(found["lost"], 0)


def write(path: Path, port: int, changed: int) -> None:
    """
    Write the file of peers.

    @param changed: how many have other settings than usual.
    """
    text = 'max-loss = "1%"\n'
    for number in range(COUNT):
        name = f"p{number}"
        text += f'[peer.{name}]\ntarget = "stamp:127.0.0.1:{port}"\ninterval = "1s"\n'
        text += f'labels = {{site = "s{number % 7}"}}\n'
        if number < changed:
            text += f'resolve = "{changed}s"\n'
    path.write_text(text)


async def measured(reactor: Any, port: int, path: Path) -> dict[str, Any]:
    """
    Reload the peers, and measure how long that holds the loop.
    """
    write(path, port, 0)
    monitoring = Monitoring(
        reactor,
        surroundings(reactor, isExact=True),
        partial(readingPeers, [str(path)], "here", checks=checksOf(reactor)),
        [],
        BUCKETS,
    )
    monitoring.startService()
    await deferLater(reactor, SETTLED)
    held = defaultdict(list)
    kinds = [("none", 0)] * RELOADS + [("one", 1), ("one", 0)] * RELOADS
    for what, changed in [*kinds, ("all", COUNT)]:
        write(path, port, changed)
        holds = Holds()
        holds.begin()
        await monitoring.reload()
        held[f"{what} changed"].append(holds.end())
    await deferLater(reactor, 2)
    tallies = [each.snapshot().tally for each in monitoring.monitor.peers.values()]
    # A stall is the start's, or one of a busy machine.
    lost = sum(
        sum(each.lost.values()) + sum(each.skipped.values()) - each.skipped[Skip.STALL]
        for each in tallies
    )
    return {"held": held, "sent": sum(each.sent for each in tallies), "lost": lost}


def main(port: int, path: Path) -> None:
    """
    Print what was measured as a line of JSON.
    """
    from twisted.internet import reactor as installed

    reactor: Any = installed

    def begin() -> None:
        found = Deferred.fromCoroutine(measured(reactor, port, path))
        found.addCallback(lambda result: print(json.dumps(result)))
        found.addErrback(lambda failure: failure.printTraceback())
        found.addBoth(lambda _: reactor.stop())

    reactor.callWhenRunning(begin)
    reactor.run()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]) / "peers.toml")
