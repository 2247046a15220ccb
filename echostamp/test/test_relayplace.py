"""Tests for L{echostamp.daemon.relayplace}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from echostamp.daemon.relayplace import RelayPlace, parseRelay


class RelayPlaceTests(SynchronousTestCase):
    """
    Tests for L{parseRelay}.
    """

    def test_right(self) -> None:
        """A URL has a host and a key, and may have a user and a port."""
        for text, place in {
            "redis://h/k": RelayPlace("h", 6379, False, "", "k"),
            "rediss://u@h:7/k": RelayPlace("h", 7, True, "u", "k"),
            "redis://[::1]:7/k": RelayPlace("::1", 7, False, "", "k"),
            "redis://h/a%2Fb:%25": RelayPlace("h", 6379, False, "", "a/b:%"),
            "redis://a%40b@h/k": RelayPlace("h", 6379, False, "a@b", "k"),
        }.items():
            self.assertEqual(parseRelay(text), place, text)

    def test_name(self) -> None:
        """Its name in messages has no user."""
        for text, name in {
            "redis://u@h/k": "redis://h:6379/k",
            "rediss://[::1]:7/k": "rediss://[::1]:7/k",
        }.items():
            self.assertEqual(str(parseRelay(text)), name)

    def test_wrong(self) -> None:
        """Everything else is refused, and no password is repeated."""
        form = "redis://[USER@]HOST[:PORT]/KEY"
        password = "a password goes into a file: see --relay-password-file"
        odd = "@ is %40 in a key; a password goes to --relay-password-file"
        many = "/, ? and # are %2F, %3F and %23 in a key"
        name = "is not 1 to 200 printable ASCII characters"
        for text, why in {
            "": f"not {form}",
            "h:6379/k": f"not {form}",
            "http://h/k": "it has to begin with redis:// or rediss://",
            "REDIS://h/k": "it has to begin with redis:// or rediss://",
            "redis://u:secret@h/k": password,
            "redis://:secret@h/k": password,
            "redis://u:sec/ret@h/k": odd,
            "redis://u:secr@et@h/k": password,
            "redis://u:sec?ret@h/k": odd,
            "redis://@h/k": "no user before the @",
            "redis:///k": "no host",
            "redis://h:0/k": "0 is not a port from 1 to 65535",
            "redis://h:x/k": "'h:x' is not HOST or HOST:PORT",
            "redis://h:7:8/k": "'h:7:8' is not HOST or HOST:PORT",
            "redis://h": f"no key: {form}",
            "redis://h/": f"no key: {form}",
            "redis://h/0/k": many,
            "redis://h/k/": many,
            "redis://h/k?db=1": many,
            "redis://h/k#1": many,
            "redis://h?k": many,
            "redis://h/a b": f"'a b' {name}",
            "redis://h/a%00": f"'a%00' {name}",
            "redis://h/\xe4": f"'\xe4' {name}",
            "redis://h/" + "k" * 201: f"{'k' * 201!r} {name}",
            "redis://a b@h/k": f"'a b' {name}",
        }.items():
            error = self.assertRaises(ValueError, parseRelay, text)
            self.assertEqual(str(error), why, text)
            self.assertNotIn("secret", str(error))
