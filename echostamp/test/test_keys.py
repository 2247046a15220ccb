"""Tests for L{echostamp.rfc8762.keys}."""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.rfc8762 import keys
from echostamp.rfc8762.keys import keysOf, parseKeys, readKeys

ONE, TWO, THREE = (bytes([each] * 16) for each in (1, 2, 3))


class ParseTests(SynchronousTestCase):
    """
    The text of a key file.
    """

    def test_keys(self) -> None:
        """Each line is an SSID, or C{*}, and a key; C{#} begins a comment."""
        text = (
            "# Keys\n"
            f"7 {ONE.hex()}  # until Monday\n"
            "\n"
            f"\t7\t{TWO.hex().upper()}\r\n"
            f"65535 {ONE.hex()}\n"
            f"* {THREE.hex()}"
        )
        found = parseKeys(text)
        self.assertEqual(found, {7: [ONE, TWO], 65535: [ONE], None: [THREE]})
        self.assertEqual(keysOf(found, 7), [ONE, TWO])
        self.assertEqual(keysOf(found, 8), [THREE])

    def test_noneForOthers(self) -> None:
        """Without C{*} other SSIDs have no key."""
        self.assertEqual(len(keysOf(parseKeys(f"0 {ONE.hex()}"), 1)), 0)
        self.assertEqual(keysOf(parseKeys(f"0 {ONE.hex()}"), 0), [ONE])

    def test_lengths(self) -> None:
        """A key has 16 to 1024 octets."""
        for length, isRight in [(15, 0), (16, 1), (1024, 1), (1025, 0)]:
            text = f"* {'ab' * length}"
            if isRight:
                self.assertEqual(parseKeys(text), {None: [b"\xab" * length]})
            else:
                self.assertRaises(ValueError, parseKeys, text)

    def test_wrong(self) -> None:
        """An error names the line, and shows nothing of a key."""
        key = ONE.hex()
        for text, why in [
            ("", "there is no key in it"),
            ("# only a comment\n", "there is no key in it"),
            (f"\n{key}", "line 2: not an SSID, or *, and a key"),
            (f"1 2 {key}", "line 1: not an SSID, or *, and a key"),
            (f"65536 {key}", "line 1: the SSID is neither * nor a number"),
            (f"-1 {key}", "line 1: the SSID is neither * nor a number"),
            (f"{'1' * 9999} {key}", "line 1: the SSID is neither * nor a number"),
            (f"** {key}", "line 1: the SSID is neither * nor a number"),
            (f"1 {key[:-1]}", "line 1: the key is not in hexadecimal digits"),
            (f"1 {key}g0", "line 1: the key is not in hexadecimal digits"),
            ("1 0102", "line 1: the key does not have 16 to 1024 octets"),
            (f"1 {key}\n" * 3, "line 3: a third key for one SSID"),
            (f"* {key}\n" * 3, "line 3: a third key for one SSID"),
        ]:
            said = str(self.assertRaises(ValueError, parseKeys, text))
            self.assertTrue(said.startswith(why), said)
            self.assertNotIn(key[:-1], said)

    @given(st.text())
    def test_anyText(self, text: str) -> None:
        """Any text is a key file, or gives an error of one line."""
        said = ""
        try:
            found = parseKeys(text)
        except ValueError as error:
            said = str(error)
            found = {}
        assert bool(found) != bool(said)
        assert len(said.splitlines()) <= 1
        assert all(0 < len(each) <= keys.MOST for each in found.values())


class ReadTests(SynchronousTestCase):
    """
    Key files.
    """

    def file(self, data: bytes, mode: int = 0o600) -> str:
        """Make a file."""
        path: str = self.mktemp()
        with open(path, "wb") as file:
            file.write(data)
        os.chmod(path, mode)
        return path

    def refused(self, path: str) -> str:
        """Read a file that is wrong, and give the error."""
        error: object = self.assertRaises(ValueError, readKeys, path)
        return str(error)

    def test_file(self) -> None:
        """The keys of a file are read; its group may read it, too."""
        text = b"* " + ONE.hex().encode()
        for mode in 0o400, 0o600, 0o640, 0o660:
            self.assertEqual(readKeys(self.file(text, mode)), {None: [ONE]})

    def test_others(self) -> None:
        """A file that others may access is refused, and the error gives the remedy."""
        text = b"* " + ONE.hex().encode()
        for mode in 0o604, 0o602, 0o601, 0o644:
            self.assertEqual(
                self.refused(self.file(text, mode)), "others may read it; chmod o= it"
            )

    def test_unreadable(self) -> None:
        """A file that cannot be read gives the system's error."""
        self.assertEqual(self.refused(self.mktemp()), "No such file or directory")
        self.assertEqual(self.refused("."), "Is a directory")
        self.assertIn("null", self.refused("a\0b"))

    def test_noText(self) -> None:
        """A file that is not text, or is too long, is refused."""
        self.assertEqual(self.refused(self.file(b"* \xff\xfe")), "it is not text")
        self.assertEqual(self.refused(self.file(b"#" * 1_000_001)), "it is too long")
        self.assertEqual(
            self.refused(self.file(b"#" * 1_000_000)), "there is no key in it"
        )
