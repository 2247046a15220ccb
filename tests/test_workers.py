"""Several processes serve the echo and the reflector of one daemon."""

from __future__ import annotations

import os
import random
import re
import socket
import sys
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from echostamp.daemon.boundedlog import LINES_A_SECOND
from tests.harness import (
    DEADLINE,
    STAMP,
    Daemon,
    cpu,
    figure,
    freePort,
    lack,
    memory,
    readLines,
    run,
    script,
    shortFolder,
    tool,
    until,
)
from tests.reflecting import (
    ONE,
    PLAIN,
    TWO,
    Asker,
    Reflecting,
    authenticated,
    keyFile,
)
from tests.systemdsockets import giving
from tests.timelimits import connected, isServed
from tests.tlspeers import Peer, TlsCase
from tests.watching import WatchingCase
from tests.websites import readPage
from tests.workers import (
    LOOPBACK,
    Workers,
    areServed,
    children,
    descriptors,
    statusOf,
    withoutPrivileges,
    workersOf,
)


class ProcessTests(SynchronousTestCase):
    """
    The parent and its workers.
    """

    def test_processes(self) -> None:
        """Each worker is a process of its own, with nothing secret on its command line.
        It inherits umask, user and folder, and the log names the port once."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        daemon = Workers(
            self,
            *("--port=0", "--format=unix"),
            command=(
                *("twistd", "-n", "--pidfile=", "--umask=027"),
                f"--rundir={folder}",
            ),
        )
        workers = daemon.alive()
        self.assertEqual(sorted(workers), [1, 2])
        self.assertEqual(sorted(children(daemon.process.pid)), sorted(workers.values()))
        self.assertEqual(daemon.log().count("listening on"), 1)
        for worker in workers.values():
            octets = Path(f"/proc/{worker}/cmdline").read_bytes()
            command = octets.rstrip(b"\0").decode().split("\0")
            self.assertEqual(command[1:3], ["-m", "echostamp.daemon.worker"])
            self.assertTrue(os.path.samefile(command[0], sys.executable))
            self.assertNotIn("unix", octets.decode())
            self.assertEqual(os.readlink(f"/proc/{worker}/cwd"), str(folder))
            # A core dump would have the keys of TLS in it.
            limits = Path(f"/proc/{worker}/limits").read_text()
            self.assertRegex(limits, r"Max core file size +0 +0 ")
            self.assertEqual(
                statusOf(worker, "Umask", "Uid", "Gid", "Groups"),
                statusOf(daemon.process.pid, "Umask", "Uid", "Gid", "Groups"),
            )
        self.assertEqual(statusOf(daemon.process.pid, "Umask"), ["Umask:\t0027"])
        with ExitStack() as stack:
            peer = stack.enter_context(daemon.connect())
            peer.sendall(b"hello\n")
            self.assertRegex(readLines(peer, 1), rb"^\[\d+\.\d+\] hello\n$")
        figure(
            f"idle: a worker {memory(workers[1], 'VmRSS') / 1e6:.1f} MB resident, the "
            f"parent {daemon.memory() / 1e6:.1f} MB"
        )

    def test_privileges(self) -> None:
        """The parent binds a low port, and drops its privileges.  A worker that takes
        the place of another one has none either, and serves."""
        # Any: another run of the tests looks for one, too.
        ports = random.sample(range(600, 1024), 424)
        port = next(port for port in ports if _isFree(port))
        daemon = withoutPrivileges(self, f"-etcp:{port}:interface=127.0.0.1")
        before = daemon.alive()
        for worker in before.values():
            os.kill(worker, 9)
        for worker in daemon.replaced(before).values():
            for line in statusOf(worker, "Uid", "Gid"):
                self.assertRegex(line, r"^\w+:(\s+65534){4}$")
        with ExitStack() as stack:
            daemon.served(stack, 5)
        self.assertEqual(daemon.stop(), 0)

    def test_one(self) -> None:
        """With one worker, the default, the daemon is a single process.  C{auto} is a
        worker for each core that the process may use."""
        single = Daemon(self, "--workers=1", "--port=0")
        self.assertEqual(children(single.process.pid), [])
        taskset = tool("taskset", "util-linux")
        cores = sorted(os.sched_getaffinity(0))
        pinned = Daemon(
            self,
            *("--workers=auto", "--port=0"),
            command=(
                *(taskset, "-c", str(cores[0])),
                *("twistd", "-n", "--pidfile="),
            ),
        )
        self.assertEqual(children(pinned.process.pid), [])
        if len(cores) < 2:
            lack("two cores")
        auto = Daemon(self, "--workers=auto", "--port=0")
        until(lambda: auto.log().count(" is process ") == len(cores))
        self.assertEqual(len(children(auto.process.pid)), len(cores))

    def test_spread(self) -> None:
        """Of 1,000 connections each of two workers has 400 to 600, and the parent
        none."""
        daemon = Workers(self)
        counts = Counter[int]()
        for _ in range(4):
            with ExitStack() as stack:
                peers = [stack.enter_context(daemon.connect()) for _ in range(250)]
                self.assertTrue(all(areServed(peers)))
                counts += daemon.accepted(*peers)
        figure(f"1,000 connections: {sorted(counts.values())} of each worker")
        self.assertEqual(set(counts), set(daemon.alive().values()))
        self.assertEqual(counts.total(), 1000)
        for count in counts.values():
            self.assertTrue(400 <= count <= 600, counts)

    def test_idle(self) -> None:
        """An idle daemon does not spin: none of its processes does."""
        daemon = Workers(self)
        processes = [daemon.process.pid, *daemon.alive().values()]
        before, began = sum(map(cpu, processes)), time.monotonic()
        time.sleep(2)  # what is measured is how much work they do meanwhile
        busy = (sum(map(cpu, processes)) - before) / (time.monotonic() - began)
        figure(f"idle: parent and 2 workers {busy:.1%} of a core")
        self.assertLess(busy, 0.05)

    def test_taken(self) -> None:
        """A second daemon on the same port is refused in one line, with workers or
        without, and so is one with workers where a single process listens."""
        first, single = Workers(self), Daemon(self, f"-e{LOOPBACK}")
        taken = f"--reflector=127.0.0.1:{_takenUdpPort(self)}"
        for port, *options in (
            (first.port, "--workers=2"),
            (first.port, "--workers=1"),
            (single.port, "--workers=2"),
            (freePort(), "--workers=2", taken),
        ):
            refused = run(
                *(script("twistd"), "-n", "--pidfile=", "echostamp", *options),
                f"-etcp:{port}:interface=127.0.0.1",
            )
            said = (refused.stdout + refused.stderr).decode()
            self.assertNotEqual(refused.returncode, 0)
            self.assertEqual(said.count("\n"), 1, said)
            self.assertIn("in use", said)

    def test_systemd(self) -> None:
        """The service is ready when all workers read, and the watchdog is the
        parent's."""
        folder = shortFolder(self)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
            systemd.bind(str(folder / "notify"))
            systemd.settimeout(DEADLINE)
            daemon = Daemon(
                self,
                *("--workers=3", f"-e{LOOPBACK}"),
                env={
                    "NOTIFY_SOCKET": str(folder / "notify"),
                    "WATCHDOG_USEC": "200000",
                },
            )
            self.assertEqual(systemd.recv(1000).split(b"\n")[0], b"READY=1")
            self.assertEqual(daemon.log().count(" is process "), 3)
            self.assertEqual(systemd.recv(1000), b"WATCHDOG=1")
            self.assertEqual(daemon.stop(), 0)
            while not (said := systemd.recv(1000)).startswith(b"STOPPING=1"):
                self.assertEqual(said, b"WATCHDOG=1")


