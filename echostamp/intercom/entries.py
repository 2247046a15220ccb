"""
Write and read the entries by which several daemons share one room; pure.

Each entry is one operation: somebody joins, says something, changes a name, leaves.
The daemons read all entries in the same order.  An entry may come from anybody who can
write to the relay, so everything in it is checked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from echostamp.intercom.entryvalues import (
    MOST,
    readAddress,
    readDaemon,
    readName,
    readNumber,
    readStamp,
    readText,
)

#: The format of entries.
_VERSION = b"1"

#: The fields of each entry: the format, the writer, the number, the operation.
_FORMAT, _WRITER, _NUMBER, _OPERATION = b"echostamp", b"from", b"number", b"operation"


class Join(NamedTuple):
    """
    A member joins.

    @ivar member: its number at its daemon.
    @ivar name: the name that it asks for, or that its address gives.
    @ivar address: where it is.
    @ivar stamp: when it joined.
    """

    member: int
    name: bytes
    address: str
    stamp: bytes


class Say(NamedTuple):
    """
    A member says something.

    @ivar name: the name that it had at its daemon when it said this.
    @ivar text: the messages, each with its newline and without its stamp.
    """

    member: int
    name: bytes
    stamp: bytes
    text: bytes


class Rename(NamedTuple):
    """
    A member changes its name.

    @ivar name: the name that it asks for.
    """

    member: int
    name: bytes
    stamp: bytes


class Leave(NamedTuple):
    """
    A member leaves.
    """

    member: int
    stamp: bytes


class Gone(NamedTuple):
    """
    A daemon is gone, and all its members with it.

    @ivar daemon: the id of this daemon, which need not be the writer.
    """

    daemon: bytes
    stamp: bytes


class Begin(NamedTuple):
    """
    A new order of entries begins.
    """

    stamp: bytes


class Lose(NamedTuple):
    """
    The relay has lost the lines of this daemon up to the number of this entry.
    """

    stamp: bytes


Operation = Join | Say | Rename | Leave | Gone | Begin | Lose

_KINDS: dict[bytes, type[Operation]] = {
    b"join": Join,
    b"say": Say,
    b"rename": Rename,
    b"leave": Leave,
    b"gone": Gone,
    b"begin": Begin,
    b"lose": Lose,
}
_WORDS = {kind: word for word, kind in _KINDS.items()}


#: The names and values of an entry.
Fields = Sequence[tuple[bytes, bytes]]


class Entry(NamedTuple):
    """
    One operation of one daemon.

    @ivar daemon: the id of the daemon that wrote it.
    @ivar number: the running number of its first line there, from 1.
    @ivar operation: what happens.
    """

    daemon: bytes
    number: int
    operation: Operation

    @property
    def lines(self) -> int:
        """How many lines it counts for: each message is one, as is any operation."""
        operation = self.operation
        return operation.text.count(b"\n") if isinstance(operation, Say) else 1

    @property
    def last(self) -> int:
        """The running number of its last line."""
        return self.number + self.lines - 1

    @property
    def reached(self) -> int:
        """The running number of the last line before it, or that it takes for lost."""
        isLost = isinstance(self.operation, Lose)
        return self.number if isLost else self.number - 1

    @property
    def mayBeFirst(self) -> bool:
        """Whether it may be the first of its daemon."""
        return self.number == 1 and isinstance(self.operation, Join | Gone)


def encode(entry: Entry) -> list[tuple[bytes, bytes]]:
    """
    Write an entry as pairs of names and values.
    """
    operation = entry.operation
    fields = [
        (_FORMAT, _VERSION),
        (_WRITER, entry.daemon),
        (_NUMBER, b"%d" % entry.number),
        (_OPERATION, _WORDS[type(operation)]),
    ]
    for name, value in operation._asdict().items():
        if not isinstance(value, bytes):
            value = str(value).encode()
        fields.append((name.encode(), value))
    return fields


def decode(fields: Fields) -> Entry:
    """
    Read an entry, and check all of it.

    @param fields: pairs of names and values, in any order.
    @raise ValueError: they are no entry, or one of another version.  The text is short
        and printable.
    """
    values = dict(fields)
    if len(values) != len(fields):
        raise ValueError("a field is there twice")
    if values.pop(_FORMAT, None) != _VERSION:
        raise ValueError("it is no entry of this version")
    daemon = readDaemon(_taken(values, _WRITER))
    number = readNumber(_taken(values, _NUMBER), least=1)
    kind = _KINDS.get(_taken(values, _OPERATION))
    if kind is None:
        raise ValueError("its operation is unknown")
    read = [_READERS[name](_taken(values, name.encode())) for name in kind._fields]
    if values:
        raise ValueError("it has a field too many")
    entry = Entry(daemon, number, kind(*read))
    if entry.last > MOST:
        raise ValueError("a number is too great")
    return entry


def _taken(values: dict[bytes, bytes], name: bytes) -> bytes:
    """
    Take the value of a field.
    """
    value = values.pop(name, None)
    if value is None:
        raise ValueError(f"it has no field {name.decode()}")
    return value


_READERS: dict[str, Callable[[bytes], Any]] = {
    "member": readNumber,
    "name": readName,
    "address": readAddress,
    "stamp": readStamp,
    "text": readText,
    "daemon": readDaemon,
}
