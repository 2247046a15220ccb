"""Tests for L{echostamp.keyfiles}."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from echostamp import keyfiles
from echostamp.keyfiles import DISK, Files, GivenFiles, OpenFiles


class FilesCase(SynchronousTestCase):
    """
    A folder with a file that only its owner may read.
    """

    def setUp(self) -> None:
        """Make the folder, and have it as the working directory."""
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir(parents=True)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.folder)
        self.path = self.folder / "file"
        self.path.write_bytes(b"one")
        self.path.chmod(0o600)

    def assertFails(self, files: Files, number: int, path: str) -> OSError:
        """Assert that a file cannot be read, and give the error."""
        error: OSError = self.assertRaises(OSError, files.read, path, isSecret=True)
        self.assertEqual(error.errno, number)
        return error

    def content(self, files: Files) -> bytes:
        """Give what OpenSSL would read."""
        with files.named("file") as name:
            return Path(name).read_bytes()


class DiskTests(FilesCase):
    """
    Files are read from the disk.
    """

    def test_read(self) -> None:
        """A file is read, as far as it is asked for."""
        self.assertEqual(DISK.read("file"), b"one")
        self.assertEqual(DISK.read("file", 2, isSecret=True), b"on")
        self.assertEqual(self.content(DISK), b"one")
        for path in "", "missing":
            self.assertFails(DISK, errno.ENOENT, path)
        self.assertFails(DISK, errno.EISDIR, ".")

    def test_others(self) -> None:
        """A secret file that others may use is refused, and other files are not."""
        for mode in 0o604, 0o602, 0o601:
            self.path.chmod(mode)
            self.assertTrue(DISK.isExposed("file"))
            error = self.assertFails(DISK, errno.EPERM, "file")
            self.assertEqual(error.strerror, "others may read it; chmod o= it")
            self.assertEqual(DISK.read("file"), b"one")
        self.path.chmod(0o660)
        self.assertFalse(DISK.isExposed("file"))
        self.assertFalse(DISK.isExposed("missing"))

    def test_absolute(self) -> None:
        """A path is meant in the working directory; an empty path names no file."""
        self.assertEqual(DISK.absolute("./file"), str(self.path))
        self.assertEqual(DISK.absolute(""), "")


class OpenFilesTests(FilesCase):
    """
    Files are remembered for the workers.
    """

    def test_accepted(self) -> None:
        """What is remembered changes only when the contents that were read are right,
        by the absolute path."""
        files = OpenFiles()
        files.read("file")
        self.assertEqual(files.contents, {})
        files.accept([str(self.path)])
        self.assertEqual(files.contents, {str(self.path): b"one"})
        self.path.write_bytes(b"two")
        self.assertEqual(files.read("file"), b"two")
        self.assertEqual(files.contents, {str(self.path): b"one"})
        files.accept([files.absolute("file")])
        self.assertEqual(files.contents, {str(self.path): b"two"})

    def test_replacedMeanwhile(self) -> None:
        """OpenSSL gets what was read, though the file has changed since."""
        files = OpenFiles()
        files.read("file")
        self.path.write_bytes(b"two")
        self.assertEqual(self.content(files), b"one")

    def test_withoutProc(self) -> None:
        """Where OpenSSL cannot get what is in memory, the error does not blame the
        file."""
        self.patch(keyfiles, "_OPEN", str(self.folder / "none"))
        files = OpenFiles()
        files.read("file")
        error = self.assertRaises(OSError, self.content, files)
        self.assertEqual(error.strerror, "this takes Linux, with /proc mounted")

    def test_others(self) -> None:
        """A secret file that others may read is refused, and not remembered."""
        self.path.chmod(0o604)
        self.assertFails(OpenFiles(), errno.EPERM, "file")


class GivenFilesTests(FilesCase):
    """
    Files come from another process.
    """

    def setUp(self) -> None:
        """Be in another working directory, without the file."""
        super().setUp()
        self.path.unlink()
        os.chdir("/")
        self.files = GivenFiles({str(self.path): b"one"}, str(self.folder))

    def test_read(self) -> None:
        """The paths are those that the other process had, relative or not."""
        for path in "file", "./file", str(self.path):
            self.assertEqual(self.files.absolute(path), str(self.path))
            self.assertEqual(self.files.read(path, isSecret=True), b"one")
            self.assertEqual(self.files.read(path, 2), b"on")
            self.assertEqual(self.content(self.files), b"one")
        self.assertEqual(self.files.absolute(""), "")
        self.assertFalse(self.files.isExposed("file"))

    def test_missing(self) -> None:
        """A file that was not given is missing, though it is on the disk."""
        self.path.write_bytes(b"one")
        for path in "", "other", "/file":
            error = self.assertFails(self.files, errno.ENOENT, path)
            self.assertEqual(error.strerror, "No such file or directory")
        self.files.replace({})
        self.assertFails(self.files, errno.ENOENT, "file")

    def test_replaced(self) -> None:
        """Other contents are given from then on."""
        self.files.replace({str(self.path): b"two"})
        self.assertEqual(self.files.read("file"), b"two")
        self.assertEqual(self.content(self.files), b"two")

    def test_nothingStaysOpen(self) -> None:
        """The path for OpenSSL ends with the context."""
        with self.files.named("file") as name:
            self.assertTrue(os.path.exists(name))
        self.assertFalse(os.path.exists(name))
