"""
The tutorial's own scripts and commands, run as a reader runs them.

Each server of the tutorial, and the daemon, meets each client: the tutorial's two,
C{echostamp talk} on a pipe and on a terminal, and C{nc}.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import ClassVar

import pexpect
from twisted.trial.unittest import SynchronousTestCase

from tests.filling import isAsleep
from tests.harness import (
    DEADLINE,
    STAMP,
    Daemon,
    Lasting,
    Owner,
    memory,
    readAll,
    readLines,
    readTo,
    run,
    script,
    tool,
    until,
    withoutStamps,
)
from tests.machines import ROOT
from tests.pagetexts import blocks

#: The tutorial's path in the repository.
TUTORIAL = "docs/tutorial.rst"

#: The commands of the tutorial that are run here, as it shows them.
LONG_LINE = r"printf '%02000d\n' 0 | nc -N localhost 8002 | grep -o '\[[^]]*\]'"
LONGER_LINE = LONG_LINE.replace("2000", "100000")
TWO_LINES = r"printf 'one\ntwo\n' | nc -N localhost 8002"
ONE_LINE = r"printf 'hello\n' | nc -N localhost 8002"
SLOW_LINE = r"{ printf 'hi\nhel'; sleep 1; printf 'lo\n'; } | nc -N localhost 8002"
NOT_READING = "bash -c 'yes > /dev/tcp/localhost/8002'"
TALK_ON_PIPE = r"printf 'one\ntwo\n' | echostamp talk"

#: Octets of memory: more than a server needs for anything but unread replies.
MUCH = 32 << 20


def scripts() -> dict[str, str]:
    """
    Give the tutorial's scripts by their names.
    """
    found = blocks(TUTORIAL)
    return {each.name: f"{each.text}\n" for each in found if each.name}


def shown(command: str, port: int) -> str:
    """
    Give a command of the tutorial with another port.

    @raise AssertionError: the tutorial does not show it.
    """
    lines = [line.strip() for line in (ROOT / TUTORIAL).read_text("utf-8").splitlines()]
    assert f"$ {command}" in lines, f"the tutorial has no such command: {command}"
    return re.sub(r"\b8002\b", str(port), command)


def shell(case: Owner, command: str) -> subprocess.Popen[bytes]:
    """
    Start a command line.  All of its processes are ended when the test ends.
    """
    paths = (os.path.dirname(script("echostamp")), os.environ.get("PATH", os.defpath))
    process = subprocess.Popen(
        ["sh", "-c", command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "PATH": os.pathsep.join(paths)},
        start_new_session=True,
    )

    def end() -> None:
        # After a wait for the leader, its number may be another process's.
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=DEADLINE)

    case.addCleanup(end)
    return process


def unread(port: int) -> int:
    """
    Count the octets that the connections of a server have for it to read.

    @param port: the port it listens on.
    """
    total = 0
    for table in Path("/proc/net/tcp"), Path("/proc/net/tcp6"):
        rows = table.read_text().splitlines()[1:] if table.exists() else []
        for _, local, _, state, queues, *_ in map(str.split, rows):
            if int(local.rpartition(":")[2], 16) == port and state == "01":
                total += int(queues.partition(":")[2], 16)
    return total


class Script:
    """
    A running script of the tutorial.

    @ivar process: the process; what it prints is collected.
    """

    def __init__(self, case: Owner, name: str, *arguments: str) -> None:
        """
        Start it.  It is ended when the test ends.

        @param name: its name in the tutorial.
        @param arguments: its command line.
        """
        command = (sys.executable, written(case, name), *arguments)
        self._outputPath = Path(case.mktemp())
        with self._outputPath.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                # A shell that starts the tests in the background makes them ignore it.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )
        case.addCleanup(self._end)

    def _end(self) -> None:
        """End it, whatever it does."""
        self.process.kill()
        self.process.communicate(timeout=DEADLINE)

    def output(self) -> bytes:
        """Give what it has printed."""
        return self._outputPath.read_bytes()

    def prints(self, pattern: bytes) -> re.Match[bytes]:
        """
        Wait until all that it has printed matches.
        """

        def printed() -> re.Match[bytes] | None:
            hasEnded = self.process.poll() is not None
            found = re.fullmatch(pattern, self.output(), re.DOTALL)
            assert found or not hasEnded, self.output()
            return found

        found = until(printed)
        assert found
        return found

    def type(self, line: bytes) -> None:
        """
        Give it a line.
        """
        assert self.process.stdin
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()


def written(case: Owner, name: str) -> str:
    """
    Write a script to a folder of its own.

    @return: its path.
    """
    folder = Path(case.mktemp())
    folder.mkdir(parents=True)
    path = folder / name
    path.write_text(scripts()[name], "utf-8")
    return str(path)


class Server(Script):
    """
    A server of the tutorial, on a port that the system picked.

    @ivar port: its TCP port.
    """

    def __init__(self, case: Owner, name: str) -> None:
        """
        Start it, and wait until it listens.

        @param name: its name in the tutorial.
        """
        super().__init__(case, name, "0")
        self.port = int(self.prints(rb"Listening on port (\d+)\n")[1])


class TutorialTests(SynchronousTestCase):
    """
    The tutorial as a text.
    """

    def test_rendersWithoutWarnings(self) -> None:
        """docutils, told to stop at a warning, renders the tutorial."""
        rendered = run(
            sys.executable,
            *("-m", "docutils", "--report=1", "--halt=2", "--syntax-highlight=none"),
            str(ROOT / TUTORIAL),
        )
        self.assertEqual((rendered.returncode, rendered.stderr), (0, b""))

    def test_namesFourScripts(self) -> None:
        """The reader saves two blocking scripts and two on Twisted."""
        self.assertEqual(
            list(scripts()),
            ["server.py", "client.py", "twisted_server.py", "twisted_client.py"],
        )

    def test_scriptsAreShort(self) -> None:
        """A blocking script has at most 25 lines; one on Twisted has 35 of code."""
        for name, text in scripts().items():
            lines = text.splitlines()
            code = [line for line in lines if line]
            if name.startswith("twisted"):
                self.assertLessEqual(len(code), 35, name)
            else:
                self.assertLessEqual(len(lines), 25, name)


class EveryClient(SynchronousTestCase):
    """
    Tests of all clients, which hold for any server.
    """

    def serve(self) -> int:
        """
        Provide a server that serves nobody else.

        @return: its port.
        """
        raise NotImplementedError

    def converse(self, name: str) -> None:
        """
        Type two lines and an empty one to a client of the tutorial.
        """
        client = Script(self, name, "127.0.0.1", str(self.serve()))
        client.prints(b"> ")
        client.type(b"hello")
        client.prints(b"> %shello\n> " % STAMP)
        client.type("schönen Tag".encode())
        client.prints(b"> %shello\n> %s%s\n> " % (STAMP, STAMP, "schönen Tag".encode()))
        client.type(b"")
        self.assertEqual(client.process.wait(DEADLINE), 0)

    def converseOnTerminal(self, command: str, *arguments: str) -> None:
        """
        Type two lines and an empty one to a client on a terminal.
        """
        terminal = pexpect.spawn(
            command,
            list(arguments),
            timeout=DEADLINE,
            env={**os.environ, "TERM": "dumb"},
        )
        terminal.delaybeforesend = None
        self.addCleanup(terminal.close, force=True)
        terminal.expect_exact(b"> ")
        for line in b"hello", b"again":
            terminal.sendline(line)
            terminal.expect(b"^%s\r\n%s%s\r\n> $" % (line, STAMP, line))
        terminal.sendline(b"")
        terminal.expect(pexpect.EOF)
        terminal.wait()
        self.assertEqual(terminal.exitstatus, 0)

    def test_blockingClientIsAnswered(self) -> None:
        """The reader's blocking client shows each line stamped."""
        self.converse("client.py")

    def test_blockingClientIsAnsweredOnTerminal(self) -> None:
        """The reader's blocking client works on a terminal."""
        path = written(self, "client.py")
        port = str(self.serve())
        self.converseOnTerminal(sys.executable, path, "127.0.0.1", port)

    def test_twistedClientIsAnswered(self) -> None:
        """The reader's Twisted client shows each line stamped."""
        self.converse("twisted_client.py")

    def test_twistedClientIsAnsweredOnTerminal(self) -> None:
        """The reader's Twisted client works on a terminal."""
        path = written(self, "twisted_client.py")
        port = str(self.serve())
        self.converseOnTerminal(sys.executable, path, "127.0.0.1", port)

    def test_talkIsAnsweredOnTerminal(self) -> None:
        """C{echostamp talk} shows each line stamped."""
        target = f"127.0.0.1:{self.serve()}"
        self.converseOnTerminal(script("echostamp"), "talk", target)

    def test_talkIsAnsweredOnPipe(self) -> None:
        """C{echostamp talk} gets its line from a pipe back, and succeeds."""
        target = f"127.0.0.1:{self.serve()}"
        talk = run(script("echostamp"), "talk", target, stdin=b"hello\n")
        self.assertEqual((talk.returncode, talk.stderr), (0, b""))
        self.assertEqual(withoutStamps(talk.stdout), b"hello\n")

    def test_ncIsAnswered(self) -> None:
        """The C{nc} that the tutorial shows gets its line back stamped."""
        tool("nc", "netcat-openbsd")
        reply = self.outputOf(ONE_LINE, self.serve())
        self.assertEqual(withoutStamps(reply), b"hello\n")

    def outputOf(self, command: str, port: int) -> bytes:
        """
        Run a command of the tutorial to its end.

        @return: what it printed.
        """
        output, _ = shell(self, shown(command, port)).communicate(timeout=DEADLINE)
        return output

    def stampsOf(self, command: str, port: int) -> int:
        """
        Run a command of the tutorial that shows nothing but stamps.

        @return: how many it showed.
        """
        tool("nc", "netcat-openbsd")
        lines = self.outputOf(command, port).splitlines()
        for line in lines:
            self.assertRegex(line + b" ", b"^%s$" % STAMP)
        return len(lines)

    def flood(self, port: int) -> None:
        """
        Run the client of the tutorial that writes and does not read.
        """
        tool("bash", "bash")
        shell(self, shown(NOT_READING, port))

    def assertOthersAreAnswered(self, port: int) -> None:
        """
        Assert that a new client gets its reply.
        """
        with socket.create_connection(("127.0.0.1", port), DEADLINE) as other:
            other.sendall(b"still there?\n")
            self.assertEqual(withoutStamps(readLines(other, 1)), b"still there?\n")


