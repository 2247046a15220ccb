"""The commands and outputs of C{docs/watching.rst}."""

from __future__ import annotations

import trustme

from tests.harness import tool
from tests.machines import Machine
from tests.pages import PageCase
from tests.pagetexts import blocks


class WatchingPage(PageCase):
    """
    The page.
    """

    page = "docs/watching.rst"
    hosts = {
        "192.0.2.1": "ams.example.net",
        "192.0.2.2": "fra.example.net",
        "192.0.2.7": "",
    }
    before = {
        "$ echostamp watch -i 200ms localhost 127.0.0.1:9 nosuch.invalid \\": [
            "twistd -n echostamp --format iso --reflector 8620"
        ],
        "$ echostamp watch --window 10s localhost stamp:ams.example.net |": [
            "twistd -n echostamp --reflector 862"
        ],
        "$ rm -f /var/lib/echostamp/history-wal /var/lib/echostamp/history-shm": ["^C"],
    }
    notRun = {
        "sent = received": "sums: tests.test_watch",
        "location /echostamp/": "nginx reads it in tests.test_page_links",
        "[peer.ams]": "a part of a file of peers, which prepare writes",
        "# at the top": "the same",
    }

    def prepare(self, machine: Machine) -> None:
        """Make the folders, the certificates, and the file of peers of the mesh."""
        for program in "jq", "sqlite3":
            tool(program, program)
        machine.path("/var/lib/echostamp").mkdir()
        folder = machine.path("/etc/echostamp")
        folder.mkdir()
        authority = trustme.CA()
        own = authority.issue_cert("ams.example.net", "192.0.2.7")
        authority.cert_pem.write_to_path(folder / "ca.pem")
        own.private_key_and_cert_chain_pem.write_to_path(folder / "own.pem")
        parts = [each.text for each in blocks(self.page) if self.isNamed(each)]
        peers, top = parts[-2:]
        (folder / "peers.toml").write_text(f"{top}\n{peers}\n")

    def test_page(self) -> None:
        """The commands show what the page shows."""
        self.play()
