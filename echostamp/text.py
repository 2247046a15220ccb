"""
Makes text from elsewhere safe to print; a leaf.
"""

from __future__ import annotations

import re

#: What a terminal would obey, beyond ASCII, inside the brackets of a regular
#: expression: C1 controls, line and paragraph separators, and characters that reorder
#: text (marks, embeddings, overrides and isolates).
UNSAFE_BEYOND_ASCII = "\x80-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"

#: What a terminal would obey: C0 controls without tab and newline, DEL, and the above.
UNSAFE = re.compile(f"[\x00-\x08\x0b-\x1f\x7f{UNSAFE_BEYOND_ASCII}]")


def printable(text: str) -> str:
    """
    Make one printable line of any text.

    Characters that are not printable, newlines included, are escaped as in a Python
    string.
    """
    return "".join([each if each.isprintable() else escaped(each) for each in text])


def counted(count: int, one: str, more: str = "") -> str:
    """
    Write how many things there are.

    @param one: the word for one of them.
    @param more: the word for several, if it is not C{one} with an C{s}.
    """
    return f"{count} {one if count == 1 else more or one + 's'}"


def escaped(character: str) -> str:
    """
    Write a character as Python would in a string.
    """
    return character.encode("unicode_escape").decode("ascii")


#: The words in the text of an L{ssl.SSLError}: "[SSL: NO_CATS] no cats (_ssl.c:1006)".
_SSL_WORDS = re.compile(r"(?:\[.*?\] )?(.*?)(?: \(\w+\.c:\d+\))?", re.DOTALL)


def sslText(error: Exception) -> str:
    """
    Give OpenSSL's own words for an error, without the place in Python's source.

    @param error: an L{ssl.SSLError}; of an L{ssl.SSLCertVerificationError} the words
        that say what is wrong with the certificate.
    """
    verified = getattr(error, "verify_message", "")
    if verified:
        return str(verified)
    found = _SSL_WORDS.fullmatch(str(error.args[-1]) if error.args else "")
    return found[1] if found else ""


def sslAlert(error: Exception) -> str:
    """
    Give the alert by which the far end has refused TLS, such as "unknown ca".

    @param error: an L{ssl.SSLError}.
    @return: empty for an error of this end.
    """
    return sslText(error).partition(" alert ")[2]


#: The alerts about a certificate: RFC 8446, section 6.2.
_OF_CERTIFICATE = re.compile(r"certificate|unknown ca|access denied")


def isOfCertificate(alert: str) -> bool:
    """
    Say whether an alert is about our certificate.

    @param alert: see L{sslAlert}.
    """
    return bool(_OF_CERTIFICATE.search(alert))
