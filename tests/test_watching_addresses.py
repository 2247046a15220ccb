"""A daemon that watches a name at each of its addresses."""

from __future__ import annotations

import os
from pathlib import Path

from tests.harness import Daemon, freePort, lack, script, tool, until
from tests.scraping import MetricsCase
from tests.tlspeers import lastingFiles

#: A name with two addresses, for which the far ends' certificate is valid.
NAME, ADDRESSES = "localhost", ("127.0.0.1", "::1")

#: Runs a command that has a file of its own as F{/etc/hosts}.
WITH_HOSTS = 'mount --bind "$0" /etc/hosts && exec "$@"'


class AddressesTests(MetricsCase):
    """
    A name with two addresses.
    """

    def hosts(self) -> list[str]:
        """Give the beginning of a command for which the name has both addresses."""
        unshare = tool("unshare", "util-linux")
        if os.geteuid():
            lack("root")
        file = Path(self.folder, "hosts")
        file.write_text("".join(f"{each} {NAME}\n" for each in ADDRESSES))
        return [unshare, "--mount", "sh", "-c", WITH_HOSTS, str(file)]

    def test_each(self) -> None:
        """Each address is a peer, over lines, TLS and STAMP; over TLS the certificate
        is that of the name.  One that does not answer is down, and the other is up."""
        port, tls, stamp, web = (freePort() for _ in range(4))
        files = lastingFiles()
        far = [
            Daemon(
                self,
                "-e",
                f"tcp:{port}:interface={escaped}",
                "-e",
                f"tls:{tls}:privateKey={files.server}:certKey={files.server}"
                f":interface={escaped}",
                f"--reflector={written}:{stamp}",
            )
            for escaped, written in (("127.0.0.1", "127.0.0.1"), (r"\:\:1", "[::1]"))
        ]
        self.write(
            line=f'target = "{NAME}:{port}"\naddresses = "all"',
            tls=f'target = "tls:{NAME}:{tls}"\nca = "{files.ca}"\naddresses = "all"',
            stamp=f'target = "stamp:{NAME}:{stamp}"\naddresses = "all"\nflows = 2',
        )
        command = *self.hosts(), script("twistd"), "-n", "--pidfile="
        options = f"--peers={self.peers}", f"--events={self.eventsFile}"
        Daemon(self, "-p0", *options, f"--web={web}", command=command)
        names = [
            f"{kind}/{address}"
            for kind in ("line", "tls", "stamp")
            for address in ADDRESSES
        ]
        until(lambda: self.up(web) == dict.fromkeys(names, 1))
        samples = self.scrape(web)
        self.assertAccounts(samples, names)
        addresses = {
            (labels[0], labels[2]) for labels in samples["echostamp_peer_info"]
        }
        self.assertEqual(
            addresses,
            {
                (f"{kind}/{address}", f"{shown}:{number}")
                for kind, number in (("line", port), ("tls", tls), ("stamp", stamp))
                for address, shown in zip(
                    ADDRESSES, ("127.0.0.1", "[::1]"), strict=True
                )
            },
        )
        far[1].stop()
        ups = {name: int(not name.endswith("::1")) for name in names}
        until(lambda: self.up(web) == ups)
        self.assertEqual({each["event"] for each in self.events()}, {"down"})

    def up(self, web: int) -> dict[str, float]:
        """Give which peers are up."""
        found = self.scrape(web).get("echostamp_peer_up", {})
        return {labels[0]: value for labels, value in found.items()}