class TransportTests(TlsCase):
    """
    What clients connect to.
    """

    def test_tls(self) -> None:
        """Both workers serve TLS.  At SIGHUP both get a renewed certificate, and keep
        it where a file is wrong.  So does a worker that begins later."""
        self.ownFiles()
        daemon = Workers(self, *self.files.endpoint())

        def shown() -> set[bytes | None]:
            found = set()
            for _ in range(20):
                with Peer(daemon.port, self.files.ca) as peer:
                    self.assertRegex(peer.answer(b"a\n"), STAMP + b"a\n")
                    found.add(peer.certificate)
            return found

        (before,) = shown()
        self.files.write("server.pem", self.files.authority.issue("renewed"))
        daemon.process.send_signal(1)
        until(lambda: len(now := shown()) == 1 and before not in now)
        self.files.write("server.pem", b"half a fi")
        daemon.process.send_signal(1)
        until(lambda: "server.pem" in daemon.log())
        renewed = shown()
        self.assertEqual(len(renewed), 1)
        os.kill((workers := daemon.alive())[1], 9)
        daemon.replaced(workers, 1)
        self.assertEqual(shown(), renewed)
        self.assertEqual(daemon.log().count("certificates reloaded"), 1, daemon.log())
        self.assertEqual(daemon.log().count("not reloaded"), 1, daemon.log())

    def test_keyOfRoot(self) -> None:
        """Only root may read the key, and no worker is root: the parent reads it before
        it drops its privileges, and hands it to each.  SIGHUP cannot read it, says so,
        and leaves it."""
        self.ownFiles()
        endpoint = self.files.endpoint()
        for file in Path(self.files.folder).iterdir():
            file.chmod(0o600)
        daemon = withoutPrivileges(self, *endpoint)
        daemon.process.send_signal(1)
        until(lambda: "Permission denied" in daemon.log())
        before = daemon.alive()
        for worker in before.values():
            os.kill(worker, 9)
        daemon.replaced(before)
        for _ in range(5):
            with Peer(daemon.port, self.files.ca) as peer:
                self.assertRegex(peer.answer(b"a\n"), STAMP + b"a\n")
        self.assertEqual(daemon.log().count("not reloaded"), 1, daemon.log())

    def test_unix(self) -> None:
        """All workers share a UNIX socket.  Its file is deleted at a clean stop."""
        path = shortFolder(self) / "s"
        daemon = Workers(self, f"-eunix:{path}:mode=660")
        os.kill(daemon.alive()[1], 9)
        for _ in range(50):
            with socket.socket(socket.AF_UNIX) as peer:
                peer.settimeout(DEADLINE)
                peer.connect(str(path))
                self.assertTrue(isServed(peer))
        self.assertEqual(path.stat().st_mode & 0o777, 0o660)
        self.assertEqual(daemon.stop(), 0)
        self.assertFalse(path.exists())

    def test_inherited(self) -> None:
        """All workers share a socket of systemd's.  It stays systemd's when they end:
        what connects then waits for the next daemon."""
        with socket.create_server(("127.0.0.1", 0)) as held:
            for _ in range(2):
                with socket.create_connection(held.getsockname(), DEADLINE) as peer:
                    peer.sendall(b"hello\n")
                    daemon = Workers(
                        self,
                        "-esystemd:name=a",
                        command=(
                            *giving("a", held),
                            *(script("twistd"), "-n", "--pidfile="),
                        ),
                        inherited=[held.fileno()],
                    )
                    self.assertRegex(readLines(peer, 1), STAMP + b"hello\n")
                os.kill((before := daemon.alive())[1], 9)
                daemon.replaced(before, 1)
                for _ in range(20):
                    with socket.create_connection(held.getsockname(), DEADLINE) as peer:
                        self.assertTrue(isServed(peer))
                self.assertEqual(daemon.stop(), 0)

    def test_proxied(self) -> None:
        """Behind a proxy the workers see the clients' addresses."""
        daemon = Workers(self, f"-eproxy:{LOOPBACK}", "--proxy-from=127.0.0.0/8")
        for number in range(1, 21):
            with daemon.connect() as peer:
                peer.sendall(b"PROXY TCP4 192.0.2.%d 192.0.2.1 47 8002\r\n" % number)
                self.assertTrue(isServed(peer))
        for number in range(1, 21):
            line = rf"worker [12]: 192\.0\.2\.{number}:47 connected\n"
            until(lambda: re.search(line, daemon.log()))  # noqa: B023


