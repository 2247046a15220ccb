"""Tests for L{echostamp.listen.descriptions}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from echostamp.listen.descriptions import (
    checkDescription,
    parseDescription,
    portNumber,
)


class ParseTests(SynchronousTestCase):
    """
    A description is split into its parts.
    """

    def test_parts(self) -> None:
        """Parts have a name or none; a backslash takes a character as it is."""
        for text, expected in [
            ("", ("", [], {})),
            ("tcp", ("tcp", [], {})),
            ("tcp:", ("tcp", [""], {})),
            (r"tcp:80:interface=\:\:1", ("tcp", ["80"], {"interface": "::1"})),
            (r"unix:a\:b:mode=6=6", ("unix", ["a:b"], {"mode": "6=6"})),
            (r"unix:a\=b:a\=b=c", ("unix", ["a=b"], {"a=b": "c"})),
            (r"unix:a\\:b\\=c", ("unix", ["a\\"], {"b\\": "c"})),
        ]:
            self.assertEqual(tuple(parseDescription(text)), expected)

    def test_twice(self) -> None:
        """A name is given once."""
        error = self.assertRaises(ValueError, parseDescription, "tcp:port=1:port=2")
        self.assertEqual(str(error), "port= is given twice")

    def test_lastBackslash(self) -> None:
        """A backslash at the end escapes nothing."""
        for text in "\\", "tcp:80\\", "tcp:80\\\\\\":
            error = self.assertRaises(ValueError, parseDescription, text)
            self.assertEqual(str(error), "a backslash is its last character")


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
            r"tcp6:80:9:\:\:1",
            "haproxy:tcp6:80:backlog=9",
            "haproxy:plugin:x=1",
            "unix:/run/s:660:lockfile=0",
            "unix:address=s:mode=660",
            "ssl:8003:privateKey=key.pem:certKey=cert.pem",
            "plugin:x=1:y:z",
        ]:
            checkDescription(parseDescription(text))

    def test_wrong(self) -> None:
        """The text says what is wrong, and nothing of Python's."""
        noKind = "it does not begin with a kind of endpoint, such as tcp:"
        noPort = "'{}' is not a port from 0 to 65535"
        for text, expected in [
            ("tcp", noPort.format("")),
            ("tcp:", noPort.format("")),
            ("tcp:http", noPort.format("http")),
            ("tcp:-1", noPort.format("-1")),
            ("tcp:70000", noPort.format("70000")),
            ("ssl", noPort.format("")),
            ("tcp6", noPort.format("")),
            ("tcp6:x", noPort.format("x")),
            ("tcp6:70000", noPort.format("70000")),
            ("tcp6:80:x", "backlog='x' is not a number from 0 to 65535"),
            ("haproxy:tcp", noPort.format("")),
            ("haproxy:haproxy:tcp6:70000", noPort.format("70000")),
            ("haproxy:unix", "its path is missing"),
            ("=", noKind),
            ("port=80", noKind),
            (r"tcp\:0\:interface=127.0.0.1", noKind),
            ("haproxy", noKind),
            ("haproxy:port=80", noKind),
            ("tcp:80:port=81", "port= is given twice"),
            ("tcp:80:nonsense=1", "unknown parameter 'nonsense'"),
            ("tcp:1:2:3:4:5", "one part too many: '4'"),
            ("tcp:80:backlog=x", "backlog='x' is not a number from 0 to 65535"),
            ("unix", "its path is missing"),
            ("unix:mode=660", "its path is missing"),
            ("unix:s:mode=rw", "mode='rw' is not an octal number from 0 to 777"),
            ("unix:s:backlog=-1", "backlog='-1' is not a number from 0 to 65535"),
            ("unix:s:lockfile=no", "lockfile='no' is not 0 or 1"),
        ]:
            error = self.assertRaises(
                ValueError, checkDescription, parseDescription(text)
            )
            self.assertEqual(str(error), expected)

    def test_longNumber(self) -> None:
        """A number of thousands of digits is no port."""
        self.assertRaises(ValueError, portNumber, "1" * 5000)
        self.assertRaises(ValueError, portNumber, "\u0661")
