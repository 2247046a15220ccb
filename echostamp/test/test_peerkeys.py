"""Tests for L{echostamp.monitor.peerkeys}, and the example in C{deploy/}."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from twisted.trial.unittest import SkipTest

import echostamp
from echostamp.monitor.peer import RESOLVE
from echostamp.monitor.peerkeys import KEYS
from echostamp.probe.plan import Plan, StampPlan
from echostamp.rfc8762.tlvvalues import TLVS
from echostamp.test.peerfiles import PeerFileCase

EXAMPLE = Path(echostamp.__file__).parents[1] / "deploy" / "peers.toml"


class KeyTests(PeerFileCase):
    """
    The table of keys.
    """

    def test_defaults(self) -> None:
        """The defaults are those of C{ping} and of a L{Peer
        <echostamp.monitor.peer.Peer>}."""
        peer = self.peer("", "stamp:far")
        self.assertEqual(peer.wish.stamp, StampPlan())
        self.assertEqual(
            (peer.wish.plan.interval, peer.wish.plan.timeout, peer.wish.plan.jitter),
            (Plan.interval, Plan.timeout, Plan.jitter),
        )
        self.assertEqual(peer.resolve, RESOLVE)

    def test_tlvs(self) -> None:
        """Every TLV that packets may have can be named."""
        self.assertEqual(KEYS["tlv"].read(list(TLVS)), tuple(TLVS))

    def test_names(self) -> None:
        """A label of C{file_sd} can name each key, because none has an underscore."""
        for name in KEYS:
            self.assertRegex(name, r"\A[a-z0-9]+(-[a-z0-9]+)*\Z")


class ExampleTests(PeerFileCase):
    """
    C{deploy/peers.toml}.
    """

    def setUp(self) -> None:
        """Read the file."""
        if not EXAMPLE.exists():
            raise SkipTest("no source tree here")
        self.text = EXAMPLE.read_text("utf-8")
        #: With the keys that need a file or another host.
        self.whole = re.sub(r"^#(?=[^ \n])", "", self.text, flags=re.MULTILINE)

    def test_read(self) -> None:
        """The example is read on any host, and with all its keys on the host that it
        names."""
        names = ["fra1/4", "fra1/6", "echo.example.com", "old"]
        found = self.read(self.text, "anywhere")
        self.assertEqual([each.name for each in found.peers], names)
        found = self.read(self.whole, "hub1")
        self.assertEqual([each.name for each in found.peers], names)
        self.assertEqual(found.peers[0].wish.target, "stamp:fra1.internal")

    def test_everyKey(self) -> None:
        """Every key is in it, behind a line that explains it as the program does."""
        document = tomllib.loads(self.whole)
        found = set(document).union(*document["peer"].values())
        self.assertEqual(found - {"peer"}, set(KEYS))
        for name, key in KEYS.items():
            line = f"\n# {key.doc}\n"
            self.assertIn(line, self.text)
            self.assertRegex(self.text.split(line)[1], rf"\A#?{name}[ .]")

    def test_short(self) -> None:
        """Each line fits on a screen."""
        self.assertLessEqual(max(map(len, self.text.splitlines())), 88)
