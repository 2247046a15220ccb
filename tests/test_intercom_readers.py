"""The intercom: members that read slowly, or not at all."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from echostamp.intercom.pace import SURGE
from tests import dripping, slowreaders
from tests.refusing import refusal
from tests.slowreaders import MEGABYTE


class DeadReaderTests(slowreaders.DeadReaderCase):
    """
    A member that does not read, on a machine that may be busy.
    """

    most, late, isQuiet = 12 * MEGABYTE, 10.0, False


class SlowReaderTests(slowreaders.SlowReaderCase):
    """
    A member that reads slowly.
    """


class DrippingReaderTests(dripping.SilenceCase):
    """
    Members that read next to nothing, but never stop.
    """


class OptionTests(SynchronousTestCase):
    """
    Options of the intercom.
    """

    def test_wrongOptions(self) -> None:
        """One line reports what is wrong with an option."""
        for options, names in [
            (["--backlog=1048576"], "--backlog goes with --intercom"),
            (["--no-notices"], "--no-notices goes with --intercom"),
            (["--no-commands"], "--no-commands goes with --intercom"),
            (["--intercom", f"--backlog={SURGE - 1}"], f"--backlog '{SURGE - 1}'"),
            (["--intercom", "--backlog=much"], "--backlog 'much'"),
        ]:
            refused = refusal("-p0", *options)
            self.assertNotIn("\n", refused)
            self.assertIn(names, refused)
