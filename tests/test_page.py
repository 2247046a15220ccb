"""
Acceptance tests of the pages: three real daemons, and a real browser that looks.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Mapping

from twisted.trial.unittest import SynchronousTestCase

from tests.browsers import Browser
from tests.harness import figure, until
from tests.matrices import Seen, seen
from tests.meshes import DEAD, NOWHERE, REFLECTOR, Mesh
from tests.namespaces import ROUTER

#: The daemons: the one at whose page the browser looks; that whose packets to the third
#: are lost; that whose clock is wrong.
HOSTS = LOOKED, LOSSY, FAST = "ams", "fra", "lon"

#: How far the clock is ahead, in seconds.
AHEAD = 0.05

#: Seconds until the page has to show that something is bad, or is no more.
TOLD = 70.0

#: Seconds until it has to show that a daemon is silent: it is asked every ten seconds,
#: has five to answer, and the page asks every ten seconds, too.
SILENT = 30.0

#: Gives which signs of a fault the page shows; and whether it shows something.
Signs = Callable[[Seen], list[bool]]
Condition = Callable[[Seen], bool]


def allOf(signs: Signs) -> Condition:
    """
    Make the condition that all signs are shown.
    """
    return lambda now: all(signs(now))


def noneOf(signs: Signs) -> Condition:
    """
    Make the condition that none is.
    """
    return lambda now: not any(signs(now))


class FaultTests(SynchronousTestCase):
    """
    A page that is open while faults come and go.
    """

    def setUp(self) -> None:
        """Open the page while all is good."""
        self.mesh = Mesh(self, *HOSTS)
        self.mesh.watch()
        self.browser = Browser(self, self.mesh.net.commands[ROUTER])
        self.browser.get(self.mesh.url(LOOKED))
        self.browser.execute_script("window.isStillTheSame = true")

    def test_faults(self) -> None:
        """The page shows a path that loses packets, a clock that is wrong, a peer that
        is dead and a daemon that is stopped, and that they are so no more, each within
        70 seconds, without a reload."""
        self.times({"good": self.isGood})
        net = self.mesh.net
        began = time.monotonic()
        for what in "dport", "sport":
            net.drop(LOSSY, FAST, f"udp {what} {REFLECTOR}", 10)
        self.mesh.clocks[FAST].set(AHEAD)
        self.mesh.watch(**{DEAD: f"stamp:{NOWHERE}"})
        signs = {
            "path": self.pathSigns,
            "clock": self.clockSigns,
            "peer": self.peerSigns,
        }
        shown = {name: allOf(each) for name, each in signs.items()}
        self.say("shown", self.times(shown, began))
        began = time.monotonic()
        net.dropNothing()
        self.mesh.clocks[FAST].set(0)
        self.mesh.watch()
        gone = {name: noneOf(each) for name, each in signs.items()}
        self.say("shown no more", self.times(gone, began))
        process = self.mesh.daemons[LOSSY].process
        began = time.monotonic()
        process.send_signal(signal.SIGSTOP)
        self.addCleanup(process.send_signal, signal.SIGCONT)
        stopped = self.times({"daemon": self.isSilent}, began, SILENT)
        process.send_signal(signal.SIGCONT)
        self.say("stopped: shown", stopped)
        again = {"daemon": lambda now: not self.isSilent(now)}
        self.say("goes on: shown", self.times(again, time.monotonic(), SILENT))
        self.assertTrue(self.browser.execute_script("return isStillTheSame"))
        self.assertEqual(self.browser.complaints(), [])

    def times(
        self,
        conditions: Mapping[str, Condition],
        began: float | None = None,
        most: float = TOLD,
    ) -> dict[str, float]:
        """
        Wait until the page shows several things.

        @param began: when the time begins; L{None} for now.
        @param most: so many seconds it may take.
        @return: how long each of them took.
        """
        began = time.monotonic() if began is None else began
        found: dict[str, float] = {}

        def look() -> bool:
            now = seen(self.browser)
            for name, condition in conditions.items():
                if name not in found and condition(now):
                    found[name] = time.monotonic() - began
            return len(found) == len(conditions)

        try:
            until(look, began + most - time.monotonic())
        except AssertionError:
            left = sorted({*conditions} - {*found})
            self.fail(f"not shown in {most} s: {left}: {seen(self.browser)}")
        return found

    def say(self, what: str, found: dict[str, float]) -> None:
        """Record how long it took."""
        texts = ", ".join(f"{name} {each:.0f} s" for name, each in found.items())
        figure(f"the page, {what}: {texts}")

    # --- What the page shows ----------------------------------------------------------

    def isGood(self, now: Seen) -> bool:
        """Tell whether all paths are good."""
        return len(now.cells) == 6 and {each.level for each in now.cells.values()} == {
            "g"
        }

    def isListed(self, now: Seen, what: str) -> bool:
        """Tell whether a fault is in the list of what is bad."""
        texts = {
            "path": f"{LOSSY} → {FAST}: loss",
            "clock": f"{FAST}: wrong clock",
            "peer": f"{DEAD}: down since",
        }
        return texts[what] in now.troubles

    def pathSigns(self, now: Seen) -> list[bool]:
        """Tell which signs the page gives that the path is bad.  Another daemon has
        measured it."""
        return [now.cells[LOSSY, FAST].isBad("loss"), self.isListed(now, "path")]

    def clockSigns(self, now: Seen) -> list[bool]:
        """Tell which signs it gives that the clock is wrong.  Two daemons have measured
        it."""
        cells = [now.cells[each, FAST] for each in (LOOKED, LOSSY)]
        return [self.isListed(now, "clock"), *(each.isBad("clock") for each in cells)]

    def peerSigns(self, now: Seen) -> list[bool]:
        """Tell which signs it gives that the peer is down.  All daemons have tried."""
        cells = [now.cells.get((each, DEAD)) for each in HOSTS]
        return [
            self.isListed(now, "peer"),
            *(each is not None and each.text == "✕ down" for each in cells),
        ]

    def isSilent(self, now: Seen) -> bool:
        """Tell whether the page says that the daemon is silent; the others are not."""
        self.assertNotIn(f"{FAST} says nothing", now.troubles)
        return (
            f"{LOSSY} says nothing since" in now.troubles
            and now.notes.get(LOSSY, "").startswith("silent")
            and now.cells[LOSSY, FAST].isStale
            and not now.cells[FAST, LOOKED].isStale
        )
