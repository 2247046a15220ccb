"""
Writes a history in a process of its own.

C{python loadtests/historywriter.py minutes PATH} writes minutes until it is killed, and
prints the time of each one that was written.  C{... full PATH BALLAST} writes until the
disk is full, deletes another file, and goes on.  C{... open PATH} opens a file.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from echostamp.history.interfaces import EventQuery, HistoryError
from echostamp.history.row import MINUTE
from echostamp.history.store import SqliteHistory
from echostamp.test.historycases import NOON, event, row

#: The peers of which minutes are written.
NAMES = tuple(f"peer {at}" for at in range(100))

#: So many minutes fill any small disk.
_MANY = 10_000


def writeMinute(history: SqliteHistory, at: int) -> None:
    """
    Write a minute of all peers, with an event of each tenth one.
    """
    rows = dict.fromkeys(NAMES, row(at))
    history.write(rows, [event(at - NOON, name) for name in NAMES[::10]])


def minutes(path: str) -> None:
    """
    Write minutes for as long as this process lives.
    """
    history = SqliteHistory(path)
    last = history.points(NAMES[0], 0, 2**40, 1).rows[-1:]
    at = last[0].at + MINUTE if last else NOON
    while True:
        writeMinute(history, at)
        os.write(1, f"{at}\n".encode())
        at += MINUTE


def full(path: str, ballast: str) -> None:
    """
    Fill the disk, make room, and go on.  Each line that is printed tells what happened,
    and how many minutes are there.
    """
    history = SqliteHistory(path)
    at = NOON

    def report(what: str) -> None:
        found = sum(each.due for each in history.points(NAMES[0], 0, 2**40).rows)
        known = len(history.events(EventQuery(most=10**6)))
        print(what, found // row(NOON).due, known // len(NAMES[::10]), sep="\t")

    def write(count: int) -> None:
        nonlocal at
        for _ in range(count):
            writeMinute(history, at)
            at += MINUTE

    for _ in range(3):
        try:
            write(_MANY)
        except HistoryError as error:
            report(str(error))
    os.unlink(ballast)
    write(50)
    report("written")
    history.close()
    history = SqliteHistory(path)
    report("opened")


def opened(path: str) -> None:
    """
    Open a file, and print why that is not possible.
    """
    try:
        SqliteHistory(path).close()
    except HistoryError as error:
        print(error)


MODES: dict[str, Callable[..., None]] = {
    "minutes": minutes,
    "full": full,
    "open": opened,
}

if __name__ == "__main__":
    MODES[sys.argv[1]](*sys.argv[2:])
