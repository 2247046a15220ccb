"""Tests for L{echostamp.connect.descriptions}."""

from __future__ import annotations

from twisted.internet.endpoints import clientFromString
from twisted.trial.unittest import SynchronousTestCase

from echostamp.connect.descriptions import checkDescription
from echostamp.test.fakes import FakeReactor


class CheckTests(SynchronousTestCase):
    """
    Descriptions that Twisted will parse.
    """

    def test_right(self) -> None:
        """Right descriptions pass, as they do with Twisted.  The host is given."""
        for text, host in [
            ("tcp:far:7", "far"),
            ("TCP:far:7", "far"),
            ("tcp:host=far:7", "far"),
            ("tcp:7:host=far", "far"),
            ("tcp:far:port=7:timeout=3:bindAddress=192.0.2.1", "far"),
            (r"tcp:host=\:\:1:port=65535", "::1"),
            (r"tcp:fe80\:\:1%eth0:7", "fe80::1%eth0"),
            ("unix:/s", ""),
            ("unix:path=/s:lockfile=0:timeout=3", ""),
        ]:
            self.assertEqual(checkDescription(text), host)
            clientFromString(FakeReactor(), text)
        self.assertEqual(checkDescription("plugin:x=1:y:z"), "")

    def test_wrong(self) -> None:
        """The text says what is wrong, and nothing of Python's."""
        noPort = "'{}' is not a port from 1 to 65535"
        for text, expected in [
            ("tcp", noPort.format("")),
            ("tcp:far", noPort.format("")),
            ("tcp:far:x", noPort.format("x")),
            ("tcp:far:0", noPort.format("0")),
            ("tcp:far:99999", noPort.format("99999")),
            ("tcp:host=far:port=x", noPort.format("x")),
            ("tcp::7", "no host"),
            ("tcp:port=7", "no host"),
            ("tcp:far:7:8", "one part too many: '8'"),
            ("tcp:host=far:7:8", "one part too many: '8'"),
            ("tcp:far:7:port=8", "port= is given twice"),
            ("tcp:far:7:nonsense=1", "unknown parameter 'nonsense'"),
            ("tcp:far:7:timeout=x", "timeout='x' is not a number of seconds"),
            (
                r"tcp:host=fe80\:\:1:port=7",
                "a link-local address needs its link, as fe80::1%eth0",
            ),
            ("unix", "its path is missing"),
            ("unix:", "its path is missing"),
            ("unix:/s:x", "one part too many: 'x'"),
            ("unix:/s:nonsense=1", "unknown parameter 'nonsense'"),
            ("unix:/s:timeout=x", "timeout='x' is not a number of seconds"),
            ("unix:/s:lockfile=no", "lockfile='no' is not 0 or 1"),
            ("a=b", "'a=b' is no kind of endpoint"),
        ]:
            error = self.assertRaises(ValueError, checkDescription, text)
            self.assertEqual(str(error), expected)
