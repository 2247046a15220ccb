"""
Writes HTML and SVG: any text, and elements; a leaf.

All of it is well-formed XML, and means the same in HTML.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import NewType

from echostamp.text import printable

#: Text that is markup already.
Markup = NewType("Markup", str)


def asHtml(text: str) -> Markup:
    """
    Write a text so that HTML shows it, between tags or within a quoted attribute.

    Characters that are not printable are shown as in a Python string: a name can
    neither hide nor reorder what stands around it.
    """
    return Markup(escape(text if text.isprintable() else printable(text)))


def opening(name: str, attributes: Mapping[str, object]) -> Markup:
    """
    Write the beginning of an element.

    @param attributes: its attributes.
    """
    given = [f' {key}="{asHtml(str(value))}"' for key, value in attributes.items()]
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
