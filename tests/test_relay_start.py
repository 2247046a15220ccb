"""Acceptance tests of how a daemon with a relay starts, and what it refuses."""

from __future__ import annotations

import os
import re
import socket
import sys
from contextlib import ExitStack
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.harness import (
    DEADLINE,
    Daemon,
    deadPort,
    lack,
    run,
    script,
    shortFolder,
    until,
)
from tests.redisservers import RedisServer
from tests.roomclients import LineClient, hears
from tests.tlspeers import TlsCase
from tests.workers import LOOPBACK, Workers, withoutPrivileges

#: The daemon's options beside those of the relay.
ROOM = (f"-e{LOOPBACK}", "--intercom")

#: Hides a package from Python.
HIDE = "import sys; sys.modules['txredisapi'] = None\n"


def refused(*options: str, env: str = "") -> str:
    """
    Give what a daemon says that does not start.

    @param env: the value of PYTHONPATH; empty for the present one.
    """
    path = env or os.environ.get("PYTHONPATH", "")
    twistd = script("twistd"), "-n", "--pidfile="
    done = run("env", f"PYTHONPATH={path}", *twistd, "echostamp", *ROOM, *options)
    assert done.returncode == 1, done
    return (done.stdout + done.stderr).decode()


def relayLines(daemon: Daemon) -> list[str]:
    """
    Give what the log has about the relay, without who has logged it.
    """
    return re.findall(r"\] (?:worker \d+: )?relay \S+: (.*)", daemon.log())


