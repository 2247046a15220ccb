"""What a terminal of 80 columns and 24 lines shows of C{echostamp ping}."""

from __future__ import annotations

import re
import shlex
import socket
from collections.abc import Callable

from tests.farends import Proxy, Server
from tests.harness import Daemon, deadPort, script, shortFolder
from tests.panes import Pane
from tests.pinging import PingCase
from tests.screens import SCREENS, normal

#: How often a screen may differ because the machine had other work to do.
_TRIES = 8


class ScreenTests(PingCase):
    """
    Screens, held against the texts in L{tests.screens}.
    """

    folder = "/folder"

    def assertScreen(
        self,
        name: str,
        *options: str,
        before: Callable[[], list[str]] = list,
        meanwhile: Callable[[Pane], object] = lambda pane: None,
    ) -> None:
        """
        Assert what is on the screen after a run.

        @param before: called before each try; gives more options.
        @param meanwhile: called once the run has begun.
        """
        for left in reversed(range(_TRIES)):
            command = shlex.join([script("echostamp"), "ping", *options, *before()])
            pane = Pane(self, command, 80, 24)
            meanwhile(pane)
            # tmux joins lines that it has wrapped: there must be none.
            screen = pane.until(lambda shown: re.search(r"\nstatus \d+$", shown), "-J")
            found = normal(screen.replace(self.folder, "/folder"))
            if found == SCREENS[name] or not left:
                break
        self.assertEqual(found, SCREENS[name], f"{name}\n{found}")
        for line in screen.splitlines():
            if not line.startswith("echostamp: "):
                self.assertLessEqual(len(line), 80)

    def test_detail(self) -> None:
        """A quiet run and a verbose one.  L{tests.test_scenes} has usual ones."""
        target = f"localhost:{self.iso().port}"
        self.assertScreen("quiet", "-q", "-c3", "-i200ms", target)
        self.assertScreen("verbose", "-v", "-c3", "-i200ms", target)

    def test_stamp(self) -> None:
        """A verbose run over STAMP."""
        target = f"stamp:127.0.0.1:{self.reflector()}"
        self.assertScreen("stamp verbose", "-v", "-c3", "-i200ms", target)

    def test_loss(self) -> None:
        """A reply that is lost, with a threshold."""

        def rule(connection: int, seq: int, line: bytes) -> bytes:
            return b"" if seq == 1 else line

        target = f"127.0.0.1:{Proxy(self, self.iso().port, rule=rule).port}"
        options = "-c4", "-i200ms", "-W300ms", "--max-loss=10"
        self.assertScreen("loss", *options, target)

    def test_noStamps(self) -> None:
        """A far end without stamps."""

        def serve(number: int, connection: socket.socket) -> None:
            while data := connection.recv(65536):
                connection.sendall(data)

        target = f"127.0.0.1:{Server(self, serve).port}"
        self.assertScreen("no stamps", "-c3", "-i200ms", target)

    def test_waiting(self) -> None:
        """A far end that is not there, and patience."""
        target = f"127.0.0.1:{deadPort(self)}"
        self.assertScreen("waiting", "--wait", "-w2", target)

    def test_longName(self) -> None:
        """A name that is nearly as long as the screen is wide."""
        self.folder = str(shortFolder(self))
        path = f"{self.folder}/".ljust(70, "x")
        Daemon(self, "-e", f"unix:{path}", "--format=ctime", "--utc")
        self.assertScreen("long name", "-c2", "-i200ms", "--zone=UTC", f"unix:{path}")

    def test_outage(self) -> None:
        """A far end that goes away: the screen says so once, why, and counts."""

        daemons: list[Daemon] = []

        def there() -> list[str]:
            daemons.append(Daemon(self, "--port=0", "--format=iso"))
            return [f"127.0.0.1:{daemons[-1].port}"]

        def gone(pane: Pane) -> None:
            pane.shows("seq=2 ")
            daemons[-1].process.kill()
            # The counter is cleared at the end.
            pane.until(
                lambda shown: re.search(r"\n\d+ not sent: Connection refused$", shown)
            )

        self.assertScreen("outage", "-c20", "-i200ms", before=there, meanwhile=gone)
