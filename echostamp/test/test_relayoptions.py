"""Tests for L{echostamp.daemon.relayoptions}."""

from __future__ import annotations

from pathlib import Path

from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from echostamp.daemon import relayoptions
from echostamp.daemon.relayoptions import RelayOptions, readPassword
from echostamp.daemon.relayplace import RelayPlace

RELAY = ("--intercom", "--relay=redis://h/k")


class Options(RelayOptions):
    """
    The options of the relay, and one that they go with.
    """

    optFlags = [["intercom", None, ""]]

    def postOptions(self) -> None:
        """Convert the texts to values."""
        self.checkRelay()


class RelayOptionsTests(SynchronousTestCase):
    """
    Tests for L{RelayOptions}.
    """

    def parse(self, *arguments: str) -> Options:
        """Parse a command line."""
        options = Options()
        options.parseOptions(list(arguments))
        return options

    def refused(self, *arguments: str) -> str:
        """Parse a wrong command line, and give its error, which is one line."""
        line = str(self.assertRaises(UsageError, self.parse, *arguments))
        self.assertTrue(line.isprintable(), line)
        return line

    def password(self, content: bytes, mode: int = 0o600) -> str:
        """Write the file of a password, and give its path."""
        path = Path(self.mktemp())
        path.write_bytes(content)
        path.chmod(mode)
        return str(path)

    def test_defaults(self) -> None:
        """There is no relay, and nothing is sent again."""
        options = self.parse("--intercom")
        self.assertIsNone(options.relay)
        self.assertEqual(options.replay, 0)

    def test_values(self) -> None:
        """The place, the password, the CAs and the lines are given."""
        options = self.parse(*RELAY, "--replay=1000")
        self.assertEqual(options.relay, RelayPlace("h", 6379, False, "", "k"))
        self.assertEqual(options.replay, 1000)
        options = self.parse(
            "--intercom",
            "--relay=rediss://u@h/k",
            "--relay-password-file=f",
            "--relay-ca=ca.pem",
        )
        assert options.relay is not None
        self.assertTrue(options.relay.isTls)

    def test_goesWith(self) -> None:
        """The relay needs an intercom, and the others the relay."""
        self.assertEqual(
            self.refused("--relay=redis://h/k"), "--relay goes with --intercom"
        )
        for option in "--relay-password-file=f", "--relay-ca=f", "--replay=1":
            name = option.partition("=")[0]
            why = f"{name} goes with --relay"
            self.assertEqual(self.refused("--intercom", option), why)
        why = "--relay-ca goes with --relay rediss://"
        self.assertEqual(self.refused(*RELAY, "--relay-ca=f"), why)
        why = "USER@ in --relay goes with --relay-password-file"
        self.assertEqual(self.refused("--intercom", "--relay=redis://u@h/k"), why)

    def test_wrong(self) -> None:
        """What is wrong is named with its option."""
        for url, why in {
            "redis://u:p@h/k": (
                "a password goes into a file: see --relay-password-file"
            ),
            "redis://a..b/k": "'a..b' is not a host name",
            "redis://[fe80::1]/k": (
                "a link-local address needs its link, as fe80::1%eth0"
            ),
        }.items():
            line = self.refused("--intercom", f"--relay={url}")
            self.assertEqual(line, f"--relay: {why}")
        for text in "-1", "1001", "x":
            why = f"--replay {text!r}: not a whole number from 0 to 1000"
            self.assertEqual(self.refused(*RELAY, f"--replay={text}"), why)

    def test_password(self) -> None:
        """A password is one line that others cannot read, and is not repeated."""
        for content in b"se cret", b"se cret\n", b"se cret\r\n":
            self.assertEqual(readPassword(self.password(content)), b"se cret")
        self.assertEqual(readPassword(self.password(b"s" * 512)), b"s" * 512)
        for content in b"", b"\n", b"a\nb\n", b"s" * 513:
            error = self.assertRaises(ValueError, readPassword, self.password(content))
            self.assertEqual(str(error), "not one line of 1 to 512 octets")
        path = self.password(b"secret", 0o604)
        error = self.assertRaises(ValueError, readPassword, path)
        self.assertEqual(str(error), "others may read it; chmod o= it")
        error = self.assertRaises(ValueError, readPassword, "none")
        self.assertEqual(str(error), "No such file or directory")

    def test_packages(self) -> None:
        """A package of the extra that is missing is named, and the extra."""
        for missing in "txredisapi", "OpenSSL":
            self.patch(
                relayoptions,
                "find_spec",
                lambda name, missing=missing: None if name == missing else name,
            )
            self.assertEqual(
                self.refused(*RELAY),
                f"--relay needs the Python package {missing}: install EchoStamp's "
                "extra 'relay'",
            )
            self.parse("--intercom")
