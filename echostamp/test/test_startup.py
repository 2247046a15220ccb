"""Tests for L{echostamp.daemon.startup}."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import Any

from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from echostamp.daemon.startup import NO_GROUP, checkPlaces, holdStandardDescriptors


class DescriptorTests(SynchronousTestCase):
    """
    Descriptors that are closed at the start.
    """

    def hold(self, *closed: int) -> list[str]:
        """Open those that are closed, and give what was opened."""
        opened: list[str] = []

        def fstat(number: int) -> None:
            if number in closed:
                raise OSError

        self.patch(os, "fstat", fstat)
        self.patch(os, "open", lambda path, flags: opened.append(path))
        holdStandardDescriptors()
        return opened

    def test_closed(self) -> None:
        """Each that is closed is opened; others are left alone."""
        for closed in (), (0,), (1, 2), (0, 1, 2):
            self.assertEqual(self.hold(*closed), [os.devnull] * len(closed))


class PlaceTests(SynchronousTestCase):
    """
    The folders and files of C{twistd}'s own options.
    """

    def setUp(self) -> None:
        """Make a folder."""
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.mayWrite = True
        self.user = 0
        self.patch(os, "geteuid", lambda: self.user)

    def wrong(self, **options: Any) -> str:
        """Check options, and give what is wrong; empty for nothing."""
        usual = {
            "pidfile": str(self.folder / "pid"),
            "logfile": None,
            "rundir": ".",
            "nodaemon": 1,
            "syslog": 0,
            "chroot": None,
        }
        try:
            checkPlaces(usual | options, lambda path, mode: self.mayWrite)
        except UsageError as error:
            return str(error)
        return ""

    def test_right(self) -> None:
        """Nothing is wrong with the usual options, nor with twist, which has none."""
        right: list[dict[str, Any]] = [
            {},
            {"nodaemon": 0},
            {"logfile": "-"},
            {"rundir": str(self.folder)},
        ]
        for options in right:
            self.assertEqual(self.wrong(**options), "")
        checkPlaces({}, lambda path, mode: False)

    def test_readOnlyFolder(self) -> None:
        """One line names each file, and the option that helps."""
        self.mayWrite = False
        pidFile = (
            f"cannot write the pid file '{self.folder}/pid': its folder is read-only "
            "(--pidfile=FILE, or --pidfile= for none)"
        )
        here = os.path.abspath("twistd.log")
        log = f"cannot write the log '{here}': its folder is read-only (--logfile=FILE)"
        self.assertEqual(self.wrong(), pidFile)
        self.assertEqual(self.wrong(nodaemon=0), f"{pidFile}; {log}")
        self.assertEqual(self.wrong(nodaemon=0, syslog=1, pidfile=""), "")
        self.assertEqual(self.wrong(pidfile="", logfile="twistd.log"), log)

    def test_filesThatAreThere(self) -> None:
        """A file that is there has to be writable itself."""
        (self.folder / "pid").touch()
        self.assertEqual(self.wrong(), "")
        self.mayWrite = False
        self.assertIn("it is read-only", self.wrong())

    def test_missingFolders(self) -> None:
        """A folder that is not there is named."""
        nowhere = str(self.folder / "nosuch")
        for options, expected in [
            ({"rundir": nowhere}, f"--rundir {nowhere!r}: no such folder"),
            ({"chroot": nowhere}, f"--chroot {nowhere!r}: no such folder"),
            (
                {"pidfile": f"{nowhere}/pid"},
                f"cannot write the pid file '{nowhere}/pid': No such file or directory "
                "(--pidfile=FILE, or --pidfile= for none)",
            ),
        ]:
            self.assertTrue(self.wrong(**options).startswith(expected))

    def test_newRoot(self) -> None:
        """The new root needs a /dev/null, in the foreground, too.  Only root may change
        it.  An absolute working directory is inside it."""
        root = str(self.folder)
        new: dict[str, Any] = {"chroot": root, "pidfile": "", "syslog": 1}
        for nodaemon in 0, 1:
            self.assertEqual(
                self.wrong(**new, nodaemon=nodaemon),
                f"--chroot {root!r}: it needs a dev/null",
            )
        (self.folder / "dev").mkdir()
        (self.folder / "dev" / "null").touch()
        self.assertEqual(self.wrong(**new, nodaemon=0), "")
        self.assertEqual(self.wrong(**new, rundir="/dev"), "")
        self.assertEqual(
            self.wrong(**new, rundir=root), f"--rundir {root!r}: no such folder"
        )
        self.assertEqual(self.wrong(**new, rundir=os.path.relpath(root)), "")
        self.user = 1
        self.assertEqual(self.wrong(**new), "--chroot: only root may do this")

    def test_folders(self) -> None:
        """A folder is no file that can be written.  A working directory that cannot be
        entered is named."""
        folder = str(self.folder)
        pidFile = f"cannot write the pid file {folder!r}: Is a directory"
        log = f"cannot write the log {folder!r}: Is a directory (--logfile=FILE)"
        self.assertTrue(self.wrong(pidfile=folder).startswith(pidFile))
        self.assertEqual(self.wrong(pidfile="", logfile=folder), log)
        self.mayWrite = False
        self.assertEqual(
            self.wrong(pidfile="", rundir=folder),
            f"--rundir {folder!r}: Permission denied",
        )

    def test_users(self) -> None:
        """A user that twistd would have to look up is there, in the new root if there
        is one.  It looks up its own only to find a group."""
        known = {0, 7}

        def getpwuid(user: int) -> None:
            if user not in known:
                raise KeyError(user)

        self.patch(pwd, "getpwuid", getpwuid)
        self.patch(os, "getuid", lambda: 8)
        noUser = "--uid 8: no such user"
        self.assertEqual(self.wrong(uid=7), "")
        self.assertEqual(self.wrong(uid=8), noUser)
        self.assertEqual(self.wrong(uid=8, gid=8), "")
        self.assertEqual(self.wrong(uid=8, gid=8, euid=1), noUser)
        (self.folder / "dev").mkdir()
        (self.folder / "dev" / "null").touch()
        new: dict[str, Any] = {"chroot": str(self.folder), "pidfile": "", "uid": 7}
        users = self.folder / "etc" / "passwd"
        noUser = f"--uid 7: no such user in '{users}'"
        self.assertEqual(self.wrong(**new), noUser)
        users.parent.mkdir()
        users.write_text("root:x:0:0:root:/root:/bin/sh\n\n+\n")
        self.assertEqual(self.wrong(**new), noUser)
        users.write_text("echo:x:7:9::/:\n")
        self.assertEqual(self.wrong(**new), "")
        nowhere = {**new, "chroot": f"{self.folder}/nosuch"}
        self.assertNotIn("--uid", self.wrong(**nowhere))

    def test_numbers(self) -> None:
        """Numbers that the system does not take are named."""
        for group in -5, NO_GROUP, 99999999999:
            self.assertEqual(self.wrong(gid=group), f"--gid {group}: no such group")
        for mask in -1, 0o10000:
            self.assertEqual(
                self.wrong(umask=mask), "--umask: not an octal number from 0 to 7777"
            )
        self.assertEqual(self.wrong(gid=0, umask=0o7777), "")
        self.assertEqual(self.wrong(gid=NO_GROUP - 1, umask=0), "")
