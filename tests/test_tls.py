"""TLS: other people's programs, our client, and peers that mean no good."""

from __future__ import annotations

import os
import re
import signal
import socket
import ssl
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from echostamp.test.authority import Authority
from tests.harness import (
    DEADLINE,
    Daemon,
    figure,
    readAll,
    run,
    script,
    tool,
    until,
    withoutStamps,
)

try:
    from echostamp.tls.handshakes import HANDSHAKE_TIMEOUT
    from echostamp.tls.server import CLOSE_GRACE
except ImportError as error:
    skip = f"the extra tls is not installed: {error}"

#: What makes a client speak each version.
VERSIONS = (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2)


class Peer:
    """
    A client that decides which records share a segment, and when it reads: Python's
    TLS in memory, beside a plain socket.

    @ivar socket: the TCP connection.
    """

    def __init__(
        self,
        port: int,
        ca: str,
        version: ssl.TLSVersion = VERSIONS[0],
        certificate: str | None = None,
        header: bytes = b"",
    ) -> None:
        """
        Connect, and do the handshake.

        @param ca: the file of the CA to trust.
        @param version: of TLS.
        @param certificate: the file of the certificate to show.
        @param header: what to send in front, in one segment with the handshake.
        @raise ConnectionError: the far end has closed the connection.
        """
        context = ssl.create_default_context(cafile=ca)
        context.minimum_version = context.maximum_version = version
        if certificate is not None:
            context.load_cert_chain(certificate)
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_hostname="localhost")
        self.socket = socket.create_connection(("127.0.0.1", port), DEADLINE)
        try:
            self._shake(header)
        except BaseException:
            self.socket.close()
            raise

    def _shake(self, header: bytes) -> None:
        """
        Do the handshake.
        """
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self.socket.sendall(header + self._out.read())
                header = b""
                data = self.socket.recv(1 << 16)
                if not data:
                    raise ConnectionError("closed within the handshake") from None
                self._in.write(data)
        self.socket.sendall(self._out.read())

    @property
    def certificate(self) -> bytes | None:
        """The certificate that the far end has shown."""
        return self._tls.getpeercert(True)

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *exception: object) -> None:
        self.socket.close()

    def records(self, data: bytes, isLast: bool = False) -> bytes:
        """
        Encrypt something.

        @param isLast: whether close_notify is to follow.
        """
        encrypted = bytearray()
        for start in range(0, len(data), 1 << 14):
            self._tls.write(data[start : start + (1 << 14)])
            encrypted += self._out.read()
        if isLast:
            try:
                self._tls.unwrap()
            except ssl.SSLWantReadError:
                encrypted += self._out.read()
        return bytes(encrypted)

    def send(self, data: bytes, isLast: bool = False) -> None:
        """
        Send something, in as few segments as it fits in.

        @param isLast: whether close_notify is to follow in the same one.
        """
        self.socket.sendall(self.records(data, isLast))

    def answer(self, data: bytes) -> bytes:
        """
        Send lines, and read the replies.
        """
        self.send(data)
        received = b""
        while received.count(b"\n") < data.count(b"\n"):
            encrypted = self.socket.recv(1 << 16)
            assert encrypted, f"the connection ended after {received!r}"
            received += self.decrypted(encrypted)
        return received

    def decrypted(self, encrypted: bytes) -> bytes:
        """
        Decrypt something, up to the far end's close_notify.
        """
        self._in.write(encrypted)
        clear = bytearray()
        try:
            while data := self._tls.read(1 << 16):
                clear += data
        except (ssl.SSLWantReadError, ssl.SSLZeroReturnError):
            pass
        return bytes(clear)

    def readAll(self) -> bytes:
        """
        Read to the end of the connection.
        """
        encrypted = bytearray()
        while data := self.socket.recv(1 << 20):
            encrypted += data
        return self.decrypted(bytes(encrypted))


