"""
The rights that the daemon has once C{twistd} has given up those of root.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from twisted.python.util import initgroups


@contextmanager
def asUser(user: int | None, group: int | None) -> Iterator[None]:
    """
    Work with the rights that the daemon will have: what can be opened now can be opened
    again at a reload.  Only root has rights to give up.

    The groups are those that C{twistd} will set: the user's own, and without a user
    those of root.

    @param user: C{twistd}'s option C{--uid}; L{None} without it.
    @param group: its option C{--gid}, likewise.
    """
    if os.geteuid():
        yield
        return
    before, groups = os.getegid(), os.getgroups()
    try:
        if user is not None and group is None:
            group = pwd.getpwuid(user).pw_gid
        if group is not None:
            os.setegid(group)
        if user:
            initgroups(user, group)
            os.seteuid(user)
        yield
    finally:
        os.seteuid(0)
        os.setegid(before)
        # Root of a user namespace may be forbidden to set groups.
        if os.getgroups() != groups:
            os.setgroups(groups)


def asUserOf(options: Any) -> AbstractContextManager[None]:
    """
    Work with the rights of the user and the group that the daemon will run as.

    @param options: the daemon's options.  Those of C{twistd} are their parent; C{twist}
        has none of these.
    """
    parent = options.parent or {}
    return asUser(parent.get("uid"), parent.get("gid"))
