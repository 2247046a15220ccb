"""Tests for L{echostamp.listen.descriptions}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from echostamp.endpointparts import parseDescription
from echostamp.listen.descriptions import checkDescription


class CheckTests(SynchronousTestCase):
    """
    Descriptions that Twisted will parse.
    """

    def test_right(self) -> None:
        """Right descriptions pass, and those of other kinds."""
        for text in [
            "tcp:0",
            "tcp:port=65535:interface=127.0.0.1:backlog=9",
            r"tcp:80:\:\:1:50",
            r"tcp6:80:50:\:\:1",
            "unix:/run/s:660:lockfile=0",
            "unix:address=s:mode=660",
            "ssl:8003:privateKey=key.pem:certKey=cert.pem",
            "plugin:x=1:y:z",
        ]:
            checkDescription(parseDescription(text))

    def test_wrong(self) -> None:
        """The text says what is wrong, and nothing of Python's."""
        noPort = "'{}' is not a port from 0 to 65535"
        for text, expected in [
            ("tcp", noPort.format("")),
            ("tcp:", noPort.format("")),
            ("tcp:http", noPort.format("http")),
            ("tcp:-1", noPort.format("-1")),
            ("tcp:70000", noPort.format("70000")),
            ("tcp:80:port=81", "port= is given twice"),
            ("tcp:80:nonsense=1", "unknown parameter 'nonsense'"),
            ("tcp:1:2:3:4:5", "one part too many: '4'"),
            ("tcp:80:backlog=x", "backlog='x' is not a number from 0 to 65535"),
            ("unix", "its path is missing"),
            ("unix:mode=660", "its path is missing"),
            ("unix:s:mode=rw", "mode='rw' is not an octal number from 0 to 777"),
            ("unix:s:backlog=-1", "backlog='-1' is not a number from 0 to 65535"),
            ("unix:s:lockfile=no", "lockfile='no' is not 0 or 1"),
            ("tcp6", noPort.format("")),
            ("tcp6:x", noPort.format("x")),
            ("tcp6:80:x", "backlog='x' is not a number from 0 to 65535"),
            ("port=80", "'port=80' is no kind of endpoint"),
        ]:
            error = self.assertRaises(
                ValueError, checkDescription, parseDescription(text)
            )
            self.assertEqual(str(error), expected)
