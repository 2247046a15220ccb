"""Tests for L{echostamp.web.apipeers} and L{echostamp.web.peerdocument}."""

from __future__ import annotations

import json
from dataclasses import replace
from urllib.parse import quote

from echostamp import __version__
from echostamp.report.document import windowStats
from echostamp.test.apisites import SiteCase, apiValidator
from echostamp.test.snapshots import NOW, fullPeer, minute, newPeer, summaryOf
from echostamp.test.webclients import FakeWatched
from echostamp.web.peerdocument import fullDocument
from echostamp.web.rowdocument import readRow


class RowTests(SiteCase):
    """
    Tests for C{/api/v1/peers}.
    """

    def test_row(self) -> None:
        """The answer is the row, which another daemon can read."""
        found = self.json("/api/v1/peers", "row")
        self.assertEqual((found["version"], found["name"]), (__version__, "hub"))
        self.assertEqual([each["name"] for each in found["peers"]], ["ams", "fra"])
        row = readRow(self.get("/api/v1/peers").body)
        self.assertEqual(row.peers["ams"].maxLoss, 0.7)

    def test_new(self) -> None:
        """Of a peer of which nothing is known, that is what it says."""
        self.source.peers = {"new": FakeWatched(newPeer())}
        (found,) = self.json("/api/v1/peers", "row")["peers"]
        self.assertEqual(found["state"], "unresolved")
        self.assertIsNone(found["stats"]["rtt"])

    def test_headers(self) -> None:
        """It is JSON, which no cache keeps and no other site reads."""
        found = self.get("/api/v1/peers", "Origin: http://evil.example")
        self.assertEqual(found.headers["content-type"], "application/json")
        self.assertEqual(found.headers["cache-control"], "no-store")
        self.assertEqual(found.headers["vary"], "Accept-Encoding")
        self.assertNotIn("access-control-allow-origin", found.headers)

    def test_zipped(self) -> None:
        """It is compressed for those who want that."""
        plain = self.get("/api/v1/peers")
        zipped = self.get("/api/v1/peers", "Accept-Encoding: gzip")
        self.assertNotIn("content-encoding", plain.headers)
        self.assertEqual(zipped.headers["content-encoding"], "gzip")
        self.assertEqual(zipped.body, plain.body)

    def test_shared(self) -> None:
        """Many who ask within 5 seconds cost no more than one."""
        clients = [self.client() for _ in range(20)]
        for client in clients:
            client.get("/api/v1/peers")
        self.turns(*clients)
        bodies = {client.answer().body for client in clients}
        bodies.add(self.get("/api/v1/peers").body)
        self.assertEqual(len(bodies), 1)
        self.assertEqual(self.source.peers["ams"].asked, 1)

    def test_head(self) -> None:
        """HEAD asks no peer."""
        found = self.get("/api/v1/peers", method="HEAD")
        self.assertEqual((found.status, found.body), (200, b""))
        self.assertEqual(found.headers["content-type"], "application/json")
        self.assertEqual(self.source.peers["ams"].asked, 0)

    def test_parameters(self) -> None:
        """There are no parameters."""
        why = "there is no parameter 'peer'"
        self.assertRefused("/api/v1/peers?peer=ams", 400, why)
        self.assertRefused("/api/v1/peers/ams?peer=ams", 400, why)

    def test_gone(self) -> None:
        """A client that has gone before the row is made does not disturb others."""
        gone, stays = self.client(), self.client()
        for client in gone, stays:
            client.get("/api/v1/peers")
        gone.leave()
        self.turns(stays)
        self.assertEqual(stays.answer().status, 200)

    def test_failure(self) -> None:
        """If figures cannot be had, the client learns that in a line, and the
        connection goes on."""
        self.source.peers["fra"].found = None  # type: ignore[assignment]
        client = self.client()
        for _ in range(2):
            client.get("/api/v1/peers", "Accept-Encoding: gzip")
            self.turns(client)
            found = client.answer()
            self.assertEqual(found.status, 500)
            self.assertEqual(found.text.count("\n"), 1)
            self.assertEqual(len(self.flushLoggedErrors(AttributeError)), 1)


