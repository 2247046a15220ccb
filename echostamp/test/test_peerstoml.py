"""Tests for L{echostamp.monitor.peerstoml}."""

from __future__ import annotations

import json

from hypothesis import given, strategies

from echostamp.test.peerfiles import PATH, PeerFileCase


class SyntaxTests(PeerFileCase):
    """
    Text that is no TOML, or no file of peers.
    """

    def test_syntax(self) -> None:
        """What is no TOML is named with its line."""
        for text, why in [
            ('a = 1\nb = \n[peer.a]\ntarget = "a"', "Invalid value (at line 2, column"),
            ("a = 1\na = 2\n", "Cannot overwrite a value (at line 2"),
            ('a = 1\nb = "', "Unterminated string (at line 2)"),
            ("[peer.a]\n[peer.a]\n", "Cannot declare ('peer', 'a') twice (at line 2"),
            ("a = " + "9" * 9999, "a number has too many digits"),
        ]:
            (line,) = self.mistakes(text)
            self.assertIn(f"{PATH}: ", line)
            self.assertIn(why, line)

    def test_shape(self) -> None:
        """A peer is a table, and so is the table of peers."""
        for text, line in [
            ("peer = 1\n", "peer: 1 is no table: write [peer.NAME]"),
            ('[[peer]]\ntarget = "a"', "peer: a list is no table: write [peer.NAME]"),
            (
                'peer.interval = "1s"',
                "peer 'interval': '1s' is no table: write [peer.NAME]",
            ),
        ]:
            self.assertEqual(self.mistakes(text), [f"{PATH}: {line}"])

    def test_unknown(self) -> None:
        """An unknown key is named with the nearest one that is known."""
        for text, line in [
            ("intreval = 1\n", "intreval: unknown key; did you mean 'interval'?"),
            ("qqqq = 1\n", "qqqq: unknown key"),
            ('"a\\nb" = 1\n', "a\\nb: unknown key"),
            (
                '[peers.a]\ntarget = "a"',
                "peers: unknown key; did you mean 'peer'?",
            ),
            (
                '[ams1]\ntarget = "a"',
                "ams1: unknown table; the table of a peer is [peer.ams1]",
            ),
            (
                '["a.b"]\ntarget = "a"',
                'a.b: unknown table; the table of a peer is [peer."a.b"]',
            ),
            (
                '[peer.a]\ntarget = "a"\nmax_rtt = 1\n',
                "peer 'a': max_rtt: unknown key; did you mean 'max-rtt'?",
            ),
        ]:
            (found,) = self.mistakes(text)
            self.assertIn(f"{PATH}: {line}", found)

    def test_top(self) -> None:
        """What belongs to one peer is no default."""
        for key, value in [
            ("target", '"a"'),
            ("web", '"http://a"'),
            ("seen-from", '{a = {target = "b"}}'),
        ]:
            self.assertEqual(
                self.mistakes(f"{key} = {value}\n"),
                [f"{PATH}: {key}: belongs to one peer: write it in [peer.NAME]"],
            )

    def test_wrongDefault(self) -> None:
        """A wrong default is reported once, however many peers there are."""
        peers = "".join(f'[peer.{each}]\ntarget = "a"\n' for each in "abc")
        self.assertEqual(
            self.mistakes(f"interval = 0\n{peers}"),
            [f"{PATH}: interval: '0' is not from 1ms to 1 hour"],
        )


class NameTests(PeerFileCase):
    """
    The names of peers.
    """

    def test_folders(self) -> None:
        """A name that browsers take out of a path is refused."""
        for name in ".", "..":
            self.assertEqual(
                self.mistakes(f'[peer."{name}"]\ntarget = "x"\n'),
                [f"{PATH}: peer {name!r}: {name!r} is no name that a page can have"],
            )
        self.assertTrue(self.read('[peer."..."]\ntarget = "x"\n').peers)

    def test_dots(self) -> None:
        """A name with dots and without quotes is reported with the way to write it."""
        for header, *names in [
            ("[peer.a.example.com]", "a.example.com"),
            ("[peer.10.0.0.1]", "10.0.0.1"),
            ("[peer.a.source]", "a.source"),
            ('[peer."a.b".c]', "a.b.c"),
            ('[peer.a.b]\ntarget = "x"\n[peer.a.c]', "a.b", "a.c"),
            ('[peer.a.b]\ntarget = "x"\n[peer.a.b.c]', "a.b", "a.b.c"),
            ("[peer.a.b]\nlabels = {}", "a.b"),
        ]:
            self.assertEqual(
                self.mistakes(f'{header}\ntarget = "x"\n'),
                [
                    f'{PATH}: a name with dots needs quotes: [peer."{each}"]'
                    for each in names
                ],
            )

    def test_dotsBesidePeer(self) -> None:
        """A peer that has a table of such a name is checked nevertheless."""
        self.assertEqual(
            self.mistakes('[peer.a]\nsize = 1\n[peer.a.b]\ntarget = "x"\n'),
            [
                f'{PATH}: a name with dots needs quotes: [peer."a.b"]',
                f"{PATH}: peer 'a': size: '1' is not a whole number from 32 to 65536",
                f"{PATH}: peer 'a': target: is missing",
            ],
        )

    def test_dotsOfHosts(self) -> None:
        """So is the name of a host that sees the peer elsewhere."""
        self.assertEqual(
            self.mistakes(
                '[peer.hub1]\ntarget = "x"\n[peer.hub1.seen-from.a.b]\ntarget = "y"\n'
            ),
            [
                f"{PATH}: peer 'hub1': seen-from: a name with dots needs quotes: "
                '[peer.hub1.seen-from."a.b"]'
            ],
        )

    def test_manyDots(self) -> None:
        """Names of very many parts take no long time."""
        name = ".".join(["a"] * 100_000)
        (line,) = self.mistakes(f'[peer.{name}]\ntarget = "x"\n')
        self.assertIn("a name with dots needs quotes", line)

    def test_wrong(self) -> None:
        """A name has 1 to 64 printable octets without a slash."""
        for name in (
            *("", " a", "a ", " ", "a/b", "a\tb", "a\u200eb", "x" * 65, "\xe9" * 33),
        ):
            (line,) = self.mistakes(f"[peer.{json.dumps(name)}]\ntarget = 'x'\n")
            self.assertIn("a name is 1 to 64 printable octets without /", line)
        for name in "x" * 64, "\xe9" * 32:
            found = self.read(f"[peer.{json.dumps(name)}]\ntarget = 'x'\n")
            self.assertEqual([each.name for each in found.peers], [name])

    @given(
        strategies.text(
            strategies.characters(codec="utf-8", exclude_categories=["C", "Z"]),
            min_size=1,
            max_size=16,
        )
    )
    def test_right(self, name: str) -> None:
        """Any other text is a name, if it is quoted."""
        quoted = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
        name = name.replace("/", "")
        if name not in ("", ".", ".."):
            found = self.read(f"[peer.{quoted.replace('/', '')}]\ntarget = 'x'\n")
            self.assertEqual([each.name for each in found.peers], [name])
