"""
Real Redis servers, and what a relay on one of them reports.
"""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredQueue
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from echostamp.daemon.redisrelay import RedisRelay
from echostamp.daemon.relayplace import parseRelay
from echostamp.intercom.entries import Fields
from echostamp.intercom.relay import IRelayUser
from tests.harness import DEADLINE, Owner, accepts, freePort, run, start, tool, until

#: Settings of a server that keeps its data over a kill -9.
LASTING = ("--appendonly", "yes", "--appendfsync", "always")


def entry(text: bytes) -> list[tuple[bytes, bytes]]:
    """Make the fields of an entry."""
    return [(b"v", b"1"), (b"t", text)]


class RedisServer:
    """
    A Redis server on loopback, which can be killed and started again.

    @ivar port: its TCP port.
    @ivar folder: where its data is.
    """

    def __init__(self, owner: Owner, *settings: str, pem: str = "") -> None:
        """
        Start it, or skip the test if it is not installed.

        @param settings: as its command line has them.
        @param pem: the path of its key and certificate, for TLS; empty for none.
        """
        self.port = freePort()
        self.folder = Path(owner.mktemp()).absolute()
        self.folder.mkdir(parents=True)
        self._owner = owner
        port = str(self.port)
        files = "--tls-cert-file", pem, "--tls-key-file", pem, "--tls-ca-cert-file", pem
        tls = "--port", "0", "--tls-port", port, *files, "--tls-auth-clients", "no"
        self._command = (
            tool("redis-server", "redis-server"),
            *(tls if pem else ("--port", port)),
            *("--bind", "127.0.0.1", "--dir", str(self.folder)),
            *settings,
        )
        self.start()

    def start(self) -> None:
        """Start it, with the data that is there."""
        with (self.folder / "log").open("ab") as log:
            self.process = start(self._owner, *self._command, stdout=log)
        until(lambda: accepts(self.port))

    def kill(self) -> None:
        """End it as kill -9 does."""
        self.process.kill()
        self.process.wait(DEADLINE)

    def freeze(self) -> None:
        """Stop it for a while, as SIGSTOP does."""
        self.process.send_signal(signal.SIGSTOP)
        status = Path(f"/proc/{self.process.pid}/status")
        until(lambda: "\nState:\tT" in status.read_text())

    def thaw(self) -> None:
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)

    def url(self, key: str = "room", user: str = "", scheme: str = "redis") -> str:
        """Give the URL of a relay."""
        return f"{scheme}://{user and user + '@'}127.0.0.1:{self.port}/{key}"

    def command(self, *words: str, last: bytes | None = None) -> bytes:
        """
        Send a command, and give the reply, each part on a line.

        @param last: the last word, if it is long or has any octets.
        """
        cli = tool("redis-cli", "redis-tools"), "-p", str(self.port)
        done = run(*cli, *(() if last is None else ("-x",)), *words, stdin=last or b"")
        assert done.returncode == 0, done
        return done.stdout.removesuffix(b"\n")


@implementer(IRelayUser)
class User:
    """
    Keeps what a relay reports.

    @ivar events: what it reports, in order, for who waits for it.
    """

    def __init__(self) -> None:
        self.events: DeferredQueue[tuple[Any, ...]] = DeferredQueue()

    def connected(self) -> None:
        """Keep it."""
        self.events.put(("connected",))

    def disconnected(self, why: str) -> None:
        """Keep it."""
        self.events.put(("disconnected", why))

    def received(self, id: bytes, fields: Fields) -> None:
        """Keep it."""
        self.events.put(("received", id, list(fields)))

    def trimmed(self) -> None:
        """Keep it."""
        self.events.put(("trimmed",))

    def next(self) -> Deferred[tuple[Any, ...]]:
        """Give what is reported next."""
        return self.events.get()

    async def contents(self, count: int) -> list[Fields]:
        """Give the fields of so many entries that come next."""
        return [(await self.next())[2] for _ in range(count)]


class RelayCase(TestCase):
    """
    Tests of relays on a real server.
    """

    timeout = DEADLINE

    def relay(self, url: str, *more: Any) -> tuple[RedisRelay, User]:
        """
        Start a relay, which is stopped at the end.

        @param more: see L{RedisRelay.__init__}.
        """
        relay, user = RedisRelay(reactor, parseRelay(url), *more), User()
        relay.start(user)
        self.addCleanup(relay.stop)
        return relay, user

    async def connected(self, url: str, *more: Any) -> tuple[RedisRelay, User]:
        """Start a relay, and wait until it is connected."""
        relay, user = self.relay(url, *more)
        self.assertEqual(await user.next(), ("connected",))
        return relay, user
