"""
Scapy's own reading of STAMP's packets.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

from twisted.trial.unittest import SkipTest


def scapyStamp() -> Any:
    """
    Give scapy's STAMP, or skip the test; where everything has to be there, fail.
    """
    try:
        # Its types are of no use here.
        return importlib.import_module("scapy.contrib.stamp")
    except ImportError as error:
        if os.environ.get("ECHOSTAMP_REQUIRE_TOOLS"):
            raise AssertionError(f"the test needs scapy: {error}") from None
        raise SkipTest(f"the extra test is not installed: {error}") from None
