"""Tests for L{echostamp.client.talkoptions}."""

from __future__ import annotations

from echostamp.client.command import main
from echostamp.connect.tls import TlsFiles
from echostamp.talk import terminal
from echostamp.talk.run import TalkOptions
from echostamp.test.commands import CommandCase


class TalkOptionsTests(CommandCase):
    """
    C{echostamp talk} and its options.
    """

    def test_alone(self) -> None:
        """Without options it has the defaults."""
        self.assertEqual(main(["talk"]), 42)
        self.assertEqual(self.talks, [TalkOptions("localhost:8002", 10.0)])

    def test_options(self) -> None:
        """TARGET, C{--time} and C{--timeout} become options of C{talk}."""
        main(["talk", "--time", "--timeout", "0.5", "[::1]:7"])
        main(["talk", "unix:/s", "--timeout=86400"])
        self.assertEqual(
            self.talks,
            [
                TalkOptions("[::1]:7", 0.5, showTimes=True),
                TalkOptions("unix:/s", 86400.0),
            ],
        )

    def test_reconnect(self) -> None:
        """It connects again on a terminal, by default with a name."""
        named, plain = ["talk", "--name=ann"], ["talk"]
        for isTerminal, arguments, isReconnecting in [
            (True, named, True),
            (True, plain, False),
            (True, [*plain, "--reconnect"], True),
            (True, [*named, "--no-reconnect"], False),
            (False, named, False),
            (False, [*named, "--no-reconnect"], False),
        ]:
            self.patch(terminal, "isTerminal", lambda found=isTerminal: found)
            main(arguments)
            self.assertEqual(self.talks.pop().isReconnecting, isReconnecting, arguments)

    def test_name(self) -> None:
        """C{--name} becomes an option; what is not a name is refused."""
        main(["talk", "--name", "ann"])
        self.assertEqual(self.talks, [TalkOptions("localhost:8002", name="ann")])
        self.talks.clear()
        for name in "", "a b", "x" * 33, "127.0.0.1:7", "\udcff", "é":
            self.assertEqual(self.ended("talk", "--name", name), 2)
            self.assertIn("is not a name: 1 to 32 ASCII letters", self.said())

    def test_editing(self) -> None:
        """Line editing is used where it can be."""
        self.patch(terminal, "canEdit", lambda: True)
        main(["talk"])
        self.assertTrue(self.talks[0].isEditing)

    def test_filesForTls(self) -> None:
        """C{--ca}, C{--cert} and C{--key} become options, empty paths too."""
        main(["talk", "tls:far", "--ca", "a", "--cert=b", "--key", "c"])
        main(["talk", "tls:far", "--ca="])
        self.assertEqual(
            [options.files for options in self.talks],
            [TlsFiles("a", "b", "c"), TlsFiles("")],
        )

    def test_wrongTimeouts(self) -> None:
        """What is not a number of seconds is refused in one line that quotes it."""
        for text in "x", "", "0", "-1", "nan", "inf", "-inf", "86401", "1s":
            self.assertEqual(self.ended("talk", f"--timeout={text}"), 2)
            said = self.said()
            self.assertEqual(said.count("\n"), 1, said)
            self.assertTrue(said.startswith("echostamp talk: argument --timeout: "))
            self.assertIn(repr(text), said)

    def test_terminalsOptions(self) -> None:
        """The options of a terminal become options of C{talk} where there is one."""
        self.patch(terminal, "isTerminal", lambda: True)
        self.patch(terminal, "canEdit", lambda: True)
        main(["talk", "--bell", "--time-format=%H:%M", "--history-file", "typed"])
        [options] = self.talks
        self.assertEqual((options.hasBell, options.historyFile), (True, "typed"))
        assert options.timeFormat is not None
        self.assertRegex(options.timeFormat.text(0), rb"^\d\d:\d\d$")

    def test_noTerminal(self) -> None:
        """Without a terminal they are refused in one line."""
        needing = "--bell", "--time-format=%H", "--history-file=typed", "--reconnect"
        for option in needing:
            self.assertEqual(self.ended("talk", option), 2)
            self.assertEqual(
                self.said(),
                f"echostamp talk: {option.partition('=')[0]} needs a terminal at "
                "standard input and output (see echostamp talk --help)\n",
            )

    def test_noEditing(self) -> None:
        """Without line editing only C{--history-file} is refused."""
        self.patch(terminal, "isTerminal", lambda: True)
        self.patch(terminal, "canEdit", lambda: False)
        main(["talk", "--bell", "--time-format=%H"])
        self.assertEqual(len(self.talks), 1)
        self.talks.clear()
        self.assertEqual(self.ended("talk", "--bell", "--history-file=typed"), 2)
        self.assertIn("--history-file needs prompt_toolkit, and a term", self.said())

    def test_wrongTimeFormats(self) -> None:
        """A pattern whose output is not one line of 1 to 60 printable characters is
        refused in one line."""
        for pattern, why in [
            ("", "its output is empty"),
            ("x" * 61, "its output is too long"),
            ("%n", "its output has a newline or another control character"),
            ("\x1b", "its output has a newline or another control character"),
        ]:
            self.assertEqual(self.ended("talk", f"--time-format={pattern}"), 2)
            said = self.said()
            self.assertIn(f"argument --time-format: {pattern!r}: {why}", said)
            self.assertEqual(said.count("\n"), 1)
