"""
What the kernel says of this process: its CPU time, memory and descriptors.
"""

from __future__ import annotations

import os
import resource
from functools import cache
from pathlib import Path
from typing import NamedTuple

from echostamp.times import SECOND


class ProcessFigures(NamedTuple):
    """
    Figures of a process.

    @ivar cpu: user and system CPU time, in nanoseconds.
    @ivar resident: resident memory, in octets.
    @ivar virtual: virtual memory, in octets.
    @ivar started: when it started, in nanoseconds since the UNIX epoch.
    @ivar openFiles: how many descriptors are open; L{None} where that is not known.
    @ivar mostFiles: how many may be open.
    """

    cpu: int
    resident: int
    virtual: int
    started: int
    openFiles: int | None
    mostFiles: int


def processFigures(proc: Path = Path("/proc")) -> ProcessFigures | None:
    """
    Read the figures of this process.

    @param proc: where the kernel shows its processes.
    @return: L{None} where it does not.
    """
    try:
        # The second field, the name of the program, may hold anything.
        fields = (proc / "self/stat").read_bytes().rpartition(b")")[2].split()
        started = _started(proc, os.getpid())
    except OSError:
        return None
    tick = SECOND // os.sysconf("SC_CLK_TCK")
    return ProcessFigures(
        cpu=(int(fields[11]) + int(fields[12])) * tick,
        resident=int(fields[21]) * os.sysconf("SC_PAGE_SIZE"),
        virtual=int(fields[20]),
        started=started,
        openFiles=_openFiles(proc / "self/fd"),
        mostFiles=resource.getrlimit(resource.RLIMIT_NOFILE)[0],
    )


@cache
def _started(proc: Path, process: int) -> int:
    """
    Find when this process started.  It is read once: the kernel's answer changes when
    the clock is set, and C{/proc/stat} is long on a big machine.

    @param process: a child of a fork has its own start.
    @return: nanoseconds since the UNIX epoch.
    @raise OSError: the kernel does not show it.
    """
    fields = (proc / str(process) / "stat").read_bytes().rpartition(b")")[2].split()
    lines = (proc / "stat").read_bytes().splitlines()
    boot = next((int(each.split()[1]) for each in lines if each[:6] == b"btime "), 0)
    return boot * SECOND + int(fields[19]) * (SECOND // os.sysconf("SC_CLK_TCK"))


def _openFiles(folder: Path) -> int | None:
    """
    Count the open descriptors.

    @param folder: shows them.
    """
    try:
        # Since Linux 6.2 the size is their number.  Listing 10,000 takes milliseconds.
        size = folder.stat().st_size
        # The list holds the descriptor that reads the folder.
        return size or len(os.listdir(folder)) - 1
    except OSError:
        return None
