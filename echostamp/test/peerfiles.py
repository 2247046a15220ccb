"""
Files of peers for tests: their texts are given, and nothing is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from echostamp.monitor.mistakes import PeersError
from echostamp.monitor.peer import Peer
from echostamp.monitor.peersfile import PeersFile, readPeers

#: The path of the only file.
PATH = "/etc/peers.toml"


class PeerFileCase(SynchronousTestCase):
    """
    A test case that reads files of peers.
    """

    def read(
        self, text: str | bytes, host: str = "hub1.example.com", **options: Any
    ) -> PeersFile:
        """Read one TOML file."""
        return self.readAll({PATH: text}, host, **options)

    def readAll(
        self,
        texts: Mapping[str, str | bytes | Exception],
        host: str = "hub1.example.com",
        **options: Any,
    ) -> PeersFile:
        """Read files, by their paths."""

        def read(path: str) -> bytes:
            text = texts[path]
            if isinstance(text, Exception):
                raise text
            return text if isinstance(text, bytes) else text.encode()

        return readPeers(list(texts), host, read=read, **options)

    def peer(self, keys: str, target: str = "far") -> Peer:
        """Read a file with one peer."""
        found = self.read(f"[peer.far]\ntarget = {target!r}\n{keys}\n")
        (peer,) = found.peers
        return peer

    def mistakes(
        self, texts: str | bytes | Mapping[str, str | bytes | Exception], **options: Any
    ) -> list[str]:
        """Read files that are wrong, and give the lines of the error."""
        files = {PATH: texts} if isinstance(texts, (str, bytes)) else texts
        error = self.assertRaises(PeersError, self.readAll, files, **options)
        for line in error.lines:
            self.assertTrue(line.isprintable(), line)
        return list(error.lines)

    def assertWrong(self, keys: str, *whys: str, target: str = "far") -> None:
        """Assert what is said about the keys of one peer."""
        own = "[peer.hub1]\ntarget = 'hub1'\n"
        found = self.mistakes(f"{own}[peer.far]\ntarget = {target!r}\n{keys}\n")
        self.assertEqual(found, [f"{PATH}: peer 'far': {why}" for why in whys])
