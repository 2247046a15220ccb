"""
What C{twistd} needs of the system to start: checked before it begins, so that each
obstacle is one line and no traceback.
"""

from __future__ import annotations

import errno
import os
import pwd
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from twisted.python.usage import UsageError

#: The number with which setgid(2) means no group: the largest of its type.
NO_GROUP = 0xFFFFFFFF


def holdStandardDescriptors() -> None:
    """
    Open those of the descriptors 0 to 2 that are closed.  Else others would get these
    numbers, such as the pipe by which a background daemon reports that it has started:
    C{twistd} closes them.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free number is this one.
            os.open(os.devnull, os.O_RDWR)


def checkPlaces(
    options: Mapping[str, Any], access: Callable[[str, int], bool] = os.access
) -> None:
    """
    Check the folders, files and users that C{twistd}'s own options name.

    @param options: C{twistd}'s options; C{twist} has none of these.
    @param access: checks what this process may do with a path.
    @raise UsageError: something is missing, or cannot be written; it names each.
    """
    wrong = [
        *_wrongFolders(options, access),
        *_wrongNumbers(options),
        *_wrongUser(options),
        *_unwritable(options, access),
    ]
    if wrong:
        raise UsageError("; ".join(wrong))


def _wrongFolders(
    options: Mapping[str, Any], access: Callable[[str, int], bool]
) -> Iterator[str]:
    """
    Find what is wrong with the new root and the working directory.
    """
    root, folder = options.get("chroot"), options.get("rundir")
    if root is not None:
        if os.geteuid():
            yield "--chroot: only root may do this"
        if not os.path.isdir(root):
            yield f"--chroot {root!r}: no such folder"
            return
        # A port of Twisted's holds it open; in the background C{twistd} needs it, too.
        if not os.path.exists(f"{root}/dev/null"):
            yield f"--chroot {root!r}: it needs a dev/null"
    # C{twistd} takes "." for the new root.
    if folder not in (None, "."):
        isInside = root is not None and os.path.isabs(folder)
        path = f"{root}{folder}" if isInside else folder
        if not os.path.isdir(path):
            yield f"--rundir {folder!r}: no such folder"
        elif not access(path, os.X_OK):
            yield f"--rundir {folder!r}: {os.strerror(errno.EACCES)}"


def _wrongNumbers(options: Mapping[str, Any]) -> Iterator[str]:
    """
    Find numbers that the system does not take.  C{twistd} checks only that they are
    numbers.
    """
    group, mask = options.get("gid"), options.get("umask")
    if group is not None and not 0 <= group < NO_GROUP:
        yield f"--gid {group}: no such group"
    if mask is not None and not 0 <= mask <= 0o7777:
        yield "--umask: not an octal number from 0 to 7777"


def _wrongUser(options: Mapping[str, Any]) -> Iterator[str]:
    """
    Find whether C{twistd} will know the user that it has to become.  It looks for the
    user's name and groups, in the new root if there is one.
    """
    user, root = options.get("uid"), options.get("chroot")
    own = os.geteuid() if options.get("euid") else os.getuid()
    if user is None or (user == own and options.get("gid") is not None):
        return
    if root is None:
        try:
            pwd.getpwuid(user)
        except KeyError:
            yield f"--uid {user}: no such user"
    elif os.path.isdir(root) and not _isListed(user, users := f"{root}/etc/passwd"):
        yield f"--uid {user}: no such user in {users!r}"


def _isListed(user: int, path: str) -> bool:
    """
    Check whether a file such as passwd(5) has a user.
    """
    try:
        with open(path, "rb") as users:
            return any(line.split(b":")[2:3] == [b"%d" % user] for line in users)
    except OSError:
        return False


def _unwritable(
    options: Mapping[str, Any], access: Callable[[str, int], bool]
) -> Iterator[str]:
    """
    Find the files that cannot be written.
    """
    pidFile = options.get("pidfile")
    if pidFile:
        path = f"{options.get('chroot') or ''}{os.path.abspath(pidFile)}"
        if why := _whyNot(path, access):
            hint = "--pidfile=FILE, or --pidfile= for none"
            yield f"cannot write the pid file {path!r}: {why} ({hint})"
    logFile = options.get("logfile")
    if not (logFile or options.get("nodaemon") or options.get("syslog")):
        # C{twist} has no such option, and no background.
        logFile = "twistd.log" if "logfile" in options else None
    if logFile and logFile != "-":
        path = os.path.abspath(logFile)
        if why := _whyNot(path, access):
            yield f"cannot write the log {path!r}: {why} (--logfile=FILE)"


def _whyNot(path: str, access: Callable[[str, int], bool]) -> str:
    """
    Explain why a file cannot be written; empty if it can.
    """
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        return os.strerror(errno.ENOENT)
    if os.path.isdir(path):
        return os.strerror(errno.EISDIR)
    if os.path.exists(path):
        return "" if access(path, os.W_OK) else "it is read-only"
    return "" if access(folder, os.W_OK | os.X_OK) else "its folder is read-only"
