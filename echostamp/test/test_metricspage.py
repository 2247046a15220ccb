"""Tests for L{echostamp.web.metricspage}."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as readOpenMetrics,
)
from prometheus_client.parser import text_string_to_metric_families as readText
from twisted.trial.unittest import SynchronousTestCase

from echostamp.monitor.exposition import Exposition
from echostamp.monitor.metricformats import Format
from echostamp.test.apisites import SiteCase
from echostamp.test.snapshots import fullPeer
from echostamp.test.webclients import Answer, BrokenWatched, FakeSource
from echostamp.web.encodings import Encodings
from echostamp.web.metricspage import MetricsPage, WantedMetrics, metricSteps
from echostamp.web.site import WebSite

#: What Prometheus 2.42 sends.
PROMETHEUS = (
    "User-Agent: Prometheus/2.42.0",
    "Accept: application/openmetrics-text;version=1.0.0,application/openmetrics-text;"
    "version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    "Accept-Encoding: gzip",
    "X-Prometheus-Scrape-Timeout-Seconds: 10",
)

#: A scrape of everything.
ALL = WantedMetrics(Format.TEXT)


class StepsTests(SynchronousTestCase):
    """
    Tests for L{metricSteps}.
    """

    def test_all(self) -> None:
        """An answer has all peers, and the daemon."""
        text = b"".join(metricSteps(FakeSource(), ALL)).decode()
        for peer in "ams", "fra":
            self.assertIn(f'echostamp_peer_up{{peer="{peer}",site="ams"}} 1\n', text)
        self.assertIn("echostamp_peers 2\n", text)
        self.assertIn("process_cpu_seconds_total", text)

    def test_names(self) -> None:
        """Where peers are named, it has these, and not the daemon."""
        source = FakeSource()
        wanted = WantedMetrics(Format.TEXT, names=frozenset(["fra", "gone"]))
        found = metricSteps(source, wanted)
        exposition = Exposition(Format.TEXT, ["site"])
        exposition.add(fullPeer("fra"))
        self.assertEqual(b"".join(found), b"".join(exposition.chunks()))
        self.assertEqual(source.peers["ams"].asked, 0)

    def test_onePeerAStep(self) -> None:
        """A step looks at one peer."""
        source = FakeSource(["a", "b", "c"])
        before = 0
        for _ in metricSteps(source, ALL):
            asked = sum(each.asked for each in source.peers.values())
            self.assertLessEqual(asked - before, 1)
            before = asked
        self.assertEqual(before, 3)

    def test_stepsBeforeTheFirstOctet(self) -> None:
        """The labels, each peer and the daemon have a step of their own."""
        found = list(metricSteps(FakeSource(["a", "b", "c"]), ALL))
        self.assertEqual([bool(each) for each in found], [False] * 5 + [True])

    def test_peersThatChange(self) -> None:
        """A reload in the middle does no harm."""
        source = FakeSource(["a", "b"])
        made = metricSteps(source, ALL)
        found = [next(made), next(made)]
        source.peers = {}
        text = b"".join([*found, *made]).decode()
        self.assertIn('peer="b"', text)

    def test_zipped(self) -> None:
        """A compressed answer is the same."""
        source = FakeSource([f"peer{each}" for each in range(50)])
        names = frozenset(source.peers)
        plain = b"".join(metricSteps(source, WantedMetrics(Format.TEXT, False, names)))
        zipped = b"".join(metricSteps(source, WantedMetrics(Format.TEXT, True, names)))
        self.assertEqual(zlib.decompress(zipped, 31), plain)
        self.assertLess(len(zipped), len(plain) / 5)


class MetricsPageTests(SiteCase):
    """
    Tests for L{echostamp.web.metricspage.MetricsPage}.
    """

    def scrape(self, path: str = "/metrics", *headers: str) -> Answer:
        """Ask for figures."""
        client = self.client()
        client.get(path, *headers)
        self.turns(client)
        return client.answer()

    def test_text(self) -> None:
        """Without a wish, an answer has Prometheus' text format."""
        found = self.scrape()
        self.assertEqual(found.status, 200)
        self.assertEqual(found.headers["content-type"], Format.TEXT.value)
        self.assertNotIn("content-encoding", found.headers)
        self.assertGreater(len(list(readText(found.text))), 40)

    def test_prometheus(self) -> None:
        """Prometheus gets OpenMetrics, compressed."""
        found = self.scrape("/metrics", *PROMETHEUS)
        self.assertEqual(found.headers["content-type"], Format.OPENMETRICS.value)
        self.assertEqual(found.headers["content-encoding"], "gzip")
        self.assertEqual(found.headers["vary"], "Accept, Accept-Encoding")
        self.assertEqual(found.headers["cache-control"], "no-store")
        self.assertGreater(len(list(readOpenMetrics(found.text))), 40)

    def test_headersInParts(self) -> None:
        """A header that comes in several lines counts as one."""
        accept = "Accept: text/plain;q=0.1", "Accept: application/openmetrics-text"
        found = self.scrape("/metrics", *accept)
        self.assertEqual(found.headers["content-type"], Format.OPENMETRICS.value)

    def test_connectionGoesOn(self) -> None:
        """A connection serves scrape after scrape."""
        client = self.client()
        for _ in range(3):
            client.get("/metrics", *PROMETHEUS)
            self.turns(client)
            self.assertEqual(client.answer().status, 200)
        self.assertEqual(self.source.peers["ams"].asked, 3)

    def test_head(self) -> None:
        """HEAD asks no peer for figures."""
        client = self.client()
        client.get("/metrics", method="HEAD")
        found = client.answer(hasBody=False)
        self.assertEqual(found.headers["content-type"], Format.TEXT.value)
        self.turns()
        self.assertEqual(self.source.peers["ams"].asked, 0)

    def test_filter(self) -> None:
        """A filter leaves the peers that it names, and not the daemon."""
        self.source = FakeSource(["ams", "fra", "sin 1/é"])
        self.setUpSite()
        found = self.scrape("/metrics?peer=fra&peer=sin%201%2F%C3%A9&x=y").text
        peers = {
            sample.labels.get("peer")
            for each in readText(found)
            for sample in each.samples
        }
        self.assertEqual(peers, {"fra", "sin 1/é"})
        self.assertIn('peer="fra",site="ams"', found)

    def test_filterOfSeveral(self) -> None:
        """The name of which several peers were made stands for all of them."""
        self.source = FakeSource(["ams/4", "ams/6", "amsterdam"])
        self.setUpSite()
        found = self.scrape("/metrics?peer=ams").text
        self.assertIn('peer="ams/4"', found)
        self.assertIn('peer="ams/6"', found)
        self.assertNotIn("amsterdam", found)

    def test_failureInTheMiddle(self) -> None:
        """If the answer has begun, the connection is reset, so that the client does not
        take it for complete."""

        def broken(wanted: WantedMetrics) -> Iterator[bytes]:
            yield b"a part"
            raise RuntimeError("on purpose")

        page = MetricsPage(self.source, Encodings(self.reactor, broken))
        self.site = WebSite(self.reactor, {b"/metrics": page})
        client = self.client()
        client.get("/metrics")
        self.turns(client)
        self.assertTrue(client.connection.isAborted)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_unknownPeer(self) -> None:
        """A name that no peer has is an error in a line, in which nothing is a
        control."""
        for query, name in (
            ("peer=none", "'none'"),
            ("peer=ams&peer=none", "'none'"),
            ("peer=", "''"),
            ("peer=%00%0d%0aX%1b", r"'\x00\r\nX\x1b'"),
            ("peer=%ff", "'\ufffd'"),
        ):
            found = self.scrape(f"/metrics?{query}")
            self.assertEqual(found.status, 404)
            self.assertEqual(found.text, f"there is no peer {name}\n")

    def test_noPeers(self) -> None:
        """Without peers there are the daemon's figures."""
        self.source = FakeSource([])
        self.setUpSite()
        self.assertIn("echostamp_build_info", self.scrape().text)

    def test_shared(self) -> None:
        """Two scrapes at once share one answer."""
        one, other = self.client(), self.client()
        one.get("/metrics", *PROMETHEUS)
        other.get("/metrics", *PROMETHEUS)
        self.turns(one, other)
        self.assertEqual(one.answer().body, other.answer().body)
        self.assertEqual(self.source.peers["ams"].asked, 1)

    def test_gone(self) -> None:
        """For a client that has gone, nothing more is made."""
        client = self.client()
        client.get("/metrics")
        client.leave()
        self.turns()
        self.assertEqual(self.source.peers["ams"].asked, 0)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_slowReader(self) -> None:
        """A client that reads slowly gets everything, and the transport never holds
        much of it."""
        self.source = FakeSource([f"peer{each}" for each in range(100)])
        self.setUpSite()
        client = self.client(room=0)
        client.get("/metrics")
        self.turns(client)
        most = 0
        while client.connection.held:
            most = max(most, client.connection.held)
            client.connection.turn(10_000)
        self.assertLess(most, 300_000)
        body = client.answer().text
        self.assertGreater(len(body), 500_000)
        self.assertIn('peer="peer99"', body)

    def test_slowReaderGone(self) -> None:
        """One that goes in the middle leaves nothing behind."""
        self.source = FakeSource([f"peer{each}" for each in range(100)])
        self.setUpSite()
        client = self.client(room=0)
        client.get("/metrics")
        self.turns(client)
        client.connection.turn(100_000)
        client.leave()
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_slowReaderForgotten(self) -> None:
        """One that stops reading is disconnected in the end."""
        self.source = FakeSource([f"peer{each}" for each in range(100)])
        self.setUpSite()
        client = self.client(room=0)
        client.get("/metrics")
        self.turns(client)
        self.reactor.fromTimerToTimer(self.site.times.answer)
        self.assertTrue(client.connection.isAborted)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_failure(self) -> None:
        """If figures cannot be had, the client learns that, and the connection goes
        on."""
        self.source.peers["fra"] = BrokenWatched(self.source.peers["fra"].found)
        client = self.client()
        client.get("/metrics", *PROMETHEUS)
        self.turns(client)
        found = client.answer()
        self.assertEqual(found.status, 500)
        self.assertNotIn("content-encoding", found.headers)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        client.get("/metrics?peer=ams")
        self.turns(client)
        self.assertEqual(client.answer().status, 200)
