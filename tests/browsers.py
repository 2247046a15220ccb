"""
A real browser: Debian's Chromium, driven by selenium.
"""

from __future__ import annotations

import tempfile
from base64 import b64decode
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import WebDriverException

from tests import harness
from tests.forging import inside

#: What keeps Chromium on this machine, without a screen, and ends it with its driver.
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
    "--remote-debugging-pipe",
)

#: A preference of Chromium that switches scripts off.
_NO_SCRIPTS = {"profile.managed_default_content_settings.javascript": 2}

_TEXTS = """
const found = document.querySelectorAll(arguments[0]);
return Array.from(found, each => each.innerText.trim());
"""


class Browser(webdriver.Chrome):
    """
    A browser without a window, which ends with its owner.
    """

    def __init__(
        self,
        owner: harness.Owner,
        namespace: tuple[str, ...] = (),
        hasScripts: bool = True,
    ) -> None:
        """
        Start it.  It is light, and as wide as a small laptop.

        @param owner: the test.
        @param namespace: the beginning of a command line that runs something in the
            network namespace in which the browser is; empty for that of the tests.
        @param hasScripts: whether pages may run scripts.
        """
        self._namespace = namespace
        chromium = harness.tool("chromium", "chromium")
        driver = harness.tool("chromedriver", "chromium-driver")
        options = webdriver.ChromeOptions()
        options.binary_location = chromium
        profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        owner.addCleanup(profile.cleanup)
        for each in (*_FLAGS, f"--user-data-dir={profile.name}"):
            options.add_argument(each)
        if not hasScripts:
            options.add_experimental_option("prefs", _NO_SCRIPTS)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        # The certificates of the tests are of no known authority.
        options.accept_insecure_certs = True
        service = webdriver.ChromeService(
            driver, popen_kw={"preexec_fn": harness.endWithParent}
        )
        with self._inside():
            super().__init__(options, service)
        owner.addCleanup(self.quit)
        self.set_script_timeout(harness.DEADLINE)
        self.look()

    def _inside(self) -> AbstractContextManager[None]:
        """
        Make connections where the browser is.
        """
        return inside(self._namespace) if self._namespace else nullcontext()

    def execute(self, driver_command: Any, params: Any = None) -> Any:
        """Run a command of the driver."""
        with self._inside():
            return super().execute(driver_command, params)

    def quit(self) -> None:
        """End the browser and its driver."""
        with self._inside():
            super().quit()

    def look(self, width: int = 1280, height: int = 800, isDark: bool = False) -> None:
        """
        Set what the system and its screen are like.

        @param width: of the window, in pixels; below 600 it is a phone.
        @param height: likewise.
        @param isDark: whether the system's setting is dark.
        """
        metrics = {
            "width": width,
            "height": height,
            "deviceScaleFactor": 1,
            "mobile": width < 600,
        }
        self.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        scheme = "dark" if isDark else "light"
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def texts(self, selector: str) -> list[str]:
        """
        Give what elements say, all at one moment: a page may renew itself between two
        commands.

        @param selector: of CSS.
        """
        found: list[str] = self.execute_script(_TEXTS, selector)
        return found

    def press(self, by: str, value: str) -> None:
        """
        Click on an element, also where the page puts a new one in its place meanwhile.

        @param by: how to find it: one of selenium's C{By}.
        @param value: what to find.
        """
        harness.until(lambda: self._isPressed(by, value))

    def _isPressed(self, by: str, value: str) -> bool:
        """
        Click on an element, unless it is not there while the page loads again.
        """
        try:
            self.find_element(by, value).click()
        except WebDriverException:
            return False
        return True

    def complaints(self) -> list[str]:
        """
        Give what the console says that was not asked for before.
        """
        return [each["message"] for each in self.get_log("browser")]

    def picture(self) -> bytes:
        """
        Give what is seen, as a PNG file.
        """
        found = self.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
        return b64decode(found["data"])
