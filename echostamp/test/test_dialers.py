"""Tests for L{echostamp.probe.dialers}."""

from __future__ import annotations

import os
from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from echostamp.connect.tls import TlsFiles
from echostamp.probe.dialers import sessionOf
from echostamp.probe.plan import StampPlan
from echostamp.rfc8762.sendersession import SenderSession

NO_FILES = TlsFiles()


class SessionTests(SynchronousTestCase):
    """
    Tests for the fields of STAMP packets, by the options.
    """

    def assertWrong(
        self, why: str, size: int = 0, files: TlsFiles = NO_FILES, ssid: int = 0
    ) -> None:
        """Assert that a session is refused."""
        plan = StampPlan(ssid=ssid, tlvs=("cos",))
        error = self.assertRaises(ValueError, sessionOf, plan, size, files)
        self.assertIn(why, str(error))

    def test_options(self) -> None:
        """Each option has its field."""
        plan = StampPlan(7, 46, ("padding", "follow-up"), True, 9)
        self.assertEqual(
            sessionOf(plan, 70, NO_FILES),
            SenderSession(70, 7, (), (1, 7), True, None, 46, 9),
        )

    def test_sizes(self) -> None:
        """Impossible sizes of packets are refused."""
        self.assertWrong("--size 51: not from 52 to 65507", 51)
        self.assertWrong("--size 53: 52, or 56 and more", 53)
        self.assertWrong("--size 65508", 65508)
        self.assertEqual(sessionOf(StampPlan(), 0, NO_FILES).size, None)

    def test_keys(self) -> None:
        """The key file gives the first key of the SSID.  Wrong files are refused."""
        path = self.mktemp()
        with open(path, "w") as file:
            file.write(f"7 {'ab' * 16}\n7 {'cd' * 16}\n")
        os.chmod(path, 0o600)
        files = TlsFiles(key=path)
        plan = StampPlan(ssid=7)
        self.assertEqual(sessionOf(plan, 0, files).keys[0], b"\xab" * 16)
        self.assertEqual(sessionOf(plan, 0, files).least, 112)
        self.assertWrong("no key for SSID 8", 0, files, 8)
        self.assertWrong("No such file", 0, TlsFiles(key="/nowhere"))
        os.chmod(path, 0o604)
        self.assertWrong("others may read it", 0, files)
        self.assertWrong("--ca and --cert", 0, TlsFiles(ca="x"))

    def test_strictSsid(self) -> None:
        """Replies with SSID 0 can be refused where the packets have another one."""
        plan = StampPlan(ssid=7, isSsidStrict=True)
        self.assertTrue(sessionOf(plan, 0, NO_FILES).isSsidStrict)
        error = self.assertRaises(
            ValueError, sessionOf, replace(plan, ssid=0), 0, NO_FILES
        )
        self.assertEqual(str(error), "--strict-ssid goes with --ssid")
