"""Addresses that are valid on one link only."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.harness import STAMP, Daemon, run, script
from tests.namespaces import Namespaces


class LinkLocalTests(SynchronousTestCase):
    """
    Two machines with a link between them.
    """

    def test_linkLocal(self) -> None:
        """The client asks on the link that the address names, over TCP and STAMP, from
        any address and from one of its own.  It shows the link."""
        wire = Namespaces(self)
        wire.addLinkLocal("fe80::a", "fe80::b")
        Daemon(
            self,
            *("-e", rf"tcp:8002:interface=fe80\:\:b%{wire.FAR_LINK}"),
            f"--reflector=[fe80::b%{wire.FAR_LINK}]:8620",
            command=(*wire.far, "twistd", "-n", "--pidfile="),
        )
        echostamp = *wire.near, script("echostamp")
        host = f"fe80::b%{wire.NEAR_LINK}"
        for target in f"[{host}]:8002", f"stamp:[{host}]:8620":
            for more in [], [f"--source=fe80::a%{wire.NEAR_LINK}"]:
                done = run(*echostamp, "ping", "-c2", "-i10ms", target, *more)
                self.assertEqual(done.returncode, 0, done)
                self.assertIn(f"[{host}]:".encode(), done.stdout.split(b"\n")[0])
        peers = Path(self.mktemp())
        target = f'target = "stamp:[{host}]:8620"'
        peers.write_text(f'[peer.one]\n{target}\naddresses = "all"\n')
        options = f"--peers={peers}", "--deadline=3s"
        done = run(*echostamp, "watch", *options)
        self.assertEqual(done.returncode, 0, done)
        self.assertIn(f'"one/{host}"'.encode(), done.stdout)
        done = run(*echostamp, "talk", f"[{host}]:8002", stdin=b"hello\n")
        self.assertRegex(done.stdout, b"^" + STAMP + b"hello\n$")
        done = run(*echostamp, "ping", "-c1", "[fe80::b]:8002")
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"a link-local address needs its link", done.stderr)
