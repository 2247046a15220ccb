"""
A machine of its own for the commands of a page: it has its own loopback, ports, host
names and processes, and writes to the system's folders change nothing outside.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from itertools import count
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.harness import DEADLINE, lack, shortFolder, start, tool, until
from tests.panes import Pane

#: The repository.
ROOT = Path(__file__).parents[1]

#: Makes the machine.  Its arguments are an empty folder, the repository, and the lines
#: of the table of hosts.
_MAKE = """
set -e
mount -t tmpfs tmpfs "$1"
layer() {
    mkdir -p "$1/upper$3" "$1/work$3" "$3"
    mount -t overlay overlay "$3" \\
        -o "lowerdir=$2,upperdir=$1/upper$3,workdir=$1/work$3"
}
for each in /etc /opt /run /usr /var; do layer "$1" "$each" "$each"; done
layer "$1" "$2" "$1/clone"
# In a work tree it is a file, and leads git to what is not a copy.
[ -d "$1/clone/.git" ] || rm -f "$1/clone/.git"
mkdir "$1/empty"
ip link set lo up
printf '127.0.0.1 localhost\\n::1 localhost\\n%s\\n' "$3" >/etc/hosts
printf 'hosts: files\\n' >/etc/nsswitch.conf
printf '%s\\n' "$3" | while read -r address names; do
    [ -z "$address" ] || ip address add "$address/32" dev lo
done
echo made
# Not by exec: the shell, process 1, reaps the daemons.
cat
exit
"""

#: In the place of programs that need a network or systemd, by name.
#:
#: C{python3 -m venv} makes an environment with the programs of the tests' own.  C{pip
#: install} installs nothing and fails if what it names is not there: an extra, a file,
#: or a package that the tests have.  C{systemctl} checks the units that it enables.
_STAND_INS = {
    "python3": """#!/bin/sh
