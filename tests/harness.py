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
import shutil
import signal
import socket
import subprocess
import sysconfig
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, NoReturn, Protocol, Self, TypeVar

from twisted.trial.unittest import SkipTest, SynchronousTestCase

#: Seconds after which a test gives up waiting.
DEADLINE = 30.0

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


def figure(text: str) -> None:
    """
    Report what a test has measured, on a line that begins with C{figure:}.

    The line goes to the end of the file that ECHOSTAMP_FIGURES names, since C{trial -j}
    hides what its workers print.  Without that variable it is printed.
    """
    line = f"figure: {text}\n"
    if path := os.environ.get("ECHOSTAMP_FIGURES"):
        # One write of a file opened to append: the lines of workers do not mix.
        with open(path, "a") as figures:
            figures.write(line)
    else:
        print(f"\n{line}", end="")


#: Of Linux: ends a process when the thread that started it has ended.
PR_SET_PDEATHSIG = 1
_prctl = getattr(ctypes.CDLL(None), "prctl", None)


def _endWithParent() -> None:
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
        preexec_fn=_endWithParent,
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
    ) -> None:
        """
        Start a daemon, and wait until it listens.

        @param owner: stops the daemon at its end: the test.
        @param options: the command line behind C{echostamp}.
        @param command: the command line before C{echostamp}.
        @param env: additions to the environment.
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
            )
        owner.addCleanup(self.stop)
        until(lambda: "listening on" in self.log() or self.process.poll() is not None)
        found = re.search(r"listening on \S*:(\d+)$", self.log(), re.MULTILINE)
        self.port = int(found[1]) if found else 0

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
        octets = self.logPath.read_bytes()[self._logBegan :]
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


class Pane:
    """
    A terminal whose screen can be read: tmux with one window.
    """

    def __init__(
        self,
        case: SynchronousTestCase,
        command: str,
        columns: int = 70,
        lines: int = 24,
    ) -> None:
        """
        Start a program.  At its end the screen shows its exit status.

        @param case: ends it at its end.
        @param command: a shell's.
        """
        self._tmux = tool("tmux", "tmux")
        folder = Path(case.mktemp())
        folder.mkdir(parents=True)
        # The name of a UNIX socket may have about 100 octets.
        self._socket = os.path.relpath(folder / "tmux")
        self._do(
            *("new-session", "-d", f"-x{columns}", f"-y{lines}"),
            f"{command}; echo status $?; exec cat",
        )
        case.addCleanup(self._do, "kill-server")

    def _do(self, *command: str) -> str:
        done = run(self._tmux, "-u", "-S", self._socket, "-f/dev/null", *command)
        assert done.returncode == 0, done.stderr
        return done.stdout.decode()

    def type(self, text: str, *keys: str) -> None:
        """Type a text, and then keys by their names in tmux."""
        if text:
            self._do("send-keys", "-l", text)
        if keys:
            self._do("send-keys", *keys)

    def paste(self, text: str) -> None:
        """Paste a text, as a bracketed paste if the program has asked for that."""
        self._do("set-buffer", text)
        self._do("paste-buffer", "-p", "-r")

    def resize(self, columns: int, lines: int) -> None:
        """Give the window another size."""
        self._do("resize-window", f"-x{columns}", f"-y{lines}")

    def screen(self, *options: str) -> str:
        """
        Give the text on the screen, without spaces at the ends of lines.

        @param options: of tmux's C{capture-pane}: C{-e} for colours, C{-S-} for what
            has left the screen, too, C{-J} for lines as they were before they were
            wrapped.
        """
        return "\n".join(
            line.rstrip()
            for line in self._do("capture-pane", "-p", *options).rstrip().split("\n")
        )

    def shows(self, text: str) -> None:
        """Wait until a text is there."""
        self.until(lambda screen: text in screen)

    def until(self, condition: Callable[[str], object], *options: str) -> str:
        """
        Wait until the screen fulfils a condition.

        @param options: see L{screen}.
        @return: the screen.
        """
        screens = [""]

        def isRight() -> object:
            screens[:] = [self.screen(*options)]
            return condition(screens[0])

        try:
            until(isRight)
        except AssertionError:
            raise AssertionError(f"the screen stays at\n{screens[0]}") from None
        return screens[0]


class Namespaces:
    """
    Two network namespaces with a link between them.

    The test is skipped without root, or where the system has no namespaces.

    @ivar near: the beginning of a command line that runs something in the first one.
    @ivar far: the same for the second one.
    """

    NEAR, FAR = "198.18.0.1", "198.18.0.2"

    #: The ends of the link.
    NEAR_LINK, FAR_LINK = "n0", "f0"

    def __init__(self, case: SynchronousTestCase) -> None:
        """
        @param case: removes them at its end.
        """
        if os.geteuid():
            lack("root")
        self._ip = tool("ip", "iproute2")
        names = near, far = [
            f"echostamp-{end}-{os.getpid()}" for end in ("near", "far")
        ]
        for name in names:
            made = run(self._ip, "netns", "add", name)
            if made.returncode:
                lack(f"network namespaces: {made.stderr.decode()}")
            case.addCleanup(run, self._ip, "netns", "delete", name)
        self.near, self.far = ((self._ip, "netns", "exec", name) for name in names)
        self._names = near, far
        pair = self.NEAR_LINK, "type", "veth", "peer", self.FAR_LINK, "netns", far
        self._inside(near, "link", "add", *pair)
        for name, link, address in [
            (near, self.NEAR_LINK, self.NEAR),
            (far, self.FAR_LINK, self.FAR),
        ]:
            self._inside(name, "address", "add", f"{address}/30", "dev", link)
            self._inside(name, "link", "set", link, "up")

    def _inside(self, name: str, *command: str) -> None:
        done = run(self._ip, "-n", name, *command)
        if done.returncode:
            raise AssertionError(done.stderr)

    def addLinkLocal(self, near: str, far: str) -> None:
        """Give the ends IPv6 addresses that are valid on this link only."""
        for name, link, address in zip(
            self._names, (self.NEAR_LINK, self.FAR_LINK), (near, far), strict=True
        ):
            # "nodad": without the second or two in which duplicates are looked for.
            self._inside(name, "address", "add", f"{address}/64", "dev", link, "nodad")

    def cut(self) -> None:
        """Take the link down."""
        self._inside(self._names[0], "link", "set", self.NEAR_LINK, "down")


class Clock:
    """
    A clock that a test sets, in the place of a daemon's own.

    @ivar env: the variables that a daemon needs for it.
    """

    def __init__(self, case: SynchronousTestCase) -> None:
        """Make a clock that is right."""
        self._path = Path(case.mktemp()).absolute()
        self.set(0)
        folder = Path(__file__).with_name("steered")
        self.env = {
            "ECHOSTAMP_TEST_CLOCK": str(self._path),
            "PYTHONPATH": f"{folder}:{os.environ.get('PYTHONPATH', '')}",
        }

    def set(self, ahead: float, ppm: float = 0) -> None:
        """
        Set it.

        @param ahead: how many seconds it is ahead.
        @param ppm: how many parts in a million it is fast, from the daemon's start on.
        """
        new = self._path.with_suffix(".new")
        new.write_text(f"{ahead * 1e9:.0f} {ppm}\n")
        new.replace(self._path)


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


def run(
    *command: str, stdin: bytes = b"", seconds: float = DEADLINE
) -> subprocess.CompletedProcess[bytes]:
    """
    Run a program to its end.
    """
    return subprocess.run(
        command, input=stdin, capture_output=True, timeout=seconds, check=False
    )


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