class BlockingServerTests(EveryClient):
    """
    The server of step 1, and its faults.
    """

    def serve(self) -> int:
        """Start it."""
        return Server(self, "server.py").port

    def test_clientsAreServedInTurn(self) -> None:
        """When a client has ended, the next one is served."""
        port = self.serve()
        self.assertOthersAreAnswered(port)
        self.assertOthersAreAnswered(port)

    def test_serverIsStillThereWhenAClientVanishes(self) -> None:
        """A client that resets its connection does not end the server."""
        server = Server(self, "server.py")
        with socket.create_connection(("127.0.0.1", server.port), DEADLINE) as client:
            client.sendall(b"hello\n")
            client.recv(1)
            # What is closed with input unread is reset.
        server.prints(rb".*\nLost: .*\nDisconnected: .*\n")
        self.assertOthersAreAnswered(server.port)

    def test_secondClientWaits(self) -> None:
        """A client is answered only when the one before it has ended."""
        port = self.serve()
        with socket.create_connection(("127.0.0.1", port), DEADLINE) as first:
            first.sendall(b"first\n")
            readLines(first, 1)
            second = Script(self, "client.py", "127.0.0.1", str(port))
            second.prints(b"> ")
            second.type(b"second")
            until(lambda: unread(port))
            first.sendall(b"again\n")
            self.assertEqual(withoutStamps(readLines(first, 1)), b"again\n")
            self.assertEqual(second.output(), b"> ")
        second.prints(b"> %ssecond\n> " % STAMP)

    def test_longLineIsStampedTwice(self) -> None:
        """A line longer than 1024 octets gets a second stamp in its middle."""
        self.assertEqual(self.stampsOf(LONG_LINE, self.serve()), 2)

    def test_linesSentTogetherGetOneStamp(self) -> None:
        """Two lines in one chunk are one message."""
        tool("nc", "netcat-openbsd")
        reply = self.outputOf(TWO_LINES, self.serve())
        self.assertRegex(reply, b"^%sone\ntwo\n$" % STAMP)

    def test_partsOfALineGetAStampEach(self) -> None:
        """A line that arrives in two parts is two messages."""
        port = self.serve()
        with socket.create_connection(("127.0.0.1", port), DEADLINE) as client:
            client.sendall(b"hel")
            received = readTo(client, b"hel")
            client.sendall(b"lo\n")
            received += readLines(client, 1)
        self.assertRegex(received, b"^%shel%slo\n$" % (STAMP, STAMP))

    def test_clientThatDoesNotReadStopsServer(self) -> None:
        """A client that reads no replies stops the server: Ctrl-C finds it in
        C{sendall}."""
        server = Server(self, "server.py")
        self.flood(server.port)
        pid = server.process.pid
        # A server that sleeps with input unread is not in recv.
        until(lambda: unread(server.port) and isAsleep(pid) and unread(server.port))
        server.process.send_signal(signal.SIGINT)
        server.process.wait(DEADLINE)
        last = server.output().split(b"  File ")[-1]
        self.assertIn(b"client.sendall(", last)
        self.assertIn(b"KeyboardInterrupt", last)


