"""
Sockets that a daemon gets as systemd gives them.
"""

from __future__ import annotations

import socket
import sys

#: A program in the place of systemd: it gives the daemon descriptors from 3 on.  Its
#: arguments are the descriptors and the names, both joined by commas, and a command.
GIVE = """
import fcntl, os, sys
given, names, *command = sys.argv[1:]
# Duplicates that are out of the way of 3, 4 and so on.
held = [fcntl.fcntl(int(each), fcntl.F_DUPFD, 100) for each in given.split(",")]
for number, each in enumerate(held, 3):
    os.dup2(each, number)
    os.close(each)
environ = {**os.environ, "LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(held))}
if names:
    environ["LISTEN_FDNAMES"] = names.replace(",", ":")
os.execve(command[0], command, environ)
"""


def giving(names: str, *held: socket.socket) -> tuple[str, ...]:
    """
    Give the beginning of a command line that passes sockets on as systemd does.

    @param names: the sockets' names, joined by commas; empty for none.
    """
    given = ",".join(str(each.fileno()) for each in held)
    return sys.executable, "-c", GIVE, given, names
