"""Random files of peers."""

from __future__ import annotations

import json
import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from echostamp.monitor.mistakes import LONGEST_LINE, PeersError
from echostamp.monitor.peercheck import checksOf
from echostamp.monitor.peerkeys import KEYS
from echostamp.test.fakes import FakeReactor
from echostamp.test.peerfiles import PeerFileCase

#: Texts that mean something to some key.
WORDS = (
    *("", "far", "a.b", "stamp:far", "tls:[::1]:7", "unix:/x", "tcp:a:1", "[::1%lo]"),
    *("1s", "0", "5", "64", "both", "all", "true", "EF", "cos", "192.0.2.1:7", "UTC"),
    *("/none", "https://a", "hub*", "[!a", "\0", "\ud800", "%", "x" * 300, "::1%"),
)

texts = st.sampled_from(WORDS) | st.text(max_size=8)
keys = st.sampled_from(sorted(KEYS)) | texts
scalars = st.one_of(texts, st.integers(), st.floats(), st.booleans())
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3)
    ),
    max_leaves=6,
)
tables = st.dictionaries(keys, values, max_size=4)
hosts = st.dictionaries(
    st.sampled_from(["far", "hub1", "x"]) | texts, tables, max_size=3
)
documents = st.builds(lambda top, peers: {**top, "peer": peers}, tables, hosts | values)
labels = st.sampled_from([f"__echostamp_{each.replace('-', '_')}__" for each in KEYS])
groups = st.fixed_dictionaries(
    {"targets": st.lists(texts, max_size=3) | values},
    optional={"labels": st.dictionaries(labels | texts, values, max_size=4) | values},
)


def toml(value: Any) -> str:
    """
    Write a value as TOML; half a character as the name of one.
    """
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml(k)} = {toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, str):
        octets = value.encode("utf-8", "replace").decode()
        return '"' + "".join(f"\\U{ord(each):08x}" for each in octets) + '"'
    return str(value).lower()


class FuzzTests(PeerFileCase):
    """
    A file of peers is read, or refused with a line for each mistake.
    """

    def check(self, path: str, text: str | bytes) -> bool:
        """Read a file with all checks, and tell whether it is right."""
        try:
            found = self.readAll({path: text}, "hub1", checks=checksOf(FakeReactor()))
        except PeersError as error:
            self.assertTrue(error.lines)
            for line in error.lines:
                self.assertTrue(line.isprintable())
                self.assertLessEqual(len(line), LONGEST_LINE)
            return False
        self.assertEqual(len({each.name for each in found.peers}), len(found.peers))
        return True

    @given(documents)
    def test_documents(self, document: dict[str, Any]) -> None:
        """Any keys and values, in TOML, raise nothing else."""
        self.check(
            "/a", "".join(f"{toml(k)} = {toml(v)}\n" for k, v in document.items())
        )

    @given(keys, values, st.sampled_from(WORDS))
    def test_peers(self, key: str, value: Any, target: str) -> None:
        """One key of a peer, with any value, raises nothing else."""
        keys = {"target": target, key: value}
        text = "".join(f"{toml(name)} = {toml(each)}\n" for name, each in keys.items())
        self.check("/a", f"[peer.far]\n{text}")

    @given(st.lists(groups, max_size=3) | values)
    def test_groups(self, document: Any) -> None:
        """Any groups of targets, in JSON, raise nothing else."""
        self.check("/a.json", json.dumps(document))

    @given(st.binary() | st.text().map(str.encode), st.sampled_from(["/a", "/a.json"]))
    def test_octets(self, octets: bytes, path: str) -> None:
        """Any octets raise nothing else."""
        self.check(path, octets)

    def test_toml(self) -> None:
        """What these tests write as TOML says what they mean."""
        document = {"a.b": {"\n": ["x", 1, 2.5, True]}, "c": {}}
        self.assertEqual(tomllib.loads(f"x = {toml(document)}"), {"x": document})