def fill(
    peers: list[Peer], chunk: bytes, quiet: float = 0.5
) -> tuple[int, list[bytes]]:
    """
    Send to a daemon until nothing more fits for a while.

    @param chunk: what each peer sends, again and again.
    @param quiet: seconds.
    @return: how many octets were encrypted, and what of that has not been sent, for
        each peer.
    """
    rests = [b""] * len(peers)
    written, last = 0, time.monotonic()
    for peer in peers:
        peer.socket.setblocking(False)
    while time.monotonic() - last < quiet:
        for number, peer in enumerate(peers):
            if not rests[number]:
                rests[number] = peer.records(chunk)
                written += len(chunk)
            try:
                count = peer.socket.send(rests[number])
            except BlockingIOError:
                continue
            rests[number] = rests[number][count:]
            last = time.monotonic()
    return written, rests


class Relay:
    """
    A wire that is listened to.

    @ivar port: where it is connected to.
    @ivar taken: what went over it, in both directions.
    """

    def __init__(self, case: SynchronousTestCase, port: int) -> None:
        """
        @param port: the daemon's.
        """
        self.taken = bytearray()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._far = port
        thread = threading.Thread(target=self._connect)
        thread.start()
        case.addCleanup(thread.join, DEADLINE)
        case.addCleanup(self._server.close)

    def _connect(self) -> None:
        """
        Serve one connection.
        """
        near, _ = self._server.accept()
        far = socket.create_connection(("127.0.0.1", self._far), DEADLINE)
        with near, far:
            back = threading.Thread(target=self._pass, args=(far, near))
            back.start()
            self._pass(near, far)
            back.join(DEADLINE)

    def _pass(self, one: socket.socket, other: socket.socket) -> None:
        """
        Pass on what comes until it ends.
        """
        try:
            while data := one.recv(1 << 16):
                self.taken += data
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)
        except OSError:
            pass


class TlsCase(SynchronousTestCase):
    """
    A daemon with a certificate.
    """

    def setUp(self) -> None:
        """Make a CA, a certificate of the server's and one of a client's."""
        self.authority = Authority()
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir(parents=True)
        self.ca = self.file("ca.pem", self.authority.certificate)
        self.server = self.file("server.pem", self.authority.issue("server"))
        self.ours = self.file("ours.pem", self.authority.issue("probe 7"))
        self.stranger = Authority("Stranger")
        self.strange = self.file("strange.pem", self.stranger.issue())
        self.clients = self.file("clients.pem", self.authority.certificate)

    def file(self, name: str, content: bytes) -> str:
        """Write a file, and give its path."""
        path = self.folder / name
        path.write_bytes(content)
        return str(path)

    def daemon(
        self,
        *options: str,
        clientCA: bool = False,
        kind: str = "tls",
        env: dict[str, str] | None = None,
    ) -> Daemon:
        """Start a daemon."""
        files = f"privateKey={self.server}:certKey={self.server}"
        if clientCA:
            files += f":clientCA={self.clients}"
        return Daemon(self, "-e", f"{kind}:0:{files}", *options, env=env)

    def talk(
        self,
        daemon: Daemon,
        *options: str,
        host: str = "localhost",
        stdin: bytes = b"a\nb\n",
    ) -> tuple[int, bytes, str]:
        """Run our client, and give its status, its output and its errors."""
        done = run(
            script("echostamp"),
            "talk",
            *options,
            f"tls:{host}:{daemon.port}",
            stdin=stdin,
        )
        return done.returncode, done.stdout, done.stderr.decode()


