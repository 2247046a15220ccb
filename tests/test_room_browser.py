"""Acceptance tests of the page of the conversation, in a real browser beside C{nc}."""

from __future__ import annotations

import signal
from typing import Any

from selenium.webdriver.common.keys import Keys

from tests.browsers import Browser
from tests.contrasts import textContrasts
from tests.harness import Daemon, script, tool, until
from tests.roomvisitors import Program, Room
from tests.websockets import WebRoomCase

#: Whether the end of the conversation is seen.
AT_END = """
const at = document.getElementById("lines");
return at.scrollHeight - at.scrollTop - at.clientHeight < 8
"""

#: Whether the button for newer lines is above the lower edge of the lines.
IS_ON_LINES = """
const bottom = (id) => document.getElementById(id).getBoundingClientRect().bottom;
return bottom("newer") < bottom("lines")
"""


class RoomCase(WebRoomCase):
    """
    A daemon with an intercom and a web site, and its visitors.
    """

    def page(self, name: str = "", **how: Any) -> Room:
        """
        Open the page, and join.

        @param name: the name that is asked for.
        """
        return Room(self, self.web, name, **how)

    def nc(self, name: str) -> Program:
        """Join by C{nc}."""
        nc = tool("nc", "netcat-openbsd")
        client = Program(self, nc, "127.0.0.1", str(self.daemon.port))
        client.type(f"/name {name}\n")
        client.hears(f"/name {name}")
        return client

    def talk(self, name: str) -> Program:
        """Join by C{echostamp talk}."""
        target = f"127.0.0.1:{self.daemon.port}"
        return Program(self, script("echostamp"), "talk", "--name", name, target)


