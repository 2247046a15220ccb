"""Tests for L{echostamp.monitor.tomlpieces} and L{echostamp.monitor.steps}."""

from __future__ import annotations

import tomllib

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.monitor.steps import allSteps, eachOf
from echostamp.monitor.tomlpieces import parsedToml, pieces

#: Lines of which files of peers are made, and some that are traps.
LINES = (
    "",
    "# [peer.a]",
    "interval = 1",
    'target = "x"',
    "timeout = [",
    "  2,",
    "[peer.a]",
    '["x"]]',
    "]",
    'labels = {a = "[peer.b]"}',
    "peer.a.target = 1",
    "peer = {}",
    "[labels]",
    "[peer]",
    "[[peer.a]]",
    "[ peer.a ]",
    "[peer.a]",
    "  [peer.b]",
    '[peer."a"]',
    "[peer.'b.c'] # c",
    "[peer.a.labels]",
    '[peer."a".seen-from.b]',
    '[peer."\\u0061"]',
    "[peer.a",
    'x = """',
    '"""',
    "y = '''",
    "'''",
    "\r",
    "z = 1\r",
)


class TomlPiecesTests(SynchronousTestCase):
    """
    A text is parsed in pieces.
    """

    @given(st.lists(st.sampled_from(LINES)))
    def test_sameAsAWhole(self, lines: list[str]) -> None:
        """Whatever the text is, the result or the error is that of the whole text."""
        text = "\n".join(lines)
        try:
            expected = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            found = self.assertRaises(ValueError, allSteps, parsedToml(text))
            self.assertEqual(str(found), str(error))
        else:
            self.assertEqual(allSteps(parsedToml(text)), expected)
        self.assertEqual("".join(pieces(text)), text)

    def test_manySteps(self) -> None:
        """Each peer is a step, also with tables of its own."""
        text = 'interval = "1s"\n' + "".join(
            f'[peer.p{number}]\ntarget = "x"\n[peer.p{number}.labels]\na = "b"\n'
            for number in range(100)
        )
        self.assertEqual(sum(1 for _ in parsedToml(text)), 100)
        self.assertEqual(allSteps(parsedToml(text)), tomllib.loads(text))


class StepsTests(SynchronousTestCase):
    """
    Work in steps.
    """

    def test_eachOf(self) -> None:
        """Each item is a step, and the result is a list."""
        self.assertEqual(len(list(eachOf(str, [1, 2]))), 2)
        self.assertEqual(allSteps(eachOf(str, [1, 2])), ["1", "2"])
