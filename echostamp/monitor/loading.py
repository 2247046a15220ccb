"""
Loads what a monitor may need later.

Modules are usually loaded where they are first needed.  A daemon that has given up the
rights of root may be unable to: Python may be where only root can read it.
"""

from __future__ import annotations

import codecs
from importlib import import_module

#: The modules that peers need, by their targets and settings.
_MODULES = (
    "echostamp.probe.stampsession",
    "echostamp.probe.udpdialer",
    "echostamp.probe.windowedprobes",
    "zoneinfo",
    "idna",
)

#: How names of hosts are encoded before they are looked up.
_CODEC = "idna"


def loadAll() -> None:
    """
    Load the modules of all kinds of peers.
    """
    for each in _MODULES:
        import_module(each)
    codecs.lookup(_CODEC)