class ReflectorTests(SynchronousTestCase):
    """
    STAMP, whose packets the workers share.
    """

    def test_answers(self) -> None:
        """Each of many sources is answered.  SIGUSR1 logs what all workers counted."""
        daemon = Reflecting(self, "--workers=2")
        with ExitStack() as stack:
            askers = [stack.enter_context(Asker()) for _ in range(50)]
            for asker in askers:
                self.assertEqual(len(asker.ask(PLAIN, daemon.place).octets), 44)
                self.assertTrue(asker.hasNothing())
        self.assertEqual(daemon.counts(), {"answered": 50})
        self.assertEqual(daemon.log().count("answering STAMP at"), 1)

    def test_keys(self) -> None:
        """SIGHUP gives all workers the new keys.  A file that is wrong changes none."""
        path = keyFile(self, "* " + ONE.hex())
        daemon = Reflecting(self, "--workers=2", f"--reflector-key={path}")
        with ExitStack() as stack:
            askers = [stack.enter_context(Asker()) for _ in range(20)]
            for asker in askers:
                asker.ask(authenticated(1, ONE), daemon.place)
            path.write_text("* " + TWO.hex())
            daemon.process.send_signal(1)
            until(lambda: "keys of STAMP reloaded" in daemon.log())
            path.write_text("x")
            daemon.process.send_signal(1)
            until(lambda: "not reloaded" in daemon.log())
            for asker in askers:
                until(lambda: self.isAnswered(asker, daemon, TWO))  # noqa: B023
                self.assertFalse(self.isAnswered(asker, daemon, ONE))

    def isAnswered(self, asker: Asker, daemon: Reflecting, key: bytes) -> bool:
        """Ask with a key, and say whether there is an answer."""
        asker.settimeout(0.2)
        try:
            asker.ask(authenticated(2, key), daemon.place)
        except TimeoutError:
            return False
        return True


