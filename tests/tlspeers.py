"""TLS peers for the acceptance tests, certificates, and daemons that have them."""

from __future__ import annotations

import atexit
import functools
import re
import shutil
import socket
import ssl
import tempfile
import threading
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from echostamp.test.authority import Authority
from tests.filling import Filler
from tests.harness import DEADLINE, Daemon, run, script, until

#: How an endpoint accepts TLS 1.2.
TLS12 = ":tls12=yes"

#: The versions of TLS that a client may speak.
VERSIONS = (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2)


class Peer:
    """
    A client that decides which records share a segment, and when it reads.  It has
    Python's TLS in memory, beside a plain socket.

    @ivar socket: the TCP connection.
    """

    def __init__(
        self,
        port: int,
        ca: str,
        version: ssl.TLSVersion = VERSIONS[0],
        certificate: str | None = None,
        header: bytes = b"",
        keylog: Path | None = None,
    ) -> None:
        """
        Connect, and do the handshake.

        @param ca: the file of the CA to trust.
        @param version: of TLS.
        @param certificate: the file of the certificate to show.
        @param header: what to send first, in one segment with the handshake.
        @param keylog: a file for the keys, for L{MessageWriter
            <echostamp.test.tlsmessages.MessageWriter>}.
        @raise ConnectionError: the far end has closed the connection.
        """
        context = ssl.create_default_context(cafile=ca)
        context.minimum_version = context.maximum_version = version
        if certificate is not None:
            context.load_cert_chain(certificate)
        if keylog is not None:
            context.keylog_filename = str(keylog)
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
        """The certificate of the far end."""
        return self._tls.getpeercert(True)

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *exception: object) -> None:
        self.socket.close()

    def records(self, data: bytes, isLast: bool = False) -> bytes:
        """
        Encrypt data.

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
        Send data, in as few segments as it fits in.

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
        Decrypt data, up to the far end's close_notify.
        """
        self._in.write(encrypted)
        clear = bytearray()
        try:
            while data := self._tls.read(1 << 16):
                clear += data
        except (ssl.SSLWantReadError, ssl.SSLZeroReturnError):
            pass
        return bytes(clear)

    def filler(self, chunk: bytes, size: int = 1 << 14) -> Filler:
        """
        Give something that sends the same data again and again.

        @param chunk: the data in the clear.
        @param size: the octets of a record.
        """
        pieces = [chunk[start : start + size] for start in range(0, len(chunk), size)]
        return Filler(self.socket, lambda: b"".join(map(self.records, pieces)))

    def readAll(self) -> bytes:
        """
        Read to the end of the connection.
        """
        encrypted = bytearray()
        while data := self.socket.recv(1 << 20):
            encrypted += data
        return self.decrypted(bytes(encrypted))


class Relay:
    """
    Forwards one connection, and keeps what goes over it.

    @ivar port: the port to connect to.
    @ivar taken: the octets of both directions.
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
        Forward one direction to its end.
        """
        try:
            while data := one.recv(1 << 16):
                self.taken += data
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)
        except OSError:
            pass


class Files:
    """
    A CA, a certificate of the server, one of a client, and those of a stranger.

    @ivar folder: where the files are.
    @ivar ca: the CA's certificate, for clients.
    @ivar otherCa: the certificate of another CA, the stranger's.
    @ivar clients: the same, for the daemon, which may be renewed alone.
    @ivar server: the server's key and certificate.
    @ivar ours: those of a client that the CA has signed.
    @ivar strange: those of a client of another CA.
    """

    def __init__(self, folder: Path) -> None:
        """
        Write the files.
        """
        self.folder = folder
        self.authority, self.stranger = Authority(), Authority()
        self.ca = self.write("ca.pem", self.authority.certificate)
        self.otherCa = self.write("other.pem", self.stranger.certificate)
        self.clients = self.write("clients.pem", self.authority.certificate)
        self.server = self.write("server.pem", self.authority.issue("server"))
        self.ours = self.write("ours.pem", self.authority.issue("probe 7"))
        self.strange = self.write("strange.pem", self.stranger.issue())

    def write(self, name: str, content: bytes) -> str:
        """
        Write a file.

        @return: its path.
        """
        path = self.folder / name
        path.write_bytes(content)
        path.chmod(0o600)
        return str(path)

    def endpoint(
        self, kind: str = "tls", clientCA: bool = False, port: str = "0"
    ) -> tuple[str, str]:
        """
        Give the options of a daemon with the server's certificate.  It accepts TLS 1.2.

        @param kind: the kind of endpoint.
        @param clientCA: whether clients need a certificate.
        @param port: the TCP port; 0 to let the system pick one.
        """
        files = f"privateKey={self.server}:certKey={self.server}"
        if clientCA:
            files += f":clientCA={self.clients}"
        return "-e", f"{kind}:{port}:{files}{TLS12}"


@functools.cache
def lastingFiles() -> Files:
    """
    Give the files that the tests of one process share, and none of them changes.
    """
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder)
    return Files(Path(folder))


class TlsCase(SynchronousTestCase):
    """
    Tests with a daemon that has a certificate.

    @ivar files: the files of the daemons; those that tests share unless the test has
        asked for its own.
    """

    def setUp(self) -> None:
        """Use the files that tests share."""
        self.files = lastingFiles()

    def ownFiles(self) -> None:
        """Make files that the test may change."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir(parents=True)
        self.files = Files(folder)

    def shared(
        self, *options: str, kind: str = "tls", clientCA: bool = False
    ) -> Daemon:
        """Share a daemon."""
        return Daemon.shared(self, *self.files.endpoint(kind, clientCA), *options)

    def daemon(
        self,
        *options: str,
        kind: str = "tls",
        clientCA: bool = False,
        env: dict[str, str] | None = None,
    ) -> Daemon:
        """Start a daemon for this test alone."""
        return Daemon(self, *self.files.endpoint(kind, clientCA), *options, env=env)

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

    def visit(
        self, daemon: Daemon, version: ssl.TLSVersion, certificate: str | None
    ) -> None:
        """Send a line, and read its reply."""
        with Peer(daemon.port, self.files.ca, version, certificate) as peer:
            peer.answer(b"a\n")

    def refusals(self, daemon: Daemon, count: int) -> list[str]:
        """Wait for so many refusals in the log, and give their reasons."""

        def found() -> list[str] | None:
            reasons = re.findall(r" refused: (.*)\n", daemon.log())
            return reasons if len(reasons) >= count else None

        return until(found)
