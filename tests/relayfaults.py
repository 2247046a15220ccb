"""Faults of daemons and of Redis, while a crowd talks whose size a suite sets."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.redisservers import LASTING, RedisServer
from tests.relayedcrowds import AWAY, BACK, BEGAN, Talk, relayed


class RelayFaultsCase(SynchronousTestCase):
    """
    A crowd at three daemons, and something that goes wrong while it talks.

    @cvar members: how many members there are.
    @cvar speakers: how many of them speak.
    @cvar lines: how many lines they say.
    @cvar stopped: for how many seconds Redis is stopped.
    """

    members: int
    speakers: int
    lines: int
    stopped: float

    def talk(self, *settings: str) -> Talk:
        """
        Start a room, whose members begin to talk.

        @param settings: those of Redis.
        @return: the talk, when half of the lines are said.
        """
        self.server = RedisServer(self, *settings)
        self.daemons = [relayed(self, self.server) for _ in range(3)]
        talk = Talk(self, self.daemons, self.members, self.speakers)
        talk.speak(self.lines)
        talk.untilSaid(self.lines // 2)
        return talk

    def test_oneOrder(self) -> None:
        """All members of all daemons hear all lines, in one order and nothing twice."""
        talk = self.talk()
        talk.settle()
        talk.assertComplete()
        talk.assertTold()

    def test_relayKilled(self) -> None:
        """Redis is killed and started again with its data: all hear all lines, in one
        order and nothing twice."""
        talk = self.talk(*LASTING)
        self.server.kill()
        talk.until(lambda: all(AWAY in talk.told[each] for each in talk.clients))
        self.server.start()
        talk.settle()
        talk.assertComplete()
        talk.assertTold(AWAY, BACK)

    def test_relayStopped(self) -> None:
        """Redis is stopped for some seconds: all hear all lines, in one order and
        nothing twice."""
        talk = self.talk()
        self.server.freeze()
        talk.pause(self.stopped)
        self.server.thaw()
        talk.settle()
        talk.assertComplete()
        talk.assertTold()

    def assertBeginsAgain(self, talk: Talk, *notices: bytes) -> None:
        """
        Assert that all hear once that a new order begins, and then all lines.

        @param notices: what all hear before.
        """
        talk.until(lambda: all(BEGAN in talk.told[each] for each in talk.clients))
        later = talk.said
        talk.speak(self.lines // 2)
        talk.settle()
        talk.assertOneOrder(later)
        talk.assertTold(*notices, BEGAN)
        names = [each.name for each in talk.clients]
        for each in talk.clients[:3]:
            self.assertCountEqual(talk.whoAt(each), names)

    def test_relayLost(self) -> None:
        """Redis is killed and started again without its data: all hear once that a new
        order begins, all lines are in one order, none comes twice, and none of the
        later ones is lost."""
        talk = self.talk()
        self.server.kill()
        talk.until(lambda: all(AWAY in talk.told[each] for each in talk.clients))
        self.server.start()
        self.assertBeginsAgain(talk, AWAY, BACK)

    def test_relayEmptied(self) -> None:
        """Redis is emptied while all are connected: the same."""
        talk = self.talk()
        self.server.command("FLUSHALL")
        self.assertBeginsAgain(talk)
