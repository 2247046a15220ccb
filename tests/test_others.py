"""
Acceptance tests of the rows of other daemons: real daemons, and servers that are none.
"""

from __future__ import annotations

import gc
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from echostamp.connect.tls import TlsFiles
from echostamp.monitor.peer import WebPlace
from echostamp.monitor.peersfile import readPeers
from echostamp.times import SECOND
from echostamp.web.others import Others
from echostamp.web.rowdata import PeerState, SourceRow
from tests.harness import DEADLINE, Daemon, figure, freePort, memory
from tests.holds import Holds
from tests.hostilewebs import SERVERS, HostileWebs
from tests.tlspeers import Files

Found = TypeVar("Found")


class OthersCase(TestCase):
    """
    Looks at the rows of other daemons, with the real reactor.

    @ivar places: where the rows are.
    @ivar selfName: the name of this daemon.
    """

    timeout = 2 * DEADLINE
    selfName = "hub"

    def setUp(self) -> None:
        """Look at nothing."""
        self.places: dict[str, WebPlace] = {}
        self.others = Others(reactor, self)
        self.addCleanup(self.lookAway)

    def webs(self) -> dict[str, WebPlace]:
        """Give where the rows are."""
        return self.places

    async def lookAway(self) -> None:
        """Look at no daemon, until nothing goes on any more."""
        self.places = {}
        self.rows()
        real: Any = reactor
        # The one timer that is left is trial's, which has begun in the next turn.
        await deferLater(reactor, 0)
        await self.until(lambda: len(real.getDelayedCalls()) <= 1)

    def rows(self) -> dict[str, SourceRow]:
        """Look."""
        return {each.source: each for each in self.others.rows()}

    async def until(
        self, condition: Callable[[], Found | None], seconds: float = DEADLINE
    ) -> Found:
        """
        Wait until a condition holds, while the reactor runs.

        @return: the condition's value.
        """
        end = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < end, f"not in {seconds} s: {self.rows()}"
            await deferLater(reactor, 0.02)
        return found


class HostileTests(OthersCase):
    """
    Servers that are no daemons.
    """

    async def test_hostile(self) -> None:
        """Each is told from a daemon, whatever it sends; a right one in between is
        read.  None of them takes memory, or holds the event loop."""
        with socket.create_server(("127.0.0.1", 0)) as elsewhere:
            elsewhere.setblocking(False)
            port = elsewhere.getsockname()[1]
            ports = HostileWebs(self, f"http://127.0.0.1:{port}/").ports
            webs = {
                name: WebPlace(f"http://127.0.0.1:{each}")
                for name, each in ports.items()
            }
            # The first look imports the web client, which may have to be compiled.
            self.places = {"right": webs["right"]}
            await self.until(lambda: self.rows()["right"].at)
            self.places = webs
            process = Path("/proc/self").resolve().name
            gc.collect()
            gc.freeze()
            self.addCleanup(gc.unfreeze)
            before = memory(int(process), "VmRSS")
            began = time.monotonic()
            held = Holds()
            held.begin()
            await self.until(self.haveAnswered)
            took = time.monotonic() - began
            longest = held.end()
            grown = memory(int(process), "VmRSS") - before
            for name, row in self.rows().items():
                expected = SERVERS[name][1]
                self.assertEqual(row.why[: len(expected)], expected, name)
                self.assertEqual(bool(row.why), bool(expected), name)
                self.assertEqual(row.at is None, bool(expected), name)
            self.assertRaises(BlockingIOError, elsewhere.accept)
        figure(
            f"{len(ports)} hostile web servers: {took:.1f} s until each was told, "
            f"{grown / 1e6:.1f} MB, the event loop was held {longest * 1e3:.1f} ms of "
            "CPU time"
        )
        self.assertLess(grown, 20e6)
        self.assertLess(longest, 0.02)

    def haveAnswered(self) -> bool:
        """Tell whether something is known of each."""
        return all(each.at or each.silentSince for each in self.rows().values())


