"""Tests for L{echostamp.probe.stampsession}."""

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from echostamp.connect.tls import TlsFiles
from echostamp.probe.plan import StampPlan
from echostamp.probe.refusals import Reason, Refusal
from echostamp.probe.stampsession import sessionOf
from echostamp.rfc8762.sendersession import SenderSession

NO_FILES = TlsFiles()


class SessionTests(SynchronousTestCase):
    """
    Tests for the fields of STAMP packets, by the options.
    """

    def assertWrong(
        self,
        reason: Reason,
        *values: object,
        size: int = 0,
        files: TlsFiles = NO_FILES,
        ssid: int = 0,
    ) -> None:
        """Assert that a session is refused."""
        plan = StampPlan(ssid=ssid, tlvs=("cos",))
        error = self.assertRaises(Refusal, sessionOf, plan, size, files)
        self.assertEqual((error.reason, *map(str, error.values)), (reason, *values))

    def test_options(self) -> None:
        """Each option has its field."""
        plan = StampPlan(7, 46, ("padding", "follow-up"), True, 9)
        self.assertEqual(
            sessionOf(plan, 70, NO_FILES),
            SenderSession(70, 7, (), (1, 7), True, None, 46, 9),
        )

    def test_sizes(self) -> None:
        """Impossible sizes of packets are refused."""
        self.assertWrong(Reason.WRONG_SIZE, "51", "52", "65507", size=51)
        self.assertWrong(Reason.SIZE_BETWEEN, "53", "52", "56", size=53)
        self.assertWrong(Reason.WRONG_SIZE, "65508", "52", "65507", size=65508)
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
        self.assertWrong(Reason.NO_KEY, path, "8", files=files, ssid=8)
        nowhere = TlsFiles(key="/nowhere")
        why = "No such file or directory"
        self.assertWrong(Reason.WRONG_KEYS, "/nowhere", why, files=nowhere)
        os.chmod(path, 0o604)
        error = self.assertRaises(Refusal, sessionOf, plan, 0, files)
        self.assertIn("others may read it", str(error))
        self.assertWrong(Reason.ONLY_TLS, files=TlsFiles(ca="x"))

    def test_strictSsid(self) -> None:
        """Replies with SSID 0 can be refused where the packets have another one."""
        plan = StampPlan(ssid=7, isSsidStrict=True)
        self.assertTrue(sessionOf(plan, 0, NO_FILES).isSsidStrict)
        error = self.assertRaises(
            Refusal, sessionOf, plan._replace(ssid=0), 0, NO_FILES
        )
        self.assertIs(error.reason, Reason.NO_SSID)
