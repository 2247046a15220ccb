"""
Real daemons, programs and sockets for the acceptance tests.

Everything here waits for a condition and gives up at a deadline; nothing waits for
a fixed time.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import random
import re
import resource
import shutil
import signal
import socket
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, NoReturn, Protocol, Self, TypeVar

from twisted.trial.unittest import SkipTest

from echostamp.test.figures import figure as figure

#: Seconds after which a test gives up waiting.
DEADLINE = 60.0

#: A stamp as the daemon writes it by default.
STAMP = rb"\[[A-Z][a-z]{2} [A-Z][a-z]{2} [ 123]\d \d\d:\d\d:\d\d \d{4}\] "

#: Commands that are installed with the daemon.
SCRIPTS = ("twistd", "twist")

#: Octets that a log has to escape: every octet, and as UTF-8 the C1 controls, the line
#: and paragraph separators, and the characters that change the direction of text.
HOSTILE = (
    bytes(range(256))
    + "".join(
        chr(number)
        for first, last in [(0x80, 0x9F), (0x2028, 0x202E), (0x2066, 0x2069)]
        for number in range(first, last + 1)
    ).encode()
)

#: How many daemons the tests of one process share at a time.
MOST_SHARED = 4

T = TypeVar("T")


class Owner(Protocol):
    """
    What a daemon belongs to: usually a test case.
    """

    def mktemp(self) -> str:
        """Give a path where nothing is yet."""

    def addCleanup(self, function: Callable[..., object], /, *args: Any) -> object:
        """Call a function at the end."""


def shortFolder(case: Owner) -> Path:
    """
    Make a folder whose path leaves room for a UNIX socket's name, wherever the tests
    run: such a path has at most 107 octets.
    """
    folder = Path(tempfile.mkdtemp())
    case.addCleanup(shutil.rmtree, folder)
    return folder


def script(name: str) -> str:
    """
    Find a command that was installed with the tests.
    """
    beside = Path(sysconfig.get_path("scripts"), name)
    found = str(beside) if beside.exists() else shutil.which(name)
    assert found, f"{name} is not installed"
    return found


def tool(name: str, package: str) -> str:
    """
    Find a program of the system, or skip the test.

    @param package: the Debian package that brings it.
    """
    return shutil.which(name) or lack(f"{name}: Debian package {package}")


def lack(what: str) -> NoReturn:
    """
    Skip a test that lacks something; fail it where ECHOSTAMP_REQUIRE_TOOLS is set.
    """
    if os.environ.get("ECHOSTAMP_REQUIRE_TOOLS"):
        raise AssertionError(f"the test needs {what}")
    raise SkipTest(f"needs {what}")


def openMany(owner: Owner, count: int) -> int:
    """
    Let this process open as many files as it may, or skip the test.

    @param count: how many it needs at least.
    @return: how many it may open.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < count:
        lack(f"{count} descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    owner.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
    return hard


def until(condition: Callable[[], T | None], seconds: float = DEADLINE) -> T:
    """
    Wait until a condition holds.

    @return: the condition's value.
    """
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"{condition} did not hold in {seconds} s"
        time.sleep(0.005)
    return value


#: Of Linux: ends a process when the thread that started it has ended.
PR_SET_PDEATHSIG = 1
_prctl = getattr(ctypes.CDLL(None), "prctl", None)


def endWithParent() -> None:
    """
    Have the kernel kill this process if the process that started it dies.
    """
    if _prctl:
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def start(owner: Owner, *command: str, **more: Any) -> subprocess.Popen[bytes]:
    """
    Start a program.  It is killed at the end of its owner, and when the process of the
    tests is killed.

    @param more: as L{subprocess.Popen} takes it; standard input is empty by default.
    """
    process: subprocess.Popen[bytes] = subprocess.Popen(
        command,
        preexec_fn=endWithParent,
        **{"stdin": subprocess.DEVNULL, **more},
    )
    owner.addCleanup(_kill, process)
    return process


def _kill(process: subprocess.Popen[bytes]) -> None:
    """
    End a process, close its pipes, and reap it.
    """
    process.kill()
    for pipe in process.stdin, process.stdout, process.stderr:
        if pipe:
            with suppress(BrokenPipeError):
                pipe.close()
    process.wait(DEADLINE)


class Lasting:
    """
    Owns a daemon that tests share: it ends when the process of the tests exits.
    """

    def __init__(self, case: Owner) -> None:
        """
        @param case: the first test that uses the daemon.
        """
        self.mktemp = case.mktemp

    def addCleanup(self, function: Callable[..., object], /, *args: Any) -> object:
        """Call a function at the exit."""
        return atexit.register(function, *args)


class Daemon:
    """
    A daemon on loopback, with a port that the system picked.

    @ivar port: its TCP port.
    @ivar process: the running C{twistd}.
    @ivar logPath: where its log goes.
    """

    #: The daemons that tests share, by how they were started; the last used is last.
    _shared: ClassVar[dict[tuple[object, ...], Daemon]] = {}

    def __init__(
        self,
        owner: Owner,
        *options: str,
        command: tuple[str, ...] = ("twistd", "-n", "--pidfile="),
        env: dict[str, str] | None = None,
        inherited: Sequence[int] = (),
    ) -> None:
        """
        Start a daemon, and wait until it listens.

        @param owner: stops the daemon at its end: the test.
        @param options: the command line behind C{echostamp}.
        @param command: the command line before C{echostamp}.
        @param env: additions to the environment.
        @param inherited: descriptors that the command inherits.
        """
        self.folder = Path(owner.mktemp())
        self.folder.mkdir(parents=True)
        self.logPath = self.folder / "log"
        self._logBegan = 0
        with self.logPath.open("wb") as log:
            self.process = start(
                owner,
                *(script(each) if each in SCRIPTS else each for each in command),
                "echostamp",
                *(options or ("--port=0",)),
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env={**os.environ, **(env or {})},
                pass_fds=inherited,
            )
        owner.addCleanup(self.stop)
        until(lambda: self._isReady() or self.process.poll() is not None)
        found = re.search(r"listening on \S*:(\d+)$", self.log(), re.MULTILINE)
        self.port = int(found[1]) if found else 0

    def _isReady(self) -> bool:
        """
        Check that it listens, handles signals, of which SIGUSR2 is the last, and waits
        for events.
        """
        status = Path(f"/proc/{self.process.pid}/status")
        if "listening on" not in self.log():
            return False
        if not status.exists():
            return True
        text = status.read_text()
        found = re.search(r"^SigCgt:\s+(\w+)$", text, re.MULTILINE)
        isHandling = found and int(found[1], 16) >> signal.SIGUSR2 - 1 & 1
        return bool(isHandling and re.search(r"^State:\s+S", text, re.MULTILINE))

    @classmethod
    def shared(cls, case: Owner, *options: str, **how: Any) -> Self:
        """
        Give a running daemon with these options, or start one.

        Tests of one process share it; it runs until the process exits, or until
        L{MOST_SHARED} others were used after it.  C{trial -j} deals single tests out to
        its workers, so that what belongs to a class would be started for each test.

        @param options: see L{__init__}.
        @param how: the keyword arguments of L{__init__}.
        @return: a daemon whose log begins with this test.
        """
        key = (cls, *options, *sorted(map(repr, how.items())))
        daemon = Daemon._shared.pop(key, None)
        if daemon is None or daemon.process.poll() is not None:
            daemon = cls(Lasting(case), *options, **how)
        Daemon._shared[key] = daemon
        if len(Daemon._shared) > MOST_SHARED:
            Daemon._shared.pop(next(iter(Daemon._shared))).stop()
        assert isinstance(daemon, cls)
        daemon.begin()
        return daemon

    def begin(self) -> None:
        """Begin a test of those that share the daemon."""
        self._logBegan = self.logPath.stat().st_size

    def log(self) -> str:
        """Give the log up to now; of a shared daemon the test's part of it."""
        try:
            octets = self.logPath.read_bytes()[self._logBegan :]
        except FileNotFoundError:
            # The daemon is replacing its log file.
            return ""
        return octets.decode(errors="backslashreplace")

    def lines(self) -> list[str]:
        """
        Give the complete lines of the log.

        Only a newline ends a line: C{splitlines} would split at eight other controls
        and hide them.

        @raise UnicodeDecodeError: the log has an octet that is not text.
        """
        octets = self.logPath.read_bytes()[self._logBegan :]
        return [line.decode() for line in octets.split(b"\n")[:-1]]

    def unprintable(self) -> list[str]:
        """Give the lines of the log that have an unprintable character."""
        return [line for line in self.lines() if not line.isprintable()]

    def connect(self, host: str = "127.0.0.1") -> socket.socket:
        """Open a connection that fails its test at the deadline."""
        return socket.create_connection((host, self.port), DEADLINE)

    def memory(self) -> int:
        """Give the resident memory, in octets."""
        return memory(self.process.pid, "VmRSS")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it, and give its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(DEADLINE)


def memory(process: int, field: str) -> int:
    """
    Give the memory of a process, in octets; 0 if it has ended.

    @param field: C{VmRSS} for the resident memory now, C{VmHWM} for its maximum.
    """
    status = Path(f"/proc/{process}/status").read_text()
    found = re.search(rf"{field}:\s+(\d+) kB", status)
    return int(found[1]) * 1024 if found else 0


def cpu(process: int) -> float:
    """
    Give the seconds of processor time that a process has used.
    """
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def freePort(host: str = "127.0.0.1") -> int:
    """
    Find a TCP port where nobody listens, for a program that cannot pick one itself.

    It is below those that the system picks for others, of other tests too, that run
    at the same time.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        port = random.randrange(10_000, 30_000)
        with socket.socket(family) as found, suppress(OSError):
            found.bind((host, port))
            return port


def deadPort(owner: Owner) -> int:
    """
    Take a TCP port of 127.0.0.1 that refuses connections until the test ends.
    """
    taken = socket.socket()
    owner.addCleanup(taken.close)
    # A socket that is bound and does not listen refuses, and keeps others away.
    taken.bind(("127.0.0.1", 0))
    port: int = taken.getsockname()[1]
    return port


def accepts(port: int) -> bool:
    """
    Say whether a server accepts connections on a TCP port of 127.0.0.1.
    """
    try:
        socket.create_connection(("127.0.0.1", port), DEADLINE).close()
    except ConnectionRefusedError:
        return False
    return True


def run(
    *command: str, stdin: bytes = b"", seconds: float = DEADLINE
) -> subprocess.CompletedProcess[bytes]:
    """
    Run a program to its end.
    """
    return subprocess.run(
        command, input=stdin, capture_output=True, timeout=seconds, check=False
    )


def sendWithFin(peer: socket.socket, octets: bytes) -> None:
    """
    Send octets and a FIN in one segment.
    """
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
    peer.sendall(octets)
    peer.shutdown(socket.SHUT_WR)


def readAll(peer: socket.socket) -> bytes:
    """
    Read a connection to its end.
    """
    received = bytearray()
    while data := peer.recv(1 << 20):
        received += data
    return bytes(received)


def readLines(peer: socket.socket, count: int) -> bytes:
    """
    Read until that many newlines were received.
    """
    received = bytearray()
    while received.count(b"\n") < count:
        data = peer.recv(1 << 20)
        assert data, f"the connection ended after {bytes(received)!r}"
        received += data
    return bytes(received)


def readTo(peer: socket.socket, end: bytes) -> bytes:
    """
    Read until what was received ends with some octets.
    """
    received = b""
    while not received.endswith(end):
        data = peer.recv(1 << 20)
        assert data, f"the connection ended after {received!r}"
        received += data
    return received


def withoutStamps(replies: bytes) -> bytes:
    """
    Remove the stamp from each line; fail if a line has none.
    """
    lines = replies.split(b"\n")
    rest = lines.pop()
    stripped = []
    for line in [*lines, rest] if rest else lines:
        match = re.match(STAMP, line)
        assert match, f"no stamp: {line[:100]!r}"
        stripped.append(line[match.end() :])
    return b"\n".join(stripped) + (b"" if rest else b"\n" if lines else b"")
