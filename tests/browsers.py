"""
A real browser: Debian's Chromium, driven by selenium.
"""

from __future__ import annotations

import tempfile
from typing import Any

from tests import harness

#: What keeps Chromium on this machine, and without a screen.
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)


def browser(
    owner: harness.Owner, width: int = 1280, height: int = 800, isDark: bool = False
) -> Any:
    """
    Start a browser.  It ends at the end of its owner.

    @param owner: the test.
    @param width: of its window, in pixels; below 600 it is a phone.
    @param height: likewise.
    @param isDark: whether the system's setting is dark.
    @return: a selenium WebDriver.
    """
    chromium = harness.tool("chromium", "chromium")
    driver = harness.tool("chromedriver", "chromium-driver")
    try:
        from selenium import webdriver
    except ImportError:
        harness.lack("selenium, from PyPI")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    owner.addCleanup(profile.cleanup)
    for each in (*_FLAGS, f"--user-data-dir={profile.name}"):
        options.add_argument(each)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(driver)
    found = webdriver.Chrome(options, service)
    owner.addCleanup(found.quit)
    found.set_script_timeout(harness.DEADLINE)
    metrics = {
        "width": width,
        "height": height,
        "deviceScaleFactor": 1,
        "mobile": width < 600,
    }
    found.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if isDark else "light"}
    found.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    return found


def complaints(found: Any) -> list[str]:
    """
    Give what the browser's console says.

    @param found: see L{browser}.
    """
    return [each["message"] for each in found.get_log("browser")]
