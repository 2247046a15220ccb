"""Tests for L{echostamp.web.frame}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from echostamp.web.frame import PAGE_END, pageHead


class FrameTests(SynchronousTestCase):
    """
    Tests for L{pageHead}.
    """

    def test_links(self) -> None:
        """All links are relative: to the page's own folder, or up from it."""
        first = pageHead("x")
        self.assertIn('href="./">Matrix<', first)
        self.assertIn('href="events">Events<', first)
        self.assertIn('src="static/page.js" defer', first)
        deep = pageHead("x", "../../", styles=["plot.css"], scripts=["plot.js"])
        for each in (
            'href="../../">Matrix<',
            'href="../../metrics">Metrics<',
            'href="../../static/plot.css"',
            'src="../../static/plot.js" defer',
        ):
            self.assertIn(each, deep)

    def test_here(self) -> None:
        """The link to the page itself says so."""
        found = pageHead("x", here="Events")
        self.assertEqual(found.count("aria-current"), 1)
        self.assertIn('href="events" aria-current="page">Events<', found)

    def test_room(self) -> None:
        """There is a link to the room where there is one."""
        self.assertNotIn("room", pageHead("x"))
        self.assertIn('href="../room">Room<', pageHead("x", "../", hasRoom=True))

    def test_title(self) -> None:
        """The title is escaped."""
        self.assertIn("<title>&lt;b&gt;&amp;</title>", pageHead("<b>&"))

    def test_whole(self) -> None:
        """What the beginning opens the end closes."""
        found = pageHead("x") + PAGE_END
        for each in "html", "head", "body", "header", "main", "noscript":
            self.assertIn(f"</{each}>", found)

    def test_withoutAScript(self) -> None:
        """Without a script the page is read again."""
        self.assertIn(
            '<noscript><meta http-equiv="refresh" content="10"></noscript>',
            pageHead("x"),
        )