class WatchingTests(WatchingCase):
    """
    The parent watches, while its workers answer.
    """

    def test_itself(self) -> None:
        """A daemon with workers watches its own echo, and has pages and a history."""
        port, web = freePort(), freePort()
        self.write(own=f'target = "127.0.0.1:{port}"')
        history = self.folder / "history"
        daemon = Daemon(
            self,
            *("--workers=2", f"-etcp:{port}:interface=127.0.0.1", f"--web={web}"),
            *(f"--peers={self.peers}", f"--history={history}"),
        )
        until(lambda: b'echostamp_peer_up{peer="own"} 1' in self.page(web))
        self.assertTrue(history.exists())
        for process in workersOf(daemon).values():
            self.assertFalse([each for each in descriptors(process) if "hist" in each])
        self.assertEqual(daemon.stop(), 0)

    def page(self, web: int) -> bytes:
        """Read the metrics."""
        return readPage(web, "/metrics")[1]


class LogTests(SynchronousTestCase):
    """
    One log of all processes.
    """

    def test_number(self) -> None:
        """A worker's lines have its number in front."""
        daemon = Workers(self)
        with ExitStack() as stack:
            numbers = {each: number for number, each in daemon.alive().items()}
            for peer, process in daemon.served(stack, 10).items():
                line = (
                    f"worker {numbers[process]}: "
                    f"127.0.0.1:{peer.getsockname()[1]} connected\n"
                )
                until(lambda: line in daemon.log())  # noqa: B023
        until(lambda: daemon.log().count(" disconnected: 1 message,") == 10)

    def test_bounded(self) -> None:
        """A flood of connections leaves a bounded number of lines, over all workers,
        and their count."""
        daemon = Workers(self, f"-e{LOOPBACK}", "--max-connections=1")
        with daemon.connect() as one, ExitStack() as stack:
            self.assertTrue(isServed(one))
            began = time.monotonic()
            for _ in range(500):
                self.assertFalse(isServed(stack.enter_context(connected(daemon))))

            def counted() -> int:
                left = re.findall(r"(\d+) more lines left out: refusals", daemon.log())
                return daemon.log().count("refused:") + sum(map(int, left))

            until(lambda: counted() == 500)
            seconds = time.monotonic() - began
        lines = daemon.log().count("refused:")
        figure(f"500 refusals by 2 workers in {seconds:.1f} s: {lines} lines")
        self.assertLessEqual(lines, LINES_A_SECOND * (seconds + 1))

    def test_rotated(self) -> None:
        """At SIGUSR1 the parent begins a new file, and the workers' lines go there."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        path = folder / "twistd.log"
        # The harness reads the log from standard output, and there is none here.
        started = run(
            *(script("twistd"), f"--logfile={path}", f"--pidfile={folder / 'pid'}"),
            *("echostamp", "--workers=2", f"-e{LOOPBACK}"),
        )
        self.assertEqual(started.returncode, 0, started.stderr)
        until(lambda: path.exists() and path.read_text().count(" is process ") == 2)
        parent = int((folder / "pid").read_text())
        self.addCleanup(until, lambda: not (folder / "pid").exists())
        self.addCleanup(os.kill, parent, 15)
        found = re.search(r"listening on 127\.0\.0\.1:(\d+)", path.read_text())
        assert found
        os.kill(parent, 10)
        until(lambda: (folder / "twistd.log.1").exists() and path.exists())
        with socket.create_connection(("127.0.0.1", int(found[1])), DEADLINE) as peer:
            peer.sendall(b"a\n")
            readLines(peer, 1)
        until(lambda: re.search(r"worker [12]: 127.* connected\n", path.read_text()))
        for worker in children(parent):
            self.assertNotIn(str(path), set(descriptors(worker)))


def _isFree(port: int) -> bool:
    """
    Check that nobody listens on a port.
    """
    with socket.socket() as found:
        return found.connect_ex(("127.0.0.1", port)) != 0


def _takenUdpPort(case: SynchronousTestCase) -> int:
    """
    Take a UDP port of 127.0.0.1 until the test ends.
    """
    taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    case.addCleanup(taken.close)
    taken.bind(("127.0.0.1", 0))
    port: int = taken.getsockname()[1]
    return port
