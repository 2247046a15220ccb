"""The examples of the manual pages."""

from __future__ import annotations

import shutil
import time

import trustme

from echostamp.history.store import SqliteHistory
from echostamp.test.histories import fullRow
from tests.harness import tool
from tests.machines import Machine
from tests.pages import PageCase
from tests.pagetexts import Block, blocks

#: Seconds.
MINUTE = 60


class ClientPage(PageCase):
    """
    C{echostamp(1)}.
    """

    page = "docs/echostamp.1"
    isClone = False
    hosts = {
        "192.0.2.1": "echo.example.net ams.example.net",
        "192.0.2.2": "fra.example.net lon.example.net",
    }
    before = {
        "$ echostamp": [
            "twistd -n echostamp -e 8002 -e unix:/run/echostamp.sock --reflector 862"
        ]
    }
    notRun = {"$ echostamp ping -q -c 60": "a minute: test_script, with fewer probes"}

    def prepare(self, machine: Machine) -> None:
        """Write a history."""
        tool("jq", "jq")
        folder = machine.path("/var/lib/echostamp")
        folder.mkdir()
        made = machine.folder / "history"
        history = SqliteHistory(str(made))
        now = int(time.time()) // MINUTE * MINUTE
        for at in range(now - 60 * MINUTE, now, MINUTE):
            history.write({"ams": fullRow(at)}, [])
        history.close()
        shutil.copy(made, folder)

    def test_page(self) -> None:
        """The examples work."""
        self.play()

    def test_script(self) -> None:
        """The example of a script ends with a status that it shows."""
        (block,) = [each for each in blocks(self.page) if self.isNamed(each)]
        text = block.text.replace("-c 60", "-c 2 -i 100ms").replace("50ms", "1us")
        self.play(
            [
                Block("console", "", "$ twistd -n echostamp"),
                Block("console", "", f"{text}\n...\nstatus 3"),
            ]
        )


class DaemonPage(PageCase):
    """
    C{twistd-echostamp(8)}.
    """

    page = "docs/twistd-echostamp.8"
    isClone = False

    def prepare(self, machine: Machine) -> None:
        """Make a key and a certificate."""
        own = trustme.CA().issue_cert("localhost")
        own.private_key_pem.write_to_path(machine.path("key.pem"))
        own.cert_chain_pems[0].write_to_path(machine.path("cert.pem"))

    def test_page(self) -> None:
        """The examples work."""
        self.play()
