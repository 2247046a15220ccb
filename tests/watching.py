"""
Daemons that watch peers, for tests.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from echostamp.test.eventlines import eventsIn
from tests.harness import Daemon, run, script


class WatchingCase(SynchronousTestCase):
    """
    A test of a daemon that watches peers.
    """

    def setUp(self) -> None:
        """Make a folder for the files."""
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.peers = self.folder / "peers.toml"
        self.eventsFile = self.folder / "events"

    def write(self, **targets: str) -> None:
        """Write the file of peers: each is probed ten times a second."""
        text = 'interval = "100ms"\ntimeout = "500ms"\n'
        for name, rest in targets.items():
            text += f"[peer.{name}]\n{rest}\n"
        new = self.folder / "new"
        new.write_text(text)
        new.replace(self.peers)

    def watch(self, *options: str) -> Daemon:
        """Start a daemon that watches."""
        return Daemon(
            self,
            "-p0",
            f"--peers={self.peers}",
            f"--events={self.eventsFile}",
            *options,
        )

    def events(self, peer: str | None = None) -> list[Any]:
        """Give the events so far, or those of one peer."""
        events = eventsIn(self.eventsFile)
        return [each for each in events if peer in (None, each["peer"])]

    def kinds(self, peer: str | None = None) -> list[str]:
        """Give the kinds of the events so far."""
        return [each["event"] for each in self.events(peer)]

    def twistd(self, *options: str) -> Any:
        """Run a daemon that ends at once."""
        return run(script("twistd"), "-n", "--pidfile=", "echostamp", *options)
