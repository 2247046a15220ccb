"""Tests for L{echostamp.monitor.peersfile}."""

from __future__ import annotations

import errno
import json
import os

from echostamp.monitor.peer import Peer, WebPlace
from echostamp.monitor.peercheck import PeerChecks
from echostamp.monitor.peersfile import (
    LONGEST_FILE,
    PeersFile,
    readFile,
    readingPeers,
    readPeers,
)
from echostamp.probe.dialers import Wish
from echostamp.probe.plan import Plan
from echostamp.test.peerfiles import PATH, PeerFileCase

MESH = """\
[peer.ams1]
target = "stamp:ams1"
[peer.ams2]
target = "stamp:ams2"
from = ["ams*"]
[peer.hub1]
target = "stamp:hub1"
from = []
[peer.hub1.seen-from.ams1]
target = "stamp:10.0.0.1"
[peer.fra1]
target = "stamp:192.0.2.1"
from = ["ams2", "hub1"]
[peer.fra1.seen-from.hub1]
target = "tls:fra1"
"""


class ReadingTests(PeerFileCase):
    """
    Files are read.
    """

    def test_default(self) -> None:
        """A peer with a target only has the defaults, rolling windows, and patience."""
        peer = Peer("far", Wish("far", Plan(size=0, kept=0, isPatient=True)))
        found = self.read('[peer.far]\ntarget = "far"\n')
        self.assertEqual(found, PeersFile((peer,)))

    def test_nothing(self) -> None:
        """No files, and files without peers, are no mistake."""
        self.assertEqual(readPeers([], "hub1"), PeersFile())
        self.assertEqual(self.readAll({PATH: "", "/a.json": "[]"}), PeersFile())

    def test_realFile(self) -> None:
        """A file of the file system is read, up to its limit."""
        path = self.mktemp()
        with open(path, "w") as file:
            file.write('[peer.far]\ntarget = "far"\n')
            file.truncate(LONGEST_FILE + 9)
        self.assertEqual(len(readFile(path)), LONGEST_FILE + 1)
        self.assertEqual(
            self.mistakes({"x": readFile(path)}),
            [f"x: is longer than {LONGEST_FILE} octets"],
        )
        os.truncate(path, 26)
        self.assertEqual(readPeers([path], "hub1").peers[0].name, "far")

    def test_steps(self) -> None:
        """No step has more to do with many peers than with few."""
        text = "".join(f"[peer.p{n}]\ntarget = 'far'\n" for n in range(100))
        sd = json.dumps([{"targets": [f"host{number}" for number in range(100)]}])
        for path, content in ("peers.toml", text), ("peers.json", sd):
            octets = content.encode()
            steps = readingPeers([path], "hub1", read=lambda _: octets)  # noqa: B023
            self.assertGreaterEqual(sum(1 for _ in steps), 600)

    def test_mark(self) -> None:
        """A byte order mark, which editors write, is left out."""
        text = '[peer.far]\ntarget = "far"\n'
        self.assertEqual(self.read(text.encode("utf-8-sig")), self.read(text))

    def test_unreadable(self) -> None:
        """Files that cannot be read are named, each in one line; the others are
        checked, and nothing is said of names that may be in the files."""
        error = OSError(errno.ENOENT, os.strerror(errno.ENOENT), "/a")
        other = '[peer.x]\nfrom = ["nobody"]\ninterval = 0\ntarget = "x"\n'
        cases: list[tuple[str, str | bytes | Exception, str]] = [
            ("/a", error, "No such file or directory"),
            ("/a", ValueError("embedded null byte"), "embedded null byte"),
            ("/a", b'x = "\n\xff"', "is not UTF-8 text (at line 2)"),
            ("/a", b" " * (LONGEST_FILE + 1), "is longer than 16000000 octets"),
            ("/a", "x = " + "[" * 100_000, "its values are nested too deep"),
            ("/a.json", "[" * 100_000, "its values are nested too deep"),
            ("/a", "x", "Expected '=' after a key in a key/value pair (at line 1)"),
        ]
        for path, text, why in cases:
            self.assertEqual(
                self.mistakes({path: text, "/b": other}),
                [
                    f"{path}: {why}",
                    "/b: peer 'x': interval: '0' is not from 1ms to 1 hour",
                ],
            )
        right = '[peer.far]\ntarget = "far"\n'
        self.readAll({"/a": right.ljust(LONGEST_FILE)})

    def test_allMistakes(self) -> None:
        """All mistakes of all files are reported, in one line each."""
        files = {
            PATH: 'intervall = 1\n[peer.a]\ntarget = "x:y"\nsize = 1\nmax-loss = 101\n',
            "/b.json": '[{"targets": ["a"], "labels": {"__echostamp_ttl__": "0"}}]',
        }
        self.assertEqual(
            self.mistakes(files),
            [
                "/etc/peers.toml: intervall: unknown key; did you mean 'interval'?",
                "/b.json: peer 'a': is in /etc/peers.toml already",
                "/etc/peers.toml: peer 'a': size: '1' is not a whole number from 32 to "
                "65536",
                "/etc/peers.toml: peer 'a': max-loss: '101' is not a percentage",
                "/etc/peers.toml: peer 'a': target: 'x:y': port 'y' is no number",
                "/b.json: peer 'a': ttl: '0' is not a whole number from 1 to 255",
            ],
        )

    def test_longLine(self) -> None:
        """The line of a mistake is short, however long the value is."""
        (line,) = self.mistakes(f'[peer.a]\ntarget = "x"\ninterval = "{"9" * 9999}"\n')
        self.assertEqual(len(line), 500)

    def test_duplicates(self) -> None:
        """A name is given once, in all files."""
        text = '[peer.far]\ntarget = "far"\n'
        self.assertEqual(
            self.mistakes({"/a": text, "/b": text, "/c": text}),
            [f"{at}: peer 'far': is in /a already" for at in ("/b", "/c")],
        )

    def test_both(self) -> None:
        """C{family = "both"} makes a peer for each version of IP."""
        four, six = self.read(
            '[peer.far]\ntarget = "far"\nfamily = "both"\nlabels = {a = "b"}\n'
        ).peers
        self.assertEqual((four.name, six.name), ("far/4", "far/6"))
        self.assertEqual((four.wish.route.only4, four.wish.route.only6), (True, False))
        self.assertEqual((six.wish.route.only4, six.wish.route.only6), (False, True))
        self.assertEqual(four.labels, six.labels)

    def test_labels(self) -> None:
        """Every peer has the labels that any has; those that it lacks are empty.
        Its own add to the file's."""
        found = self.read(
            'labels = {site = "ams", rack = "1"}\n'
            '[peer.a]\ntarget = "a"\nlabels = {rack = "2"}\n'
            '[peer.b]\ntarget = "b"\nlabels = {zone = "x"}\n'
        )
        self.assertEqual(
            [each.labels for each in found.peers],
            [
                (("rack", "2"), ("site", "ams"), ("zone", "")),
                (("rack", "1"), ("site", "ams"), ("zone", "x")),
            ],
        )

    def test_rate(self) -> None:
        """The probes of all peers and flows are counted against the limit.  Those of
        paused peers are not."""
        text = (
            "interval = 0.1\ntimeout = 0.1\n"
            '[peer.a]\ntarget = "stamp:a"\nflows = 16\nfamily = "both"\n'
            '[peer.b]\ntarget = "b"\n'
            '[peer.c]\ntarget = "stamp:c"\nflows = 16\npaused = true\n'
        )
        self.assertEqual(len(self.read(text, maxProbes=330).peers), 4)
        self.assertEqual(
            self.mistakes(text, maxProbes=329),
            ["the peers need 330 probes a second, more than --max-probes 329"],
        )

    def test_usualRate(self) -> None:
        """The default of the limit is 2,000 probes in a second."""
        text = "interval = 0.001\ntimeout = 1\n"
        peers = '[peer.a]\ntarget = "a"\n[peer.b]\ntarget = "b"\n'
        self.assertEqual(len(self.read(text + peers).peers), 2)
        more = f'{peers}[peer.c]\ntarget = "c"\ninterval = "1h"\n'
        (line,) = self.mistakes(text + more)
        self.assertIn("2000.000278 probes a second", line)