if [ "$1 $2" = "-m venv" ]; then
    mkdir -p "$3/bin"
    ln -sf {scripts}/* {stand_ins}/* "$3/bin"
    echo "PATH=$(realpath "$3")/bin:\\$PATH" >"$3/bin/activate"
elif [ "$1 $2" = "-m pip" ]; then
    shift 2
    exec {stand_ins}/pip "$@"
else
    exec {python} "$@"
fi
""",
    "pip": """#!{python}
import configparser, importlib.metadata, os, re, sys
command, *words = sys.argv[1:]
assert command == "install", command
for word in words:
    if word.startswith("-") or os.path.isfile(word):
        continue
    if re.match(r"\\.(\\[|$)", word):
        setup = configparser.ConfigParser()
        assert setup.read("setup.cfg"), "no setup.cfg here"
        for extra in re.findall(r"\\w+", word):
            assert extra in setup["options.extras_require"], extra
    else:
        assert not word.startswith("echostamp"), "no index has it"
        importlib.metadata.version(word)
""",
    "systemctl": """#!/bin/sh
case $1 in
daemon-reload) ;;
enable) exec systemd-analyze --man=no verify "/etc/systemd/system/$3" ;;
stop) test -e "/etc/systemd/system/$2" ;;
*) exit 2 ;;
esac
""",
}


class Machine:
    """
    Network, mount and process namespaces.

    @ivar folder: for what commands and tests share.
    @ivar init: the process id of its process 1.
    """

    def __init__(
        self,
        case: SynchronousTestCase,
        hosts: Mapping[str, str] | None = None,
        isClone: bool = True,
    ) -> None:
        """
        Make it.  It ends with all its processes at the end of the test.

        @param case: it is skipped without root, or where there are no namespaces.
        @param hosts: addresses that are this machine's, and the names that each has.
        @param isClone: the shells begin in a copy of the repository, not in an empty
            folder.
        """
        if os.geteuid():
            lack("root")
        tool("ip", "iproute2")
        self._case = case
        self.folder = shortFolder(case)
        # Users that daemons become look for programs there.
        self.folder.chmod(0o755)
        self._numbers = count()
        self._standIn()
        inner = self.folder / "inner"
        inner.mkdir()
        self._home = inner / ("clone" if isClone else "empty")
        table = "\n".join(map(" ".join, (hosts or {}).items()))
        self._process = start(
            case,
            *("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child"),
            *("--mount-proc", "sh", "-c", _MAKE, "sh"),
            *(str(inner), str(ROOT), table),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self._process.stdout
        assert self._process.stderr
        if self._process.stdout.readline() != b"made\n":
            lack(f"namespaces: {self._process.stderr.read().decode()}")
        number = self._process.pid
        self.init = int(Path(f"/proc/{number}/task/{number}/children").read_text())

    def _standIn(self) -> None:
        """Write the programs that stand in for others."""
        self._bin = self.folder / "bin"
        self._bin.mkdir()
        names = {
            "scripts": sysconfig.get_path("scripts"),
            "stand_ins": str(self._bin),
            "python": sys.executable,
        }
        for name, text in _STAND_INS.items():
            for key, value in names.items():
                text = text.replace(f"{{{key}}}", value)
            (self._bin / name).write_text(text)
            (self._bin / name).chmod(0o755)
        (self._bin / "python").symlink_to("python3")

    def inside(self, *command: str) -> tuple[str, ...]:
        """
        Give the command line that runs a command on the machine.
        """
        paths = str(self._bin), sysconfig.get_path("scripts"), os.environ["PATH"]
        return (
            *("nsenter", f"--target={self.init}", "--net", "--mount", "--pid"),
            *("env", f"PATH={':'.join(paths)}", f"HOME={self._home}"),
            *("LANG=C.UTF-8", "TZ=UTC"),
            *command,
        )

    def path(self, path: str) -> Path:
        """Give the path by which the tests find one of the machine's files."""
        return Path(f"/proc/{self.init}/root", str(self._home / path).lstrip("/"))

    def ports(self) -> set[int]:
        """Give the TCP and UDP ports that are bound."""
        found = set()
        for name in "tcp", "tcp6", "udp", "udp6":
            rows = Path(f"/proc/{self.init}/net/{name}").read_text().splitlines()[1:]
            # 0A is a TCP socket that listens, 07 a UDP socket without a peer.
            fields = [row.split() for row in rows]
            found |= {
                int(each[1][-4:], 16) for each in fields if each[3] in ("0A", "07")
            }
        return found

    def terminal(self) -> Terminal:
        """Open a terminal of 80 columns and 24 lines with a shell."""
        return Terminal(self._case, self, self._home, next(self._numbers))


class Terminal:
    """
    A shell that a test types to.

    @ivar pane: the terminal.
    """

    def __init__(
        self, case: SynchronousTestCase, machine: Machine, home: Path, number: int
    ) -> None:
        """
        @param home: the folder in which the shell begins.
        @param number: which of the machine's terminals it is.
        """
        self._statuses = machine.folder / f"statuses{number}"
        self._statuses.touch()
        shell = (
            f"cd {home} && PS1='$ ' PS2= PROMPT_COMMAND='echo $? >>{self._statuses}' "
            "exec bash --noprofile --norc --noediting +H"
        )
        command = machine.inside("sh", "-c", shell)
        self.pane = Pane(case, shlex.join(command), 80, 24)
        until(lambda: self.commands == 0)

    def statuses(self) -> list[int]:
        """Give the exit statuses of the commands that have ended."""
        return [int(line) for line in self._statuses.read_text().split()][1:]

    @property
    def commands(self) -> int:
        """How many commands have ended; -1 before the first prompt."""
        return len(self._statuses.read_text().split()) - 1

    def type(self, text: str) -> None:
        """Type lines, each with Enter; C{^C} is Ctrl-C."""
        if text == "^C":
            self.pane.type("", "C-c")
            return
        for line in text.split("\n"):
            self.pane.type(line, "Enter")

    def ended(self, number: int, seconds: float = DEADLINE) -> int:
        """
        Wait until a command has ended.

        @param number: which, from 0.
        @return: its exit status.
        """
        try:
            until(lambda: self.commands > number, seconds)
        except AssertionError:
            raise AssertionError(f"still running:\n{self.screen()}") from None
        return self.statuses()[number]

    def screen(self) -> str:
        """Give all that has been on the screen, long lines in one piece."""
        return self.pane.screen("-S-", "-J")