class CounterpartTests(TlsCase):
    """
    Other people's programs get every reply.
    """

    def assertAnswered(self, *command: str, stdin: bytes = b"a\nb\n") -> None:
        """Assert that a program that sends lines and ends gets the replies."""
        done = run(*command, stdin=stdin)
        self.assertEqual(withoutStamps(done.stdout), stdin, done)

    def test_openssl(self) -> None:
        """C{openssl s_client -quiet}, in both versions."""
        daemon = self.daemon()
        for version in "-tls1_3", "-tls1_2":
            with subprocess.Popen(
                [
                    tool("openssl", "openssl"),
                    "s_client",
                    "-quiet",
                    version,
                    "-verify_return_error",
                    "-CAfile",
                    self.ca,
                    "-connect",
                    f"localhost:{daemon.port}",
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            ) as client:
                assert client.stdin
                assert client.stdout
                client.stdin.write(b"a\nb\n")
                client.stdin.flush()
                replies = client.stdout.readline() + client.stdout.readline()
                client.kill()
            self.assertEqual(withoutStamps(replies), b"a\nb\n")

    def test_ncat(self) -> None:
        """C{ncat --ssl}."""
        ncat = tool("ncat", "ncat")
        daemon = self.daemon()
        verify = ["--ssl-verify", f"--ssl-trustfile={self.ca}"]
        self.assertAnswered(ncat, "--ssl", *verify, "localhost", str(daemon.port))

    def test_socat(self) -> None:
        """C{socat}, with and without a certificate."""
        socat = tool("socat", "socat")
        for hasCertificate in False, True:
            daemon = self.daemon(clientCA=hasCertificate)
            options = f"cafile={self.ca}"
            if hasCertificate:
                options += f",cert={self.ours}"
            self.assertAnswered(
                socat, "-", f"OPENSSL:localhost:{daemon.port},{options}"
            )

    def test_programWithoutTls(self) -> None:
        """C{nc} without TLS is refused in one line."""
        daemon = self.daemon()
        run(tool("ncat", "ncat"), "localhost", str(daemon.port), stdin=b"hello\n")
        until(lambda: "refused" in daemon.log())
        self.assertRegex(daemon.log(), r":\d+ refused: wrong version number\n")
        self.assertNotIn(" connected", daemon.log())


class ClientTests(TlsCase):
    """
    Our client.
    """

    def test_verified(self) -> None:
        """It talks to a host whose certificate is right, by name and by address."""
        daemon = self.daemon()
        for host in "localhost", "127.0.0.1", "[::1]":
            status, output, errors = self.talk(daemon, "--ca", self.ca, host=host)
            self.assertEqual((status, errors), (0, ""))
            self.assertEqual(withoutStamps(output), b"a\nb\n")

    def test_systemsAuthorities(self) -> None:
        """Without C{--ca} the system's CAs are trusted."""
        daemon = self.daemon()
        done = subprocess.run(
            [script("echostamp"), "talk", f"tls:localhost:{daemon.port}"],
            input=b"a\n",
            capture_output=True,
            timeout=DEADLINE,
            check=True,
            env={**os.environ, "SSL_CERT_FILE": self.ca},
        )
        self.assertEqual(withoutStamps(done.stdout), b"a\n")

    def test_wrongServers(self) -> None:
        """It talks to no other, and says in one line what is wrong."""
        daemon = self.daemon()
        other = self.file("other.pem", Authority("Other").certificate)
        for host, options, why in [
            ("127.0.0.2", ["--ca", self.ca], "is not for '127.0.0.2'"),
            ("localhost", ["--ca", other], "is of a CA that is not trusted here"),
            ("localhost", [], "is of a CA that is not trusted here"),
        ]:
            status, output, errors = self.talk(daemon, *options, host=host)
            self.assertEqual((status, output, errors.count("\n")), (1, b"", 1), errors)
            self.assertIn(f"tls:{host}:{daemon.port}: its certificate {why}", errors)

    def test_expired(self) -> None:
        """An expired certificate is one that is wrong."""
        self.server = self.file("old.pem", self.authority.issue(begin=-9, end=-2))
        status, output, errors = self.talk(self.daemon(), "--ca", self.ca)
        self.assertEqual((status, output), (1, b""))
        self.assertRegex(
            errors, r"^echostamp: tls:localhost:\d+: its certificate has ex"
        )

    def test_certificate(self) -> None:
        """It shows the certificate of C{--cert}; who is refused after the handshake,
        as TLS 1.3 has it, hears why."""
        daemon = self.daemon(clientCA=True)
        options = ["--ca", self.ca]
        status, output, errors = self.talk(daemon, *options, "--cert", self.ours)
        self.assertEqual((status, errors), (0, ""))
        self.assertEqual(withoutStamps(output), b"a\nb\n")
        for more, why in [
            ([], "certificate required"),
            (["--cert", self.strange], "unknown ca"),
        ]:
            status, output, errors = self.talk(daemon, *options, *more)
            self.assertEqual((status, output), (1, b""))
            self.assertEqual(
                errors,
                f"echostamp: tls:localhost:{daemon.port}: the far end refused our "
                f"certificate ({why}), 2 messages not answered\n",
            )
            status, output, errors = self.talk(daemon, *options, *more, stdin=b"")
            self.assertEqual((status, output), (1, b""))
            self.assertIn(f"refused our certificate ({why})\n", errors)

    def test_wrongCommandLine(self) -> None:
        """Files that cannot be used are one line with status 2, which names them."""
        missing = str(self.folder / "missing")
        for arguments, why in [
            (["tls:localhost:7", "--ca", missing], f"--ca {missing!r}: No such file"),
            (["tls:localhost:7", "--cert", self.ca], "no PEM private key"),
            (["tls:localhost:7", "--key", self.ours], "--key goes with --cert"),
            (["localhost:7", "--ca", self.ca], "--ca and --cert go with tls:"),
        ]:
            done = run(script("echostamp"), "talk", *arguments)
            self.assertEqual((done.returncode, done.stderr.count(b"\n")), (2, 1), done)
            self.assertIn(why, done.stderr.decode())

    def test_tenMegabytes(self) -> None:
        """10 MB: every line, in order."""
        daemon = self.daemon()
        text = b"".join(b"%063d\n" % number for number in range(160_000))
        began = time.monotonic()
        done = run(
            script("echostamp"),
            "talk",
            "--ca",
            self.ca,
            f"tls:localhost:{daemon.port}",
            stdin=text,
        )
        seconds = time.monotonic() - began
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertEqual(withoutStamps(done.stdout), text)
        figure(f"10 MB over TLS by a client that counts: {seconds:.1f} s, every line")

    def test_nothingInTheClear(self) -> None:
        """No octet of a message or a stamp is on the wire as it is."""
        daemon = self.daemon("--format=unix")
        relay = Relay(self, daemon.port)
        text = b"".join(b"secret %d\n" % number for number in range(20_000))
        done = run(
            script("echostamp"),
            "talk",
            "--ca",
            self.ca,
            f"tls:localhost:{relay.port}",
            stdin=text,
        )
        self.assertEqual((done.returncode, done.stdout.count(b"\n")), (0, 20_000))
        stamps = b"[%d" % (time.time() // 100_000)
        self.assertIn(stamps, done.stdout)
        self.assertGreater(len(relay.taken), len(text) + len(done.stdout))
        for clear in b"secret", stamps:
            self.assertNotIn(clear, relay.taken)
        figure(f"TLS: {len(relay.taken)} octets captured, no reply among them")


class HandshakeTests(TlsCase):
    """
    Who is let in.
    """

    def openssl(self, daemon: Daemon, *options: str) -> str:
        """Run C{openssl s_client}, and give what it says."""
        done = run(
            tool("openssl", "openssl"),
            "s_client",
            "-connect",
            f"localhost:{daemon.port}",
            *options,
        )
        return (done.stdout + done.stderr).decode(errors="replace")

    def refusals(self, daemon: Daemon, count: int) -> list[str]:
        """Give the reasons in the log."""
        return until(
            lambda: (
                found
                if len(found := re.findall(r" refused: (.*)", daemon.log())) >= count
                else None
            )
        )

    def test_oldVersionsAndWeakSuites(self) -> None:
        """TLS 1.1 and suites without authenticated encryption are refused."""
        daemon = self.daemon()
        for options in [
            ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
            ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256"],
            ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-SHA"],
        ]:
            self.assertIn("alert", self.openssl(daemon, *options))
        self.assertEqual(
            self.refusals(daemon, 3),
            ["unsupported protocol", "no shared cipher", "no shared cipher"],
        )

    def test_noCompressionNoResumption(self) -> None:
        """There is no compression, no renegotiation, and no session to go on with."""
        daemon = self.daemon()
        said = self.openssl(daemon, "-tls1_2", "-reconnect")
        self.assertEqual(said.count("New, TLSv1.2"), 6, said)
        self.assertNotIn("Reused", said)
        self.assertIn("Compression: NONE", said)
        done = run(
            "bash",
            "-c",
            f"(echo R; sleep 1) | openssl s_client -tls1_2 -connect "
            f"localhost:{daemon.port}",
        )
        self.assertIn(b"no renegotiation", done.stderr)

    def test_clientCertificates(self) -> None:
        """Who has no certificate of the CA is refused, and who has is named."""
        daemon = self.daemon(clientCA=True)
        for version in VERSIONS:
            with Peer(daemon.port, self.ca, version, self.ours) as peer:
                self.assertEqual(withoutStamps(peer.answer(b"a\n")), b"a\n")
            for certificate in None, self.strange:
                self.assertRaises(
                    ssl.SSLError, self.visit, daemon, version, certificate
                )
        self.assertEqual(
            self.refusals(daemon, 4),
            [
                "peer did not return a certificate",
                "certificate verify failed (unable to get issuer cert locally)",
            ]
            * 2,
        )
        self.assertEqual(len(re.findall(r":\d+ is CN=probe 7$", daemon.log(), re.M)), 2)
        # Of who is refused there is no other line.
        self.assertEqual(daemon.log().count(" connected"), 2)
        self.assertNotIn("Traceback", daemon.log())

    def visit(
        self, daemon: Daemon, version: ssl.TLSVersion, certificate: str | None
    ) -> None:
        """Send a line."""
        with Peer(daemon.port, self.ca, version, certificate) as peer:
            peer.answer(b"a\n")

    def test_silence(self) -> None:
        """A handshake that does not come, or comes octet by octet, has its time."""
        daemon = self.daemon()
        with daemon.connect() as silent, daemon.connect() as dripping:
            began = time.monotonic()
            dripping.settimeout(0.2)
            for octet in b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(99):
                try:
                    dripping.send(bytes([octet]))
                    dripping.recv(1)
                    break
                except TimeoutError:
                    pass
                except OSError:
                    break
            seconds = time.monotonic() - began
            self.assertRaises(ConnectionError, silent.recv, 1)
        self.assertGreater(seconds, HANDSHAKE_TIMEOUT - 0.2)
        self.assertLess(seconds, HANDSHAKE_TIMEOUT + 0.5)
        self.assertEqual(
            self.refusals(daemon, 2),
            [f"no TLS handshake within {HANDSHAKE_TIMEOUT:g} s"] * 2,
        )
        figure(
            f"a slow drip instead of a TLS handshake: closed after {seconds:.2f} s "
            f"(limit {HANDSHAKE_TIMEOUT:g} s)"
        )

    def test_tooMany(self) -> None:
        """Who is over the limit is closed at once, and no descriptor is left over."""
        daemon = self.daemon("--max-connections=2")
        descriptors = Path(f"/proc/{daemon.process.pid}/fd")
        # It listens before its reactor runs, which opens a pipe for signals.
        self.visit(daemon, VERSIONS[0], None)
        until(lambda: " disconnected" in daemon.log())
        before = len(list(descriptors.iterdir()))
        together = threading.Barrier(20)

        def connect(number: int) -> Peer | None:
            together.wait(DEADLINE)
            try:
                return Peer(daemon.port, self.ca)
            except ConnectionError:
                return None

        with ExitStack() as stack:
            with ThreadPoolExecutor(20) as clients:
                found = list(clients.map(connect, range(20)))
            served = [stack.enter_context(peer) for peer in found if peer]
            during = len(list(descriptors.iterdir()))
            for peer in served:
                self.assertEqual(withoutStamps(peer.answer(b"a\n")), b"a\n")
        until(lambda: len(list(descriptors.iterdir())) == before)
        figure(
            f"20 TLS clients at once, limit 2: {found.count(None)} closed, "
            f"{during - before} descriptors more, none when the others had left"
        )
        self.assertEqual((found.count(None), during - before), (18, 2))
        self.assertEqual(self.refusals(daemon, 18), ["more than 2 connections"] * 18)
        self.assertNotIn("Traceback", daemon.log())

    def test_renewedCertificate(self) -> None:
        """A renewed certificate is taken on SIGHUP, without dropping a connection; a
        wrong one is not, and one line says why."""
        daemon = self.daemon()
        with Peer(daemon.port, self.ca) as old:
            self.assertEqual(withoutStamps(old.answer(b"a\n")), b"a\n")
            before = self.shown(daemon)
            self.file("server.pem", self.authority.issue("renewed"))
            self.assertEqual(self.shown(daemon), before)
            daemon.process.send_signal(signal.SIGHUP)
            until(lambda: self.shown(daemon) != before)
            renewed = self.shown(daemon)
            self.file("server.pem", b"half a fi")
            daemon.process.send_signal(signal.SIGHUP)
            until(lambda: "server.pem" in daemon.log())
            self.assertEqual(len(re.findall("reloaded", daemon.log())), 2, daemon.log())
            self.assertEqual(self.shown(daemon), renewed)
            self.assertEqual(withoutStamps(old.answer(b"b\n")), b"b\n")
        self.assertNotIn("Traceback", daemon.log())

    def test_renewedAuthority(self) -> None:
        """The CA of the clients is read again on SIGHUP: who has a certificate of the
        old one is refused from then on, who has one of the new one is let in, and
        connections that stand go on."""
        daemon = self.daemon(clientCA=True)
        with Peer(daemon.port, self.ca, certificate=self.ours) as old:
            for version in VERSIONS:
                self.visit(daemon, version, self.ours)
                self.assertRaises(
                    ssl.SSLError, self.visit, daemon, version, self.strange
                )
            self.file("clients.pem", self.stranger.certificate)
            daemon.process.send_signal(signal.SIGHUP)
            until(lambda: "certificates reloaded" in daemon.log())
            for version in VERSIONS:
                self.visit(daemon, version, self.strange)
                self.assertRaises(ssl.SSLError, self.visit, daemon, version, self.ours)
            self.assertEqual(withoutStamps(old.answer(b"b\n")), b"b\n")
        # Why differs: our client sends its CA along where it trusts it itself.
        for reason in (reasons := self.refusals(daemon, 4)):
            self.assertRegex(reason, r"^certificate verify failed \(")
        self.assertEqual(len(reasons), 4)
        self.assertEqual(
            re.findall(r" is (CN=.*)", daemon.log()),
            ["CN=probe 7"] * 3 + ["CN=test"] * 2,
        )

    def test_readyAfterAReloadThatFailed(self) -> None:
        """A reload that failed is over, too: systemd hears READY=1 after each."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
            systemd.settimeout(DEADLINE)
            # The kernel picks a name in its abstract namespace.
            systemd.bind("")
            name = "@" + systemd.getsockname()[1:].decode()

            def hear() -> str:
                return systemd.recv(1000).decode().split("\n")[0]

            daemon = self.daemon(env={"NOTIFY_SOCKET": name})
            self.assertEqual(hear(), "READY=1")
            right = Path(self.server).read_bytes()
            for content, said in [
                (b"half a fi", "not reloaded: "),
                (right, "certificates reloaded"),
            ]:
                self.file("server.pem", content)
                daemon.process.send_signal(signal.SIGHUP)
                self.assertEqual([hear(), hear()], ["RELOADING=1", "READY=1"])
                self.assertIn(said, daemon.log())
            self.visit(daemon, VERSIONS[0], None)

    def test_twistedsOwn(self) -> None:
        """Twisted's C{ssl:} echoes in both versions, and refuses as C{tls:} does: who
        speaks no TLS in one line, who says nothing when its time is over."""
        daemon = self.daemon(kind="ssl")
        with daemon.connect() as silent:
            began = time.monotonic()
            for version in VERSIONS:
                with Peer(daemon.port, self.ca, version) as peer:
                    peer.send(b"a\nb\n", isLast=True)
                    self.assertEqual(withoutStamps(peer.readAll()), b"a\nb\n")
            with daemon.connect() as clear:
                clear.sendall(b"hello\n")
                readAll(clear)
            self.assertRaises(ConnectionError, silent.recv, 1)
            seconds = time.monotonic() - began
        figure(
            f"ssl:, a silent peer: closed after {seconds:.2f} s "
            f"(limit {HANDSHAKE_TIMEOUT:g} s)"
        )
        self.assertLess(abs(seconds - HANDSHAKE_TIMEOUT), 0.5)
        self.assertEqual(
            self.refusals(daemon, 2),
            [
                "wrong version number",
                f"no TLS handshake within {HANDSHAKE_TIMEOUT:g} s",
            ],
        )
        self.assertEqual(daemon.log().count(" connected"), 2)
        self.assertNotIn("Traceback", daemon.log())

    def shown(self, daemon: Daemon) -> str:
        """Give the certificate that a daemon shows now."""
        return ssl.get_server_certificate(("127.0.0.1", daemon.port), timeout=DEADLINE)

    def test_wrongDescriptions(self) -> None:
        """A daemon that cannot have its files does not start, and one line says why."""
        missing = self.folder / "missing"
        for description, why in [
            (f"tls:0:privateKey={missing}:certKey={self.server}", "missing': No such"),
            (f"tls:0:privateKey={self.server}", "certKey=FILE is missing"),
            (f"tls:0:privateKey={self.ours}:certKey={self.server}", "not the key of"),
            (f"tls:x:privateKey={self.server}:certKey={self.server}", "'x' is not a"),
        ]:
            done = run(
                script("twistd"), "-n", "--pidfile=", "echostamp", "-e", description
            )
            self.assertNotEqual(done.returncode, 0)
            said = (done.stdout + done.stderr).decode()
            self.assertEqual(said.count("\n"), 1, said)
            self.assertIn(why, said)


class ProxiedTests(TlsCase):
    """
    TLS behind a proxy: the PROXY header stands in front of the handshake.
    """

    def behindProxy(self, *options: str, clientCA: bool = False) -> Daemon:
        """Start a daemon."""
        return self.daemon(
            "--proxy-from=127.0.0.0/8", *options, kind="proxy:tls", clientCA=clientCA
        )

    def client(self, daemon: Daemon, host: int, certificate: str | None = None) -> Peer:
        """Connect as a proxy does for a client, C{192.0.2.HOST:4711}."""
        return Peer(daemon.port, self.ca, certificate=certificate, header=header(host))

    def test_client(self) -> None:
        """The log has the client's address, of whoever is let in and of whoever is
        not; and the name in the certificate stands beside it."""
        daemon = self.behindProxy(clientCA=True)
        with self.client(daemon, 7, self.ours) as peer:
            self.assertEqual(withoutStamps(peer.answer(b"a\n")), b"a\n")
        with daemon.connect() as clear:
            clear.sendall(header(8) + b"hello\n")
            readAll(clear)
        until(lambda: " disconnected" in daemon.log() and " refused" in daemon.log())
        for line in [
            "192.0.2.7:4711 is CN=probe 7",
            "192.0.2.7:4711 connected",
            "192.0.2.7:4711 disconnected: 1 messages, 2 bytes",
            "192.0.2.8:4711 refused: wrong version number",
        ]:
            self.assertIn(f" {line}", daemon.log())
        self.assertNotIn(" 127.0.0.1", daemon.log())

    def test_hostsAreTheClients(self) -> None:
        """C{--max-per-host} counts clients, not the proxy."""
        daemon = self.behindProxy("--max-per-host=1")
        with self.client(daemon, 7) as one, self.client(daemon, 8) as two:
            self.assertRaises(ConnectionError, self.client, daemon, 7)
            for peer in one, two:
                self.assertEqual(withoutStamps(peer.answer(b"a\n")), b"a\n")
        until(lambda: " refused" in daemon.log())
        self.assertIn(
            " 192.0.2.7:4711 refused: more than 1 connections of 192.0.2.7\n",
            daemon.log(),
        )

    def test_renewedCertificate(self) -> None:
        """A renewed certificate is taken on SIGHUP here too."""
        daemon = self.behindProxy()
        with self.client(daemon, 7) as old:
            self.file("server.pem", self.authority.issue("renewed"))
            daemon.process.send_signal(signal.SIGHUP)
            until(lambda: "reloaded" in daemon.log())
            with self.client(daemon, 8) as new:
                self.assertNotEqual(new.certificate, old.certificate)
            self.assertEqual(withoutStamps(old.answer(b"a\n")), b"a\n")


def header(host: int) -> bytes:
    """
    Make the header of a proxy's, for the client C{192.0.2.HOST:4711}.
    """
    return b"PROXY TCP4 192.0.2.%d 192.0.2.1 4711 8002\r\n" % host


class ClosingTests(TlsCase):
    """
    Nothing is lost when a connection ends.
    """

    def test_closeNotifyBehindTheLines(self) -> None:
        """50 times two lines and a close_notify in one segment: all are answered."""
        daemon = self.daemon()
        for version in VERSIONS:
            for hasFin in False, True:
                answered = 0
                for _ in range(50):
                    with Peer(daemon.port, self.ca, version) as peer:
                        peer.send(b"a\nb\n", isLast=True)
                        if hasFin:
                            peer.socket.shutdown(socket.SHUT_WR)
                        answered += withoutStamps(peer.readAll()) == b"a\nb\n"
                fin = " and FIN" if hasFin else ""
                figure(
                    f"{version.name}: two lines, close_notify{fin} in one segment: "
                    f"{answered} of 50 answered"
                )
                self.assertEqual(answered, 50)

    def test_tenMegabytesBeforeCloseNotify(self) -> None:
        """10 MB and a close_notify, while replies are in flight, to a peer that reads
        nothing at first: every line."""
        daemon = self.daemon()
        text = b"".join(b"%063d\n" % number for number in range(160_000))
        for version in VERSIONS:
            with Peer(daemon.port, self.ca, version) as peer:
                data = peer.records(text, isLast=True)
                sender = threading.Thread(target=peer.socket.sendall, args=(data,))
                sender.start()
                # Longer than the time it has to close: that is not counted yet.
                time.sleep(CLOSE_GRACE + 1)
                self.assertTrue(sender.is_alive())
                answered = withoutStamps(peer.readAll())
                sender.join(DEADLINE)
            self.assertEqual(answered, text)
            figure(
                f"{version.name}: 10 MB and close_notify by a peer that reads late: "
                f"{answered.count(10)} of 160000 lines"
            )

    def test_peerThatNeverCloses(self) -> None:
        """A peer that does not close its side has a second."""
        daemon = self.daemon("--idle-timeout=1")
        with Peer(daemon.port, self.ca) as peer:
            peer.answer(b"a\n")
            self.assertEqual(peer.readAll(), b"")
            began = time.monotonic()
            until(lambda: " disconnected" in daemon.log())
            seconds = time.monotonic() - began
        self.assertLess(seconds, CLOSE_GRACE + 0.5)
        figure(f"a peer that does not answer close_notify: gone after {seconds:.2f} s")

    def test_drained(self) -> None:
        """SIGTERM after a peer has sent all that fits and read nothing; then it reads:
        every line is answered, and the daemon ends in time."""
        daemon = self.daemon("--grace=5")
        with Peer(daemon.port, self.ca) as peer:
            chunk = b"".join(b"%063d\n" % number for number in range(256))
            written, rest = fill([peer], chunk)
            peer.socket.settimeout(DEADLINE)
            began = time.monotonic()
            daemon.process.send_signal(signal.SIGTERM)
            until(lambda: "SIGTERM" in daemon.log())
            sender = threading.Thread(target=peer.socket.sendall, args=(rest[0],))
            sender.start()
            answered = withoutStamps(peer.readAll())
            sender.join(DEADLINE)
            status = daemon.process.wait(DEADLINE)
            seconds = time.monotonic() - began
        self.assertEqual(answered, chunk * (written // len(chunk)))
        self.assertEqual(status, 0)
        self.assertLess(seconds, 6)
        figure(
            f"TLS: SIGTERM with {written} octets of one peer unread: all answered, "
            f"ended after {seconds:.1f} s"
        )

    def test_memoryIsBounded(self) -> None:
        """Peers that send and do not read make the daemon hold little."""
        count = 50
        for name, chunk in [
            ("lines", b"%063d\n" % 7 * 256),
            ("bare newlines", b"\n" * (1 << 14)),
            ("one line without an end", b"x" * (1 << 14)),
        ]:
            daemon = self.daemon()
            with ExitStack() as stack:
                peers = [
                    stack.enter_context(Peer(daemon.port, self.ca))
                    for _ in range(count)
                ]
                before = daemon.memory()
                written, _ = fill(peers, chunk, 1)
                each = (daemon.memory() - before) / count / 1024
            figure(
                f"TLS, {count} peers that do not read, {name}: "
                f"{written // count} octets sent by each, {each:.0f} KiB held for each"
            )
            self.assertLess(each, 256)
            daemon.stop()