class ManyClients(EveryClient):
    """
    Tests of servers that serve many clients at once.
    """

    def test_secondClientIsAnsweredBesideTheFirst(self) -> None:
        """A client is answered while one that came before it stays."""
        port = self.serve()
        with socket.create_connection(("127.0.0.1", port), DEADLINE) as first:
            for line in b"first\n", b"again\n":
                first.sendall(line)
                self.assertEqual(withoutStamps(readLines(first, 1)), line)
                self.assertOthersAreAnswered(port)

    def test_longLineIsStampedOnce(self) -> None:
        """A line of 2000 octets gets one stamp."""
        self.assertEqual(self.stampsOf(LONG_LINE, self.serve()), 1)


class TwistedServerTests(ManyClients):
    """
    The server of step 5, and the faults that are left.
    """

    #: The server that the tests of one process share.
    shared: ClassVar[Server | None] = None

    def serve(self) -> int:
        """Share it."""
        cls = type(self)
        cls.shared = cls.shared or Server(Lasting(self), "twisted_server.py")
        return cls.shared.port

    def test_longerLineIsCut(self) -> None:
        """A line longer than one read gets a second stamp in its middle."""
        self.assertGreater(self.stampsOf(LONGER_LINE, self.serve()), 1)

    def test_linesSentTogetherGetOneStamp(self) -> None:
        """Two lines in one chunk are still one message."""
        tool("nc", "netcat-openbsd")
        reply = self.outputOf(TWO_LINES, self.serve())
        self.assertRegex(reply, b"^%sone\ntwo\n$" % STAMP)

    def test_clientThatDoesNotReadCostsMemory(self) -> None:
        """Others are answered, but the server keeps unread replies in memory."""
        server = Server(self, "twisted_server.py")
        pid = server.process.pid
        before = memory(pid, "VmRSS")
        self.flood(server.port)
        self.assertOthersAreAnswered(server.port)
        until(lambda: memory(pid, "VmRSS") > before + MUCH)


