"""Random command lines for the daemon and for the client."""

from __future__ import annotations

from itertools import chain

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.client.command import parser
from echostamp.daemon.options import Options
from echostamp.test.commandlines import NAMES, VALUES, ended

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


class CommandLineTests(SynchronousTestCase):
    """
    A command line is read, or refused in one line.
    """

    @given(argumentLists)
    def test_daemon(self, arguments: list[str]) -> None:
        """The daemon's options are read, or refused in one printable line.  Its help
        and version are not errors."""
        end, output, errors = ended(Options().parseOptions, arguments)
        self.assertEqual(errors, "")
        if end and end.code:
            self.assertIsInstance(end.code, str)
            self.assertTrue(str(end.code).startswith("echostamp: "), end)
            self.assertTrue(str(end.code).isprintable(), end)
        self.assertEqual(bool(output), end is not None and not end.code)

    @given(argumentLists)
    def test_client(self, arguments: list[str]) -> None:
        """The client's options are read, or refused in one printable line with status
        2.  Its help and version are not errors."""
        end, output, errors = ended(parser().parse_args, arguments)
        if end and end.code:
            self.assertEqual(end.code, 2)
            self.assertTrue(errors.startswith("echostamp"), errors)
            self.assertTrue(errors.endswith("\n"), errors)
            self.assertTrue(errors[:-1].isprintable(), errors)
        else:
            self.assertEqual(errors, "")
        self.assertEqual(bool(output), end is not None and not end.code)
