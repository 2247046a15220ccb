"""Tests for L{echostamp.intercom.commands}."""

from __future__ import annotations

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.intercom.commands import (
    LONGEST_ANSWER,
    LONGEST_COMMAND,
    Piece,
    helpNotices,
    pieces,
    whoNotices,
)

#: A stamp of 27 octets, as C{ctime} has it.
STAMP = b"[Mon Dec 14 09:30:00 2015] "

#: Messages that are commands, nearly commands, or anything else.
_MESSAGES = st.one_of(
    st.sampled_from(
        [
            b"/who",
            b"/who\r",
            b"/help",
            b"/quit",
            b"/name x",
            b"/x",
            b"/etc/passwd",
            b"[1] /who",
            b"",
        ]
    ),
    st.binary(max_size=20).map(lambda octets: octets.replace(b"\n", b"")),
)


def found(message: bytes, longest: int = 65_536) -> tuple[bytes, bool]:
    """
    Give the command that a message is, and whether the others get the message.
    """
    [piece] = pieces(b"[1] " + message, 0, longest)
    return piece.command, not piece.hidden


class PieceTests(SynchronousTestCase):
    """
    Commands among replies.
    """

    def test_commands(self) -> None:
        """A whole line is a command, with either end, and is for the daemon only."""
        for command in (
            b"/who",
            b"/help",
            b"/quit",
            b"/name ann",
            b"/name ",
            b"/name a b",
        ):
            for end in b"\n", b"\r\n":
                self.assertEqual(found(command + end), (command, False))

    def test_messages(self) -> None:
        """Everything else is a message, however much it looks like a command."""
        for message in (
            b"/",
            b"//who",
            b"/who ",
            b"/who x",
            b"/who\r\r",
            b"/who\0",
            b"/etc/passwd",
            b"/names x",
            b"/x2",
            b" /who",
            b"x /who",
            b"[1] /who",
        ):
            self.assertEqual(found(message + b"\n"), (b"", True), message)

    def test_unknownWords(self) -> None:
        """A word that is no command is told to the others, and found."""
        for word in b"/whois", b"/WHO", b"/name", b"/x":
            self.assertEqual(found(word + b"\n"), (word, True))

    def test_unterminated(self) -> None:
        """A message without a newline is no command."""
        self.assertEqual(found(b"/who"), (b"", True))

    def test_longest(self) -> None:
        """A command has at most 256 octets with its newline, and is never longer than
        C{--max-length}."""
        longest = b"/name " + b"x" * (LONGEST_COMMAND - 7)
        self.assertEqual(found(longest + b"\n"), (longest, False))
        self.assertEqual(found(longest + b"x\n"), (b"", True))
        self.assertEqual(found(longest + b"\r\n"), (b"", True))
        self.assertEqual(found(b"/who\n", longest=5), (b"/who", False))
        self.assertEqual(found(b"/who\n", longest=4), (b"", True))

    def test_order(self) -> None:
        """Replies are split behind each command."""
        replies = b"[1] a\n[1] /who\n[1] b\n[1] /x\n[1] /help\r\n[1] c"
        self.assertEqual(
            list(pieces(replies, 0, 65_536)),
            [
                Piece(b"[1] a\n[1] /who\n", b"/who", 9),
                Piece(b"[1] b\n[1] /x\n", b"/x", 0),
                Piece(b"[1] /help\r\n", b"/help", 11),
                Piece(b"[1] c"),
            ],
        )

    def test_restOfALongMessage(self) -> None:
        """The rest of a long message is no command, whatever it looks like."""
        rest = b"[1] /who\n"
        self.assertEqual(
            list(pieces(rest + b"[1] /who\n", len(rest), 65_536)),
            [Piece(rest + b"[1] /who\n", b"/who", 9)],
        )
        for replies in rest, b"", b"x":
            self.assertEqual(
                list(pieces(replies, len(replies), 65_536)), [Piece(replies)]
            )

    def test_memory(self) -> None:
        """Replies that have been given are not kept while the next ones wait."""
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        left = pieces(b"[1] %s\n[1] /who\n[1] b\n" % bytes(100_000), 0, 65_536)
        self.assertEqual(next(left).command, b"/who")
        self.assertLess(tracemalloc.get_traced_memory()[0], 50_000)
        self.assertEqual(list(left), [Piece(b"[1] b\n")])
        left = pieces(b"[1] %s\n" % bytes(100_000), 0, 65_536)
        self.assertEqual(next(left).command, b"")
        self.assertLess(tracemalloc.get_traced_memory()[0], 50_000)
        self.assertEqual(list(left), [])

    @given(st.lists(_MESSAGES, min_size=1), st.booleans(), st.integers(1, 300))
    def test_anyMessages(
        self, messages: list[bytes], isEnded: bool, longest: int
    ) -> None:
        """Together the pieces are the replies.  Each command is found as it is alone,
        and is the last message of its piece."""
        lines = [message + b"\n" for message in messages]
        if not isEnded:
            lines[-1] = lines[-1][:-1]
        replies = b"".join(b"[1] " + line for line in lines)
        made = list(pieces(replies, 0, longest))
        self.assertEqual(b"".join(piece.replies for piece in made), replies)
        expected = [found(line, longest) for line in lines]
        self.assertEqual(
            [(piece.command, not piece.hidden) for piece in made if piece.command],
            [each for each in expected if each[0]],
        )
        for piece in made:
            last = piece.replies.removesuffix(b"\n").rpartition(b"\n")[2] + b"\n"
            if piece.hidden:
                self.assertEqual(piece.hidden, len(last))
            if piece.command:
                self.assertEqual(found(last[4:], longest)[0], piece.command)


class AnswerTests(SynchronousTestCase):
    """
    Answers to commands.
    """

    def test_help(self) -> None:
        """There is a notice for each command; a terminal of 80 columns shows it in one
        row."""
        lines = helpNotices(STAMP).splitlines()
        self.assertEqual(
            [line.split()[6].rstrip(b":") for line in lines],
            [b"/who", b"/name", b"/quit", b"/help"],
        )
        for line in lines:
            self.assertTrue(line.startswith(STAMP + b"* /"))
            self.assertLessEqual(len(line), 79)

    def test_who(self) -> None:
        """There is a notice for each member: its name, since when and from where."""
        self.assertEqual(
            whoNotices(
                b"[2] ", [(b"ann", b"[1] ", "local"), (b"bob", b"[x y] ", "h:1")], 2
            ),
            b"[2] * ann since 1 from local\n[2] * bob since x y from h:1\n",
        )

    @given(st.integers(0, 5000), st.integers(1, 46))
    def test_longWho(self, count: int, length: int) -> None:
        """However many members there are, the answer has at most 64 KiB.  It lists all
        that fit, and says how many are left out."""
        people = [(b"x" * length, STAMP, "192.0.2.1:40000")] * count
        answer = whoNotices(STAMP, people, count)
        self.assertLessEqual(len(answer), LONGEST_ANSWER)
        *lines, last = answer.splitlines() or [b""]
        if b" since " in last or not last:
            self.assertEqual(answer.count(b"\n"), count)
        else:
            left = int(last.removeprefix(STAMP + b"* and ").removesuffix(b" more"))
            self.assertEqual(len(lines) + left, count)
            self.assertGreater(len(answer) + 2 * len(lines[0]), LONGEST_ANSWER)