#: The file of peers: each daemon probes the others ten times a second.
PEERS = """\
interval = "100ms"
timeout = "500ms"
[peer.ams]
target = "127.0.0.1:{ams}"
web = "https://localhost:{amsWeb}"
web-ca = "{files.ca}"
web-cert = "{files.ours}"
[peer.fra]
target = "127.0.0.1:{fra}"
web = "https://127.0.0.1:{fraWeb}/"
web-ca = "{files.ca}"
web-cert = "{files.ours}"
[peer.lon]
target = "127.0.0.1:{lon}"
web = "http://localhost:{lonWeb}"
"""

NAMES = "ams", "fra", "lon"


class MeshTests(OthersCase):
    """
    Three real daemons that watch each other.  Two of them want certificates.
    """

    def setUp(self) -> None:
        """Start the daemons."""
        super().setUp()
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        self.files = Files(folder)
        self.peers = folder / "peers.toml"
        self.ports = {
            name: freePort() for each in NAMES for name in (each, f"{each}Web")
        }
        self.peers.write_text(PEERS.format(files=self.files, **self.ports))
        self.daemons = {each: self.start(each) for each in NAMES}
        self.places = dict(readPeers([str(self.peers)], "hub").webs)

    def start(self, name: str) -> Daemon:
        """Start a daemon."""
        web, server = self.ports[f"{name}Web"], self.files.server
        place = str(web)
        if name != "lon":
            place = f"tls:{web}:privateKey={server}:certKey={server}"
            place += f":clientCA={self.files.clients}"
        return Daemon(
            self,
            f"-p{self.ports[name]}",
            f"--peers={self.peers}",
            f"--self={name}",
            f"--web={place}",
        )

    def areUp(self) -> bool:
        """Tell whether all rows say that the other two daemons are up."""
        return all(
            [each.state for each in row.peers.values()] == [PeerState.UP] * 2
            for row in self.rows().values()
        )

    async def test_silent(self) -> None:
        """A daemon that is stopped or killed has a silent row within 15 seconds, which
        says since when and why, and a row of now within 15 seconds after it is
        back."""
        await self.until(self.areUp)
        for name, row in self.rows().items():
            self.assertEqual([*row.peers], [each for each in NAMES if each != name])
            self.assertEqual((row.why, row.silentSince), ("", None))
        whys = {"fra": "it did not answer in time", "lon": "Connection refused"}
        began = time.time_ns()
        self.daemons["fra"].process.send_signal(signal.SIGSTOP)
        self.addCleanup(self.daemons["fra"].process.send_signal, signal.SIGCONT)
        self.daemons["lon"].stop(signal.SIGKILL)
        await self.until(lambda: all(self.rows()[each].why for each in whys), 15)
        silence = (time.time_ns() - began) / SECOND
        for name, why in whys.items():
            row = self.rows()[name]
            self.assertEqual((row.why, len(row.peers)), (why, 2))
            assert row.at
            assert row.silentSince
            self.assertLess(row.at, began)
            self.assertLess(began, row.silentSince)
        silent = {each: self.rows()[each].silentSince for each in whys}
        await self.until(lambda: (self.rows()["ams"].at or 0) > began, 15)
        self.daemons["fra"].process.send_signal(signal.SIGCONT)
        self.start("lon")
        back = time.time_ns()
        for each in whys:
            self.assertEqual(self.rows()[each].silentSince, silent[each])
        await self.until(
            lambda: all((self.rows()[each].at or 0) > back for each in whys), 15
        )
        for each in whys:
            row = self.rows()[each]
            self.assertEqual((row.why, row.silentSince), ("", None))
        figure(
            f"a stopped and a killed daemon: silent after {silence:.1f} s, read again "
            f"{(time.time_ns() - back) / SECOND:.1f} s after both were back"
        )

    async def test_certificate(self) -> None:
        """A daemon that wants a certificate refuses another one, and without one; the
        row says so."""
        for files in (
            TlsFiles(self.files.ca),
            TlsFiles(self.files.ca, self.files.strange),
        ):
            self.places["ams"] = self.places["ams"]._replace(files=files)
            await self.until(lambda: self.rows()["ams"].silentSince)
            self.assertIn("refused our certificate", self.rows()["ams"].why)