class RoomTests(RoomCase):
    """
    The page of the conversation.
    """

    def test_together(self) -> None:
        """Two pages, C{nc} and C{talk}: each gets the lines of the others by name, and
        its own once, in the same order."""
        self.begin()
        nc = self.nc("carol")
        talk = self.talk("dave")
        nc.hears("* dave joined")
        ann = self.page("ann")
        nc.hears("* ann joined")
        bob = self.page("bob")
        ann.hears("notice", "*", "bob joined")
        ann.type("h\xe4llo \u4f60\u597d\n")
        nc.hears("<ann> h\xe4llo \u4f60\u597d")
        bob.hears("other", "ann", "h\xe4llo \u4f60\u597d")
        nc.type("from a terminal\n")
        for each in ann, bob:
            each.hears("other", "carol", "from a terminal")
        talk.hears("<ann> h\xe4llo \u4f60\u597d")
        talk.type("from talk\n")
        for each in ann, bob:
            each.hears("other", "dave", "from talk")
        # It looks like the line of another, and is not.
        ann.type("<carol> never\n")
        ann.hears("own", "ann", "<carol> never")
        bob.hears("other", "ann", "<carol> never")
        said = [line for line in ann.lines() if line[0] != "notice"]
        self.assertEqual(
            said,
            [
                ("own", "ann", "h\xe4llo \u4f60\u597d"),
                ("other", "carol", "from a terminal"),
                ("other", "dave", "from talk"),
                ("own", "ann", "<carol> never"),
            ],
        )
        for each in ann, bob:
            self.assertEqual(each.browser.complaints(), [])

    def test_name(self) -> None:
        """A name that is in use gets a number, and the page says so."""
        self.begin()
        self.nc("ann")
        page = self.page("ann")
        until(lambda: page.status == "Joined as ann-2")
        self.assertEqual(page.browser.texts("#who"), ["ann-2"])

    def test_commands(self) -> None:
        """The daemon's commands work in the page, which stays away behind /quit."""
        self.begin()
        nc = self.nc("carol")
        page = self.page("ann")
        page.type("/who\n")
        until(lambda: any("ann since" in text for *_, text in page.lines()))
        page.hears("own", "ann", "/who")
        page.type("/name bob\n")
        until(lambda: page.status == "Joined as bob")
        nc.hears("* ann is now bob")
        page.type("/quit\n")
        until(lambda: page.status == "You have left")
        nc.hears("* bob left")

    def test_laterName(self) -> None:
        """A page that has joined without a name knows the one that its first line asks
        for, which no notice tells it."""
        self.begin()
        page = self.page()
        page.type("/name ann\n")
        until(lambda: page.status == "Joined as ann")
        page.type("hello\n")
        page.hears("own", "ann", "hello")

    def test_markup(self) -> None:
        """Everything is text, and a long line stays in its columns."""
        self.begin()
        nc = self.nc("eve")
        page = self.page("ann", width=320, height=600)
        markup = "<img src=x onerror=alert(1)><b>b</b>&amp;"
        nc.type(f"{markup}\n")
        page.hears("other", "eve", markup)
        nc.type(f"{' ' * 300}[09:30:00] <ann> {'x' * 3000}\n")
        until(lambda: len(page.lines()[-1][2]) > 3000)
        browser = page.browser
        self.assertEqual(browser.execute_script("return document.images.length"), 0)
        inside = """
        const text = [...document.querySelectorAll("#lines .text")].pop();
        const time = document.querySelector("#lines .other .time");
        return [document.documentElement.scrollWidth, text.getBoundingClientRect().left
          + text.clientLeft + parseFloat(getComputedStyle(text).paddingLeft)
          - time.getBoundingClientRect().left]
        """
        width, indent = browser.execute_script(inside)
        self.assertEqual(width, 320)
        self.assertGreater(indent, 8)

    def test_restart(self) -> None:
        """When the daemon is restarted the page comes back under its name.  What was
        being typed is still there, and a line that was not answered is shown as such,
        and not sent again."""
        self.begin()
        page = self.page("ann")
        self.daemon.process.send_signal(signal.SIGSTOP)
        page.type("never answered\nhalf a li")
        self.daemon.process.kill()
        self.daemon.process.wait()
        page.hears("lost", "not answered", "never answered")
        until(lambda: "Not connected" in page.status)
        port, web = self.daemon.port, self.web
        self.daemon = Daemon(
            self, f"--port={port}", "--intercom", f"--web=127.0.0.1:{web}"
        )
        until(lambda: page.status == "Joined as ann")
        nc = self.nc("carol")
        page.type("ne\n")
        nc.hears("<ann> half a line")
        page.hears("own", "ann", "half a line")
        kinds = [kind for kind, *_ in page.lines()]
        self.assertEqual(kinds, ["lost", "gap", "notice", "own"])
        page.browser.press("id", "leave")
        # The name and a line.
        until(lambda: "disconnected: 2 messages" in self.daemon.log())

    def test_lateDaemon(self) -> None:
        """A page that cannot connect at first has missed nothing."""
        self.begin()
        page = self.page("ann")
        page.browser.press("id", "leave")
        until(lambda: page.status == "You have left")
        self.assertEqual(self.daemon.stop(), 0)
        page.browser.find_element("id", "name").send_keys("\n")
        until(lambda: "Not connected" in page.status)
        web = f"--web=127.0.0.1:{self.web}"
        self.daemon = Daemon(self, "--port=0", "--intercom", web)
        until(lambda: page.status == "Joined as ann")
        self.assertEqual(page.lines(), [])

    def test_stop(self) -> None:
        """SIGTERM answers what the page has sent, and ends at once: the browser answers
        the Close frame."""
        self.begin("--grace=30")
        page = self.page("ann")
        page.type("the last\n")
        self.assertEqual(self.daemon.stop(), 0)
        page.hears("own", "ann", "the last")
        self.assertNotIn("not drained", self.daemon.log())

    def test_leave(self) -> None:
        """The page leaves at a click, and can join again under another name."""
        self.begin()
        nc = self.nc("carol")
        page = self.page("ann")
        page.browser.press("id", "leave")
        nc.hears("* ann left")
        until(lambda: page.status == "You have left")
        page.join("eve")
        nc.hears("* eve joined")

    def test_scroll(self) -> None:
        """The page stays at the end, unless somebody has scrolled up, and keeps 1,000
        lines."""
        self.begin()
        nc = self.nc("carol")
        page = self.page("ann")
        nc.type("".join(f"line {each}\n" for each in range(1500)))
        page.hears("other", "carol", "line 1499")
        self.assertEqual(len(page.lines()), 1000)
        self.assertTrue(page.browser.execute_script(AT_END))
        page.browser.execute_script("document.getElementById('lines').scrollTop = 300")
        nc.type("one more\n")
        page.hears("other", "carol", "one more")
        self.assertFalse(page.browser.execute_script(AT_END))
        page.browser.press("id", "newer")
        self.assertTrue(page.browser.execute_script(AT_END))

    def test_keyboard(self) -> None:
        """Everything can be done by keys, and the focus is never lost."""
        self.begin()
        nc = self.nc("carol")
        page = self.page("ann")
        browser = page.browser
        nc.type("".join(f"line {each}\n" for each in range(100)))
        page.hears("other", "carol", "line 99")

        def press(*keys: str) -> None:
            browser.switch_to.active_element.send_keys(*keys)

        def focus() -> str | None:
            return browser.switch_to.active_element.get_attribute("id")

        self.assertEqual(focus(), "line")
        press(Keys.SHIFT, Keys.TAB)
        self.assertEqual(focus(), "lines")
        press(Keys.HOME)
        # The browser scrolls in steps.
        top = "return document.getElementById('lines').scrollTop === 0"
        until(lambda: browser.execute_script(top))
        nc.type("one more\n")
        page.hears("other", "carol", "one more")
        press(Keys.TAB)
        self.assertEqual(focus(), "newer")
        press(Keys.ENTER)
        until(lambda: browser.execute_script(AT_END))
        self.assertEqual(focus(), "lines")
        press(Keys.TAB)
        press("hello", Keys.ENTER)
        page.hears("own", "ann", "hello")
        press(Keys.TAB)
        press(Keys.TAB)
        self.assertEqual(focus(), "leave")
        press(Keys.ENTER)
        until(lambda: page.status == "You have left")
        self.assertEqual(focus(), "name")

    def test_phone(self) -> None:
        """The page stays at the end when a phone is turned, or its keyboard comes up.
        The button for newer lines covers nothing that is typed."""
        self.begin()
        nc = self.nc("carol")
        page = self.page("ann")
        nc.type("".join(f"{each} {'long ' * 30}\n" for each in range(50)))
        until(lambda: len(page.lines()) == 50)
        browser = page.browser
        for width, height in (640, 320), (320, 640), (320, 400):
            browser.look(width, height)
            until(lambda: browser.execute_script(AT_END))
        browser.execute_script("document.getElementById('lines').scrollTop = 0")
        nc.type("one more\n")
        page.hears("other", "carol", "one more")
        self.assertTrue(browser.find_element("id", "newer").is_displayed())
        self.assertTrue(browser.execute_script(IS_ON_LINES))

    def test_contrast(self) -> None:
        """Every text can be read, light and dark, with a connection and without."""
        self.begin()
        nc = self.nc("carol")
        page = self.page("ann")
        nc.type("hello\n")
        page.hears("other", "carol", "hello")
        page.type("hi\n")
        page.hears("own", "ann", "hi")
        self.nc("dave")
        page.hears("notice", "*", "dave joined")
        self.daemon.process.send_signal(signal.SIGSTOP)
        page.type("never answered\n")
        self.daemon.process.kill()
        page.hears("lost", "not answered", "never answered")
        until(lambda: "Not connected" in page.status)
        for isDark in False, True:
            page.browser.look(isDark=isDark)
            found = textContrasts(page.browser)
            self.assertGreater(len(found), 15)
            self.assertEqual([each for each in found if each.ratio < each.least], [])

    def test_withoutScripts(self) -> None:
        """Without scripts the page says what to use instead."""
        self.begin()
        browser = Browser(self, hasScripts=False)
        browser.get(f"http://127.0.0.1:{self.web}/room")
        self.assertIn("echostamp talk", browser.texts("noscript")[0])
        forms = browser.find_elements("css selector", "form")
        self.assertEqual([each.is_displayed() for each in forms], [False, False])
