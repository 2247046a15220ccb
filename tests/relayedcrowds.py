"""
Crowds in a room of several daemons, whose relay is a real Redis server.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from tests.harness import DEADLINE, Daemon
from tests.redisservers import RedisServer
from tests.rooms import INTERCOM, UNIX, Client, Crowd

#: What a daemon tells its own members about the relay.
AWAY = b"the others cannot be reached: lines wait"
BACK = b"the others can be reached again"
BEGAN = b"a new order begins: the relay has lost the one before"
MISSED = b" of others did not arrive here"

_LOCAL = re.compile(
    UNIX + rb"\* (the others can.*|a new order .*|\d+ lines? of others did not .*)"
)
_WHO = re.compile(UNIX + rb"\* (\S+) since ")
_SAID = re.compile(UNIX + rb"<(\S+)> say (\d+)")

#: How many lines a speaker has said at most that are not back.
_AHEAD = 50


def relayed(owner: SynchronousTestCase, server: RedisServer, *options: str) -> Daemon:
    """
    Start a daemon of a room.

    @param server: the relay.
    @param options: more options.
    """
    return Daemon(owner, *INTERCOM, "--relay", server.url(), *options)


class Talk:
    """
    Members at several daemons.  Some of them number their lines, and all keep what they
    hear.

    @ivar crowd: the members as clients.
    @ivar clients: the members, in turn at each of the daemons.
    @ivar speakers: those who speak: the first ones.
    @ivar heard: of each member: the messages, and the notices that all daemons give.
    @ivar told: of each member: the notices of its own daemon.
    """

    def __init__(
        self,
        case: SynchronousTestCase,
        daemons: list[Daemon],
        members: int,
        speakers: int,
    ) -> None:
        """
        Let all members join.

        @param case: closes their connections at its end.
        @param daemons: those of the room.
        @param members: how many members there are.
        @param speakers: how many of them speak.
        """
        self._case = case
        self.crowd = crowd = Crowd(case, daemons[0])
        self.clients = [
            crowd.join(b"c%d" % each, daemons[each % len(daemons)].connect())
            for each in range(members)
        ]
        crowd.until(lambda: all(each.heard.count(b"/name ") for each in self.clients))
        crowd.settle(self.clients)
        self.speakers = self.clients[:speakers]
        self.heard: dict[Client, list[bytes]] = {each: [] for each in self.clients}
        self.told: dict[Client, list[bytes]] = {each: [] for each in self.clients}
        # How much each had heard when a new order began.
        self._begins = dict.fromkeys(self.clients, 0)
        self._chance = random.Random(7)
        self._said = dict.fromkeys(self.speakers, 0)
        self._goals = dict.fromkeys(self.speakers, 0)
        self._back = dict.fromkeys(self.speakers, 0)

    @property
    def said(self) -> dict[Client, int]:
        """How many lines each speaker has said."""
        return {**self._said}

    def speak(self, lines: int) -> None:
        """
        Let the speakers say so many lines more, together.
        """
        each, more = divmod(lines, len(self.speakers))
        for place, speaker in enumerate(self.speakers):
            self._goals[speaker] += each + (place < more)

    def _turn(self) -> None:
        """
        Keep what was heard, and say some lines.
        """
        for client in self.clients:
            heard, told = self.heard[client], self.told[client]
            for line in client.linesAsOthersHear():
                if found := _LOCAL.fullmatch(line):
                    told.append(found[1])
                    if found[1] == BEGAN:
                        self._begins[client] = len(heard)
                    continue
                heard.append(line)
                if client in self._back and b"<%s> say " % client.name in line:
                    self._back[client] += 1
        for speaker in self.speakers:
            said = self._said[speaker]
            isAhead = said - self._back[speaker] >= _AHEAD
            count = min(self._goals[speaker] - said, self._chance.randrange(1, 20))
            if count and not (isAhead or speaker.isOver):
                numbers = range(said, said + count)
                words = b"".join(b"say %d\n" % number for number in numbers)
                self.crowd.say(speaker, words)
                self._said[speaker] += count

    def until(self, condition: Callable[[], object], seconds: float = DEADLINE) -> None:
        """
        Let all members speak and listen until a condition holds.
        """

        def holds() -> object:
            self._turn()
            return condition()

        self.crowd.until(holds, seconds)

    def untilSaid(self, lines: int) -> None:
        """
        Let all members speak and listen until so many lines were said.
        """
        self.until(lambda: sum(self._said.values()) >= lines)

    def pause(self, seconds: float) -> None:
        """
        Let all members listen for some time.
        """
        end = time.monotonic() + seconds
        self.until(lambda: time.monotonic() > end)

    def settle(self) -> None:
        """
        Let the speakers say all that they have to.  Then wait until all have heard one
        more line of each member.
        """
        goals = self._goals
        self.until(
            lambda: all(self._back[each] == goals[each] for each in self.speakers)
        )
        for each in self.clients:
            self.crowd.say(each, b"end\n")
        ends = {b"<%s> end" % each.name for each in self.clients}
        self.until(
            lambda: all(
                ends <= {line.partition(b"] ")[2] for line in self.heard[each][-500:]}
                for each in self.clients
            )
        )

    def lose(self, clients: list[Client]) -> None:
        """
        Forget members whose daemon was killed.
        """
        self.until(lambda: all(each.isOver for each in clients))
        self.clients = [each for each in self.clients if each not in clients]
        self.speakers = [each for each in self.speakers if each not in clients]

    def whoAt(self, client: Client) -> list[bytes]:
        """
        Give the names that C{/who} tells a member.
        """
        begin = len(self.heard[client])
        self.crowd.say(client, b"/who\nend of who\n")
        end = b"<%s> end of who" % client.name
        self.until(lambda: self.heard[client][-1].endswith(end))
        found = map(_WHO.match, self.heard[client][begin:])
        return [each[1] for each in found if each]

    def _orders(self, client: Client) -> tuple[list[bytes], list[bytes]]:
        """
        Give the numbered lines that a member has heard before a new order began, and
        after it, with stamp and name.
        """
        begin, heard = self._begins[client], self.heard[client]
        before, after = (
            [line for line in part if _SAID.fullmatch(line)]
            for part in (heard[:begin], heard[begin:])
        )
        return before, after

    def _numbers(self, client: Client, speaker: Client) -> list[int]:
        """
        Give the numbers of a speaker's lines that a member has heard.
        """
        found = map(_SAID.fullmatch, self.heard[client])
        return [int(each[2]) for each in found if each and each[1] == speaker.name]

    def assertTold(self, *notices: bytes) -> None:
        """
        Assert that these notices are all that the daemons tell each member of its own,
        besides how many lines were lost, which are not too many.
        """
        for each in self.clients:
            told = [text for text in self.told[each] if not text.endswith(MISSED)]
            self._case.assertEqual(told, [*notices])
            missed = [text for text in self.told[each] if text.endswith(MISSED)]
            # What a daemon that was killed had not appended, nobody has missed.
            lost = sum(
                self._said[speaker] - len(self._numbers(each, speaker))
                for speaker in self.speakers
            )
            count = sum(int(text.split()[0]) for text in missed)
            self._case.assertLessEqual(count, lost)

    def assertComplete(self) -> None:
        """
        Assert that all members have heard the same in one order, with all lines of
        those who are still there, and nothing twice.
        """
        case = self._case
        first, *others = self.clients
        for each in others:
            case.assertEqual(self.heard[each], self.heard[first])
        for speaker, said in self._said.items():
            numbers = self._numbers(first, speaker)
            # What a daemon that was killed had not appended is lost.
            count = said if speaker in self.speakers else len(numbers)
            case.assertEqual(numbers, [*range(count)])

    def assertOneOrder(self, later: dict[Client, int]) -> None:
        """
        Assert that lines that two members have heard in one order of the relay, the one
        before it has lost the stream or the one after, are in one order for both, that
        nobody has heard a line twice, and that all have heard all later ones.

        @param later: of each speaker: the number of the first of its later lines.
        """
        case = self._case
        first, *others = map(self._orders, self.clients)
        for each in others:
            for mine, its in zip(each, first, strict=True):
                both = {*mine} & {*its}
                common = [
                    [line for line in some if line in both] for some in (mine, its)
                ]
                case.assertEqual(*common)
        for before, after in (first, *others):
            case.assertEqual(len({*before, *after}), len(before) + len(after))
        for speaker, begin in later.items():
            said = self._said[speaker]
            case.assertEqual(self._numbers(speaker, speaker), [*range(said)])
            for client in self.clients:
                numbers = self._numbers(client, speaker)
                case.assertEqual(numbers[begin - said :], [*range(begin, said)])
