"""Tests for L{echostamp.web.frames}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from echostamp.test.websockets import Reader, Writer
from echostamp.web.frames import FRAMES, Frames


class FramesTests(SynchronousTestCase):
    """
    Tests for L{Frames}.
    """

    def setUp(self) -> None:
        """Make both ends."""
        self.frames, self.writer = Frames(), Writer()

    def test_few(self) -> None:
        """So many frames are taken at once, and the others later."""
        self.frames.feed(self.writer.data("a") * (FRAMES + 2))
        self.assertEqual(
            (self.frames.take(), self.frames.isMore), (b"a" * FRAMES, True)
        )
        self.assertEqual((self.frames.take(), self.frames.isMore), (b"aa", False))

    def test_partOfAFrame(self) -> None:
        """What has come of a frame is taken."""
        wire = self.writer.data("hello")
        self.frames.feed(wire[:-2])
        self.assertEqual(self.frames.take(), b"hel")
        self.frames.feed(wire[-2:])
        self.assertEqual(self.frames.take(), b"lo")

    def test_end(self) -> None:
        """Behind a Close frame nothing is taken or kept."""
        self.frames.feed(self.writer.data("a") + self.writer.close() + b"\xff" * 99)
        self.assertEqual(self.frames.take(), b"a")
        self.frames.feed(b"\xff")
        self.assertEqual((self.frames.take(), self.frames.isMore), (b"", False))
        self.assertEqual((self.frames.hasEnded, self.frames.isWrong), (True, False))

    def test_wrong(self) -> None:
        """Nor is it behind a wrong one."""
        self.frames.feed(self.writer.data("a") + b"\xff\xff" + self.writer.data("b"))
        self.assertEqual(self.frames.take(), b"a")
        self.assertEqual((self.frames.take(), self.frames.isMore), (b"", False))
        self.assertEqual((self.frames.hasEnded, self.frames.isWrong), (True, True))

    def test_ownFrames(self) -> None:
        """A peer reads what is made: messages of any length, the last pong, the end."""
        reader = Reader()
        self.frames.feed(self.writer.ping(b"1") + self.writer.ping(b"2"))
        self.frames.take()
        sizes = 1, 125, 126, 65535, 65536
        wire = b"".join(self.frames.message(b"x" * each) for each in sizes)
        wire += self.frames.pong() + self.frames.pong() + self.frames.close(True)
        reader.read(wire)
        self.assertEqual(reader.octets, b"x" * sum(sizes))
        self.assertEqual((reader.pongs, reader.closed), ([b"2"], (1001, "")))