class StartTests(SynchronousTestCase):
    """
    The relay cannot be used when the daemon starts.
    """

    def assertMended(self, redis: RedisServer, why: str, *options: str) -> Daemon:
        """
        Start a daemon, and send a line that is not answered yet.

        @param why: what one line of the log says.
        """
        daemon = Daemon(self, *ROOM, f"--relay={redis.url()}", *options)
        self.client = LineClient(daemon.connect())
        self.addCleanup(self.client.socket.close)
        self.client.say("hello\n")
        until(lambda: relayLines(daemon))
        self.assertRegex(relayLines(daemon)[0], why)
        return daemon

    def assertAnswered(self, daemon: Daemon) -> None:
        """Wait until the line is answered; the log has no more lines."""
        hears(self.client, "hello")
        self.assertEqual(relayLines(daemon)[1:], ["connected"])

    def test_away(self) -> None:
        """The daemon starts while Redis is away; the first line is answered when it is
        there."""
        redis = RedisServer(self)
        redis.kill()
        daemon = self.assertMended(redis, "refused")
        redis.start()
        self.assertAnswered(daemon)

    def test_wrongType(self) -> None:
        """So it does with a key that is no stream."""
        redis = RedisServer(self)
        redis.command("SET", "room", "x")
        daemon = self.assertMended(redis, "^the key 'room' is no stream$")
        redis.command("DEL", "room")
        self.assertAnswered(daemon)

    def test_wrongPassword(self) -> None:
        """So it does with a wrong password, which no line shows."""
        redis = RedisServer(self, "--requirepass", "right")
        path = Path(self.mktemp()).absolute()
        path.write_text("secret\n")
        path.chmod(0o600)
        option = f"--relay-password-file={path}"
        daemon = self.assertMended(redis, "^the user or the password is wrong$", option)
        login = "--no-auth-warning", "-a", "right"
        redis.command(*login, "CONFIG", "SET", "requirepass", "secret")
        self.assertAnswered(daemon)
        self.assertNotIn("secret", daemon.log())

    def test_again(self) -> None:
        """It tries again and again, and logs one line as long as the reason is the
        same."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(DEADLINE)
            url = f"redis://127.0.0.1:{server.getsockname()[1]}/room"
            daemon = Daemon(self, *ROOM, f"--relay={url}")
            for _ in range(4):
                peer, _ = server.accept()
                # What is not read would make the close a reset.
                peer.recv(1000)
                peer.close()
        self.assertEqual(relayLines(daemon), ["it closed the connection"])

    def test_systemd(self) -> None:
        """Systemd is told that the daemon is ready, though Redis is away."""
        url = f"redis://127.0.0.1:{deadPort(self)}/room"
        for options in (), ("--workers=2",):
            folder = shortFolder(self)
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
                systemd.bind(str(folder / "notify"))
                systemd.settimeout(DEADLINE)
                Daemon(
                    self,
                    *(*ROOM, f"--relay={url}", *options),
                    env={"NOTIFY_SOCKET": str(folder / "notify")},
                )
                self.assertEqual(systemd.recv(1000).split(b"\n")[0], b"READY=1")


class SecretTests(TlsCase):
    """
    The files of the password and the CAs.
    """

    def setUp(self) -> None:
        """Make files of which only their owner may read any."""
        self.ownFiles()
        self.password = Path(self.files.write("password", b"secret\n"))
        self.option = f"--relay-password-file={self.password}"

    def connectAgain(self, daemon: Workers) -> None:
        """Wait until all workers of a daemon are connected; then kill one, whose
        successor is connected, too.  The parent has nobody to connect for."""
        until(lambda: relayLines(daemon).count("connected") == 2)
        before = daemon.alive()
        os.kill(before[1], 9)
        daemon.replaced(before, 1)
        until(lambda: len(relayLines(daemon)) == 3)
        self.assertEqual(relayLines(daemon), ["connected"] * 3)
        self.assertEqual(daemon.log().count("] relay "), 0)

    def test_workers(self) -> None:
        """Only root may read the password and the CA, and no worker is root: the parent
        has read them, and gives them to each.  No process shows the password."""
        redis = RedisServer(self, "--requirepass", "secret", pem=self.files.server)
        daemon = withoutPrivileges(
            self,
            *ROOM,
            f"--relay={redis.url(scheme='rediss')}",
            f"--relay-ca={self.files.ca}",
            self.option,
        )
        self.connectAgain(daemon)
        for process in daemon.process.pid, *daemon.alive().values():
            for name in "cmdline", "environ":
                shown = Path(f"/proc/{process}/{name}").read_bytes()
                self.assertNotIn(b"secret", shown)

    def test_user(self) -> None:
        """A user of Redis has the password."""
        rules = "on", ">secret", "~room", "~room:*", "+@all"
        redis = RedisServer(self, "--user", "echo", *rules)
        url = redis.url(user="echo")
        for options in ("--workers=2",), ():
            daemon = Daemon(self, *ROOM, f"--relay={url}", self.option, *options)
            until(lambda: relayLines(daemon))  # noqa: B023
            self.assertEqual(set(relayLines(daemon)), {"connected"})

    def test_root(self) -> None:
        """A daemon of one process reads its files before it changes its root and drops
        its privileges, and then connects, again and again, without any other file."""
        if os.geteuid():
            lack("root")
        root = Path(self.mktemp()).absolute()
        (root / "dev").mkdir(parents=True)
        (root / "dev" / "null").touch()
        (root / "etc").mkdir()
        (root / "etc" / "passwd").write_text("echo:x:65534:65534::/:/bin/false\n")
        redis = RedisServer(self, "--requirepass", "secret", pem=self.files.server)
        daemon = Daemon(
            self,
            *ROOM,
            f"--relay={redis.url(scheme='rediss')}",
            *(f"--relay-ca={self.files.ca}", self.option),
            command=(
                *("twistd", "-n", "--pidfile=", "-u65534", "-g65534"),
                f"--chroot={root}",
            ),
        )
        client = LineClient(daemon.connect())
        self.addCleanup(client.socket.close)
        for text in "hello", "again":
            client.say(f"{text}\n")
            hears(client, text)
            redis.kill()
            until(lambda: "refused" in relayLines(daemon)[-1])
            redis.start()
        until(lambda: relayLines(daemon)[-1] == "connected")
        self.assertEqual(daemon.stop(), 0)
        self.assertNotIn("Traceback", daemon.log())

    def test_folder(self) -> None:
        """A relative path is one of the working directory in which the daemon was
        started, also for a worker that begins later."""
        redis = RedisServer(self, "--requirepass", "secret", pem=self.files.server)
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        files = Path(self.files.ca), self.password
        ca, password = (os.path.relpath(each, folder) for each in files)
        inFolder = f"import os, sys; os.chdir({str(folder)!r}); os.execvp(sys.argv[1], "
        daemon = Workers(
            self,
            *ROOM,
            f"--relay={redis.url(scheme='rediss')}",
            *(f"--relay-ca={ca}", f"--relay-password-file={password}"),
            command=(
                *(sys.executable, "-c", f"{inFolder}sys.argv[1:])"),
                *(script("twistd"), "-n", "--pidfile=", "--rundir=/"),
            ),
        )
        self.connectAgain(daemon)

    def test_otherCa(self) -> None:
        """A server whose certificate is of another CA is not used; the password does
        not get there."""
        redis = RedisServer(self, pem=self.files.server)
        why = "its certificate is of an unknown CA; see --relay-ca"
        for ca in (f"--relay-ca={self.files.otherCa}",), ():
            for options in (), ("--workers=2",):
                url = redis.url(scheme="rediss")
                daemon = Daemon(
                    self, *ROOM, f"--relay={url}", self.option, *ca, *options
                )
                count = 2 if options else 1
                until(lambda: len(relayLines(daemon)) >= count)  # noqa: B023
                self.assertEqual(relayLines(daemon), [why] * count)

    def test_refused(self) -> None:
        """A file that others may read, that is missing, or that holds no password or CA
        is refused before anything listens, also by C{--check}."""
        url = "rediss://192.0.2.1/room"
        empty = self.files.write("empty", b"")
        exposed = self.files.write("exposed", b"secret\n")
        os.chmod(exposed, 0o604)
        missing = f"{self.files.folder}/missing"
        for option, path, why in [
            ("relay-password-file", exposed, "others may read it; chmod o= it"),
            ("relay-password-file", missing, "No such file or directory"),
            ("relay-password-file", empty, "not one line of 1 to 512 octets"),
            ("relay-ca", missing, "No such file or directory"),
            ("relay-ca", empty, "no PEM certificate that can be read"),
        ]:
            line = f"echostamp: --{option} {path!r}: {why}\n"
            for more in (), ("--workers=2",), ("--check",):
                said = refused(f"--relay={url}", f"--{option}={path}", *more)
                self.assertEqual(said, line)


class OptionTests(SynchronousTestCase):
    """
    What is refused, and checked.
    """

    def test_check(self) -> None:
        """C{--check} with a relay does not connect, also with workers."""
        twistd = script("twistd"), "-n", "--pidfile=", "echostamp", *ROOM
        with socket.create_server(("127.0.0.1", 0)) as server, ExitStack() as stack:
            server.setblocking(False)
            url = f"redis://127.0.0.1:{server.getsockname()[1]}/room"
            for more in (), ("--workers=2",):
                done = run(*twistd, "--check", f"--relay={url}", *more)
                self.assertEqual((done.returncode, done.stdout), (0, b"ok\n"), done)
            with self.assertRaises(BlockingIOError):
                stack.enter_context(server.accept()[0])

    def test_notInstalled(self) -> None:
        """Without the extra one line says what the relay needs; the daemon needs it for
        nothing else."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        (folder / "sitecustomize.py").write_text(HIDE)
        path = f"{folder}:{Path(__file__).parents[1]}"
        for more in (), ("--workers=2",), ("--check",):
            said = refused("--relay=redis://127.0.0.1/room", *more, env=path)
            self.assertEqual(said.count("\n"), 1)
            self.assertRegex(said, "^echostamp: --relay needs the Python package ")
            self.assertIn("txredisapi", said)
        self.assertEqual(Daemon(self, *ROOM, env={"PYTHONPATH": path}).stop(), 0)

    def test_workers(self) -> None:
        """Workers are not one room without a relay."""
        line = "echostamp: --workers with --intercom needs --relay\n"
        self.assertEqual(refused("--workers=2"), line)

    def test_help(self) -> None:
        """The help fits into 80 columns."""
        twistd = script("twistd"), "-n", "echostamp", "--help"
        shown = run("env", "COLUMNS=80", *twistd).stdout.decode()
        self.assertLessEqual(max(map(len, shown.splitlines())), 80)
        for each in "--relay=", "--relay-password-file=", "--relay-ca=", "--replay=":
            self.assertEqual(shown.count(f" {each}"), 1)
