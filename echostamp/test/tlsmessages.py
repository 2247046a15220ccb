"""
Post-handshake messages of TLS 1.3 that Python has no call for: RFC 8446, section 4.6.
"""

from __future__ import annotations

import hmac
from pathlib import Path
from struct import pack

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

#: Asks for an answer: section 4.6.3.
KEY_UPDATE = b"\x18\x00\x00\x01\x01"

#: The names of the secrets in a key log.
CLIENT, SERVER = "CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0"

_HANDSHAKE = b"\x16"


class MessageWriter:
    """
    Writes the records of one end, in place of OpenSSL, from the end of its handshake.
    """

    def __init__(self, keylog: Path, name: str) -> None:
        """
        @param keylog: the C{keylog_filename} of the client's context.  The last
            handshake counts; its suite must be TLS_AES_256_GCM_SHA384.
        @param name: L{CLIENT} or L{SERVER}.
        """
        lines = [line.split() for line in keylog.read_text().splitlines()]
        secrets = [line[2] for line in lines if line[0] == name]
        self._use(bytes.fromhex(secrets[-1]))

    def record(self, message: bytes) -> bytes:
        """
        Encrypt a handshake message.  After a key update the next key is used.
        """
        inner = message + _HANDSHAKE
        header = b"\x17\x03\x03" + pack("!H", len(inner) + 16)
        number = self._number.to_bytes(12, "big")
        nonce = bytes(a ^ b for a, b in zip(self._iv, number, strict=True))
        self._number += 1
        written = header + self._cipher.encrypt(nonce, inner, header)
        if message == KEY_UPDATE:
            self._use(self._derived(b"traffic upd", 48))
        return written

    def _use(self, secret: bytes) -> None:
        """
        Make the keys from a secret: section 7.3.
        """
        self._secret = secret
        self._number = 0
        self._cipher = AESGCM(self._derived(b"key", 32))
        self._iv = self._derived(b"iv", 12)

    def _derived(self, label: bytes, length: int) -> bytes:
        """
        Derive a key: HKDF-Expand-Label of section 7.1, for at most one hash.
        """
        label = b"tls13 " + label
        info = pack("!HB", length, len(label)) + label + b"\0\x01"
        return hmac.digest(self._secret, info, "sha384")[:length]