class MeshTests(PeerFileCase):
    """
    One file on every machine.
    """

    def seen(self, host: str, **options: str) -> dict[str, str]:
        """Give the targets that a host probes."""
        peers = self.read(MESH, host, **options).peers
        return {each.name: each.wish.target for each in peers}

    def test_everyHost(self) -> None:
        """A host probes the others, those that C{from} lets it, at the targets where
        it sees them; and not itself."""
        self.assertEqual(self.seen("ams1"), {"ams2": "stamp:ams2"})
        self.assertEqual(
            self.seen("ams2"), {"ams1": "stamp:ams1", "fra1": "stamp:192.0.2.1"}
        )
        self.assertEqual(self.seen("hub1"), {"ams1": "stamp:ams1", "fra1": "tls:fra1"})
        self.assertEqual(self.seen("fra1"), {"ams1": "stamp:ams1"})

    def test_ownName(self) -> None:
        """The peer that is this host has C{--self}'s name, the host's, or the host's
        first label."""
        text = '[peer.hub1]\ntarget = "a"\n[peer."hub1.b.c"]\ntarget = "b"\n'
        for host, name, own, others in [
            ("hub1.b.c", None, "hub1.b.c", ["hub1"]),
            ("hub1.x.y", None, "hub1", ["hub1.b.c"]),
            ("other.x", None, "", ["hub1", "hub1.b.c"]),
            ("hub1.b.c", "hub1", "hub1", ["hub1.b.c"]),
            ("hub1", "nobody", "", ["hub1", "hub1.b.c"]),
        ]:
            found = self.read(text, host, selfName=name)
            self.assertEqual(found.selfName, own)
            self.assertEqual([each.name for each in found.peers], others)

    def test_unknownHost(self) -> None:
        """With C{from} or C{seen-from} this host must be one of the peers."""
        self.assertEqual(
            self.mistakes(MESH, host="x.y"),
            [
                "the files have from or seen-from, and no peer is this host, 'x.y': "
                "name it with --self"
            ],
        )
        for text in (
            MESH,
            'from = ["a"]\n[peer.a]\ntarget = "a"\n',
            '[peer.a]\ntarget = "a"\n[peer.a.seen-from.a]\ntarget = "b"\n',
        ):
            self.assertEqual(
                self.mistakes(text, selfName="fra9"),
                ["--self 'fra9': no peer has this name"],
            )

    def test_unknownNames(self) -> None:
        """Names in C{from} and C{seen-from} are names of peers, of any file.  Patterns
        may match none."""
        text = (
            'from = ["zrh*", "hub1", "hub2"]\n'
            '[peer.hub1]\ntarget = "a"\nfrom = ["fra1", "farr1"]\n'
            '[peer.hub1.seen-from.hub11]\ntarget = "b"\n'
        )
        other = '[peer.fra1]\ntarget = "c"\n'
        self.assertEqual(
            self.mistakes({PATH: text, "/b": other}),
            [
                f"{PATH}: from: no peer is named 'hub2'; did you mean 'hub1'?",
                f"{PATH}: peer 'hub1': from: no peer is named 'farr1'; did you mean "
                "'fra1'?",
                f"{PATH}: peer 'hub1': seen-from: no peer is named 'hub11'; did you "
                "mean 'hub1'?",
            ],
        )

    def test_ofOtherHosts(self) -> None:
        """What only another host has is no mistake where this host does not probe the
        peer: a link, an address, a zone, and the files of keys."""
        text = (
            '[peer.hub1]\ntarget = "a"\n'
            '[peer.a]\ntarget = "[fe80::1%nosuchlink]:7"\nfrom = ["b"]\n'
            '[peer.b]\ntarget = "tls:b"\nsource = "fe80::1%nosuchlink"\nca = "x"\n'
            'zone = "No/Such"\nfrom = ["a"]\n'
        )
        checks = PeerChecks(self.fail, self.fail)
        found = self.read(text, "hub1", checks=checks)
        self.assertEqual(found, PeersFile((), "hub1"))
        lines = self.mistakes(text, host="b")
        self.assertEqual(len(lines), 1)
        self.assertIn(
            "peer 'a': target: '[fe80::1%nosuchlink]:7': there is no", lines[0]
        )
        lines = self.mistakes(text, host="a")
        self.assertEqual(len(lines), 2)
        self.assertIn("peer 'b': source: 'fe80::1%nosuchlink': there is no", lines[0])

    def test_noTarget(self) -> None:
        """Only a peer that no other probes needs no target."""
        text = '[peer.hub1]\nfrom = []\n[peer.far]\ntarget = "far"\n'
        self.assertEqual([each.name for each in self.read(text).peers], ["far"])
        self.assertEqual(
            self.mistakes('[peer.a]\ninterval = 1\n[peer.b]\nfrom = ["a"]\n', host="b"),
            [f"{PATH}: peer {each!r}: target: is missing" for each in "ab"],
        )

    def test_webs(self) -> None:
        """Where rows can be read is known of every peer, also of those that this host
        does not probe."""
        text = (
            '[peer.a]\ntarget = "a"\nfrom = ["b"]\nweb = "http://a:9862"\n'
            '[peer.b]\ntarget = "b"\nfrom = ["a"]\n'
            '[peer.c]\ntarget = "c"\nweb = "http://c/x"\n'
            '[peer.hub1]\ntarget = "d"\nweb = "http://d"\n'
        )
        found = self.read(text)
        places = {
            "a": WebPlace("http://a:9862"),
            "c": WebPlace("http://c/x"),
            "hub1": WebPlace("http://d"),
        }
        self.assertEqual(found.webs, places)
        self.assertEqual([each.web for each in found.peers], [places["c"]])

    def test_checks(self) -> None:
        """The checks see each peer that is probed, and each page but our own.  What
        they find has its file and peer, and is reported once."""
        webs: list[str] = []

        def checkPeer(peer: Peer) -> None:
            if peer.name.startswith("a"):
                raise ValueError("key: 'x': gone")

        def checkWeb(web: WebPlace) -> None:
            webs.append(web.url)
            if "c" in web.url:
                raise ValueError("web: gone")

        text = (
            '[peer.a]\ntarget = "a"\nfamily = "both"\n'
            '[peer.b]\ntarget = "b"\nweb = "https://b"\n'
            '[peer.c]\ntarget = "c"\nfrom = []\nweb = "https://c"\n'
            '[peer.hub1]\ntarget = "c"\nfrom = []\nweb = "https://d"\n'
        )
        self.assertEqual(
            self.mistakes(text, checks=PeerChecks(checkPeer, checkWeb)),
            [f"{PATH}: peer 'a': key: 'x': gone", f"{PATH}: peer 'c': web: gone"],
        )
        self.assertEqual(webs, ["https://b", "https://c"])
