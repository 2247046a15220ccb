"""Tests for L{echostamp.monitor.filesd}."""

from __future__ import annotations

import json
from typing import Any

from echostamp.monitor.peer import Peer
from echostamp.monitor.peerkeys import KEYS
from echostamp.test.peerfiles import PeerFileCase

PATH = "/sd/peers.json"

#: A value of each key that a label can give: where the keys do not exclude each other.
VALUES = {
    "interval": "200ms",
    "timeout": "2",
    "size": "100",
    "jitter": "false",
    "paused": "true",
    "resolve": "0",
    "family": "4",
    "addresses": "all",
    "source": "192.0.2.1",
    "dscp": "AF41",
    "ttl": "9",
    "ssid": "7",
    "strict-ssid": "true",
    "tlv": "cos, padding",
    "ptp": "true",
    "flows": "2",
    "key": "keys",
    "max-rtt": "20ms",
    "max-rtt-p99": "30ms",
    "max-loss": "2%",
    "max-offset": "1ms",
    "from": "hub*, hub1",
    "web": "https://far",
    "web-ca": "ca",
    "web-cert": "cert",
    "web-key": "certkey",
}


class FileSdTests(PeerFileCase):
    """
    Prometheus' C{file_sd}.
    """

    def peers(self, *groups: Any) -> list[Peer]:
        """Read groups of targets."""
        return list(self.readAll({PATH: json.dumps(groups)}).peers)

    def wrong(self, *groups: Any) -> list[str]:
        """Read groups that are wrong."""
        return self.mistakes({PATH: json.dumps(groups)})

    def test_names(self) -> None:
        """A peer's name is the label C{peer}, else the target."""
        peers = self.peers(
            {"targets": ["stamp:a:862", "b"]},
            {"targets": ["unix:/run/x"], "labels": {"peer": "c"}},
            {"targets": ["d"], "labels": {"peer": ""}},
        )
        self.assertEqual(
            [(each.name, each.wish.target) for each in peers],
            [
                *(("stamp:a:862", "stamp:a:862"), ("b", "b")),
                *(("c", "unix:/run/x"), ("d", "d")),
            ],
        )

    def test_labels(self) -> None:
        """Labels are labels; those of Prometheus' own, and empty ones, are dropped."""
        labels = {"site": "ams", "__meta_x": "1", "__scheme__": "x", "rack": ""}
        (peer,) = self.peers({"targets": ["a"], "labels": labels})
        self.assertEqual(peer.labels, (("site", "ams"),))

    def test_keys(self) -> None:
        """A label can give any key of a peer, with C{_} for C{-}."""
        self.assertEqual(
            set(KEYS) - set(VALUES),
            {"target", "labels", "seen-from", "zone", "ca", "cert"},
        )
        labels = {f"__echostamp_{k.replace('-', '_')}__": v for k, v in VALUES.items()}
        text = json.dumps([{"targets": ["stamp:far"], "labels": labels}])
        toml = "".join(f"{name} = {value!r}\n" for name, value in VALUES.items())
        own = '[peer.hub1]\ntarget = "x"\n'
        found = self.readAll({PATH: text, "/sd/b": own})
        toml = f"[peer.'stamp:far']\ntarget = 'stamp:far'\n{toml}"
        same = self.readAll({"/sd/a": toml, "/sd/b": own})
        self.assertEqual(found, same)
        (peer,) = found.peers
        self.assertEqual(peer.wish.stamp.tlvs, ("cos", "padding"))
        self.assertTrue(peer.isPaused)
        self.assertFalse(peer.wish.plan.jitter)
        for name, value in [("zone", "+01:00"), ("ca", "x"), ("cert", "y")]:
            labels = {f"__echostamp_{name}__": value}
            (peer,) = self.peers({"targets": ["tls:a"], "labels": labels})
            self.assertIn(
                (peer.zone, *peer.wish.files),
                [
                    (3600 * 10**9, None, None, None),
                    (None, "/sd/x", None, None),
                    (None, None, "/sd/y", None),
                ],
            )

    def test_wrong(self) -> None:
        """What is wrong is named with the group, or the peer and the key."""
        cases: list[tuple[list[Any], str]] = [
            ([1], "group 1: 1 is not a group with targets"),
            ([{"targets": []}, {}], "group 2: targets: null is not a list of targets"),
            (
                [{"targets": ["a"], "labels": []}],
                "group 1: labels: a list is not an object of labels",
            ),
            (
                [{"targets": [], "label": {}}],
                "group 1: label: unknown key; did you mean 'labels'?",
            ),
            (
                [{"targets": ["unix:/x"]}],
                "group 1: targets: 'unix:/x': a name is 1 to 64 printable octets "
                "without / and without a space at either end; the label peer gives "
                "another",
            ),
            (
                [{"targets": [7]}],
                "group 1: targets: 7: 7 is not text; the label peer gives another",
            ),
            (
                [{"targets": ["a"], "labels": {"peer": "x/y"}}],
                "group 1: targets: 'x/y': a name is 1 to 64 printable octets without "
                "/ and without a space at either end",
            ),
            (
                [{"targets": ["a", "a"]}],
                f"peer 'a': is in {PATH} already",
            ),
            (
                [{"targets": ["a"], "labels": {"__echostamp_intervall__": "1"}}],
                "peer 'a': intervall: unknown key; did you mean 'interval'?",
            ),
            (
                [{"targets": ["a"], "labels": {"__echostamp_target__": "1"}}],
                "peer 'a': target: unknown key",
            ),
            (
                [{"targets": ["a"], "labels": {"__echostamp_jitter__": "no"}}],
                "peer 'a': jitter: 'no' is neither true nor false",
            ),
            (
                [{"targets": ["a"], "labels": {"job": "x"}}],
                "peer 'a': labels: 'job' is a label of Prometheus' own",
            ),
            (
                [{"targets": ["a"], "labels": {"x": "\ud800"}}],
                "peer 'a': labels: 'x': '\\ud800' is not text",
            ),
        ]
        for groups, line in cases:
            self.assertEqual(self.wrong(*groups), [f"{PATH}: {line}"])

    def test_syntax(self) -> None:
        """What is no JSON is named with its line; what is no list is refused."""
        for text, line in [
            ("[\n{]", "Expecting property name enclosed in double quotes: line 2"),
            ("", "Expecting value: line 1"),
            ("{}", "a table is not a list of groups of targets"),
            ("9" * 9999, "a number has too many digits"),
        ]:
            (found,) = self.mistakes({PATH: text})
            self.assertIn(f"{PATH}: {line}", found)
