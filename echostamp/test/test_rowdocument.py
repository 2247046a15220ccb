"""Tests for L{echostamp.web.rowdocument} and L{echostamp.web.fields}."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.monitor.steps import allSteps
from echostamp.test.rowsamples import fullFigures, peerFigures, sourceRows
from echostamp.test.snapshots import NOW
from echostamp.web.fields import LONGEST_TEXT, MOST
from echostamp.web.rowdata import PeerFigures, SourceRow
from echostamp.web.rowdocument import (
    LONGEST_NAME,
    MOST_PEERS,
    peerDocument,
    readingRow,
    readRow,
    rowPieces,
)

#: Values that no field of a row may have, whatever its type.
WRONG: tuple[Any, ...] = (
    *(True, [], {}, "\0", "\ud800", "\u202e", -(MOST + 1), MOST + 1, 1e300, -0.5),
    *([[]], {"": 0}, "x" * (LONGEST_TEXT + 1)),
)

#: JSON of any kind.
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=9,
)


def written(row: SourceRow) -> bytes:
    """
    Write a row.
    """
    return "".join(rowPieces(row, "26.0")).encode()


def sample() -> dict[str, Any]:
    """
    Give the document of a row of which everything is known.
    """
    peers = {each: fullFigures(each) for each in ("ams", "fra")}
    found: dict[str, Any] = json.loads(written(SourceRow("hub", peers, NOW)))
    return found


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """
    Give the paths of all values within a document.
    """
    if isinstance(value, dict | list):
        keys = value if isinstance(value, dict) else range(len(value))
        for key in keys:
            yield (*path, key)
            yield from places(value[key], (*path, key))


def put(document: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """
    Give a copy of a document with another value at a path.
    """
    found = copy.deepcopy(document)
    inner: Any = found
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return found


class RowCase(SynchronousTestCase):
    """
    A test of what is wrong.
    """

    def assertWrong(self, text: bytes, why: str = "") -> None:
        """Check that a row is refused in one line that begins so."""
        error = self.assertRaises(ValueError, readRow, text)
        self.assertTrue(str(error).isprintable())
        self.assertLessEqual(len(str(error)), 200)
        self.assertEqual(str(error)[: len(why)], why)


class WritingTests(SynchronousTestCase):
    """
    Tests for L{rowPieces} and L{peerDocument}.
    """

    def test_row(self) -> None:
        """A row has the version, the name, the time, the window and the peers."""
        found = sample()
        self.assertEqual([each["name"] for each in found.pop("peers")], ["ams", "fra"])
        self.assertEqual(
            found,
            {"version": "26.0", "name": "hub", "time": NOW, "window": 60_000_000_000},
        )

    def test_empty(self) -> None:
        """A row without peers is JSON, too."""
        found = json.loads(written(SourceRow("", {}, NOW)))
        self.assertEqual(found["peers"], [])

    def test_unknown(self) -> None:
        """What is not known is null."""
        found = peerDocument(PeerFigures("new"))
        for name in "since", "address", "week":
            self.assertIsNone(found[name])
        for name in "loss_percent", "rtt", "offset":
            self.assertIsNone(found["stats"][name])
        self.assertEqual(set(found["thresholds"].values()), {None})

    def test_loss(self) -> None:
        """The loss is the share of those whose fate is known, as C{ping} has it: those
        that could not be sent are not among them."""
        self.assertEqual(peerDocument(fullFigures())["stats"]["loss_percent"], 100 / 60)
        dead = PeerFigures("dead", due=60, skipped=60)
        self.assertIsNone(peerDocument(dead)["stats"]["loss_percent"])

    def test_pieces(self) -> None:
        """Each peer is a piece."""
        peers = {f"peer{each}": fullFigures(f"peer{each}") for each in range(5)}
        self.assertEqual(len(list(rowPieces(SourceRow("", peers, 0), ""))), 5 + 2)


class ReadingTests(RowCase):
    """
    Tests for L{readRow}.
    """

    @given(sourceRows())
    def test_roundTrip(self, row: SourceRow) -> None:
        """What is written is read as it was."""
        self.assertEqual(readRow(written(row)), row)

    def test_steps(self) -> None:
        """Each peer is a step."""
        peers = {f"peer{each}": fullFigures(f"peer{each}") for each in range(5)}
        row = SourceRow("hub", peers, NOW)
        self.assertEqual(len(list(readingRow(written(row)))), 5)
        self.assertEqual(allSteps(readingRow(written(row))), row)

    def test_more(self) -> None:
        """Fields of later versions are passed over."""
        found = sample()
        expected = readRow(json.dumps(found).encode())
        found["more"] = found["peers"][0]["stats"]["more"] = [1, {}]
        self.assertEqual(readRow(json.dumps(found).encode()), expected)

    def test_missing(self) -> None:
        """Each field that is read is needed, and the line says where."""
        document = sample()
        document["peers"].pop()
        passedOver = ("version",), ("window",)
        for path in places(document):
            if path in passedOver or isinstance(path[-1], int):
                continue
            if {"labels", "exceeded_since"} & {*path[:-1]}:
                continue
            found = copy.deepcopy(document)
            inner: Any = found
            for key in path[:-1]:
                inner = inner[key]
            del inner[path[-1]]
            where = ".".join(map(str, path)).replace(".0", "[0]")
            self.assertWrong(json.dumps(found).encode(), f"{where} is missing")

    def test_wrongTypes(self) -> None:
        """No field has a value of a wrong type or out of its bounds."""
        document = sample()
        document["peers"].pop()
        free = {("version",), ("window",)}
        lists = {("peers",), ("peers", 0, "exceeded")}
        for path in {*places(document)} - free:
            for value in WRONG:
                if value == [] and path in lists:
                    continue
                if value in ({}, {"": 0}) and path[-1] == "labels":
                    continue
                if value == {} and path[-1] == "exceeded_since":
                    continue
                text = json.dumps(put(document, path, value)).encode()
                self.assertWrong(text, str(path[0]))

    def test_noRow(self) -> None:
        """What is no JSON, or no object, is no row."""
        for text in b"", b"<html>", b"\xff", b'{"name": "x"', b"\xef\xbb\xbf{}", b"{}x":
            self.assertWrong(text, "it is no JSON: ")
        for text in b"[]", b"null", b"1", b'"peers"':
            self.assertWrong(text, "it is no object")

    def test_noNumbers(self) -> None:
        """Numbers that JSON does not have are no numbers, nor are endless ones."""
        text = json.dumps(sample())
        for number in b"NaN", b"Infinity", b"-Infinity", b"1e999", b"9" * 5000:
            wrong = text.encode().replace(b"0.7", number)
            self.assertWrong(wrong)

    def test_deep(self) -> None:
        """JSON that is nested too deep is refused."""
        for one in b"[", b'{"x":':
            self.assertWrong(one * 1_000_000)
        deep = b"[" * 100_000 + b"]" * 100_000
        self.assertWrong(deep, "it is nested too deep")

    def test_tooMany(self) -> None:
        """A row has at most so many peers."""
        peers = {str(each): PeerFigures(str(each)) for each in range(MOST_PEERS + 1)}
        text = written(SourceRow("hub", peers, NOW))
        self.assertWrong(text, "peers has more than 10,000 peers")
        del peers["0"]
        found = readRow(written(SourceRow("hub", peers, NOW)))
        self.assertEqual(len(found.peers), MOST_PEERS)

    def test_twice(self) -> None:
        """Two peers have two names."""
        found = sample()
        found["peers"][1]["name"] = "ams"
        text = json.dumps(found).encode()
        self.assertWrong(text, "peers[1].name is that of another peer")

    def test_hostileNames(self) -> None:
        """A name is a printable line of bounded length; anything printable is fine."""
        for name in (
            "",
            "x" * (LONGEST_NAME + 1),
            "a\nb",
            "\x1b[2J",
            "\u202ea",
            "\ud800",
        ):
            text = json.dumps(put(sample(), ("peers", 1, "name"), name)).encode()
            self.assertWrong(text, "peers[1].name ")
        for name in "<script>", "../..", "a/b", "=1+1", "'\"&", "é":
            text = json.dumps(put(sample(), ("peers", 1, "name"), name)).encode()
            self.assertIn(name, readRow(text).peers)

    def test_thresholds(self) -> None:
        """Thresholds that are exceeded have known names, each once."""
        for value in (["max_rtt"] * 2, ["x"], [None], [["max_rtt"]], "max_rtt"):
            text = json.dumps(put(sample(), ("peers", 0, "exceeded"), value)).encode()
            self.assertWrong(text, "peers[0].exceeded ")
        for since in {"x": 1}, {"max_rtt": "1"}, {"max_rtt": -1}, ["max_rtt"], None:
            changed = put(sample(), ("peers", 0, "exceeded_since"), since)
            self.assertWrong(json.dumps(changed).encode(), "peers[0].exceeded_since ")

    @given(peerFigures(), st.data())
    def test_anyValue(self, peer: PeerFigures, data: st.DataObject) -> None:
        """With any value anywhere, a row is read, or refused in one line; and what is
        read can be written again."""
        document = json.loads(written(SourceRow("hub", {peer.name: peer}, NOW)))
        path = data.draw(st.sampled_from(list(places(document))))
        text = json.dumps(put(document, path, data.draw(ANYTHING))).encode()
        try:
            row = readRow(text)
        except ValueError as error:
            self.assertTrue(str(error).isprintable())
        else:
            self.assertEqual(readRow(written(row)), row)

    @given(st.binary(max_size=60) | ANYTHING.map(lambda it: json.dumps(it).encode()))
    def test_anything(self, text: bytes) -> None:
        """Any octets are refused in one line."""
        self.assertWrong(text)
