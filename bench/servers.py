"""
Start each contender, on a core of its own.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

BENCH = Path(__file__).parent
HOST = "127.0.0.1"

#: Seconds in which a server must listen.
PATIENCE = 20.0

#: The contenders: EchoStamp first and once more, to see what the ratio of a program to
#: itself is here; then the alternatives, then the fastest possible.
CONTENDERS = {
    "echostamp": "EchoStamp",
    "again": "EchoStamp, again",
    "twisted": "Twisted, transport.write",
    "asyncio": "asyncio",
    "uvloop": "uvloop",
    "threads": "threads",
    "epoll": "epoll loop, Python",
    "c": "epoll loop, C",
}

#: The contenders that support TLS without more code.
WITH_TLS = {"echostamp", "again", "twisted", "asyncio", "uvloop"}

_SCRIPTS = {
    "twisted": "twisted_protocol.py",
    "asyncio": "asyncio_protocol.py",
    "uvloop": "uvloop_protocol.py",
    "threads": "threads.py",
    "epoll": "epoll_python.py",
}


class Servers:
    """
    Makes and starts the servers, with compiled C and a certificate in a folder.

    @ivar load: the compiled C{load.c}.
    @ivar hasTlsLoad: whether it can do TLS.
    """

    def __init__(self, folder: Path, core: int) -> None:
        """
        @param folder: a temporary folder.
        @param core: the number of the core for the servers.
        """
        self._folder = folder
        self._core = core
        self.hasTlsLoad = hasOpenssl()
        withTls = ["-DWITH_TLS", "-lssl", "-lcrypto"] if self.hasTlsLoad else []
        self.load = compiled(BENCH / "load.c", folder, withTls)
        self._epoll = compiled(BENCH / "contenders" / "epoll_c.c", folder)
        self._certificate = folder / "certificate.pem"
        self._key = folder / "key.pem"
        _certify(self._certificate, self._key)

    def _command(self, name: str, port: int, tls: bool) -> list[str]:
        """
        Build the command line of a contender.
        """
        if name in ("echostamp", "again"):
            return self.echostamp(port, tls, self._folder / name)
        if name == "c":
            return [self._epoll, str(port)]
        script = str(BENCH / "contenders" / _SCRIPTS[name])
        files = f"{self._certificate} {self._key}" if tls else ""
        return [sys.executable, script, str(port), *files.split()]

    def echostamp(self, port: int, tls: bool, log: Path) -> list[str]:
        """
        Build the command line of EchoStamp.  More options may follow.
        """
        where = f"{port}:interface={HOST}"
        endpoint = f"tcp:{where}"
        if tls:
            files = f"certKey={self._certificate}:privateKey={self._key}"
            endpoint = f"tls:{where}:{files}"
        twistd = str(Path(sys.executable).with_name("twistd"))
        logged = f"--logfile={log}"
        return [twistd, "-n", "--pidfile=", logged, "echostamp", "-e", endpoint]

    @contextmanager
    def running(self, name: str, tls: bool) -> Iterator[tuple[int, int]]:
        """
        Run a contender while the context lasts.

        @return: its process and its port.
        """
        port = freePort()
        command = self._command(name, port, tls)
        with started(command, port, {self._core}, self._folder) as process:
            yield process, port


def compiled(source: Path, folder: Path, more: Sequence[str] = ()) -> str:
    """
    Compile a program.

    @param more: further arguments of the compiler.
    @return: its path.
    """
    program = str(folder / source.stem)
    options = ["-std=c11", "-O2", "-Wall", "-o", program]
    subprocess.run([_compiler(), *options, source, *more], check=True)
    return program


def hasOpenssl() -> bool:
    """
    Tell whether the compiler finds OpenSSL's headers.
    """
    ran = subprocess.run(
        [_compiler(), "-E", "-x", "c", "-"],
        input=b"#include <openssl/ssl.h>",
        capture_output=True,
    )
    return ran.returncode == 0


def _compiler() -> str:
    """
    Give the name of the C compiler.
    """
    return os.environ.get("CC", "cc")


def freePort() -> int:
    """
    Find a TCP port.
    """
    with socket.create_server((HOST, 0)) as free:
        port: int = free.getsockname()[1]
        return port


@contextmanager
def started(
    command: list[str], port: int, cores: Collection[int], folder: Path
) -> Iterator[int]:
    """
    Run a server while the context lasts.

    @param cores: the numbers of the cores that it may use.
    @param folder: the folder for its output.
    @return: its process.
    @raise SystemExit: it does not listen.
    """
    errors = folder / "errors"
    with errors.open("wb") as sink:
        server = subprocess.Popen(
            command,
            stdout=sink,
            stderr=sink,
            preexec_fn=lambda: os.sched_setaffinity(0, cores),
        )
    try:
        _awaitListening(server, port, errors)
        yield server.pid
    finally:
        server.kill()
        server.wait()


def _awaitListening(server: subprocess.Popen[bytes], port: int, errors: Path) -> None:
    """
    Wait until a server listens.

    @raise SystemExit: it does not listen in time.
    """
    until = time.monotonic() + PATIENCE
    while server.poll() is None and time.monotonic() < until:
        try:
            socket.create_connection((HOST, port)).close()
        except ConnectionRefusedError:
            time.sleep(0.02)
        else:
            return
    raise SystemExit(f"{server.args!r} does not listen:\n{errors.read_text()}")


def _certify(certificate: Path, key: Path) -> None:
    """
    Make a key and its certificate, as PEM files.
    """
    secret = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, secret.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(secret, hashes.SHA256())
    )
    certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    key.write_bytes(
        secret.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
