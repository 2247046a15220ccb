"""The commands and outputs of C{docs/stamp.rst}."""

from __future__ import annotations

from echostamp.rfc8762.keys import parseKeys
from tests.pages import PageCase
from tests.pagetexts import textOf


class StampPage(PageCase):
    """
    The page.
    """

    page = "docs/stamp.rst"
    before = {
        "$ echostamp ping stamp:127.0.0.1:8620 -qv -c 500 -i 10ms --tlv follow-up": [
            "twistd -n echostamp --reflector 8620 --stateful --allow 127.0.0.0/8"
        ]
    }
    notRun = {"# ssid": "a file of keys: test_keys"}

    def test_page(self) -> None:
        """The commands show what the page shows."""
        self.play()

    def test_keys(self) -> None:
        """The file of keys can be read."""
        keys = parseKeys(textOf(self.page, "# ssid"))
        found = {ssid: len(each) for ssid, each in keys.items()}
        self.assertEqual(found, {None: 1, 7: 2})
