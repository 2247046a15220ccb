"""
Writes markup: elements of SVG, and text in them; pure.

What L{element} and L{escaped} write is well-formed XML, and means the same in HTML.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import NewType

#: Text that is markup already.
Markup = NewType("Markup", str)

#: Characters that XML does not allow, not even as references.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def escaped(text: str) -> Markup:
    """
    Write any text, for an element or an attribute.

    Characters that XML does not allow become U+FFFD.
    """
    return Markup(html.escape(_NOT_XML.sub("\ufffd", text)))


def opening(name: str, attributes: Mapping[str, object]) -> Markup:
    """
    Write the beginning of an element.

    @param attributes: its attributes.
    """
    given = [f' {key}="{escaped(str(value))}"' for key, value in attributes.items()]
    return Markup(f"<{name}{''.join(given)}>")


def element(name: str, *content: Markup, **attributes: object) -> Markup:
    """
    Write an element.

    @param name: its name.
    @param content: what is in it.
    @param attributes: its attributes.  C{class_} is C{class}, and other underlines are
        hyphens.
    """
    given = {
        key.rstrip("_").replace("_", "-"): value for key, value in attributes.items()
    }
    return Markup(f"{opening(name, given)}{''.join(content)}</{name}>")
