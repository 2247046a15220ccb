"""
What the pages of the web site ask of the daemon.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from echostamp.history.interfaces import HistoryReader
from echostamp.monitor.peer import WebPlace
from echostamp.monitor.snapshot import DaemonSnapshot, PeerSnapshot


class Watched(Protocol):
    """
    A peer that is watched.
    """

    def snapshot(self) -> PeerSnapshot:
        """Give what is known now."""


class Source(Protocol):
    """
    Where figures come from.
    """

    @property
    def selfName(self) -> str:
        """The name of the peer that is this daemon; empty if none is."""

    @property
    def peers(self) -> Mapping[str, Watched]:
        """The peers by name."""

    def webs(self) -> Mapping[str, WebPlace]:
        """Give where the rows of other daemons can be read, by the name of the peer;
        this daemon's may be among them."""

    @property
    def history(self) -> HistoryReader:
        """What was measured: events, and rows of the peers where they are kept."""

    @property
    def hasHistory(self) -> bool:
        """Whether rows of the peers are kept."""

    @property
    def hasRoom(self) -> bool:
        """Whether there is a conversation to join."""

    def labels(self) -> Iterable[str]:
        """Give the names of the labels that any peer has."""

    def daemon(self) -> DaemonSnapshot:
        """Give what is known of the daemon."""

    def isReady(self) -> bool:
        """Tell whether every listener is up, peers are loaded, and nothing drains."""
