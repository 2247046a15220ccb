"""Tests for L{echostamp.tls.subject}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from echostamp.tls.subject import LONGEST_SUBJECT, subjectText


class SubjectTextTests(SynchronousTestCase):
    """
    Subjects as RFC 4514 writes them.
    """

    def shown(self, *parts: tuple[tuple[str, str], ...]) -> str:
        """Write the subject that has these parts."""
        return subjectText({"subject": parts})

    def test_names(self) -> None:
        """The last part comes first.  Known names are short, others stay."""
        self.assertEqual(
            self.shown(
                (("countryName", "DE"),),
                (("organizationName", "Ours"),),
                (("emailAddress", "a@b"),),
                (("1.2.3", "x"),),
                (("commonName", "probe 7"), ("userId", "7")),
            ),
            "CN=probe 7+UID=7,1.2.3=x,emailAddress=a@b,O=Ours,C=DE",
        )
        self.assertEqual(subjectText({}), "")

    def test_escapes(self) -> None:
        """What would end a value is escaped, and spaces at its ends."""
        for value, shown in [
            ("a,b", r"a\,b"),
            ('"+;<>\\', r"\"\+\;\<\>\\"),
            (" a b ", r"\ a b\ "),
            ("#a#", r"\#a#"),
            ("", ""),
        ]:
            self.assertEqual(self.shown((("commonName", value),)), f"CN={shown}")

    def test_safeToShow(self) -> None:
        """The text is printable, and not too long."""
        for value, shown in [
            ("a\nb\x1b[31m", r"CN=a\nb\x1b[31m"),
            ("\u202eevil", r"CN=\u202eevil"),
            ("é" * 32, "CN=" + "é" * 32),
        ]:
            self.assertEqual(self.shown((("commonName", value),)), shown)
        parts = [(("commonName", "a"),)] * 99
        self.assertEqual(
            self.shown(*parts), ("CN=a," * 99)[: LONGEST_SUBJECT - 1] + "…"
        )
