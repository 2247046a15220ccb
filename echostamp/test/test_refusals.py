"""Tests for L{echostamp.client.refusals}."""

from __future__ import annotations

import ast
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from echostamp import probe
from echostamp.client.refusals import whyRefused
from echostamp.probe.refusals import Reason, Refusal


class RefusalTests(SynchronousTestCase):
    """
    Tests for the words about options that are wrong.
    """

    def test_words(self) -> None:
        """Each reason has words, with its values."""
        for reason in Reason:
            self.assertIn("--", whyRefused(Refusal(reason, 1, 2, 3)))
        self.assertEqual(
            whyRefused(Refusal(Reason.WRONG_SIZE, 46, 44, 65507)),
            "--size 46: not from 44 to 65507",
        )
        self.assertEqual(
            whyRefused(Refusal(Reason.NO_KEY, "file", 8)),
            "--key 'file': no key for SSID 8",
        )

    def test_others(self) -> None:
        """Other errors say themselves what is wrong."""
        self.assertEqual(whyRefused(ValueError("no host")), "no host")

    def test_proberKnowsNoOptions(self) -> None:
        """No text of the code that sends probes names an option of the command line:
        a daemon says it otherwise."""
        for path in Path(probe.__path__[0]).glob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    self.assertNotRegex(node.value, r"(?<!\S)--[a-z]", path.name)
