"""
Write and read the entries by which several daemons share one room; pure.

Each entry is one operation: somebody joins, says something, changes a name, leaves.
The daemons read all entries in the same order.  An entry may come from anybody who can
write to the relay, so everything in it is checked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from echostamp.stamps import LONGEST_TEXT as LONGEST_STAMP_TEXT

#: The most octets of a text, with its newlines.
LONGEST_TEXT = 262_144

#: The most octets of a name that an address gives, and of an address.
_LONGEST_NAME, _LONGEST_ADDRESS = 64, 128

#: The greatest number of a line or of a member.
MOST = 1 << 53

#: The format of entries.
_VERSION = b"1"

#: The fields of each entry: the format, the writer, the number, the operation.
_FORMAT, _WRITER, _NUMBER, _OPERATION = b"echostamp", b"from", b"number", b"operation"

_ID = re.compile(rb"[0-9a-f]{32}")
_NUMERAL = re.compile(rb"0|[1-9][0-9]{0,15}")
# Printable ASCII without spaces.  A name stands between angle brackets, so it has none.
_NAME = re.compile(rb"[!-;=?-~]{1,%d}" % _LONGEST_NAME)


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
    def mayBeFirst(self) -> bool:
        """Whether it may be the first of its daemon."""
        return self.number == 1 and isinstance(self.operation, Join | Gone)


Fields = Sequence[tuple[bytes, bytes]]


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


def readDaemon(value: bytes) -> bytes:
    """
    Check the id of a daemon.

    @raise ValueError: it is none, as from all these functions.
    """
    if not _ID.fullmatch(value):
        raise ValueError("the id of a daemon is not 32 hexadecimal digits")
    return value


def readNumber(value: bytes, least: int = 0) -> int:
    """
    Read a number of at most L{MOST}.
    """
    if not _NUMERAL.fullmatch(value) or not least <= int(value) <= MOST:
        raise ValueError(f"a number is not from {least} to 2^53")
    return int(value)


def readName(value: bytes) -> bytes:
    """
    Check a name: one that a member may request, or one that an address gives.
    """
    if not _NAME.fullmatch(value):
        raise ValueError("a name is not printable ASCII, or too long")
    return value


def readAddress(value: bytes) -> str:
    """
    Read the address of a member.
    """
    return _printable(value, _LONGEST_ADDRESS, "an address")


def readStamp(value: bytes) -> bytes:
    """
    Check a stamp.
    """
    if not (value.startswith(b"[") and value.endswith(b"] ")):
        raise ValueError("a stamp is not in brackets")
    if b"]" in _printable(value[1:-2], LONGEST_STAMP_TEXT, "a stamp").encode():
        raise ValueError("a stamp has a ]")
    return value


def _readText(value: bytes) -> bytes:
    """
    Check a text.  Its octets may be any: L{echostamp.intercom.formatting} makes them
    safe.
    """
    if not value.endswith(b"\n"):
        raise ValueError("a text does not end with a newline")
    if len(value) > LONGEST_TEXT:
        raise ValueError("a text is too long")
    return value


def _printable(value: bytes, most: int, what: str) -> str:
    """
    Read printable text, which is not empty.

    @param most: octets that it may have.
    @param what: what it is, for the error.
    """
    if not 0 < len(value) <= most:
        raise ValueError(f"{what} is empty or too long")
    # What is no UTF-8 becomes surrogates, which are not printable.
    text = value.decode("utf-8", "surrogateescape")
    if not text.isprintable():
        raise ValueError(f"{what} is not printable")
    return text


_READERS: dict[str, Callable[[bytes], Any]] = {
    "member": readNumber,
    "name": readName,
    "address": readAddress,
    "stamp": readStamp,
    "text": _readText,
    "daemon": readDaemon,
}
