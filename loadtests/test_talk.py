"""C{echostamp talk} and a large file."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.harness import Daemon, figure
from tests.piping import pipeFile


class FileTests(SynchronousTestCase):
    """
    Much input.
    """

    def test_hundredMegabytes(self) -> None:
        """C{echostamp talk host < file | wc -l} counts the lines of 100 MB, in bounded
        memory."""
        target = f"localhost:{Daemon.shared(self).port}"
        lines, counted, most = pipeFile(self, target, 100_000_000)
        self.assertEqual(counted, lines)
        figure(f"peak memory of the client: {most} octets for a file of 100 MB")
        self.assertLess(most, 64_000_000)
