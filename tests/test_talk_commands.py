"""C{echostamp talk} and the intercom's commands, in real terminals."""

from __future__ import annotations

import socket
import threading

from twisted.trial.unittest import SynchronousTestCase

from tests.harness import DEADLINE, Daemon, readLines, run, script
from tests.panes import Pane


class Relay:
    """
    Forwards connections, and can lose the client's side alone.

    @ivar port: the port to connect to.
    """

    def __init__(self, case: SynchronousTestCase, port: int) -> None:
        """
        @param port: the daemon's.
        """
        self._far = port
        self._server = socket.create_server(("127.0.0.1", 0))
        case.addCleanup(self._server.close)
        self.port = self._server.getsockname()[1]
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        threading.Thread(target=self._accept, daemon=True).start()
        case.addCleanup(self.closeAll)

    def _accept(self) -> None:
        """Serve until the end."""
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._far), DEADLINE)
            self._pairs.append((near, far))
            for ends in (near, far), (far, near):
                threading.Thread(target=self._pass, args=ends, daemon=True).start()

    def _pass(self, one: socket.socket, other: socket.socket) -> None:
        """Forward one direction, but not its end."""
        try:
            while data := one.recv(1 << 16):
                other.sendall(data)
        except OSError:
            pass

    def lose(self) -> None:
        """Close the last connection to the client, and keep the one to the daemon."""
        self._pairs[-1][0].shutdown(socket.SHUT_RDWR)

    def closeAll(self) -> None:
        """Close what is open."""
        for pair in self._pairs:
            for each in pair:
                each.close()

    def release(self) -> None:
        """Close the first connection to the daemon."""
        self._pairs[0][1].shutdown(socket.SHUT_RDWR)


class CommandsTests(SynchronousTestCase):
    """
    A terminal in an intercom that has commands.
    """

    def setUp(self) -> None:
        """Start a daemon."""
        self.daemon = Daemon(self, "--port=0", "--intercom")
        self.target = f"127.0.0.1:{self.daemon.port}"

    def talk(self, options: str, environment: str = "") -> Pane:
        """Run the client on a terminal, up to its prompt."""
        command = f"{environment} {script('echostamp')} talk {options} {self.target}"
        pane = Pane(self, command, columns=90)
        pane.until(lambda screen: screen.endswith(">"))
        return pane

    def test_quit(self) -> None:
        """C{/quit} ends it with status 0, with line editing and without, and where the
        room is empty and the client has no name."""
        for environment in "", "TERM=dumb":
            pane = self.talk("--name=ann", environment)
            pane.type("/who", "Enter")
            pane.shows("* ann since ")
            pane.type("/quit", "Enter")
            pane.shows("status 0")
            self.assertNotIn("echostamp:", pane.screen())
        for lines in ["/quit"], ["hello", "/quit"], ["/help", "/quit"]:
            pane = self.talk("")
            for line in lines:
                pane.type(line, "Enter")
                pane.shows(f"] {line}")
            pane.shows("status 0")

    def test_quitInPipe(self) -> None:
        """What is sent behind C{/quit} is not answered, and counts."""
        command = script("echostamp"), "talk", "--name=ann", self.target
        for sent, status, owed in [
            (b"a\n/quit\n", 0, b""),
            (b"a\n/quit\r\n", 0, b""),
            (b"a\n/quit", 0, b""),
            (b"a\n/quit\nb\nc\n", 1, b", 2 messages not answered\n"),
        ]:
            done = run(*command, stdin=sent)
            self.assertEqual(done.returncode, status, sent)
            self.assertTrue(done.stderr.endswith(owed), done.stderr)
            self.assertEqual(done.stderr == b"", not status)

    def test_rename(self) -> None:
        """A name that the user asked for is the one that comes back."""
        pane = self.talk("--name=ann")
        pane.type("/name carol", "Enter")
        pane.shows("* ann is now carol")
        self.daemon.stop()
        pane.shows("; trying again)")
        Daemon(self, f"--port={self.daemon.port}", "--intercom")
        pane.shows("connected again)")
        pane.type("/who", "Enter")
        pane.shows("* carol since")

    def test_nameStillTaken(self) -> None:
        """While the daemon holds the lost connection, the name is taken.  The client
        gets it back once that has ended, and shows no more of it than that."""
        relay = Relay(self, self.daemon.port)
        self.target = f"127.0.0.1:{relay.port}"
        pane = self.talk("--name=ann")
        pane.type("hello", "Enter")
        pane.shows("] hello\n>")
        relay.lose()
        pane.shows("* you are ann-2: ann is taken")
        pane.type("half")
        relay.release()
        pane.shows("* ann left")
        pane.shows("* ann-2 is now ann")
        pane.until(lambda screen: screen.endswith("> half"))
        self.assertEqual(pane.screen().count("/name"), 0)
        with self.daemon.connect() as bob:
            bob.sendall(b"/who\n")
            self.assertIn(b"* ann since", readLines(bob, 2))
