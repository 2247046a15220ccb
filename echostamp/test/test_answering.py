"""Tests for L{echostamp.intercom.answering}."""

from __future__ import annotations

from echostamp.intercom.announcing import ANNOUNCE_DELAY
from echostamp.intercom.commands import RENAME_INTERVAL
from echostamp.test.fakes import FakeSocketConnection
from echostamp.test.rooms import IntercomCase


class WhoTests(IntercomCase):
    """
    The list of members, and other answers.
    """

    def test_who(self) -> None:
        """Everybody is listed whose joining was told, the asker too, with the time of
        that notice.  Only the asker gets the list, and the command back."""
        ann = self.join(b"ann")
        self.reactor.advance(ANNOUNCE_DELAY)
        bob = self.join()
        self.join()
        self.send(bob, b"hi\n")
        self.assertGot(ann, b"[01] * local joined\n[01] <local> hi\n")
        self.reactor.advance(ANNOUNCE_DELAY / 2)
        self.send(ann, b"/who\n")
        self.assertGot(
            ann,
            b"[01] /who\n[01] * ann since 00 from local\n"
            b"[01] * local since 01 from local\n",
        )
        self.assertGot(bob, b"[01] hi\n")
        self.assertAtRest()

    def test_help(self) -> None:
        """Help is for the asker only."""
        ann, bob = self.join(b"ann"), self.join(b"bob")
        self.send(ann, b"/help\r\n")
        self.assertIn(b"[00] /help\r\n[00] * /who: ", ann.sent)
        self.assertGot(bob, b"")

    def test_unknown(self) -> None:
        """A word that is no command is a message, and its sender gets a notice."""
        ann, bob = self.join(b"ann"), self.join(b"bob")
        self.send(ann, b"/whois\n")
        self.assertGot(ann, b"[00] /whois\n[00] * no command /whois: see /help\n")
        self.assertGot(bob, b"[00] <ann> /whois\n")
        self.send(ann, b"/etc/passwd\n /who\n")
        self.assertGot(ann, b"[00] /etc/passwd\n[00]  /who\n")
        self.assertGot(bob, b"[00] <ann> /etc/passwd\n[00] <ann>  /who\n")

    def test_switchedOff(self) -> None:
        """Without commands only the first message may request a name."""
        self.begin(hasCommands=False)
        ann, bob = self.join(b"ann"), self.join(b"bob")
        self.send(ann, b"/who\n/x\n/name eve\n/quit\n")
        self.assertGot(ann, b"[00] /who\n[00] /x\n[00] /name eve\n[00] /quit\n")
        self.assertGot(
            bob,
            b"[00] <ann> /who\n[00] <ann> /x\n[00] <ann> /name eve\n[00] <ann> /quit\n",
        )


class RenameTests(IntercomCase):
    """
    A member changes its name.
    """

    def setUp(self) -> None:
        """Let two members join."""
        super().setUp()
        self.ann, self.bob = self.join(b"ann"), self.join(b"bob")

    def assertAnswered(
        self, member: FakeSocketConnection, request: bytes, *answers: bytes
    ) -> None:
        """Assert how a request for a name is answered."""
        self.send(member, b"/name %s\n" % request)
        stamp = self.factory.stamp()
        texts = [b"/name " + request, *(b"* " + each for each in answers)]
        self.assertGot(member, b"".join(stamp + each + b"\n" for each in texts))

    def test_toAll(self) -> None:
        """Everybody gets the notice, the member itself too."""
        self.assertAnswered(self.ann, b"eve", b"ann is now eve")
        self.assertGot(self.bob, b"[00] * ann is now eve\n")
        self.assertEqual(self.log.lines[-1], "local is eve")
        self.send(self.ann, b"hi\n")
        self.assertGot(self.bob, b"[00] <eve> hi\n")

    def test_taken(self) -> None:
        """A member learns why its name is another one than it asked for."""
        self.assertAnswered(
            self.ann, b"bob", b"ann is now bob-2", b"you are bob-2: bob is taken"
        )
        self.assertGot(self.bob, b"[00] * ann is now bob-2\n")

    def test_tooSoon(self) -> None:
        """There is at most one change in 5 s."""
        wait = b"you are eve: the next name is possible in %d s"
        self.assertAnswered(self.ann, b"eve", b"ann is now eve")
        self.assertAnswered(self.ann, b"ann", wait % 5)
        self.reactor.advance(RENAME_INTERVAL - 0.5)
        self.assertAnswered(self.ann, b"ann", wait % 1)
        self.assertGot(self.bob, b"[00] * ann is now eve\n")
        self.reactor.advance(0.5)
        self.assertAnswered(self.ann, b"ann", b"eve is now ann")
        self.assertGot(self.bob, b"[05] * eve is now ann\n")

    def test_tooSoonAfterTheFirst(self) -> None:
        """The first message of a member that the others know may be a change, too."""
        cid = self.join()
        self.reactor.advance(ANNOUNCE_DELAY)
        self.assertAnswered(cid, b"cid")
        self.assertAnswered(
            cid, b"dan", b"you are cid: the next name is possible in 5 s"
        )
        self.assertGot(self.ann, b"[01] * local joined\n[01] * local is now cid\n")

    def test_same(self) -> None:
        """A request for the present name tells the others nothing, and may come at any
        time."""
        for _ in range(2):
            self.assertAnswered(self.ann, b"ann", b"you are ann")
        self.assertAnswered(self.ann, b"eve", b"ann is now eve")
        self.assertAnswered(self.ann, b"eve", b"you are eve")

    def test_sameAsBefore(self) -> None:
        """Where the requested name is still taken, the name stays.  To look for a free
        one takes time, so this is limited, too."""
        other = self.join(b"ann")
        self.assertAnswered(other, b"ann", b"you are ann-2: ann is taken")
        self.assertAnswered(
            other, b"ann", b"you are ann-2: the next name is possible in 5 s"
        )
        self.assertGot(self.bob, b"")

    def test_notAName(self) -> None:
        """A text that is no name changes nothing, and does not count."""
        why = b"you are ann: a name has 1 to 32 ASCII letters, digits and .:_-[], "
        for text in b"", b"a b", b"127.0.0.1", b"local":
            self.assertAnswered(self.ann, text, why + b"and no address")
        self.assertAnswered(self.ann, b"eve", b"ann is now eve")
        self.assertGot(self.bob, b"[00] * ann is now eve\n")

    def test_withoutNotices(self) -> None:
        """Without notices the member is answered, and nobody else is told."""
        self.begin(hasNotices=False)
        ann, bob = self.join(b"ann"), self.join(b"bob")
        self.assertAnswered(ann, b"eve", b"ann is now eve")
        self.assertAnswered(ann, b"x", b"you are eve: the next name is possible in 5 s")
        self.assertGot(bob, b"")
