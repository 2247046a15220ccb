"""Under systemd: socket activation, notifications, and the unit files."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import stat
import subprocess
import threading
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.harness import (
    DEADLINE,
    STAMP,
    Daemon,
    figure,
    freePort,
    readAll,
    run,
    script,
    shortFolder,
    start,
    tool,
    until,
    withoutStamps,
)
from tests.systemdsockets import giving

#: Where the unit files are.
UNITS = Path(__file__).parent.parent / "deploy" / "systemd"

#: The most that C{systemd-analyze security} may find exposed, of 10.
EXPOSURE = 2.0

#: Debian's package of systemd's programs.
PACKAGE = "systemd"


class Activated:
    """
    A daemon that the first connection starts.

    @ivar address: where systemd listens: a TCP port or a path.
    """

    def __init__(
        self,
        case: SynchronousTestCase,
        command: list[str],
        domain: str,
        passed: tuple[int, ...] = (),
    ) -> None:
        """
        Start the program that starts the daemon.  It is stopped when the test ends.

        @param command: the command line before C{twistd}.
        @param domain: the endpoint's.
        @param passed: descriptors that it inherits.
        """
        folder = Path(case.mktemp())
        folder.mkdir(parents=True)
        self._logPath = folder / "log"
        with self._logPath.open("wb") as log:
            self.process = start(
                case,
                *(*command, script("twistd"), "-n", "--pidfile=", "echostamp"),
                *("-e", f"systemd:domain={domain}:name=echostamp"),
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=folder,
                pass_fds=passed,
            )
        case.addCleanup(self.stop)

    def log(self) -> str:
        """Give the log as it is now."""
        return self._logPath.read_text(errors="backslashreplace")

    def stop(self) -> int:
        """End it, and give its exit status."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(DEADLINE)


