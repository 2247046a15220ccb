"""
Scapy's implementation of STAMP, for tests.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

from twisted.trial.unittest import SkipTest


def scapyStamp() -> Any:
    """
    Import scapy's STAMP.  Where it is not installed, skip the test, or fail it if
    C{ECHOSTAMP_REQUIRE_TOOLS} is set.
    """
    try:
        # mypy does not know its types.
        return importlib.import_module("scapy.contrib.stamp")
    except ImportError as error:
        if os.environ.get("ECHOSTAMP_REQUIRE_TOOLS"):
            raise AssertionError(f"the test needs scapy: {error}") from None
        raise SkipTest(f"the extra test is not installed: {error}") from None
