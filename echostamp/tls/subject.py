"""
The subject of a certificate, as text that is safe to show.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from echostamp.text import printable

#: The longest text that is shown of a certificate's subject, in characters.
LONGEST_SUBJECT = 200

#: The short names of RFC 4514, section 3, by the names that OpenSSL uses.
_SHORT = {
    "commonName": "CN",
    "localityName": "L",
    "stateOrProvinceName": "ST",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "countryName": "C",
    "streetAddress": "STREET",
    "domainComponent": "DC",
    "userId": "UID",
}

#: What section 2.4 escapes: these anywhere, a space or C{#} first, a space last.
_ESCAPED = re.compile(r'[\\"+,;<>]|^[ #]| $')


def subjectText(certificate: Mapping[str, Any]) -> str:
    """
    Write the subject as RFC 4514 says.

    @param certificate: what L{ssl.SSLSocket.getpeercert} gives.
    @return: printable characters, at most L{LONGEST_SUBJECT} of them.
    """
    parts: Iterable[Iterable[tuple[str, str]]] = certificate.get("subject", ())
    # Section 2.1: the last part comes first.
    text = ",".join(
        "+".join(f"{_SHORT.get(name, name)}={_escaped(value)}" for name, value in part)
        for part in reversed(list(parts))
    )
    shown = printable(text)
    if len(shown) > LONGEST_SUBJECT:
        shown = shown[: LONGEST_SUBJECT - 1] + "…"
    return shown


def _escaped(value: str) -> str:
    """
    Escape a value.
    """
    return _ESCAPED.sub(r"\\\g<0>", value)
