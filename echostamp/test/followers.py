"""
Daemons that follow the stream of a relay in memory, with rooms that record.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Collection, Sequence
from typing import Any

from echostamp.intercom.entries import Fields
from echostamp.intercom.following import Following
from echostamp.intercom.interfaces import Sign
from echostamp.intercom.memoryrelay import MemoryBroker, MemoryRelay
from echostamp.test.fakes import FakeReactor

#: Seconds in which all processes run on between two turns.
STEP = 0.05


class RecordingRoom:
    """
    A room that knows daemons and texts.

    Texts differ, so a text that the room knows was sent twice.

    @ivar daemon: its id.
    @ivar members: the daemons of the room: the state.
    @ivar texts: the texts of the state, in order.
    @ivar told: everything that was reported to members, but for texts.
    @ivar heardTexts: the texts that were told to members.
    @ivar isFollowed: whether it may be called: it is not stopped.
    """

    def __init__(self, relay: MemoryRelay, name: str) -> None:
        """
        @param relay: gets what is appended.
        @param name: begins all ids.
        """
        self.members: dict[bytes, None] = {}
        self.texts: list[bytes] = []
        self.told: list[str] = []
        self.heardTexts: list[bytes] = []
        self.isFollowed = True
        self.isEntered: Callable[[], bool] = lambda: True
        self._relay = relay
        self._name = name
        self._number = 0
        self._isRecalled = True
        # Whether each text that was not read back has been appended.
        self._waiting: dict[bytes, bool] = {}
        self._renew()

    def _renew(self) -> None:
        """Take a new id."""
        self._number += 1
        self.daemon = b"%s%d" % (self._name.encode(), self._number)

    def _append(self, kind: bytes, value: bytes) -> None:
        """Append an entry."""
        self._relay.append([(b"from", self.daemon), (kind, value)])

    def say(self, text: bytes) -> None:
        """Say something, now or when the stream is entered."""
        self._waiting[text] = False
        self._appendSome()

    def _appendSome(self) -> None:
        """Append what waits, as far as the stream may keep it until it is read."""
        most = self._relay.keeps // 10 - sum(self._waiting.values())
        unsent = [text for text, isSent in self._waiting.items() if not isSent]
        for text in unsent[:most] if self.isEntered() and most > 0 else ():
            self._append(b"text", text)
            self._waiting[text] = True

    @property
    def waiting(self) -> Collection[bytes]:
        """What has not been read back."""
        return self._waiting.keys()

    def heard(self, id: bytes, fields: Fields) -> Sign:
        """Apply an entry."""
        assert self.isFollowed
        (_, writer), (kind, value) = fields
        if kind == b"begin":
            return Sign.NONE if writer == self.daemon else Sign.BEGIN
        if kind == b"join":
            self.members[value] = None
        elif kind == b"gone":
            self.members.pop(value, None)
            if value == self.daemon:
                self._renew()
                self._append(b"join", self.daemon)
        elif value not in self.texts:
            self.texts.append(value)
            self.heardTexts.append(value)
            self._waiting.pop(value, None)
            self._appendSome()
        return Sign.NONE

    def snapshot(self) -> bytes:
        """Write the state."""
        assert self.isFollowed
        return b",".join(self.members) + b"|" + b",".join(self.texts)

    def restore(self, snapshot: bytes) -> bool:
        """Take a state."""
        assert self.isFollowed
        if b"|" not in snapshot:
            self.told.append("hostile")
            return False
        members, texts = (part.split(b",") for part in snapshot.split(b"|"))
        self.members = dict.fromkeys(each for each in members if each)
        self.texts = [each for each in texts if each]
        for each in self.texts:
            self._waiting.pop(each, None)
        self.told.append("restored")
        self._isRecalled = False
        return True

    @property
    def isPaused(self) -> bool:
        """Nobody is slow."""
        return False

    @property
    def recalls(self) -> int:
        """All entries of the stream."""
        return self._relay.keeps

    def recall(self, entries: Sequence[tuple[bytes, Fields]]) -> None:
        """Check that there are some."""
        assert self.isFollowed
        assert entries
        self._isRecalled = True

    def daemons(self) -> Collection[bytes]:
        """The daemons of the state."""
        return self.members

    def begin(self) -> Fields:
        """Make an entry."""
        assert self.isFollowed
        return [(b"from", self.daemon), (b"begin", b"")]

    def appendAgain(self) -> None:
        """Append that this daemon is there, and all texts that wait."""
        assert self.isFollowed
        self.told.append("entered")
        self._append(b"join", self.daemon)
        self._waiting = dict.fromkeys(self._waiting, False)
        self._appendSome()

    def gone(self, daemon: bytes) -> None:
        """Append that a daemon is gone."""
        assert self.isFollowed
        self._append(b"gone", daemon)

    def away(self, why: str) -> None:
        """Record it.  A state is not taken by halves."""
        assert self.isFollowed
        assert self._isRecalled
        self.told.append(f"away: {why}")

    def back(self) -> None:
        """Record it."""
        assert self.isFollowed
        self.told.append("back")

    def began(self) -> None:
        """Record it."""
        assert self.isFollowed
        self.told.append("began")


class Follower:
    """
    A daemon: a process that can be stopped as by SIGSTOP.

    @ivar isStopped: whether the process does not run.
    """

    def __init__(self, broker: MemoryBroker, name: str) -> None:
        """
        @param broker: what it connects to.
        @param name: begins its ids.
        """
        self.isStopped = False
        self.reactor = FakeReactor()
        self.reactor.rightNow = broker.reactor.rightNow
        self.relay = MemoryRelay(broker, self.reactor)
        self.room = RecordingRoom(self.relay, name)
        self.following = Following(self.reactor, self.relay, self.room)
        self.room.isEntered = lambda: self.following.isEntered


class Followers:
    """
    Some daemons and their broker.

    @ivar broker: what they connect to.
    @ivar all: the daemons.
    """

    def __init__(self, count: int, keeps: int = 1000) -> None:
        """
        @param count: how many daemons there are; none is started yet.
        @param keeps: how many entries the stream has before it is trimmed.
        """
        self.reactor = FakeReactor()
        self.reactor.rightNow = 1_700_000_000.0
        self.broker = MemoryBroker(self.reactor, keeps)
        self._isBrokersTurn = False
        self._names = iter(string.ascii_letters)
        self.all: list[Follower] = []
        for _ in range(count):
            self.make()

    def make(self) -> Follower:
        """Make a daemon, and run it from now on."""
        made = Follower(self.broker, next(self._names))
        self.all.append(made)
        return made

    def start(self) -> None:
        """Start all daemons, and let them enter."""
        for each in self.all:
            each.following.start()
        self.run(1)

    @property
    def rooms(self) -> list[RecordingRoom]:
        """The rooms of all daemons."""
        return [each.room for each in self.all]

    def run(self, seconds: float) -> None:
        """Let time pass."""
        for _ in range(max(1, round(seconds / STEP))):
            self.reactor.advance(STEP)
            self._advance()
            while self._isDue():
                self.turn()

    def turn(self) -> None:
        """Run one turn of the broker, or of the processes: each in its turn."""
        self._isBrokersTurn = not self._isBrokersTurn
        if self._isBrokersTurn:
            self.reactor.advance(0)
        else:
            self._advance()

    def _advance(self) -> None:
        """Run one turn of the processes."""
        for each in self.all:
            if not each.isStopped:
                each.reactor.advance(self.reactor.rightNow - each.reactor.rightNow)

    def _isDue(self) -> bool:
        """Say whether there is anything to do in the next turn."""
        now = self.reactor.seconds()
        reactors: list[Any] = [self.reactor]
        reactors += [each.reactor for each in self.all if not each.isStopped]
        return any(
            call.active() and call.getTime() <= now
            for reactor in reactors
            for call in reactor.calls
        )