class EchoStampTests(ManyClients):
    """
    The daemon of step 6 keeps the tutorial's promises.
    """

    def serve(self) -> int:
        """Share it."""
        return Daemon.shared(self).port

    def test_linesSentTogetherGetAStampEach(self) -> None:
        """Each line is a message, also where two come together."""
        tool("nc", "netcat-openbsd")
        reply = self.outputOf(TWO_LINES, self.serve())
        self.assertEqual(withoutStamps(reply), b"one\ntwo\n")

    def test_lineLongerThanTheLimitIsStampedOnce(self) -> None:
        """A line longer than C{--max-length} comes back with one stamp."""
        line = b"x" * 100_000 + b"\n"
        with Daemon.shared(self).connect() as client:
            # Until the first newline a pause would end the message.
            client.sendall(b"short\n")
            client.sendall(line)
            client.shutdown(socket.SHUT_WR)
            self.assertEqual(withoutStamps(readAll(client)), b"short\n" + line)

    def test_partsOfALineGetOneStamp(self) -> None:
        """After the first newline, a pause in a line does not end it."""
        tool("nc", "netcat-openbsd")
        reply = self.outputOf(SLOW_LINE, self.serve())
        self.assertEqual(withoutStamps(reply), b"hi\nhello\n")

    def test_clientThatDoesNotReadIsNotReadFrom(self) -> None:
        """Others are answered, and a client that reads no replies is not read from."""
        daemon = Daemon(self)
        pid = daemon.process.pid
        before = daemon.memory()
        self.flood(daemon.port)
        # A daemon that sleeps with input unread has turned away from it.
        until(lambda: unread(daemon.port) and isAsleep(pid) and unread(daemon.port))
        self.assertOthersAreAnswered(daemon.port)
        self.assertGreater(unread(daemon.port), 0)
        self.assertLess(daemon.memory(), before + MUCH // 4)

    def test_everyReplyGoesOutAtTheEndOfTheInput(self) -> None:
        """After the end of the input every reply comes, and then the end."""
        lines = b"".join(b"%d\n" % number for number in range(1000))
        with Daemon.shared(self).connect() as client:
            client.sendall(lines + b"no newline")
            client.shutdown(socket.SHUT_WR)
            self.assertEqual(withoutStamps(readAll(client)), lines + b"no newline")

    def test_messageWithoutNewlineIsAnsweredAfterThePause(self) -> None:
        """A message without a newline is answered after a tenth of a second."""
        with Daemon.shared(self).connect() as client:
            began = time.monotonic()
            client.sendall(b"hello")
            received = readTo(client, b"hello")
            self.assertGreater(time.monotonic() - began, 0.09)
        self.assertEqual(withoutStamps(received), b"hello")

    def test_pauseOfNothingMakesEachReadAMessage(self) -> None:
        """With C{--pause 0} a message without a newline is answered at once."""
        with Daemon(self, "--port=0", "--pause=0").connect() as client:
            for message in b"one", b"two":
                client.sendall(message)
                received = readTo(client, message)
                self.assertEqual(withoutStamps(received), message)

    def test_talkAnswersAPipe(self) -> None:
        """C{echostamp talk} takes its lines from a program and waits for all."""
        shown(TALK_ON_PIPE, 8002)
        command = f"{TALK_ON_PIPE} localhost:{self.serve()}"
        output, _ = shell(self, command).communicate(timeout=DEADLINE)
        self.assertEqual(withoutStamps(output), b"one\ntwo\n")

    def test_talkShowsTimes(self) -> None:
        """C{echostamp talk --time} shows how long each reply took."""
        target = f"127.0.0.1:{self.serve()}"
        talk = run(script("echostamp"), "talk", "--time", target, stdin=b"hello\n")
        self.assertRegex(talk.stdout, rb"^%shello  \(\d+\.\d{3} ms\)\n$" % STAMP)


# Base classes are no tests.
del EveryClient, ManyClients
