"""Tests for L{echostamp.intercom.parsing}."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.intercom.parsing import Hearing, Voice

OWN, OTHER, NOTICE = Voice.OWN, Voice.OTHER, Voice.NOTICE

#: What people say that looks like somebody else's line, and what does not.
_MESSAGES = st.sampled_from(
    [b"hello", b"", b"<b> hi", b"* b joined", b"<b>", b"*", b"< b> hi", b"<b> h"]
)


class HearingTests(SynchronousTestCase):
    """
    Who said what came back.
    """

    def setUp(self) -> None:
        """Begin a connection."""
        self.hearing = Hearing()

    def heard(self, *reads: bytes) -> list[tuple[Voice, bytes]]:
        """Hear something, and give what of it is whose."""
        return [piece for read in reads for piece in self.hearing.heard(read)]

    def unanswered(self) -> int:
        """Say how many messages are owed."""
        return self.hearing.replies.unanswered

    def test_three(self) -> None:
        """Replies, what others say, and notices are told apart; replies count."""
        self.hearing.sent(b"mine\n")
        self.assertEqual(
            self.heard(b"[1] * b joined\n[1] <b> hi\n[1] mine\n[2] <b> again\n"),
            [
                (NOTICE, b"[1] * b joined\n"),
                (OTHER, b"[1] <b> hi\n"),
                (OWN, b"[1] mine\n"),
                (OTHER, b"[2] <b> again\n"),
            ],
        )
        self.assertEqual(self.unanswered(), 0)

    def test_othersAnswerNothing(self) -> None:
        """However much the others say, our message is still to be answered."""
        self.hearing.sent(b"mine\n")
        self.heard(b"[1] <b> hi\n" * 10)
        self.assertEqual(self.unanswered(), 1)

    def test_countedWhenGiven(self) -> None:
        """A piece has been counted when it is given, the next one not."""
        self.hearing.sent(b"a\nb\n")
        counts = [
            self.unanswered()
            for piece in self.hearing.heard(b"[1] a\n[1] <b> hi\n[1] b\n")
        ]
        self.assertEqual(counts, [1, 1, 0])

    def test_ownThatLooksLikeOthers(self) -> None:
        """What we have said ourselves is ours, whatever it looks like."""
        self.hearing.sent(b"x\n<b> hi\n* b joined\n")
        self.assertEqual(
            self.heard(b"[1] <b> hi\n[1] x\n[1] <b> hi\n[1] <b> hi\n[1] * b joined\n"),
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
        """A message may leave in pieces, and is known by all of it."""
        self.hearing.sent(b"<b")
        self.hearing.sent(b"> h")
        self.hearing.sent(b"i\n")
        self.assertEqual(
            self.heard(b"[1] <b> h\n[1] <b> hi\n"),
            [(OTHER, b"[1] <b> h\n"), (OWN, b"[1] <b> hi\n")],
        )

    def test_long(self) -> None:
        """A long message is known by its beginning, a line of others is long, too."""
        long = b"<b> " + b"x" * 1000
        self.hearing.sent(long)
        self.hearing.sent(b"x\n")
        other = b"[1] <c> " + b"y" * 1000 + b"\n"
        mine = b"[1] " + long + b"x\n"
        self.assertEqual(
            self.heard(other[:500], other[500:] + mine[:300], mine[300:]),
            [
                (OTHER, other[:500]),
                (OTHER, other[500:]),
                (OWN, mine[:300]),
                (OWN, mine[300:]),
            ],
        )
        self.assertEqual(self.unanswered(), 0)

    def test_unterminated(self) -> None:
        """A message without a newline is answered by itself, whatever it looks like."""
        for own in b"<b", b"<b> hi", b"*", b"* b joined", b"[1", b"abc":
            hearing = Hearing()
            hearing.sent(own)
            self.assertEqual(
                list(hearing.heard(b"[1] " + own)), [(OWN, b"[1] " + own)], own
            )
            self.assertEqual(hearing.replies.unanswered, 0)

    def test_unstamped(self) -> None:
        """An echo without stamps is ours."""
        self.hearing.sent(b"[hello")
        self.assertEqual(self.heard(b"[hello"), [(OWN, b"[hello")])
        self.assertEqual(self.unanswered(), 0)

    def test_newlineForOthers(self) -> None:
        """The newline between a reply without one and another's line answers
        nothing, however it comes."""
        stream = b"[1] a\n[1] abc\n[2] <b> hi\n"
        for cut in range(len(stream)):
            self.hearing = Hearing()
            self.hearing.sent(b"a\nabc")
            pieces = self.heard(stream[:cut], stream[cut:])
            self.assertEqual(b"".join(piece for _, piece in pieces), stream)
            self.assertEqual(self.unanswered(), 0, stream[:cut])
            self.hearing.sent(b"def\n")
            self.assertEqual(self.unanswered(), 1)

    def test_rest(self) -> None:
        """What was kept in hope of more is given at the end, and is ours."""
        self.hearing.sent(b"<c\n")
        self.assertEqual(self.heard(b"[1] <c"), [])
        self.assertEqual(self.hearing.rest(), b"[1] <c")
        self.assertEqual(self.hearing.rest(), b"")

    def test_manyThatLookLikeOthers(self) -> None:
        """Not all of them are remembered: what may be ours counts as ours."""
        self.hearing.sent(b"<b> hi\n" * 3000)
        pieces = self.heard(b"[1] <c> hi\n", b"[1] <b> hi\n" * 2999)
        self.assertEqual(pieces[0], (OTHER, b"[1] <c> hi\n"))
        self.assertEqual({voice for voice, _ in pieces[1:]}, {OWN})
        self.assertEqual(self.unanswered(), 1)
        self.heard(b"[1] <b> hi\n")
        self.assertEqual(self.unanswered(), 0)
        self.assertEqual(self.heard(b"[1] <b> hi\n"), [(OTHER, b"[1] <b> hi\n")])

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
        self, said: list[tuple[Voice, bytes]], data: st.DataObject
    ) -> None:
        """Whatever is said, and however it is cut on its way: all of it is heard, from
        whom it is, and our messages are answered with the last of them."""
        heads = {OWN: b"[1] ", OTHER: b"[1] <a> ", NOTICE: b"[1] * "}
        lines = [(voice, heads[voice] + message + b"\n") for voice, message in said]
        stream = b"".join(line for _, line in lines)
        cuts = sorted(
            data.draw(st.sets(st.integers(0, len(stream)), max_size=len(stream)))
        )
        hearing = Hearing()
        for voice, message in said:
            if voice is OWN:
                hearing.sent(message + b"\n")
        heard: list[tuple[Voice, int]] = []
        whole = b""
        for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
            for voice, piece in hearing.heard(stream[begin:end]):
                heard += [(voice, octet) for octet in piece]
        whole = bytes(octet for _, octet in heard) + hearing.rest()
        self.assertEqual(whole, stream)
        self.assertEqual(
            heard, [(voice, octet) for voice, line in lines for octet in line]
        )
        self.assertEqual(hearing.replies.unanswered, 0)
