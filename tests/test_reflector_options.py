"""The session-reflector's options, log and counts."""

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from tests.harness import run, script, tool
from tests.reflecting import ONE, PLAIN, Asker, Reflecting, keyFile
from tests.refusing import refusal


class LogTests(SynchronousTestCase):
    """
    The counts of packets in the log.
    """

    def test_counts(self) -> None:
        """The daemon logs the counts by reason at each SIGUSR1, and when it stops."""
        daemon = Reflecting(self)
        self.assertEqual(daemon.counts(), {})
        with Asker() as asker:
            asker.sendto(b"", daemon.place)
            asker.ask(PLAIN, daemon.place)
        for _ in range(2):
            self.assertEqual(daemon.counts(), {"answered": 1, "too short": 1})
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(
            daemon.log().count("STAMP packets: 1 answered, 1 too short"), 3
        )

    def test_newLogFile(self) -> None:
        """With a log file of twistd's, SIGUSR1 rotates it as usual.  The counts are in
        the new one."""
        daemon = Reflecting(
            self, command=("twistd", "-n", "--pidfile=", "--logfile=log")
        )
        self.assertEqual(daemon.counts(), {})
        self.assertIn("answering STAMP", (daemon.folder / "log.1").read_text())
        self.assertNotIn("answering STAMP", daemon.log())


class UserErrorTests(SynchronousTestCase):
    """
    Wrong options, addresses and key files.
    """

    def refused(self, *options: str, command: tuple[str, ...] = (), text: str) -> None:
        """Assert that twistd fails with one line on standard error."""
        twistd = (*command, script("twistd"), "-n", "--pidfile=")
        done = run(*twistd, "echostamp", "-p0", *options)
        self.assertNotEqual(done.returncode, 0)
        error = done.stderr.decode()
        self.assertEqual(len(error.splitlines()), 1, error)
        self.assertTrue(error.startswith("echostamp: "), error)
        self.assertIn(text, error)
        self.assertEqual(done.stdout, b"")

    def test_options(self) -> None:
        """Options that are wrong, or exclude each other, are refused in one line."""
        for options, text in [
            (["--reflector=x"], "--reflector 'x': not a port"),
            (["--reflector=localhost:862"], "--reflector 'localhost:862': not a port"),
            (["--reflector=224.0.0.1"], "not the address of one machine"),
            (["--reflector=0", "--max-pps=0"], "--max-pps '0': not a whole number"),
            (["--reflector=0", "--stateful"], "--stateful goes with --allow or"),
            (["--stateful", "--allow=::/0"], "--stateful goes with --reflector"),
        ]:
            self.assertIn(text, refusal("-p0", *options))
        self.refused(*options, text=text)

    def test_addresses(self) -> None:
        """A port that is taken or not allowed is refused, and an address that this
        machine does not have."""
        with Asker() as taken:
            place = f"127.0.0.1:{taken.getsockname()[1]}"
            self.refused(
                f"--reflector={place}", text=f"{place}: Address already in use"
            )
        place = "192.0.2.1:862"
        self.refused(f"--reflector={place}", text=f"{place}: Cannot assign")
        place = "127.255.255.255:0"
        self.refused(f"--reflector={place}", text=f"{place}: Not the address of one")
        without: tuple[str, ...] = ()
        if not os.geteuid():
            setpriv = tool("setpriv", "util-linux")
            without = (setpriv, "--bounding-set=-net_bind_service")
        self.refused(
            "--reflector=127.0.0.1",
            command=without,
            text="127.0.0.1:862: Permission denied",
        )

    def test_keyFiles(self) -> None:
        """A key file that others may read, or that is wrong, is refused.  The line
        shows nothing of a key."""
        right = f"* {ONE.hex()}\n"
        for path, text in [
            (keyFile(self, right, 0o644), "others may read it; chmod o= it"),
            (keyFile(self, "x " + right), "line 1: not an SSID, or *, and a key"),
        ]:
            self.refused(
                *("--reflector=127.0.0.1:0", f"--reflector-key={path}"),
                text=f"--reflector-key {str(path)!r}: {text}",
            )