class SocketActivationTests(SynchronousTestCase):
    """
    systemd listens, and the daemon takes over the socket.
    """

    def activated(self, address: str, domain: str) -> Activated:
        """Start C{systemd-socket-activate}, which waits for the first connection."""
        program = tool("systemd-socket-activate", PACKAGE)
        # By itself it passes only a few variables on.
        environ = [f"--setenv={name}" for name in os.environ]
        daemon = Activated(
            self, [program, "--fdname=echostamp", "-l", address, *environ], domain
        )
        until(lambda: "Listening on" in daemon.log() or daemon.process.poll())
        return daemon

    def activatedOnTcp(self, host: str, domain: str) -> tuple[Activated, int]:
        """The same on a free TCP port, which systemd cannot pick by itself."""
        for _ in range(10):
            port = freePort(host.strip("[]") or "::")
            daemon = self.activated(f"{host}:{port}" if host else str(port), domain)
            if daemon.process.poll() is None:
                return daemon, port
        raise AssertionError(f"no free port on {host}: {daemon.log()}")

    def assertServesWhoCameBefore(
        self, daemon: Activated, family: int, address: tuple[str, int] | str
    ) -> None:
        """Assert that the daemon serves connections that were made, and had sent all
        their data and a FIN, before it listened."""
        with contextlib.ExitStack() as stack:
            peers = []
            for number in range(10):
                peer = stack.enter_context(socket.socket(family))
                peer.settimeout(DEADLINE)
                peer.connect(address)
                peer.sendall(b"%d\nrest" % number)
                peer.shutdown(socket.SHUT_WR)
                peers.append(peer)
            self.assertNotIn("listening on", daemon.log())
            for number, peer in enumerate(peers):
                self.assertEqual(withoutStamps(readAll(peer)), b"%d\nrest" % number)

    def test_tcp(self) -> None:
        """A TCP socket of either family works with its own domain and with the other.
        The log has the right addresses, which the limits for a host need."""
        for host, domain, name in [
            ("127.0.0.1", "INET", "127.0.0.1"),
            ("127.0.0.1", "INET6", "127.0.0.1"),
            ("[::1]", "INET6", "[::1]"),
            ("[::1]", "INET", "[::1]"),
        ]:
            daemon, port = self.activatedOnTcp(host, domain)
            bare = host.strip("[]")
            family = socket.AF_INET6 if ":" in bare else socket.AF_INET
            self.assertServesWhoCameBefore(daemon, family, (bare, port))
            self.assertIn(f"listening on {name}:{port}\n", daemon.log())
            self.assertRegex(daemon.log(), rf" {re.escape(name)}:\d+ connected\n")
            self.assertEqual(daemon.stop(), 0)

    def test_dualStack(self) -> None:
        """A socket on all addresses, like the socket unit's, serves IPv4 and IPv6."""
        daemon, port = self.activatedOnTcp("", "INET6")
        self.assertServesWhoCameBefore(daemon, socket.AF_INET, ("127.0.0.1", port))
        with socket.create_connection(("::1", port), DEADLINE) as peer:
            peer.sendall(b"hello\n")
            self.assertRegex(peer.recv(1000), b"^" + STAMP + b"hello\n$")
        self.assertRegex(daemon.log(), r" 127\.0\.0\.1:\d+ connected\n")

    def test_unix(self) -> None:
        """A UNIX socket works, too."""
        path = str(shortFolder(self) / "s")
        daemon = self.activated(path, "UNIX")
        self.assertServesWhoCameBefore(daemon, socket.AF_UNIX, path)
        self.assertEqual(daemon.stop(), 0)

    def test_socketStaysSystemds(self) -> None:
        """The daemon leaves the mode and the file of systemd's socket as they are.  A
        connection that is made while no daemon runs waits for the next one."""
        path = shortFolder(self) / "s"
        with (
            socket.socket(socket.AF_UNIX) as unix,
            socket.create_server(("127.0.0.1", 0)) as tcp,
        ):
            unix.bind(str(path))
            path.chmod(0o600)
            unix.listen()
            for domain, held in ("UNIX", unix), ("INET", tcp):
                for _ in range(2):
                    with socket.socket(held.family) as peer:
                        peer.settimeout(DEADLINE)
                        peer.connect(held.getsockname())
                        peer.sendall(b"hello\n")
                        daemon = Activated(
                            self,
                            [*giving("echostamp", held)],
                            domain,
                            (held.fileno(),),
                        )
                        self.assertRegex(peer.recv(1000), STAMP + b"hello\n$")
                        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
                    self.assertEqual(daemon.stop(), 0)
                    self.assertTrue(path.is_socket())

    def test_severalSockets(self) -> None:
        """All sockets of one name are served, and the log names the others.  Without
        names an empty description serves all."""
        for names, endpoint, count in [
            ("a,a,b", "systemd:name=a", 2),
            ("", "systemd:", 3),
        ]:
            with contextlib.ExitStack() as stack:
                held = [
                    stack.enter_context(socket.create_server(("127.0.0.1", 0)))
                    for _ in range(3)
                ]
                daemon = Daemon(
                    self,
                    *("-e", endpoint),
                    command=(
                        *giving(names, *held),
                        *(script("twistd"), "-n", "--pidfile="),
                    ),
                    inherited=[each.fileno() for each in held],
                )
                for each in held[:count]:
                    with socket.create_connection(each.getsockname(), DEADLINE) as peer:
                        peer.sendall(b"hello\n")
                        self.assertRegex(peer.recv(1000), STAMP + b"hello\n$")
                unserved = re.findall("not serving descriptor 5, 'b'", daemon.log())
                self.assertEqual(len(unserved), 3 - count)

    def test_withoutSystemd(self) -> None:
        """A daemon without such a socket is refused in one line."""
        refused = run(
            script("twistd"),
            "-n",
            "--pidfile=",
            "echostamp",
            "-e",
            "systemd:domain=INET6:name=echostamp",
        )
        said = refused.stdout + refused.stderr
        self.assertNotEqual(refused.returncode, 0)
        self.assertEqual(said.count(b"\n"), 1, said)
        self.assertIn(b"systemd:domain=INET6:name=echostamp", said)


