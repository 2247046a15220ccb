"""The intercom: no member can look like another one."""

from __future__ import annotations

import re
import socket

from tests import tricks
from tests.rooms import UNIX


class ForgingTests(tricks.TricksCase):
    """
    No member can look like another one.
    """

    def test_handMade(self) -> None:
        """A message that imitates something else is a message of its sender."""
        forged = b"[1700000000.123456789] * x joined"
        for pieces, told in [
            ([b"a\n" + forged + b"\n"], [b"a", forged]),
            ([b"a\r" + forged + b"\n"], [b"a?" + forged]),
            ([b"a\r\n" + forged + b"\r\n"], [b"a", forged]),
            ([b"a\r\r\n" + forged], [b"a?", forged]),
            ([b"a\n\r" + forged], [b"a", b"?" + forged]),
            ([b"a\v" + forged + b"\n"], [b"a?" + forged]),
            ([b"a\0b\tc\x1b[2J\x7f\n"], [b"a?b\tc?[2J?"]),
            (["a\u2028b\x85c\u202ed\xe9\n".encode()], ["a?b?c?d\xe9".encode()]),
            ([b"\n\n"], [b"", b""]),
            ([b"\n", forged], [b"", forged]),
            # A pause ends each of them.
            ([b"a", forged, b"\r", forged], [b"a", forged, b"?", forged]),
            ([b"a", b"\n", forged + b"\nb"], [b"a", b"", forged, b"b"]),
            ([b"/name"], [b"/name"]),
            ([b" /name eve\n"], [b" /name eve"]),
            ([b"a\n/name eve\nb\n"], [b"a", b"b"]),
            ([b"a\n/name bob\nb\n"], [b"a", b"b"]),
            ([b"a\n/name <bob> x\nb\n"], [b"a", b"b"]),
            ([b"a\n/who\n/help\r\nb\n"], [b"a", b"b"]),
            ([b"a\n/quit\nb\n"], [b"a"]),
            ([b"/who", b"/quit", b"a"], [b"/who", b"/quit", b"a"]),
            ([b"\n/who", b"\nb\n"], [b"", b"b"]),
            ([b"/etc/passwd\n/x\n/who\n"], [b"/etc/passwd", b"/x"]),
            ([b" /who\n//who\n/who \n"], [b" /who", b"//who", b"/who "]),
            ([b"a\n] /who\n[1] /quit\n"], [b"a", b"] /who", b"[1] /quit"]),
        ]:
            self.assertEqual(self.attack(pieces), told, pieces)

    def test_halfAMessageAndAReset(self) -> None:
        """The others do not get a message that has not ended at a reset."""
        self.assertEqual(self.attack([b"a\nb\nhalf"], isCut=True), [b"a", b"b"])

    def test_overlong(self) -> None:
        """A message that C{--max-length} stamps unfinished is cut for the others.  No
        other line begins where it ends."""
        self.start("--pause=0.02", "--max-length=10")
        forged = b"[1] * x "
        for pieces, told in [
            ([b"0123456789ab\n"], [b"0123456789"]),
            (
                [b"\n", b"0123456789ab", forged + b"\n" + forged],
                [b"", b"0123456789", forged],
            ),
            ([b"\n", b"0123456789ab", b"\n"], [b"", b"0123456789"]),
            ([b"\n", b"0123456789ab", b"\r", b"\r" + forged], [b"", b"0123456789"]),
            ([b"\n", b"0123456789ab", b"c", b"d\ne"], [b"", b"0123456789", b"e"]),
            (["012345678\u2028\n".encode()], [b"012345678?"]),
            (["012345678\xe9x\n".encode()], [b"012345678"]),
        ]:
            self.assertEqual(self.attack(pieces), told, pieces)

    def test_names(self) -> None:
        """A text that is no name, or looks like an address, is refused.  A name in use
        gets a number."""
        for asked, called in [
            (b"eve", b"eve"),
            (b"A.b:C_d[9]-", b"A.b:C_d[9]-"),
            (b"x" * 32, b"x" * 32),
            (b"bob", b"bob-2"),
            (b"bob\r", b"bob-2"),
            (b"", None),
            (b"x" * 33, None),
            (b"a b", None),
            (b"<bob>", None),
            (b"bob>", None),
            (b"a\tb", None),
            (b"a\rb", None),
            (b"a\0", None),
            (b"\x1b[2J", None),
            (b"*", None),
            ("b\xf6b".encode(), None),
            ("bob\u200b".encode(), None),
            (b"127.0.0.1:80", None),
            (b"[::1]:80", None),
            (b"::1:80", None),
            (self.listener.socket.getsockname()[0].encode() + b":1", None),
        ]:
            client = self.crowd.join()
            address = client.name
            self.crowd.say(client, b"/name " + asked + b"\nhello\n")
            own = b"/name " + asked + b"\n"
            name = called or address
            if called is None:
                own += b"* you are " + name + b": a name has 1 to 32 "
            elif called == b"bob-2":
                own += b"* you are bob-2: bob is taken\n"
            self.crowd.until(lambda: client.heard.endswith(b"] hello\n"))  # noqa: B023
            self.assertTrue(re.sub(UNIX, b"", client.heard).startswith(own), asked)
            client.socket.shutdown(socket.SHUT_WR)
            left = b"* %s left\n" % name
            self.crowd.until(lambda: self.listener.heard.endswith(left))  # noqa: B023
            self.assertEqual(
                re.sub(UNIX, b"", self.listener.heard),
                b"* %s joined\n<%s> hello\n" % (name, name) + left,
            )
            self.listener.heard.clear()

    def test_namesInUse(self) -> None:
        """Several clients that ask for one name get different names."""
        clients = [self.crowd.join(b"x" * 32) for _ in range(12)]
        for client in clients:
            self.crowd.say(client, b"hello\n")
        self.crowd.until(lambda: self.listener.heard.count(b"> hello\n") == 12)
        names = re.findall(rb"<(\S+)> hello", self.listener.heard)
        suffixes = [b"", *(b"-%d" % n for n in range(2, 13))]
        expected = [b"x" * (32 - len(suffix)) + suffix for suffix in suffixes]
        self.assertEqual(sorted(names), sorted(expected))


class AnyOctetsTests(tricks.AnyOctetsCase):
    """
    Clients that send any octets, in any pieces.
    """

    clients = 40
