"""Tests for L{echostamp.intercom.sharedroom}."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.intercom import sharedroom
from echostamp.intercom.entries import (
    Begin,
    Entry,
    Gone,
    Join,
    Leave,
    Lose,
    Operation,
    Rename,
    Say,
)
from echostamp.intercom.entryvalues import MOST, readName
from echostamp.intercom.sharedroom import (
    MOST_MEMBERS,
    Change,
    Joined,
    Left,
    Renamed,
    SharedMember,
    SharedRoom,
)

#: Three daemons, few members and few names, so that they often meet.
ONE, TWO, THREE = DAEMONS = [digit * 32 for digit in (b"1", b"2", b"3")]
STAMP = b"[1] "
_DAEMONS = st.sampled_from(DAEMONS)
_MEMBERS = st.integers(0, 3)
_NAMES = st.sampled_from([b"local", b"ann", b"ann-2", b"x" * 32, b"[fe80::1%eth0]:1"])
_TEXTS = st.sampled_from([b"a\n", b"a\n\nb\n"])
_STAMPS = st.sampled_from([STAMP, b"[2] "])

#: What members do.
MEMBERS_OPERATIONS: st.SearchStrategy[Operation] = st.one_of(
    st.builds(Join, _MEMBERS, _NAMES, st.just("a é"), _STAMPS),
    st.builds(Join, _MEMBERS, _NAMES, st.just("b"), _STAMPS),
    st.builds(Say, _MEMBERS, _NAMES, _STAMPS, _TEXTS),
    st.builds(Rename, _MEMBERS, _NAMES, _STAMPS),
    st.builds(Leave, _MEMBERS, _STAMPS),
)
OPERATIONS = st.one_of(
    MEMBERS_OPERATIONS,
    MEMBERS_OPERATIONS,
    st.builds(Gone, _DAEMONS, _STAMPS),
    st.builds(Begin, _STAMPS),
    st.builds(Lose, _STAMPS),
)

#: Any entries in any order.
ANY_ENTRIES = st.lists(st.builds(Entry, _DAEMONS, st.integers(1, 9), OPERATIONS))


def numbered(operations: list[tuple[bytes, Operation]]) -> list[Entry]:
    """
    Make the entries of daemons that lose nothing.
    """
    last = dict.fromkeys(DAEMONS, 0)
    entries = []
    for daemon, operation in operations:
        entry = Entry(daemon, last[daemon] + 1, operation)
        last[daemon] = entry.last
        entries.append(entry)
    return entries


#: What members do, in entries of daemons that lose nothing.
WHOLE_ENTRIES = st.lists(st.tuples(_DAEMONS, MEMBERS_OPERATIONS)).map(numbered)


def take(room: SharedRoom, entries: list[Entry]) -> list[Change]:
    """
    Let a room take entries as they are read.

    @return: what has changed.
    """
    changes = []
    for entry in entries:
        if room.isAccepted(entry) and not room.isHeard(entry):
            changes += room.apply(entry)
    return changes


class Onlooker:
    """
    Believe what changes say.

    @ivar names: the name of each member.
    """

    def __init__(self) -> None:
        self.names: dict[tuple[bytes, int], bytes] = {}

    def told(self, change: Change) -> None:
        """
        Hear of a change, which has to be possible.
        """
        member = change.member
        key = member.daemon, member.number
        if isinstance(change, Joined):
            assert key not in self.names, change
            self.names[key] = member.name
        elif isinstance(change, Renamed):
            assert self.names[key] == change.before != member.name, change
            self.names[key] = member.name
        else:
            assert self.names.pop(key) == member.name, change


def names(room: SharedRoom) -> list[bytes]:
    """
    Give the names of all members, in the order of joining.
    """
    return [member.name for member in room.members.values()]


class RoomTests(SynchronousTestCase):
    """
    What each operation changes.
    """

    def setUp(self) -> None:
        """Let two members of two daemons join."""
        self.room = SharedRoom()
        self.ann = SharedMember(ONE, 1, b"ann", STAMP, "a")
        self.bob = SharedMember(TWO, 1, b"bob", STAMP, "b")
        self.take(ONE, 1, Join(1, b"ann", "a", STAMP), [Joined(self.ann, STAMP)])
        self.take(TWO, 1, Join(1, b"bob", "b", STAMP), [Joined(self.bob, STAMP)])

    def take(
        self, daemon: bytes, number: int, operation: Operation, changes: list[Change]
    ) -> None:
        """Take an entry, and assert what changes."""
        self.assertEqual(take(self.room, [Entry(daemon, number, operation)]), changes)

    def test_earlierEntryWins(self) -> None:
        """Of two members that ask for one name, the earlier has it, and the later gets
        a number."""
        late = SharedMember(TWO, 2, b"ann-2", b"[2] ", "c")
        self.take(TWO, 2, Join(2, b"ann", "c", b"[2] "), [Joined(late, b"[2] ")])
        self.bob.name = b"ann-3"
        renamed = Renamed(self.bob, b"bob", b"[3] ")
        self.take(TWO, 3, Rename(1, b"ann", b"[3] "), [renamed])
        self.assertEqual(names(self.room), [b"ann", b"ann-3", b"ann-2"])

    def test_nameThatWasLeft(self) -> None:
        """A name is free when its member has left or has another name."""
        self.take(ONE, 2, Rename(1, b"eve", STAMP), self.renamed(self.ann, b"eve"))
        self.take(TWO, 2, Rename(1, b"ann", STAMP), self.renamed(self.bob, b"ann"))
        self.take(TWO, 3, Leave(1, STAMP), [Left(self.bob, STAMP)])
        self.take(ONE, 3, Rename(1, b"ann", STAMP), self.renamed(self.ann, b"ann"))

    def renamed(self, member: SharedMember, name: bytes) -> list[Change]:
        """Rename a member, and give the change."""
        before, member.name = member.name, name
        return [Renamed(member, before, STAMP)]

    def test_ownName(self) -> None:
        """A member that asks for the name that it has, or for one whose number it has
        already, keeps its name."""
        self.take(ONE, 2, Rename(1, b"ann", STAMP), [])
        self.take(TWO, 2, Rename(1, b"ann", STAMP), self.renamed(self.bob, b"ann-2"))
        self.take(TWO, 3, Rename(1, b"ann", STAMP), [])

    def test_impossible(self) -> None:
        """Nobody joins twice, and a member that is not there does nothing."""
        self.take(ONE, 2, Join(1, b"eve", "e", STAMP), [])
        self.take(ONE, 3, Rename(2, b"eve", STAMP), [])
        self.take(ONE, 4, Leave(2, STAMP), [])
        self.take(ONE, 5, Say(2, b"eve", STAMP, b"a\n"), [])
        self.take(ONE, 6, Gone(THREE, STAMP), [])
        self.assertEqual(names(self.room), [b"ann", b"bob"])
        self.assertEqual(self.room.heard, {ONE: 6, TWO: 1})

    def test_gone(self) -> None:
        """The members of a daemon that is gone leave, and what it wrote late is not
        accepted; it may come back with a new id."""
        self.take(TWO, 2, Gone(ONE, b"[2] "), [Left(self.ann, b"[2] ")])
        self.assertEqual(self.room.heard, {TWO: 2})
        late = Entry(ONE, 2, Leave(1, STAMP))
        self.assertFalse(self.room.isAccepted(late))
        self.take(TWO, 3, Gone(TWO, STAMP), [Left(self.bob, STAMP)])
        self.assertEqual((self.room.heard, names(self.room)), ({}, []))
        self.assertFalse(self.room.isAccepted(Entry(THREE, 1, Leave(1, STAMP))))
        self.assertTrue(self.room.isAccepted(Entry(THREE, 1, Gone(ONE, STAMP))))

    def test_numbers(self) -> None:
        """What was heard already is a duplicate.  What leaves lines out does not count,
        unless its daemon has said that they are lost."""
        say = Say(1, b"ann", STAMP, b"a\nb\nc\n")
        self.take(ONE, 2, say, [])
        self.assertEqual(self.room.heard[ONE], 4)
        for number, isHeard, isEarly in (
            (4, True, False),
            (5, False, False),
            (9, False, True),
        ):
            entry = Entry(ONE, number, say)
            self.assertEqual(self.room.isHeard(entry), isHeard)
            self.assertEqual(self.room.isEarly(entry), isEarly)
            self.assertEqual(self.room.isAccepted(entry), not isEarly)
        self.take(ONE, 8, Lose(STAMP), [])
        self.assertTrue(self.room.isAccepted(Entry(ONE, 9, say)))
        first = Entry(THREE, 1, say)
        self.assertFalse(self.room.isHeard(first))

    def test_begin(self) -> None:
        """The beginning of an order leaves the numbers of its writer alone."""
        begin = Entry(THREE, 1, Begin(STAMP))
        self.assertTrue(self.room.isHeard(begin))
        self.take(THREE, 1, Begin(STAMP), [])
        self.assertNotIn(THREE, self.room.heard)

    def test_limits(self) -> None:
        """There is an end to members and to daemons, whoever writes to the relay."""
        self.patch(sharedroom, "MOST_MEMBERS", 3)
        self.patch(sharedroom, "MOST_DAEMONS", 3)
        eve = SharedMember(THREE, 1, b"eve", STAMP, "e")
        self.take(THREE, 1, Join(1, b"eve", "e", STAMP), [Joined(eve, STAMP)])
        self.take(THREE, 2, Join(2, b"eva", "e", STAMP), [])
        self.assertFalse(self.room.isAccepted(Entry(b"4" * 32, 1, Leave(1, STAMP))))
        self.assertTrue(self.room.isAccepted(Entry(THREE, 3, Leave(1, STAMP))))
        snapshot = self.room.snapshot()
        self.assertEqual(names(SharedRoom.opened(snapshot)), [b"ann", b"bob", b"eve"])
        for limit in "MOST_MEMBERS", "MOST_DAEMONS":
            self.patch(sharedroom, limit, 2)
            self.assertRaises(ValueError, SharedRoom.opened, snapshot)
            self.patch(sharedroom, limit, 3)


class OneRoomTests(SynchronousTestCase):
    """
    Daemons that take the same entries have the same room.
    """

    @given(st.one_of(ANY_ENTRIES, WHOLE_ENTRIES), st.integers(0, 40))
    def test_throughSnapshot(self, entries: list[Entry], place: int) -> None:
        """A daemon that begins with the snapshot of another at any place sees the same
        changes from there on."""
        room = SharedRoom()
        take(room, entries[:place])
        other = SharedRoom.opened(room.snapshot())
        self.assertEqual(take(other, entries[place:]), take(room, entries[place:]))
        self.assertEqual(list(other.members.items()), list(room.members.items()))
        self.assertEqual(other.heard, room.heard)
        self.assertEqual(other.snapshot(), room.snapshot())

    @given(ANY_ENTRIES)
    def test_changesTellAll(self, entries: list[Entry]) -> None:
        """The changes tell who is there, and all names are valid and differ."""
        room = SharedRoom()
        onlooker = Onlooker()
        for entry in entries:
            for change in take(room, [entry]):
                onlooker.told(change)
            told = [(member.daemon, member.number) for member in room.members.values()]
            self.assertEqual(told, list(room.members))
            self.assertEqual(onlooker.names, dict(zip(told, names(room), strict=True)))
            self.assertEqual(len(set(names(room))), len(room.members))
            for name in names(room):
                self.assertEqual(readName(name), name)

    @given(WHOLE_ENTRIES, st.data())
    def test_sentAgain(self, entries: list[Entry], data: st.DataObject) -> None:
        """A daemon that sends again what it has not read back changes nothing, and no
        line is missed."""
        again = []
        for place, entry in enumerate(entries):
            again.append(entry)
            if data.draw(st.booleans()):
                first = data.draw(st.integers(0, place))
                own = entries[first : place + 1]
                again += [each for each in own if each.daemon == entry.daemon]
        room, other = SharedRoom(), SharedRoom()
        changes = take(room, entries)
        told = []
        for entry in again:
            if not other.isHeard(entry):
                told += take(other, [entry])
        self.assertEqual(told, changes)
        self.assertEqual(other.snapshot(), room.snapshot())

    @given(ANY_ENTRIES, ANY_ENTRIES, st.booleans())
    def test_changesTo(
        self, entries: list[Entry], others: list[Entry], haveCommon: bool
    ) -> None:
        """The changes from one room to another tell all that is different."""
        room, other = SharedRoom(), SharedRoom()
        take(room, entries)
        onlooker = Onlooker()
        onlooker.names = {key: each.name for key, each in room.members.items()}
        take(other, entries + others if haveCommon else others)
        for change in room.changesTo(other, b"[3] "):
            self.assertEqual(change.stamp, b"[3] ")
            onlooker.told(change)
        told = {key: each.name for key, each in other.members.items()}
        self.assertEqual(onlooker.names, told)
        self.assertEqual(other.changesTo(other, STAMP), [])


class SnapshotTests(SynchronousTestCase):
    """
    Snapshots that others have written.
    """

    def test_format(self) -> None:
        """A snapshot is text: the format, the daemons, the members."""
        room = SharedRoom()
        self.assertEqual(room.snapshot(), b"room 1")
        take(room, [Entry(ONE, 1, Join(7, b"ann", "é", STAMP))])
        lines = [b"room 1", ONE + b"\t1", "0\t7\tann\t[1] \té".encode()]
        self.assertEqual(room.snapshot(), b"\n".join(lines))

    def test_refused(self) -> None:
        """A snapshot that no room has written is refused, in a short printable line."""
        good = b"0\t7\tann\t[1] \ta"
        for lines in (
            [],
            [b""],
            [ONE + b"\t0"],
            [ONE + b"\t%d" % (MOST + 1)],
            [ONE[1:] + b"\t1"],
            [ONE + b"\t1", ONE + b"\t1"],
            [good],
            [ONE + b"\t1", good, good],
            [ONE + b"\t1", good, good.replace(b"7", b"8")],
            [ONE + b"\t1", good, good.replace(b"ann", b"bob")],
            [ONE + b"\t1", good, TWO + b"\t1"],
            [ONE + b"\t1", good.replace(b"0\t", b"1\t")],
            [ONE + b"\t1", good.replace(b"7", b"-7")],
            [ONE + b"\t1", good.replace(b"ann", b"a>")],
            [ONE + b"\t1", good.replace(b"[1] ", b"\x1b[2J")],
            [ONE + b"\t1", good + b"\r"],
            [ONE + b"\t1", good + b"\tx"],
            [ONE + b"\t1", good, b""],
        ):
            snapshot = b"\n".join([b"room 1", *lines]) if lines else b"room 2"
            error = self.assertRaises(ValueError, SharedRoom.opened, snapshot)
            self.assertTrue(str(error).isprintable() and len(str(error)) < 80, error)
        snapshot = b"\n".join([b"room 1", ONE + b"\t1", good])
        self.assertEqual(SharedRoom.opened(snapshot).snapshot(), snapshot)

    @given(ANY_ENTRIES, st.data())
    def test_changed(self, entries: list[Entry], data: st.DataObject) -> None:
        """A snapshot that was changed anywhere is that of a room, or it is refused."""
        room = SharedRoom()
        take(room, entries)
        snapshot = room.snapshot()
        begin = data.draw(st.integers(0, len(snapshot)))
        end = data.draw(st.integers(begin, min(begin + 9, len(snapshot))))
        pieces = st.sampled_from([b"", b"\t", b"\n", b"0", b"1", b"a", snapshot[7:]])
        changed = snapshot[:begin] + data.draw(pieces) + snapshot[end:]
        try:
            opened = SharedRoom.opened(changed)
        except ValueError as error:
            self.assertTrue(str(error).isprintable() and len(str(error)) < 80, error)
        else:
            self.assertEqual(opened.snapshot(), changed)
            self.assertEqual(len(set(names(opened))), len(opened.members))

    def test_size(self) -> None:
        """The snapshot of ten thousand members has less than 2 MB, and that of the most
        members, with the longest values, has less than 15 MB."""
        room = SharedRoom()
        stamp = b"[2015-12-14T09:30:00.000000000+01:00] "
        room.apply(Entry(ONE, 1, Leave(0, stamp)))
        for number in range(10_000):
            address = f"[2001:db8::ffff]:{50_000 + number} at 192.0.2.1:4711"
            join = Join(number, address.partition(" ")[0].encode(), address, stamp)
            self.assertEqual(len(take(room, [Entry(ONE, number + 2, join)])), 1)
        snapshot = room.snapshot()
        self.assertLess(len(snapshot), 2_000_000)
        self.assertEqual(SharedRoom.opened(snapshot).members, room.members)
        longest = SharedRoom()
        stamp = b"[%s] " % (b"x" * 60)
        take(longest, [Entry(ONE, 1, Join(MOST, b"x" * 64, "x" * 128, stamp))])
        octets = len(longest.snapshot().rpartition(b"\n")[2]) + len("99\n")
        self.assertLess(octets * MOST_MEMBERS, 15_000_000)
