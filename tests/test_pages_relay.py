"""What the pages say about an intercom of several daemons, and its Redis."""

from __future__ import annotations

import re
import socket
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.harness import Daemon
from tests.machines import ROOT
from tests.pagetexts import blocks, matches, textOf
from tests.redisservers import RedisServer

OPERATIONS, INTERCOM = "docs/operations.rst", "docs/intercom.rst"


def shown(page: str, part: str) -> list[str]:
    """Give the lines of the only block of a page that has a text."""
    (found,) = [each.text for each in blocks(page) if part in each.text]
    return found.splitlines()


class RedisUserTests(SynchronousTestCase):
    """
    The settings of Redis on the page about operations.
    """

    def test_commands(self) -> None:
        """The user may do what the daemon does, and no more."""
        source = "".join(
            path.read_text("utf-8") for path in ROOT.glob("echostamp/daemon/redis*.py")
        )
        words = {each.lower() for each in re.findall(r'b"([A-Z]+)"', source)}
        known = set(RedisServer(self).command("COMMAND", "LIST").decode().split())
        allowed = re.findall(r"\+(\S+)", textOf(OPERATIONS, "appendonly"))
        # Everybody may authenticate.
        self.assertCountEqual(allowed, (words & known) - {"auth"})

    def test_conversation(self) -> None:
        """With these settings daemons are one room, whose clients get what the page
        about the intercom shows.  The user has no other keys, and nobody else has
        any."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        settings, password = folder / "redis.conf", folder / "password"
        settings.write_text(textOf(OPERATIONS, "appendonly") + "\n")
        password.touch(0o600)
        password.write_text("secret\n")
        server = RedisServer(self, "--include", str(settings))
        options = (
            *("--port=0", "--interface=127.0.0.1", "--intercom", "--format=%H:%M:%S"),
            f"--relay={server.url(user='echostamp')}",
            *(f"--relay-password-file={password}", "--replay=20"),
        )
        first, second = (Daemon(self, *options) for _ in range(2))
        ann = self.joined(first, "ann")
        bob = self.joined(second, "bob")
        self.heard(ann, "* bob joined")
        replayed = shown(INTERCOM, "from before:")
        for line in replayed[1:-1]:
            peer, other = (ann, bob) if "<ann>" in line else (bob, ann)
            said = line.partition("> ")[2]
            peer.write(f"{said}\n".encode())
            self.heard(peer, said)
            self.heard(other, said)
        ann.write(b"/who\n")
        self.heard(ann, "/who")
        page = [
            re.sub(r" at \w+$", f" at {socket.gethostname()}", line)
            for line in shown(INTERCOM, " at nyc")
        ]
        screen = b"".join(ann.readline() for _ in page[1:])
        self.assertTrue(matches(page[1:], screen.decode().strip()), screen)
        eve = first.connect().makefile("rb")
        self.addCleanup(eve.close)
        screen = b"".join(eve.readline() for _ in replayed)
        self.assertTrue(matches(replayed, screen.decode().strip()), screen)
        for user, *words in [
            ("echostamp", "GET", "room:daemons"),
            ("echostamp", "XLEN", "roomer"),
            ("default", "XLEN", "room"),
        ]:
            login = "--no-auth-warning", "--user", user, "--pass", "secret"
            refused = server.command(*login, *words)
            self.assertRegex(refused, b"NOPERM|NOAUTH|WRONGPASS")

    def joined(self, daemon: Daemon, name: str) -> socket.SocketIO:
        """Join a room, and give the connection when that has been answered."""
        peer = daemon.connect().makefile("rwb", buffering=0)
        self.addCleanup(peer.close)
        peer.write(f"/name {name}\n".encode())
        self.heard(peer, f"/name {name}")
        return peer

    def heard(self, peer: socket.SocketIO, end: str) -> None:
        """Read lines up to one with an end."""
        while not (line := peer.readline()).endswith(f"{end}\n".encode()):
            self.assertNotEqual(line, b"")
