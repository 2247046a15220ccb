"""Tests for L{echostamp.monitor.peermaking}, with the keys of L{peerkeys
<echostamp.monitor.peerkeys>}."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis.strategies import booleans, floats, integers, one_of

from echostamp.connect.tls import TlsFiles
from echostamp.monitor.peer import Limits, Peer, WebPlace
from echostamp.probe.plan import Plan, StampPlan
from echostamp.probe.route import Route
from echostamp.test.peerfiles import PATH, PeerFileCase
from echostamp.times import MILLISECOND, SECOND


class ValueTests(PeerFileCase):
    """
    The values of a peer's keys.
    """

    def test_plan(self) -> None:
        """What to send, and when."""
        peer = self.peer('interval = "200ms"\ntimeout = 2\nsize = 99\njitter = false')
        self.assertEqual(self.peer("size = 45").wish.plan.size, 45)
        plan = Plan(None, 200 * MILLISECOND, None, 2 * SECOND, 99, False, 0)
        self.assertEqual(peer.wish.plan, Plan(**{**vars(plan), "isPatient": True}))

    def test_durations(self) -> None:
        """A duration is text, as on the command line, or a number of seconds."""
        for text, ns in [
            ('"1500us"', 1_500_000),
            ('"0.25"', 250_000_000),
            ("0.25", 250_000_000),
            ("1e-3", 1_000_000),
            ("1.001", 1_001_000_000),
            ("0.0010000000001", 1_000_000),
            ("3", 3 * SECOND),
            ('"1h"', 3600 * SECOND),
        ]:
            self.assertEqual(self.peer(f"timeout = {text}").wish.plan.timeout, ns)

    @given(integers(1, 3600 * 1000))
    def test_anyDuration(self, ms: int) -> None:
        """A number of seconds is the same duration as its text."""
        peer = self.peer(f"max-rtt = {ms / 1000!r}\nmax-offset = '{ms}ms'")
        self.assertEqual(peer.limits.rtt, ms * MILLISECOND)
        self.assertEqual(peer.limits.rtt, peer.limits.offset)

    def test_stamp(self) -> None:
        """The fields of STAMP packets."""
        peer = self.peer(
            'dscp = "AF41"\nttl = 9\nssid = 7\nstrict-ssid = true\nptp = true\n'
            'tlv = ["cos", "padding", "cos"]\nkey = "k"\nflows = 16\nsize = 200',
            "stamp:far",
        )
        self.assertEqual(
            peer.wish.stamp, StampPlan(7, 34, ("cos", "padding"), True, 9, True)
        )
        self.assertEqual(peer.wish.files, TlsFiles(key="/etc/k"))
        self.assertEqual((peer.flows, peer.wish.target), (16, "stamp:far"))
        self.assertEqual(self.peer("dscp = 46", "stamp:far").wish.stamp.dscp, 46)

    def test_route(self) -> None:
        """Which addresses to use."""
        for keys, route in [
            ("", Route()),
            ("family = 4", Route(only4=True)),
            ('family = "6"', Route(only6=True)),
            ('source = "192.0.2.1"', Route(source="192.0.2.1")),
            ('source = "::1"\nfamily = 6', Route(only6=True, source="::1")),
        ]:
            self.assertEqual(self.peer(keys).wish.route, route)
        peer = self.peer('source = "[::1]:7"', "stamp:far")
        self.assertEqual(peer.wish.route, Route(source="::1", sourcePort=7))

    def test_others(self) -> None:
        """Thresholds, zone, addresses, resolve, paused."""
        peer = self.peer(
            'max-rtt = "20ms"\nmax-rtt-p99 = 0.05\nmax-loss = "2.5%"\n'
            'max-offset = "1us"\nzone = "-00:30"\naddresses = "all"\nresolve = 0\n'
            "paused = true"
        )
        limits = Limits(20 * MILLISECOND, 50 * MILLISECOND, 2.5, 1000)
        self.assertEqual(peer.limits, limits)
        self.assertEqual((peer.zone, peer.resolve), (-1800 * SECOND, 0))
        self.assertTrue(peer.isEachAddress)
        self.assertTrue(peer.isPaused)
        self.assertEqual(self.peer("max-loss = 2").limits.loss, 2.0)
        self.assertEqual(self.peer("resolve = 5").resolve, 5 * SECOND)
        self.assertEqual(self.peer("").resolve, Peer("a", peer.wish).resolve)

    def test_paths(self) -> None:
        """A relative path is relative to the file."""
        peer = self.peer('ca = "a"\ncert = "../b"\nkey = "/c"', "tls:far")
        self.assertEqual(peer.wish.files, TlsFiles("/etc/a", "/etc/../b", "/c"))
        text = '[peer.far]\ntarget = "tls:far"\nca = "a"\n'
        for path, ca in [("peers", "a"), ("x/peers", "x/a"), ("/peers", "/a")]:
            (peer,) = self.readAll({path: text}).peers
            self.assertEqual(peer.wish.files.ca, ca)

    def test_web(self) -> None:
        """The files for a page are those of the target, unless the peer names
        others."""
        tls = 'ca = "a"\ncert = "b"\nkey = "c"\n'
        web = 'web = "https://far"\n'
        for keys, target, files in [
            (web, "far", TlsFiles()),
            (tls + web, "tls:far", TlsFiles("/etc/a", "/etc/b", "/etc/c")),
            (
                f'{tls}{web}web-ca = "d"',
                "tls:far",
                TlsFiles("/etc/d", "/etc/b", "/etc/c"),
            ),
            (f'{tls}{web}web-cert = "d"', "tls:far", TlsFiles("/etc/a", "/etc/d")),
            (
                f'{web}web-ca = "d"\nweb-cert = "e"\nweb-key = "f"\nkey = "k"',
                "stamp:far",
                TlsFiles("/etc/d", "/etc/e", "/etc/f"),
            ),
            (f'{web}key = "k"', "stamp:far", TlsFiles()),
        ]:
            found = self.peer(keys, target).web
            self.assertEqual(found, WebPlace("https://far", files))
            found = self.peer(keys.replace("https", "HTTPS"), target).web
            self.assertEqual(found, WebPlace("HTTPS://far", files))
        self.assertEqual(
            self.peer(f'{tls}web = "http://far:1/x/"', "tls:far").web,
            WebPlace("http://far:1/x/"),
        )


class DefaultTests(PeerFileCase):
    """
    Defaults at the top of a file.
    """

    def test_defaults(self) -> None:
        """A default applies to every peer of its file that does not say otherwise, and
        to no other file."""
        one = 'interval = 2\n[peer.a]\ntarget = "a"\n'
        one += '[peer.b]\ntarget = "b"\ninterval = 3\n'
        peers = self.readAll({"/1": one, "/2": '[peer.c]\ntarget = "c"\n'}).peers
        seconds = [each.wish.plan.interval // SECOND for each in peers]
        self.assertEqual(seconds, [2, 3, 1])

    def test_kinds(self) -> None:
        """A default is left out where the kind of target does not have it."""
        found = self.read(
            'dscp = "EF"\nflows = 4\nca = "ca"\ncert = "cert"\nkey = "key"\n'
            'family = 4\nzone = "UTC"\n'
            '[peer.a]\ntarget = "stamp:a"\n'
            '[peer.b]\ntarget = "tls:b"\n'
            '[peer.c]\ntarget = "c"\n'
            '[peer.d]\ntarget = "unix:/d"\n'
        )
        self.assertEqual(
            [
                (
                    each.flows,
                    each.wish.stamp.dscp,
                    "".join(path or "-" for path in each.wish.files),
                    each.wish.route.only4,
                    each.zone,
                )
                for each in found.peers
            ],
            [
                (4, 46, "---", True, None),
                (1, 0, "/etc/ca/etc/cert/etc/key", True, 0),
                (1, 0, "---", True, 0),
                (1, 0, "---", False, 0),
            ],
        )

    def test_privateKeys(self) -> None:
        """A default private key belongs to the default certificate.  Without one, it
        is the key file of STAMP."""
        peers = (
            '[peer.a]\ntarget = "stamp:a"\n'
            '[peer.b]\ntarget = "tls:b"\n'
            '[peer.c]\ntarget = "tls:c"\ncert = "own"\n'
        )
        for defaults, *expected in [
            ('key = "key"\n', "--/key", "---", "-/own-"),
            ('key = "key"\ncert = "cert"\n', "---", "-/cert/key", "-/own-"),
            ('cert = "cert"\n', "---", "-/cert-", "-/own-"),
        ]:
            found = self.readAll({"/x": defaults + peers}).peers
            files = ["".join(path or "-" for path in each.wish.files) for each in found]
            self.assertEqual(files, expected)

    def test_pages(self) -> None:
        """So it is with the files for pages."""
        peers = (
            '[peer.a]\ntarget = "a"\nweb = "https://a"\n'
            '[peer.b]\ntarget = "tls:b"\nweb = "https://b"\ncert = "own"\n'
            '[peer.c]\ntarget = "c"\nweb = "https://c"\nweb-cert = "own"\n'
        )
        for defaults, *expected in [
            ('web-key = "key"\n', "---", "-/own-", "-/own-"),
            (
                'web-key = "key"\nweb-cert = "cert"\nweb-ca = "ca"\n',
                *("/ca/cert/key", "/ca/cert/key", "/ca/own-"),
            ),
        ]:
            webs = self.readAll({"/x": defaults + peers}).webs.values()
            files = ["".join(path or "-" for path in each.files) for each in webs]
            self.assertEqual(files, expected)


class WrongTests(PeerFileCase):
    """
    Wrong values.
    """

    def test_values(self) -> None:
        """A wrong value is reported with its key, and what is right."""
        words = "'padding', 'timestamp', 'cos', 'follow-up'"
        for keys, why in [
            ("interval = 0", "interval: '0' is not from 1ms to 1 hour"),
            ('interval = "900us"', "interval: '900us' is not from 1ms to 1 hour"),
            ("interval = 0.0009", "interval: '0.0009' is not from 1ms to 1 hour"),
            ('interval = "soon"', "interval: 'soon' is not a duration such as 0.5, "
             "200ms, 1s or 2h"),
            ("interval = true", "interval: true is neither text nor a number"),
            ("interval = []", "interval: a list is neither text nor a number"),
            ("interval = 0x" + "f" * 9999, "interval: a number of many digits is "
             "neither text nor a number"),
            ("interval = inf", "interval: 'inf' is not a duration such as 0.5, 200ms, "
             "1s or 2h"),
            ("interval = 2020-02-02", "interval: 2020-02-02 is neither "
             "text nor a number"),
            ("timeout = -1", "timeout: '-1' is not a duration such as 0.5, 200ms, 1s "
             "or 2h"),
            ("size = 31", "size: '31' is not a whole number from 32 to 65536"),
            ("size = 40.0", "size: '40.0' is not a whole number from 32 to 65536"),
            ("jitter = 1", "jitter: 1 is neither true nor false"),
            ('paused = "yes"', "paused: 'yes' is neither true nor false"),
            ("resolve = 0.5", "resolve: '0.5' is not from 1s to 1 day, or 0"),
            ("family = 5", "family: 5 is none of 'any', '4', '6', 'both'"),
            ('addresses = "any"', "addresses: 'any' is none of 'first', 'all'"),
            ('source = "far"', "source: 'far' is not an IP address"),
            ('zone = "Nowhere"', "zone: 'Nowhere' is not a zone such as UTC, +01:00 or "
             "Europe/Berlin"),
            ('ca = ""', "ca: the text is empty"),
            ("cert = 1", "cert: 1 is not text"),
            ('key = "a\\u0000"', "key: 'a\\x00' is no path"),
            ("max-rtt = 0", "max-rtt: '0' is not from 1ns to 366 days"),
            ("max-loss = 101", "max-loss: '101' is not a percentage"),
            ("max-loss = nan", "max-loss: 'nan' is not a percentage"),
            ("from = [1]", "from: 1 is not text"),
            ("from = 1", "from: 1 is not a list of texts"),
            ('from = ""', "from: the text is empty"),
            ("labels = 1", "labels: 1 is not a table of names and texts"),
            ("labels = {a = 1}", "labels: 'a': 1 is not text"),
            ("seen-from = 1", "seen-from: 1 is not a table of hosts"),
            ("seen-from = {a = 1}", "seen-from: a: 1 is not a table with a target"),
            ("seen-from.a.targte = 1", "seen-from: a: unknown key 'targte'; did you "
             "mean 'target'?"),
            ("seen-from.a = {}", "seen-from: a: target: the text is empty"),
            ("seen-from.a.target = 1", "seen-from: a: target: 1 is not text"),
        ]:  # fmt: skip
            self.assertWrong(keys, why)
        for keys, why in [
            ('dscp = "EE"', "dscp: 'EE' is not a DSCP: 0 to 63, or a name such as EF, "
             "AF41 or CS6"),
            ("dscp = 64", "dscp: '64' is not a DSCP: 0 to 63, or a name such as EF, "
             "AF41 or CS6"),
            ("ttl = 0", "ttl: '0' is not a whole number from 1 to 255"),
            ("ssid = 65536", "ssid: '65536' is not a whole number from 0 to 65535"),
            ('tlv = ["cos", "x"]', f"tlv: 'x' is none of {words}"),
            ("flows = 17", "flows: '17' is not a whole number from 1 to 16"),
            ("flows = 0", "flows: '0' is not a whole number from 1 to 16"),
        ]:  # fmt: skip
            self.assertWrong(keys, why, target="stamp:far")

    def test_labels(self) -> None:
        """Names of labels that Prometheus or our series have are refused, all in one
        line."""
        own = (
            "peer reason direction kind flow le quantile verdict target address "
            "transport rtt_is version python twisted name outcome file"
        )
        for name in own.split():
            why = f"labels: {name!r} is a label that our series have already"
            self.assertWrong(f'labels = {{{name} = "x"}}', why)
        self.assertWrong(
            'labels = {instance = "x", __a = "", "a-b" = "", A_1 = "", "\u00e9" = ""}',
            "labels: 'instance' is a label of Prometheus' own; '__a' is a label of "
            "Prometheus' own; 'a-b' is no name of a label: ASCII letters, digits and "
            "_; '\u00e9' is no name of a label: ASCII letters, digits and _",
        )

    def test_targets(self) -> None:
        """A wrong target is refused before anything is looked up."""
        for target, why in [
            ("far:x", "port 'x' is no number"),
            ("far:", "no port behind the colon"),
            ("far:0", "0 is not a port from 1 to 65535"),
            ("a..b", "'a..b' is not a host name"),
            ("stamp:", "no host"),
            ("stamp:unix:/x", "not stamp:HOST or stamp:HOST:PORT"),
            ("tls:unix:/x", "over TLS it has to be tls:HOST:PORT"),
            ("ssl:far:1", "ssl: is Twisted's; use tls:HOST:PORT"),
            ("unix:", "its path is missing"),
            ("tcp:far", "'' is not a port from 1 to 65535"),
        ]:
            self.assertWrong("", f"target: {target!r}: {why}", target=target)
        self.assertEqual(
            self.mistakes('[peer.far]\ntarget = ""\n'),
            [f"{PATH}: peer 'far': target: the text is empty"],
        )

    def test_kinds(self) -> None:
        """A key that the target's kind does not have is refused, each by its name."""
        self.assertWrong(
            'dscp = "EF"\nflows = 2\nca = "x"\nkey = "y"',
            *("dscp: goes with stamp:HOST", "flows: goes with stamp:HOST"),
            *("ca: goes with tls:HOST", "key: goes with tls:HOST or stamp:HOST"),
        )
        self.assertWrong(
            'family = 4\nsource = "::"\naddresses = "all"\nresolve = 3',
            *(
                f"{key}: goes with stamp:HOST or tls:HOST or HOST"
                for key in ("family", "source", "addresses", "resolve")
            ),
            target="unix:/x",
        )
        why = "zone: goes with tls:HOST or HOST or unix:PATH"
        self.assertWrong('zone = "UTC"', why, target="stamp:far")

    def test_flight(self) -> None:
        """At most 10,000 probes of a peer, its flows together, are in flight."""
        self.peer("interval = 0.001\ntimeout = 10")
        self.assertWrong(
            "interval = 0.001\ntimeout = 10.001",
            "timeout: 10001 probes would be in flight, more than 10000: shorten it, "
            "or make the interval longer",
        )
        self.peer("interval = 0.01\ntimeout = 10\nflows = 10", "stamp:far")
        self.assertWrong(
            "interval = 0.01\ntimeout = 10\nflows = 11",
            "timeout: 11000 probes would be in flight, more than 10000: shorten it, "
            "or make the interval longer",
            target="stamp:far",
        )

    def test_together(self) -> None:
        """Values that exclude each other are refused, with one of the keys."""
        v4, v6 = "192.0.2.1", "2001:db8::1"
        for keys, target, why in [
            ('key = "x"', "tls:far", "key: goes with cert"),
            ("strict-ssid = true", "stamp:far", "strict-ssid: goes with ssid"),
            ("size = 43", "stamp:far", "size: 43 is not from 44 to 65507"),
            ("size = 45", "stamp:far", "size: 45 cannot be made: 44, or 48 and more"),
            ('family = "both"\naddresses = "all"', "far", 'family: "both" does not go '
             'with addresses = "all", which has both'),
            (f'family = 6\nsource = "{v4}"', "far", "family: 6 does not go with the "
             "IPv4 source"),
            (f'family = "both"\nsource = "{v6}"', "far", "family: both does not go "
             "with the IPv6 source"),
            ("family = 4", f"tls:{v6}", "family: 4 does not go with the IPv6 target"),
            ("family = 6", f"stamp:{v4}", "family: 6 does not go with the IPv4 target"),
            ('flows = 2\nsource = "192.0.2.1:7"', "stamp:far", "flows: each flow has a "
             "source port of its own: source cannot name one"),
        ]:  # fmt: skip
            self.assertWrong(keys, why, target=target)

    def test_web(self) -> None:
        """A page is at a host, and its files go with TLS."""
        for keys, why in [
            ('web = "far"', "web: 'far' is not http://HOST:PORT or https://HOST:PORT"),
            ('web = "ftp://a"', "web: 'ftp://a' is not http://HOST:PORT or "
             "https://HOST:PORT"),
            ('web = "http://a:x"', "web: 'http://a:x' is not http://HOST:PORT or "
             "https://HOST:PORT"),
            ('web = "http://[a"', "web: 'http://[a' is not http://HOST:PORT or "
             "https://HOST:PORT"),
            ('web = "http://a b"', "web: 'http://a b' is not http://HOST:PORT or "
             "https://HOST:PORT"),
            ('web = "http://u:p@a"', "web: 'http://u:p@a' has more than a host, a port "
             "and a path"),
            ('web = "http://a/?b"', "web: 'http://a/?b' has more than a host, a port "
             "and a path"),
            ('web-ca = "a"', 'web-ca: goes with web = "https:..."'),
            ('web = "http://a"\nweb-cert = "a"', "web-cert: goes with web = "
             '"https:..."'),
            ('web = "https://a"\nweb-key = "a"', "web-key: goes with web-cert"),
        ]:  # fmt: skip
            self.assertWrong(keys, why)

    @given(one_of(integers(), floats(), booleans()))
    def test_anyNumber(self, number: Any) -> None:
        """Any number is a value or a mistake."""
        text = str(number).lower()
        keys = "interval", "size", "max-loss", "paused", "resolve", "dscp", "labels"
        for key in *keys, "tlv", "ca", "web", "from":
            files = {PATH: f'[peer.a]\ntarget = "stamp:a"\n{key} = {text}\n'}
            try:
                self.readAll(files)
            except ValueError as error:
                self.assertIn(f"{PATH}: peer 'a': ", str(error))