class PeerTests(SiteCase):
    """
    Tests for C{/api/v1/peers/NAME}.
    """

    def test_short(self) -> None:
        """It has all that the row has."""
        found = self.json("/api/v1/peers/ams", "peer")
        (short, _) = self.json("/api/v1/peers", "row")["peers"]
        for name, value in short.items():
            if name == "stats":
                for key in "due", "sent", "received", "lost", "skipped", "loss_percent":
                    self.assertEqual(found["stats"][key], value[key])
            else:
                self.assertEqual(found[name], value, name)

    def test_full(self) -> None:
        """And it has the figures of C{ping} and C{watch}, and more."""
        last = minute()
        figures = last.figures._replace(rtt=summaryOf(1000, 2000, 3000))
        snapshot = replace(
            fullPeer("ams"),
            minute=last._replace(figures=figures),
            exceeded=(("max-rtt", "too long"),),
        )
        self.source.peers["ams"] = FakeWatched(snapshot)
        found = self.json("/api/v1/peers/ams", "peer")
        figures = json.loads(json.dumps(windowStats(snapshot.minute or last)))
        self.assertEqual(found["stats"], {"due": 60, **figures})
        self.assertEqual(found["totals"]["strange"], 16)
        self.assertEqual(found["hops"], {"forward": 5, "backward": 0})
        self.assertEqual(found["certificate_end"], 1_800_000_000 * 10**9)
        flows = [{"sent": 20, "received": 21}, {"sent": 22, "received": 23}]
        self.assertEqual(found["flows"], flows)
        self.assertEqual(found["why"], {"max_rtt": "too long"})
        self.assertEqual(found["time"], NOW)

    def test_new(self) -> None:
        """What is not known is null."""
        self.source.peers = {"new": FakeWatched(newPeer())}
        found = self.json("/api/v1/peers/new", "peer")
        for name in "stats", "week", "last_rtt", "certificate_end", "since":
            self.assertIsNone(found[name], name)
        self.assertEqual(found["flows"], [])

    def test_names(self) -> None:
        """A name may have anything that is printable, slashes included, which may be
        encoded."""
        for name in "ams/192.0.2.1", "a b+c?d#e%f", "é<b>", "n/2001:db8::1%eth0":
            self.source.peers = {name: FakeWatched(fullPeer(name))}
            for safe in "", "/":
                path = f"/api/v1/peers/{quote(name, safe=safe)}"
                self.assertEqual(self.json(path, "peer")["name"], name)

    def test_unknown(self) -> None:
        """A name that no peer has is an error in a line."""
        for path, name in (
            ("none", "'none'"),
            ("ams/", "'ams/'"),
            ("/ams", "'/ams'"),
            ("%00%0d%0a%1b", r"'\x00\r\n\x1b'"),
        ):
            why = f"there is no peer {name}"
            self.assertRefused(f"/api/v1/peers/{path}", 404, why)
        for path in "", "..", "%2e%2e/metrics", "%ff":
            self.assertRefused(f"/api/v1/peers/{path}", 404, "no such page")

    def test_head(self) -> None:
        """HEAD asks no peer, and knows which there are."""
        self.assertEqual(self.get("/api/v1/peers/ams", method="HEAD").status, 200)
        self.assertEqual(self.get("/api/v1/peers/none", method="HEAD").status, 404)
        self.assertEqual(self.source.peers["ams"].asked, 0)

    def test_strict(self) -> None:
        """The schema allows no other field, and requires each."""
        check = apiValidator("peer")
        found = self.json("/api/v1/peers/ams", "peer")
        self.assertFalse(check.is_valid({**found, "more": 1}))
        for name in found:
            less = {key: value for key, value in found.items() if key != name}
            self.assertFalse(check.is_valid(less), name)

    def test_week(self) -> None:
        """The last week is in it when it is known."""
        found = fullDocument(fullPeer(), (7, 9))
        self.assertEqual(found["week"], {"p10": 7, "p90": 9})
