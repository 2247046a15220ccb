"""
Clients of a room that read until they have heard something.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable
from typing import Protocol


class Connection(Protocol):
    """
    A connection of a member.

    @ivar octets: what was read.
    """

    octets: bytes

    def say(self, text: str) -> None:
        """Send a text."""

    def read(self) -> None:
        """Wait for something, and read it; fail behind the end of the connection."""

    def rest(self) -> list[bytes]:
        """Read until it ends, and give the lines without their stamps."""


class LineClient:
    """
    A client of the line protocol.

    @ivar socket: its connection.
    @ivar octets: what it has read.
    @ivar hasEnded: whether the connection has ended.
    """

    def __init__(self, peer: socket.socket) -> None:
        self.socket = peer
        self.octets = b""
        self.hasEnded = False

    def say(self, text: str) -> None:
        """Send a text."""
        self.socket.sendall(text.encode())

    def read(self) -> None:
        """Wait for something, and read it; fail behind the end of the connection."""
        assert not self.hasEnded, self.octets
        data = self.socket.recv(1 << 16)
        self.octets += data
        self.hasEnded = not data

    def rest(self) -> list[bytes]:
        """Read until the connection ends, and give the lines without their stamps."""
        while not self.hasEnded:
            self.read()
        return linesOf(self)


def linesOf(client: Connection) -> list[bytes]:
    """
    Give the whole lines that a client has read, without their stamps.
    """
    return re.findall(rb"(?m)^\[[^]]*\] (.*)\n", client.octets)


def hears(client: Connection, *lines: str) -> None:
    """
    Read until a client has read lines.
    """
    while not {each.encode() for each in lines} <= {*linesOf(client)}:
        assert client.octets.count(b"\n") < 10_000
        client.read()


def ownOf(lines: Iterable[bytes]) -> list[bytes]:
    """
    Give those of the lines that a client has read which it has said.
    """
    return [each for each in lines if each.startswith(b"line ")]


def saidBy(name: bytes, client: Connection) -> list[bytes]:
    """
    Give what a client has heard a member say.
    """
    begin = b"<%s> " % name
    found = [each for each in linesOf(client) if each.startswith(begin)]
    return [each.removeprefix(begin) for each in found]


def present(client: Connection) -> set[bytes]:
    """
    Ask who is in the room, and give the names.
    """
    before = len(linesOf(client))
    client.say("/who\n/end\n")
    while not linesOf(client)[before:].count(b"* no command /end: see /help"):
        client.read()
    found = b"\n".join(linesOf(client)[before:])
    return {*re.findall(rb"(?m)^\* (\S+) since .* from ", found)}
