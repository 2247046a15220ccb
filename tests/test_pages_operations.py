"""The commands and outputs of C{docs/operations.rst}."""

from __future__ import annotations

import errno
import os
import re
from functools import cache
from pathlib import Path

import twisted
from echostamp.daemon.options import Options
from tests.harness import tool
from tests.machines import ROOT, Machine
from tests.pages import PageCase
from tests.pagetexts import blocks, textOf

#: Packages of Debian 12, by what they provide.
_PROVIDERS = {
    "debhelper-compat": "debhelper",
    "dh-sequence-installsysusers": "debhelper",
    "dh-sequence-python3": "dh-python",
}

#: First words of messages that the source puts in as values, or that stand before one
#: there.
_FILLED_IN = (
    *("connection ", "EchoStamp ", "set ", "(TCP ", "self-signed "),
    *("relay ", "lines "),
)

_LOG = "lines of the log: test_log"


@cache
def _said() -> str:
    """
    Give the source of the program, of Twisted and of the tests, which have
    what OpenSSL says, and what the system says of errors.
    """
    ours = [*ROOT.glob("echostamp/**/*.py"), *ROOT.glob("tests/*.py")]
    folder = Path(twisted.__file__).parent
    theirs = [
        path
        for name in ("application", "internet", "scripts")
        for path in (folder / name).glob("*.py")
    ]
    source = "\n".join(path.read_text("utf-8") for path in (*ours, *theirs))
    # A text may have several lines.
    source = re.sub(r'"\s+f?"', "", source)
    return "\n".join([source, *map(os.strerror, errno.errorcode)])


class OperationsPage(PageCase):
    """
    The page.
    """

    page = "docs/operations.rst"
    before = {
        'echo "set server daemons/one state drain" | socat - /run/haproxy/admin.sock': [
            "mkdir -p /run/haproxy",
            "BIND=127.0.0.1:80 haproxy -D -f deploy/haproxy/echostamp.cfg",
        ],
        "install -m 600 /dev/null relay-password": [
            "redis-server redis.conf --daemonize yes"
        ],
    }
    notRun = {
        "apt-get install": "needs a mirror: .ci/run debian, and test_package",
        "podman ": "tests.test_container plays them",
        "ECHOSTAMP_OPTIONS=": "a line of a file: test_options",
        "listening on": _LOG,
        "EchoStamp starting": _LOG,
        "127.0.0.1:": _LOG,
        "cannot accept": _LOG,
        "450 more lines": _LOG,
        "worker 1 is": _LOG,
        "relay redis://": _LOG,
    }

    def prepare(self, machine: Machine) -> None:
        """Look for the programs."""
        for program, package in [
            ("haproxy", "haproxy"),
            ("openssl", "openssl"),
            ("redis-server", "redis-server"),
            ("setpriv", "util-linux"),
            ("socat", "socat"),
            ("systemd-analyze", "systemd"),
        ]:
            tool(program, package)

    def test_page(self) -> None:
        """The commands work, on a machine without systemd."""
        self.play()

    def test_package(self) -> None:
        """The build of the Debian package is there, and gets what it depends on."""
        text = textOf(self.page, "apt-get install")
        first, build, last = (line.split() for line in text.splitlines())
        control = (ROOT / "deploy" / "debian" / "control").read_text("utf-8")
        needed = control.partition("Build-Depends:")[2].partition("\nStandards")[0]
        names = re.findall(r"([a-z][\w+-]+)(?: \(.*?\))?(?:,|$)", needed)
        self.assertGreater(len(names), 3)
        for name in names:
            self.assertIn(_PROVIDERS.get(name, name), first)
        self.assertTrue(os.access(ROOT / build[0], os.X_OK))
        self.assertTrue(last[-1].startswith(build[1]))

    def test_options(self) -> None:
        """The daemon takes the options of the service's file."""
        line = textOf(self.page, "ECHOSTAMP_OPTIONS=")
        Options().parseOptions(line.partition("=")[2].split())

    def test_log(self) -> None:
        """What the log says stands in the source, or is what OpenSSL or the system
        says in a test."""
        logs = tuple(each for each, why in self.notRun.items() if why == _LOG)
        lines = [
            line
            for block in blocks(self.page)
            if block.first.startswith(logs)
            for line in block.text.splitlines()
        ]
        self.assertGreater(len(lines), 30)
        for line in lines:
            for part in re.split(
                r"\[[\d.:]+\]\S*|[\d.:]*\d[\d.:/]*\S*|b?'[^']*'|SIG\w+|X[A-Z]+|[:;] |=",
                line,
            ):
                words = part.strip(" ,;").removesuffix(" (")
                if words.startswith(_FILLED_IN):
                    words = words.partition(" ")[2]
                self.assertTrue(words in _said(), f"{words!r} of {line!r}")