class NotificationTests(SynchronousTestCase):
    """
    The messages to systemd.
    """

    def setUp(self) -> None:
        """Take the place of systemd."""
        self.folder = shortFolder(self)
        self.systemd = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.systemd.close)
        self.systemd.settimeout(DEADLINE)
        self.systemd.bind(str(self.folder / "notify"))
        self.environ = {"NOTIFY_SOCKET": str(self.folder / "notify")}

    def hear(self) -> str:
        """Wait for a message, and give its first line."""
        return self.systemd.recv(1000).decode().split("\n")[0]

    def test_readyWhenItListens(self) -> None:
        """READY=1 is the first message, and from then on a client can connect."""
        path = str(self.folder / "s")
        heard: list[object] = []

        def connectWhenReady() -> None:
            heard.append(self.hear())
            with socket.socket(socket.AF_UNIX) as peer:
                heard.append(peer.connect_ex(path))

        # The harness itself waits until the daemon listens.
        thread = threading.Thread(target=connectWhenReady, daemon=True)
        thread.start()
        Daemon(self, "-e", f"unix:{path}", env=self.environ)
        thread.join(DEADLINE)
        self.assertEqual(heard, ["READY=1", 0])

    def test_notReady(self) -> None:
        """A daemon that cannot listen sends no message."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            daemon = Daemon(self, "-e", f"tcp:{port}", env=self.environ)
            self.assertNotEqual(daemon.process.wait(DEADLINE), 0)
        self.systemd.setblocking(False)
        self.assertRaises(BlockingIOError, self.hear)

    def test_watchdog(self) -> None:
        """A daemon sends two watchdog messages in each of systemd's intervals, and none
        while its reactor does not run."""
        daemon = Daemon(self, env={**self.environ, "WATCHDOG_USEC": "200000"})
        self.assertEqual(
            [self.hear() for _ in range(6)], ["READY=1", *["WATCHDOG=1"] * 5]
        )
        daemon.process.send_signal(signal.SIGSTOP)
        self.addCleanup(daemon.process.send_signal, signal.SIGCONT)
        self.systemd.settimeout(0.4)
        with contextlib.suppress(TimeoutError):
            # Messages that were sent before.
            for _ in range(3):
                self.hear()
            self.fail("a daemon that is stopped sends messages")

    def test_stopping(self) -> None:
        """STOPPING=1 comes before the connections are drained.  The watchdog messages
        go on until they are."""
        daemon = Daemon(
            self,
            "--port=0",
            "--grace=20",
            env={**self.environ, "WATCHDOG_USEC": "200000"},
        )
        with daemon.connect() as peer:
            # A peer that does not read is drained until it leaves, or the grace ends.
            peer.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    peer.send(b"\n" * 65536)
            daemon.process.send_signal(signal.SIGTERM)
            while (message := self.hear()) != "STOPPING=1":
                self.assertIn(message, ("READY=1", "WATCHDOG=1"))
            self.assertIsNone(daemon.process.poll())
            self.assertEqual([self.hear() for _ in range(3)], ["WATCHDOG=1"] * 3)
        self.assertEqual(daemon.process.wait(DEADLINE), 0)

    def test_reloading(self) -> None:
        """SIGHUP is a reload, also with nothing to reload.  Its begin and its end are
        messages to systemd, and connections stay open."""
        daemon = Daemon(self, env=self.environ)
        self.assertEqual(self.hear(), "READY=1")
        with daemon.connect() as peer:
            peer.sendall(b"a\n")
            self.assertRegex(peer.recv(1000), STAMP + b"a\n$")
            daemon.process.send_signal(signal.SIGHUP)
            self.assertRegex(
                self.systemd.recv(1000).decode(), r"^RELOADING=1\nMONOTONIC_USEC=\d+\n"
            )
            self.assertEqual(self.hear(), "READY=1")
            peer.sendall(b"b\n")
            self.assertRegex(peer.recv(1000), STAMP + b"b\n$")

    def test_systemdIsGone(self) -> None:
        """If systemd's socket is missing, the log has one line, and the daemon
        serves."""
        daemon = Daemon(
            self,
            env={"NOTIFY_SOCKET": f"{self.folder}/nosuch", "WATCHDOG_USEC": "20000"},
        )
        with daemon.connect() as peer:
            peer.sendall(b"hello\n")
            self.assertRegex(peer.recv(1000), STAMP + b"hello\n$")
        daemon.stop()
        self.assertEqual(daemon.log().count("cannot notify systemd"), 1)
        self.assertNotIn("Traceback", daemon.log())


class UnitFileTests(SynchronousTestCase):
    """
    The files in deploy/systemd.
    """

    def text(self, name: str) -> str:
        """Give the text of a unit."""
        return (UNITS / name).read_text()

    def installed(self, *names: str) -> tuple[list[str], dict[str, str]]:
        """
        Copy units to a new folder, with the path of the installed program.

        @return: the paths of the units, and an environment where they are found.
        """
        folder = shortFolder(self)
        for name in names:
            text = re.sub(
                r"(?m)^(ExecStart=)\S+/twistd ",
                rf"\g<1>{script('twistd')} ",
                self.text(name),
            )
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text)
        units = [str(path) for path in sorted(folder.glob("*.s*")) if path.is_file()]
        return units, {**os.environ, "SYSTEMD_UNIT_PATH": f"{folder}:"}

    def test_verify(self) -> None:
        """C{systemd-analyze verify} prints nothing about the service, alone, with the
        socket, and with low ports."""
        program = tool("systemd-analyze", PACKAGE)
        for names in [
            ["echostamp.service"],
            [
                "echostamp.service",
                "echostamp.service.d/socket.conf",
                "echostamp.socket",
            ],
            ["echostamp.service", "echostamp.service.d/low-ports.conf"],
        ]:
            units, environ = self.installed(*names)
            verified = subprocess.run(
                [program, "verify", "--man=no", *units],
                env=environ,
                capture_output=True,
                timeout=DEADLINE,
                check=False,
            )
            # It also checks the units of other installed packages.
            said = [
                line
                for line in (verified.stdout + verified.stderr).splitlines()
                if not re.match(rb"/(usr/)?lib/systemd/system/", line)
            ]
            self.assertEqual((said, verified.returncode), ([], 0))

    def test_exposure(self) -> None:
        """C{systemd-analyze security} finds little exposed."""
        (unit,), environ = self.installed("echostamp.service")
        judged = subprocess.run(
            [
                tool("systemd-analyze", PACKAGE),
                "security",
                "--offline=yes",
                "--no-pager",
                unit,
            ],
            env=environ,
            capture_output=True,
            timeout=DEADLINE,
            check=False,
        )
        found = re.search(
            rb"Overall exposure level for echostamp.service: ([\d.]+)", judged.stdout
        )
        assert found, judged
        figure(f"systemd-analyze security: {found[1].decode()} of 10 exposed")
        self.assertLessEqual(float(found[1]), EXPOSURE)

    def test_commandLine(self) -> None:
        """The command line of the service starts a daemon, with values for the
        variables of the environment file."""
        words = self.text("echostamp.service").partition("\nExecStart=")[2]
        program, *command = words.partition("\n")[0].split()
        self.assertEqual(Path(program).name, "twistd")
        place = command.index("echostamp")
        self.assertEqual(
            command[place + 1 :], ["$ECHOSTAMP_LISTEN", "$ECHOSTAMP_OPTIONS"]
        )
        daemon = Daemon(
            self, "--port=0", "--format=unix", command=("twistd", *command[:place])
        )
        with daemon.connect() as peer:
            peer.sendall(b"hello\n")
            self.assertRegex(peer.recv(1000), rb"^\[\d{10}\.\d{9}\] hello\n$")
        self.assertEqual(daemon.stop(), 0)


class PackagedUnitFileTests(UnitFileTests):
    """
    The same with the service as the Debian package has it.
    """

    def text(self, name: str) -> str:
        """Give the text of a unit."""
        if name != "echostamp.service":
            return super().text(name)
        changes = UNITS.parent / "debian" / "unit.sed"
        changed = run("sed", "-f", str(changes), str(UNITS / name))
        self.assertEqual((changed.returncode, changed.stderr), (0, b""))
        return changed.stdout.decode()

    def test_differences(self) -> None:
        """Only the path, the user and the address differ."""
        packaged, plain = (
            [line for line in text.splitlines() if line and line[0] != "#"]
            for text in (
                self.text("echostamp.service"),
                super().text("echostamp.service"),
            )
        )
        expected = [
            line.replace("/opt/", "/usr/lib/")
            .replace("DynamicUser=yes", "User=echostamp")
            .replace("ECHOSTAMP_LISTEN= ", '"ECHOSTAMP_LISTEN=--interface 127.0.0.1" ')
            for line in plain
        ]
        self.assertEqual(packaged, expected)
        self.assertEqual(len(set(packaged) - set(plain)), 3)

    def test_loopback(self) -> None:
        """The echo listens on loopback while nothing is configured."""
        found = re.search(
            r'(?m)^Environment="ECHOSTAMP_LISTEN=(.*?)"', self.text("echostamp.service")
        )
        assert found
        daemon = Daemon(self, *found[1].split(), "--port=0")
        self.assertEqual(
            re.findall(r"listening on (\S+):\d+\n", daemon.log()), ["127.0.0.1"]
        )
