"""
Daemons that watch each other, each in a network namespace, with web pages.
"""

from __future__ import annotations

import signal
from pathlib import Path

from tests.clocks import Clock
from tests.harness import Daemon, Owner
from tests.namespaces import Routed

#: The ports of the reflectors and of the pages.
REFLECTOR, WEB = 862, 9862

#: A peer that nobody is, and its address.
DEAD, NOWHERE = "par", "198.18.99.2"

#: What holds for all peers.
SETTINGS = """\
interval = "100ms"
timeout = "500ms"
max-loss = "5%"
max-offset = "10ms"
"""


class Mesh:
    """
    Daemons that watch each other, around a router.

    @ivar net: their namespaces.
    @ivar clocks: the clock of each daemon, by its name.
    @ivar daemons: the daemons by name.
    """

    def __init__(
        self,
        case: Owner,
        *names: str,
        histories: Path | None = None,
        settings: str = SETTINGS,
    ) -> None:
        """
        Start the daemons.  They watch nobody yet.

        @param case: stops them at its end.
        @param names: of the daemons.
        @param histories: the folder of their histories; L{None} for a new one.
        @param settings: of all peers.
        """
        self.net = Routed(case, *names)
        self._settings = settings
        self._folder = Path(case.mktemp()).absolute()
        self._folder.mkdir()
        self._histories = histories or self._folder
        self._peers = self._folder / "peers.toml"
        self._peers.write_text("")
        self.clocks = {each: Clock(case) for each in names}
        self.daemons = {each: self._start(case, each) for each in names}

    def _start(self, case: Owner, name: str) -> Daemon:
        """Start a daemon."""
        return Daemon(
            case,
            *(f"--reflector={REFLECTOR}", "--stateful", "--allow=198.18.0.0/16"),
            *(f"--peers={self._peers}", f"--self={name}"),
            f"--web={self.net.addresses[name]}:{WEB}",
            f"--history={self._histories / name}",
            command=(*self.net.commands[name], "twistd", "-n", "--pidfile="),
            env=self.clocks[name].env,
        )

    def watch(self, **others: str) -> None:
        """
        Have all daemons watch each other, and other targets.

        @param others: the targets by name.
        """
        text = self._settings
        for name, address in self.net.addresses.items():
            text += f'[peer.{name}]\ntarget = "stamp:{address}"\n'
            text += f'web = "{self.url(name)}"\nlabels = {{site = "{name}"}}\n'
        for name, target in others.items():
            text += f'[peer.{name}]\ntarget = "{target}"\n'
        new = self._folder / "new"
        new.write_text(text)
        new.replace(self._peers)
        for each in self.daemons.values():
            each.process.send_signal(signal.SIGHUP)

    def url(self, name: str) -> str:
        """Give the first page of a daemon."""
        return f"http://{self.net.addresses[name]}:{WEB}/"
