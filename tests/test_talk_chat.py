"""C{echostamp talk} as a chat: leaving, own lines, and connections that are lost."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.harness import (
    DEADLINE,
    STAMP,
    Daemon,
    freePort,
    readLines,
    run,
    script,
    shortFolder,
    start,
    tool,
    until,
)
from tests.panes import Pane
from tests.rooms import connections
from tests.tlspeers import lastingFiles

TEXT_STAMP = STAMP.decode()

LEAVING = "(Ctrl-D or /quit leaves)"

#: What may stand before a reply without line editing: a prompt that came as the line
#: was typed.
RACED = "(?:> )*"


class ChatCase(SynchronousTestCase):
    """
    Terminals in an intercom whose daemon is started by each test.

    @ivar target: where it listens.
    """

    def setUp(self) -> None:
        """Start a daemon."""
        self.port = freePort()
        self.target = f"127.0.0.1:{self.port}"
        self.listening: tuple[str, ...] = (f"--port={self.port}",)
        self.daemon = self.newDaemon()

    def newDaemon(self) -> Daemon:
        """Start a daemon where the tests expect it."""
        return Daemon(self, *self.listening, "--intercom")

    def plain(self) -> str:
        """Give what makes the client find no prompt_toolkit on a terminal that can move
        its cursor."""
        folder = Path(self.mktemp())
        found = folder / "prompt_toolkit-0.dist-info"
        found.mkdir(parents=True)
        (found / "METADATA").write_text(
            "Metadata-Version: 2.1\nName: prompt_toolkit\nVersion: 0\n"
        )
        return f"PYTHONPATH={folder.resolve()}:$PYTHONPATH"

    def talk(self, *options: str, environment: str = "", **size: int) -> Pane:
        """Run the client on a terminal, up to its prompt."""
        command = f"{environment} {script('echostamp')} talk {' '.join(options)}"
        pane = Pane(self, f"{command} {self.target}", **size)
        pane.until(lambda screen: screen.endswith(">"))
        return pane

    def assertShows(self, pane: Pane, *lines: str) -> None:
        """Wait until the screen ends with lines, which are patterns."""
        end = re.compile("(?m)^" + "\n".join(lines) + r"\Z")
        pane.until(lambda screen: end.search(screen))


class LeavingTests(ChatCase):
    """
    How the conversation ends.
    """

    def test_strayEnter(self) -> None:
        """In an intercom an empty line does nothing, and is not sent.  Ctrl-D ends."""
        for environment in "", "TERM=dumb", self.plain():
            pane = self.talk("--name=ann", environment=environment)
            self.assertEqual(pane.screen(), f"{LEAVING}\n>")
            pane.type("", "Enter", "Enter")
            pane.type("hello", "Enter")
            self.assertShows(pane, rf"{RACED}{TEXT_STAMP}hello", ">")
            if environment != "TERM=dumb":
                # If all stayed, there would be four.
                self.assertLess(pane.screen().count(">"), 4)
            pane.type("", "C-d")
            pane.shows("status 0")
            self.assertNotIn("] \n", pane.screen())

    def test_becomesIntercom(self) -> None:
        """Without a name, an empty line ends the conversation, until somebody else is
        heard."""
        for environment in "", "TERM=dumb":
            pane = self.talk(environment=environment)
            pane.type("hello", "Enter")
            self.assertShows(pane, "> hello", rf"{TEXT_STAMP}hello", ">")
            pane.type("", "Enter")
            pane.shows("status 0")
            pane = self.talk(environment=environment)
            with self.daemon.connect() as bob:
                bob.sendall(b"/name bob\n")
                pane.shows("* bob joined")
                screen = pane.screen()
                self.assertEqual(screen.count(LEAVING), 1)
                self.assertLess(screen.index(LEAVING), screen.index("* bob"))
                pane.type("", "Enter")
                pane.type("hello", "Enter")
                self.assertShows(pane, rf"{RACED}{TEXT_STAMP}hello", ">")
            pane.type("", "C-d")
            pane.shows("status 0")

    def test_quit(self) -> None:
        """An intercom closes the connection behind C{/quit}: that is no fault, on a
        terminal and in a pipe that stays open, whatever the client offers."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(DEADLINE)
            self.target = f"127.0.0.1:{server.getsockname()[1]}"
            for options in "", "--reconnect", "--name=ann":
                for environment in "", "TERM=dumb":
                    pane = self.talk(options, environment=environment)
                    pane.type("/quit", "Enter")
                    self.obey(server)
                    pane.shows("status 0")
                    self.assertNotIn("echostamp:", pane.screen())
            client = start(
                self,
                *(script("echostamp"), "talk", "--name=ann", self.target),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
            assert client.stdin
            assert client.stderr
            client.stdin.write(b"/quit\n")
            client.stdin.flush()
            self.obey(server)
            self.assertEqual((client.wait(DEADLINE), client.stderr.read()), (0, b""))

    def obey(self, server: socket.socket) -> None:
        """Serve a connection as an intercom does, up to its first C{/quit}."""
        peer, _ = server.accept()
        with peer:
            peer.settimeout(DEADLINE)
            peer.sendall(b"[1] * bob joined\n")
            for line in peer.makefile("rb"):
                peer.sendall(b"[1] " + line)
                if line == b"/quit\n":
                    break

    def test_notOnTerminal(self) -> None:
        """On a pipe with a name nothing has changed: empty lines are sent, and a lost
        connection is the end."""
        command = script("echostamp"), "talk"
        done = run(*command, "--name=ann", self.target, stdin=b"\na\n\n")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertRegex(done.stdout, rb"^%s\n%sa\n%s\n$" % (STAMP, STAMP, STAMP))


class OwnLinesTests(ChatCase):
    """
    Own lines are shown once.
    """

    def test_once(self) -> None:
        """A typed line goes away at Enter: its reply is at its place in the order."""
        for environment in "", self.plain():
            pane = self.talk("--name=ann", environment=environment, columns=50)
            with self.daemon.connect() as bob:
                bob.sendall(b"/name bob\n")
                pane.shows("* bob joined")
                pane.type("one", "Enter")
                pane.shows("] one\n>")
                bob.sendall(b"two\n")
                pane.shows("<bob> two\n>")
                pane.type("日本語", "Enter")
                pane.shows("] 日本語\n>")
                lines = [line for line in pane.screen().split("\n") if line != ">"]
                for line, text in zip(
                    lines[-3:], ("one", "<bob> two", "日本語"), strict=True
                ):
                    self.assertRegex(line, f"^{TEXT_STAMP}{text}$")
                self.assertIn("* bob joined", lines[-4])
                pane.type("", "C-d")
                pane.shows("status 0")
            until(lambda: not connections(self.port))

    def test_nothingElseIsErased(self) -> None:
        """However a line was typed, what was received before it stays: without line
        editing a long one stays, too, and one in two parts, and pasted ones."""
        pane = self.talk("--name=ann", environment=self.plain(), columns=50)
        with self.daemon.connect() as bob:
            bob.sendall(b"/name bob\n")
            pane.shows("* bob joined")
            pane.type("x" * 46)
            pane.shows("> " + "x" * 46)
            bob.sendall(b"between\n")
            pane.shows("<bob> between\n>")
            pane.type("y" * 10, "Enter")
            pane.until(lambda screen: screen.endswith("xx" + "y" * 10 + "\n>"))
            pane.paste("one\ntwo\nthree\n")
            pane.shows("] three\n>")
            screen = pane.screen()
            for text in "* bob joined", "<bob> between", "] one\n", "] two\n":
                self.assertEqual(screen.count(text), 1, screen)

    def test_typedAsAnotherComes(self) -> None:
        """A line that was typed before another line was shown erases none."""
        pidFile = Path(self.mktemp()).absolute()
        # tmux lets its own child go on when that is stopped.
        child = f"""sh -c 'echo $$ >{pidFile}; exec env "$@"' sh {self.plain()}"""
        ann = self.talk("--name=ann", environment=child)
        with self.daemon.connect() as bob:
            bob.sendall(b"/name bob\n")
            ann.shows("* bob joined\n>")
            readLines(bob, 1)
            pid = int(pidFile.read_text())
            os.kill(pid, signal.SIGSTOP)
            bob.sendall(b"between\n")
            readLines(bob, 1)
            ann.type("mine", "Enter")
            ann.shows("> mine")
            os.kill(pid, signal.SIGCONT)
            ann.shows("] mine\n>")
            self.assertEqual(ann.screen().count("<bob> between\n"), 1)


class LostTests(ChatCase):
    """
    The daemon goes away, and comes back.
    """

    def assertBack(self, pane: Pane, typed: str) -> None:
        """Wait until the client is back, with what is being typed."""
        pane.shows(f"({self.target}: connected again)")
        pane.until(lambda screen: screen.endswith(f"\n> {typed}".rstrip()))

    def test_restart(self) -> None:
        """When the daemon is restarted in mid-sentence, both clients come back under
        their names, and what was being typed is sent whole."""
        ann = self.talk("--name=ann", columns=80)
        bob = self.talk("--name=bob", environment="TERM=dumb", columns=80)
        ann.shows("* bob joined")
        ann.type("half a 日本語 li")
        bob.type("a qui")
        ann.until(lambda screen: screen.endswith("> half a 日本語 li"))
        bob.until(lambda screen: screen.endswith("> a qui"))
        self.daemon.stop()
        ann.shows(f"({self.target}: the far end closed the connection; trying again)")
        ann.until(lambda screen: screen.endswith("> half a 日本語 li"))
        ann.type("", "Enter")
        ann.shows("(no connection; the line is not sent)")
        ann.until(lambda screen: screen.endswith("> half a 日本語 li"))
        self.newDaemon()
        self.assertBack(ann, "half a 日本語 li")
        self.assertBack(bob, "")
        until(lambda: connections(self.port) == 2)
        ann.type("ne", "Enter")
        bob.shows("<ann> half a 日本語 line")
        bob.type("ck answer", "Enter")
        ann.shows("<bob> a quick answer")
        for pane in ann, bob:
            pane.type("", "C-d")
            pane.shows("status 0")

    def test_killed(self) -> None:
        """A daemon that stops and is killed leaves a line without an answer.  The line
        is shown as such, and not sent again.  The prompt was never stuck."""
        for environment in "", "TERM=dumb":
            ann = self.talk("--name=ann", environment=environment, columns=80)
            # A connection that brings no reply at all is not made again.
            ann.type("hello", "Enter")
            ann.shows("] hello\n>")
            self.daemon.process.send_signal(signal.SIGSTOP)
            ann.type("is anybody there?", "Enter")
            ann.until(lambda screen: screen.endswith("\n>"))
            ann.type("typ")
            ann.until(lambda screen: screen.endswith("> typ"))
            self.daemon.stop(signal.SIGKILL)
            ann.shows("; trying again)\n(not answered) is anybody there?\n>")
            self.daemon = self.newDaemon()
            self.assertBack(ann, "" if environment else "typ")
            ann.type("ed", "Enter")
            ann.shows("] typed\n>")
            self.assertNotRegex(ann.screen(), r"\] is anybody there\?")
            ann.type("", "C-d")
            ann.shows("status 0")

    def test_interrupted(self) -> None:
        """Ctrl-C ends the attempts at once, and so do Ctrl-D and C{/quit}."""
        panes = [
            self.talk("--name=ann", environment=environment, columns=80)
            for environment in ("", "TERM=dumb") * 3
        ]
        self.daemon.stop()
        keys = "C-c", "C-c", "C-d", "C-d", "Enter", "Enter"
        for pane, key in zip(panes, keys, strict=True):
            typed = {"C-c": "half", "C-d": "", "Enter": "/quit"}[key]
            pane.shows("; trying again)")
            if typed:
                pane.type(typed)
                pane.until(lambda screen: screen.endswith(f"> {typed}"))  # noqa: B023
            pane.type("", key)
            pane.shows("status 130" if key == "C-c" else "status 1")
            screen = pane.screen()
            if key == "C-c":
                self.assertRegex(screen, r"(?m)^> half(\^C)?\nstatus 130")
            else:
                self.assertRegex(screen, rf"echostamp: {self.target}: .*\nstatus 1")

    def test_noReconnect(self) -> None:
        """C{--no-reconnect} ends with the connection."""
        pane = self.talk("--name=ann", "--no-reconnect", columns=80)
        self.daemon.stop()
        pane.shows(f"echostamp: {self.target}: the far end closed the connection")
        pane.shows("status 1")

    def test_firstConnection(self) -> None:
        """The first attempt to connect is not repeated."""
        self.daemon.stop()
        pane = Pane(self, f"{script('echostamp')} talk --name ann {self.target}")
        pane.shows("Connection refused\nstatus 1")


class TransportTests(ChatCase):
    """
    Other transports are made again, too.
    """

    def assertRestarts(self, *options: str) -> None:
        """Assert that a restart of the daemon leaves what is being typed."""
        ann = self.talk("--name=ann", *options, columns=80)
        ann.type("half a li")
        ann.until(lambda screen: screen.endswith("> half a li"))
        self.daemon.stop()
        ann.shows(f"({self.target}: the far end closed the connection; trying again)")
        self.newDaemon()
        ann.shows(f"({self.target}: connected again)\n> half a li")
        ann.type("ne", "Enter")
        ann.shows("] half a line\n>")
        ann.type("", "C-d")
        ann.shows("status 0")

    def test_unix(self) -> None:
        """A UNIX socket."""
        path = shortFolder(self) / "s"
        self.listening = ("-e", f"unix:{path}")
        self.target = f"unix:{path}"
        self.daemon = self.newDaemon()
        self.assertRestarts()

    def test_tls(self) -> None:
        """TLS."""
        files = lastingFiles()
        port = str(freePort())
        self.listening = files.endpoint(port=port)
        self.target = f"tls:localhost:{port}"
        self.daemon = self.newDaemon()
        self.assertRestarts(f"--ca={files.ca}")


class TogetherTests(ChatCase):
    """
    Three terminals and C{nc}: with line editing, without it, and on a terminal that can
    only print.
    """

    def assertShown(self, pane: Pane, *texts: str) -> None:
        """Wait until texts have come, on whatever rows."""

        def areShown(screen: str) -> bool:
            flowing = re.sub("\n[│|] *", " ", screen)
            return all(text in flowing for text in texts)

        pane.until(areShown, "-S-")

    def test_80x24(self) -> None:
        """On usual terminals."""
        self.assertTalk(80, 24)

    def test_40x10(self) -> None:
        """On small ones."""
        self.assertTalk(40, 10)

    def assertTalk(self, columns: int, lines: int) -> None:
        """Assert that commands, renames and a stray Enter do what they say, and that a
        restart of the daemon in mid-sentence loses no name and nothing that is typed.
        """
        nc = Pane(self, f"{tool('nc', 'netcat-openbsd')} 127.0.0.1 {self.port}")
        nc.type("/name dave", "Enter")
        nc.shows("] /name dave")
        ann, bob, carol = talks = [
            self.talk(
                f"--name={name} --time-format=%H:%M",
                environment=environment,
                columns=columns,
                lines=lines,
            )
            for name, environment in [
                ("ann", ""),
                ("bob", self.plain()),
                ("carol", "TERM=dumb"),
            ]
        ]
        self.assertShown(nc, "* ann joined", "* bob joined", "* carol joined")
        for pane in talks:
            pane.type("", "Enter", "Enter")
        ann.type("/who", "Enter")
        for name in "dave", "ann", "bob", "carol":
            self.assertShown(ann, f"* {name} since ")
        bob.type("/name robert", "Enter")
        nc.type("/help", "Enter")
        for pane in *talks, nc:
            self.assertShown(pane, "* bob is now robert")
        self.assertShown(nc, "* /quit: leave")
        carol.type("/whois", "Enter")
        self.assertShown(carol, "* no command /whois: see /help")
        nc.type(" /quit is how to leave", "Enter")
        ann.type("thanks @rob", "Tab")
        ann.until(lambda screen: screen.endswith("> thanks @robert"))
        ann.type("", "Enter")
        for pane in bob, carol, nc:
            self.assertShown(pane, "<ann> thanks @robert")
        for pane in talks:
            self.assertShown(pane, "<dave>  /quit is how to leave")

        typed = "half a sent", "half an ans", "half a que"
        for pane, text in zip(talks, typed, strict=True):
            pane.type(text)
            pane.until(re.compile(rf"> {text}\Z").search)
        self.daemon.stop()
        for pane in talks:
            self.assertShown(pane, "the far end closed the connection; trying again)")
        self.newDaemon()
        for pane in talks:
            self.assertShown(pane, f"({self.target}: connected again)")
        ann.until(lambda screen: screen.endswith("> half a sent"))
        until(lambda: connections(self.port) == 3)
        ann.type("ence", "Enter")
        bob.type("wer", "Enter")
        carol.type("stion", "Enter")
        for pane in talks:
            self.assertShown(pane, "half a sentence", "half an answer")
        self.assertShown(ann, "<robert> half an answer", "<carol> half a question")
        self.assertShown(bob, "<ann> half a sentence")

        bob.type("/quit", "Enter")
        bob.shows("status 0")
        carol.type("", "C-d")
        carol.shows("status 0")
        self.assertShown(ann, "* robert left", "* carol left")
        screen = ann.screen("-S-")
        for own in "/who", "thanks @robert", "half a sentence":
            rows = [row for row in screen.split("\n") if row.endswith(f" {own}")]
            self.assertRegex("\n".join(rows), rf"^\d\d:\d\d {own}$")
        self.assertNotRegex(screen, r"(?m)^\d\d:\d\d( <.*>)?( /help)?$")
