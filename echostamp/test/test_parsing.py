"""Tests for L{echostamp.intercom.parsing}."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.intercom import parsing
from echostamp.intercom.parsing import IntercomParser, Origin

OWN, OTHER, NOTICE = Origin.OWN, Origin.OTHER, Origin.NOTICE

#: Messages that look like another member's line, or nearly so, or not at all.
_MESSAGES = st.sampled_from(
    [b"hello", b"", b"<b> hi", b"* b joined", b"<b>", b"*", b"< b> hi", b"<b> h"]
)


class IntercomParserTests(SynchronousTestCase):
    """
    The origin of each piece of the stream.
    """

    def setUp(self) -> None:
        """Begin a stream."""
        self.parser = IntercomParser()

    def feed(self, *reads: bytes) -> list[tuple[Origin, bytes]]:
        """Parse these reads, and give the pieces with their origins."""
        return [piece for read in reads for piece in self.parser.feed(read)]

    def unanswered(self) -> int:
        """Give how many messages are unanswered."""
        return self.parser.replies.unanswered

    def test_origins(self) -> None:
        """Own replies, lines of others and notices are separated; replies count."""
        self.parser.sent(b"mine\n")
        self.assertEqual(
            self.feed(b"[1] * b joined\n[1] <b> hi\n[1] mine\n[2] <b> again\n"),
            [
                (NOTICE, b"[1] * b joined\n"),
                (OTHER, b"[1] <b> hi\n"),
                (OWN, b"[1] mine\n"),
                (OTHER, b"[2] <b> again\n"),
            ],
        )
        self.assertEqual(self.unanswered(), 0)

    def test_othersAnswerNothing(self) -> None:
        """Lines of other members answer no message, however many there are."""
        self.parser.sent(b"mine\n")
        self.feed(b"[1] <b> hi\n" * 10)
        self.assertEqual(self.unanswered(), 1)

    def test_countedWhenGiven(self) -> None:
        """When a piece is given, it has been counted, and the next one has not."""
        self.parser.sent(b"a\nb\n")
        counts = [
            self.unanswered()
            for piece in self.parser.feed(b"[1] a\n[1] <b> hi\n[1] b\n")
        ]
        self.assertEqual(counts, [1, 1, 0])

    def test_lookalike(self) -> None:
        """The reply to an own message is own, whatever it looks like."""
        self.parser.sent(b"x\n<b> hi\n* b joined\n")
        self.assertEqual(
            self.feed(b"[1] <b> hi\n[1] x\n[1] <b> hi\n[1] <b> hi\n[1] * b joined\n"),
            [
                (OTHER, b"[1] <b> hi\n"),
                (OWN, b"[1] x\n"),
                (OWN, b"[1] <b> hi\n"),
                (OTHER, b"[1] <b> hi\n"),
                (OWN, b"[1] * b joined\n"),
            ],
        )
        self.assertEqual(self.unanswered(), 0)

    def test_ownInTwoWrites(self) -> None:
        """A message that is sent in several writes is recognised by all of it."""
        self.parser.sent(b"<b")
        self.parser.sent(b"> h")
        self.parser.sent(b"i\n")
        self.assertEqual(
            self.feed(b"[1] <b> h\n[1] <b> hi\n"),
            [(OTHER, b"[1] <b> h\n"), (OWN, b"[1] <b> hi\n")],
        )

    def test_long(self) -> None:
        """A long message is recognised by its beginning; other lines may be long."""
        long = b"<b> " + b"x" * 1000
        self.parser.sent(long)
        self.parser.sent(b"x\n")
        other = b"[1] <c> " + b"y" * 1000 + b"\n"
        mine = b"[1] " + long + b"x\n"
        self.assertEqual(
            self.feed(other[:500], other[500:] + mine[:300], mine[300:]),
            [
                (OTHER, other[:500]),
                (OTHER, other[500:]),
                (OWN, mine[:300]),
                (OWN, mine[300:]),
            ],
        )
        self.assertEqual(self.unanswered(), 0)

    def test_unterminated(self) -> None:
        """An unterminated message is answered by itself, whatever it looks like."""
        for own in b"<b", b"<b> hi", b"*", b"* b joined", b"[1", b"abc":
            parser = IntercomParser()
            parser.sent(own)
            self.assertEqual(
                list(parser.feed(b"[1] " + own)), [(OWN, b"[1] " + own)], own
            )
            self.assertEqual(parser.replies.unanswered, 0)

    def test_unstamped(self) -> None:
        """A reply without a stamp is own."""
        self.parser.sent(b"[hello")
        self.assertEqual(self.feed(b"[hello"), [(OWN, b"[hello")])
        self.assertEqual(self.unanswered(), 0)

    def test_newlineForOthers(self) -> None:
        """A newline between an unterminated reply and another member's line answers no
        message, wherever the reads are cut."""
        stream = b"[1] a\n[1] abc\n[2] <b> hi\n"
        for cut in range(len(stream)):
            self.parser = IntercomParser()
            self.parser.sent(b"a\nabc")
            pieces = self.feed(stream[:cut], stream[cut:])
            self.assertEqual(b"".join(piece for _, piece in pieces), stream)
            self.assertEqual(self.unanswered(), 0, stream[:cut])
            self.parser.sent(b"def\n")
            self.assertEqual(self.unanswered(), 1)

    def test_rest(self) -> None:
        """Data that was held until more arrives is given at the end, as own."""
        self.parser.sent(b"<c\n")
        self.assertEqual(self.feed(b"[1] <c"), [])
        self.assertEqual(self.parser.rest(), b"[1] <c")
        self.assertEqual(self.parser.rest(), b"")

    def test_manyLookalikes(self) -> None:
        """Not all of them are remembered.  A line that may be own counts as own."""
        self.patch(parsing, "_MOST", 1000)
        self.parser.sent(b"<b> hi\n" * 3000)
        pieces = self.feed(b"[1] <c> hi\n", b"[1] <b> hi\n" * 2999)
        self.assertEqual(pieces[0], (OTHER, b"[1] <c> hi\n"))
        self.assertEqual({origin for origin, _ in pieces[1:]}, {OWN})
        self.assertEqual(self.unanswered(), 1)
        self.feed(b"[1] <b> hi\n")
        self.assertEqual(self.unanswered(), 0)
        self.assertEqual(self.feed(b"[1] <b> hi\n"), [(OTHER, b"[1] <b> hi\n")])

    def test_lineBeforeManyLookalikes(self) -> None:
        """Before the first one that is not remembered, every line has its origin."""
        self.patch(parsing, "_MOST", 1000)
        self.parser.sent(b"/name me\n" + b"<b> hi\n" * 3000)
        lines = [b"[1] <c> hi\n", b"[1] /name me\n", b"[1] <c> hi\n"]
        self.assertEqual(
            self.feed(b"".join(lines)),
            list(zip((OTHER, OWN, OTHER), lines, strict=True)),
        )

    def test_manyLookalikesLater(self) -> None:
        """Lines of others count as such before the reply to the first message that is
        not remembered, however many were sent after it."""
        self.parser.sent(b"mine\n" + b"<b> hi\n" * 3000 + b"last\n")
        self.assertEqual(
            self.feed(b"[1] <c> hi\n[1] mine\n"),
            [(OTHER, b"[1] <c> hi\n"), (OWN, b"[1] mine\n")],
        )
        self.feed(b"[1] <b> hi\n" * 3000)
        self.assertEqual(self.unanswered(), 1)
        self.assertEqual(self.feed(b"[1] <c> hi\n"), [(OTHER, b"[1] <c> hi\n")])

    @given(
        st.lists(
            st.one_of(
                st.tuples(st.just(OWN), _MESSAGES),
                st.tuples(st.just(OTHER), _MESSAGES),
                st.tuples(st.just(NOTICE), st.just(b"c joined")),
            ),
            max_size=12,
        ),
        st.data(),
    )
    def test_cutAnywhere(
        self, sent: list[tuple[Origin, bytes]], data: st.DataObject
    ) -> None:
        """However the stream is cut into reads, each octet has its origin, and all own
        messages are answered in the end."""
        heads = {OWN: b"[1] ", OTHER: b"[1] <a> ", NOTICE: b"[1] * "}
        lines = [(origin, heads[origin] + message + b"\n") for origin, message in sent]
        stream = b"".join(line for _, line in lines)
        cuts = sorted(
            data.draw(st.sets(st.integers(0, len(stream)), max_size=len(stream)))
        )
        parser = IntercomParser()
        for origin, message in sent:
            if origin is OWN:
                parser.sent(message + b"\n")
        pieces: list[tuple[Origin, int]] = []
        whole = b""
        for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
            for origin, piece in parser.feed(stream[begin:end]):
                pieces += [(origin, octet) for octet in piece]
        whole = bytes(octet for _, octet in pieces) + parser.rest()
        self.assertEqual(whole, stream)
        self.assertEqual(
            pieces, [(origin, octet) for origin, line in lines for octet in line]
        )
        self.assertEqual(parser.replies.unanswered, 0)
