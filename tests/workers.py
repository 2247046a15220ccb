"""
Daemons with workers, and which process serves a connection.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import sysconfig
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import echostamp
from tests.harness import Daemon, Owner, lack, run, shortFolder, until
from tests.timelimits import isServed

#: An endpoint of IPv4: the kernel's table of such connections names each of them.
LOOPBACK = "tcp:0:interface=127.0.0.1"


class Workers(Daemon):
    """
    A daemon with workers on loopback.
    """

    def __init__(
        self, owner: Owner, *options: str, workers: int = 2, **how: Any
    ) -> None:
        """
        Start it, and wait until each worker reads its sockets.

        @param options: the command line behind C{--workers}.
        @param workers: how many there are.
        @param how: the keyword arguments of L{Daemon}.
        """
        # What is registered first is done last: the parent has ended by then.
        owner.addCleanup(self._awaitEnds)
        super().__init__(
            owner, f"--workers={workers}", *(options or (f"-e{LOOPBACK}",)), **how
        )
        until(lambda: len(self.alive()) == workers or self.process.poll() is not None)

    def _awaitEnds(self) -> None:
        """Wait until no worker is left."""
        until(lambda: not any(map(isAlive, self._began())))

    def _began(self) -> list[int]:
        """Give all processes that have been a worker."""
        return [process for _, process in _processes(self)]

    def alive(self) -> dict[int, int]:
        """Give the process of each worker, without those that have ended."""
        return workersOf(self)

    def accepted(self, *peers: socket.socket) -> Counter[int]:
        """
        Count how many of these connections over IPv4 each process has accepted and not
        closed; of all connections by default.
        """
        ports = {peer.getsockname()[1] for peer in peers}
        inodes = set()
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            _, local, remote, *_, inode = line.split()[:10]
            here, there = (int(each.rpartition(":")[2], 16) for each in (local, remote))
            if here == self.port and there and (there in ports or not ports):
                inodes.add(f"socket:[{inode}]")
        found = Counter[int]()
        for process in {*self._began(), self.process.pid}:
            found[process] = len(inodes & set(descriptors(process)))
        return +found

    def server(self, peer: socket.socket) -> int:
        """Give the process that has accepted a connection; 0 while it waits."""
        return next(iter(self.accepted(peer)), 0)

    def served(self, stack: ExitStack, count: int) -> dict[socket.socket, int]:
        """
        Open connections, each of which has had a reply.

        @param stack: closes them.
        @return: the connections, and which process serves each.
        """
        peers = [stack.enter_context(self.connect()) for _ in range(count)]
        for peer in peers:
            assert isServed(peer), self.log()
        return {peer: self.server(peer) for peer in peers}

    def replaced(self, before: dict[int, int], *numbers: int) -> dict[int, int]:
        """
        Wait until workers are other processes than before.

        @param numbers: those of the workers; all by default.
        """

        def found() -> dict[int, int] | None:
            now = self.alive()
            isDone = all(
                number in now and now[number] != before[number]
                for number in numbers or before
            )
            return now if isDone and len(now) == len(before) else None

        return until(found)


def _processes(daemon: Daemon) -> list[tuple[int, int]]:
    """
    Read from the whole log which worker was which process, the first first.
    """
    log = daemon.logPath.read_text(errors="backslashreplace")
    found = re.findall(r"worker (\d+) is process (\d+)$", log, re.MULTILINE)
    return [(int(number), int(process)) for number, process in found]


def workersOf(daemon: Daemon) -> dict[int, int]:
    """
    Give the process of each worker of a daemon, the first worker first, without those
    that have ended.
    """
    newest = dict(_processes(daemon))
    return {each: newest[each] for each in sorted(newest) if isAlive(newest[each])}


def isAlive(process: int) -> bool:
    """
    Say whether a process runs.  A zombie does not.
    """
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def descriptors(process: int) -> Iterable[str]:
    """
    Give what the descriptors of a process are; nothing if it has ended.
    """
    with suppress(FileNotFoundError, ProcessLookupError):
        for each in Path(f"/proc/{process}/fd").iterdir():
            with suppress(FileNotFoundError, ProcessLookupError):
                yield os.readlink(each)


def children(process: int) -> list[int]:
    """
    Give the processes that a process has started.
    """
    text = Path(f"/proc/{process}/task/{process}/children").read_text()
    return list(map(int, text.split()))


def areServed(peers: Iterable[socket.socket]) -> list[bool]:
    """
    Say which connections are answered.
    """
    return [isServed(peer) for peer in peers]


def droppingTwistd(owner: Owner) -> tuple[str, ...]:
    """
    Give the command of a twistd that drops the privileges of root.  The Python of the
    tests may be in a folder of root's, so it is run by Debian's, which sees no other
    package of Debian's: it is that of a virtual environment.

    @raise SkipTest: this is not root, or there is no such program.
    """
    if os.geteuid():
        lack("root")
    python = Path("/usr/bin/python3")
    if not python.exists():
        lack("Debian package python3")
    folder = shortFolder(owner)
    folder.chmod(0o755)
    made = run(str(python), "-m", "venv", "--without-pip", str(folder / "venv"))
    assert made.returncode == 0, made
    code = "from twisted.scripts.twistd import run; run()"
    program = str(folder / "venv" / "bin" / "python")
    return program, "-c", code, "-n", "--pidfile=", "-u65534", "-g65534"


def pathWith(folder: Path) -> str:
    """
    Give the search path of another Python: the package in a folder, and what it needs.
    """
    return f"{folder}:{sysconfig.get_path('purelib')}"


def withoutPrivileges(owner: Owner, *options: str) -> Workers:
    """
    Start a daemon as root, which then gives root up.

    @raise SkipTest: see L{droppingTwistd}.
    """
    package = Path(echostamp.__file__).parents[1]
    return Workers(
        owner,
        *options,
        command=droppingTwistd(owner),
        env={"PYTHONPATH": pathWith(package)},
    )


class Installation:
    """
    A copy of the package that can be changed while a daemon of it runs.

    @ivar folder: where it is.
    @ivar env: the variables with which a daemon is one of the copy.
    """

    def __init__(self, owner: Owner) -> None:
        self.folder = Path(owner.mktemp()).absolute()
        shutil.copytree(
            Path(echostamp.__file__).parent,
            self.folder / "echostamp",
            ignore=shutil.ignore_patterns("__pycache__", "test"),
        )
        path = [str(self.folder), *filter(None, [os.getenv("PYTHONPATH")])]
        self.env = {"PYTHONPATH": os.pathsep.join(path)}

    @property
    def worker(self) -> Path:
        """The module that a worker runs."""
        return self.folder / "echostamp" / "daemon" / "worker.py"

    def speakOtherwise(self) -> None:
        """Change the version of the messages between parent and workers."""
        path = self.folder / "echostamp" / "workers" / "messages.py"
        before = path.read_text()
        path.write_text(re.sub(r"(?m)^VERSION = \d+$", "VERSION = 0", before))
        assert path.read_text() != before


def statusOf(process: int, *fields: str) -> Sequence[str]:
    """
    Read fields of a process' status.
    """
    text = Path(f"/proc/{process}/status").read_text()
    return [line for line in text.splitlines() if line.partition(":")[0] in fields]
