"""Command lines of every kind, for the daemon and for the client."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from itertools import chain

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.client.command import parser
from echostamp.daemon.service import Options

#: Options of the daemon and of the client, some cut short, and what looks like one.
NAMES = [
    *["--port", "-p", "--interface", "-i", "--endpoint", "-e", "--format", "-f"],
    *["--pause", "--max-length", "--max-connections", "--max-per-host", "--utc"],
    *["--idle-timeout", "--max-age", "--peer-timeout", "--grace", "--proxy-from"],
    *["--time", "--timeout", "--ca", "--cert", "--key", "talk", "--help", "-h"],
    *["--version", "--max", "--p", "--t", "-pe", "-x", "-", "--", "---", "-\n", "--é"],
]

#: Values that are right for some option, or nearly.
VALUES = [
    *["0", "1", "7", "8002", "65535", "65536", "-1", "0.5", "1e3", "1e400", "-inf"],
    *["nan", "0x10", "1_000", " 7 ", "\u0663", "²", "9" * 5000, "127.0.0.1", "::1"],
    *["fe80::1%eth0", "fe80::1%\n", "10.0.0.0/8", "10.0.0.1/8", "::/129", "ctime"],
    *["iso", "unix", "%H:%M", "%", "%n", "%f]", "\ud800", "%\0", "x" * 61, "tcp:7"],
    *["unix:/s", "far:8002", "{peer}", "%(prog)s", "a\nb", "\x1b[2J", "\u202e", ""],
]

values = st.sampled_from(VALUES) | st.text(max_size=8)
names = st.sampled_from(NAMES) | st.text(max_size=4).map("--{}".format)
argumentLists = st.lists(
    st.one_of(
        names.map(lambda name: [name]),
        values.map(lambda value: [value]),
        st.tuples(names, values).map(list),
        st.tuples(names, values).map(lambda pair: ["=".join(pair)]),
        st.tuples(names, values).map(lambda pair: ["".join(pair)]),
    ),
    max_size=4,
).map(lambda lists: list(chain.from_iterable(lists)))


def ended(
    parse: Callable[[list[str]], object], arguments: list[str]
) -> tuple[SystemExit | None, str, str]:
    """
    Read a command line.

    @return: how it ended the process, if it did, and what it wrote to standard output
        and standard error.
    """
    end = None
    with (
        redirect_stdout(io.StringIO()) as output,
        redirect_stderr(io.StringIO()) as errors,
    ):
        try:
            parse(arguments)
        except SystemExit as raised:
            end = raised
    return end, output.getvalue(), errors.getvalue()


class CommandLineTests(SynchronousTestCase):
    """
    A command line is understood, or refused in one line.
    """

    @given(argumentLists)
    def test_daemon(self, arguments: list[str]) -> None:
        """The daemon's options parse, or end with one printable line; its help and
        version are no failure."""
        end, output, errors = ended(Options().parseOptions, arguments)
        self.assertEqual(errors, "")
        if end and end.code:
            self.assertIsInstance(end.code, str)
            self.assertTrue(str(end.code).startswith("echostamp: "), end)
            self.assertTrue(str(end.code).isprintable(), end)
        self.assertEqual(bool(output), end is not None and not end.code)

    @given(argumentLists)
    def test_client(self, arguments: list[str]) -> None:
        """The client's options parse, or end with one printable line and status 2; its
        help and version are no failure."""
        end, output, errors = ended(parser().parse_args, arguments)
        if end and end.code:
            self.assertEqual(end.code, 2)
            self.assertTrue(errors.startswith("echostamp"), errors)
            self.assertTrue(errors.endswith("\n"), errors)
            self.assertTrue(errors[:-1].isprintable(), errors)
        else:
            self.assertEqual(errors, "")
        self.assertEqual(bool(output), end is not None and not end.code)
