"""Tests for L{echostamp.monitor.peercheck}."""

from __future__ import annotations

import os
from unittest.mock import patch

from echostamp.connect import target
from echostamp.connect.tls import TlsFiles, clientTls
from echostamp.monitor import peercheck
from echostamp.monitor.peer import Peer, WebPlace
from echostamp.monitor.peercheck import checkPeer, checksOf, refusalText
from echostamp.probe.dialers import Wish
from echostamp.probe.plan import Plan, StampPlan
from echostamp.probe.refusals import Reason, Refusal
from echostamp.probe.route import Route
from echostamp.test.peerfiles import PeerFileCase
from echostamp.test.tlsclients import TlsClientCase

ANY, USUAL = Route(), StampPlan()


class CheckTests(TlsClientCase, PeerFileCase):
    """
    Peers are checked with the files that they name.
    """

    def why(
        self,
        text: str,
        *files: str | None,
        route: Route = ANY,
        stamp: StampPlan = USUAL,
    ) -> str:
        """Check a peer, and say why it is refused; empty if it is not."""
        wish = Wish(text, Plan(size=0), route, stamp, TlsFiles(*files))
        try:
            checkPeer(self.reactor, Peer("a", wish))
        except ValueError as error:
            return str(error)
        return ""

    def test_right(self) -> None:
        """What can be probed is accepted; nothing is looked up or connected to."""
        self.assertEqual(self.why("far"), "")
        self.assertEqual(self.why("stamp:far"), "")
        self.assertEqual(self.why("tls:far", self.ca, self.ours), "")
        self.assertEqual(self.reactor.tcpClients, [])
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_pems(self) -> None:
        """PEM files are read.  What is wrong with one begins with its key."""
        bad = self.file("--key x.pem", b"--ca '")
        for files, why in [
            (("/none",), "ca: '/none': No such file or directory"),
            ((bad,), f"ca: {bad!r}: no PEM certificate that can be read"),
            ((None, "/none"), "cert: '/none': No such file or directory"),
            ((None, self.ours, "/none"), "key: '/none': No such file or directory"),
            (
                (None, self.ours, self.server),
                f"key: {self.server!r}: not the key of cert: {self.ours!r}",
            ),
        ]:
            self.assertEqual(self.why("tls:far", *files), why)

    def test_keys(self) -> None:
        """The key file of STAMP is read, and must have a key for the SSID."""
        path = self.file("keys", b"7 " + b"ab" * 16)
        os.chmod(path, 0o600)
        self.assertEqual(
            self.why("stamp:far", None, None, path, stamp=StampPlan(7)), ""
        )
        self.assertEqual(
            self.why("stamp:far", None, None, path), f"key: {path!r}: no key for SSID 0"
        )
        self.assertEqual(
            self.why("stamp:far", None, None, "/none"),
            "key: '/none': No such file or directory",
        )

    def test_targets(self) -> None:
        """What only the reactor knows of a target is checked, too."""
        self.assertEqual(
            self.why("such:thing:x=1"),
            "target: 'such:thing:x=1': neither HOST:PORT nor an endpoint that Twisted "
            "knows",
        )

    def test_words(self) -> None:
        """Each reason for a refusal has its text, in the words of the file."""
        for reason in Reason:
            text = refusalText(Refusal(reason, 1, 2, 3))
            self.assertNotIn("--", text)
            self.assertNotIn("{", text)
            self.assertNotEqual(text, reason.value)
        route = Route(only4=True, source="::1")
        self.assertEqual(
            self.why("far", route=route), "family: it does not go with source"
        )

    def test_once(self) -> None:
        """PEM files are read once for all peers and pages that have the same ones."""
        checks = checksOf(self.reactor)
        with (
            patch.object(peercheck, "clientTls", wraps=clientTls) as forPages,
            patch.object(target, "clientTls", wraps=clientTls) as forPeers,
        ):
            for _ in range(3):
                checks.web(WebPlace("http://a"))
                checks.web(WebPlace("https://a", TlsFiles(self.ca)))
                for files in TlsFiles(self.ca), TlsFiles(self.ca, self.ours):
                    wish = Wish("tls:far", Plan(size=0), files=files)
                    checks.peer(Peer("a", wish))
        self.assertEqual((forPages.call_count, forPeers.call_count), (1, 1))
        wish = Wish("tls:far", Plan(size=0), files=TlsFiles("/none"))
        for _ in range(2):
            self.assertRaises(ValueError, checks.peer, Peer("a", wish))

    def test_web(self) -> None:
        """The files for a page are read."""
        checks = checksOf(self.reactor)
        for scheme in "https", "HTTPS":
            wrong = WebPlace(f"{scheme}://a", TlsFiles("/none"))
            error = self.assertRaises(ValueError, checks.web, wrong)
            self.assertEqual(str(error), "web: ca: '/none': No such file or directory")

    def test_whole(self) -> None:
        """A file of peers is checked with all that it names."""
        path = self.file(
            "peers.toml",
            b'ca = "ca.pem"\ncert = "none.pem"\n[peer.a]\ntarget = "tls:a"\n'
            b'[peer.b]\ntarget = "b"\nweb = "https://b"\nweb-ca = "peers.toml"\n'
            b'[peer.c]\ntarget = "x:y:z=1"\n[peer.d]\ntarget = "tls:d"\n'
            b'cert = "ours.pem"\n',
        )
        with open(path, "rb") as file:
            text = file.read()
        folder = self.folder
        self.assertEqual(
            self.mistakes({path: text}, checks=checksOf(self.reactor)),
            [
                f"{path}: peer 'a': cert: '{folder}/none.pem': No such file or "
                "directory",
                f"{path}: peer 'b': web: ca: {path!r}: no PEM certificate that can be "
                "read",
                f"{path}: peer 'c': target: 'x:y:z=1': neither HOST:PORT nor an "
                "endpoint that Twisted knows",
            ],
        )
