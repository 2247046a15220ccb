"""
The members of a room that several daemons share; pure.

Each daemon applies the same entries in the same order, and so has the same members
under the same names.  A daemon that comes later begins with a snapshot of another's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from echostamp.intercom.entries import Begin, Entry, Gone, Join, Leave, Lose, Rename
from echostamp.intercom.entryvalues import (
    readAddress,
    readDaemon,
    readName,
    readNumber,
    readStamp,
)
from echostamp.intercom.naming import freeName

#: The most members, because anybody who can write to the relay can add some.  A
#: snapshot of so many has less than 15 MB.
MOST_MEMBERS = 50_000

#: The most daemons.
MOST_DAEMONS = 1_000

#: The first line of a snapshot: its format.
_VERSION = b"room 1"


@dataclass(slots=True)
class SharedMember:
    """
    A member of the room.

    @ivar daemon: the id of its daemon.
    @ivar number: its number there.
    @ivar name: its name, which no other member has.
    @ivar since: the stamp of its joining.
    @ivar address: where it is.
    """

    daemon: bytes
    number: int
    name: bytes
    since: bytes
    address: str


class Joined(NamedTuple):
    """
    A member has joined.
    """

    member: SharedMember
    stamp: bytes


class Left(NamedTuple):
    """
    A member has left.
    """

    member: SharedMember
    stamp: bytes


class Renamed(NamedTuple):
    """
    A member has another name.

    @ivar before: the name that it had.
    """

    member: SharedMember
    before: bytes
    stamp: bytes


Change = Joined | Left | Renamed


class SharedRoom:
    """
    The members of all daemons, and the entries that were heard of each daemon.

    @ivar members: by daemon and number, in the order of joining.
    @ivar heard: of each daemon, the running number of the last line.
    """

    members: Mapping[tuple[bytes, int], SharedMember]
    heard: Mapping[bytes, int]

    def __init__(self) -> None:
        self.members = self._members = dict[tuple[bytes, int], SharedMember]()
        self.heard = self._heard = dict[bytes, int]()
        self._names: set[bytes] = set()

    # --- Entries ----------------------------------------------------------------------

    def isHeard(self, entry: Entry) -> bool:
        """
        Say whether an entry is a duplicate: it was sent again after a reconnection.
        Every L{Begin} counts as one: it changes nothing, and its number means nothing.
        """
        isBegin = isinstance(entry.operation, Begin)
        return isBegin or entry.number <= self._heard.get(entry.daemon, 0)

    def isAccepted(self, entry: Entry) -> bool:
        """
        Say whether an entry counts.  Any entry of an unknown daemon but the first one
        is late: the daemon is gone.
        """
        if entry.daemon in self._heard:
            return not self.isEarly(entry)
        return entry.mayBeFirst and len(self._heard) < MOST_DAEMONS

    def isEarly(self, entry: Entry) -> bool:
        """
        Say whether entries are missing before an entry of a known daemon.  The relay
        has lost them, and the daemon sends all of them again.
        """
        last = self._heard.get(entry.daemon)
        isNext = last is None or entry.number <= last + 1
        return not (isNext or isinstance(entry.operation, Lose))

    def apply(self, entry: Entry) -> list[Change]:
        """
        Take the next entry of the order.

        @param entry: one that is accepted, and no duplicate.
        @return: what changes; empty also for an operation that is not possible.
        """
        daemon, _, operation = entry
        self._heard[daemon] = entry.last
        if isinstance(operation, Join):
            return self._join(daemon, operation)
        if isinstance(operation, Rename):
            return self._rename(daemon, operation)
        if isinstance(operation, Leave):
            key = daemon, operation.member
            return self._leave([key] if key in self._members else [], operation.stamp)
        if isinstance(operation, Gone):
            return self._gone(operation)
        return []

    def _join(self, daemon: bytes, join: Join) -> list[Change]:
        """
        Add a member, unless it is there.
        """
        key = daemon, join.member
        if key in self._members or len(self._members) >= MOST_MEMBERS:
            return []
        name = freeName(join.name, self._names)
        member = SharedMember(daemon, join.member, name, join.stamp, join.address)
        self._add(member)
        return [Joined(member, join.stamp)]

    def _add(self, member: SharedMember) -> None:
        """
        Add a member whose name is free.
        """
        self._members[member.daemon, member.number] = member
        self._names.add(member.name)

    def _rename(self, daemon: bytes, rename: Rename) -> list[Change]:
        """
        Give a member another name, or a similar one if that is taken.
        """
        member = self._members.get((daemon, rename.member))
        if member is None:
            return []
        before = member.name
        self._names.remove(before)
        member.name = freeName(rename.name, self._names)
        self._names.add(member.name)
        return [Renamed(member, before, rename.stamp)] if member.name != before else []

    def _leave(self, keys: list[tuple[bytes, int]], stamp: bytes) -> list[Change]:
        """
        Remove members.
        """
        left = [self._members.pop(key) for key in keys]
        self._names.difference_update([member.name for member in left])
        return [Left(member, stamp) for member in left]

    def _gone(self, gone: Gone) -> list[Change]:
        """
        Remove a daemon with its members.
        """
        if self._heard.pop(gone.daemon, None) is None:
            return []
        keys = [key for key in self._members if key[0] == gone.daemon]
        return self._leave(keys, gone.stamp)

    # --- Snapshots --------------------------------------------------------------------

    def snapshot(self) -> bytes:
        """
        Write all of this down.

        @return: lines whose values have tabs between them: the format, each daemon with
            what was heard of it, each member with its daemon's place in the list of
            daemons.  No value has a tab or a newline, because all are printable.
        """
        places = {daemon: place for place, daemon in enumerate(self._heard)}
        lines = [_VERSION]
        lines += [b"%s\t%d" % each for each in self._heard.items()]
        lines += [
            b"%d\t%d\t%s\t%s\t%s"
            % (
                places[member.daemon],
                member.number,
                member.name,
                member.since,
                member.address.encode(),
            )
            for member in self._members.values()
        ]
        return b"\n".join(lines)

    @classmethod
    def opened(cls, snapshot: bytes) -> SharedRoom:
        """
        Read what L{snapshot} wrote, and check all of it.

        @raise ValueError: it is no snapshot, or one of another version.  The text is
            short and printable.
        """
        version, *lines = snapshot.split(b"\n")
        if version != _VERSION:
            raise ValueError("it is no snapshot of this version")
        if len(lines) > MOST_DAEMONS + MOST_MEMBERS:
            raise ValueError("it is too long")
        room = cls()
        daemons: list[bytes] = []
        for line in lines:
            values = line.split(b"\t")
            if len(values) == 2 and not room._members:
                daemons.append(readDaemon(values[0]))
                room._heard[daemons[-1]] = readNumber(values[1], least=1)
            elif len(values) == 5:
                room._add(_readMember(values, daemons))
            else:
                raise ValueError("a line has another number of values")
        if not len(daemons) == len(room._heard) <= MOST_DAEMONS:
            raise ValueError("a daemon is there twice, or there are too many")
        members = len(lines) - len(daemons)
        if not members == len(room._members) == len(room._names) <= MOST_MEMBERS:
            raise ValueError("a member is there twice, or there are too many")
        return room

    def changesTo(self, other: SharedRoom, stamp: bytes) -> list[Change]:
        """
        Say what has changed where this room is replaced by another.

        @param stamp: the stamp of each change.
        @return: who has left; who has another name, in the order of the new room; who
            has joined, in that order, too.
        """
        left = [each for key, each in self._members.items() if key not in other.members]
        changes: list[Change] = [Left(member, stamp) for member in left]
        joined: list[Change] = []
        for key, member in other.members.items():
            own = self._members.get(key)
            if own is None:
                joined.append(Joined(member, stamp))
            elif own.name != member.name:
                changes.append(Renamed(member, own.name, stamp))
        return changes + joined


def _readMember(values: list[bytes], daemons: list[bytes]) -> SharedMember:
    """
    Read the member of one line of a snapshot.
    """
    place, number, name, since, address = values
    index = readNumber(place)
    if index >= len(daemons):
        raise ValueError("a member has no daemon")
    return SharedMember(
        daemons[index],
        readNumber(number),
        readName(name),
        readStamp(since),
        readAddress(address),
    )
