"""The completions of C{deploy/completions/}, in real shells."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.harness import lack, tool
from tests.panes import Pane

FOLDER = Path(__file__).parents[1] / "deploy" / "completions"

#: What bash loads completions with, by their commands' names.
BASH_COMPLETION = Path("/usr/share/bash-completion/bash_completion")

COMMANDS = ("talk", "ping", "watch", "report")

#: What is typed before the tabulator, and what it becomes.  There are a file past.db
#: and a host far.example.
COMPLETED = [
    ("echostamp re", "echostamp report"),
    ("echostamp --ver", "echostamp --version"),
    ("echostamp ping --hi", "echostamp ping --histogram"),
    ("echostamp ping --tlv fo", "echostamp ping --tlv follow-up"),
    ("echostamp ping --dscp VO", "echostamp ping --dscp VOICE-ADMIT"),
    ("echostamp ping -c 3 fa", "echostamp ping -c 3 far.example"),
    ("echostamp watch one fa", "echostamp watch one far.example"),
    ("echostamp watch one --win", "echostamp watch one --window"),
    ("echostamp report --history pa", "echostamp report --history past.db"),
    ("echostamp talk --ca pa", "echostamp talk --ca past.db"),
    ("echostamp ping --tlv=fo", "echostamp ping --tlv=follow-up"),
    ("echostamp report --history=pa", "echostamp report --history=past.db"),
    ("echostampd --stat", "echostampd --stateful"),
    ("echostampd --form", "echostampd --format"),
    ("echostampd --format un", "echostampd --format unix"),
    ("echostampd -f i", "echostampd -f iso"),
    ("echostampd --utc --peers pa", "echostampd --utc --peers past.db"),
]


class ShellTests(SynchronousTestCase):
    """
    Typing in a shell.
    """

    def setUp(self) -> None:
        """Make a folder with a file and a list of hosts."""
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir(parents=True)
        (self.folder / "past.db").touch()
        (self.folder / "hosts").write_text("192.0.2.7 far.example\n")

    def shell(self, command: str, *settings: str) -> Pane:
        """
        Start a shell with settings, in the folder.
        """
        lines = [*settings, f"cd '{self.folder}'", "PS1='ready$ '"]
        (self.folder / ".zshrc").write_text("\n".join(lines))
        pane = Pane(self, command)
        self.ready(pane)
        return pane

    def ready(self, pane: Pane) -> None:
        """Wait for the prompt."""
        pane.until(lambda screen: screen.endswith("ready$"))

    def assertCompleted(self, pane: Pane) -> None:
        """Check what each beginning becomes."""
        for typed, completed in COMPLETED:
            pane.type(typed, "Tab")
            self.shows(pane, completed)
            pane.type("", "C-u")
            self.ready(pane)

    def shows(self, pane: Pane, line: str) -> None:
        """Wait until a line stands behind the prompt."""
        # zsh adds an equals sign to an option that has a value.
        pane.until(lambda screen: screen.rstrip("=").endswith(f"$ {line}"))

    def test_bash(self) -> None:
        """bash finds the files by their names, and completes commands, options, words,
        files and hosts."""
        bash = tool("bash", "bash")
        if not BASH_COMPLETION.exists():
            lack("Debian package bash-completion")
        user = self.folder / "user"
        user.mkdir()
        (user / "completions").symlink_to(FOLDER / "bash")
        pane = self.shell(
            f"{bash} --rcfile '{self.folder}/.zshrc'",
            f"BASH_COMPLETION_USER_DIR='{user}'",
            f"HOSTFILE='{self.folder}/hosts'",
            f". {BASH_COMPLETION}",
        )
        self.assertCompleted(pane)
        pane.type("echostamp ", "Tab", "Tab")
        pane.until(lambda screen: all(each in screen for each in COMMANDS))

    def test_zsh(self) -> None:
        """zsh does so, too."""
        zsh = tool("zsh", "zsh")
        pane = self.shell(
            f"env ZDOTDIR='{self.folder}' {zsh} -d",
            f"fpath=('{FOLDER}/zsh' $fpath)",
            "autoload -U compinit && compinit -D -u",
            "zstyle ':completion:*' hosts far.example",
        )
        self.assertCompleted(pane)
        pane.type("echostamp ", "Tab")
        pane.until(lambda screen: all(each in screen for each in COMMANDS))
